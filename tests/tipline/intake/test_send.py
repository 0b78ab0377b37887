"""Send: one tip however often it is pressed, every item with its leaf, all or nothing."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from unittest.mock import MagicMock

import pytest
from flask.testing import FlaskClient

import wsgi
from evidence import canonical
from evidence.errors import KeyUnavailable
from evidence.keys import Identity, hkdf, wrap
from evidence.records import Opening
from tests.conftest import fresh_settings
from tests.tipline import custody_house
from tests.tipline.intake.house import (
    SEND,
    SLUG,
    IntakeHouse,
    begin,
    build,
    claim_of,
    come_back,
    field_value,
    fill,
    send_message,
    send_tip,
    words_of,
)
from tipline.config import Settings
from tipline.exhibits.waiting import Waiting
from tipline.intake import packet, services, taking
from tipline.intake.draft import DraftSecret
from tipline.intake.receipt import parse_claim, parse_receipt
from tipline.intake.rules import read_tip_text
from tipline.models.custody import CustodyEvent, Exhibit, Grant
from tipline.models.tips import Draft, DraftPart, Send, Tip, TipItem, TipMessage
from tipline.vault import Acquisition

FILES = {"IMG_2231.jpg": b"\xff\xd8\xff" + bytes(5000), "list.csv": b"a,b\n1,2\n"}


def openings(house: IntakeHouse) -> dict[str, tuple[Exhibit, Opening]]:
    """The ACQUIRED opening of each exhibit, by shown name."""
    found = {}
    with house.session() as session:
        for exhibit in session.query(Exhibit).filter(Exhibit.program_id.is_not(None)):
            keyfile = house.worker.vault.open_exhibit(exhibit, house.keys)
            [opening] = house.worker.vault.openings(session, exhibit, keyfile)
            found[str(opening.field("name_shown"))] = (exhibit, opening)
    return found


def test_each_item_becomes_an_exhibit_with_its_leaf(client: FlaskClient, house: IntakeHouse) -> None:
    page = send_tip(client, "He bragged.", FILES)
    [tip] = house.rows(Tip)
    receipt, claim = parse_receipt(" ".join(words_of(page))), parse_claim(claim_of(page))
    assert receipt is not None
    assert claim is not None
    found = openings(house)
    assert set(found) == {"tip.txt", *FILES}
    assert len({opening.field("act_id") for _, opening in found.values()}) == 1
    for _, opening in found.values():
        assert opening.field("kind") == "ACQUIRED"
        assert opening.field("exhibit_seq") == 1
        assert opening.field("act_size") == 3
        assert opening.field("claim_key") == claim.signing_key().public.hex() == tip.claim_key
        assert opening.field("source_recipient") == receipt.source_identity().recipient == tip.source_recipient
        assert opening.field("program") == custody_house.PROGRAM
        assert opening.field("occurred_from") == "2026-11-22"
        assert opening.field("clock") == "day and order only"
    for name, content in FILES.items():
        exhibit, opening = found[name]
        assert exhibit.kind == "attachment"
        keyfile = house.worker.vault.open_exhibit(exhibit, house.keys)
        assert b"".join(house.worker.vault.objects.read(keyfile)) == content
        assert opening.field("plaintext_after") == keyfile.plaintext_digest
        assert opening.field("length_after") == len(content)


def test_item_0_is_the_text_with_both_answers(client: FlaskClient, house: IntakeHouse) -> None:
    send_tip(client, "He bragged.\r\nTwice.", FILES)
    [first] = [item for item in house.rows(TipItem) if item.position == 0]
    exhibit = next(row for row in house.rows(Exhibit) if row.id == first.exhibit_id)
    assert exhibit.kind == "tip_text"
    data = b"".join(house.worker.vault.objects.read(house.worker.vault.open_exhibit(exhibit, house.keys)))
    assert read_tip_text(data) == ("He bragged.\r\nTwice.", "I saw or heard it myself")


def test_the_rows_tell_the_day_and_no_more(client: FlaskClient, house: IntakeHouse) -> None:
    send_tip(client, files=FILES)
    [tip], [message] = house.rows(Tip), house.rows(TipMessage)
    assert tip.number == "TIP-2026-0001"
    assert tip.received_on == message.on_day == date(2026, 11, 22)
    assert (message.seq, message.by_source, message.written_at, message.body) == (0, True, None, None)
    assert tip.title is None
    assert sorted(item.position for item in house.rows(TipItem)) == [0, 1, 2]


def test_the_draft_ends_and_its_wraps_go(client: FlaskClient, house: IntakeHouse) -> None:
    send_tip(client, files=FILES)
    assert house.rows(Draft) == house.rows(DraftPart) == []
    kinds = [name.split(".", 1)[1].split(".")[0] for name in house.files()]
    assert sorted(kinds) == ["age"] * 3 + ["grant"] * 3 + ["key"] * 3


def test_the_examiner_gets_a_grant_for_each_item_and_one_job_is_found(client: FlaskClient, house: IntakeHouse) -> None:
    send_tip(client, files=FILES)
    [tip] = house.rows(Tip)
    grants = house.rows(Grant)
    assert len(grants) == 3
    assert {(grant.purpose, grant.subject_id, grant.granted_by) for grant in grants} == {("examine", tip.id, None)}
    assert house.jobs.noted == []
    Waiting(house.worker).look_through()
    assert house.jobs.noted == [("examine_tip", tip.id, tip.id)]
    with house.session() as session:
        for grant in grants:
            _, keyfile = house.worker.vault.open_granted(session, grant, house.clock())
            assert keyfile.length > 0


def test_the_public_face_can_open_nothing_that_it_stored(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    fill(client, draft, "Text", FILES)
    client.post(SEND, data={"draft": draft})
    secret = services.find_draft_secret(house.process.vault, draft)
    assert secret is not None
    for exhibit in [row for row in house.rows(Exhibit) if row.object_name]:
        for key in (secret.key, of_before(secret).scalar):
            with pytest.raises(KeyUnavailable):
                house.process.vault.objects.open_key(exhibit.object_name, Identity.from_seed(key))


def of_before(secret: DraftSecret) -> Identity:
    """What drafts were wrapped to before they had a key of their own."""
    return Identity.from_seed(hkdf(secret.secret, "tipline/draft/1", 32))


def test_a_draft_that_is_open_while_the_version_changes_is_still_sent(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    fill(client, draft, "Typed before", FILES)
    secret = services.find_draft_secret(house.process.vault, draft)
    assert secret is not None
    recipients = [of_before(secret).recipient]
    with house.worker.unit(write=True) as work:
        for row in work.session.query(Draft):
            row.answers = wrap(secret.open(row.answers or b"", f"draft.answers:{row.id}"), recipients)
        for part in work.session.query(DraftPart):
            part.facts = wrap(secret.open(part.facts, f"draft_part.facts:{part.id}"), recipients)
    page = client.post(f"/p/{SLUG}/change", data={"draft": draft})
    assert "Typed before" in page.text
    assert all(name in page.text for name in FILES)
    assert len(words_of(client.post(SEND, data={"draft": draft}))) == 7
    assert openings(house).keys() == {"tip.txt", *FILES}


def test_a_repeated_send_shows_the_same_words_and_makes_no_second_tip(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    fill(client, draft, "Text", FILES)
    pages = [client.post(SEND, data={"draft": draft}) for _ in range(3)]
    assert len({(tuple(words_of(page)), claim_of(page)) for page in pages}) == 1
    assert len(words_of(pages[0])) == 7
    assert len(house.rows(Tip)) == 1
    assert len(house.rows(CustodyEvent)) == len(house.rows(Grant)) == 3


def test_a_form_that_was_sent_takes_nothing_more(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    fill(client, draft, "Text")
    client.post(SEND, data={"draft": draft})
    before = house.files()
    page = fill(client, draft, "Other text", {"late.txt": b"late"})
    assert page.status_code == 200
    assert "You have sent this tip" in page.text
    assert house.files() == before
    assert house.rows(Draft) == []
    assert words_of(client.post(SEND, data={"draft": field_value(page, "draft")}))


def test_the_words_can_be_shown_until_the_receipt_is_used(client: FlaskClient, house: IntakeHouse) -> None:
    draft = begin(client)
    fill(client, draft, "Text")
    first = client.post(SEND, data={"draft": draft})
    come_back(house.client(), words_of(first))
    again = client.post(SEND, data={"draft": draft})
    assert again.status_code == 200
    assert words_of(again) == []
    assert claim_of(again) == ""
    assert "can be shown no more" in again.text
    assert [row.salt for row in house.rows(Send)] == [None]


def send_at_once(house: IntakeHouse, draft: str, times: int) -> list[tuple[int, tuple[str, ...]]]:
    """Press Send from many browsers at the same moment."""
    start = threading.Barrier(times)

    def press(_: int) -> tuple[int, tuple[str, ...]]:
        client = house.client()
        start.wait()
        page = client.post(SEND, data={"draft": draft})
        return page.status_code, tuple(words_of(page))

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(press, range(times)))


def test_fifty_sends_at_once_make_one_tip(house: IntakeHouse, client: FlaskClient) -> None:
    draft = begin(client)
    fill(client, draft, "Text", FILES)
    answers = send_at_once(house, draft, 50)
    assert {status for status, _ in answers} == {200}
    assert len({words for _, words in answers}) == 1
    assert len(answers[0][1]) == 7
    assert len(house.rows(Tip)) == 1
    assert len([row for row in house.rows(Exhibit) if row.object_name]) == 3
    assert len({name.split(".")[0] for name in house.files()}) == 3


@pytest.mark.servers
def test_twenty_sends_at_once_make_one_tip_on_postgresql(postgres_url: str, settings: Settings) -> None:
    house = build(fresh_settings(settings.data, database_url=postgres_url))
    client = house.client()
    draft = begin(client)
    fill(client, draft, "Text", FILES)
    answers = send_at_once(house, draft, 20)
    assert {status for status, _ in answers} == {200}
    assert len({words for _, words in answers}) == 1
    assert len(house.rows(Tip)) == 1
    house.process.database.dispose()
    house.worker.database.dispose()


def test_tips_at_once_get_numbers_of_their_own(house: IntakeHouse) -> None:
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda n: send_tip(house.client(), f"Tip {n}", {"a.txt": b"%d" % n}), range(24)))
    assert len({tuple(words_of(page)) for page in pages}) == 24
    assert sorted(tip.number for tip in house.rows(Tip)) == [f"TIP-2026-{n:04d}" for n in range(1, 25)]


def test_a_fault_on_the_way_leaves_the_draft_and_no_tip(house: IntakeHouse, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = begin(client)
    fill(client, draft, "Text", FILES)
    before = house.files()

    def break_down(*_: object) -> None:
        raise OSError("the disk went away")

    monkeypatch.setattr(taking, "add_items", break_down)
    assert client.post(SEND, data={"draft": draft}).status_code == 500
    monkeypatch.undo()
    assert house.rows(Tip) == house.rows(CustodyEvent) == house.rows(Send) == []
    objects = [name for name in house.files() if name.count(".") == 1]
    assert objects == [name for name in before if name.count(".") == 1]
    assert words_of(client.post(SEND, data={"draft": draft}))
    assert len(house.rows(Tip)) == 1


def test_the_public_face_never_loads_the_job_queue(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dbos", None)  # whoever imports it fails
    monkeypatch.setattr(wsgi, "SlowLines", MagicMock())
    monkeypatch.setattr(wsgi, "_settled", lambda app: app)
    monkeypatch.setattr(wsgi.logs, "configure", lambda: None)
    app = wsgi._public(house.settings)
    client = app.test_client()
    page = come_back(client, words_of(send_tip(client, "He bragged.", FILES)))
    said = {"draft": field_value(page, "draft"), "token": field_value(page, "token"), "what": "One thing more."}
    assert send_message(client, said, {"b.txt": b"more"}).status_code == 303
    assert len(house.rows(Grant)) == 5
    app.extensions["tipline"].database.dispose()


def test_the_packet_proves_each_item_and_holds_no_content(client: FlaskClient, house: IntakeHouse) -> None:
    page = send_tip(client, "CANARY-text", FILES)
    [tip] = house.rows(Tip)
    receipt = parse_receipt(" ".join(words_of(page)))
    assert receipt is not None
    data = receipt.source_identity().unwrap(tip.packet)
    assert b"CANARY" not in data
    assert b"IMG_2231" not in data
    assert data == canonical.encode(canonical.decode(data))
    items = packet.items(data)
    assert {packet.entry(item).hex() for item in items} == {event.entry for event in house.rows(CustodyEvent)}
    for item in items:
        assert set(packet.disclosed(item)) == packet.DISCLOSED
        assert packet.disclosed(item)["claim_key"] == tip.claim_key
        assert packet.disclosed(item)["exhibit_seq"] == 1


def test_an_item_says_what_any_acquisition_says(client: FlaskClient, house: IntakeHouse) -> None:
    """Intake makes its first events itself, for speed: they must be those that the vault would have made."""
    send_tip(client, files={"same.bin": b"same bytes"})
    mine_row, mine = openings(house)["same.bin"]
    with house.process.unit(write=True) as unit:
        with unit.vault.objects.receive() as receiving:
            receiving.write(b"same bytes")
            sealed = receiving.finish()
        day = unit.today()
        fields = {name: mine.field(name) for name in ("act_id", "act_size", "claim_key", "source_recipient")}
        new = Acquisition(custody_house.PROGRAM, "attachment", sealed, "same.bin", received_on=day, occurred=day, fields=fields)
        theirs_row, _ = unit.vault.acquire(unit.session, new, unit.now())
        [theirs] = unit.vault.openings(unit.session, theirs_row, sealed.keyfile)
    differ = {name for name, value in mine.fields().items() if value != theirs.field(name)}
    assert differ == {"event_id", "exhibit", "ciphertext_after"}
    assert len(mine.attestations) == len(theirs.attestations) == 1
    columns = {column.key for column in Exhibit.__table__.columns} - {"id", "object_name", "recipient", "facts"}
    assert {name: getattr(mine_row, name) for name in columns} == {name: getattr(theirs_row, name) for name in columns}
    assert house.worker.vault.facts(mine_row, house.keys) == house.worker.vault.facts(theirs_row, house.keys)
