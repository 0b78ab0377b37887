"""`tipline doctor`: what works on this machine, and what is lost where something is missing."""

from __future__ import annotations

import secrets
import shutil
import smtplib
import socket
import sqlite3
import ssl
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from evidence.checkpoint import cosignatures
from evidence.errors import EvidenceError, UsageError
from evidence.examine import jail, lettering
from evidence.storage import VersionedStore, open_store
from evidence.timestamp import read_roots
from tipline.config import Settings
from tipline.db import Database
from tipline.digests import mail
from tipline.errors import TiplineError
from tipline.keyfolders import SECRETS
from tipline.models.operations import WorkerProcess
from tipline.process import object_lock
from tipline.stamping import authorities, host
from tipline.takeover import SILENT_AFTER
from tipline.witnessing import parse_witnesses
from tipline.work import utc_now

State = Literal["works", "missing", "fails"]
MAIL_SECONDS = 8
MAIL_WORDS = {
    "starttls": "which proved who it is (STARTTLS)",
    "tls": "which proved who it is (TLS)",
    "none": "on this machine, in the clear",
}
MAIL_TROUBLES: tuple[tuple[type[OSError], str, str], ...] = (
    (smtplib.SMTPNotSupportedError, "offers no STARTTLS or no way to sign in", "If it speaks TLS at once, set TIPLINE_SMTP_SECURITY=tls."),
    (
        ssl.SSLCertVerificationError,
        "did not prove that it is that server",
        "Its certificate has another name, has ended, or nobody known signed it.",
    ),
    (ssl.SSLError, "does not speak TLS there", "Set TIPLINE_SMTP_SECURITY=starttls, or name its port for TLS."),
    (smtplib.SMTPAuthenticationError, "refuses the name or its password", "Check TIPLINE_SMTP_USER and TIPLINE_SMTP_PASSWORD_FILE."),
    (smtplib.SMTPResponseException, "turns this machine away", "Ask who runs it."),
    (FileNotFoundError, "was not asked: TIPLINE_SMTP_PASSWORD_FILE names no file", "Write the password into it."),
    (socket.gaierror, "has no address", "Check its name in TIPLINE_SMTP_HOST."),
    (TimeoutError, "does not answer", "Check host and port in TIPLINE_SMTP_HOST, and what lies between."),
    (ConnectionError, "takes no connection", "Check host and port in TIPLINE_SMTP_HOST."),
)
SPARE_BYTES = 5 * 1024**3


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `missing` costs something; `fails` has to be put right."""

    state: State
    what: str
    found: str
    lost: str = ""

    def line(self) -> str:
        return f"{self.state:8} {self.what}: {self.found}" + (f" {self.lost}" if self.lost else "")

    def facts(self) -> dict[str, str]:
        return asdict(self)


def examine(settings: Settings) -> list[Check]:
    """Look at everything once; nothing is changed."""
    checks: list[Callable[[Settings], Check]] = [
        check_python,
        check_sqlite,
        check_keys,
        check_database,
        check_storage,
        check_lock,
        check_space,
        check_anchor,
        check_witnesses,
        check_stamps,
        check_worker,
        check_mail,
        check_jail,
        check_reader,
    ]
    return [*(_run(check, settings) for check in checks), *(check_program(name, why) for name, why in OPTIONAL_PROGRAMS.items())]


def _run(check: Callable[[Settings], Check], settings: Settings) -> Check:
    """Run one check; on a divided installation each user may look at its own part only."""
    try:
        return check(settings)
    except PermissionError as error:
        name = check.__name__.removeprefix("check_").capitalize()
        return Check("missing", name, f"this user may not look at {error.filename}.", "Run the doctor as the user that it belongs to.")


OPTIONAL_PROGRAMS = {
    "openssl": "Time stamps can't be checked a second time by another program.",
    "ssh-keygen": "The bundle's signature can't be tried out here; receivers need it, not this machine.",
}


def check_python(_settings: Settings) -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("works", "Python", version)


def check_sqlite(_settings: Settings) -> Check:
    with sqlite3.connect(":memory:") as connection:
        options = {row[0] for row in connection.execute("pragma compile_options")}
    if "ENABLE_FTS5" not in options:
        return Check("missing", "SQLite", sqlite3.sqlite_version, "It has no FTS5. Search still works: its own library brings it.")
    return Check("works", "SQLite", sqlite3.sqlite_version)


def check_keys(settings: Settings) -> Check:
    absent, open_to_others = [], []
    for face, names in SECRETS.items():
        for name in names:
            path = settings.keys(face) / name
            if not path.exists():
                absent.append(f"{face}/{name}")
            elif stat.S_IMODE(path.stat().st_mode) & 0o077:
                open_to_others.append(f"{face}/{name}")
    if absent:
        return Check("fails", "Key folders", f"missing {', '.join(absent)}.", "Run `tipline run` once, or set TIPLINE_DATA.")
    if open_to_others:
        return Check("fails", "Key folders", f"others can read {', '.join(open_to_others)}.", "Set their mode to 0600.")
    return Check("works", "Key folders", "all there, readable by their owner only")


def check_database(settings: Settings) -> Check:
    database = Database(settings.database)
    try:
        with database.session(write=False) as session:
            count = session.execute(select(func.count()).select_from(WorkerProcess)).scalar_one()
    except SQLAlchemyError as error:
        return Check("fails", "Database", f"{type(error).__name__}.", "Check TIPLINE_DATABASE_URL, then run `tipline db upgrade`.")
    finally:
        database.dispose()
    return Check("works", "Database", f"{database.engine.dialect.name}, {count} worker{'' if count == 1 else 's'} known")


def check_storage(settings: Settings) -> Check:
    name = secrets.token_hex(32)
    try:
        store = open_store(settings.storage, lock=object_lock(settings))
        store.put(name, b"doctor")
        store.remove(name)
        if isinstance(store, VersionedStore) and store.keeps_versions():
            lost = "What is disposed of stays there as an old version. Use a bucket without versions for key files."
            return Check("fails", "Object store", "its bucket keeps old versions.", lost)
    except (EvidenceError, OSError) as error:
        return Check("fails", "Object store", f"{error}", "Nothing can be taken in. Check TIPLINE_STORAGE_URL.")
    return Check("works", "Object store", "takes, keeps and gives back")


def check_lock(settings: Settings) -> Check:
    if not settings.object_lock_days:
        lost = "Who can write to the store can remove from it." if settings.storage.startswith("s3:") else "A folder has none."
        return Check("missing", "Object lock", "not set.", f"{lost} Backups and the log show what is gone.")
    try:
        store = open_store(settings.storage, lock=object_lock(settings))
        locks = isinstance(store, VersionedStore) and store.locks()
    except (EvidenceError, OSError) as error:
        return Check("fails", "Object lock", f"{error}", "Check TIPLINE_STORAGE_URL and TIPLINE_OBJECT_LOCK_DAYS.")
    if not locks:
        return Check("fails", "Object lock", "the bucket takes none.", "Make one with object lock; an old bucket can't get it everywhere.")
    return Check("works", "Object lock", f"{settings.object_lock_days} days, {settings.object_lock_mode.lower()}")


def check_space(settings: Settings) -> Check:
    folder = settings.data if settings.data.exists() else settings.data.resolve().parent
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free in the data folder"
    if free < max(SPARE_BYTES, settings.max_file_bytes):
        return Check("missing", "Disk", found, "One large attachment may not fit.")
    return Check("works", "Disk", found)


def check_anchor(settings: Settings) -> Check:
    anchor, data = settings.anchor_file, settings.data
    if not anchor.exists():
        return Check(
            "missing",
            "Anchor",
            "not written yet.",
            "The worker makes it at its first start. If it was there before: `tipline recover --check`.",
        )
    if anchor.stat().st_dev == data.stat().st_dev:
        return Check(
            "missing",
            "Anchor",
            "it lies on the disk of the data folder.",
            "Set TIPLINE_ANCHOR to another disk or machine: who owns this one owns both.",
        )
    return Check("works", "Anchor", "it lies on another disk")


def check_witnesses(settings: Settings) -> Check:
    """Who outside has signed the newest published checkpoint; read from its file, which everybody may see."""
    lost = "Who owns this machine could show another log. See TIPLINE_WITNESSES and `evidence mirror`."
    try:
        keys = [one.key for one in parse_witnesses(settings.witnesses)]
        if not keys:
            return Check("missing", "Witnesses", "none are named.", lost)
        note = settings.log_folder / "checkpoint"
        signed = [one.name for one in cosignatures(note.read_text(), keys)] if note.exists() else []
    except (EvidenceError, TiplineError) as error:
        return Check("fails", "Witnesses", str(error), error.next_step)
    silent = sorted({key.name for key in keys} - set(signed))
    if silent:
        return Check("missing", "Witnesses", f"{', '.join(silent)} has not signed the newest checkpoint.", lost)
    return Check("works", "Witnesses", f"{len(keys)} signed the newest checkpoint")


def check_stamps(settings: Settings) -> Check:
    """Whether stamps are asked for, and can be believed: nobody is asked."""
    lost = "Published checkpoints and exports are called untimestamped. Set TIPLINE_TIMESTAMP_URLS and TIPLINE_TIMESTAMP_ROOTS."
    urls = authorities(settings)
    if not urls:
        return Check("missing", "Time stamps", "no authority is named.", lost)
    if settings.timestamp_roots is None:
        return Check("fails", "Time stamps", "TIPLINE_TIMESTAMP_ROOTS is not set.", "No stamp can be believed. Name a PEM file of roots.")
    try:
        roots = read_roots(settings.timestamp_roots)
    except UsageError as error:
        return Check("fails", "Time stamps", f"{error}.", error.next_step)
    return Check("works", "Time stamps", f"{', '.join(host(url) for url in urls)}, {len(roots)} root{'' if len(roots) == 1 else 's'}")


def check_worker(settings: Settings) -> Check:
    database = Database(settings.database)
    lost = "Nothing is examined, sequenced or exported. Run `tipline run` or `tipline work`."
    try:
        with database.session(write=False) as session:
            seen = session.execute(select(func.max(WorkerProcess.seen_at)).where(WorkerProcess.dead_at.is_(None))).scalar_one()
    except SQLAlchemyError:
        return Check("missing", "Worker", "not known, since the database does not answer.", lost)
    finally:
        database.dispose()
    if seen is None or utc_now() - seen > SILENT_AFTER:
        return Check("missing", "Worker", "none is running.", lost)
    return Check("works", "Worker", "running")


def check_mail(settings: Settings) -> Check:
    """Whether the mail server of the daily notices lets this machine in; it is greeted, and no mail is sent."""
    if not settings.smtp_host:
        return Check("missing", "Mail server", "none is named.", "Nobody gets a daily notice. See TIPLINE_SMTP_HOST.")
    try:
        with mail.connected(settings, MAIL_SECONDS) as server:
            server.ehlo_or_helo_if_needed()
    except PermissionError:
        raise  # the password belongs to the worker's user: `_run` says so
    except OSError as error:
        found, lost = _mail_trouble(error)
        return Check("fails", "Mail server", f"{settings.smtp_host} {found}.", lost)
    return Check("works", "Mail server", f"{settings.smtp_host}, {MAIL_WORDS[settings.smtp_security]}")


def _mail_trouble(error: OSError) -> tuple[str, str]:
    """What is wrong with a mail server, and what to do: the first that fits."""
    for kind, found, lost in MAIL_TROUBLES:
        if isinstance(error, kind):
            return found.format(error=error), lost
    return f"failed: {type(error).__name__}", "Daily notices wait. Ask who runs it."


def check_jail(_settings: Settings) -> Check:
    status = jail.available()
    if not status.ok:
        return Check("missing", "Jail", status.reason, f"No file is opened and no preview is made. {status.advice}")
    return Check("works", "Jail", status.name)


def check_reader(_settings: Settings) -> Check:
    if lettering.installed():
        return Check("works", "Reader of pictures", "rapidocr-onnxruntime")
    lost = f"Words in pictures and scanned pages can't be read. {lettering.ADVICE}"
    return Check("missing", "Reader of pictures", "not installed.", lost)


def check_program(name: str, lost: str) -> Check:
    path = shutil.which(name)
    return Check("works", name, path) if path else Check("missing", name, "not installed.", lost)
