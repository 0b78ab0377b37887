"""The custody record on real databases: chains, sealing, grants, and triggers that refuse every change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from evidence.errors import EvidenceError
from evidence.keys import Identity
from tests.tipline.custody_house import DAY, NOW, PROGRAM, CustodyHouse, build
from tipline.config import Settings
from tipline.errors import Unsound
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, Grant, LogLeaf
from tipline.vault import Acquisition, Act, shown_name


@pytest.fixture
def house(every_database: Settings) -> Iterator[CustodyHouse]:
    made = build(every_database)
    yield made
    made.close()


def test_what_arrives_becomes_an_exhibit_with_its_digest_in_the_first_event(house: CustodyHouse) -> None:
    exhibit, keyfile = house.acquire(b"hello")
    with house.session() as session:
        (opening,) = house.worker.vault.openings(session, exhibit, keyfile)
    fields = opening.fields()
    assert (fields["kind"], fields["exhibit_seq"], fields["length_after"]) == ("ACQUIRED", 1, 5)
    assert fields["plaintext_after"] == keyfile.plaintext_digest
    assert (fields["occurred_from"], fields["clock"]) == (DAY.isoformat(), "day and order only")


def test_nothing_of_the_original_stands_in_the_clear(house: CustodyHouse) -> None:
    exhibit, keyfile = house.acquire(b"a secret", "secret-name.txt")
    with house.session() as session:
        opening = session.get_one(CustodyOpening, session.scalars(select(CustodyEvent.event_id)).one()).opening
        row = session.get_one(Exhibit, exhibit.id)
    kept = opening + (row.facts or b"") + row.id.encode() + str(row.object_name).encode()
    for secret in (b"secret-name", b"a secret", keyfile.plaintext_digest.encode()):
        assert secret not in kept


def test_each_event_commits_to_the_one_before(house: CustodyHouse) -> None:
    exhibit, keyfile = house.acquire()
    with house.session() as session:
        for kind in ("EXAMINED", "VIEWED", "VERIFIED"):
            house.worker.vault.record(session, Act(exhibit, keyfile, kind), NOW)
        session.commit()
        openings = house.worker.vault.openings(session, exhibit, keyfile)
    assert [opening.field("exhibit_seq") for opening in openings] == [1, 2, 3, 4]
    assert [opening.field("exhibit_prev") for opening in openings[1:]] == [opening.entry().hex() for opening in openings[:-1]]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE custody_event SET exhibit_seq = 9",
        "UPDATE custody_event SET entry = 'x'",
        "DELETE FROM custody_event",
        "UPDATE log_leaf SET log_index = 7",
        "DELETE FROM log_leaf",
        "INSERT INTO log_leaf (log_index, event_id, entry) SELECT 99, event_id, entry FROM custody_event",
        "INSERT INTO custody_event (event_id, exhibit_id, exhibit_seq, exhibit_prev, entry) "
        "SELECT 'e', exhibit_id, 9, 'p', 'e' FROM custody_event",
    ],
)
def test_the_database_refuses_to_change_the_record(house: CustodyHouse, statement: str) -> None:
    house.acquire()
    house.sequencer().run_all()
    with house.session() as session, pytest.raises(DBAPIError, match=r"append only|no gap"):
        session.execute(text(statement))


def test_insert_or_replace_does_not_pass_either(house: CustodyHouse) -> None:
    if house.worker.database.engine.dialect.name != "sqlite":
        with house.session() as session, pytest.raises(DBAPIError, match="append only"):
            session.execute(text("TRUNCATE custody_event CASCADE"))
        return
    house.acquire()
    with house.session() as session, pytest.raises(DBAPIError):
        session.execute(
            text("INSERT OR REPLACE INTO custody_event SELECT event_id, exhibit_id, 1, exhibit_prev, 'other' FROM custody_event")
        )


def test_a_row_that_names_another_recipient_gets_nothing_sealed_to_it(house: CustodyHouse) -> None:
    exhibit, keyfile = house.acquire()
    exhibit.recipient = Identity.generate().recipient
    with house.session() as session, pytest.raises(Unsound, match="does not belong"):
        house.worker.vault.record(session, Act(exhibit, keyfile, "VIEWED"), NOW)


def test_a_program_that_is_not_in_the_signed_list_gets_nothing(house: CustodyHouse) -> None:
    path = house.settings.keys("public") / "recipients.json"
    path.write_text(path.read_text().replace(house.program.recipient, Identity.generate().recipient))
    with house.public.unit(write=True) as work:
        sealed = work.vault.objects.receive().finish()
        with pytest.raises(Unsound, match="not signed"):
            work.vault.acquire(work.session, Acquisition(PROGRAM, "attachment", sealed, "x", DAY, DAY), NOW)


def test_a_swapped_opening_is_noticed(house: CustodyHouse) -> None:
    first, key = house.acquire(b"one")
    with house.session() as session:
        house.worker.vault.record(session, Act(first, key, "VIEWED"), NOW)
        events = session.scalars(select(CustodyEvent.event_id).order_by(CustodyEvent.exhibit_seq)).all()
        one, two = (session.get_one(CustodyOpening, event) for event in events)
        one.opening, two.opening = two.opening, one.opening
        session.flush()
        with pytest.raises(Unsound, match="not the one that was recorded"):
            house.worker.vault.openings(session, first, key)


def test_the_worker_opens_an_exhibit_only_while_its_grant_stands(house: CustodyHouse) -> None:
    exhibit, keyfile = house.acquire(b"hello")
    with house.session() as session:
        with pytest.raises(EvidenceError):
            house.worker.vault.objects.open_key(str(exhibit.object_name), house.worker.vault.keys.examiner)
        terms = {"purpose": "examine", "subject_id": "t", "expires_at": NOW + timedelta(hours=1)}
        grant = house.public.vault.grant(session, exhibit, keyfile, **terms)
        _, opened = house.worker.vault.open_granted(session, grant, NOW)
        assert b"".join(house.worker.vault.objects.read(opened)) == b"hello"
        with pytest.raises(Unsound, match="expired"):
            house.worker.vault.open_granted(session, grant, NOW + timedelta(hours=2))
        house.worker.vault.close_grant(session, grant)
        session.commit()
        assert session.scalars(select(Grant)).all() == []
        with pytest.raises(EvidenceError):
            house.worker.vault.open_granted(session, grant, NOW)


def test_the_sequencer_gives_every_event_one_place_without_a_gap(house: CustodyHouse) -> None:
    for number in range(3):
        house.acquire(b"x" * number)
    house.sequencer().run_all()
    house.acquire(b"late")
    house.sequencer().run_all()
    with house.session() as session:
        places = session.execute(select(LogLeaf.log_index, LogLeaf.entry).order_by(LogLeaf.log_index)).all()
        entries = set(session.scalars(select(CustodyEvent.entry)))
    assert [place.log_index for place in places] == [0, 1, 2, 3]
    assert {place.entry for place in places} == entries


def test_shown_names_hold_no_control_or_direction_characters() -> None:
    assert shown_name("a\u202etxt.exe\n\x00") == "a\N{REPLACEMENT CHARACTER}txt.exe\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert len(shown_name("x" * 5000)) == 200
