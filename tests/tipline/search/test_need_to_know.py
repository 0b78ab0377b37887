"""Hits are what the database lets a colleague see at this moment, whatever the index still says."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from tests.tipline.search.conftest import Searching
from tipline.inbox.originals import Redacted
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.models.desk import Note
from tipline.models.tips import Tip, TipMessage
from tipline.retention.dispositions import Propose, decide, propose
from tipline.search import building
from tipline.search.index import ProgramIndex
from tipline.search.words import Span


def stop_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the index stays as it is."""
    monkeypatch.setattr(building, "_read_changed", lambda *_: 0)


def behind_our_back(desk: Searching, model: type[Any], key: str, **values: Any) -> None:
    """Change a row so that no session notes it."""
    with desk.installation.work() as work:
        work.session.execute(update(model).where(model.id == key).values(**values))


def test_a_case_for_its_members_hides_everything_of_it(desk: Searching) -> None:
    case = desk.case()
    desk.letter(case, "The narwhal letter.")
    tip = desk.tip(desk.send("A narwhal tip."))
    desk.note("case", case.id, "A narwhal note on the case.")
    desk.note("tip", tip.id, "A narwhal note on the tip.")
    assert len(desk.told("narwhal", "counsel")) == 4
    behind_our_back(desk, Tip, tip.id, case_id=case.id)
    behind_our_back(desk, CaseFile, case.id, access="members")
    assert desk.told("narwhal", "counsel") == []
    assert desk.search("narwahl", "counsel").hint is None, "a hint must not tell either"
    assert len(desk.told("narwhal")) == 4, "its lead sees it"


def test_words_for_named_colleagues_are_found_by_them_alone(desk: Searching) -> None:
    tip = desk.tip(desk.send("Walter hides the ocelot.", {"ocelot.txt": b"the ocelot file"}))
    assert len(desk.told("ocelot", "counsel")) == 2
    with desk.acting() as (work, actor):
        row = work.session.get_one(Tip, tip.id)
        message = work.session.scalars(select(TipMessage.id).where(TipMessage.tip_id == tip.id)).one()
        keys = actor.keyring.program(row.program_id)
        redacted = Redacted({message: "Somebody hides the ocelot."}, {message: [(0, 6)]})
        row.audience, row.assignee_id = "named", actor.staff_id
        row.redacted = keys.seal_json("tip", "redacted", row.id, redacted.value())
        for exhibit in desk.exhibits(tip.number):
            work.session.get_one(Exhibit, exhibit.id).named_only = True
    assert desk.told("walter", "counsel") == []
    [hit] = desk.search("ocelot", "counsel").hits
    assert "".join(part.text for part in hit.passage) == "Somebody hides the ocelot."
    assert not hit.evidence
    assert desk.told("walter") == [("tip", tip.number)]
    assert desk.told("somebody") == [], "who reads the original finds the original"


def test_stale_redacted_words_are_not_shown(desk: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = desk.tip(desk.send("Walter hides the ocelot."))
    with desk.acting() as (work, actor):
        row = work.session.get_one(Tip, tip.id)
        message = work.session.scalars(select(TipMessage.id).where(TipMessage.tip_id == tip.id)).one()
        keys = actor.keyring.program(row.program_id)
        row.audience = "named"
        row.redacted = keys.seal_json("tip", "redacted", row.id, Redacted({message: "W hides the ocelot."}, {}).value())
        work.session.get_one(Exhibit, desk.exhibits(tip.number)[0].id).named_only = True
        more = keys.seal_json("tip", "redacted", row.id, Redacted({message: "Somebody."}, {}).value())
    assert desk.told("ocelot", "counsel") == [("tip", tip.number)]
    stop_reading(monkeypatch)
    behind_our_back(desk, Tip, tip.id, redacted=more)
    assert desk.told("ocelot", "counsel") == []


def test_what_was_changed_is_not_found_by_its_old_words(desk: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = desk.tip(desk.send("A tip."))
    desk.note("tip", tip.id, "An axolotl.")
    assert desk.told("axolotl") == [("note", tip.number)]
    stop_reading(monkeypatch)
    with desk.installation.work(write=False) as work:
        note = work.session.scalars(select(Note)).one()
    behind_our_back(desk, Note, note.id, body=b"other")
    assert desk.told("axolotl") == []


def test_a_disposed_exhibit_is_gone_from_hits_and_from_the_file(desk: Searching) -> None:
    case = desk.case()
    letter = desk.letter(case, "Bring it to the platypus quay.")
    assert desk.told("platypus") == [("letter", letter.number)]
    desk.installation.sequence()
    with desk.acting() as (work, actor):
        [proposed] = propose(work, actor, Propose(letter.exhibit_id, "Kept long enough", "Rule 7", ()))
        proposal = proposed.id
    desk.installation.sequence()
    with desk.acting("counsel") as (work, actor):
        decide(work, actor, proposal)
    with desk.acting(write=False) as (work, actor):
        keys = actor.keyring.program(desk.installation.program_id)
        with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
            assert index.words.newest('"platypus"', Span(), 5) == []
            assert index.words.near("platypus") == [], "nor does a hint know it"
            assert index.words.texts_with("platypus") == 0
    assert desk.told("platypus") == []


def test_the_state_of_an_exhibit_counts_before_the_index_knows(desk: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    exhibit = desk.exhibits(desk.send("An aardvark in the attic."))[0]
    assert len(desk.told("aardvark")) == 1
    stop_reading(monkeypatch)
    behind_our_back(desk, Exhibit, exhibit.id, state="quarantined")
    [hit] = desk.search("aardvark").hits
    assert (hit.passage, "has stopped" in hit.trouble) == ((), True)
    behind_our_back(desk, Exhibit, exhibit.id, state="disposed")
    assert desk.told("aardvark") == []


def test_a_source_who_withdrew_is_marked(desk: Searching) -> None:
    tip = desk.tip(desk.send("A wombat."))
    behind_our_back(desk, Tip, tip.id, talk="withdrawn")
    [hit] = desk.search("wombat").hits
    assert hit.where.tags == ("Source withdrew",)
