"""Links, set-up, sign-in and sign-out of staff."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from evidence.errors import IntegrityError
from evidence.signing import SigningKey, key_id
from tipline import audit
from tipline.accounts import rules, sessions
from tipline.accounts.key_events import Key, examiner_recipient, record_key
from tipline.accounts.keychain import PassphraseLock, StaffKeys
from tipline.accounts.keyring import actor_of
from tipline.accounts.words import passphrase_words
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.staff import Reading, Staff, StaffSession
from tipline.recipients import Recipient, pin_administrator, publish_recipients
from tipline.work import Work

LINK_GONE = "This link does not work any more."
ASK_FOR_LINK = "A link works once, within 7 days. Ask an administrator for a new one."
NOBODY = "0" * 32  # stands for the person when a name is unknown


@dataclass(frozen=True)
class Invite:
    """A colleague to be: the name to sign in with, the name to show, the role."""

    login: str
    name: str
    role: str


@dataclass(frozen=True)
class ChoosePassphrase:
    """Step 1 of set-up: the passphrase typed twice, and the words that were offered."""

    passphrase: str
    again: str
    offered: str


@dataclass(frozen=True)
class SignIn:
    """What was typed to sign in."""

    login: str
    passphrase: str
    code: str


@dataclass(frozen=True)
class SetupStep:
    """Where the set-up of a person stands: the authenticator's secret is known from step 2 on."""

    staff: Staff
    totp_secret: str | None = None

    @property
    def totp_address(self) -> str:
        return rules.totp_address(self.totp_secret or "", self.staff.login)


def offer_passphrase() -> str:
    """Return six random words."""
    return rules.offer_words(passphrase_words(), secrets.choice)


def invite(work: Work, invitation: Invite) -> tuple[Staff, str]:
    """Add a person who may set up their account by a one-time link. The caller has checked that it may.

    Returns:
        The row and the link's token; only its hash is kept.

    Raises:
        Conflict: the name is taken.
    """
    if work.session.scalars(select(Staff.id).where(Staff.login == invitation.login)).first():
        raise Conflict(f"Somebody already signs in as {invitation.login}.", "Choose another name to sign in with.")
    staff = Staff(login=invitation.login, display_name=invitation.name, role=invitation.role, state="invited", created_at=work.now())
    work.session.add(staff)
    return staff, renew_link(work, staff)


def renew_link(work: Work, staff: Staff) -> str:
    """Give an invited person a new link and return its token; an older link stops working."""
    token = secrets.token_urlsafe(32)
    staff.invitation_hash = _token_hash(token)
    staff.invitation_expires_at = work.now() + rules.LINK_LIFE
    work.session.flush()
    return token


def get_setup(work: Work, token: str, cookie: str) -> SetupStep:
    """Return where the set-up behind a link stands.

    Raises:
        NotFound: the link is unknown, used or too old; all look alike.
    """
    staff = work.session.scalars(select(Staff).where(Staff.invitation_hash == _token_hash(token), Staff.state == "invited")).first()
    if staff is None or staff.invitation_expires_at is None or staff.invitation_expires_at <= work.now():
        raise NotFound(LINK_GONE, ASK_FOR_LINK)
    begun = sessions.find_session(work.session, cookie, work.now(), sessions.SETTING_UP)
    if begun is None or begun.staff.id != staff.id:
        return SetupStep(staff)
    return SetupStep(staff, begun.keys.totp_secret)


