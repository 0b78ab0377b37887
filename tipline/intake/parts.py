"""The files of a draft: rows that only the draft secret reads. Each holds the key of its file, so nobody else can open that either."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.orm import Session

from evidence.errors import IntegrityError, NotFound
from evidence.examine.media_types import may_be_copied
from evidence.keys import KeyFile
from evidence.vault import Vault
from tipline import direct
from tipline.intake import statements
from tipline.intake.draft import DraftSecret, ReceivedFile
from tipline.models.base import new_id
from tipline.models.tips import Draft

Tell = tuple[str, str, str]  # kind, label and value, as evidence.examine.report.Finding has them


@dataclass(frozen=True)
class Part:
    """A file of a draft, as the form's own pages show it, and the key that opens it."""

    id: str
    keyfile: KeyFile
    name: str
    media_type: str
    label: str
    position: int = 0
    looked: str = ""  # done, no_jail, too_large, failed, busy; empty: not yet, or there is nothing to look for
    tells: tuple[Tell, ...] = ()

    @property
    def object_name(self) -> str:
        return self.keyfile.object_name

    @property
    def digest(self) -> str:
        return self.keyfile.plaintext_digest

    @property
    def length(self) -> int:
        return self.keyfile.length

    @property
    def can_be_copied(self) -> bool:
        """Whether a copy without metadata can be made of this kind."""
        return may_be_copied(self.media_type)

    @property
    def offers_copy(self) -> bool:
        """Whether a cleaned copy is offered: something was found, or may be there unseen, and a copy can be made of this kind."""
        return self.can_be_copied and (bool(self.tells) or self.looked in ("busy", "too_large"))


class PartRow(Protocol):
    """A row of draft_part."""

    id: str
    position: int
    object_name: str
    sealed_length: int
    facts: bytes


def new_part(file: ReceivedFile) -> Part:
    """A file that has just arrived, as a part of a draft."""
    return Part(new_id(), file.sealed.keyfile, file.name, file.media_type, file.label)


def part_rows(session: Session, secret: DraftSecret) -> Sequence[PartRow]:
    """The rows of a draft's files, in the order in which they came."""
    return direct.rows(session, statements.PARTS, {"id": secret.lookup})


def read_part(row: PartRow, secret: DraftSecret) -> Part:
    """What a row says to who holds the draft secret. IntegrityError where its key is another file's."""
    facts = json.loads(secret.open(row.facts, _place(row.id)))
    keyfile = KeyFile.decode(facts.pop("key").encode())
    if keyfile.object_name != row.object_name:
        raise IntegrityError("A file of a draft has another file's key.", "Restore the database from a backup.")
    tells = tuple((kind, label, value) for kind, label, value in facts.pop("tells", ()))
    return Part(row.id, keyfile, position=row.position, tells=tells, **facts)


def read_parts(session: Session, secret: DraftSecret) -> list[Part]:
    """The files of a draft."""
    return [read_part(row, secret) for row in part_rows(session, secret)]


def kept_parts(session: Session, secret: DraftSecret, tip_id: str | None) -> list[tuple[Part, int]]:
    """The files of a draft for a further message to this tip, each with the length of its sealed object."""
    draft = session.get(Draft, secret.lookup)
    if draft is None or draft.tip_id != tip_id:
        return []
    return [(read_part(row, secret), row.sealed_length) for row in part_rows(session, secret)]


def part_values(secret: DraftSecret, part: Part, position: int, sealed_length: int) -> dict[str, Any]:
    """The row of a file that came now."""
    return {
        "id": part.id,
        "draft_id": secret.lookup,
        "position": position,
        "object_name": part.object_name,
        "sealed_length": sealed_length,
        "facts": sealed_facts(secret, part),
    }


def sealed_facts(secret: DraftSecret, part: Part) -> bytes:
    """What a part's row keeps under seal: what opens its file, what it is called, and what was found in it."""
    facts: dict[str, Any] = {"key": part.keyfile.encode().decode(), "name": part.name, "media_type": part.media_type, "label": part.label}
    if part.looked:
        facts |= {"looked": part.looked, "tells": part.tells}
    return secret.seal(json.dumps(facts).encode(), _place(part.id))


def _place(part_id: str) -> str:
    return f"draft_part.facts:{part_id}"


def merge(present: list[Part], new: list[Part], most: int) -> tuple[list[Part], list[Part]]:
    """Present and new parts without doubles, and what goes beyond `most`."""
    seen = {(part.name, part.digest) for part in present}
    merged = list(present)
    for part in new:
        if (part.name, part.digest) not in seen:
            seen.add((part.name, part.digest))
            merged.append(part)
    return merged[:most], merged[most:]


def forget(objects: Vault, names: Sequence[str]) -> None:
    """Take objects away with all their wraps; those that are gone already are passed over."""
    for name in names:
        with suppress(NotFound):
            objects.remove(name)
