"""A person's recovery kit: a printed key that opens their own keys when passphrase or authenticator are lost.

The kit's key is kept nowhere. Until it is confirmed it travels in the form of its page, sealed under the person's own key.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from sqlalchemy import select

from evidence import canonical
from evidence.errors import EvidenceError, FormatError, KeyUnavailable
from evidence.keys import Identity, aead_open, aead_seal, hkdf, wrap
from tipline import audit
from tipline.accounts import rules, sessions
from tipline.accounts.keychain import PassphraseLock, StaffKeys
from tipline.accounts.services import count_try, pepper, start_session
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict
from tipline.models.staff import Staff
from tipline.work import Work

TYPED_BACK = 4  # groups of four letters, at the end of the kit
RECOVERING = "recovering"


@dataclass(frozen=True)
class NewKit:
    """A kit that is shown this once. `sealed` goes into the form that confirms it."""

    secret: str = field(repr=False)
    recipient: str
    sealed: str


@dataclass(frozen=True)
class UseKit:
    """What was typed to come back: the name to sign in with, and the kit."""

    login: str
    kit: str = field(repr=False)


@dataclass(frozen=True)
class NewPassphrase:
    """The passphrase typed twice with the words that were offered, and the first code of the new authenticator."""

    passphrase: str = field(repr=False)
    again: str = field(repr=False)
    offered: str = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True)
class ComingBack:
    """Somebody whose kit was right: they choose a passphrase and add an authenticator."""

    staff: Staff
    totp_secret: str = field(repr=False)

    @property
    def totp_address(self) -> str:
        return rules.totp_address(self.totp_secret, self.staff.login)


def has_kit(work: Work, actor: Actor) -> bool:
    """Say whether this person has a kit that was confirmed."""
    return work.session.get_one(Staff, actor.staff_id).kit_recipient is not None


def new_kit(actor: Actor) -> NewKit:
    """Make a kit for the person who asks. Nothing is stored before it is confirmed."""
    kit = Identity.generate()
    return NewKit(kit.secret, kit.recipient, canonical.b64url(aead_seal(_form_key(actor), kit.scalar, _bound_to(actor))))


def opened_kit(actor: Actor, sealed: str) -> NewKit:
    """Return a kit that was shown to this person, from the form of its page.

    Raises:
        Conflict: it is another person's, or was changed.
    """
    try:
        kit = Identity.from_seed(aead_open(_form_key(actor), canonical.unb64url(sealed), _bound_to(actor)))
    except EvidenceError:
        raise Conflict("This is not a kit that was made for you.", "Make a new one.") from None
    return NewKit(kit.secret, kit.recipient, sealed)


def confirm_kit(work: Work, actor: Actor, sealed: str, typed: str) -> None:
    """Keep a kit, in place of an older one, once the end of it was typed back from paper.

    Raises:
        BadInput: what was typed is not the end of this kit. Conflict: as `opened_kit`.
    """
    kit = opened_kit(actor, sealed)
    if rules.typed_secret(typed) != kit.secret[-4 * TYPED_BACK :]:
        message = f"This is not the end of the kit. Type the last {TYPED_BACK} groups from your print."
        raise BadInput(message, fields={"typed": message})
    staff = work.session.get_one(Staff, actor.staff_id)
    keys = StaffKeys(actor.keyring.identity, actor.keyring.signing_key, "")
    staff.kit_recipient, staff.kit_wrap = kit.recipient, wrap(keys.encode(), [kit.recipient])
    audit.record(work.session, work.now(), actor, "kit.make", ("staff", staff.id))
    work.session.flush()


def use_kit(work: Work, typed: UseKit) -> str | None:
    """Open a person's keys by their kit; None, alike in words and cost, for anyone else.

    The try is counted and committed before it is judged, as at sign-in, and counts against the same limit.

    Returns:
        The cookie for the page that chooses a new passphrase. Nothing of the account has changed yet.
    """
    staff = work.session.scalars(select(Staff).where(Staff.login == typed.login, Staff.state == "active").with_for_update()).first()
    is_open = staff is not None and count_try(work, staff)
    audit.record(work.session, work.now(), None, "kit.try", ("staff", staff.id) if staff else None)
    work.session.commit()
    keys = _open_kit(staff.kit_wrap if staff is not None and is_open else None, typed.kit)
    if staff is None or keys is None or not _are_of(keys, staff):
        return None
    keys = replace(keys, totp_secret=rules.new_totp_secret())
    return sessions.open_session(work.session, staff, keys, work.now(), RECOVERING).value


def coming_back(work: Work, cookie: str) -> ComingBack | None:
    """Return who is choosing a new passphrase behind this cookie; None once it has ended."""
    begun = sessions.find_session(work.session, cookie, work.now(), RECOVERING)
    return ComingBack(begun.staff, begun.keys.totp_secret) if begun is not None and begun.staff.state == "active" else None


def come_back(work: Work, cookie: str, chosen: NewPassphrase) -> str:
    """Seal a person's own keys under a new passphrase, with a new authenticator, and end their other sessions.

    Returns:
        The cookie of the new session.

    Raises:
        Conflict: the kit was used too long ago. BadInput: the passphrase is weak or differs, or the code is wrong.
    """
    begun = sessions.find_session(work.session, cookie, work.now(), RECOVERING)
    if begun is None or begun.staff.state != "active":
        raise Conflict("This took too long.", "Type your name and your kit again.")
    staff, keys = begun.staff, begun.keys
    faults = rules.faults_of_choice(chosen.passphrase, chosen.again, chosen.offered, [staff.login, staff.display_name, "tipline"])
    step = rules.step_of_code(keys.totp_secret, chosen.code, work.now(), 0)
    if step is None:
        faults["code"] = "That code does not fit. Check that the clock of your phone is right, and type the next code."
    if faults or step is None:
        raise BadInput("Nothing was changed.", fields=faults)
    lock = PassphraseLock.fresh(pepper(work), staff.id)
    staff.passphrase_salt, staff.secrets = lock.salt, lock.seal(keys, rules.normal_passphrase(chosen.passphrase))
    staff.totp_last_step, staff.failed_tries, staff.locked_until = step, 0, None
    sessions.close_all_sessions(work.session, staff.id)
    return start_session(work, staff, keys, "kit.use")


def _open_kit(kit_wrap: bytes | None, typed: str) -> StaffKeys | None:
    """Open a kit's wrap; without one the same work is done on a wrap that nothing opens."""
    try:
        kit = Identity.parse(rules.typed_secret(typed[: rules.LONGEST_KIT]))
    except FormatError:
        kit = Identity.generate()
    try:
        return StaffKeys.decode(kit.unwrap(kit_wrap or _nobodys_wrap()))
    except KeyUnavailable:
        return None


@cache
def _nobodys_wrap() -> bytes:
    return wrap(StaffKeys.generate("").encode(), [Identity.generate().recipient])


def _are_of(keys: StaffKeys, staff: Staff) -> bool:
    return keys.identity.recipient == staff.recipient and keys.signing_key.public.hex() == staff.signing_public


def _form_key(actor: Actor) -> bytes:
    return hkdf(actor.keyring.identity.scalar, "tipline/kit-form/1", 32)


def _bound_to(actor: Actor) -> str:
    return f"kit/{actor.staff_id}"
