"""Two administrators sign the list of recipients: what waits, what counts, what is refused, and what a crash leaves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select, update

from evidence.keys import Identity
from evidence.signing import SigningKey
from tests.tipline.accounts.console_house import PROGRAM, ConsoleHouse, Person
from tests.tipline.admin.test_programs import FIELDS, staff
from tests.tipline.admin.test_recovery import shares_on
from tipline import recipients as files
from tipline import succession
from tipline.accounts.key_events import Key, live_keys
from tipline.admin import rotations
from tipline.admin.administrators import PinAdministrator, pin_administrator, signer_of
from tipline.admin.services import disable_colleague
from tipline.admin.setup import prepare
from tipline.errors import BadInput, Conflict, Unsound
from tipline.models.programs import Program, ProgramWrap, RecipientProposal, Rotation
from tipline.process import open_process
from tipline.recipients import FACES, Recipient, RecipientFile, list_after, publish_recipients, read_pins, write_list


def propose(by: Person, login: str, in_place_of: str = "") -> None:
    shown = signer_of(staff(by.house, login))
    gone = staff(by.house, in_place_of).id if in_place_of else ""
    with by.acting() as (work, actor):
        pin_administrator(work, actor, PinAdministrator(shown.id, shown.fingerprint, gone))


def waiting(house: ConsoleHouse) -> RecipientProposal:
    with house.process.unit(write=False) as work:
        return work.session.scalars(select(RecipientProposal).where(RecipientProposal.state == "proposed")).one()


def sign(person: Person) -> int:
    page = person.client.get("/signatures").text
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', page)
    assert seen, page
    return person.post(f"/signatures/{waiting(person.house).id}/sign", seen=seen[1]).status_code


def key_of(person: Person) -> SigningKey:
    with person.acting() as (_, actor):
        return actor.keyring.signing_key


def pinned(house: ConsoleHouse) -> set[tuple[str, ...]]:
    return {read_pins(house.settings.keys(face)).keys for face in FACES}


def stored(house: ConsoleHouse) -> list[str]:
    with house.process.unit(write=False) as work:
        return list(work.session.scalars(select(Program.slug)))


@pytest.fixture
def second(house: ConsoleHouse, admin: Person) -> Person:
    """The second administrator, who signs too."""
    person = house.colleague(admin, "second", "administrator")
    propose(admin, "second")
    assert sign(person) == 303
    return person


def open_program(first: Person, other: Person) -> tuple[str, list[str]]:
    answer = first.post("/programs/new", **FIELDS)
    assert answer.status_code == 200, answer.text
    assert "waits for the second signature" in answer.text
    assert sign(other) == 303
    with first.house.process.unit(write=False) as work:
        program_id = work.session.scalars(select(Program.id)).one()
    shares = shares_on(answer.text)
    assert first.post(f"/programs/{program_id}/recovery", first=shares[0], second=shares[1]).status_code == 303
    return program_id, shares


# pinning


def test_one_administrator_changes_nothing_of_todays_form(house: ConsoleHouse, admin: Person) -> None:
    house.open_program(admin)
    assert json.loads((house.settings.keys("public") / "pins.json").read_text()) == {"keys": [key_of(admin).public.hex()], "needed": 1}
    body = json.loads(json.loads((house.settings.keys("public") / "recipients.json").read_text())["list"])
    assert set(body) == {"version", "recipients"}


def test_the_second_one_is_pinned_only_when_both_have_signed(house: ConsoleHouse, admin: Person) -> None:
    other = house.colleague(admin, "second", "administrator")
    before = pinned(house)
    shown = signer_of(staff(house, "second"))
    unsure = {"staff_id": shown.id, "fingerprint": shown.fingerprint}
    assert admin.post("/signatures/administrators", **unsure).status_code == 422
    assert admin.post("/signatures/administrators", compared="y", staff_id=shown.id, fingerprint="SHA256:x").status_code == 409
    assert admin.post("/signatures/administrators", compared="y", **unsure).status_code == 303
    assert pinned(house) == before
    assert sign(admin) == 409
    assert sign(other) == 303
    both = (key_of(admin).public.hex(), key_of(other).public.hex())
    assert pinned(house) == {both}
    assert read_pins(house.settings.keys("worker")).needed == 2
    with house.process.unit(write=False) as work:
        recipients = work.vault.recipients.administrators
        named = live_keys(work, "administrator")
    person = staff(house, "second")
    assert named == {Key("administrator", person.recipient or "", person.id)}
    assert set(recipients) == {staff(house, "administrator").recipient, person.recipient}


def test_a_swapped_row_makes_nobody_a_signer(house: ConsoleHouse, admin: Person) -> None:
    """Who writes the database swaps the reader's key between the comparison and the signature of the second."""
    other = house.colleague(admin, "second", "administrator")
    with house.process.unit(write=True) as work:
        person = staff(house, "second")
        work.session.execute(update(type(person)).where(type(person).id == person.id).values(recipient=Identity.generate().recipient))
    propose(admin, "second")
    assert sign(other) == 409
    assert len(read_pins(house.settings.keys("public")).keys) == 1


