"""First start: key folders, tables, the installation's own record, and the first administrator's link. Safe at every start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from evidence.records import Opening
from tipline import jobs
from tipline.accounts import services as accounts
from tipline.accounts.key_events import Key, record_key
from tipline.admin.keys import infrastructure_keys, publish_known_keys
from tipline.admin.listing import publish_signed
from tipline.config import Settings
from tipline.db import Database, upgrade
from tipline.errors import Conflict
from tipline.keyfolders import create_key_folders, missing_keys
from tipline.logkeys import key_events
from tipline.models.custody import Exhibit
from tipline.models.staff import Staff
from tipline.process import open_process
from tipline.vault import INSTALLATION
from tipline.work import Work

FIRST_LOGIN = "administrator"
FIRST_NAME = "Administrator"


@dataclass(frozen=True)
class SetupReport:
    """What the start found or made.

    Args:
        made: key files that were made now.
        logged: keys that entered the log now.
        link: the first administrator's one-time link, while no administrator is active.
    """

    made: tuple[Path, ...]
    logged: tuple[Key, ...]
    link: str | None


def prepare(settings: Settings) -> SetupReport:
    """Make what is missing of an installation and return what was made.

    Raises:
        Conflict: people work here already, but keys are missing: new ones would open nothing of what is there.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade(settings.database)
    jobs.migrate(settings.database)
    _refuse_lost_keys(settings)
    made = create_key_folders(settings)
    keys = infrastructure_keys(settings)
    publish_known_keys(settings, keys)
    process = open_process("console", settings)
    try:
        with process.unit(write=True) as work:
            ensure_installation(work)
            missing = _not_in_log(work, set(keys))
            logged = [key for key in keys if key in missing]
            for key in logged:
                record_key(work, "KEY_ADDED", key)
            link = first_administrator_link(work)
            publish_signed(work)  # a list that a crash kept from the key folders
    finally:
        process.database.dispose()
    return SetupReport(tuple(made), tuple(logged), link)


def _refuse_lost_keys(settings: Settings) -> None:
    lost = missing_keys(settings)
    if not lost:
        return
    database = Database(settings.database)
    with database.session(write=False) as session:
        in_use = session.scalars(select(Staff.id).where(Staff.state == "active").limit(1)).first() is not None
    database.dispose()
    if in_use:
        raise Conflict(
            f"Keys of this installation are missing: {', '.join(lost)}.",
            "Restore the key folders from their backup, or correct TIPLINE_DATA or TIPLINE_KEYS_DIR. Nothing was changed.",
        )


def ensure_installation(work: Work) -> Exhibit:
    """Return the exhibit that stands for the installation's own record, made at the first start."""
    exhibit = work.session.get(Exhibit, INSTALLATION)
    if exhibit is None:
        exhibit = Exhibit(id=INSTALLATION, kind=INSTALLATION, recipient="", received_on=work.today())
        work.session.add(exhibit)
        work.session.flush()
    return exhibit


def first_administrator_link(work: Work) -> str | None:
    """Return a fresh one-time link for the first administrator; None once an administrator is active.

    Each call ends the link before: only the last one that was printed works.
    """
    administrators = work.session.scalars(select(Staff).where(Staff.role == "administrator").order_by(Staff.created_at)).all()
    if any(staff.state == "active" for staff in administrators):
        return None
    invited = next((staff for staff in administrators if staff.state == "invited"), None)
    if invited is None:
        _, token = accounts.invite(work, accounts.Invite(FIRST_LOGIN, FIRST_NAME, "administrator"))
    else:
        token = accounts.renew_link(work, invited)
    return setup_link(work, token)


def setup_link(work: Work, token: str) -> str:
    """Return the address that a one-time token belongs to."""
    return f"{work.settings.console_origin.rstrip('/')}/setup/{token}"


def _not_in_log(work: Work, wanted: set[Key]) -> set[Key | None]:
    """Return the wanted keys without a KEY_ADDED event. Reads from the first event on and stops when all are found."""
    missing: set[Key | None] = set(wanted)
    for _, opening in key_events(work.session):
        missing.discard(_added_key(opening))
        if not missing:
            break
    return missing


def _added_key(opening: Opening) -> Key | None:
    if opening.field("kind") != "KEY_ADDED":
        return None
    owner = opening.field("on_behalf_of")
    return Key(str(opening.field("role")), str(opening.field("key_id")), None if owner is None else str(owner))
