"""A signed-in person and the keys that their session opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from evidence.keys import Identity, Successor, aead_open, aead_seal
from evidence.signing import SigningKey
from tipline.errors import NoKey


@dataclass(frozen=True)
class ProgramKeys:
    """The opened keys of one program: they live in memory, for one request."""

    program_id: str
    identity: Identity = field(repr=False)
    record_key: bytes = field(repr=False)
    index_key: bytes = field(repr=False)
    fingerprint_key: str = field(repr=False)

    def seal(self, table: str, column: str, row_id: str, text: str) -> bytes:
        """Return a Sealed column's bytes for `text`, bound to table, column and row (AES-256-GCM)."""
        return aead_seal(self.record_key, text.encode(), f"{table}.{column}:{row_id}")

    def open(self, table: str, column: str, row_id: str, blob: bytes) -> str:
        """Return the text of a Sealed column.

        Raises:
            evidence.errors.IntegrityError: it was altered, or moved from another place.
        """
        return aead_open(self.record_key, blob, f"{table}.{column}:{row_id}").decode()

    def seal_json(self, table: str, column: str, row_id: str, value: Any) -> bytes:
        return self.seal(table, column, row_id, json.dumps(value, ensure_ascii=False))

    def open_json(self, table: str, column: str, row_id: str, blob: bytes) -> Any:
        return json.loads(self.open(table, column, row_id, blob))

    def unwrap(self, blob: bytes) -> bytes:
        """Open a small age file that was made to the program recipient."""
        return self.identity.unwrap(blob)


@dataclass(frozen=True)
class HeldProgram:
    """How one person holds a program.

    Args:
        wrapped: the program identity, wrapped to the person.
        program_keys: record, index and fingerprint key, wrapped to the program identity.
        before: while the program's files are wrapped anew, the identity before this one, wrapped to this one.
    """

    wrapped: bytes = field(repr=False)
    program_keys: bytes = field(repr=False)
    before: bytes | None = field(default=None, repr=False)

    def identity(self, own: Identity) -> Identity:
        """Return the program identity; during a rotation one that opens what the old one opened too."""
        identity = Identity.parse(own.unwrap(self.wrapped).decode())
        return identity if self.before is None else Successor.of(Identity.parse(identity.unwrap(self.before).decode()), identity)


def open_program_keys(program_id: str, identity: Identity, program_keys: bytes) -> ProgramKeys:
    """Open a program's key row (`Program.program_keys`) with the program identity."""
    keys: Mapping[str, str] = json.loads(identity.unwrap(program_keys))
    return ProgramKeys(program_id, identity, bytes.fromhex(keys["record"]), bytes.fromhex(keys["index"]), keys["fingerprint"])


@dataclass
class Keyring:
    """What a person holds: their own two keys, and how to open the programs wrapped to them."""

    staff_id: str
    identity: Identity = field(repr=False)
    signing_key: SigningKey = field(repr=False)
    wraps: Mapping[str, HeldProgram] = field(repr=False)  # by program id
    _opened: dict[str, ProgramKeys] = field(default_factory=dict, repr=False)

    def program_ids(self) -> list[str]:
        return list(self.wraps)

    def program(self, program_id: str) -> ProgramKeys:
        """Return the opened keys of a program.

        Raises:
            NoKey: nobody has granted this person the program.
        """
        if program_id not in self._opened:
            if program_id not in self.wraps:
                raise NoKey("Nobody has given you the key to this program.", "Ask an administrator who holds it to grant you access.")
            held = self.wraps[program_id]
            self._opened[program_id] = open_program_keys(program_id, held.identity(self.identity), held.program_keys)
        return self._opened[program_id]


@dataclass(frozen=True)
class Preferences:
    """How a person wants the console: structured choices only, kept as JSON in `Staff.preferences`.

    Args:
        zone: IANA name of a time zone that is shown beside UTC; empty: UTC alone.
        notice: "daily": one e-mail a day that says how much waits, and nothing of what.
    """

    theme: str = "system"  # system, light, dark
    contrast: str = "system"  # system, more
    keys: bool = True
    zone: str = ""
    density: str = "roomy"  # roomy, close
    notice: str = "off"  # off, daily

    @classmethod
    def read(cls, text: str) -> Preferences:
        """Return what a `Staff.preferences` says; a choice that is not known any more is the default."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in json.loads(text or "{}").items() if name in known})

    def write(self) -> str:
        """Return the JSON of what differs from the defaults."""
        usual = asdict(Preferences())
        return json.dumps({name: value for name, value in asdict(self).items() if value != usual[name]})


@dataclass(frozen=True)
class Actor:
    """Who acts: passed to every service in place of a request."""

    staff_id: str
    login: str
    name: str
    role: str
    session_id: str
    keyring: Keyring = field(repr=False)
    preferences: Preferences = Preferences()
