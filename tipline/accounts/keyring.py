"""What a signed-in person can open: their own keys and the programs wrapped to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence.keys import Identity
from evidence.signing import SigningKey
from tipline.accounts.keychain import StaffKeys
from tipline.accounts.sessions import OpenSession
from tipline.actor import Actor, HeldProgram, Keyring, Preferences
from tipline.db import Database
from tipline.models.programs import Program, ProgramWrap, Rotation
from tipline.models.staff import Staff


class WrapsOf(Mapping[str, HeldProgram]):
    """Program id to how one person holds it; read at the first use, since many pages need none."""

    def __init__(self, open_session: Callable[[], AbstractContextManager[Session]], staff_id: str) -> None:
        self._open_session = open_session
        self._staff_id = staff_id

    @cached_property
    def _rows(self) -> dict[str, HeldProgram]:
        query = (
            select(ProgramWrap.program_id, ProgramWrap.wrapped, Program.program_keys, Rotation.old_identity)
            .join(Program, Program.id == ProgramWrap.program_id)
            .outerjoin(Rotation, (Rotation.program_id == Program.id) & Rotation.finished_at.is_(None))
            .where(ProgramWrap.staff_id == self._staff_id)
            .order_by(Program.created_at, Program.id)
        )
        with self._open_session() as session:
            return {row[0]: HeldProgram(row[1], row[2], row[3]) for row in session.execute(query)}

    def __getitem__(self, program_id: str) -> HeldProgram:
        return self._rows[program_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def build_keyring(session: Session, staff: Staff, identity: Identity, signing_key: SigningKey) -> Keyring:
    """Return the keyring of a person whose own keys are open, read through the caller's session."""
    return Keyring(staff.id, identity, signing_key, WrapsOf(lambda: nullcontext(session), staff.id))


def actor_of(database: Database, opened: OpenSession) -> Actor:
    """Return the actor that services are given for a signed-in person."""
    return actor_with(database, opened.staff, opened.keys, opened.row.id)


def actor_with(database: Database, staff: Staff, keys: StaffKeys, session_id: str) -> Actor:
    """Return the actor whose own keys these are; wraps are read in a short transaction of their own."""
    wraps = WrapsOf(lambda: database.session(write=False), staff.id)
    keyring = Keyring(staff.id, keys.identity, keys.signing_key, wraps)
    preferences = Preferences.read(staff.preferences)
    return Actor(staff.id, staff.login, staff.display_name, staff.role, session_id, keyring, preferences)
