"""What every test would do anew and with the same outcome is done once in each test process, or once in a run."""

from __future__ import annotations

import atexit
import copyreg
import fcntl
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import make_url

from evidence import keys

ROOT = Path(__file__).parents[1]
TEMPLATES = "TEMPLATES_OF_THE_RUN"
_HEAD = "head"
_migrate = command.upgrade
_copies: set[str] = set()  # databases that were copied from a migrated one and that nobody has brought up to date since


def copied(url: str) -> None:
    """Say that this database was just copied from one that the migrations have made."""
    _copies.add(url)


def spare() -> None:
    """Take one migrated database for all fresh ones, stretch the same words with the same salt once, let what is made once be kept."""
    command.upgrade = _upgrade
    keys.hash_secret_raw = cache(keys.hash_secret_raw)
    copyreg.pickle(type(Ed25519PrivateKey.generate()), _as_bytes)  # type: ignore[arg-type]  # its class has no constructor of its own


def templates_of_the_run() -> str:
    """Return the folder of compiled templates. The first process of the run makes it, and takes it away when it ends."""
    if TEMPLATES not in os.environ:
        os.environ[TEMPLATES] = tempfile.mkdtemp(prefix="templates-")
        atexit.register(_take_away, os.environ[TEMPLATES], os.getpid())
    return os.environ[TEMPLATES]


def _take_away(folder: str, process: int) -> None:
    if os.getpid() == process:  # and not one that it forked
        shutil.rmtree(folder, ignore_errors=True)


def path_of_servers() -> str:
    """Return the PYTHONPATH of servers that a test starts: the project, and what gives them the compiled templates."""
    return os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "starting")))


def once_in_a_run(run: Path, name: str, make: Callable[[Path], Any]) -> tuple[Path, Any]:
    """Let the first process that asks make something in a folder of the run; returns the folder and what `make` returned.

    Whoever wants to change it takes a copy.
    """
    folder = run / name
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / "made.pickle"
        if not kept.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            kept.write_bytes(pickle.dumps(make(folder / "instance")))
    return folder / "instance", pickle.loads(kept.read_bytes())


def _as_bytes(key: Ed25519PrivateKey) -> tuple[Callable[[bytes], Ed25519PrivateKey], tuple[bytes]]:
    return Ed25519PrivateKey.from_private_bytes, (key.private_bytes_raw(),)


def _upgrade(config: Config, revision: str, *more: Any, **options: Any) -> None:
    """Alembic's, except that a database without anything becomes a copy of one that the migrations have made."""
    url = str(config.attributes.get("url", ""))
    if revision != _HEAD or more or options or not url:
        _migrate(config, revision, *more, **options)
    elif url in _copies:
        _copies.discard(url)
    elif (path := _file_of(url)) and (not path.exists() or not path.stat().st_size):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(_migrated())
    else:
        _migrate(config, revision)


def _file_of(url: str) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@cache
def _migrated() -> bytes:
    """A SQLite database as the migrations leave it."""
    folder = Path(tempfile.mkdtemp(prefix="migrated-"))
    try:
        _migrate(_config(f"sqlite:///{folder / 'tipline.db'}"), _HEAD)
        assert [path.name for path in folder.iterdir()] == ["tipline.db"], "something of it would stay behind"
        return (folder / "tipline.db").read_bytes()
    finally:
        shutil.rmtree(folder)


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", "tipline:migrations")
    config.attributes["url"] = url
    return config
