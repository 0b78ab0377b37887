"""A program gets a new key: everything stays readable on the way, wherever it is cut, and the old key opens nothing after it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from evidence.keys import Identity, Successor, wrap
from evidence.signing import key_id
from tests.installations import Installation, install
from tests.tipline.admin.turning import Died, Turning
from tipline.accounts import key_events
from tipline.accounts.key_events import Key, live_keys
from tipline.admin import listing, rewrapping, rotations, services
from tipline.admin.recovery import TypedShares, open_with
from tipline.admin.setup import prepare
from tipline.config import Settings
from tipline.errors import Conflict, Forbidden, NoKey
from tipline.models.custody import CustodyOpening, Exhibit
from tipline.models.programs import Program, ProgramWrap, Rotation
from tipline.models.staff import Staff
from tipline.recipients import RecipientFile, SignedList, write_list


@pytest.fixture
def turning(installation: Installation) -> Turning:
    return Turning(installation)


def test_three_hundred_exhibits_cut_at_every_border_and_within_every_batch(turning: Turning, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is cut before its files, when half of them are stored, and between its files and its rows, and then done."""
    monkeypatch.setattr(rewrapping, "BATCH", 66)
    monkeypatch.setattr(rotations, "BATCH", 66)
    turning.fill(300)
    turning.start()
    cuts = 0
    works = True
    while works:
        for share in (0.0, 0.5, 1.0):
            turning.store.dies(share)
            with pytest.raises(Died):
                turning.step()
            turning.store.lives_on()
            cuts += 1
        assert turning.read_all(every=25) == 12
        works = turning.step().works
        if turning.what_is_left() == 0:
            break
    assert cuts == 15
    assert turning.run().finished_at is None
    turning.clock.ahead += rotations.SETTLE + timedelta(seconds=1)
    turning.store.dies(after=7)  # and amid the removal of old key files
    with pytest.raises(Died):
        turning.run()
    turning.store.lives_on()
    assert turning.run().finished_at is not None
    assert turning.read_all() == 300
    assert turning.what_it_opens(turning.old) == []


@pytest.mark.servers
def test_the_same_on_s3_and_on_postgres(tmp_path_factory: pytest.TempPathFactory, s3_url: str, postgres_url: str) -> None:
    data = tmp_path_factory.mktemp("turning") / "instance"
    made = install(Settings(data=data, storage_url=s3_url, database_url=postgres_url))
    try:
        turning = Turning(made)
        turning.fill(45)
        turning.start()
        turning.store.dies(0.5)
        with pytest.raises(Died):
            turning.run()
        turning.store.lives_on()
        assert turning.read_all(every=9) == 5
        assert turning.finish().finished_at is not None
        assert turning.read_all() == 45
        assert turning.what_it_opens(turning.old) == []
    finally:
        made.close()


def test_one_transaction_changes_identity_keys_wraps_list_and_log(turning: Turning) -> None:
    turning.fill(3)
    turning.start()
    actor = turning.made.actor("investigator")
    keys = actor.keyring.program(turning.program)
    assert isinstance(keys.identity, Successor)
    assert keys.identity.before.recipient == turning.old.recipient
    assert {turning.listed(face) for face in ("public", "console", "worker")} == {keys.identity.recipient}
    with turning.made.work(write=False) as work:
        program = work.session.get_one(Program, turning.program)
        assert program.recipient == keys.identity.recipient
        assert live_keys(work, "program") == {Key("program", program.recipient, program.id)}
        assert set(json.loads(Identity.from_seed(keys.identity.scalar).unwrap(program.program_keys))) == {"record", "index", "fingerprint"}
        last = work.vault.openings(work.session, work.session.get_one(Exhibit, "installation"), None)[-2:]
        opened = open_with(work, program, TypedShares(*turning.made.recovery_shares[1:]))
    assert [(each.field("kind"), each.field("key_id")) for each in last] == [
        ("KEY_ADDED", keys.identity.recipient),
        ("KEY_RETIRED", turning.old.recipient),
    ]
    assert all(len(each.attestations) == 2 for each in last)  # the console's process key, and the person's
    assert opened.recipient == keys.identity.recipient  # the printed shares stay good


def test_a_crash_between_commit_and_list_leaves_a_program_that_works(turning: Turning, monkeypatch: pytest.MonkeyPatch) -> None:
    turning.fill(3)

    def dies(settings: Settings, signed: SignedList) -> None:
        if signed.version > turning.made.console.vault.recipients.version:
            raise Died

    monkeypatch.setattr(listing, "write_list", dies)
    with pytest.raises(Died):
        turning.start()
    assert turning.listed("public") == turning.old.recipient
    with turning.made.public.unit(write=True) as work:  # a tip comes: to the old key, which everybody can still open
        turning.acquire(work, b"exhibit of the moment between")
    assert turning.read_all() == 4
    monkeypatch.setattr(listing, "write_list", write_list)
    assert turning.step("investigator").listed  # who goes on needs no signing key: the list was signed before
    assert turning.listed("public") == turning.listed("worker") != turning.old.recipient
    assert turning.finish().finished_at is not None
    assert turning.read_all() == 4
    assert turning.what_it_opens(turning.old) == []


