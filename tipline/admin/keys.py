"""The installation's own keys by name: what the log, the keys page and `tipline keys show` tell of them."""

from __future__ import annotations

import json
from dataclasses import asdict

from evidence.signing import key_id
from tipline.accounts.key_events import KNOWN_KEYS, Key
from tipline.config import Face, Settings
from tipline.keyfolders import KeyFolder, replace_file

FACES: tuple[Face, ...] = ("public", "console", "worker")


def infrastructure_keys(settings: Settings) -> list[Key]:
    """Return the public names of the log key, the process keys and the examiner, read from all key folders.

    Only who may read all three folders (the operator, at first start) can call it.
    """
    worker = KeyFolder(settings.keys("worker"))
    return [
        Key("log", key_id(worker.log_key.public)),
        *(Key(f"process:{face}", key_id(KeyFolder(settings.keys(face)).process_key.public)) for face in FACES),
        Key("examiner", worker.examiner.recipient),
    ]


def publish_known_keys(settings: Settings, keys: list[Key]) -> None:
    """Tell the console the public names, so that it need not read the other key folders."""
    path = settings.keys("console") / KNOWN_KEYS
    text = json.dumps([asdict(key) for key in keys]) + "\n"
    if not path.exists() or path.read_text() != text:
        replace_file(path, text)
