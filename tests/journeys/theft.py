"""What a thief of the whole machine finds: every file, every table, every log line, every process's environment."""

from __future__ import annotations

import base64
import re
import warnings
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.store import S3Store
from sqlalchemy import Column, Connection, MetaData, inspect, select
from sqlalchemy.exc import SAWarning

import evidence
from evidence.errors import EvidenceError
from evidence.keys import Identity
from evidence.storage import open_store
from evidence.vault import Vault
from tests.journeys.site import RunningSite, descendants
from tipline.config import Settings
from tipline.db import open_engine
from tipline.models.base import Base, Sealed

UNREAD_INDEX = (
    "Skipped unsupported reflection of expression-based index ix_(tip_inbox|tip_priority|exhibit_numbered)$"  # SQLite tells no expressions
)
SPEC = (Path(evidence.__file__).parent / "SPEC.md").read_text()


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
    settings = settings_of(site)
    for folder in _folders(site, settings):
        for path in folder.rglob("*"):
            if path.is_file():
                yield str(path.relative_to(folder.parent)), path.read_bytes()
    yield "what was printed", "\n".join(site.lines).encode()
    if site.process is not None and site.process.poll() is None:
        for pid in [site.process.pid, *descendants(site.process.pid)]:
            yield f"environment of {pid}", Path(f"/proc/{pid}/environ").read_bytes()
            yield f"command line of {pid}", Path(f"/proc/{pid}/cmdline").read_bytes()
    yield from _tables(settings)
    if settings.storage.startswith("s3://"):
        yield from _bucket(settings.storage)


def _folders(site: RunningSite, settings: Settings) -> Iterator[Path]:
    """The data folder, the temporary folder, and on S3 where objects lie before they are put."""
    yield from (site.data, site.data.parent / "tmp")
    if spool := parse_qs(urlsplit(settings.storage).query).get("spool"):
        yield Path(spool[0])


def _tables(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of every schema, the job queue's too: on PostgreSQL the files are elsewhere."""
    engine = open_engine(settings.database)
    with engine.connect() as connection:
        for table in _reflected(connection).tables.values():
            rows = connection.execute(select(table)).all()
            flat = [value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]
            yield f"table {table.fullname}", b"\n".join(flat)
    engine.dispose()


def _reflected(connection: Connection) -> MetaData:
    metadata = MetaData()
    postgres = connection.engine.dialect.name == "postgresql"
    names = [name for name in inspect(connection).get_schema_names() if name != "information_schema"] if postgres else [None]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNREAD_INDEX, SAWarning)
        for name in names:
            metadata.reflect(connection, schema=name, views=postgres)
    return metadata


def _bucket(url: str) -> Iterator[tuple[str, bytes]]:
    """Every object of the whole bucket, whatever its prefix."""
    parts = urlsplit(url)
    endpoint = parse_qs(parts.query)["endpoint"][0]
    store = S3Store(parts.netloc, config={"region": "us-east-1", "endpoint": endpoint}, client_options={"allow_http": True})
    names = [str(meta["path"]) for batch in obstore.list(store) for meta in batch]
    assert names, "the bucket is empty, so nothing was looked at"
    yield "names in the bucket", "\n".join(names).encode()
    for name in names:
        yield f"object {name}", bytes(obstore.get(store, name).bytes())


def settings_of(site: RunningSite) -> Settings:
    """The settings that the site was started with."""
    named = {name.removeprefix("TIPLINE_").lower(): value for name, value in site.environment.items() if name.startswith("TIPLINE_")}
    return Settings(**named)  # type: ignore[arg-type]  # the words of the environment


def unlisted_files(site: RunningSite) -> list[str]:
    """Return the files of the data folder that SPEC section 8 does not list."""
    table = SPEC.partition("| File |")[2]
    listed = [pattern for line in table.splitlines() if line.startswith("| `") for pattern in re.findall(r"`([^`]+)`", line.split("|")[1])]
    found = [path.relative_to(site.data).as_posix() for path in site.data.rglob("*") if path.is_file()]
    return [path for path in found if not any(fnmatch(path, pattern.replace("**/", "*")) for pattern in listed)]


def unlisted_columns(site: RunningSite) -> list[str]:
    """Return the columns of the database, as it is, that SPEC section 8 does not list; sealed ones apart."""
    sealed = {f"{table.name}.{column.name}" for table in Base.metadata.tables.values() for column in table.columns if is_sealed(column)}
    clear = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", SPEC, re.MULTILINE))
    of_others = set(re.findall(r"`([a-z_]+)`", SPEC.partition("8.3 ")[2].partition("8.4 ")[0]))
    engine = open_engine(settings_of(site).database)
    with engine.connect() as connection:
        tables = [table for table in _reflected(connection).tables.values() if table.schema != "pg_catalog"]
    engine.dispose()
    columns = [f"{table.name}.{column.name}" for table in tables if table.name not in of_others for column in table.columns]
    assert sealed & set(columns), "no sealed column was seen, so the wrong database was looked at"
    return [name for name in columns if name not in sealed | clear]


def is_sealed(column: Column[Any]) -> bool:
    return isinstance(column.type, Sealed)


def openable_objects(site: RunningSite) -> list[str]:
    """Return every key file, grant and draft that some key in the key folders opens."""
    identities = list(_identities(site.data / "keys"))
    vault = Vault(open_store(settings_of(site).storage))
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