def test_an_administrator_who_is_not_pinned_can_pin_nobody(house: ConsoleHouse, admin: Person) -> None:
    other = house.colleague(admin, "second", "administrator")
    house.colleague(admin, "third", "administrator")
    with pytest.raises(Conflict, match="not one of those that sign"):
        propose(other, "third")


# from then on


def test_a_new_program_waits_whole_and_is_made_whole(house: ConsoleHouse, admin: Person, second: Person) -> None:
    answer = admin.post("/programs/new", **FIELDS)
    assert "waits for the second signature" in answer.text
    assert stored(house) == []
    assert "waits for a second signature" in admin.client.get("/programs").text
    assert PROGRAM.slug not in [entry.id for entry in house.process.vault.recipients.recipients]
    assert admin.post("/programs/new", **{**FIELDS, "slug": "other"}).status_code == 409
    assert sign(admin) == 409
    assert sign(second) == 303
    assert stored(house) == [PROGRAM.slug]
    with admin.acting() as (work, actor):
        program = work.session.scalars(select(Program)).one()
        assert actor.keyring.program(program.id).identity.recipient == work.vault.recipients.program(program.id) == program.recipient
    shares = shares_on(answer.text)
    assert admin.post(f"/programs/{program.id}/recovery", first=shares[1], second=shares[2]).status_code == 303


def test_what_is_declined_leaves_nothing(house: ConsoleHouse, admin: Person, second: Person) -> None:
    version = house.process.vault.recipients.version
    admin.post("/programs/new", **FIELDS)
    proposal = waiting(house).id
    third = house.colleague(admin, "third", "administrator")
    assert third.post(f"/signatures/{proposal}/decline").status_code == 409
    assert second.post(f"/signatures/{proposal}/decline").status_code == 303
    assert second.post(f"/signatures/{proposal}/sign", seen="x").status_code == 409
    assert stored(house) == []
    assert house.process.vault.recipients.version == version
    with house.process.unit(write=False) as work:
        assert live_keys(work, "program", "recovery") == set()
    open_program(admin, second)


def test_a_new_key_waits_and_nothing_is_wrapped_to_it_before(house: ConsoleHouse, admin: Person, second: Person) -> None:
    program_id, _ = open_program(admin, second)
    old = house.process.vault.recipients.program(program_id)
    assert admin.post(f"/programs/{program_id}/new-key").location == "/signatures"
    with admin.acting() as (work, actor):
        assert actor.keyring.program(program_id).identity.recipient == work.vault.recipients.program(program_id) == old
        assert work.session.scalars(select(Rotation.id)).all() == []
    assert sign(second) == 303
    with admin.acting() as (work, actor):
        fresh = actor.keyring.program(program_id).identity.recipient
        assert fresh == work.vault.recipients.program(program_id) == work.session.get_one(Program, program_id).recipient != old
        assert rotations.is_under_way(work, program_id)
        assert live_keys(work, "program") == {Key("program", fresh, program_id)}


