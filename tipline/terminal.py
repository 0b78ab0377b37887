"""A person at the machine's own command line: who can read the console's key folder signs in by passphrase."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from evidence.errors import IntegrityError
from tipline import audit
from tipline.accounts import rules, services, sessions
from tipline.accounts.keychain import PassphraseLock
from tipline.actor import Actor
from tipline.errors import Forbidden
from tipline.models.staff import Staff
from tipline.process import Process


@dataclass(frozen=True)
class Credentials:
    """Who, and the passphrase as typed."""

    login: str
    passphrase: str


def credentials_from_environment() -> Credentials | None:
    """Return what TIPLINE_USER and TIPLINE_PASSPHRASE_FILE name; None unless both are set."""
    login, path = os.environ.get("TIPLINE_USER"), os.environ.get("TIPLINE_PASSPHRASE_FILE")
    return Credentials(login, Path(path).read_text()) if login and path else None


@contextmanager
def signed_in(console: Process, who: Credentials) -> Iterator[Actor]:
    """A session of this person for the length of one command.

    There is no one-time code: it protects a page that the network reaches, and whoever stands here holds the second half
    of the key, the console's pepper, already.

    Raises:
        Forbidden: name and passphrase do not go together, or too many tries failed.
    """
    with console.unit(write=True) as work:
        staff = work.session.scalars(select(Staff).where(Staff.login == who.login, Staff.state == "active").with_for_update()).first()
        if staff is None or rules.Tries(staff.failed_tries, staff.locked_until).is_paused(work.now()):
            raise _refusal()
        counted = rules.Tries(staff.failed_tries, staff.locked_until).with_one_more(work.now())
        staff.failed_tries, staff.locked_until = counted.failed, counted.locked_until
        lock = PassphraseLock(staff.passphrase_salt or b"", console.vault.keys.secret("staff.pepper"), staff.id)
        sealed, staff_id = staff.secrets or b"", staff.id
    try:
        keys, _ = lock.renew(sealed, rules.normal_passphrase(who.passphrase), services.older_peppers(console.begin(write=False)))
    except IntegrityError:
        raise _refusal() from None
    with console.unit(write=True) as work:
        staff = work.session.get_one(Staff, staff_id)
        staff.failed_tries, staff.locked_until = 0, None
        cookie = sessions.open_session(work.session, staff, keys, work.now()).value
        audit.record(work.session, work.now(), None, "session.open", ("staff", staff.id), "terminal")
    actor = services.find_actor(console.begin(write=False), cookie)
    if actor is None:
        raise _refusal()
    try:
        yield actor
    finally:
        with console.unit(write=True) as work:
            services.sign_out(work, actor, cookie)


def _refusal() -> Forbidden:
    return Forbidden("That name and passphrase do not go together.", "Check both. After 5 tries we pause for 15 minutes.")
