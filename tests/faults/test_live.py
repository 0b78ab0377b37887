"""The same faults in real servers: a Send on the public face and an appended event on the console, killed or failing at the n-th call."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.faults.counting import Tally, everything
from tests.faults.injector import Fault
from tests.faults.live import Live
from tests.faults.sweeping import faults_of
from tests.faults.test_installation import events, tips
from tests.faults.world import FILES, WORDS, World
from tests.journeys.test_bad_input import KIND, words_on
from tests.tipline.intake.house import SEND, TIP, field_value, multipart
from tipline.security import cookie_name

KILLS, ERRORS = (8, 40) if everything() else (1, 6)


@contextmanager
def served(world: World, place: Path, face: str) -> Iterator[Live]:
    world.tidy()
    data = place / "state"
    shutil.copytree(world.folder, data)
    live = Live(data, face)
    live.start()
    try:
        yield live
    finally:
        live.stop()


def chosen(tally: Tally, live: Live) -> list[Fault]:
    """Some kills, which cost a start each, and more of the others. What lasts would outlive the request."""
    assert live.referee is not None
    faults = [fault for fault in faults_of(live.referee.calls, thin=True) if not fault.lasts()]
    kills = [fault for fault in faults if fault.kind == "kill"]
    others = [fault for fault in faults if fault.kind != "kill"]
    return [*tally.chance.sample(others, min(ERRORS, len(others))), *tally.chance.sample(kills, min(KILLS, len(kills)))]


@dataclass(frozen=True)
class Answer:
    """What a browser got; 0 where the server died."""

    status: int
    words: str = ""


# a Send


def fill_in(live: Live) -> str:
    with httpx.Client(base_url=live.address, timeout=60) as source:
        draft = field_value(source.get(TIP).text, "draft")
        body = multipart({"draft": draft, "what": WORDS, "how": "told"}, FILES)
        assert source.post(TIP, content=body, headers={"Content-Type": KIND}).status_code == 200
    return draft


def send(live: Live, draft: str) -> Answer:
    try:
        answer = httpx.post(f"{live.address}{SEND}", data={"draft": draft}, timeout=60)
    except httpx.TransportError:
        return Answer(0)
    return Answer(answer.status_code, words_on(answer.text) if answer.status_code == 200 else "")


def test_a_send_on_a_live_server(world: World, tmp_path: Path, tally: Tally) -> None:
    with served(world, tmp_path, "public") as live:
        for _ in range(2):
            draft = fill_in(live)
            live.arm(None)
            assert send(live, draft).status == 200
        for fault in chosen(tally, live):
            draft, before = fill_in(live), tips(world, live.data)
            live.arm(fault)
            first = send(live, draft)
            wrong = after(live, fault, first)
            again = send(live, draft)
            if again.status != 200 or (first.words or again.words) != again.words:
                wrong.append(f"the repeat was answered with {again.status}, other words: {again.words != first.words}")
            if tips(world, live.data) != before + 1:
                wrong.append(f"{tips(world, live.data) - before} tips instead of one")
            tally.add(f"live Send, {fault.kind} at call {fault.at}", [*wrong, *world.broken(live.data)])
            world.tidy()
    tally.check(5)


def after(live: Live, fault: Fault, answer: Answer) -> list[str]:
    """The answer was a page; a server that was killed starts again."""
    if live.is_dead() or answer.status == 0:
        live.stop()
        live.start()
        return [] if fault.kind == "kill" else ["the server died"]
    live.arm(None)
    return [] if answer.status in (200, 302, 303) or answer.status >= 500 else [f"answered with {answer.status}"]


# a staff act


def verify(world: World, live: Live, fault: Fault | None = None) -> Answer:
    """Load a page for its token and post the form, which the fault befalls."""
    cookies = {cookie_name("console", world.at(live.data).settings, "session"): world.cookies["investigator"]}
    with httpx.Client(base_url=live.address, timeout=60, cookies=cookies) as colleague:
        token = colleague.get("/sign-in").text.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
        live.arm(fault)
        try:
            return Answer(colleague.post(f"/exhibits/{world.exhibit}/verify", headers={"X-CSRFToken": token}).status_code)
        except httpx.TransportError:
            return Answer(0)


def test_an_appended_event_on_a_live_server(world: World, tmp_path: Path, tally: Tally) -> None:
    with served(world, tmp_path, "console") as live:
        for _ in range(2):
            assert verify(world, live).status in (302, 303)
        for fault in chosen(tally, live):
            before = events(world, live.data)
            first = verify(world, live, fault)
            wrong = after(live, fault, first)
            grown = events(world, live.data) - before
            if grown not in ((1,) if first.status in (302, 303) else (0, 1)):
                wrong.append(f"answered with {first.status}, and {grown} events were added")
            if verify(world, live).status not in (302, 303) or events(world, live.data) != before + grown + 1:
                wrong.append("the repeat was not recorded")
            tally.add(f"live append, {fault.kind} at call {fault.at}", [*wrong, *world.broken(live.data)])
            world.tidy()
    tally.check(5)
