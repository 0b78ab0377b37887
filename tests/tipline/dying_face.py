"""A public face that takes one tip and dies, as by kill -9, before its n-th step on disk: n = 1, 2, ... until none is left.

    python -m tests.tipline.dying_face TEMPLATE OUT

TEMPLATE is an installation's data folder; OUT/n is what the n-th death leaves. A step is a file's name, its removal, or a commit.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tests.tipline.intake.house import send_tip
from tipline.app import create_public_app
from tipline.config import Settings
from tipline.process import open_process

KILLED = 9
FILES = {"a.bin": bytes(range(256)) * 300}


def mortal(function: Callable[..., Any], lives: list[int]) -> Callable[..., Any]:
    """The function, except that the process dies when its lives are used up."""

    def step(*args: Any, **options: Any) -> Any:
        lives.pop()
        if not lives:
            os._exit(KILLED)
        return function(*args, **options)

    return step


def live(data: Path, steps: int) -> None:
    """Take one tip."""
    client = create_public_app(open_process("public", Settings(data=data))).test_client()
    lives = [0] * steps
    os.link, os.unlink, Session.commit = (mortal(f, lives) for f in (os.link, os.unlink, Session.commit))  # type: ignore[method-assign]
    send_tip(client, "He bragged.", FILES)


def main(template: Path, out: Path) -> None:
    for steps in count(1):
        data = out / str(steps)
        shutil.copytree(template, data)
        child = os.fork()
        if child == 0:
            live(data, steps)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended == 0:
            return
        if ended != KILLED:
            raise SystemExit(f"step {steps} ended with {ended}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
