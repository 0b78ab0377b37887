"""What must hold of a bare vault and of an examiner's folder at any time: the same as tests/journeys/invariants.py, one level below."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from evidence import custody
from evidence.errors import EvidenceError
from evidence.folder.case import Folder, opened
from evidence.keys import Identity
from evidence.storage.disk import DiskStore
from evidence.vault import Vault
from tipline.work import utc_now

OF_A_FOLDER = {"folder.json", "log.jsonl", "checkpoint", "lock", "scrub", "objects"}


def broken_vault(objects: Path, identity: Identity, whole: Mapping[str, str]) -> list[str]:
    """Return what does not hold of a vault, one line each. `whole`: objects that must be there, with their originals' digests."""
    store = DiskStore(objects)
    store.sweep()
    vault = Vault(store)
    found = [f"half-written: {path.name}" for path in (objects / "tmp").iterdir()]
    for name in sorted(store.names()):
        found += _file(store, vault, name, identity)
    for name, digest in whole.items():
        found += _object(vault, name, digest, identity)
    return found


def _file(store: DiskStore, vault: Vault, name: str, identity: Identity) -> list[str]:
    stem, data, about = name.partition(".")[0], store.read(name), store.path(name).stat()
    if name == f"{stem}.age":
        if hashlib.sha256(data).hexdigest() != stem:
            return [f"{name} is not what its name says"]
    elif not re.fullmatch(r"[0-9a-f]{64}\.(key\.[1-9][0-9]*|grant\.[0-9a-z]+)\.age", name):
        return [f"{name} is no name of the store"]
    else:
        try:
            vault._open(name, stem, identity)
        except EvidenceError as error:
            return [f"{name}: {error}"]
    wrong = [] if about.st_mtime == 0 else [f"{name} tells its time"]
    return wrong if about.st_mode & 0o777 == 0o600 else [*wrong, f"{name} has mode {about.st_mode:o}"]


def _object(vault: Vault, name: str, digest: str, identity: Identity) -> list[str]:
    try:
        keyfile = vault.open_key(name, identity)
        vault.verify(keyfile)
    except EvidenceError as error:
        return [f"{name} is lost: {error}"]
    return [] if keyfile.plaintext_digest == digest else [f"{name} is another original"]


def broken_folder(path: Path, passphrase: str, recorded: Sequence[str]) -> list[str]:
    """Return what does not hold of an examiner's folder, one line each. `recorded`: entries that its log must begin with."""
    try:
        with opened(path, passphrase, utc_now, writing=False) as found:
            before = [line.entry for line in found.journal.lines]
        with opened(path, passphrase, utc_now, writing=True) as found:
            return [*_log(found, before, recorded), *_items(found), *_leftovers(found)]
    except (EvidenceError, OSError, ValueError) as error:
        return [f"the folder does not open: {type(error).__name__}: {error}"]


def entries(path: Path, passphrase: str) -> list[str]:
    """Return the entries of a folder's log."""
    with opened(path, passphrase, utc_now, writing=False) as found:
        return [line.entry for line in found.journal.lines]


def _log(found: Folder, before: Sequence[str], recorded: Sequence[str]) -> list[str]:
    now = [line.entry for line in found.journal.lines]
    wrong = [] if now == before else ["opening it for writing changed the log"]
    if now[: len(recorded)] != list(recorded):
        wrong.append("recorded events are lost")
    if len(set(now)) != len(now):
        wrong.append("an event stands twice")
    signed = (found.path / "checkpoint").read_text()
    return wrong if signed == found.note() else [*wrong, "the signed head does not cover the log"]


def _items(found: Folder) -> list[str]:
    wrong: list[str] = []
    whole: dict[str, str] = {}
    for number in found.numbers():
        try:
            item = found.item(number)
            if item.keyfile is not None:
                custody.check_chain([opening for _, opening in item.events])
                whole[item.keyfile.object_name] = item.keyfile.plaintext_digest
        except EvidenceError as error:
            wrong.append(f"{number}: {error}")
    found.key_events()
    return wrong + broken_vault(found.path / "objects", found.keys.identity, whole)


def _leftovers(found: Folder) -> list[str]:
    disposed = {line.object for line in found.journal.lines if line.stubbed}
    left = [f"{name} was left behind" for name in sorted({path.name for path in found.path.iterdir()} - OF_A_FOLDER)]
    return left + [f"the disposed object {name} is still there" for name in found.vault.object_names() if name in disposed]
