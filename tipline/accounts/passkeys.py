"""Security keys and passkeys (WebAuthn level 2) as a second factor beside the authenticator's six digits.

Nothing is kept between asking and answering: a challenge carries its moment, bound to person and purpose by a key of the console, and a
key's row says when it was last used. So a challenge is good for five minutes, for one person and purpose, and once.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, select
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from evidence.canonical import b64url, unb64url
from evidence.errors import FormatError
from evidence.keys import hkdf, wrap
from tipline import audit
from tipline.accounts import sessions
from tipline.accounts.keychain import StaffKeys
from tipline.accounts.services import SignIn, first_factor, pepper, start_session
from tipline.actor import Actor
from tipline.config import Settings
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.base import new_id
from tipline.models.desk import WebauthnKey
from tipline.models.staff import Staff
from tipline.work import Work

ADD, PROVE, SIGN_IN = "add", "prove", "sign-in"
HALF_WAY = "second-factor"  # purpose of a session between passphrase and security key
LIFE = timedelta(minutes=5)
MOST_KEYS = 10
LONGEST_NAME = 40
LONGEST_ANSWER = 20_000
NONCE, MOMENT = 16, 8
REFUSED = (WebAuthnException, FormatError, ValueError)
NO_NAME = "Security keys need a console that is opened under a name, such as localhost, not under a number."
NOT_TAKEN = "The key’s answer was not taken. Try again, and touch the key when it blinks."


@dataclass(frozen=True)
class AddKey:
    """A new key: what its owner calls it, and what the browser answered."""

    name: str
    credential: str


@dataclass(frozen=True)
class OwnKey:
    """One key of the person who looks."""

    id: str
    name: str
    added_at: datetime
    used_at: datetime | None


def relying_party(settings: Settings) -> str | None:
    """Return the name that keys are bound to: the console's host; None where it has only a number, to which no key can be bound."""
    host = urlsplit(settings.console_origin).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host
    return None


def list_keys(work: Work, actor: Actor) -> list[OwnKey]:
    """Return one's own keys, oldest first."""
    unwrap = actor.keyring.identity.unwrap
    return [OwnKey(row.id, unwrap(row.name).decode(), row.added_at, row.used_at) for row in _keys(work, actor.staff_id)]


def ask_new(work: Work, actor: Actor) -> str | None:
    """Return what the browser is given to make a new key, as JSON; None where no key can be bound to this console."""
    name = relying_party(work.settings)
    if name is None:
        return None
    options = webauthn.generate_registration_options(
        rp_id=name,
        rp_name="Tipline",
        user_id=actor.staff_id.encode(),
        user_name=actor.login,
        user_display_name=actor.name,
        challenge=_challenge(work, actor.staff_id, ADD),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_descriptors(_keys(work, actor.staff_id)),
    )
    return webauthn.options_to_json(options)


def add_key(work: Work, actor: Actor, command: AddKey) -> WebauthnKey:
    """Keep a new key of the person who acts.

    Raises:
        BadInput: it has no name, or the answer is not one to our challenge. Conflict: it is kept already, or there are ten.
    """
    name = " ".join(command.name.split())[:LONGEST_NAME]
    if not name:
        raise BadInput("The key was not added.", fields={"name": "Give it a name that tells it from your others."})
    known = _keys(work, actor.staff_id)
    if len(known) >= MOST_KEYS:
        raise Conflict(f"You have {MOST_KEYS} keys already.", "Remove one first.")
    party = relying_party(work.settings)
    if party is None:
        raise Conflict(NO_NAME)
    try:
        made = webauthn.verify_registration_response(
            credential=_short(command.credential),
            expected_challenge=_issued(work, actor.staff_id, ADD, command.credential)[0],
            expected_rp_id=party,
            expected_origin=work.settings.console_origin.rstrip("/"),
        )
    except REFUSED as error:
        raise BadInput("The key was not added.", fields={"credential": NOT_TAKEN}) from error
    credential_id = b64url(made.credential_id)
    if work.session.scalar(select(WebauthnKey.id).where(WebauthnKey.credential_id == credential_id)):
        raise Conflict("This key is added already.", "Use it to sign in.")
    row = WebauthnKey(
        id=new_id(),
        staff_id=actor.staff_id,
        credential_id=credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=wrap(name.encode(), [actor.keyring.identity.recipient]),
        added_at=work.now(),
    )
    work.session.add(row)
    audit.record(work.session, work.now(), actor, "account.key_add", ("staff", actor.staff_id))
    work.session.flush()
    return row


def remove_key(work: Work, actor: Actor, key_id: str) -> None:
    """Remove one of one's own keys; the six digits go on working.

    Raises:
        NotFound: it is none of theirs.
    """
    mine = delete(WebauthnKey).where(WebauthnKey.id == key_id, WebauthnKey.staff_id == actor.staff_id)
    if not work.session.execute(mine.returning(WebauthnKey.id)).all():
        raise NotFound("You have no such key.", "Load the page again.")
    audit.record(work.session, work.now(), actor, "account.key_remove", ("staff", actor.staff_id))


