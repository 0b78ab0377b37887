"""Subjects: numbered, sealed, changed with a history, linked, and seen by who sees their case."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.tipline.desk_house import Desk
from tipline.cases import services
from tipline.cases.services import OpenCase
from tipline.cases.subjects import About, AddSubject, ChangeSubject, add_subject, change_subject, read_subject
from tipline.errors import BadInput, Conflict, Forbidden
from tipline.models.desk import Change, Subject

HARROW = About("person", "Harrow", "the buyer\n\n the buyer \nH.", "harrow@example.org", "Paid for badges.")


@pytest.fixture
def case(desk: Desk) -> str:
    """An open case, by its number."""
    with desk.acting() as (work, actor):
        return services.open_case(work, actor, OpenCase(desk.installation.program_id, "Letter")).number


def added(desk: Desk, case: str) -> str:
    with desk.acting() as (work, actor):
        return add_subject(work, actor, AddSubject(case, HARROW)).number


def test_a_subject_is_numbered_and_all_that_is_said_of_it_is_sealed(desk: Desk, case: str) -> None:
    number = added(desk, case)
    assert number.startswith("SU-")
    assert number.endswith("-0001")
    assert added(desk, case).endswith("-0002")
    with desk.acting("counsel", write=False) as (work, actor):
        view = read_subject(work, actor, number)
    assert (view.name, view.kind, view.also, view.identifiers) == ("Harrow", "Person", ("the buyer", "H."), ("harrow@example.org",))
    stored = desk.everything_stored()
    assert [words for words in (b"Harrow", b"harrow@", b"Paid for") if words in stored] == []


@pytest.mark.parametrize(
    ("about", "field"),
    [
        (About("person", " "), "name"),
        (About("ghost", "x"), "kind"),
        (About("person", "x", also="\n".join(map(str, range(30)))), "also"),
        (About("person", "x", identifiers="y" * 500), "identifiers"),
        (About("person", "x", words="y" * 5000), "words"),
    ],
)
def test_what_is_missing_or_too_long_is_said_at_its_field(desk: Desk, case: str, about: About, field: str) -> None:
    with desk.acting() as (work, actor), pytest.raises(BadInput) as refused:
        add_subject(work, actor, AddSubject(case, about))
    assert set(refused.value.fields) == {field}
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        add_subject(work, actor, AddSubject(case, HARROW))


def test_two_who_change_one_subject_are_told_of_each_other(desk: Desk, case: str) -> None:
    number = added(desk, case)
    with desk.acting() as (work, actor):
        change_subject(work, actor, ChangeSubject(number, About("account", "Harrow", "", "", "An account."), "1"))
    late = About("person", "Harrow", "", "", "A person after all.")
    with desk.acting("counsel") as (work, actor), pytest.raises(Conflict, match=r"M\. Okafor changed this"):
        change_subject(work, actor, ChangeSubject(number, late, "1"))
    with desk.acting("counsel") as (work, actor):
        change_subject(work, actor, ChangeSubject(number, late, "2"))
        row = work.session.scalars(select(Subject)).one()
        fields = work.session.scalars(select(Change.field).where(Change.on_id == row.id)).all()
    assert (row.kind, row.version) == ("person", 3)
    assert sorted(fields) == ["also", "identifiers", "kind", "kind", "words", "words"]


def test_the_pages_of_subjects(desk: Desk, case: str) -> None:
    client = desk.client()
    refused = client.post(f"/cases/{case}/subjects", data={"kind": "person", "name": "", "words": "Kept words"})
    assert (refused.status_code, "Kept words" in refused.text) == (422, True)
    made = client.post(f"/cases/{case}/subjects", data={"kind": "person", "name": "Harrow", "also": "H."})
    assert made.status_code == 303
    number = made.location.rpartition("/")[2]
    assert "Harrow" in client.get(f"/cases/{case}/subjects").text
    assert "Harrow" in client.get(f"/cases/{case}").text
    stale = {"kind": "person", "name": "Other", "version": "1"}
    assert client.post(f"/subjects/{number}/edit", data=stale).status_code == 303
    changed = client.post(f"/subjects/{number}/edit", data={**stale, "name": "Third"})
    assert (changed.status_code, "Other" in changed.text, "Third" in changed.text) == (409, True, True)
    assert client.get(f"/subjects/{number}").status_code == 200
    assert client.get("/subjects/SU-1999-0001").status_code == 404
    assert desk.client("program_manager").get(f"/subjects/{number}/edit").status_code == 403
