"""Writing a bundle (SPEC section 6): payload, then custody, tag files and seal, then one deterministic zip.

folder/data/originals/EX-2026-0007-01.jpg      the file as it was received
folder/data/{case.json,exhibits.csv,exceptions.csv}
folder/manifest-sha256.txt                      its digest stands in each signed EXPORTED
folder/custody/{events.jsonl,events.csv,keys.jsonl,checkpoint}
folder/custody/{published,published-proof,published.<n>.tsr}   where the log had published a checkpoint
folder/{bagit.txt,bag-info.txt,README-VERIFY.txt,verify.py}
folder/tagmanifest-sha256.txt                   signed in seal/
folder/seal/{tagmanifest-sha256.txt.sig,allowed_signers,tagmanifest-sha256.txt.<n>.tsr}
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import BinaryIO

from evidence import canonical, checkpoint, manifest, merkle, records, signing, verify
from evidence.custody import BundleEvent as BundleEvent
from evidence.custody import encode_event
from evidence.errors import AlreadyThere, IntegrityError, UsageError
from evidence.manifest import validate_bag as validate_bag
from evidence.packing import read_zip, write_zip

_CHUNK = 1024 * 1024
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
class Published:
    """The newest published checkpoint, with its cosignature lines, the consistency file to the bundle's own, and its stamps."""

    note: str
    proof: str
    stamps: Sequence[bytes] = ()


def no_stamps(tag_manifest: bytes) -> Sequence[bytes]:
    """Stamp nothing: the bundle says that it is untimestamped."""
    return ()


@dataclass(frozen=True)
class BundleSeal:
    """What turns a payload into a bundle: the custody of each exhibit, the keys that attest it, and the log key.

    `stamp` is given the tag manifest and returns raw RFC 3161 replies over it; the same ones when it is asked again.
    """

    events: Mapping[str, Sequence[BundleEvent]]
    key_events: Sequence[BundleEvent]
    checkpoint: str
    log_key: signing.SigningKey = field(repr=False)
    origin: str
    created: date
    published: Published | None = None
    stamp: Callable[[bytes], Sequence[bytes]] = no_stamps


Content = bytes | BundleExhibit


def payload_files(
    exhibits: Sequence[BundleExhibit], case: Mapping[str, records.Scalar], exceptions: Sequence[BundleException] = ()
) -> dict[str, Content]:
    """Return the payload by path, and its manifest, without reading an original: their digests are known.

    Raises UsageError when two exhibits share a file name, FormatError for a name that is not a generated one.
    """
    names = [manifest.check_name(exhibit.file_name).lower() for exhibit in exhibits]
    if len(set(names)) != len(names):
        raise UsageError("two exhibits share a file name", "File names are made from exhibit numbers, which are unique.")
    rows = [(item.exhibit, item.number, item.file_name, item.digest, item.length) for item in exhibits]
    missing = [(item.exhibit, item.number, item.reason) for item in exceptions]
    files: dict[str, Content] = {
        "data/exhibits.csv": _table(verify.EXHIBITS_HEAD, rows),
        "data/exceptions.csv": _table(verify.EXCEPTIONS_HEAD, missing),
        "data/case.json": canonical.encode(dict(case)) + b"\n",
        **{f"data/originals/{exhibit.file_name}": exhibit for exhibit in exhibits},
    }
    return {**files, manifest.PAYLOAD: manifest.lines({path: _hexdigest(content) for path, content in files.items()})}


def payload_digest(payload: Mapping[str, Content]) -> str:
    """Return the digest of the payload's manifest, which each EXPORTED commits to."""
    return "sha256:" + hashlib.sha256(_payload_manifest(payload)).hexdigest()


def tag_files(payload: Mapping[str, Content], seal: BundleSeal) -> dict[str, bytes]:
    """Return custody, tag files and seal by path, for a payload of `payload_files`.

    Raises IntegrityError or FormatError when the checkpoint is not the log key's or does not cover an event.
    """
    data = [content for path, content in payload.items() if path.startswith("data/")]
    oxum = f"{sum(_length(content) for content in data)}.{len(data)}"
    return _tag_files(_payload_manifest(payload), oxum, seal)


def write_payload(
    folder: Path, exhibits: Sequence[BundleExhibit], case: Mapping[str, records.Scalar], exceptions: Sequence[BundleException] = ()
) -> str:
    """Write data/ and its manifest into a new folder; return the digest of the manifest, which EXPORTED commits to.

    Raises IntegrityError when an original is not what its digest and length say, AlreadyThere when there is a payload already,
    and as `payload_files`.
    """
    files = payload_files(exhibits, case, exceptions)
    if (folder / "data").exists():
        raise AlreadyThere(f"{folder} holds a payload already", "Remove the folder and begin again.")
    (folder / "data").mkdir(parents=True)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(exist_ok=True)
        with target.open("xb") as file:
            for chunk in _checked(content):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    return payload_digest(files)


def finish_bundle(folder: Path, seal: BundleSeal) -> None:
    """Add custody, tag files and seal to a payload, and check the whole as a stranger would.

    Writing it again over a half-written one is safe. Raises IntegrityError, naming what, when the bundle would not verify.
    """
    sizes = [(folder / path).stat().st_size for path in manifest.list_files(folder) if path.startswith("data/")]
    for path, data in _tag_files((folder / manifest.PAYLOAD).read_bytes(), f"{sum(sizes)}.{len(sizes)}", seal).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    _demand(verify.verify_bundle(folder, _wanted(seal)))


