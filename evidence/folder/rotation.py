"""New keys for an examiner's folder, and a new passphrase (SPEC 7.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evidence import signing
from evidence.errors import UsageError
from evidence.folder.case import Folder
from evidence.folder.keyring import ROLES, fingerprints
from evidence.signing import SigningKey


def rotate(found: Folder, roles: Sequence[str], reason: str) -> dict[str, str]:
    """Makes new keys for these roles (log, process, person), records KEY_ADDED and KEY_RETIRED; says the new fingerprints.

    The new keys are stored before anything names them, and count once their events are in the log: a cut at any moment leaves the old
    keys in force, or the new ones. What the old keys signed before stands. UsageError for another role.
    """
    if not roles or set(roles) - set(ROLES):
        raise UsageError("Only log, process and person keys are rotated.", "Name one or more of them.")
    coming = {role: SigningKey.generate() for role in ROLES if role in roles}
    found.keep(replace(found.keys, coming=coming))
    old = found.keys.signing_keys()
    named = [("KEY_ADDED", role, key) for role, key in coming.items()] + [("KEY_RETIRED", role, old[role]) for role in coming]
    told = [{"kind": kind, "role": role, "key_id": signing.key_id(key.public), "justification": reason} for kind, role, key in named]
    new = [key for role, key in coming.items() if role != "log"]  # what the old ones sign does not count from their end on
    found.record_keys(told, [found.keys.process, found.keys.person, *new], coming.get("log"))
    found.keep(found.keys.arrived())
    return {role: fingerprint for role, fingerprint in fingerprints(found.keys).items() if role in roles}


def change_passphrase(found: Folder, passphrase: str) -> None:
    """The same keys under another passphrase. UsageError for a short one."""
    found.keep(found.keys, found.lock.another(passphrase))


def admit(found: Folder, keys: Sequence[SigningKey]) -> None:
    """Records KEY_ADDED for the key of each person who signs here for the first time, so that verifiers know it."""
    known = {opening.field("key_id") for _, opening in found.key_events()}
    new = dict.fromkeys(signing.key_id(key.public) for key in keys if signing.key_id(key.public) not in known)
    if new:
        found.record_keys(
            [{"kind": "KEY_ADDED", "role": "person", "key_id": name} for name in new], [found.keys.process, found.keys.person]
        )
