"""Writing a bundle (SPEC section 6): payload, then custody, tag files and seal, then one deterministic zip.

    folder/data/originals/EX-2026-0007-01.jpg      the file as it was received
    folder/data/{case.json,exhibits.csv,exceptions.csv}
    folder/manifest-sha256.txt                      its digest stands in each signed EXPORTED
    folder/custody/{events.jsonl,events.csv,keys.jsonl,checkpoint}
    folder/{bagit.txt,bag-info.txt,README-VERIFY.txt,verify.py}
    folder/tagmanifest-sha256.txt                   signed in seal/
    folder/seal/{tagmanifest-sha256.txt.sig,allowed_signers}
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO

from evidence import canonical, checkpoint, manifest, records, signing, verify
from evidence.custody import BundleEvent as BundleEvent
from evidence.custody import encode_event
from evidence.errors import AlreadyThere, IntegrityError, UsageError
from evidence.manifest import validate_bag as validate_bag

_CHUNK = 1024 * 1024
_STAMP = (1980, 1, 1, 0, 0, 0)
_README = Path(__file__).with_name("README-VERIFY.txt")


@dataclass(frozen=True)
class BundleExhibit:
    """One original of the payload. `chunks` gives its plaintext, each time from the start."""

    exhibit: str
    number: str
    file_name: str
    digest: str
    length: int
    chunks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class BundleException:
    """An exhibit of the act whose original is not in the payload, and why: physical, disposed, unreadable."""

    exhibit: str
    number: str
    reason: str


@dataclass(frozen=True)
class BundleSeal:
    """What turns a payload into a bundle: the custody of each exhibit, the keys that attest it, and the log key."""

    events: Mapping[str, Sequence[BundleEvent]]
    key_events: Sequence[BundleEvent]
    checkpoint: str
    log_key: signing.SigningKey = field(repr=False)
    origin: str
    created: date


def write_payload(
    folder: Path, exhibits: Sequence[BundleExhibit], case: Mapping[str, records.Scalar], exceptions: Sequence[BundleException] = ()
) -> str:
    """Write data/ and its manifest into a new folder; return the digest of the manifest, which EXPORTED commits to.

    Raises IntegrityError when an original is not what its digest and length say, AlreadyThere when there is a payload already,
    UsageError when two exhibits share a file name.
    """
    names = [manifest.check_name(exhibit.file_name).lower() for exhibit in exhibits]
    if len(set(names)) != len(names):
        raise UsageError("two exhibits share a file name", "File names are made from exhibit numbers, which are unique.")
    if (folder / "data").exists():
        raise AlreadyThere(f"{folder} holds a payload already", "Remove the folder and begin again.")
    (folder / "data" / "originals").mkdir(parents=True)
    for exhibit in exhibits:
        _write_original(folder / "data" / "originals" / exhibit.file_name, exhibit)
    rows = [(item.exhibit, item.number, item.file_name, item.digest, item.length) for item in exhibits]
    _write_table(folder / "data" / "exhibits.csv", verify.EXHIBITS_HEAD, rows)
    missing = [(item.exhibit, item.number, item.reason) for item in exceptions]
    _write_table(folder / "data" / "exceptions.csv", verify.EXCEPTIONS_HEAD, missing)
    (folder / "data" / "case.json").write_bytes(canonical.encode(dict(case)) + b"\n")
    if not exhibits:
        (folder / "data" / "originals").rmdir()
    manifest.write_manifest(folder, manifest.PAYLOAD, (path for path in manifest.list_files(folder) if path.startswith("data/")))
    return "sha256:" + manifest.hash_file(folder / manifest.PAYLOAD)


def finish_bundle(folder: Path, seal: BundleSeal) -> None:
    """Add custody, tag files and seal to a payload, and check the whole as a stranger would.

    Writing it again over a half-written one is safe. Raises IntegrityError, naming what, when the bundle would not verify.
    """
    checkpoint.open_checkpoint(seal.checkpoint, seal.origin, seal.log_key.public)
    fingerprint = signing.ssh_fingerprint(seal.log_key.public)
    for name in ("custody", "seal"):
        (folder / name).mkdir(exist_ok=True)
    events = [event for chain in seal.events.values() for event in chain]
    texts = {
        "custody/events.jsonl": "".join(encode_event(event) + "\n" for event in events),
        "custody/keys.jsonl": "".join(encode_event(event) + "\n" for event in sorted(seal.key_events, key=lambda event: event.index)),
        "custody/events.csv": verify.events_csv([(event.index, event.values()) for event in events]),
        "custody/checkpoint": seal.checkpoint,
        "bagit.txt": verify.BAGIT,
        "bag-info.txt": _bag_info(folder, seal, fingerprint),
        "README-VERIFY.txt": _README.read_text("utf-8").replace("ORIGIN", seal.origin),
        "verify.py": Path(verify.__file__).read_text("utf-8"),
    }
    for path, text in texts.items():
        (folder / path).write_bytes(text.encode())
    beside = [path for path in manifest.list_files(folder) if not path.startswith(("data/", "seal/")) and path != manifest.TAGS]
    manifest.write_manifest(folder, manifest.TAGS, beside)
    signature = signing.ssh_signature(seal.log_key, (folder / manifest.TAGS).read_bytes(), verify.NAMESPACE)
    (folder / "seal" / verify.SIGNATURE).write_bytes(signature.encode())
    (folder / "seal" / verify.SIGNERS).write_bytes(verify.signers_line(seal.origin, seal.log_key.public).encode())
    report = verify.verify_bundle(folder, verify.Wanted(key=fingerprint))
    if report.problems:
        raise IntegrityError(f"the bundle would not verify: {report.problems[0]}", "Verify the exhibits, then export again.")


def pack(folder: Path, out: BinaryIO) -> None:
    """Write the bundle as a zip whose bytes depend on the files and the folder's name only: sorted, stored, without times."""
    manifest.check_name(folder.name)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in manifest.list_files(folder):
            info = zipfile.ZipInfo(f"{folder.name}/{path}", _STAMP)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            with (folder / path).open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)


def _write_original(path: Path, exhibit: BundleExhibit) -> None:
    digest, length = hashlib.sha256(), 0
    with path.open("xb") as file:
        for chunk in exhibit.chunks():
            digest.update(chunk)
            length += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if (f"sha256:{digest.hexdigest()}", length) != (exhibit.digest, exhibit.length):
        path.unlink()
        raise IntegrityError(f"{exhibit.number} is not what was acquired", "Verify the exhibit; it is not exported like this.")


def _write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[records.Scalar]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([verify.cell(value) for value in row] for row in rows)
    path.write_bytes(out.getvalue().encode())


def _bag_info(folder: Path, seal: BundleSeal, fingerprint: str) -> str:
    paths = [path for path in manifest.list_files(folder) if path.startswith("data/")]
    octets = sum((folder / path).stat().st_size for path in paths)
    lines = {
        "Bag-Software-Agent": "Tipline",
        "Bagging-Date": seal.created.isoformat(),
        "Payload-Oxum": f"{octets}.{len(paths)}",
        "Tipline-Bundle": "1",
        "Tipline-Log-Origin": seal.origin,
        "Tipline-Log-Key": fingerprint,
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items())