def choose_passphrase(work: Work, token: str, choice: ChoosePassphrase) -> str:
    """Step 1: make the person's keys and seal them under the passphrase. Doing it again makes new ones.

    Returns:
        The cookie that step 2 needs.

    Raises:
        NotFound: as get_setup. BadInput: the passphrase is too weak, or was not typed the same twice.
    """
    staff = get_setup(work, token, "").staff
    faults = rules.faults_of_choice(choice.passphrase, choice.again, choice.offered, [staff.login, staff.display_name, "tipline"])
    if faults:
        raise BadInput("The passphrase is not set.", fields=faults)
    passphrase = rules.normal_passphrase(choice.passphrase)
    keys = StaffKeys.generate(rules.new_totp_secret())
    lock = PassphraseLock.fresh(pepper(work), staff.id)
    staff.passphrase_salt, staff.secrets = lock.salt, lock.seal(keys, passphrase)
    staff.recipient, staff.signing_public = keys.identity.recipient, keys.signing_key.public.hex()
    sessions.close_all_sessions(work.session, staff.id)
    return sessions.open_session(work.session, staff, keys, work.now(), sessions.SETTING_UP).value


def confirm_code(work: Work, token: str, cookie: str, code: str) -> str:
    """Step 2: the first code makes the account active, ends the link and signs the person in.

    The signing key enters the log; the first administrator's is pinned, and from then on signs the list of recipients.

    Returns:
        The cookie of the new session.

    Raises:
        NotFound: as get_setup. Conflict: step 1 is missing. BadInput: the code is wrong.
    """
    staff = get_setup(work, token, "").staff
    begun = sessions.find_session(work.session, cookie, work.now(), sessions.SETTING_UP)
    if begun is None or begun.staff.id != staff.id:
        raise Conflict("This set-up was interrupted.", "Open your link again and choose a passphrase.")
    step = rules.step_of_code(begun.keys.totp_secret, code, work.now(), 0)
    if step is None:
        message = "That code does not fit. Check that the clock of your phone is right, and type the next code."
        raise BadInput(message, fields={"code": message})
    staff.state, staff.invitation_hash, staff.invitation_expires_at = "active", None, None
    staff.totp_last_step, staff.failed_tries, staff.locked_until = step, 0, None
    sessions.close_all_sessions(work.session, staff.id)
    record_key(work, "KEY_ADDED", Key("person", key_id(begun.keys.signing_key.public), staff.id))
    if staff.role == "administrator":
        recipient, signing_key = begun.keys.identity.recipient, begun.keys.signing_key
        work.after_commit.append(lambda: pin_first_administrator(work, Recipient("administrator", staff.id, recipient), signing_key))
    return start_session(work, staff, begun.keys, "account.set_up")


def pin_first_administrator(work: Work, administrator: Recipient, signing_key: SigningKey) -> None:
    """Pin the first administrator's signing key and sign the first list of recipients; later calls change nothing."""
    if pin_administrator(work.settings, signing_key.public):
        publish_recipients(work.settings, [Recipient("examiner", "worker", examiner_recipient(work)), administrator], [signing_key])


def sign_in(work: Work, typed: SignIn) -> str | None:
    """Open a session for whoever knows name, passphrase and code; None, alike in words and time, for anyone else.

    Returns the session's cookie.
    """
    known = first_factor(work, typed)
    if known is None:
        return None
    staff, keys = known
    step = rules.step_of_code(keys.totp_secret, typed.code, work.now(), staff.totp_last_step)
    if step is None or not _use_step(work, staff.id, step):
        return None
    return start_session(work, staff, keys, "session.open")


def first_factor(work: Work, typed: SignIn) -> tuple[Staff, StaffKeys] | None:
    """Return who knows name and passphrase, with their keys.

    The try is counted and committed before it is judged: many tries at one moment count as many, and no lock is held while
    the passphrase is worked on.
    """
    staff = work.session.scalars(select(Staff).where(Staff.login == typed.login, Staff.state == "active").with_for_update()).first()
    is_open = staff is not None and count_try(work, staff)
    audit.record(work.session, work.now(), None, "session.try", ("staff", staff.id) if staff else None)
    work.session.commit()
    passphrase = rules.normal_passphrase(typed.passphrase[: 4 * rules.LONGEST_PASSPHRASE])
    if staff is None or not is_open:
        PassphraseLock.fresh(pepper(work), NOBODY).spend_time(passphrase)
        return None
    keys = open_secrets(work, staff, passphrase)
    return (staff, keys) if keys else None