def test_the_next_start_writes_the_list_that_a_crash_kept_back(turning: Turning, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(settings: Settings, signed: SignedList) -> None:
        if signed.version > turning.made.console.vault.recipients.version:
            raise Died

    monkeypatch.setattr(listing, "write_list", dies)
    with pytest.raises(Died):
        turning.start()
    monkeypatch.undo()
    prepare(turning.made.settings)
    assert {turning.listed(face) for face in ("public", "console", "worker")} != {turning.old.recipient}
    assert turning.listed("public") == turning.listed("worker")


def test_a_face_that_still_holds_the_old_list_loses_no_tip(turning: Turning, monkeypatch: pytest.MonkeyPatch) -> None:
    turning.fill(3)
    before = turning.made.public.vault.recipients
    turning.start()
    assert not turning.run().works  # the first pass is over
    monkeypatch.setattr(RecipientFile, "current", lambda self: before)
    with turning.made.public.unit(write=True) as work:
        late = turning.acquire(work, b"exhibit that was late")
    monkeypatch.undo()
    assert turning.read_all() == 4
    assert not turning.step().works, "it ended while a face could still hold the old list"
    turning.clock.ahead += rotations.SETTLE + timedelta(seconds=1)
    assert turning.run().finished_at is not None
    assert turning.read_all() == 4
    assert turning.what_it_opens(turning.old) == []
    assert late.id


def test_what_comes_meanwhile_is_sealed_to_the_new_key(turning: Turning) -> None:
    turning.start()
    with turning.made.public.unit(write=True) as work:
        name = turning.acquire(work, b"exhibit of now").object_name
    new = Identity.from_seed(turning.made.actor("counsel").keyring.program(turning.program).identity.scalar)
    assert turning.made.console.vault.objects.open_key(str(name), new).length == len(b"exhibit of now")


def test_any_colleague_who_holds_the_program_goes_on_and_nobody_else(turning: Turning) -> None:
    turning.fill(3)
    turning.start()
    with turning.made.work() as work:
        counsel = turning.made.people["counsel"].staff_id
        work.session.delete(work.session.get_one(ProgramWrap, (turning.program, counsel)))
    with pytest.raises(NoKey):
        turning.step("counsel")
    assert turning.step("program_manager").done == 4  # three exhibits, one export
    with turning.made.work() as work, pytest.raises(Forbidden):
        rotations.start_rotation(work, turning.made.actor("investigator"), turning.program)


def test_two_who_go_on_at_once_do_no_harm(turning: Turning) -> None:
    turning.fill(5)
    turning.start()
    first, second = turning.made.actor("investigator"), turning.made.actor("counsel")
    with turning.made.work(write=False) as work:
        rotation = work.session.scalars(select(Rotation)).one()
    identity = first.keyring.program(turning.program).identity
    assert isinstance(identity, Successor)
    with turning.made.work() as work:  # one has stored files and rows, and has not counted them
        rewrapping.rewrap(work, turning.program, rewrapping.Ring.of(identity), rotation.cursor)
    with turning.made.work() as work:
        rotations.step(work, second, turning.program)
    assert turning.finish().finished_at is not None
    assert turning.read_all() == 5


def test_only_keys_that_the_log_confirms_get_the_new_one(turning: Turning) -> None:
    """Somebody who writes to the database puts their own key in a colleague's place, and a confirmation beside it."""
    thief = Identity.generate()
    people = turning.made.people
    with turning.made.work() as work:
        row = work.session.get_one(ProgramWrap, (turning.program, people["counsel"].staff_id))
        row.wrapped = wrap(turning.old.secret.encode(), [thief.recipient])
        turning.made_reader(work, people["counsel"].staff_id, thief.recipient)
    administrator = turning.made.actor("administrator")
    with turning.made.work() as work:
        shown = {reader.name: reader.obstacle for reader in rotations.plan(work, administrator, turning.program)}
    assert [name for name, obstacle in shown.items() if obstacle] == ["D. Acosta"]
    turning.start()
    assert turning.what_it_opens(thief) == []
    with turning.made.work(write=False) as work:
        left = set(work.session.scalars(select(ProgramWrap.staff_id)))
    assert left == {people[role].staff_id for role in ("administrator", "investigator", "program_manager")}


def test_who_left_is_no_reader_again_whatever_rows_somebody_puts_back(turning: Turning) -> None:
    leaver = turning.made.people["counsel"]
    with turning.made.work() as work:
        row = work.session.get_one(ProgramWrap, (turning.program, leaver.staff_id))
        wrapped, granted_by, granted_at = row.wrapped, row.granted_by, row.granted_at
    with turning.made.work() as work:
        services.disable_colleague(work, turning.made.actor("administrator"), leaver.staff_id)
    with turning.made.work() as work:
        work.session.get_one(Staff, leaver.staff_id).state = "active"
        back = ProgramWrap(
            program_id=turning.program, staff_id=leaver.staff_id, wrapped=wrapped, granted_by=granted_by, granted_at=granted_at
        )
        work.session.add(back)
    turning.start()
    assert turning.finish().finished_at is not None
    assert turning.what_it_opens(leaver.keys.identity) == []
    assert turning.what_it_opens(turning.old) == []


def test_an_event_that_no_process_signed_confirms_nobody(turning: Turning) -> None:
    thief = Identity.generate()
    with turning.made.work() as work:
        kept = work.vault.keys.process_key
        work.vault.keys.__dict__["process_key"] = type(kept).generate()
        key_events.record_key(work, "KEY_ADDED", Key("reader", thief.recipient, "x"))
        work.vault.keys.__dict__["process_key"] = kept
        key_events.record_key(work, "KEY_ADDED", Key("reader", turning.old.recipient, "y"))
        readers = live_keys(work, "reader")
    assert Key("reader", turning.old.recipient, "y") in readers
    assert Key("reader", thief.recipient, "x") not in readers


@pytest.mark.parametrize(("kind", "counts"), [("KEY_RETIRED", True), ("KEY_COMPROMISED", False)])
def test_what_an_older_process_key_attested_counts_unless_it_was_stolen(turning: Turning, kind: str, counts: bool) -> None:
    key = Key("reader", turning.old.recipient, "y")
    with turning.made.work() as work:
        now = work.vault.keys.process_key
        older = type(now).generate()
        work.vault.keys.__dict__["process_key"] = older
        key_events.record_key(work, "KEY_ADDED", key)
        work.vault.keys.__dict__["process_key"] = now
        assert key not in live_keys(work, "reader")
        key_events.record_key(work, kind, Key("process:console", key_id(older.public)))
        assert (key in live_keys(work, "reader")) == counts


def test_a_retired_key_is_no_longer_live(turning: Turning) -> None:
    key = Key("reader", turning.old.recipient, "y")
    with turning.made.work() as work:
        key_events.record_key(work, "KEY_ADDED", key)
        assert key in live_keys(work, "reader")
        key_events.record_key(work, "KEY_RETIRED", key)
        assert key not in live_keys(work, "reader")
        assert work.session.scalars(select(CustodyOpening.event_id)).first() is not None


def test_a_recipient_that_only_the_database_names_is_refused(turning: Turning) -> None:
    """A new identity in the rows, made by who knows the old one, gets nothing: the signed list does not name it."""
    turning.fill(2)
    thief = Identity.generate()
    with turning.made.work() as work:
        administrator = turning.made.people["administrator"]
        work.session.get_one(Program, turning.program).recipient = thief.recipient
        row = work.session.get_one(ProgramWrap, (turning.program, administrator.staff_id))
        row.wrapped = wrap(thief.secret.encode(), [administrator.keys.identity.recipient])
        program_keys = turning.old.unwrap(work.session.get_one(Program, turning.program).program_keys)
        work.session.get_one(Program, turning.program).program_keys = wrap(program_keys, [thief.recipient])
        work.session.add(
            Rotation(
                program_id=turning.program,
                old_identity=wrap(turning.old.secret.encode(), [thief.recipient]),
                started_by=administrator.staff_id,
                started_at=work.now(),
                pass_began=work.now(),
            )
        )
    with pytest.raises(Conflict, match="signed list"):
        turning.step()
    assert [name for name in turning.what_it_opens(thief) if name.endswith(".age")] == []


def test_a_damaged_key_file_keeps_the_old_key_until_somebody_says_so(turning: Turning) -> None:
    turning.fill(4)
    with turning.made.work(write=False) as work:
        names = list(work.session.scalars(select(Exhibit.object_name).where(Exhibit.object_name.is_not(None)).order_by(Exhibit.id)))
    damaged = f"{names[1]}.key.1.age"
    kept = turning.store.read(damaged)
    turning.store.inner.remove(damaged)
    turning.store.inner.put(damaged, b"not a key file")
    turning.start()
    shown = turning.finish()
    assert (shown.finished_at, shown.unread) == (None, 1)
    turning.store.inner.remove(damaged)
    turning.store.inner.put(damaged, kept)  # a restored backup is still good
    assert turning.run().finished_at is not None
    assert turning.read_all() == 4


def test_what_stays_damaged_can_be_left_behind(turning: Turning) -> None:
    turning.fill(2)
    with turning.made.work() as work:
        one = work.session.scalars(select(Exhibit.id).where(Exhibit.program_id == turning.program)).first()
        work.session.execute(update(Exhibit).where(Exhibit.id == one).values(facts=b"damaged"))
    turning.start()
    assert turning.finish().finished_at is None
    assert turning.step(without_unread=True).finished_at is not None


def test_one_rotation_at_a_time_and_none_before_the_program_is_open(turning: Turning) -> None:
    turning.start()
    with pytest.raises(Conflict, match="already"):
        turning.start()
    assert turning.finish().finished_at is not None
    turning.start()
    assert turning.finish().finished_at is not None
    with turning.made.work() as work:
        work.session.get_one(Program, turning.program).state = "preparing"
    with pytest.raises(Conflict, match="takes no tips yet"):
        turning.start()
