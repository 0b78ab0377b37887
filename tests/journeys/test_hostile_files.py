"""Hostile files go the whole way: sent by a source, examined, looked at on every tab, exported, and the bundle verifies.

`make hostile` sends every file of ../shared/data/hostile; `make test` one file of each of eight folders, drawn by a seed that a failure
prints (HOSTILE_SEED=N repeats it). Where the project stands alone its own ruined files go the same way. One request to the canary's port,
one file outside the jail, one examination beyond its limits, or one page that can't say why it shows nothing is a failure.
"""

from __future__ import annotations

import io
import os
import random
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from evidence.examine.preview import _ENDINGS as STOPPED
from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail
from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tipline.cases import services as cases
from tipline.cases.services import OpenCase, PutTip
from tipline.exports import building, services
from tipline.inbox.reports import Examined, find_reports
from tipline.models.custody import Exhibit

pytestmark = needs_jail
CANARY_PORT = 18099
EVERYTHING = os.environ.get("HOSTILE") == "all"
SEED = int(os.environ.get("HOSTILE_SEED") or random.SystemRandom().randrange(1 << 32))
MOST, AT_ONCE = 8, 20
TABS = ("", "/facts", "/listing", "/words", "/bytes")
BEYOND_LIMITS = (STOPPED["time"], STOPPED["cpu"], STOPPED["talk"])  # a reader that broke inside the jail harmed nobody: its page says so


class Active(HTMLParser):
    """Finds what a browser would run, or fetch from elsewhere; the console's own scripts are files of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: (value or "").strip().lower() for name, value in attrs}
        places = [given.get(name, "") for name in ("src", "href", "action", "data", "formaction", "srcdoc")]
        ours = tag == "script" and places[0].startswith("/static/")
        active = tag in {"script", "iframe", "object", "embed", "svg", "base", "style"} and not ours
        if active or any(name.startswith("on") or name == "style" for name in given):
            self.found.append(f"<{tag}>")
        self.found += [place[:80] for place in places if ":" in place.partition("/")[0] or place.startswith("//")]


@dataclass
class Sent:
    """One file on its way: its name in the collection, its bytes, and what it became."""

    name: str
    data: bytes
    exhibit: Exhibit
    examined: Examined
    troubles: list[str] = field(default_factory=list)


def collected(shared: Path | None) -> list[tuple[str, bytes]]:
    """What is sent: everything, one file of some folders, or ruins of our own files."""
    chance = random.Random(SEED)
    if shared is None:
        return [(f"ruin-{number}.bin", ruin(chance)) for number in range(MOST)]
    chosen: list[Path] = []
    folders = sorted(path for path in (shared / "hostile").iterdir() if path.is_dir())
    for folder in folders if EVERYTHING else chance.sample(folders, min(MOST, len(folders))):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        chosen += files if EVERYTHING else chance.sample(files, min(1, len(files)))
    return [(path.name, path.read_bytes()) for path in chosen]


def ruin(chance: random.Random) -> bytes:
    data = bytearray(
        chance.choice(
            [samples.jpeg(position=True), samples.png(), samples.pdf(["a"]), samples.zip_of({"../a": b"b"}), samples.tar_gz({"a": b"b"})]
        )
    )
    for _ in range(8):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.randrange(1, len(data) + 1)])


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    return Desk(installation, public, console_app)


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """Listens where the active content of the collection calls."""
    with socket.create_server(("127.0.0.1", CANARY_PORT), reuse_port=True) as server:
        server.settimeout(0.05)
        yield server


def test_hostile_files_go_the_whole_way(shared: Path | None, desk: Desk, canary: socket.socket, tmp_path: Path) -> None:
    case, sent = take_in(desk, collected(shared))
    outside = [path for one in sent for path in leading_outside(one.examined) if path.exists() and path.stat().st_mtime > desk_began(desk)]
    browser = desk.client()
    for one in sent:
        one.troubles += examined_well(one) + shown_well(browser, one)
    troubles = [f"{one.name}: {trouble}" for one in sent for trouble in one.troubles]
    assert not troubles, f"HOSTILE_SEED={SEED}: {len(troubles)} of {len(sent)} files\n" + "\n".join(troubles[:30])
    assert outside == []
    exported_well(desk, case, sent, tmp_path)
    with pytest.raises(TimeoutError):
        canary.accept()


def desk_began(desk: Desk) -> float:
    return desk.installation.settings.data.stat().st_ctime


def take_in(desk: Desk, files: list[tuple[str, bytes]]) -> tuple[str, list[Sent]]:
    """Send the files as a source does, twenty with a tip; put all into one case."""
    with desk.acting() as (work, actor):
        case = cases.open_case(work, actor, OpenCase(desk.installation.program_id, "Hostile")).number
    sent: list[Sent] = []
    for start in range(0, len(files), AT_ONCE):
        some = files[start : start + AT_ONCE]
        number = desk.send("Files.", {f"{start + at}-{name}": data for at, (name, data) in enumerate(some)})
        with desk.acting() as (work, actor):
            cases.put_tip(work, actor, PutTip(number, case, with_exhibits=True))
        exhibits = desk.exhibits(number)[1:]
        with desk.acting(write=False) as (work, actor):
            reports = find_reports(work, actor.keyring, [exhibit.id for exhibit in exhibits])
        sent += [Sent(name, data, exhibit, reports[exhibit.id]) for (name, data), exhibit in zip(some, exhibits, strict=True)]
    return case, sent


def examined_well(one: Sent) -> list[str]:
    """What is wrong with a file's examination."""
    report, troubles = one.examined.report, []
    if report.state != "done":
        troubles.append(f"not examined: {report.notes}")
    troubles += [note for note in report.notes if note in BEYOND_LIMITS]
    if report.digests.get("sha256") != sha256(one.data).hexdigest():
        troubles.append("its digest was not taken")
    picture = one.examined.picture
    if picture and max(picture.width, picture.height) > 1600:
        troubles.append("its picture is too large")
    return troubles