def test_a_new_key_is_not_stored_when_readers_have_changed(house: ConsoleHouse, admin: Person, second: Person) -> None:
    program_id, _ = open_program(admin, second)
    house.colleague(admin, "m.okafor", "investigator")
    admin.post(f"/programs/{program_id}/new-key")
    person = staff(house, "m.okafor")
    shown = re.search(
        rf'value="{person.id}"><input type="hidden" name="fingerprint" value="([^"]+)"', admin.client.get(f"/programs/{program_id}").text
    )
    assert shown
    assert admin.post(f"/programs/{program_id}/access", staff_id=person.id, fingerprint=shown[1], compared="y").status_code == 303
    assert sign(second) == 409
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(Rotation.id)).all() == []
        assert len(work.session.scalars(select(ProgramWrap.staff_id)).all()) == 2
    assert waiting(house).state == "proposed"


def test_other_shares_wait_too(house: ConsoleHouse, admin: Person, second: Person) -> None:
    lost = shares_on(admin.post("/programs/new", **FIELDS).text)
    assert sign(second) == 303
    with house.process.unit(write=False) as work:
        address = f"/programs/{work.session.scalars(select(Program.id)).one()}"
    fresh = shares_on(admin.post(f"{address}/recovery/new").text)
    assert admin.post(f"{address}/recovery", first=fresh[0], second=fresh[1]).status_code == 422
    assert sign(second) == 303
    assert admin.post(f"{address}/recovery", first=lost[0], second=lost[1]).status_code == 422
    assert admin.post(f"{address}/recovery", first=fresh[0], second=fresh[1]).status_code == 303


def test_what_was_kept_is_what_was_signed(house: ConsoleHouse, admin: Person, second: Person) -> None:
    admin.post("/programs/new", **FIELDS)
    row = waiting(house)
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', second.client.get("/signatures").text)
    assert seen
    assert second.post(f"/signatures/{row.id}/sign", seen="0" * 64).status_code == 409  # another list than the one on the page
    with house.process.unit(write=True) as work:
        changed = (row.change or "").replace(PROGRAM.slug, "swapped")
        work.session.execute(update(RecipientProposal).where(RecipientProposal.id == row.id).values(change=changed))
    assert second.post(f"/signatures/{row.id}/sign", seen=seen[1]).status_code == 500
    assert "Altered in the database" in second.client.get("/signatures").text
    assert second.post(f"/signatures/{row.id}/decline").status_code == 303
    assert stored(house) == []


# three


def test_with_three_any_two_sign_and_one_can_go(house: ConsoleHouse, admin: Person, second: Person) -> None:
    third = house.colleague(admin, "third", "administrator")
    propose(admin, "third")
    assert sign(second) == 303
    assert len(read_pins(house.settings.keys("public")).keys) == 2  # the third has not signed yet
    assert sign(third) == 303
    assert len(read_pins(house.settings.keys("public")).keys) == 3
    with second.acting() as (work, actor):
        disable_colleague(work, actor, staff(house, "administrator").id)
    gone = staff(house, "administrator").id
    assert second.post("/signatures/administrators", in_place_of=gone).status_code == 303
    assert sign(third) == 303
    assert pinned(house) == {(key_of(second).public.hex(), key_of(third).public.hex())}
    assert len(house.process.vault.recipients.administrators) == 2
    open_program(second, third)


def test_one_takes_the_place_of_another_and_two_have_to_remain(house: ConsoleHouse, admin: Person, second: Person) -> None:
    first = staff(house, "administrator").id
    assert second.post("/signatures/administrators", in_place_of=first).status_code == 409
    third = house.colleague(admin, "third", "administrator")
    propose(admin, "third", in_place_of="administrator")
    assert sign(third) == 303
    assert len(pinned(house)) == 1
    assert key_of(third).public.hex() not in pinned(house).pop()
    assert sign(second) == 303
    assert pinned(house) == {(key_of(second).public.hex(), key_of(third).public.hex())}
    assert admin.post("/programs/new", **FIELDS).status_code == 409