def pack(folder: Path, out: BinaryIO) -> None:
    """Write the bundle as a zip whose bytes depend on the files and the folder's name only: sorted, stored, without times."""

    def chunks(path: str) -> Iterator[bytes]:
        with (folder / path).open("rb") as source:
            while chunk := source.read(_CHUNK):
                yield chunk

    write_zip(folder.name, {path: partial(chunks, path) for path in manifest.list_files(folder)}, out)


def pack_files(name: str, files: Mapping[str, Content], out: BinaryIO | io.RawIOBase) -> None:
    """Write a bundle as the same zip as `pack`, straight from its contents: no original lies in a folder on the way.

    `out` need not be seekable. Raises IntegrityError when an original is not what its digest and length say.
    """
    write_zip(name, {path: partial(_checked, content) for path, content in files.items()}, out)


def verify_packed(name: str, chunks: Iterator[bytes], seal: BundleSeal) -> None:
    """Read a packed bundle once more from its first byte to its last and check all of it as a stranger would, unpacking nothing.

    Raises IntegrityError, naming what, when it would not verify.
    """
    _demand(verify.verify_bundle(read_zip(name, chunks), _wanted(seal)))


def _wanted(seal: BundleSeal) -> verify.Wanted:
    return verify.Wanted(key=signing.ssh_fingerprint(seal.log_key.public))


def _demand(report: verify.Report) -> None:
    if report.problems:
        raise IntegrityError(f"the bundle would not verify: {report.problems[0]}", "Verify the exhibits, then export again.")


def _tag_files(payload_manifest: bytes, oxum: str, seal: BundleSeal) -> dict[str, bytes]:
    head = checkpoint.open_checkpoint(seal.checkpoint, seal.origin, seal.log_key.public)
    events = [event for chain in seal.events.values() for event in chain]
    for event in (*events, *seal.key_events):
        merkle.verify_inclusion(merkle.leaf_hash(event.entry()), event.index, head.size, event.proof, head.root)
    texts = {
        "custody/events.jsonl": "".join(encode_event(event) + "\n" for event in events),
        "custody/keys.jsonl": "".join(encode_event(event) + "\n" for event in sorted(seal.key_events, key=lambda event: event.index)),
        "custody/events.csv": verify.events_csv([(event.index, event.values()) for event in events]),
        "custody/checkpoint": seal.checkpoint,
        "bagit.txt": verify.BAGIT,
        "bag-info.txt": _bag_info(oxum, seal),
        "README-VERIFY.txt": _README.read_text("utf-8").replace("ORIGIN", seal.origin),
        "verify.py": Path(verify.__file__).read_text("utf-8"),
    }
    files = {**{path: text.encode() for path, text in texts.items()}, **_published_files(seal.published)}
    beside = {manifest.PAYLOAD: payload_manifest, **files}
    tags = manifest.lines({path: _hexdigest(data) for path, data in beside.items()})
    signature = signing.ssh_signature(seal.log_key, tags, verify.NAMESPACE)
    return {
        **files,
        manifest.TAGS: tags,
        f"seal/{verify.SIGNATURE}": signature.encode(),
        f"seal/{verify.SIGNERS}": verify.signers_line(seal.origin, seal.log_key.public).encode(),
        **{stamp_path(number): reply for number, reply in enumerate(seal.stamp(tags), start=1)},
    }


def stamp_path(number: int) -> str:
    """Return where in a bundle its stamp of this number stands, from 1 to 9."""
    return f"seal/{manifest.TAGS}.{number}.tsr"


def _published_files(published: Published | None) -> dict[str, bytes]:
    if published is None:
        return {}
    stamps = {f"{verify.PUBLISHED}.{number}.tsr": reply for number, reply in enumerate(published.stamps, start=1)}
    return {verify.PUBLISHED: published.note.encode(), verify.PROOF: published.proof.encode(), **stamps}


def _payload_manifest(payload: Mapping[str, Content]) -> bytes:
    found = payload[manifest.PAYLOAD]
    if isinstance(found, BundleExhibit):
        raise UsageError("the manifest of a payload is no exhibit", "Make the payload with payload_files.")
    return found


def _hexdigest(content: Content) -> str:
    return content.digest.removeprefix("sha256:") if isinstance(content, BundleExhibit) else hashlib.sha256(content).hexdigest()


def _length(content: Content) -> int:
    return content.length if isinstance(content, BundleExhibit) else len(content)


def _checked(content: Content) -> Iterator[bytes]:
    """Yield a file's bytes; an original that is not what its record says breaks off with IntegrityError."""
    if not isinstance(content, BundleExhibit):
        yield content
        return
    digest, length = hashlib.sha256(), 0
    for chunk in content.chunks():
        digest.update(chunk)
        length += len(chunk)
        yield chunk
    if (f"sha256:{digest.hexdigest()}", length) != (content.digest, content.length):
        raise IntegrityError(f"{content.number} is not what was acquired", "Verify the exhibit; it is not exported like this.")


def _table(head: Sequence[str], rows: Iterable[Sequence[records.Scalar]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([verify.cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _bag_info(oxum: str, seal: BundleSeal) -> str:
    lines = {
        "Bag-Software-Agent": "Tipline",
        "Bagging-Date": seal.created.isoformat(),
        "Payload-Oxum": oxum,
        "Tipline-Bundle": "1",
        "Tipline-Log-Origin": seal.origin,
        "Tipline-Log-Key": signing.ssh_fingerprint(seal.log_key.public),
    }
    if seal.published is not None:
        size = seal.published.note.split("\n")[1]
        lines["Tipline-Published-Checkpoint"] = f"{size} {checkpoint.short_hash(seal.published.note)}"
    return "".join(f"{name}: {value}\n" for name, value in lines.items())
