"""A flood is swept in one act and taken back in one; a tip that anybody has touched stays, whatever was chosen."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from evidence.examine.identify import Identification
from evidence.examine.report import Report
from evidence.keys import wrap
from tests.installations import Installation, install
from tests.tipline.desk_house import Desk
from tests.tipline.intake.house import come_back, field_value, post_form
from tipline import audit
from tipline.actor import Actor
from tipline.config import Settings
from tipline.errors import BadInput, Conflict, Forbidden, NoKey, NotFound
from tipline.inbox import services, sweeping
from tipline.inbox.choosing import Choice
from tipline.inbox.reports import Examined
from tipline.inbox.sweeping import Found, Sweep, look, sweep, undo
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Link
from tipline.models.custody import Examination, Exhibit, Hold
from tipline.models.operations import AuditEvent
from tipline.models.rewards import RewardClaim
from tipline.models.tips import Tip, TipItem, TipLabel, TipMessage, TipSweep, TipSwept
from tipline.work import Work

DAY = date(2026, 11, 20)
JUNK, REAL = "Buy  CHEAP\nwatches now", "He showed me the list on his screen."
WHY = "The same advertisement"
KEY = "0" * 64


class Flood:
    """Tips with their words, as the examiner left them, written straight into the tables: thousands in a second."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.program = installation.program_id
        self.recipient = installation.actor().keyring.program(self.program).identity.recipient
        self.made = 0

    def add(self, count: int, words: str, **values: object) -> list[str]:
        """Returns the tips' ids. `values`: columns of Tip."""
        ids = [new_id() for _ in range(count)]
        sealed = wrap(Examined(Report("done", Identification("text/plain", "text", "txt"), text=words)).encode(), [self.recipient])
        rows: dict[type, list[dict[str, object]]] = {Tip: [], TipMessage: [], Exhibit: [], TipItem: [], Examination: []}
        for tip_id in ids:
            self.made += 1
            message, exhibit = new_id(), new_id()
            number = f"TIP-2026-{self.made:04d}"
            base = {"id": tip_id, "program_id": self.program, "number": number, "received_on": DAY, "receipt_lookup": secrets.token_hex(32)}
            rows[Tip].append({**base, "source_recipient": "age1none", "claim_key": KEY, "packet": b"", **values})
            rows[TipMessage].append({"id": message, "tip_id": tip_id, "seq": 0, "by_source": True, "on_day": DAY})
            held = {"kind": "tip_text", "sealed_length": 400, "recipient": "age1none", "received_on": DAY}
            rows[Exhibit].append({"id": exhibit, "program_id": self.program, **held})
            rows[TipItem].append({"exhibit_id": exhibit, "tip_id": tip_id, "message_id": message, "position": 0})
            rows[Examination].append({"exhibit_id": exhibit, "state": "done", "report": sealed, "indexed": False})
        with self.installation.work() as work:
            for model, of_model in rows.items():
                work.session.execute(insert(model), of_model)
        return ids

    def exhibit_of(self, tip_id: str) -> str:
        with self.installation.work(write=False) as work:
            return str(work.session.scalars(select(TipItem.exhibit_id).where(TipItem.tip_id == tip_id)).one())

    def states(self) -> dict[str, str]:
        with self.installation.work(write=False) as work:
            return {row.id: row.state for row in work.session.execute(select(Tip.id, Tip.state))}

    def choice(self, **more: object) -> Choice:
        return replace(Choice(self.program, DAY - timedelta(days=3), DAY), **more)  # type: ignore[arg-type]  # fields of Choice

    def found(self, **more: object) -> Found:
        with self.installation.work(write=False) as work:
            return look(work, self.installation.actor(), self.choice(**more))

    def sweep(self, **more: object) -> TipSweep:
        found = self.found(**more)
        with self.installation.work() as work:
            return sweep(work, self.installation.actor(), Sweep(self.choice(**more), found.newest, len(found.tips), WHY))

    def undo(self, sweep_id: str) -> int:
        with self.installation.work() as work:
            return undo(work, self.installation.actor(), sweep_id)


@pytest.fixture
def flood(installation: Installation) -> Flood:
    return Flood(installation)


@pytest.fixture
def every_flood(every_database: Settings) -> Iterator[Flood]:
    made = install(every_database)
    yield Flood(made)
    made.close()


# the flood