def test_what_a_disabled_administrator_proposed_is_not_signed(house: ConsoleHouse, admin: Person, second: Person) -> None:
    admin.post("/programs/new", **FIELDS)
    with second.acting() as (work, actor):
        disable_colleague(work, actor, staff(house, "administrator").id)
    assert sign(second) == 409
    assert stored(house) == []


# who writes files or rows


def test_a_list_that_only_one_signed_is_refused(house: ConsoleHouse, admin: Person, second: Person) -> None:
    entry = Recipient("program", "0" * 32, Identity.generate().recipient)
    for signers in ([key_of(admin)], [key_of(second), key_of(second)], [key_of(second), SigningKey.generate()]):
        with pytest.raises(Unsound, match="not signed by the administrators"):
            publish_recipients(house.settings, [entry], signers)
        folder = house.settings.keys("public")
        signed = list_after(RecipientFile(folder).current(), [entry])
        for key in signers:
            signed = signed.signed_by(key)
        before = (folder / "recipients.json").read_text()
        (folder / "recipients.json").write_text(signed.to_text())
        with pytest.raises(Unsound, match="not signed by the administrators"):
            RecipientFile(folder).current()
        (folder / "recipients.json").write_text(before)


def test_one_alone_pins_nobody_else(house: ConsoleHouse, admin: Person, second: Person) -> None:
    thief, folder = SigningKey.generate(), house.settings.keys("public")
    signers = [key_of(second).public.hex(), thief.public.hex()]
    forged = list_after(RecipientFile(folder).current(), [], (), {"signers": signers}).signed_by(key_of(second)).signed_by(thief)
    with pytest.raises(Unsound):
        write_list(house.settings, forged)
    document = json.loads((folder / "pins.json").read_text())
    document["then"].append(json.loads(forged.to_text()))
    (folder / "pins.json").write_text(json.dumps(document))
    with pytest.raises(Unsound, match="not signed by those pinned before"):
        RecipientFile(folder).current()


def test_an_older_list_is_refused_by_who_saw_a_newer_and_by_newer_pins(house: ConsoleHouse, admin: Person) -> None:
    folder = house.settings.keys("public")
    oldest = (folder / "recipients.json").read_text()
    running = RecipientFile(folder)
    house.open_program(admin)
    running.current()
    newest = (folder / "recipients.json").read_text()
    (folder / "recipients.json").write_text(oldest)
    with pytest.raises(Unsound, match="older than those before"):
        running.current()
    (folder / "recipients.json").write_text(newest)
    other = house.colleague(admin, "second", "administrator")
    propose(admin, "second")
    assert sign(other) == 303
    (folder / "recipients.json").write_text(newest)
    with pytest.raises(Unsound):  # also by a process that has seen nothing: one signature is not enough now
        RecipientFile(folder).current()


def test_old_pins_are_refused_while_it_runs_and_replaced_at_the_next_start(house: ConsoleHouse, admin: Person) -> None:
    folder = house.settings.keys("public")
    old = (folder / "pins.json").read_text()
    other = house.colleague(admin, "second", "administrator")
    propose(admin, "second")
    assert sign(other) == 303
    running = RecipientFile(folder)
    running.current()
    alone = list_after(running.current(), [Recipient("program", "0" * 32, Identity.generate().recipient)]).signed_by(key_of(admin))
    (folder / "pins.json").write_text(old)
    (folder / "recipients.json").write_text(alone.to_text())
    with pytest.raises(Unsound, match="older than those before"):
        running.current()
    (folder / "recipients.json").write_text((house.settings.keys("worker") / "recipients.json").read_text())
    prepare(house.settings)
    assert len(read_pins(folder).keys) == 2


# crashes