def shown_well(browser: FlaskClient, one: Sent) -> list[str]:
    """What is wrong with the pages of a file: each opens, none is active, and one that shows nothing says why."""
    troubles = []
    for tab in TABS:
        page = browser.get(f"/exhibits/{one.exhibit.id}/file{tab}")
        main = page.text.partition("<main")[2]
        if page.status_code != 200:
            troubles.append(f"{tab or '/'} answers {page.status_code}")
        seen = Active()
        seen.feed(page.text)
        troubles += [f"{tab or '/'} is active: {found}" for found in seen.found]
        if tab == "" and 'class="empty"' in main and len(main.partition('class="empty"')[2].partition("<p>")[2].partition("</p>")[0]) < 20:
            troubles.append("it does not say why nothing is shown")
    if one.examined.picture:
        answer = browser.get(f"/exhibits/{one.exhibit.id}/preview.png")
        if Image.open(io.BytesIO(answer.data)).size != (one.examined.picture.width, one.examined.picture.height):
            troubles.append("its picture is another")
    return troubles


def leading_outside(examined: Examined) -> list[Path]:
    """The places that an archive's names lead to, from where the test runs and from the root."""
    entries = examined.report.listing.entries if examined.report.listing else ()
    names = [entry.name.replace("\\", "/") for entry in entries if entry.warning and entry.name.isprintable() and len(entry.name) < 200]
    return [Path(root, name) for name in names for root in (".", "/")]


def exported_well(desk: Desk, case: str, sent: list[Sent], folder: Path) -> None:
    """Export the case; the bundle verifies offline, and holds every file as it was received."""
    with desk.acting("counsel") as (work, actor):
        chosen = tuple(choice.id for choice in services.choices(work, actor, case)[2])
        export_id = services.request_export(work, actor, services.RequestExport(case, chosen, "Order of 18 Nov")).id
    inside = desk.installation
    with inside.worker.unit(write=True) as work:
        building.prepare_payload(work, export_id)
    with desk.acting("counsel") as (work, actor):
        services.sign_export(work, actor, export_id)
    inside.sequence()
    with inside.worker.unit(write=True) as work:
        building.seal_bundle(work, export_id)
    with desk.acting("counsel") as (work, actor):
        _, _, chunks = services.open_bundle(work, actor, export_id)
        bundle = io.BytesIO(b"".join(chunks))
    zipfile.ZipFile(bundle).extractall(folder)
    root = next(path for path in folder.iterdir() if (path / "bagit.txt").is_file())
    checked = subprocess.run([sys.executable, "verify.py"], cwd=root, capture_output=True, text=True, timeout=300)
    assert checked.returncode == 3, checked.stdout[-2000:]  # consistent; nobody outside vouched for the key
    originals = {sha256(path.read_bytes()).hexdigest() for path in (root / "data" / "originals").rglob("*") if path.is_file()}
    assert {sha256(one.data).hexdigest() for one in sent} <= originals