def test_thousands_are_swept_and_taken_back_and_the_real_ones_stay(every_flood: Flood) -> None:
    real = every_flood.add(40, REAL)
    junk = every_flood.add(5_000, JUNK)
    touched = every_flood.add(10, JUNK, state="working")
    began = datetime.now(UTC)
    found = every_flood.found(words="cheap watches")
    assert (len(found.tips), found.kept, len(found.samples)) == (5_000, 10, sweeping.SHOWN)
    assert {one.title for one in found.samples} == {"Buy CHEAP"}
    made = every_flood.sweep(words="cheap watches")
    assert made.tips == 5_000
    states = every_flood.states()
    assert {states[one] for one in junk} == {"junk"}
    assert {states[one] for one in real} == {"new"}
    assert {states[one] for one in touched} == {"working"}
    assert every_flood.undo(made.id) == 5_000
    assert set(every_flood.states().values()) == {"new", "working"}
    assert (datetime.now(UTC) - began).total_seconds() < 30  # a query for each row would take minutes


def test_a_sweep_costs_the_same_queries_for_ten_as_for_four_hundred(flood: Flood, desk: Desk) -> None:
    flood.add(10, JUNK)
    few = desk.queries(lambda: flood.sweep(words="watches"))
    flood.add(400, JUNK)
    assert desk.queries(lambda: flood.sweep(words="watches")) <= few


# what is never touched


def put(model: type, **values: object) -> Callable[[Flood, str, Work], None]:
    def act(flood: Flood, tip_id: str, work: Work) -> None:
        staff = flood.installation.people["investigator"].staff_id
        known = {
            "TIP": tip_id,
            "STAFF": staff,
            "EXHIBIT": flood.exhibit_of(tip_id),
            "PROGRAM": flood.program,
            "NOW": work.now(),
            "ID": new_id(),
        }
        work.session.add(model(**{name: known.get(value, value) if isinstance(value, str) else value for name, value in values.items()}))

    return act


def change(model: type, **values: object) -> Callable[[Flood, str, Work], None]:
    def act(flood: Flood, tip_id: str, work: Work) -> None:
        row = work.session.get_one(model, tip_id if model is Tip else flood.exhibit_of(tip_id))
        for name, value in values.items():
            setattr(row, name, flood.installation.people["investigator"].staff_id if value == "STAFF" else value)

    return act


def in_case(model: type) -> Callable[[Flood, str, Work], None]:
    def act(flood: Flood, tip_id: str, work: Work) -> None:
        lead = flood.installation.people["investigator"].staff_id
        case = CaseFile(program_id=flood.program, number="NS-2026-0001", title=b"", lead_id=lead, opened_at=work.now())
        work.session.add(case)
        work.session.flush()
        change(model, case_id=case.id)(flood, tip_id, work)

    return act


def acted(act: str, on: str) -> Callable[[Flood, str, Work], None]:
    def note(flood: Flood, tip_id: str, work: Work) -> None:
        subject = tip_id if on == "tip" else flood.exhibit_of(tip_id)
        audit.record(work.session, work.now(), flood.installation.actor(), act, (on, subject))

    return note


def linked(state: str, end: str, other: str = "letter") -> Callable[[Flood, str, Work], None]:
    ours, theirs = {"from": ("from", "to"), "to": ("to", "from")}[end.partition("_")[0]]
    kind = "EXHIBIT" if end.endswith("exhibit") else "TIP"
    names = {f"{ours}_id": kind, f"{ours}_kind": kind.lower(), f"{theirs}_id": "ID", f"{theirs}_kind": other}
    return put(Link, program_id="PROGRAM", kind="same_template", state=state, made_at="NOW", **names)


def claimed(flood: Flood, tip_id: str, work: Work) -> None:
    facts = {"nonce": "n", "log_index": 1, "claimed_on": DAY, "number": "RC-2026-0001"}
    work.session.add(RewardClaim(program_id=flood.program, tip_id=tip_id, exhibit_id=flood.exhibit_of(tip_id), **facts))


