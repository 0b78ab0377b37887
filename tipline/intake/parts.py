"""The files of a draft: rows that only the draft secret reads, and wraps that only it opens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.orm import Session

from evidence.errors import NotFound
from evidence.examine.media_types import may_be_copied
from evidence.keys import wrap
from evidence.vault import Vault
from tipline import direct
from tipline.intake import statements
from tipline.intake.draft import DraftSecret, ReceivedFile
from tipline.models.base import new_id
from tipline.models.tips import Draft

Tell = tuple[str, str, str]  # kind, label and value, as evidence.examine.report.Finding has them


@dataclass(frozen=True)
class Part:
    """A file of a draft, as the form's own pages show it."""

    id: str
    object_name: str
    name: str
    digest: str
    length: int
    media_type: str
    label: str
    position: int = 0
    looked: str = ""  # done, no_jail, too_large, failed, busy; empty: not yet, or there is nothing to look for
    tells: tuple[Tell, ...] = ()

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


def keep_part(objects: Vault, secret: DraftSecret, file: ReceivedFile) -> Part:
    """Store the wrap that only the draft secret opens; the row comes with the transaction."""
    keyfile = file.sealed.keyfile
    objects.add_draft_key(keyfile, [secret.identity.recipient])
    return Part(new_id(), keyfile.object_name, file.name, keyfile.plaintext_digest, keyfile.length, file.media_type, file.label)


def part_rows(session: Session, secret: DraftSecret) -> Sequence[PartRow]:
    """The rows of a draft's files, in the order in which they came."""
    return direct.rows(session, statements.PARTS, {"id": secret.lookup})


def read_part(row: PartRow, secret: DraftSecret) -> Part:
    """What a row says to who holds the draft secret."""
    facts = json.loads(secret.identity.unwrap(row.facts))
    tells = tuple((kind, label, value) for kind, label, value in facts.pop("tells", ()))
    return Part(row.id, row.object_name, position=row.position, tells=tells, **facts)


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
        "facts": wrap(part_facts(part), [secret.identity.recipient]),
    }


def part_facts(part: Part) -> bytes:
    """What is sealed in a part's row."""
    facts: dict[str, Any] = {"name": part.name, "digest": part.digest, "length": part.length}
    facts |= {"media_type": part.media_type, "label": part.label}
    if part.looked:
        facts |= {"looked": part.looked, "tells": part.tells}
    return json.dumps(facts).encode()


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


def remove_wraps(objects: Vault, names: Sequence[str]) -> None:
    """Take away what only the draft secret opened; the objects belong to a tip now."""
    for name in names:
        objects.remove_draft_key(name)
