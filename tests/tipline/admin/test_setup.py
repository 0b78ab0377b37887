"""The first start, and every start after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.installations import Installation
from tests.tipline.accounts.console_house import build, path_of, sign_in
from tipline.admin.setup import SetupReport, prepare
from tipline.config import Settings
from tipline.errors import Conflict
from tipline.models.custody import Exhibit
from tipline.models.staff import Staff
from tipline.process import open_process
from tipline.recipients import RecipientFile

INFRASTRUCTURE = ["log", "process:public", "process:console", "process:worker", "examiner"]


def logged_roles(settings: Settings) -> list[str]:
    process = open_process("console", settings)
    with process.unit(write=False) as work:
        openings = work.vault.openings(work.session, work.session.get_one(Exhibit, "installation"), None)
        roles = [str(opening.field("role")) for opening in openings if opening.field("kind") == "KEY_ADDED"]
    process.database.dispose()
    return roles


def test_the_first_start_makes_keys_tables_record_and_a_link(every_database: Settings) -> None:
    report = prepare(every_database)
    assert logged_roles(every_database) == INFRASTRUCTURE
    assert [key.role for key in report.logged] == INFRASTRUCTURE
    assert report.link is not None
    assert report.link.startswith("http://localhost:8001/setup/")


def test_only_the_owner_reads_the_key_folders(settings: Settings) -> None:
    prepare(settings)
    assert mode(settings.data) == 0o700
    for path in (settings.data / "keys").rglob("*"):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_a_second_start_changes_nothing_but_the_link(settings: Settings) -> None:
    first = prepare(settings)
    before = {path: path.read_bytes() for path in (settings.data / "keys").rglob("*") if path.is_file()}
    second = prepare(settings)
    assert (second.made, second.logged) == ((), ())
    assert {path: path.read_bytes() for path in before} == before
    assert logged_roles(settings) == INFRASTRUCTURE
    assert first.link != second.link


def test_only_the_last_printed_link_works(settings: Settings) -> None:
    first = prepare(settings)
    house = build(settings)
    assert house.browser().get(path_of(link_of(first))).status_code == 404
    assert house.browser().get(path_of(house.first_link)).status_code == 200
    with house.process.unit(write=False) as work:
        assert work.session.query(Staff).count() == 1
    house.close()


def test_the_whole_set_up_works_on_both_databases(every_database: Settings) -> None:
    house = build(every_database)
    administrator = house.administrator()
    made = house.open_program(administrator)
    with administrator.acting() as (_, actor):
        assert actor.keyring.program(made.program.id).identity.recipient == made.program.recipient
    assert administrator.client.get("/staff").status_code == 200
    code = administrator.code()
    answers = [sign_in(house.browser(), administrator.login, words, code) for words in ("wrong", administrator.words, administrator.words)]
    assert [answer.status_code for answer in answers] == [422, 303, 422]
    assert prepare(every_database).link is None
    house.close()


def test_a_key_that_was_replaced_enters_the_log_at_the_next_start(settings: Settings) -> None:
    prepare(settings)
    (settings.keys("public") / "process.key").unlink()
    assert [key.role for key in prepare(settings).logged] == ["process:public"]
    assert logged_roles(settings) == [*INFRASTRUCTURE, "process:public"]


def test_the_first_administrator_is_pinned_and_signs_the_first_list(settings: Settings) -> None:
    house = build(settings)
    administrator = house.administrator()
    with administrator.acting() as (_, actor):
        public, recipient = actor.keyring.signing_key.public.hex(), actor.keyring.identity.recipient
    for face in ("public", "console", "worker"):
        folder = settings.keys(face)
        assert json.loads((folder / "pins.json").read_text())["keys"] == [public]
        listed = RecipientFile(folder).current()
        assert listed.examiner == open_process("worker", settings).vault.keys.examiner.recipient
        assert ("administrator", recipient) in [(entry.purpose, entry.recipient) for entry in listed.recipients]
    house.close()


def test_a_second_administrator_is_not_pinned(settings: Settings) -> None:
    house = build(settings)
    first = house.administrator()
    before = (settings.keys("console") / "pins.json").read_text()
    house.colleague(first, "second", "administrator")
    assert (settings.keys("console") / "pins.json").read_text() == before
    house.close()


def link_of(report: SetupReport) -> str:
    assert report.link is not None
    return report.link


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_lost_keys_of_an_installation_in_use_are_not_made_anew(installation: Installation) -> None:
    lost = installation.settings.keys("public") / "receipt.pepper"
    kept = lost.read_text()
    lost.unlink()
    with pytest.raises(Conflict, match=r"public/receipt\.pepper"):
        prepare(installation.settings)
    assert not lost.exists()
    lost.write_text(kept)
    assert prepare(installation.settings).made == ()
