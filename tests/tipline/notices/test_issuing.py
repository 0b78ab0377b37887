"""Batches of letters: taken under custody, codes that leave once and are kept as hashes, and what is withdrawn."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from evidence.errors import KeyUnavailable
from tests.journeys.invariants import broken_in
from tests.tipline.admin.turning import Turning
from tests.tipline.desk_house import Desk
from tests.tipline.notices.post_house import ABOUT, LIST, PostRoom, printed
from tipline.actor import ProgramKeys
from tipline.errors import Conflict, Forbidden, NotFound
from tipline.inbox.reading import open_exhibits
from tipline.jobs import SWEEPS
from tipline.models.custody import Exhibit, Grant
from tipline.models.notices import Notice, NoticeBatch
from tipline.models.operations import AuditEvent, DownloadTicket
from tipline.notices import codes, keeping, lists, overview, services
from tipline.retention.dispositions import Propose, decide, propose
from tipline.work import utc_now
from tipline.worker import register_capabilities


def exhibit_of(desk: Desk, number: str) -> Exhibit:
    with desk.acting(write=False) as (work, _):
        query = select(Exhibit).join(NoticeBatch, NoticeBatch.exhibit_id == Exhibit.id).where(NoticeBatch.number == number)
        return work.session.scalars(query).one()


def test_the_whole_way_on_every_database(every_room: PostRoom) -> None:
    room = every_room
    number = room.issue(most_checks="2")
    assert number == f"NB-{utc_now().year}-0001"
    letters = room.letters(number)
    assert [letter.cells[0] for letter in letters] == [f"Canaria Tillinghast{row}" for row in range(1, 6)]
    assert len({letter.code for letter in letters}) == 5
    good = room.check(letters[2].code)
    assert "We sent a letter with this code" in good.text
    for told in ("Northfield Scripts", "October 2026", ABOUT["incident"], *letters[2].words):
        assert told in good.text
    assert "Canaria" not in good.text
    assert [row.checks for row in room.rows(number)] == [0, 0, 1, 0, 0]
    room.check(letters[2].code)
    used = room.check(letters[2].code)
    assert [row.checks for row in room.rows(number)] == [0, 0, 2, 0, 0]
    assert room.withdraw(number, rows="1, 4-5").status_code == 303
    withdrawn, unknown = room.check(letters[4].code), room.check("0000")
    assert used.data == withdrawn.data == unknown.data
    page = room.desk.client("counsel").get(f"/notices/{number}").text
    assert "Rows 1, 4-5" in page
    assert "A row was printed twice" in page
    with room.desk.acting("counsel", write=False) as (work, actor):
        assert overview.read_batch(work, actor, number).counts == overview.Counts(checked=1, used_up=1, withdrawn=3)
    assert room.withdraw(number, which="batch", reason="Wrong month").status_code == 303
    assert room.check(letters[1].code).data == unknown.data
    answer = room.desk.client("counsel").post("/letter-check", data={"reason": "genuine", "code": letters[1].code})
    assert "Not confirmed" in answer.text
    with room.desk.acting("counsel", write=False) as (work, actor):
        calls = overview.list_calls(work, actor)
    assert [(row.day, row.reason, row.calls, row.confirmed) for row in calls] == [(utc_now().date().isoformat(), "genuine", 1, 0)]
    twelve_at_once_confirm_no_more_than_three(room)


def twelve_at_once_confirm_no_more_than_three(room: PostRoom) -> None:
    number = room.issue(most_checks="3")
    code, found = room.letters(number)[0].code, []

    def check() -> None:
        found.append("We sent a letter" in room.public.application.test_client().post("/letter", data={"code": code}).text)

    threads = [threading.Thread(target=check) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), sum(found)) == (12, 3)
    assert room.rows(number)[0].checks == 3


def test_the_list_is_an_exhibit_under_custody(room: PostRoom) -> None:
    number = room.issue()
    exhibit = exhibit_of(room.desk, number)
    assert (exhibit.kind, exhibit.state) == ("notice_list", "held")
    with room.desk.acting("counsel", write=False) as (work, actor):
        opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
        assert b"".join(work.vault.objects.read(opened.keyfile)) == LIST.encode()
        person = work.vault.openings(work.session, exhibit, opened.keyfile)[0]
        assert len(person.attestations) == 2, "the person who took it signs too"
        assert not list(work.session.scalars(select(Grant))), "nobody lets the examiner read names"
    event = room.desk.events(exhibit.id)[0]
    assert (event["kind"], event["actor"], event["purpose"]) == ("ACQUIRED", "d.acosta", f"list of 5 letters, batch {number}")
    assert room.download(room.make_codes(number)).status_code == 200
    event = room.desk.events(exhibit.id)[1]
    assert (event["kind"], event["purpose"]) == ("DOWNLOADED", f"mailing of {number}")
    assert event["result"] == "a list with a code for each of 5 letters"
    page = room.desk.client().get(f"/exhibits/{exhibit.id}").text
    assert "List of letters" in page
    assert "Handed out: a list with a code for each of 5 letters" in page
    assert "its names stay out of the search" in page
    assert "Canaria" not in page
    assert room.desk.client().get("/exhibits").status_code == 200
    assert room.desk.client().get(f"/exhibits/{exhibit.id}/label").status_code == 200


def test_the_codes_leave_once(room: PostRoom) -> None:
    number = room.issue()
    answer = room.make_codes(number)
    first = room.download(answer)
    assert first.headers["Content-Length"] == str(len(first.data))
    assert first.headers["Content-Disposition"].startswith(f'attachment; filename="{number}-members.csv"')
    assert first.headers["Cache-Control"] == "no-store"
    assert room.download(answer).status_code == 404
    again = room.make_codes(number)
    assert again.status_code == 409
    assert "The codes of this batch were made" in again.text
    assert len(room.rows(number)) == 5
    assert room.desk.kinds(exhibit_of(room.desk, number).id) == ["ACQUIRED", "DOWNLOADED"]


def act(room: PostRoom, number: str, path: str, role: str = "counsel") -> TestResponse:
    return room.desk.client(role).post(f"/notices/{number}/codes/{path}")


def test_a_download_that_broke_is_repeated_until_its_maker_has_the_file(room: PostRoom) -> None:
    number = room.issue()
    first = room.download(room.make_codes(number))
    assert "Do you have the file?" in room.desk.client("counsel").get(f"/notices/{number}").text
    assert "Do you have the file?" not in room.desk.client("program_manager").get(f"/notices/{number}").text
    assert [act(room, number, path, "program_manager").status_code for path in ("again", "done")] == [409, 409]
    assert room.download(act(room, number, "again")).data == first.data
    assert room.desk.kinds(exhibit_of(room.desk, number).id) == ["ACQUIRED", "DOWNLOADED", "DOWNLOADED"]
    assert room.desk.events(exhibit_of(room.desk, number).id)[2]["purpose"] == f"mailing of {number}, again"
    assert act(room, number, "done").status_code == 303
    assert [act(room, number, path).status_code for path in ("again", "done")] == [409, 409]
    assert "Do you have the file?" not in room.desk.client("counsel").get(f"/notices/{number}").text
    assert "We sent a letter" in room.check(printed(first.data)[0].code).text


def test_what_a_download_is_repeated_from_ends_with_the_day_and_with_the_batch(room: PostRoom) -> None:
    late, gone = room.issue(), room.issue()
    room.make_codes(late), room.make_codes(gone)
    room.withdraw(gone, which="batch", reason="Wrong month")
    with room.installation.work(write=False) as work:
        kept = work.session.scalar(select(DownloadTicket).where(DownloadTicket.id == keeping._id(room.batch(late))))
        assert kept is not None
        assert timedelta(hours=23) < kept.expires_at - utc_now() <= keeping.LIFE
        assert not keeping.is_kept(work, room.batch(gone))
        with pytest.raises(KeyUnavailable):
            keeping.open_kept(work, room.installation.actor("program_manager"), room.batch(late))
    register_capabilities()
    with room.installation.work() as work:
        SWEEPS["end_kept_lists"](work)
        assert keeping.is_kept(work, room.batch(late)), "its day is not over"
        work.session.execute(update(DownloadTicket).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert act(room, late, "again").status_code == 409
    with room.installation.work() as work:
        SWEEPS["end_kept_lists"](work)
        assert work.session.scalars(select(DownloadTicket)).all() == []


def test_a_look_does_not_use_the_ticket_up_and_an_old_one_opens_nothing(room: PostRoom) -> None:
    location = room.make_codes(room.issue()).location.removeprefix(room.installation.settings.files_origin)
    assert room.desk.files().head(location).status_code == 405
    with room.installation.work() as work:
        work.session.execute(update(DownloadTicket).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert room.desk.files().get(location).status_code == 404


def test_a_ticket_opens_at_its_own_address_only(room: PostRoom) -> None:
    """A ticket for the list with its codes gives neither the original nor the other way round."""
    number = room.issue()
    token = room.make_codes(number).location.rpartition("/")[2]
    assert room.desk.files().get(f"/{token}").status_code == 404
    original = room.desk.client().post(f"/exhibits/{exhibit_of(room.desk, number).id}/download").location.rpartition("/")[2]
    assert room.desk.files().get(f"/letters/{original}").status_code == 404


def test_nothing_that_is_kept_has_a_name_a_code_or_a_word(room: PostRoom) -> None:
    number = room.issue()
    letters = room.letters(number)
    room.check(letters[0].code)
    room.desk.client("counsel").post("/letter-check", data={"reason": "genuine", "code": letters[1].code})
    stored = room.desk.everything_stored()
    assert number.encode() in stored, "the search would find something"
    for letter in letters:
        bits = codes.bits_of(letter.code)
        for secret in (
            letter.code.encode(),
            letter.code.replace("-", "").encode(),
            bits,
            bits.hex().encode(),
            "\0".join(letter.words).encode(),
        ):
            assert secret not in stored
        assert f'"{letter.words[0]}","{letter.words[1]}"'.encode() not in stored
    assert b"Tillinghast" not in stored
    assert ABOUT["incident"].encode() not in stored


def test_only_who_uploaded_the_list_gets_its_codes(room: PostRoom) -> None:
    number = room.issue()
    answer = room.make_codes(number, "program_manager")
    assert answer.status_code == 409
    assert "Somebody else uploaded this list" in answer.text
    assert "Make 5 codes" not in room.desk.client("program_manager").get(f"/notices/{number}").text
    assert "Make 5 codes and download" in room.desk.client("counsel").get(f"/notices/{number}").text
    assert room.rows(number) == []
    assert room.make_codes(number, "investigator").status_code == 403
    assert room.upload(role="investigator").status_code == 403
    with room.desk.acting("investigator") as (work, actor), pytest.raises(Forbidden):
        services.withdraw(work, actor, services.WithdrawNotices("NB-1999-0001", "batch", "x"))


def test_two_who_ask_at_once_get_one_set_of_codes(room: PostRoom) -> None:
    number, found = room.issue(), []

    def ask() -> None:
        actor = room.installation.actor("counsel")
        try:
            with room.installation.work() as work:
                found.append(services.make_codes(work, actor, number))
        except Conflict as error:
            found.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(isinstance(one, str) for one in found) == [False, False, False, True]
    assert len(room.rows(number)) == 5


def test_codes_that_broke_off_do_not_count(room: PostRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "AT_ONCE", 2)
    number, made = room.issue(), []
    real = codes.letter_of

    def break_off(secret: bytes, row: int) -> codes.Letter:
        if row == 5:
            raise OSError("the store is gone")
        made.append(real(secret, row))
        return made[-1]

    monkeypatch.setattr(codes, "letter_of", break_off)
    assert room.make_codes(number).status_code == 500
    assert len(room.rows(number)) == 4
    assert "We cannot confirm this code" in room.check(made[0].code).text
    assert "Its codes are being made" in room.desk.client("counsel").get(f"/notices/{number}").text
    assert room.make_codes(number).status_code == 409
    room.installation.sequence()
    assert broken_in(room.installation.worker, {room.installation.program_id: keys_of_program(room)}) == []
    room.desk.change(NoticeBatch, room.batch(number).id, state="issued")
    assert broken_in(room.installation.worker, {room.installation.program_id: keys_of_program(room)}) != []
    assert room.withdraw(number, which="batch", reason="Broke off").status_code == 303


BAD_LISTS = (
    (b"name,city\nAnn\n", "Row 1 of the list has 1 cell for 2 columns."),
    (b"name,city\n", "no row below them"),
    ("name\nJürgen\n".encode("cp1252"), "not in UTF-8"),
    (b"", "Choose the list, as CSV."),
)


def test_a_bad_list_is_told_and_nothing_is_stored(room: PostRoom) -> None:
    before = sorted(room.installation.console.vault.objects.store.names())
    for data, says in BAD_LISTS:
        answer = room.upload(data, **({} if data else {"file": ""}))
        assert answer.status_code == 422, says
        assert says in answer.text
    assert sorted(room.installation.console.vault.objects.store.names()) == before
    with room.installation.work(write=False) as work:
        assert list(work.session.scalars(select(NoticeBatch))) == []
        assert list(work.session.scalars(select(Exhibit).where(Exhibit.kind == "notice_list"))) == []
    assert room.issue() == f"NB-{utc_now().year}-0001", "no number is lost"


MISSING = (
    ("sender", "", "Say who posts the letters."),
    ("month", "October", "Write year and month, such as 2026-10."),
    ("incident", "x" * 201, "200 characters at most."),
    ("most_checks", "0", "Write a number from 1 to 1,000."),
    ("most_checks", "many", "Write a number from 1 to 1,000."),
    ("handed_over_by", "", "Say who handed it over"),
    ("received_on", "2099-01-01", "This day has not come yet."),
    ("case", "NS-1999-0001", "Not a valid choice"),
)


def test_what_is_missing_is_told_at_its_field(room: PostRoom) -> None:
    for field, value, says in MISSING:
        answer = room.upload(**{field: value})
        assert answer.status_code == 422, field
        assert says in answer.text
        assert answer.text.count("field-msg") == 1, field


def test_a_list_that_is_too_large_is_refused(room: PostRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_BYTES", 100)
    assert room.upload().status_code == 422
    with room.installation.work(write=False) as work:
        assert list(work.session.scalars(select(NoticeBatch))) == []


NO_WITHDRAWAL = (
    ({"rows": "6"}, "Write rows of the list from 1 to 5"),
    ({"rows": ""}, "Write rows of the list from 1 to 5"),
    ({"rows": "1", "reason": "  "}, "Say why."),
    ({"which": "", "rows": "1"}, "Choose whether single letters or the whole batch"),
    ({"which": "all", "rows": "1"}, "Choose whether single letters or the whole batch"),
)


def test_a_withdrawal_says_which_and_why(room: PostRoom) -> None:
    number = room.issue()
    letters = room.letters(number)
    for fields, says in NO_WITHDRAWAL:
        answer = room.withdraw(number, **fields)
        assert answer.status_code == 422, fields
        assert says in answer.text
    assert "We sent a letter" in room.check(letters[0].code).text


def test_a_batch_is_withdrawn_once_and_before_its_codes_too(room: PostRoom) -> None:
    number = room.issue()
    assert room.withdraw(number, rows="1").status_code == 409
    assert room.withdraw(number, which="batch").status_code == 303
    assert room.withdraw(number, which="batch").status_code == 409
    assert room.make_codes(number).status_code == 409
    with room.installation.work(write=False) as work:
        acts = list(work.session.execute(select(AuditEvent.act, AuditEvent.detail).where(AuditEvent.act.like("notice.%"))))
    assert sorted(acts) == [("notice.issue", None), ("notice.withdraw", "batch")]


def test_who_does_not_hold_the_program_finds_nothing(room: PostRoom) -> None:
    number = room.issue()
    with room.desk.acting("counsel", write=False) as (work, actor):
        actor.keyring.wraps = {}
        with pytest.raises(NotFound):
            overview.read_batch(work, actor, number)
        assert overview.list_batches(work, actor) == ([], None)


def test_lists_come_by_pages_and_cost_no_query_for_each_row(room: PostRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [room.issue() for _ in range(3)]
    monkeypatch.setattr(overview, "PAGE", 2)
    with room.desk.acting("counsel", write=False) as (work, actor):
        first, following = overview.list_batches(work, actor)
        rest, end = overview.list_batches(work, actor, following or "")
    assert [row.number for row in (*first, *rest)] == numbers[::-1]
    assert end is None
    page = room.desk.client("counsel").get("/notices").text
    assert f"after={numbers[1]}" in page
    assert "No codes yet" in page


def test_many_letters_cost_a_statement_for_many(room: PostRoom) -> None:
    """2,500 letters are made with a handful of statements, in transactions of their own."""
    data = b"name\n" + b"".join(b"Ann %d\n" % row for row in range(2500))
    number, made = room.issue(data), []
    with room.desk.acting("counsel") as (work, actor):
        statements = room.desk.queries(lambda: made.append(services.make_codes(work, actor, number)))
    assert statements < 40
    assert len(room.rows(number)) == 2500


def test_when_the_list_is_destroyed_letters_are_still_confirmed(room: PostRoom) -> None:
    number, waiting = room.issue(), room.issue()
    code = room.letters(number)[0].code
    for batch in (number, waiting):
        exhibit = exhibit_of(room.desk, batch).id
        with room.desk.acting() as (work, actor):
            proposed = propose(work, actor, Propose(exhibit, "The letters are posted", "Rule 7"))[0].id
        room.installation.sequence()
        with room.desk.acting("counsel") as (work, actor):
            decide(work, actor, proposed)
    assert "We sent a letter" in room.check(code).text
    page = room.desk.client("counsel").get(f"/notices/{number}")
    assert page.status_code == 200
    assert "Letters to members in Ohio" not in page.text
    assert "Disposed of" in page.text
    assert "Disposed of" in room.desk.client("counsel").get("/notices").text
    assert room.make_codes(waiting).status_code == 409
    room.installation.sequence()
    assert broken_in(room.installation.worker, {room.installation.program_id: keys_of_program(room)}) == []


def test_batches_outlive_a_new_key_of_the_program(room: PostRoom) -> None:
    number, waiting = room.issue(), room.issue()
    code = room.letters(number)[0].code
    turning = Turning(room.installation)
    turning.start()
    turning.finish()
    turning.clock.ahead = timedelta()
    assert turning.what_it_opens(turning.old) == []
    assert "Letters to members in Ohio" in room.desk.client("counsel").get(f"/notices/{number}").text
    assert len(room.letters(waiting)) == 5
    assert "We sent a letter" in room.check(code).text
    room.installation.sequence()
    assert broken_in(room.installation.worker, {room.installation.program_id: keys_of_program(room)}) == []


def keys_of_program(room: PostRoom) -> ProgramKeys:
    return room.installation.actor("counsel").keyring.program(room.installation.program_id)


def test_a_damaged_list_gives_no_codes(room: PostRoom) -> None:
    number = room.issue()
    room.installation.console.vault.objects._checked.clear()
    room.desk.tamper(exhibit_of(room.desk, number).id)
    assert room.make_codes(number).status_code == 500
    with room.installation.work(write=False) as work:
        assert list(work.session.scalars(select(Notice))) == []
        assert list(work.session.scalars(select(DownloadTicket))) == []
