"""The clock is set back, by seconds, a day, a year: nothing is lost, the log keeps the order, nobody is shut out and nothing crashes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.faults.counting import Tally
from tests.faults.test_installation import state_of
from tests.faults.world import FILES, WORDS, World
from tests.installations import PASSPHRASE, Installation
from tests.tipline.intake.house import SEND, Clock, begin, come_back, fill, words_of
from tipline import jobs, worker
from tipline.app import create_console_app, create_public_app
from tipline.config import Settings
from tipline.exports import building
from tipline.models.custody import CustodyEvent, LogLeaf
from tipline.process import open_process
from tipline.security import cookie_name
from tipline.sequencer import Sequencer

BACK = (timedelta(seconds=40), timedelta(hours=3), timedelta(days=1), timedelta(days=400))
A_MOMENT = timedelta(seconds=90)


@pytest.fixture(params=BACK, ids=str)
def turned(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> tuple[Installation, Clock, timedelta]:
    """A copy of the installation on a clock that we turn. It was ahead while the last tip, grants, drafts and sessions were made."""
    data = tmp_path / "state"
    shutil.copytree(world.folder, data)
    inside = Installation(Settings(data=data), dict(world.template.people), world.template.program_id, world.template.slug, "")
    clock = Clock(datetime.now(UTC))
    for face in ("public", "console", "worker"):
        inside._processes[face] = replace(open_process(face, inside.settings), clock=clock)  # type: ignore[arg-type]
    return inside, clock, request.param


def test_the_clock_goes_back(world: World, turned: tuple[Installation, Clock, timedelta], tally: Tally) -> None:
    inside, clock, back = turned
    sequencer = Sequencer(inside.worker.database, inside.worker.vault, inside.settings, clock)
    sequencer.start()
    sequencer.publish()
    before = order(inside)
    first = sequencer.publish()

    clock.now -= back
    for name, step in steps(world, inside, clock, sequencer):
        tally.add(f"{name} after {back}", [*step(), *world.broken(inside.settings.data)])
    assert order(inside)[: len(before)] == before
    assert sequencer.publish() != first
    clock.now += back + timedelta(days=1)
    tally.add(f"forward again after {back}", [] if sequencer.publish_if_due() else ["nothing was published"])
    restarted = Sequencer(inside.worker.database, inside.worker.vault, inside.settings, clock)
    restarted.start()
    tally.add(f"a restart after {back}", world.broken(inside.settings.data))
    world.tidy()
    inside.close()
    tally.check(8)


Step = Callable[[], list[str]]


def steps(world: World, inside: Installation, clock: Clock, sequencer: Sequencer) -> list[tuple[str, Step]]:
    """What people and the worker do on such a day; each says what went wrong."""
    data = inside.settings.data
    source = create_public_app(inside.public).test_client()
    console = create_console_app(inside.console).test_client()

    def the_old_draft() -> list[str]:
        answer = source.post(SEND, data={"draft": world.draft})
        return [] if answer.status_code == 200 and words_of(answer) else [f"the draft was answered with {answer.status_code}"]

    def a_new_tip() -> list[str]:
        draft = begin(source)
        filled = fill(source, draft, WORDS, FILES).status_code
        answer = source.post(SEND, data={"draft": draft})
        shown = come_back(source, words_of(answer))
        return (
            [] if (filled, answer.status_code, shown.status_code) == (200, 200, 200) else [f"a tip was answered with {answer.status_code}"]
        )

    def an_open_session() -> list[str]:
        console.set_cookie(cookie_name("console", inside.settings, "session"), world.cookies["investigator"], domain="localhost")
        answer = console.get("/inbox")
        return [] if answer.status_code in (200, 302, 303) else [f"the session was answered with {answer.status_code}"]

    def signing_in() -> list[str]:
        """After some seconds back the codes of the last moment are used ones still: who signs in waits for the next."""
        clock.now += A_MOMENT
        return sign_in(inside, console) or sign_in(inside, console, again=True)

    def the_daily_sweeps() -> list[str]:
        worker.register_capabilities()
        for function in jobs.SWEEPS.values():
            with inside.worker.unit(write=True) as work:
                function(work)
        return []

    def a_publication() -> list[str]:
        size = len(order(inside))
        sequencer.run_all()
        sequencer.publish_if_due()
        return [] if len(order(inside)) > size else ["the new events have no place"]

    def an_export() -> list[str]:
        with inside.worker.unit(write=True) as work:
            building.seal_bundle(work, world.exports.signed)
        state = state_of(world, data, world.exports.signed)
        return [] if state == "done" else [f"the export is {state}"]

    day = (the_old_draft, a_new_tip, an_open_session, signing_in, the_daily_sweeps, a_publication, an_export)
    return [(step.__name__, step) for step in day]


def sign_in(inside: Installation, console: FlaskClient, again: bool = False) -> list[str]:
    """By passphrase and code; a code that was used a moment ago is refused."""
    person, now = inside.people["counsel"], inside.console.clock()
    page = console.application.test_client()
    token = page.get("/sign-in").text.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    fields = {"login": person.login, "passphrase": PASSPHRASE, "code": pyotp.TOTP(person.keys.totp_secret).at(now), "csrf_token": token}
    signed_in = page.post("/sign-in", data=fields).status_code in (302, 303)
    return [] if signed_in != again else ["a used code was taken" if again else "the right words and code were refused"]


def order(inside: Installation) -> list[str]:
    """The entries of the log, in order."""
    with inside.worker.database.session(write=False) as session:
        query = select(LogLeaf.entry).join(CustodyEvent, CustodyEvent.event_id == LogLeaf.event_id).order_by(LogLeaf.log_index)
        return list(session.scalars(query))