TOUCHES = {
    "working": change(Tip, state="working"),
    "waiting": change(Tip, state="waiting"),
    "closed": change(Tip, state="closed"),
    "assigned": change(Tip, assignee_id="STAFF"),
    "paused": change(Tip, talk="paused"),
    "in a case": in_case(Tip),
    "labelled": put(TipLabel, tip_id="TIP", label=b"", added_by="STAFF"),
    "replied to": put(TipMessage, tip_id="TIP", seq=1, by_source=False, on_day=DAY, staff_id="STAFF"),
    "was worked on before": acted("tip.state", "tip"),
    "was labelled once": acted("tip.unlabel", "tip"),
    "claimed": claimed,
    "linked from": linked("confirmed", "from"),
    "linked to": linked("confirmed", "to"),
    "linked with a tip": linked("confirmed", "from", "tip"),
    "its file linked": linked("confirmed", "from_exhibit"),
    "its file linked to": linked("confirmed", "to_exhibit"),
    "its file in a case": in_case(Exhibit),
    "its file numbered": change(Exhibit, number="EX-2026-0001-01"),
    "its file handed over": change(Exhibit, custodian_id="STAFF"),
    "its file quarantined": change(Exhibit, state="quarantined"),
    "its file held": put(Hold, exhibit_id="EXHIBIT", act_id="ID", reason=b"", authority=b"", placed_by="STAFF", placed_at="NOW"),
    "its file acted on": acted("exhibit.copy", "exhibit"),
}
UNLESS_ASKED = {
    "suggested with a letter": (linked("suggested", "from"), "with_suggested"),
    "its file suggested with a sample": (linked("suggested", "to_exhibit", "sample"), "with_suggested"),
    "came back": (change(Tip, read_on=DAY), "with_returned"),
    "wrote again": (put(TipMessage, tip_id="TIP", seq=1, by_source=True, on_day=DAY), "with_returned"),
}


def test_what_anybody_has_touched_is_never_swept_whatever_is_chosen(flood: Flood) -> None:
    tips = dict(zip(TOUCHES, flood.add(len(TOUCHES), JUNK), strict=True))
    free = flood.add(3, JUNK)
    for name, tip_id in tips.items():
        with flood.installation.work() as work:
            if name == "its file in a case":  # the case is there
                change(Exhibit, case_id=work.session.scalars(select(CaseFile.id)).one())(flood, tip_id, work)
            else:
                TOUCHES[name](flood, tip_id, work)
    before = flood.states()
    everything = {"with_suggested": True, "with_returned": True}
    found = flood.found(words="watches", **everything)
    assert [name for name, tip_id in tips.items() if tip_id in found.tips] == []
    assert (sorted(found.tips), found.kept) == (sorted(free), len(tips))
    assert flood.sweep(**everything).tips == 3
    assert [name for name, tip_id in tips.items() if flood.states()[tip_id] != before[tip_id]] == []


@pytest.mark.parametrize("name", UNLESS_ASKED)
def test_what_may_be_real_stays_unless_it_is_asked_for(flood: Flood, name: str) -> None:
    act, asked = UNLESS_ASKED[name]
    tip_id, other = flood.add(2, JUNK)
    with flood.installation.work() as work:
        act(flood, tip_id, work)
    assert flood.found().tips == (other,)
    assert set(flood.found(**{asked: True}).tips) == {tip_id, other}


def test_tips_of_a_flood_that_resemble_each_other_are_swept(flood: Flood) -> None:
    [tip_id] = flood.add(1, JUNK)
    with flood.installation.work() as work:
        linked("suggested", "from", "tip")(flood, tip_id, work)
    assert flood.found().tips == (tip_id,)


def test_having_read_a_tip_does_not_keep_it(flood: Flood) -> None:
    [tip_id] = flood.add(1, JUNK)
    with flood.installation.work() as work:
        acted("tip.read", "tip")(flood, tip_id, work)
    assert flood.found().tips == (tip_id,)


def test_who_touches_a_tip_between_the_look_and_the_act_keeps_it(flood: Flood) -> None:
    kept, *swept = flood.add(4, JUNK)
    found = flood.found()
    with flood.installation.work() as work:
        acted("tip.label", "tip")(flood, kept, work)
    with flood.installation.work() as work:
        made = sweep(work, flood.installation.actor(), Sweep(flood.choice(), found.newest, len(found.tips), WHY))
    assert made.tips == 3
    assert {tip_id for tip_id, state in flood.states().items() if state == "junk"} == set(swept)


def test_what_arrives_after_the_look_is_not_swept_with_it(flood: Flood) -> None:
    flood.add(3, JUNK)
    found = flood.found()
    [late] = flood.add(1, JUNK)
    with flood.installation.work() as work:
        assert sweep(work, flood.installation.actor(), Sweep(flood.choice(), found.newest, len(found.tips), WHY)).tips == 3
    assert flood.states()[late] == "new"


