"""Two people sign for what `tipline recover` did: the services, the page, the banner, and what waits until then."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from evidence.records import Opening
from tests.installations import Installation
from tipline import restoring
from tipline.admin.restorations import SignRestoration, list_restorations, result_of, sign_restoration
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, CustodyOpening, Restoration
from tipline.vault import INSTALLATION

WORDS = "Disk failed on 21 November; the backup of the night before was put back."


def waiting(installation: Installation, kind: str = "database", about: str | None = None) -> str:
    """A restoration that the operator has just made."""
    with installation.work() as work:
        row = Restoration(id=new_id(), kind=kind, from_index=64, to_index=128, lost=1, superseded=2, about=about, found_at=work.now())
        work.session.add(row)
    return row.id


def sign(installation: Installation, role: str, restoration_id: str, reason: str = WORDS) -> Restoration:
    actor = installation.actor(role)
    with installation.work() as work:
        return sign_restoration(work, actor, SignRestoration(restoration_id, reason))


def restored_events(installation: Installation) -> list[tuple[str, bytes]]:
    """Entries and openings of the RESTORED events: those of the installation that stand sealed."""
    with installation.work(write=False) as work:
        rows = work.session.execute(
            select(CustodyEvent.entry, CustodyOpening.opening)
            .join(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
            .where(CustodyEvent.exhibit_id == INSTALLATION)
            .order_by(CustodyEvent.exhibit_seq)
        )
        return [(entry, blob) for entry, blob in rows if not blob.startswith(b"{")]


def test_it_waits_until_two_have_signed(installation: Installation) -> None:
    with installation.work(write=False) as work:
        assert not restoring.pending(work.session)
    one = waiting(installation)
    for role, still in (("counsel", True), ("administrator", False)):
        sign(installation, role, one)
        with installation.work(write=False) as work:
            assert restoring.pending(work.session) is still


def test_each_signs_an_event_with_range_and_reason_and_the_second_names_the_first(installation: Installation) -> None:
    one = waiting(installation)
    sign(installation, "counsel", one)
    sign(installation, "administrator", one, "Compared with the copy of the anchor in the safe.")
    (first_entry, first_blob), (second_entry, second_blob) = restored_events(installation)
    reader = installation.people["administrator"].keys.identity
    first, second = Opening.from_bytes(reader.unwrap(first_blob)), Opening.from_bytes(reader.unwrap(second_blob))
    assert [first.entry().hex(), second.entry().hex()] == [first_entry, second_entry]
    assert first.field("kind") == second.field("kind") == "RESTORED"
    assert first.field("result") == "log index 64 to 128 taken back from the anchor; 1 events without their content, 2 set aside"
    assert (first.field("justification"), first.field("authority")) == (WORDS, None)
    assert (second.field("actor"), second.field("authority")) == ("administrator", first_entry)
    for opening, role in ((first, "counsel"), (second, "administrator")):
        person = hashlib.sha256(installation.people[role].keys.signing_key.public).digest()
        assert [key for key, _ in opening.attestations][1:] == [person]


def test_the_same_person_does_not_sign_twice_and_nobody_third(installation: Installation) -> None:
    one = waiting(installation)
    sign(installation, "counsel", one)
    with pytest.raises(Conflict, match="You signed first"):
        sign(installation, "counsel", one)
    sign(installation, "administrator", one)
    with pytest.raises(Conflict, match="Two people have signed"):
        sign(installation, "counsel", one)
    assert len(restored_events(installation)) == 2


@pytest.mark.parametrize("role", ["investigator", "program_manager"])
def test_others_may_not(installation: Installation, role: str) -> None:
    one = waiting(installation)
    with pytest.raises(Forbidden):
        sign(installation, role, one)
    with installation.work(write=False) as work, pytest.raises(Forbidden):
        list_restorations(work, installation.actor(role))
    assert restored_events(installation) == []


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001])
def test_without_a_reason_nothing_is_signed(installation: Installation, reason: str) -> None:
    one = waiting(installation)
    with pytest.raises(BadInput):
        sign(installation, "counsel", one, reason)
    assert restored_events(installation) == []


def test_an_unknown_one_is_not_found(installation: Installation) -> None:
    with pytest.raises(NotFound):
        sign(installation, "counsel", "0" * 32)


def test_a_new_log_is_signed_for_with_the_old_checkpoints_digest(installation: Installation) -> None:
    note = "log\n128\nAAAA\n\n— log AAAA\n"
    one = waiting(installation, "new_log", note)
    sign(installation, "administrator", one)
    opening = Opening.from_bytes(installation.people["administrator"].keys.identity.unwrap(restored_events(installation)[0][1]))
    assert opening.field("manifest") == "sha256:" + hashlib.sha256(note.encode()).hexdigest()


@pytest.mark.parametrize(("kind", "words"), [("anchor", "written anew"), ("new_log", "a new log was begun"), ("database", "taken back")])
def test_each_kind_has_its_words(kind: str, words: str) -> None:
    assert words in result_of(Restoration(kind=kind, from_index=0, to_index=5, lost=0, superseded=0))


# the page


def test_every_page_says_that_it_waits_and_the_page_ends_it(installation: Installation, sign_in: Callable[[str], FlaskClient]) -> None:
    counsel, administrator, investigator = sign_in("counsel"), sign_in("administrator"), sign_in("investigator")
    assert "waits for two signatures" not in counsel.get("/keys").text
    assert "Nothing was ever recovered" in counsel.get("/record").text
    one = waiting(installation)
    for client in (counsel, administrator, investigator):
        assert "The record was recovered and waits for two signatures." in client.get("/keys").text
    assert 'href="/record"' not in investigator.get("/keys").text
    assert counsel.post(f"/record/{one}/sign", data={"reason": WORDS}, follow_redirects=True).text.count("You have signed.") == 1
    page = counsel.get("/record").text
    assert "You signed first." in page
    assert "The reason is sealed to the administrators." in page
    page = administrator.get("/record").text
    assert WORDS in page
    assert 'class="open"' in page
    done = administrator.post(f"/record/{one}/sign", data={"reason": "Compared."}, follow_redirects=True).text
    assert "Two people have signed." in done
    assert "Signed by two" in done
    assert "waits for two signatures" not in done


def test_a_missing_reason_is_said_at_its_field_and_what_was_typed_stays(
    installation: Installation, sign_in: Callable[[str], FlaskClient]
) -> None:
    one = waiting(installation)
    answer = sign_in("counsel").post(f"/record/{one}/sign", data={"reason": "x" * 2001})
    assert answer.status_code == 422
    assert "Say in 1 to 2,000 characters" in answer.text
    assert "x" * 2001 in answer.text
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize("role", ["investigator", "program_manager"])
def test_the_page_refuses_other_roles(installation: Installation, sign_in: Callable[[str], FlaskClient], role: str) -> None:
    one = waiting(installation)
    client = sign_in(role)
    assert client.get("/record").status_code == 403
    assert client.post(f"/record/{one}/sign", data={"reason": WORDS}).status_code == 403


# what waits


def test_nothing_is_published_until_two_have_signed(installation: Installation) -> None:
    sequencer = installation.sequencer()
    sequencer.start()
    one = waiting(installation)
    assert not sequencer.publish_if_due()
    assert not (installation.settings.log_folder / "checkpoint").exists()
    sign(installation, "counsel", one)
    sign(installation, "administrator", one)
    assert sequencer.publish_if_due()