def find_actor(work: Work, cookie: str) -> Actor | None:
    """Return the signed-in person whose session the cookie opens, None for anything else.

    It uses short transactions of its own, so that no page that only reads waits for the write lock.
    """
    now = work.now()
    with work.database.session(write=False) as session:
        opened = sessions.find_session(session, cookie, now)
    if opened is None or opened.staff.state != "active":
        return None
    if now - opened.row.seen_at >= rules.SEEN_EVERY:
        with work.database.session(write=True) as session:
            session.execute(update(StaffSession).where(StaffSession.id == opened.row.id).values(seen_at=now))
            session.commit()
    return actor_of(work.database, opened)


def sign_out(work: Work, actor: Actor, cookie: str) -> None:
    """Remove the session's row: from then on its cookie opens nothing."""
    sessions.close_session(work.session, cookie)
    audit.record(work.session, work.now(), actor, "session.close")


def sweep_sessions(work: Work) -> int:
    """Remove the rows of ended sessions, with what they had opened, and return how many there were."""
    now = work.now()
    ended = (StaffSession.seen_at <= now - rules.SESSION_IDLE) | (StaffSession.created_at <= now - rules.SESSION_WHOLE)
    removed = work.session.execute(delete(StaffSession).where(ended).returning(StaffSession.id)).all()
    work.session.execute(delete(Reading).where(Reading.session_id.not_in(select(StaffSession.id))))
    return len(removed)


def count_try(work: Work, staff: Staff) -> bool:
    """Count a try to sign in or to use a kit; False while we pause."""
    tries = rules.Tries(staff.failed_tries, staff.locked_until)
    if tries.is_paused(work.now()):
        return False
    counted = tries.with_one_more(work.now())
    staff.failed_tries, staff.locked_until = counted.failed, counted.locked_until
    return True


def open_secrets(work: Work, staff: Staff, passphrase: str) -> StaffKeys | None:
    """Return a person's keys by their passphrase in its normal form, None where it is another one.

    Raises:
        Conflict: the account was never set up.
    """
    if staff.passphrase_salt is None or staff.secrets is None:
        raise Conflict("This account has no keys.", "Ask an administrator for a new link.")
    sealed, lock = staff.secrets, PassphraseLock(staff.passphrase_salt, pepper(work), staff.id)
    try:
        keys, kept = lock.renew(sealed, passphrase, older_peppers(work))
    except IntegrityError:
        return None
    if kept != sealed:
        work.session.execute(update(Staff).where(Staff.id == staff.id, Staff.secrets == sealed).values(secrets=kept))
    return keys


def _use_step(work: Work, staff_id: str, step: int) -> bool:
    """Mark a code as used and the tries as good; False when the same code came in another request meanwhile."""
    used = work.session.execute(
        update(Staff)
        .where(Staff.id == staff_id, Staff.state == "active")
        .where((Staff.totp_last_step < step) | (Staff.totp_last_step > step + rules.CLOCK_WAS_AHEAD))
        .values(totp_last_step=step, failed_tries=0, locked_until=None)
        .returning(Staff.id)
    ).all()
    return len(used) == 1


def start_session(work: Work, staff: Staff, keys: StaffKeys, act: str) -> str:
    """Sign a person in and return the session's cookie; `act` says in the audit record by what."""
    cookie = sessions.open_session(work.session, staff, keys, work.now())
    audit.record(work.session, work.now(), None, act, ("staff", staff.id))
    return cookie.value


def pepper(work: Work) -> bytes:
    """Return the console's pepper of staff passphrases."""
    return work.vault.keys.secret("staff.pepper")


def older_peppers(work: Work) -> list[bytes]:
    """Return the peppers that were replaced: passphrases that were not used since still stand under them."""
    return [work.vault.keys.secret(name) for name in work.vault.keys.older("staff.pepper")]


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