def test_more_than_was_shown_is_refused(flood: Flood) -> None:
    flood.add(3, JUNK)
    found = flood.found()
    with flood.installation.work() as work, pytest.raises(Conflict):
        sweep(work, flood.installation.actor(), Sweep(flood.choice(), found.newest, 2, WHY))
    assert set(flood.states().values()) == {"new"}


# the choice


def test_the_structured_part_of_a_choice(flood: Flood) -> None:
    form, phone, large, old = (flood.add(1, JUNK, **more)[0] for more in ({}, {"channel": "phone"}, {}, {"received_on": date(2026, 1, 1)}))
    with flood.installation.work() as work:
        work.session.get_one(Exhibit, flood.exhibit_of(large)).sealed_length = 60_000
    assert set(flood.found().tips) == {form, phone, large}
    assert set(flood.found(channel="phone").tips) == {phone}
    assert set(flood.found(size="5k").tips) == {form, phone}
    assert set(flood.found(size="100k").tips) == {form, phone, large}
    assert set(flood.found(first=date(2025, 12, 31), last=date(2026, 1, 2)).tips) == {old}


def test_words_are_compared_without_case_and_spaces_and_what_was_not_examined_stays(flood: Flood) -> None:
    said, _other, waiting = flood.add(1, "Ganz GROßE\t Ferien")[0], *flood.add(1, REAL), *flood.add(1, "ganz grosse ferien")
    with flood.installation.work() as work:
        work.session.delete(work.session.get_one(Examination, flood.exhibit_of(waiting)))
    assert flood.found(words=" GANZ  grosse ").tips == (said,)
    assert waiting in flood.found().tips