def ask(work: Work, staff_id: str, purpose: str) -> str | None:
    """Return what the browser is given to ask for a key, as JSON; None where the person has none that this console could ask for."""
    party, keys = relying_party(work.settings), _keys(work, staff_id)
    if party is None or not keys:
        return None
    options = webauthn.generate_authentication_options(
        rp_id=party, challenge=_challenge(work, staff_id, purpose), allow_credentials=_descriptors(keys)
    )
    return webauthn.options_to_json(options)


def answer(work: Work, staff_id: str, purpose: str, credential: str) -> bool:
    """Take a key's answer; False where it is not one of this person's keys to a challenge of ours that is fresh and unused."""
    party = relying_party(work.settings)
    try:
        parsed = parse_authentication_credential_json(_short(credential))
        mine = select(WebauthnKey).where(WebauthnKey.credential_id == b64url(parsed.raw_id), WebauthnKey.staff_id == staff_id)
        row = work.session.scalar(mine.with_for_update())
        challenge, issued = _issued(work, staff_id, purpose, credential)
        if party is None or row is None or issued <= (row.used_at or row.added_at):
            return False
        proved = webauthn.verify_authentication_response(
            credential=parsed,
            expected_challenge=challenge,
            expected_rp_id=party,
            expected_origin=work.settings.console_origin.rstrip("/"),
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
        )
    except REFUSED:
        return False
    row.sign_count, row.used_at = proved.new_sign_count, work.now()
    work.session.flush()
    return True


# signing in


def begin(work: Work, typed: SignIn) -> str | None:
    """Take name and passphrase of who signs in with a key; returns the cookie of the second step.

    None, alike for a wrong name, a wrong passphrase and a person without keys.
    """
    known = first_factor(work, typed)
    if known is None or ask(work, known[0].id, SIGN_IN) is None:
        return None
    staff, keys = known
    return sessions.open_session(work.session, staff, keys, work.now(), HALF_WAY).value


def half_way(work: Work, cookie: str) -> str | None:
    """Return what the browser is given for the second step; None where the first is missing or more than five minutes ago."""
    found = _half_way(work, cookie)
    return ask(work, found[0].id, SIGN_IN) if found else None


def finish(work: Work, cookie: str, credential: str) -> str | None:
    """Take the key's answer and sign its owner in; returns the session's cookie, None where it was not right: then all begins anew."""
    found = _half_way(work, cookie)
    if found is None:
        return None
    staff, keys = found
    sessions.close_session(work.session, cookie)
    if not answer(work, staff.id, SIGN_IN, credential):
        work.session.commit()  # that the first step is used up stays, whatever the answer says
        return None
    staff.failed_tries, staff.locked_until = 0, None
    return start_session(work, staff, keys, "session.open")


def _half_way(work: Work, cookie: str) -> tuple[Staff, StaffKeys] | None:
    begun = sessions.find_session(work.session, cookie, work.now(), HALF_WAY)
    if begun is None or begun.staff.state != "active" or abs(work.now() - begun.row.created_at) > LIFE:
        return None
    return begun.staff, begun.keys


# challenges


def _challenge(work: Work, staff_id: str, purpose: str) -> bytes:
    moment = int(work.now().timestamp() * 1_000_000).to_bytes(MOMENT, "big")
    body = moment + secrets.token_bytes(NONCE)
    return body + _mac(work, staff_id, purpose, body)


def _issued(work: Work, staff_id: str, purpose: str, credential: str) -> tuple[bytes, datetime]:
    """Return the challenge that an answer names, and when we gave it out.

    Raises:
        ValueError: it is none of ours for this person and purpose, or too old.
    """
    challenge = unb64url(_client_challenge(credential))
    body = challenge[: MOMENT + NONCE]
    if not hmac.compare_digest(challenge[MOMENT + NONCE :], _mac(work, staff_id, purpose, body)):
        raise ValueError("not a challenge of ours")
    issued = datetime.fromtimestamp(int.from_bytes(body[:MOMENT], "big") / 1_000_000, UTC)
    if not timedelta(0) <= work.now() - issued <= LIFE:
        raise ValueError("too old a challenge")
    return challenge, issued


def _client_challenge(credential: str) -> str:
    try:
        sent = json.loads(_short(credential))["response"]["clientDataJSON"]
        return str(json.loads(unb64url(str(sent).rstrip("=")))["challenge"])
    except (KeyError, TypeError) as error:
        raise ValueError("not an answer of a browser") from error


def _mac(work: Work, staff_id: str, purpose: str, body: bytes) -> bytes:
    return hmac.new(hkdf(pepper(work), "tipline/webauthn/1", 32), f"{purpose}:{staff_id}:".encode() + body, sha256).digest()


def _short(credential: str) -> str:
    if len(credential) > LONGEST_ANSWER:
        raise ValueError("longer than any answer")
    return credential


def _keys(work: Work, staff_id: str) -> list[WebauthnKey]:
    query = select(WebauthnKey).where(WebauthnKey.staff_id == staff_id).order_by(WebauthnKey.added_at, WebauthnKey.id)
    return list(work.session.scalars(query))


def _descriptors(keys: list[WebauthnKey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=unb64url(key.credential_id)) for key in keys]
