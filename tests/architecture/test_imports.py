"""The import contracts of pyproject.toml hold. The drawing of the house is a failing test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tipline import consoleface, publicface

ROOT = Path(__file__).parents[2]


def test_every_import_contract_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_public_face_loads_no_page_of_the_console() -> None:
    asked = "import sys, tipline.publicface; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())
    public = {blueprint.import_name for blueprint in publicface.BLUEPRINTS}
    console = {blueprint.import_name for blueprint in consoleface.BLUEPRINTS}
    assert public <= loaded
    assert loaded & console == public & console == {"tipline.intake.phonepages"}  # which both have a page of
