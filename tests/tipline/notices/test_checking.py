"""A code is checked by anyone: only sender, month, incident and two words are confirmed; every other code gets one answer."""

from __future__ import annotations

import itertools
import logging
import re
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from html import unescape

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.conftest import SHARED
from tests.installations import _set_up
from tests.tipline.notices.post_house import ABOUT, PostRoom
from tipline.admin.services import AddColleague, add_colleague
from tipline.limits import LIMITS, limit_of
from tipline.models.notices import Notice
from tipline.models.programs import Program
from tipline.notices import codes, publicpages, rules
from tipline.process import Process
from tipline.work import Work

REFUSED = "We cannot confirm this code. Check it for typing mistakes, or report the letter."
EACH = 100


def raw(answer: TestResponse) -> tuple[object, ...]:
    """Everything of an answer that a network sees."""
    return answer.status, sorted(answer.headers.items()), answer.data


def words_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split()).replace(" .", ".")


@pytest.fixture
def kinds(room: PostRoom) -> dict[str, Callable[[], str]]:
    """For each kind of code that is not confirmed, a way to such a code."""
    number = room.issue(most_checks="1")
    first, second, third, *_ = (letter.code for letter in room.letters(number))
    room.check(first)
    room.withdraw(number, rows="2")
    other = room.issue()
    gone = room.letters(other)[0].code
    room.withdraw(other, which="batch", reason="Wrong month")
    wrong = third[:-1] + ("7" if third[-1] != "7" else "8")
    unknown = (codes.letter_of(codes.new_secret(), row).code for row in range(1, 100_000))
    return {
        "used up": lambda: first,
        "withdrawn": lambda: second,
        "of a withdrawn batch": lambda: gone,
        "mistyped": lambda: wrong,
        "unknown": lambda: next(unknown),
    }


def test_a_good_code_is_confirmed_without_a_name(room: PostRoom) -> None:
    letter = room.letters(room.issue())[0]
    typed = " " + letter.code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    page = room.check(typed)
    assert page.status_code == 200
    for told in ("We sent a letter with this code", "Northfield Scripts", "October 2026", ABOUT["incident"], *letter.words):
        assert told in page.text
    assert letter.code not in page.text
    assert "Canaria" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers


