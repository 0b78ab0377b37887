"""Similar tips are hinted with their reason, to who may see both, and to nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from tests.tipline.desk_house import Desk
from tipline.cases.services import OpenCase, PutTip, open_case, put_tip
from tipline.linking.indexing import catch_up
from tipline.models.cases import CaseFile
from tipline.models.tips import Tip
from tipline.search.near import MARKS, marks_of
from tipline.similar.services import Hints, find_similar, hint_rows

WORDS = (
    "In late August a man at my workplace bragged that he had a list of the pharmacy and would soon be rich. He uses the name Harrow "
    "in a chat group, and he showed me a table of names and medicines on his screen while we waited for the lift."
)
OTHER = "The letter that my mother got asks for payment in a currency that she never heard of, and names a mail house in Dayton."


@pytest.fixture
def desk(installation, public, console_app):  # type: ignore[no-untyped-def]
    return Desk(installation, public, console_app)


def hints(desk: Desk, number: str, role: str = "investigator") -> Hints:
    with desk.acting() as (work, actor):
        catch_up(work, actor, desk.installation.program_id)
    with desk.acting(role, write=False) as (work, actor):
        return find_similar(work, actor, work.session.scalars(select(Tip).where(Tip.number == number)).one())


def found(desk: Desk, number: str, role: str = "investigator") -> dict[str, tuple[str, ...]]:
    return {one.number: one.reasons for one in hints(desk, number, role).found}


def test_each_hint_says_why(desk: Desk) -> None:
    first = desk.send(WORDS, {"one.txt": b"members, medicines, days"})
    same = desk.send(WORDS.upper())
    nearly = desk.send(WORDS.replace("late August", "early September") + " That is all I know.")
    file = desk.send(OTHER + " See the picture.", {"two.txt": b"members, medicines, days"})
    shares = desk.send("He writes from clearing@harrow-desk.example and wants money.")
    shared = desk.send("Somebody at clearing@harrow-desk.example wrote to our clinic about it.")
    near = found(desk, first)
    assert set(near) == {same, nearly, file}
    assert near[same] == ("The same words",)
    assert near[nearly][0].startswith("Nearly the same words: ")
    assert near[file] == ("Same file: one.txt",)
    assert [one.number for one in hints(desk, first).found if one.duplicate] == [same]
    assert found(desk, shares) == {shared: ("Shares email clearing@harrow-desk.example",)}
    page = desk.client().get(f"/inbox?tip={first}").text
    assert "Similar tips" in page
    assert "The same words" in page


def test_what_stands_in_a_case_for_others_is_no_hint(desk: Desk) -> None:
    first, second = desk.send(WORDS), desk.send(WORDS)
    with desk.acting() as (work, actor):
        case = open_case(work, actor, OpenCase(desk.installation.program_id, "A letter")).number
        put_tip(work, actor, PutTip(second, case))
    assert set(found(desk, first, "program_manager")) == {second}
    with desk.installation.work() as work:
        work.session.execute(update(CaseFile).values(access="members"))
    assert found(desk, first, "program_manager") == {}
    assert set(found(desk, first)) == {second}  # who leads the case


@pytest.mark.parametrize("sealed", [0, 1])
def test_hints_tell_nothing_of_words_that_are_for_others(desk: Desk, sealed: int) -> None:
    numbers = [desk.send(WORDS), desk.send(WORDS)]
    assert set(found(desk, numbers[0], "counsel")) == {numbers[1]}
    desk.change(Tip, desk.tip(numbers[sealed]).id, audience="named")
    assert found(desk, numbers[0], "counsel") == {}


def test_a_flood_is_named_and_only_some_of_it_is_listed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tipline.search.near.MOST_HOLDERS", 2)
    numbers = [desk.send(WORDS) for _ in range(4)]
    flood = hints(desk, numbers[0])
    assert (flood.flood, len(flood.found)) == (True, 2)


def test_before_anything_is_indexed_there_is_no_hint(desk: Desk) -> None:
    number = desk.send(WORDS)
    with desk.acting(write=False) as (work, actor):
        assert find_similar(work, actor, work.session.scalars(select(Tip).where(Tip.number == number)).one()) == Hints()


@given(st.text(max_size=300))
def test_marks_are_few_and_the_same_for_the_same_words(text: str) -> None:
    marks = marks_of(text)
    assert len(marks) <= MARKS
    assert marks == marks_of(f"  {text}\n") == tuple(sorted(set(marks)))


def test_marks_agree_as_much_as_the_texts() -> None:
    changed = WORDS.replace("Harrow", "Harlow")
    assert len(set(marks_of(WORDS)) & set(marks_of(changed))) >= MARKS // 2
    assert not set(marks_of(WORDS)) & set(marks_of(OTHER))
    assert marks_of(" \n") == ()


def test_a_row_of_the_inbox_says_what_is_nearest(desk: Desk) -> None:
    """The reason in words, the number, how many more; nothing of what somebody may not see; as many queries for a page as for a row."""
    first = desk.send(WORDS, {"one.txt": b"members, medicines, days"})
    nearly = desk.send(WORDS.replace("late August", "early September") + " That is all I know.")
    file = desk.send(OTHER + " See the picture.", {"two.txt": b"members, medicines, days"})
    shares = desk.send("He writes from clearing@harrow-desk.example and wants money.")
    alone = desk.send("Nothing of this is said by anybody else in the whole house.")
    shared = desk.send("Somebody at clearing@harrow-desk.example wrote to our clinic about it.")
    assert set(found(desk, first)) == {nearly, file}
    numbers = [first, nearly, file, shares, alone, shared]

    def said(role: str) -> dict[str, tuple[str, str]]:
        with desk.acting(role, write=False) as (work, actor):
            return {number: (one.why, one.number) for number, one in hint_rows(work, actor, numbers).items()}

    rows = said("investigator")
    assert rows[file] == ("Same file as", first)
    assert rows[nearly] == ("Near the same text as", first)
    assert rows[shares] == ("Shares an e-mail address with", shared)
    assert alone not in rows
    page = " ".join(desk.client().get("/inbox").text.split())
    assert f'Shares an e-mail address with <a class="num" href="/tips/{shared}">{shared}</a>' in page
    assert ", 1 more" in page, "the first has two that are like it"
    with desk.acting(write=False) as (work, actor):
        hint_rows(work, actor, [first])  # opens the program's key
        one, all_of_them = (desk.queries(lambda some=some: hint_rows(work, actor, some)) for some in ([first], numbers))
    assert one == all_of_them == 2
    desk.change(Tip, desk.tip(first).id, audience="named")
    rows = said("counsel")
    assert set(rows) == {shares, shared}, "the words of the first are for others"
