"""KEY_ADDED and KEY_RETIRED on the installation's own record (SPEC section 4).

Their openings stand in the clear, so people appear in them by their opaque id, never by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from evidence.records import Opening, Scalar, sign_message
from evidence.signing import parse_key_id, verify
from tipline import logkeys
from tipline.actor import Actor
from tipline.errors import Conflict
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.vault import INSTALLATION, Act
from tipline.work import Work

KNOWN_KEYS = "known-keys.json"  # in the console's key folder: public names only


@dataclass(frozen=True)
class Key:
    """A key as the log names it.

    Args:
        role: log, process:public, process:console, process:worker, examiner, person, reader, program, recovery.
        key_id: `ed25519:...` for a signing key (evidence.signing.key_id), `age1...` for a recipient.
        owner: id of the person or program that it belongs to.
    """

    role: str
    key_id: str
    owner: str | None = None


def installation_exhibit(work: Work) -> Exhibit:
    """Return the exhibit that stands for the installation's own record.

    Raises:
        Conflict: the installation has not been set up.
    """
    exhibit = work.session.get(Exhibit, INSTALLATION)
    if exhibit is None:
        raise Conflict("This installation has not been set up.", "Run `tipline run` once.")
    return exhibit


def record_key(work: Work, kind: str, key: Key, actor: Actor | None = None, purpose: str | None = None) -> CustodyEvent:
    """Append KEY_ADDED or KEY_RETIRED for one key; signed by the person who confirms it, where one does.

    `purpose` stands in the clear in the log: a fixed phrase with ids, never a name.
    """
    fields: dict[str, Scalar] = {"role": key.role, "key_id": key.key_id, "on_behalf_of": key.owner, "purpose": purpose}
    if actor is not None:
        fields["actor"] = actor.staff_id
    act = Act(installation_exhibit(work), None, kind, fields, actor, signed=actor is not None)
    return work.vault.record(work.session, act, work.now())


def known_keys(work: Work) -> list[Key]:
    """Return the installation's own keys as the console was told them at the last start of `tipline run`."""
    return [Key(**entry) for entry in json.loads(work.vault.keys.text(KNOWN_KEYS))]


def examiner_recipient(work: Work) -> str:
    """Return the examiner's age recipient."""
    return next(key.key_id for key in known_keys(work) if key.role == "examiner")


def live_keys(work: Work, *roles: str) -> set[Key]:
    """Return the keys of some roles that the log names as added and not as retired since.

    Events count only if a process key of this installation attested them, so rows that somebody put into the database
    name nobody: the keys of known-keys.json, and those whose coming or going such a key attested.
    """
    events = list(_key_events(work))
    trusted = {_hashed(key): key.key_id for key in known_keys(work) if key.role.startswith("process:")}
    attested = _attested(events, trusted)
    live: set[Key] = set()
    for kind, key, _ in attested:
        if key.role in roles:
            live = live | {key} if kind == "KEY_ADDED" else live - {key}
    return live


def attesting_keys(work: Work) -> dict[bytes, Key]:
    """Return every signing key of a process or a person that the log ever named, by its SHA-256: whose signature an event bears.

    Raises: as `live_keys`; who left since has signed all the same.
    """
    events = list(_key_events(work))
    own = {_hashed(key): key for key in known_keys(work) if key.role.startswith("process:")}
    attested = _attested(events, {hashed: key.key_id for hashed, key in own.items()})
    named = [key for kind, key, _ in attested if kind == "KEY_ADDED" and (key.role == "person" or key.role.startswith("process:"))]
    return own | {_hashed(key): key for key in named}


def _hashed(key: Key) -> bytes:
    return hashlib.sha256(parse_key_id(key.key_id)).digest()


KeyEvent = tuple[str, Key, Opening]


def _key_events(work: Work) -> Iterator[KeyEvent]:
    for _, opening in logkeys.key_events(work.session):
        owner = opening.field("on_behalf_of")
        key = Key(str(opening.field("role")), str(opening.field("key_id")), None if owner is None else str(owner))
        yield str(opening.field("kind")), key, opening


def _attested(events: list[KeyEvent], trusted: dict[bytes, str]) -> list[KeyEvent]:
    """Return the events that a trusted process key signed; a process key that such an event names is trusted too, unless as stolen."""
    while True:
        good = [event for event in events if _is_attested(event[2], trusted)]
        stolen = {key.key_id for kind, key, _ in good if kind == "KEY_COMPROMISED"}
        named = {key.key_id for _, key, _ in good if key.role.startswith("process:")} - set(trusted.values()) - stolen
        if not named:
            return good
        trusted = {**trusted, **{hashlib.sha256(parse_key_id(key_id)).digest(): key_id for key_id in named}}


def _is_attested(opening: Opening, trusted: dict[bytes, str]) -> bool:
    message = sign_message(opening.body())
    return any(key in trusted and verify(parse_key_id(trusted[key]), signature, message) for key, signature in opening.attestations)
