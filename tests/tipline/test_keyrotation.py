"""`tipline keys rotate`: each role, told to the log, a crash at every step, and what older keys still open."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from evidence.checkpoint import Checkpoint, open_checkpoint, parse_vkey, sign_checkpoint
from evidence.errors import IntegrityError
from evidence.mirror.following import Source, follow
from evidence.signing import parse_key_id
from tests.installations import PASSPHRASE, Installation, copy_of
from tests.journeys.invariants import broken
from tests.tipline.recovery import dies_at
from tipline import running
from tipline.accounts.key_events import live_keys
from tipline.accounts.services import SignIn, sign_in
from tipline.actor import Actor
from tipline.admin.examiner import get_examiner_key, sign_examiner_key
from tipline.admin.keys import infrastructure_keys
from tipline.admin.rules import fingerprint
from tipline.admin.setup import prepare
from tipline.anchor import Anchor
from tipline.errors import BadInput, Conflict, Forbidden, Unsound
from tipline.examinerkeys import sweep
from tipline.intake.draft import read_peppers
from tipline.keyfolders import KeyFolder
from tipline.keyrotation import NAMED, ROLES, Role, rotate
from tipline.logkeys import key_events, log_keys
from tipline.models.custody import Exhibit, Grant
from tipline.models.staff import Staff
from tipline.process import open_process
from tipline.publication import LogFolder
from tipline.vault import Acquisition

SIGNING = [role for role in NAMED if role != "examiner"]


def turn(installation: Installation, role: Role, *, compromised: bool = False) -> str:
    """Rotate with everything stopped, and go on with fresh processes."""
    said: list[str] = []
    installation.close()
    installation._processes.clear()
    rotate(installation.settings, role, said.append, compromised=compromised)
    return "\n".join(said)


def told(installation: Installation, role: str) -> list[tuple[str, str]]:
    with installation.work(write=False) as work:
        return [
            (str(opening.field("kind")), str(opening.field("key_id")))
            for _, opening in key_events(work.session)
            if opening.field("role") == role
        ]


def own(installation: Installation, role: str) -> str:
    return next(key.key_id for key in infrastructure_keys(installation.settings) if key.role == role)


@pytest.mark.parametrize("compromised", [False, True])
@pytest.mark.parametrize("role", SIGNING)
def test_the_log_is_told_of_both_and_the_new_key_is_in_use(installation: Installation, role: Role, compromised: bool) -> None:
    old = own(installation, role)
    turn(installation, role, compromised=compromised)
    new = own(installation, role)
    ended = "KEY_COMPROMISED" if compromised else "KEY_RETIRED"
    assert new != old
    assert told(installation, role) == [("KEY_ADDED", old), ("KEY_ADDED", new), (ended, old)]
    with installation.work(write=False) as work:
        assert {key.key_id for key in live_keys(work, role)} == {new}
    assert not list(installation.settings.keys("worker").glob("*.next"))
    assert prepare(installation.settings).logged == ()  # nothing is left to tell


@pytest.mark.parametrize("role", SIGNING)
def test_no_key_attests_its_own_successor(installation: Installation, role: Role) -> None:
    """Else who holds a compromised key could name the next one."""
    old = own(installation, role)
    turn(installation, role, compromised=True)
    with installation.work(write=False) as work:
        last = [opening for _, opening in key_events(work.session)][-2:]
    signers = {key for opening in last for key, _ in opening.attestations}
    assert signers
    assert hashlib.sha256(parse_key_id(old)).digest() not in signers


def test_the_next_checkpoint_bears_the_new_log_key_and_the_old_one_still_verifies(installation: Installation) -> None:
    old_key = KeyFolder(installation.settings.keys("worker")).log_key.public
    first = installation.sequencer()
    first.start()
    note = first.publish()
    turn(installation, "log")
    second = installation.sequencer()
    second.start()
    later = second.publish()
    with installation.work(write=False) as work:
        (before, after) = log_keys(work.session)
    origin = note.split("\n")[0]
    assert open_checkpoint(note, origin, before.public).size == 64
    assert open_checkpoint(later, origin, after.public).size == 128
    assert (before.public, after.until_index) == (old_key, None)
    assert before.until_index is not None
    assert before.signs(before.until_index)
    assert not before.signs(before.until_index + 1)
    assert before.until_index >= 64  # the event that ends it stands behind what it published
    installation.sequencer().start()
    assert broken(installation.settings, {}) == []


def test_a_mirror_goes_on_with_both_keys_and_the_new_one_is_published(installation: Installation, tmp_path: Path) -> None:
    log = LogFolder(installation.settings.log_folder)
    source = Source("the log", lambda name, _limit: log.read(name))
    installation.sequencer().publish()
    old = parse_vkey(log.read("key").decode().strip())
    follow(source, tmp_path / "mirror", [old])
    turn(installation, "log")
    renewed = installation.sequencer()
    renewed.start()
    renewed.publish()
    new = parse_vkey(log.read("key").decode().strip())
    assert new.public == installation.worker.vault.keys.log_key.public != old.public
    with pytest.raises(IntegrityError):
        follow(source, tmp_path / "mirror", [old])
    assert follow(source, tmp_path / "mirror", [old, new]).size == 128
    assert follow(source, tmp_path / "mirror", [new]).size == 128


def test_a_checkpoint_that_the_ended_key_signs_later_is_refused(installation: Installation) -> None:
    old = KeyFolder(installation.settings.keys("worker")).log_key
    turn(installation, "log", compromised=True)
    sequencer = installation.sequencer()
    sequencer.start()
    note = sequencer.publish()
    origin = note.split("\n")[0]
    head = open_checkpoint(note, origin, installation.worker.vault.keys.log_key.public)
    forged = sign_checkpoint(Checkpoint(origin, head.size, head.root), old)
    (installation.settings.log_folder / "checkpoint").write_text(forged)
    with pytest.raises(Unsound, match="signed while it was good"):
        installation.sequencer().start()


def acquired(installation: Installation) -> str:
    """Something taken in now; returns the id of the grant that the examiner got."""
    with installation.public.unit(write=True) as work:
        receiving = work.vault.objects.receive()
        receiving.write(b"bytes")
        sealed = receiving.finish()
        day = work.today()
        exhibit, _ = work.vault.acquire(
            work.session, Acquisition(installation.program_id, "attachment", sealed, "a.txt", day, day), work.now()
        )
        return work.vault.grant(work.session, exhibit, sealed.keyfile, purpose="examine", subject_id=exhibit.id).id


def opens(installation: Installation, grant_id: str) -> None:
    with installation.worker.unit(write=False) as work:
        exhibit, keyfile = work.vault.open_granted(work.session, work.session.get_one(Grant, grant_id), work.now())
        assert b"".join(work.vault.objects.read(keyfile)) == b"bytes"
        assert work.session.get_one(Exhibit, exhibit.id)


def test_open_grants_survive_the_examiners_new_key_until_none_needs_the_old_one(installation: Installation) -> None:
    folder = installation.settings.keys("worker")
    old = own(installation, "examiner")
    before = acquired(installation)
    said = turn(installation, "examiner")
    new = own(installation, "examiner")
    assert fingerprint(new) in said
    between = acquired(installation)  # still sealed to the old one: nobody has signed yet
    for grant in (before, between):
        opens(installation, grant)
    assert installation.public.vault.recipients.examiner == old
    administrator = installation.actor("administrator")
    with installation.work() as work:
        assert get_examiner_key(work, administrator).waits
        sign_examiner_key(work, administrator, fingerprint(new))
    assert told(installation, "examiner") == [("KEY_ADDED", old), ("KEY_ADDED", new), ("KEY_RETIRED", old)]
    assert installation.public.vault.recipients.examiner == new
    after = acquired(installation)
    for grant in (before, between, after):
        opens(installation, grant)
    swept(installation)
    assert (folder / "examiner.key.old-1").exists()
    for grant in (before, between):
        with installation.worker.unit(write=True) as work:
            work.vault.close_grant(work.session, work.session.get_one(Grant, grant))
    swept(installation)
    assert not (folder / "examiner.key.old-1").exists()
    opens(installation, after)


def swept(installation: Installation) -> None:
    with installation.worker.unit(write=True) as work:
        sweep(work)


def test_before_the_list_is_signed_no_old_examiner_key_goes(installation: Installation) -> None:
    turn(installation, "examiner")
    swept(installation)
    assert (installation.settings.keys("worker") / "examiner.key.old-1").exists()


def test_only_the_pinned_administrator_signs_the_examiner_and_only_the_key_that_was_compared(installation: Installation) -> None:
    administrator = installation.actor("administrator")
    new = own(installation, "examiner")
    with installation.work() as work, pytest.raises(Conflict, match="names the examiner's present key"):
        sign_examiner_key(work, administrator, fingerprint(new))
    turn(installation, "examiner", compromised=True)
    with installation.work() as work, pytest.raises(BadInput):
        sign_examiner_key(work, administrator, fingerprint(new))
    for role in ("counsel", "investigator", "program_manager"):
        actor: Actor = installation.actor(role)
        with installation.work() as work, pytest.raises(Forbidden):
            sign_examiner_key(work, actor, fingerprint(own(installation, "examiner")))
    assert installation.console.vault.recipients.examiner == new
    with installation.work() as work:
        sign_examiner_key(work, administrator, fingerprint(own(installation, "examiner")).upper())
    assert [kind for kind, _ in told(installation, "examiner")] == ["KEY_ADDED", "KEY_ADDED", "KEY_COMPROMISED"]


def test_the_page_of_the_examiners_key(installation: Installation, sign_in: Callable[[str], FlaskClient]) -> None:
    turn(installation, "examiner")
    administrator, counsel = sign_in("administrator"), sign_in("counsel")
    assert counsel.get("/keys/examiner").status_code == 403
    assert "A new key waits for your signature" in administrator.get("/keys/examiner").text
    wrong = administrator.post("/keys/examiner", data={"compared": "dead beef"})
    assert (wrong.status_code, "dead beef" in wrong.text) == (422, True)
    groups = fingerprint(own(installation, "examiner"))
    assert "Nothing waits for you" in administrator.post("/keys/examiner", data={"compared": groups}, follow_redirects=True).text


def test_the_anchor_goes_on_under_a_new_key_and_the_old_one_cannot_change_what_stands(installation: Installation) -> None:
    sequencer = installation.sequencer()
    sequencer.start()
    sequencer.publish()
    old = KeyFolder(installation.settings.keys("worker")).secret("anchor.key")
    turn(installation, "anchor")
    sequencer = installation.sequencer()
    sequencer.start()
    sequencer.publish()
    installation.sequencer().start()
    turn(installation, "anchor")
    installation.sequencer().start()
    path = installation.settings.anchor_file
    whole = path.read_bytes()
    path.unlink()
    with installation.worker.database.session(write=False) as session:
        Anchor(path, old).catch_up(session)  # who holds the old key writes all of it anew
    assert path.read_bytes() != whole
    with pytest.raises(Unsound, match="is not the sequencer's"):
        installation.sequencer().start()


def test_an_old_receipt_pepper_is_kept_and_tried(installation: Installation) -> None:
    before = read_peppers(KeyFolder(installation.settings.keys("public"))).current
    turn(installation, "receipt")
    read_peppers.cache_clear()
    found = read_peppers(KeyFolder(installation.settings.keys("public")))
    assert found.current != before
    assert found.older == (before,)


def signs_in(installation: Installation, passphrase: str = PASSPHRASE) -> bool:
    """Whether counsel gets a session, whatever codes were used before."""
    person = installation.people["counsel"]
    with installation.work() as work:
        work.session.get_one(Staff, person.staff_id).totp_last_step = 0
    with installation.work() as work:
        return sign_in(work, SignIn(person.login, passphrase, person.code())) is not None


def test_passphrases_open_after_the_staff_pepper_changed_and_move_to_the_new_one(installation: Installation) -> None:
    turn(installation, "staff")
    assert not signs_in(installation, "another passphrase altogether")
    assert signs_in(installation)
    next(installation.settings.keys("console").glob("staff.pepper.old-*")).unlink()
    assert signs_in(installation)


def test_a_new_pepper_beside_which_nobody_kept_the_old_opens_nothing(installation: Installation) -> None:
    turn(installation, "staff")
    next(installation.settings.keys("console").glob("staff.pepper.old-*")).unlink()
    assert not signs_in(installation)


# a crash at each step


@pytest.mark.parametrize("role", ["log", "examiner", "anchor", "staff"])
def test_a_crash_at_any_step_leaves_a_working_installation(installation: Installation, tmp_path: Path, role: Role) -> None:
    """Die before the n-th fsync, rename or commit, for every n; what is left starts, works, and can be rotated."""
    grant = acquired(installation)
    installation.sequence()
    old = own(installation, role) if role in NAMED else ""
    for step in range(40):
        copied = copy_of(installation, tmp_path / f"crash-{step}")
        died = dies_at(step, lambda settings=copied.settings: rotate(settings, role, lambda _: None))  # type: ignore[misc]
        works(copied, role, old, grant)
        copied.close()
        if not died:
            break
    else:
        pytest.fail("it never came to its end")
    assert step >= 3


def works(copied: Installation, role: Role, old: str, grant: str) -> None:
    """Each process starts; the key in use is live in the log and the console knows it; grants open; the log goes on."""
    for face in ("public", "console", "worker"):
        open_process(face, copied.settings).database.dispose()  # type: ignore[arg-type]  # a face
    if role in NAMED:
        used = own(copied, role)
        with copied.work(write=False) as work:
            live = {key.key_id for key in live_keys(work, role)}
        assert used in live
        assert role == "examiner" or used == old or old not in live
    if role == "staff":
        assert signs_in(copied)
    opens(copied, grant)
    copied.sequencer().start()
    copied.sequence()
    rotate(copied.settings, role, lambda _: None)
    copied.sequencer().start()


# refusals


@pytest.mark.parametrize("role", ROLES)
def test_whatever_runs_is_refused_and_nothing_changes(installation: Installation, role: Role) -> None:
    files = {path: path.read_bytes() for path in (installation.settings.data / "keys").rglob("*") if path.is_file()}
    handle = running.hold(installation.settings)
    with pytest.raises(Conflict, match="is running"):
        turn(installation, role)
    os.close(handle)
    assert {path: path.read_bytes() for path in (installation.settings.data / "keys").rglob("*") if path.is_file()} == files


def test_a_folder_that_is_elsewhere_is_refused(installation: Installation) -> None:
    (installation.settings.keys("worker") / "log.key").unlink()
    with pytest.raises(Conflict, match=r"worker/log\.key"):
        turn(installation, "log")
