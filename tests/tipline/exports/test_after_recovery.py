"""A whole installation whose keys were rotated and whose database was put back: what it exports still verifies."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tipline.exports.conftest import Told
from tests.tipline.exports.test_exporting import download, fingerprint, prepare, request, run, seal, sign, view
from tests.tipline.recovery import back_up, put_back
from tipline.admin.restorations import SignRestoration, list_restorations, sign_restoration
from tipline.config import Settings
from tipline.demo.story import Telling
from tipline.errors import Conflict
from tipline.keyrotation import Role, rotate
from tipline.process import open_process
from tipline.recovering import recover
from tipline.sequencer import Sequencer

ROTATED: tuple[Role, ...] = ("log", "process:console", "process:worker", "anchor")


def opened(story: Telling, settings: Settings) -> Told:
    """The processes as they are after a start."""
    console, worker = open_process("console", settings), open_process("worker", settings)
    return Told(story, console, worker, Sequencer(worker.database, worker.vault, settings, worker.clock))


@pytest.fixture
def recovered(told: Told, tmp_path: Path) -> Iterator[Told]:
    """The story's installation, copied, its keys rotated, an old database put back and recovered."""
    shutil.copytree(told.story.settings.data, tmp_path / "instance")
    settings = Settings(data=tmp_path / "instance")
    before = opened(told.story, settings)
    before.sequencer.start()
    before.sequencer.publish()
    for role in ROTATED:
        rotate(settings, role, lambda _: None, compromised=role == "process:worker")
    after = opened(told.story, settings)
    backup = back_up(after.worker.database)
    after.sequencer.start()
    after.sequencer.publish()
    put_back(after.worker.database, backup)
    recover(settings, lambda _: None)
    after.sequencer.start()
    yield after
    for one in (before, after):
        one.console.database.dispose()
        one.worker.database.dispose()


def signs(told: Told, login: str) -> None:
    actor = told.story.actor(login)
    with told.console.unit(write=True) as work:
        (waiting,) = list_restorations(work, actor)
        sign_restoration(work, actor, SignRestoration(waiting.id, "The backup of last night was put back."))


def test_no_bundle_is_made_until_two_have_signed_and_then_it_verifies(recovered: Told, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="two people have yet to sign"):
        request(recovered)
    signs(recovered, "r.lindqvist")
    signs(recovered, "a.ferris")
    export_id = request(recovered)
    prepare(recovered, export_id)
    sign(recovered, export_id)
    seal(recovered, export_id)
    assert view(recovered, export_id).state == "done"
    bundle = download(recovered, export_id, tmp_path)
    done = run(bundle, sys.executable, "verify.py", "--key", fingerprint(recovered), "--attestations")
    assert done.returncode == 0, done.stdout + done.stderr
    recovered.sequencer.publish()
