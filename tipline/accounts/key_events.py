"""KEY_ADDED and KEY_RETIRED on the installation's own record (SPEC section 4).

Their openings stand in the clear, so people appear in them by their opaque id, never by name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from evidence.records import Scalar
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


def record_key(work: Work, kind: str, key: Key, actor: Actor | None = None) -> CustodyEvent:
    """Append KEY_ADDED or KEY_RETIRED for one key; signed by the person who confirms it, where one does."""
    fields: dict[str, Scalar] = {"role": key.role, "key_id": key.key_id, "on_behalf_of": key.owner}
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
