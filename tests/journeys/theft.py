"""What a thief of the whole machine finds: every file, every table, every log line, every process's environment."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from sqlalchemy import MetaData, select

import evidence
from evidence.errors import EvidenceError
from evidence.keys import Identity
from evidence.storage import open_store
from evidence.vault import Vault
from tests.journeys.site import RunningSite, descendants
from tipline.config import Settings
from tipline.db import open_engine


def search(site: RunningSite, secrets: Sequence[bytes]) -> list[str]:
    """Return where any of these stands, plain or in a common encoding."""
    needles = [form for secret in secrets for form in _forms(secret)]
    return [f"{where}: {needle[:60]!r}" for where, data in _everything(site) for needle in needles if needle in data]


def _forms(secret: bytes) -> list[bytes]:
    """The secret itself, in hex, in UTF-16, and in base64 at each of the three offsets."""
    forms = [secret, secret.hex().encode(), secret.decode("utf-8", "replace").encode("utf-16-le")]
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + secret)[4 if offset else 0 : -4]
        forms += [coded, coded.replace(b"+", b"-").replace(b"/", b"_")] if len(coded) >= 12 else []
    return forms


def _everything(site: RunningSite) -> Iterator[tuple[str, bytes]]:
    for folder in (site.data, site.data.parent / "tmp"):
        for path in folder.rglob("*"):
            if path.is_file():
                yield str(path.relative_to(site.data.parent)), path.read_bytes()
    yield "what was printed", "\n".join(site.lines).encode()
    if site.process is not None and site.process.poll() is None:
        for pid in [site.process.pid, *descendants(site.process.pid)]:
            yield f"environment of {pid}", Path(f"/proc/{pid}/environ").read_bytes()
    yield from _tables(site)


def _tables(site: RunningSite) -> Iterator[tuple[str, bytes]]:
    """Every row of every table, the job queue's too: on PostgreSQL the files are elsewhere."""
    engine = open_engine(_settings(site).database)
    metadata = MetaData()
    with engine.connect() as connection:
        schemas = [None, "dbos"] if engine.dialect.name == "postgresql" else [None]
        for schema in schemas:
            metadata.reflect(connection, schema=schema)
        for table in metadata.tables.values():
            rows = connection.execute(select(table)).all()
            flat = [value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]
            yield f"table {table.name}", b"\n".join(flat)
    engine.dispose()


def _settings(site: RunningSite) -> Settings:
    named = {name.removeprefix("TIPLINE_").lower(): value for name, value in site.environment.items() if name.startswith("TIPLINE_")}
    return Settings(**named)  # type: ignore[arg-type]  # the words of the environment


def unlisted_files(site: RunningSite) -> list[str]:
    """Return the files of the data folder that SPEC section 8 does not list."""
    spec = (Path(evidence.__file__).parent / "SPEC.md").read_text()
    table = spec.partition("| File |")[2]
    listed = [pattern for line in table.splitlines() if line.startswith("| `") for pattern in re.findall(r"`([^`]+)`", line.split("|")[1])]
    found = [path.relative_to(site.data).as_posix() for path in site.data.rglob("*") if path.is_file()]
    return [path for path in found if not any(fnmatch(path, pattern.replace("**/", "*")) for pattern in listed)]


def openable_objects(site: RunningSite) -> list[str]:
    """Return every key file, grant and draft that some key in the key folders opens."""
    identities = list(_identities(site.data / "keys"))
    vault = Vault(open_store(_settings(site).storage))
    names = sorted(vault.store.names())
    assert any(name.count(".") > 1 for name in names), "there are no key files, so nothing was tried"
    return [name for name in names for identity in identities if _opens(identity, vault.store.read(name))]


def _opens(identity: Identity, blob: bytes) -> bool:
    try:
        identity.unwrap(blob)
    except EvidenceError:
        return False
    return True


def _identities(folder: Path) -> Iterator[Identity]:
    """Read every key on the disk as an identity: as what it is, and as a seed of one."""
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text().strip()
            if text.startswith("AGE-SECRET-KEY-"):
                yield Identity.parse(text)
            elif re.fullmatch(r"[0-9a-f]{64}", text):
                yield Identity.from_seed(bytes.fromhex(text))
