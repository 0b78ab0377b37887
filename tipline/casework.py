"""What a person does on the command line with what they can read: list cases, take a bundle away, have the search index made anew."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from tipline.actor import Actor
from tipline.cases import overview
from tipline.config import Settings
from tipline.errors import Conflict, TiplineError
from tipline.exports import services as exports
from tipline.models.operations import WorkerProcess
from tipline.process import Process, open_process
from tipline.search import services as search
from tipline.takeover import SILENT_AFTER
from tipline.terminal import Credentials, signed_in

LOOK_EVERY = 0.3
Say = Callable[[str], None]


class ExportFailed(TiplineError):
    """The worker could not make the bundle."""


class BuildingFailed(TiplineError):
    """The worker could not make the search index."""


@dataclass(frozen=True)
class Wanted:
    """The number of a case, the folder for its bundle, and what it is for."""

    case_number: str
    folder: Path
    purpose: str


def list_cases(settings: Settings, who: Credentials) -> list[overview.CaseRow]:
    """Return the cases of the programs that this person can read."""
    console = open_process("console", settings)
    found: list[overview.CaseRow] = []
    with signed_in(console, who) as actor, console.unit(write=False) as work:
        rows, after = overview.list_cases(work, actor)
        found += rows
        while after is not None:
            rows, after = overview.list_cases(work, actor, after)
            found += rows
    console.database.dispose()
    return found


def export_case(settings: Settings, who: Credentials, wanted: Wanted, say: Say) -> None:
    """Make the bundle of a whole case and unpack it into the wanted folder. A worker is started where none runs.

    Raises:
        Conflict: an exhibit of the case can't go out, or the program asks for a second person.
        ExportFailed: the worker could not make the bundle.
    """
    console = open_process("console", settings)
    with signed_in(console, who) as actor, _a_worker(console, settings):
        export_id = _request(console, actor, wanted)
        _await(console, actor, export_id, "to_sign", say)
        _require_alone(console, actor, export_id)
        with console.unit(write=True) as work:
            exports.sign_export(work, actor, export_id)
        _await(console, actor, export_id, "done", say)
        _unpack(console, actor, export_id, wanted.folder)
    console.database.dispose()


def _request(console: Process, actor: Actor, wanted: Wanted) -> str:
    with console.unit(write=True) as work:
        _, _, offered = exports.choices(work, actor, wanted.case_number)
        stuck = [f"{choice.number}: {choice.obstacle}" for choice in offered if choice.obstacle]
        if stuck:
            raise Conflict("Not every exhibit can go out. " + " ".join(stuck), "Choose the exhibits in the console.")
        chosen = tuple(choice.id for choice in offered)
        return exports.request_export(work, actor, exports.RequestExport(wanted.case_number, chosen, wanted.purpose)).id


def _require_alone(console: Process, actor: Actor, export_id: str) -> None:
    """Stop where the program lets no bundle out by one person alone: the second one answers in the console."""
    with console.unit(write=False) as work:
        export = exports.get_export(work, actor, export_id)
    if export.needs_second:
        raise Conflict(
            f"Export {export.number} of {export.case_number} waits for a second person; it is read and ready.",
            "Let a colleague approve it in the console under Second person; then sign and download it there.",
        )


def _await(console: Process, actor: Actor, export_id: str, state: str, say: Say) -> None:
    shown = ""
    while True:
        with console.unit(write=False) as work:
            export = exports.get_export(work, actor, export_id)
        if export.state == state:
            return
        if export.state == "failed":
            raise ExportFailed(f"The bundle could not be made. {export.failure}", "Look at the export in the console.")
        line = f"{export.step} of {export.steps} exhibits read" if export.state == "preparing" else "sealing the bundle"
        if line != shown:
            say(line)
            shown = line
        time.sleep(LOOK_EVERY)


def _unpack(console: Process, actor: Actor, export_id: str, folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder.parent if folder.parent.is_dir() else None) as packed:
        with console.unit(write=True) as work:
            _, _, chunks = exports.open_bundle(work, actor, export_id)
            for chunk in chunks:
                packed.write(chunk)
        with zipfile.ZipFile(packed) as archive:
            for entry in archive.infolist():
                _write(archive, entry, folder)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Unpack one file without the folder that stands around everything in the archive."""
    inside = Path(*Path(entry.filename).parts[1:])
    if ".." in inside.parts:
        raise ExportFailed("The bundle holds a name that leaves its folder.", "Do not use it, and tell its custodian.")
    if not entry.is_dir():
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, (folder / inside).open("xb") as target:
            shutil.copyfileobj(source, target)


def rebuild_search(settings: Settings, who: Credentials, slug: str | None, say: Say) -> None:
    """Have the search index of a program made anew, or those of all that this person holds. A worker is started where none runs.

    Raises:
        NotFound: the person holds no such program. BuildingFailed: the worker could not make an index.
    """
    console = open_process("console", settings)
    with signed_in(console, who) as actor, _a_worker(console, settings):
        with console.unit(write=True) as work:
            programs = search.programs_of(work, actor, slug)
            asked = [(name, search.rebuild(work, actor, program_id)) for program_id, name in programs]
        for name, build_id in asked:
            say(f"{name}: asked for")
            _await_building(console, actor, build_id, say)
    console.database.dispose()


def _await_building(console: Process, actor: Actor, build_id: str, say: Say) -> None:
    shown = ""
    while True:
        with console.unit(write=False) as work:
            found = search.find_building(work, actor, build_id)
        line = f"{found.done:,} of {found.total:,} read"
        if found.state == "failed":
            raise BuildingFailed("The index could not be made.", "Look at the worker's log, then start it again.")
        if line != shown:
            say(line)
            shown = line
        if found.state == "done":
            return
        time.sleep(LOOK_EVERY)


@contextmanager
def _a_worker(console: Process, settings: Settings) -> Iterator[None]:
    """See that a worker runs: the site's own, else one for as long as this takes."""
    with console.unit(write=False) as work:
        alive = WorkerProcess.seen_at > work.now() - SILENT_AFTER
        running = work.session.execute(
            select(func.count()).select_from(WorkerProcess).where(alive, WorkerProcess.dead_at.is_(None))
        ).scalar_one()
    if running:
        yield
        return
    own = subprocess.Popen([sys.executable, "-m", "tipline", "work"], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        own.terminate()
        own.wait(30)
