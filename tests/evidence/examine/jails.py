"""Which walls work on the machine that runs the tests. Under CI=true at least one must."""

from __future__ import annotations

import os

import pytest

from evidence.examine import jail, walls

WORKING = [made for made in walls.candidates() if not made.missing and jail._run(made, jail._PROBE, b"", ()).output == b"ready\n"]
needs_jail = pytest.mark.skipif(
    not WORKING and os.environ.get("CI") != "true",
    reason="no jail works on this machine, so hostile files are not examined here; `tipline doctor` says what to install",
)
each_wall = pytest.mark.parametrize("made", WORKING, ids=[made.name for made in WORKING])