@pytest.mark.parametrize(
    "more", [{"words": "ab"}, {"words": "x" * 501}, {"channel": "fax"}, {"size": "9k"}, {"first": DAY, "last": DAY - timedelta(days=1)}]
)
def test_a_choice_that_makes_no_sense_is_refused(flood: Flood, more: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        flood.found(**more)


def test_a_sweep_needs_a_reason_and_something_to_sweep(flood: Flood) -> None:
    for command in (Sweep(flood.choice(), "", 5, WHY), Sweep(flood.choice(), "", 5, " ")):
        with flood.installation.work() as work, pytest.raises(BadInput):
            sweep(work, flood.installation.actor(), command)


# back, one by one or all


def test_junk_is_taken_back_one_by_one_and_an_undo_leaves_that_alone(flood: Flood) -> None:
    [back, again, *rest] = flood.add(5, JUNK)
    made = flood.sweep()
    numbers = {}
    with flood.installation.work() as work:
        numbers = {tip_id: work.session.get_one(Tip, tip_id).number for tip_id in (back, again)}
    for tip_id, state in ((back, "working"), (again, "new"), (again, "junk")):
        with flood.installation.work() as work:
            services.change_state(work, flood.installation.actor(), services.ChangeState(numbers[tip_id], state))
    assert flood.undo(made.id) == 3
    states = flood.states()
    assert (states[back], states[again]) == ("working", "junk")
    assert {states[tip_id] for tip_id in rest} == {"new"}
    assert flood.found(words="").tips == tuple(sorted(rest)), "what a person took back is no junk to the next sweep"


def test_a_source_who_writes_on_brings_a_swept_tip_back_and_not_one_that_a_person_put_aside(flood: Flood, desk: Desk) -> None:
    swept, by_hand = desk.send("He showed me the list."), desk.send("He told me of it.")
    with flood.installation.work() as work:
        services.change_state(work, flood.installation.actor(), services.ChangeState(by_hand, "junk"))
    today = desk.tip(swept).received_on
    assert flood.sweep(first=today, last=today).tips == 1
    assert desk.tip(swept).state == "junk"
    for number in (swept, by_hand):
        source = desk.public.application.test_client()
        page = come_back(source, desk.receipts[number])
        hidden = {name: field_value(page, name) for name in ("draft", "token")}
        assert post_form(source, "/conversation/check", {**hidden, "what": "Are you there?"}).status_code == 303
    assert (desk.tip(swept).state, desk.tip(by_hand).state) == ("new", "junk")
    assert flood.found(first=today, last=today).tips == (), "and the next sweep leaves it"


def test_a_sweep_is_undone_once(flood: Flood) -> None:
    flood.add(2, JUNK)
    made = flood.sweep()
    flood.undo(made.id)
    with pytest.raises(Conflict):
        flood.undo(made.id)
    with pytest.raises(NotFound):
        flood.undo(new_id())


def test_who_swept_what_and_why_is_on_record_under_seal(flood: Flood, desk: Desk) -> None:
    flood.add(2, JUNK)
    made = flood.sweep(words="cheap watches", with_returned=True)
    flood.undo(made.id)
    with flood.installation.work(write=False) as work:
        acts = [
            (event.act, event.subject_id, event.detail)
            for event in work.session.scalars(select(AuditEvent).where(AuditEvent.act.like("tip.sw%")))
        ]
        [past] = sweeping.list_sweeps(work, flood.installation.actor())
        assert len(list(work.session.scalars(select(TipSwept)))) == 2
    assert sorted(acts) == [("tip.sweep", made.id, "2"), ("tip.sweep_undo", made.id, "2")]
    assert (past.tips, past.junk, past.by, past.undone_by) == (2, 0, "M. Okafor", "M. Okafor")
    assert "cheap watches" in past.reason
    assert WHY in past.reason
    assert b"cheap watches" not in desk.everything_stored()
    assert WHY.encode() not in desk.everything_stored()


# who may


@pytest.mark.parametrize("role", ["counsel", "administrator"])
def test_only_who_works_on_tips_sweeps(flood: Flood, role: str) -> None:
    def each(work: Work, actor: Actor) -> Iterator[Callable[[], object]]:
        yield lambda: look(work, actor, flood.choice())
        yield lambda: sweep(work, actor, Sweep(flood.choice(), "", 1, WHY))
        yield lambda: undo(work, actor, "0" * 32)
        yield lambda: sweeping.list_sweeps(work, actor)
        yield lambda: sweeping.programs_of(work, actor)

    with flood.installation.work() as work:
        for act in each(work, flood.installation.actor(role)):
            with pytest.raises(Forbidden):
                act()


def test_another_programs_tips_are_out_of_reach(flood: Flood) -> None:
    with pytest.raises(NoKey):
        flood.found(program_id=new_id())


# the page


def test_the_page_leads_from_the_choice_over_the_look_to_the_act_and_back(flood: Flood, sign_in: Callable[[str], FlaskClient]) -> None:
    flood.add(3, JUNK)
    flood.add(2, REAL)
    client = sign_in("investigator")
    assert "Sweep junk" in client.get("/inbox").text
    typed = {"program": flood.program, "first": "2026-11-19", "last": "2026-11-21", "words": "cheap watches", "channel": "", "size": ""}
    assert client.get("/sweeps").status_code == 200
    looked = client.post("/sweeps/look", data=typed)
    assert "3 tips to sweep, 0 kept" in looked.text
    assert "All of them" in looked.text
    hidden = {name: field_value(looked, name) for name in (*typed, "newest", "shown")}
    assert client.post("/sweeps", data=hidden).status_code == 422, "without a reason"
    assert set(flood.states().values()) == {"new"}
    answer = client.post("/sweeps", data={**hidden, "reason": WHY})
    assert answer.status_code == 303
    page = client.get("/sweeps").text
    assert "3 tips are junk now." in page
    assert "3 still junk" in page
    with flood.installation.work(write=False) as work:
        made = work.session.scalars(select(TipSweep.id)).one()
    assert client.post(f"/sweeps/{made}/undo").status_code == 303
    assert "Taken back" in client.get("/sweeps").text
    assert set(flood.states().values()) == {"new"}


@pytest.mark.parametrize("typed", [{}, {"first": "x"}, {"words": "ab"}, {"channel": "fax"}, {"first": "2026-12-01"}])
def test_a_choice_that_is_none_comes_back_with_what_to_do(
    flood: Flood, sign_in: Callable[[str], FlaskClient], typed: dict[str, str]
) -> None:
    good = {"program": flood.program, "first": "2026-11-19", "last": "2026-11-21", "words": "", "channel": "", "size": ""}
    client = sign_in("program_manager")
    for path in ("/sweeps/look", "/sweeps"):
        answer = client.post(path, data={**good, **typed, "shown": "1", "reason": WHY} if typed else {})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