def test_every_other_code_gets_the_same_bytes(room: PostRoom, kinds: dict[str, Callable[[], str]]) -> None:
    typed = [
        *(make() for make in kinds.values()),
        "",
        "0",
        "\x00",
        "x" * 100_000,
        "0000-0000-0000-0000-0000",
        "' OR 1=1 --",
        "\ud83d\ude00",
    ]
    answers = [room.check(text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")) for text in typed]
    answers.append(room.public.post("/letter", data={}))
    assert {raw(answer)[0] for answer in answers} == {"200 OK"}
    assert len({str(raw(answer)) for answer in answers}) == 1
    assert REFUSED in words_of(answers[0].text)
    good = room.check(room.letters(room.issue())[0].code)
    assert good.status == answers[0].status
    assert REFUSED not in words_of(good.text)


def test_the_words_are_those_of_the_screens(room: PostRoom) -> None:
    if SHARED.is_dir():
        assert REFUSED in (SHARED.parent / "ui" / "README.md").read_text()
    assert REFUSED in words_of(room.check("").text)


def test_every_other_code_takes_the_same_time(room: PostRoom, kinds: dict[str, Callable[[], str]]) -> None:
    """100 of each, interleaved: the medians of the processor's time differ by less than the same kind does from itself.

    Each kind is measured twice over, so that the noise of the machine is known. The tenth of a median is the least that is asked.
    """
    room.public.application.extensions["gate"].limiter.clock = itertools.count(
        int(time.monotonic()) + 60, 60
    ).__next__  # so that none is one too many
    spent: dict[str, list[float]] = {name: [] for name in ("unknown", "used up", "withdrawn", "mistyped")}
    for _ in range(EACH):
        for name in spent:
            code = kinds[name]()
            began = time.thread_time()
            answer = room.check(code)
            spent[name].append(time.thread_time() - began)
            assert answer.status_code == 200
    medians = {name: statistics.median(times) for name, times in spent.items()}
    noise = max(abs(statistics.median(times[::2]) - statistics.median(times[1::2])) for times in spent.values())
    middle = statistics.median(medians.values())
    allowed = max(middle / 10, 3 * noise)
    assert {name: median for name, median in medians.items() if abs(median - middle) > allowed} == {}


def test_a_good_code_is_told_from_the_others_by_that_measure(room: PostRoom, kinds: dict[str, Callable[[], str]]) -> None:
    """What the test above can see: a code that is confirmed writes and opens something, and takes longer."""
    number = room.issue(most_checks="1000")
    good, spent = room.letters(number)[0].code, ([], [])  # type: tuple[str, tuple[list[float], list[float]]]
    for _ in range(40):
        for times, code in zip(spent, (good, kinds["unknown"]()), strict=True):
            began = time.thread_time()
            room.check(code)
            times.append(time.thread_time() - began)
    assert statistics.median(spent[0]) > 1.1 * statistics.median(spent[1])


def test_no_answer_comes_sooner_than_another(room: PostRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(publicpages, "ANSWER_SECONDS", 5.0)
    monkeypatch.setattr(publicpages.time, "sleep", slept.append)
    good = room.letters(room.issue())[0].code
    for code in (good, "0000", good[::-1]):
        room.check(code)
    assert len(slept) == 3
    assert all(4.0 < seconds < 5.0 for seconds in slept)


def test_guesses_write_nothing(room: PostRoom, kinds: dict[str, Callable[[], str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of guesses takes no lock that tips wait for."""
    seen: list[bool] = []
    real = Process.unit

    def unit(self: Process, *, write: bool) -> AbstractContextManager[Work]:
        seen.append(write)
        return real(self, write=write)

    monkeypatch.setattr(Process, "unit", unit)
    for make in kinds.values():
        room.check(make())
    assert seen
    assert not any(seen)
    room.check(room.letters(room.issue())[0].code)
    assert any(seen), "a good code would be noticed"


def test_a_code_is_posted_and_never_stands_in_an_address(room: PostRoom) -> None:
    letter = room.letters(room.issue())[0]
    page = room.public.get("/letter", query_string={"code": letter.code})
    assert "We sent a letter" not in page.text
    form = page.text.partition("<form")[2].partition("</form>")[0]
    assert 'method="post" action="/letter"' in form
    for method in ("put", "delete", "patch"):
        assert getattr(room.public, method)("/letter", data={"code": letter.code}).status_code == 405


def test_another_site_cannot_make_a_browser_check(room: PostRoom) -> None:
    letter = room.letters(room.issue())[0]
    answer = room.public.post("/letter", data={"code": letter.code}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_nothing_of_a_check_is_logged(room: PostRoom, caplog: pytest.LogCaptureFixture) -> None:
    number = room.issue()
    letter = room.letters(number)[0]
    caplog.set_level(logging.DEBUG)
    room.check(letter.code)
    with room.installation.work() as work:
        work.session.execute(update(Notice).values(answer=b"\x01" + bytes(60)))
    room.public.application.config["TESTING"] = False
    room.public.application.config["PROPAGATE_EXCEPTIONS"] = False
    broken = room.check(letter.code)
    assert broken.status_code == 500
    for secret in (letter.code, letter.code.replace("-", ""), *letter.words, codes.bits_of(letter.code).hex()):
        assert secret not in caplog.text
        assert secret not in broken.text


def test_checks_have_a_limit_of_their_own(room: PostRoom) -> None:
    limit = limit_of("public", "/letter")
    assert limit.purpose == "letter"
    assert limit is not LIMITS["public"][r".*"]
    there = {"REMOTE_ADDR": "203.0.113.7"}
    statuses = [
        room.public.post("/letter", data={"code": "0"}, environ_base=there).status_code for _ in range(int(limit.network.burst) + 10)
    ]
    assert (statuses[0], statuses[-1]) == (200, 503)
    assert set(statuses) == {200, 503}
    assert room.public.post("/receipt", data={"receipt": "x"}, environ_base=there).status_code == 303


def test_the_page_says_what_we_never_do_and_where_to_report(room: PostRoom) -> None:
    page = room.public.get("/letter").text
    assert "We will never" in page
    assert "ask you to pay" in page
    assert f'href="/p/{room.installation.slug}/report"' in page
    assert room.public.get(f"/p/{room.installation.slug}/report").status_code == 200
    assert "Northfield Scripts <span>tip line</span>" in page
    spanish = room.public.get("/es/letter")
    assert spanish.status_code == 200
    assert 'action="/es/letter"' in spanish.text


# the call centre


def call(room: PostRoom, role: str = "counsel", **fields: str) -> TestResponse:
    return room.desk.client(role).post("/letter-check", data=fields)


def test_an_agent_learns_sender_month_and_incident_and_not_the_words(room: PostRoom) -> None:
    letter = room.letters(room.issue())[0]
    page = call(room, reason="genuine", code=letter.code.lower()).text
    for told in ("We sent a letter with this code", "Northfield Scripts", "October 2026", ABOUT["incident"]):
        assert told in page
    for word in letter.words:
        assert not re.search(rf"\b{word}\b", page)
    assert "Canaria" not in page
    client = room.desk.client("counsel")
    right = client.post(
        "/letter-check/words", data={"code": letter.code, "first": letter.words[0].upper(), "second": f" {letter.words[1]} "}
    )
    assert "The words match" in right.text
    wrong = client.post("/letter-check/words", data={"code": letter.code, "first": letter.words[1], "second": letter.words[0]})
    assert "The words do not match" in wrong.text
    for word in letter.words:
        assert word not in wrong.text.replace(f'value="{word}"', "")


def test_an_agent_needs_no_key_and_sees_nothing_else(room: PostRoom) -> None:
    inside, number = room.installation, room.issue()
    letter = room.letters(number)[0]
    with inside.work() as work:
        link = add_colleague(work, inside.actor("administrator"), AddColleague("k.adeyemi", "K. Adeyemi", "call_agent"))
    inside.people["call_agent"] = _set_up(inside, link)
    assert inside.actor("call_agent").keyring.program_ids() == []
    client = room.desk.client("call_agent")
    assert "Northfield Scripts" in client.post("/letter-check", data={"reason": "genuine", "code": letter.code}).text
    given = {"code": letter.code, "first": letter.words[0], "second": letter.words[1]}
    assert "The words match" in client.post("/letter-check/words", data=given).text
    for path in ("/notices", f"/notices/{number}", "/notices/calls", "/exhibits", "/cases", "/inbox"):
        assert client.get(path).status_code == 403, path


def test_an_agent_is_told_whether_it_was_misheard(room: PostRoom) -> None:
    letter = room.letters(room.issue())[0]
    wrong = ("7" if letter.code[0] != "7" else "8") + letter.code[1:]
    assert "a character is wrong or missing" in call(room, reason="genuine", code=wrong).text
    unknown = codes.letter_of(codes.new_secret(), 1).code
    assert "The code has no slip in it" in call(room, reason="genuine", code=unknown).text
    answer = room.desk.client("counsel").post("/letter-check/words", data={"code": unknown, "first": "a", "second": "b"})
    assert "The words do not match" in answer.text


def test_a_call_is_counted_by_its_reason_and_nothing_else_is_kept(room: PostRoom) -> None:
    letter = room.letters(room.issue())[0]
    call(room, reason="genuine", code=letter.code)
    call(room, "investigator", reason="genuine", code="0000")
    assert call(room, reason="money", code="").status_code == 303
    page = room.desk.client("program_manager").get("/notices/calls").text
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr><td.*?</tr>", page)]
    assert [row[1:] for row in rows] == [
        [rules.CALLS["genuine"], "2", "1"],
        [rules.CALLS["money"], "1", "0"],
    ]
    assert room.desk.client("investigator").get("/notices/calls").status_code == 403


def test_a_reason_is_one_of_the_list(room: PostRoom) -> None:
    letter = room.letters(number := room.issue())[0]
    for reason in ("", "free text of an agent", "genuine:confirmed"):
        answer = call(room, reason=reason, code=letter.code)
        assert answer.status_code == 422, reason
        assert "Choose why the person calls." in answer.text
    assert room.rows(number)[0].checks == 0


def test_who_may_not_take_calls_is_refused_everywhere(room: PostRoom) -> None:
    assert call(room, "program_manager", reason="genuine", code="0").status_code == 403
    client = room.desk.client("administrator")
    assert client.get("/letter-check").status_code == 403
    assert client.post("/letter-check/words", data={"code": "0"}).status_code == 403


def test_the_program_adds_its_own_words_to_the_script(room: PostRoom) -> None:
    usual = unescape(room.desk.client("counsel").get("/letter-check").text)
    assert rules.SCRIPT.splitlines()[0] in usual
    with room.installation.work() as work:
        program = work.session.scalars(select(Program)).one()
        program.call_script = "Say good day.\n\nThen listen."
    own = room.desk.client("counsel").get("/letter-check").text
    assert "<li>Say good day.</li><li>Then listen.</li>" in own
    assert rules.SCRIPT.splitlines()[0] in unescape(own)


def test_a_confirmed_letter_is_shown_in_the_other_language_and_counts_no_further_check(room: PostRoom) -> None:
    """The page carries sealed what it shows: not the code, no other answer, and not for long."""
    number = room.issue(most_checks="1")
    letter = room.letters(number)[0]
    good = room.check(letter.code)
    shown = re.search(r'name="shown" value="([^"]+)"', good.text)
    assert shown is not None
    assert letter.code not in good.text
    spanish = room.public.post("/es/letter", data={"speak": "yes", "shown": shown[1]})
    assert "Enviamos una carta con este código" in spanish.text
    assert all(word in spanish.text for word in (*letter.words, ABOUT["incident"]))
    assert room.rows(number)[0].checks == 1
    refused = room.check(letter.code)
    assert REFUSED in words_of(refused.text)
    for sealed in ("", "x", shown[1][:-8] + "AAAAAAAA"):
        assert "We sent a letter" not in room.public.post("/letter", data={"speak": "yes", "shown": sealed}).text
    secret, answer = bytes(32), codes.Answer("a", "2026-10", "b", ("c", "d"))
    sealed = codes.seal_shown(secret, answer, 100)
    assert [codes.open_shown(secret, sealed, now) for now in (100, 101)] == [answer, None]
    assert codes.open_shown(bytes(31) + b"1", sealed, 1) is None