class Died(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("lives", range(6))
def test_a_crash_between_any_two_files_leaves_what_counts_and_the_next_start_does_the_rest(
    house: ConsoleHouse, admin: Person, monkeypatch: pytest.MonkeyPatch, lives: int
) -> None:
    """Six files change when somebody is pinned: list and pins of three folders."""
    other = house.colleague(admin, "second", "administrator")
    propose(admin, "second")
    real, left = files.replace_file, [lives]

    def dies(path: Path, text: str) -> None:
        if left[0] == 0:
            raise Died
        left[0] -= 1
        real(path, text)

    monkeypatch.setattr(files, "replace_file", dies)
    with pytest.raises(Died):
        sign(other)
    monkeypatch.undo()
    for face in FACES:
        assert RecipientFile(house.settings.keys(face)).current().administrators
    prepare(house.settings)
    assert {len(read_pins(house.settings.keys(face)).keys) for face in FACES} == {2}
    assert len({RecipientFile(house.settings.keys(face)).current() for face in FACES}) == 1
    open_program(admin, other)


# too few are left


def left_alone(house: ConsoleHouse, second: Person) -> tuple[Person, str]:
    """The first administrator is gone; the second and a third have signed, which is not enough in the console."""
    with second.acting() as (work, actor):
        disable_colleague(work, actor, staff(house, "administrator").id)
    third = house.colleague(second, "third", "administrator")
    propose(second, "third", in_place_of="administrator")
    return third, signer_of(staff(house, "third")).fingerprint


def test_who_is_left_and_who_follows_sign_and_the_operator_pins(house: ConsoleHouse, admin: Person, second: Person) -> None:
    before = pinned(house)
    third, compared = left_alone(house, second)
    with pytest.raises(Conflict, match="Not everybody who shall sign has signed"):
        succession.pin_successor(house.settings, compared, print)
    assert sign(third) == 303
    assert pinned(house) == before
    with pytest.raises(BadInput, match="not the fingerprint"):
        succession.pin_successor(house.settings, "SHA256:x", print)
    said: list[str] = []
    succession.pin_successor(house.settings, compared, said.append)
    assert compared in said[1]
    assert pinned(house) == {(key_of(second).public.hex(), key_of(third).public.hex())}
    with pytest.raises(Unsound, match="older than those before"):  # what ran on would stop
        _ = house.process.vault.recipients
    prepare(house.settings)
    restarted = open_process("console", house.settings, house.clock)
    with restarted.unit(write=False) as work:
        assert {key.owner for key in live_keys(work, "administrator")} == {staff(house, "second").id, staff(house, "third").id}
        assert staff(house, "administrator").recipient not in work.vault.recipients.administrators
    restarted.database.dispose()


def test_the_operator_pins_nobody_while_enough_can_sign(house: ConsoleHouse, admin: Person, second: Person) -> None:
    third = house.colleague(admin, "third", "administrator")
    propose(second, "third", in_place_of="administrator")
    assert sign(third) == 303
    with pytest.raises(Conflict, match="Enough of the administrators"):
        succession.pin_successor(house.settings, signer_of(staff(house, "third")).fingerprint, print)
    assert len(waiting(house).signature) > 0


@pytest.mark.parametrize("lives", range(7))
def test_the_operators_command_is_repeated_after_a_crash(
    house: ConsoleHouse, admin: Person, second: Person, monkeypatch: pytest.MonkeyPatch, lives: int
) -> None:
    third, compared = left_alone(house, second)
    assert sign(third) == 303
    real, left = files.replace_file, [lives]

    def dies(path: Path, text: str) -> None:
        if left[0] == 0:
            raise Died
        left[0] -= 1
        real(path, text)
        if left[0] == 0 and lives == 6:  # all files, and no commit
            raise Died

    monkeypatch.setattr(files, "replace_file", dies)
    with pytest.raises(Died):
        succession.pin_successor(house.settings, compared, print)
    monkeypatch.undo()
    succession.pin_successor(house.settings, compared, print)
    assert pinned(house) == {(key_of(second).public.hex(), key_of(third).public.hex())}
    prepare(house.settings)
