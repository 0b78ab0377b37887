"""A real disk of a few megabytes that a test fills to its last byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: int = 8 * 1024**2) -> Iterator[Path]:
    """A disk in memory, mounted on a folder. Only root can mount one; elsewhere the test is skipped."""
    folder.mkdir(exist_ok=True)
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tipline-test", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("no disk can be mounted here; tests/tipline/intake fills a store of its own")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(path: Path) -> None:
    """Write a file until not one byte more fits."""
    with path.open("wb", buffering=0) as filler:
        for size in (64 * 1024, 4096, 1):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                continue
