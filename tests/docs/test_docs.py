"""What the pages say is so: their commands run, their links lead somewhere, what they name exists."""

from __future__ import annotations

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from pydantic_core import PydanticUndefined

from evidence.cli import main as evidence_command
from tests.docs.pages import ALL, GUIDES, OWN, README, ROOT, anchors, blocks, code, links, name_of, prose, rows, script
from tests.sparing import path_of_servers
from tipline.cli import main as tipline_command
from tipline.config import Settings

OPERATORS = ROOT / "docs" / "guide-operators.md"
THREATS = ROOT / "docs" / "threat-model.md"
NAMED_TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
COMMAND = re.compile(r"\s*(?:\w+=\S* +)*(tipline|evidence)((?: +[a-z][a-z-]*)*)(?= |$)(.*)")
COMMANDS: dict[str, click.Group] = {"tipline": tipline_command, "evidence": evidence_command}
TAGS = {"sh", "text", "nginx", "ini", "sql"}
HOSTS = re.compile(r"127\.0\.0\.1|localhost|([a-z0-9-]+\.)*(example|example\.org|example\.com)")
EM_DASH = "\N{EM DASH}"
MOST_PICTURE_BYTES = 200_000
SLOW = 240  # seconds that a busy machine may take; a quiet one needs a tenth


# commands


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shell of somebody who has activated the environment and set nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIPLINE_", "EVIDENCE_"))}
    home = tmp_path_factory.mktemp("home")
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "HOME": str(home), "PYTHONPATH": path_of_servers()}


@pytest.fixture(scope="module")
def demo(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make demo` leaves in a fresh clone."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "tipline", "demo"], cwd=folder, env=environment, capture_output=True, text=True, timeout=SLOW, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "instance"


@pytest.mark.parametrize("page", [page for page in OWN if script(page)], ids=name_of)
def test_the_commands_of_a_page_run_in_their_order(page: Path, demo: Path, environment: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(demo, tmp_path / "instance")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script(page)],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SLOW,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def test_the_pages_that_promise_commands_have_some() -> None:
    with_commands = {path.name for path in OWN if script(path)}
    assert with_commands >= {"README.md", "guide-examiners.md", "guide-legal.md", "guide-operators.md"}


@pytest.mark.parametrize("page", OWN, ids=name_of)
def test_every_command_that_is_named_exists(page: Path) -> None:
    for piece in code(page):
        for found in filter(None, map(COMMAND.match, re.split(r"[;|&(]", piece))):
            command = resolve(COMMANDS[found[1]], found[2].split(), piece)
            known = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
            asked = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", found[3]))
            assert asked <= known, f"{piece!r} uses {asked - known}"
        if target := re.match(r"make ([a-z]+)\b", piece):
            assert re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"the Makefile knows no {target[1]}"


def resolve(command: click.Command, words: list[str], piece: str) -> click.Command:
    """Follow the words down the command's tree; what comes after a command is its arguments."""
    for word in words:
        if not isinstance(command, click.Group):
            break
        assert word in command.commands, f"{piece!r}: there is no command {word}"
        command = command.commands[word]
    return command


def test_the_readme_lists_every_command() -> None:
    listed = " ".join(code(README))
    for name, group in COMMANDS.items():
        for words in leaves(group):
            assert f"{name} {' '.join(words)}" in listed


def leaves(group: click.Group) -> Iterator[list[str]]:
    for name, command in group.commands.items():
        below = leaves(command) if isinstance(command, click.Group) else [[]]
        yield from ([name, *rest] for rest in below)


# what is named


def test_the_table_of_settings_is_the_settings() -> None:
    table = {cells[0].strip("`"): cells[1].strip("`") for cells in rows(OPERATORS, "Setting")}
    assert table == {f"TIPLINE_{name.upper()}": default_of(name) for name in Settings.model_fields}


def default_of(name: str) -> str:
    default = Settings.model_fields[name].default
    return "none" if default in (None, "", PydanticUndefined) else str(default)


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = set(NAMED_TEST.findall(THREATS.read_text()))
    assert len(named) > 40
    missing = [f"{path}::{test}" for path, test in sorted(named) if test not in names_of_tests(ROOT / path)]
    assert missing == []


def names_of_tests(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_choice_of_the_threat_model_names_what_holds_it() -> None:
    choices = rows(THREATS, "Choice")
    assert len(choices) > 15
    assert [cells[0] for cells in choices if not NAMED_TEST.search(cells[-1])] == []


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if urlsplit(link).scheme:
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(file), f"{link}: no such heading"


def test_every_guide_is_found_from_the_readme() -> None:
    linked = {(README.parent / link.partition("#")[0]).resolve() for link in links(README)}
    assert {path for path in GUIDES if path not in linked} == set()


@pytest.mark.parametrize("page", OWN, ids=name_of)
def test_paths_of_the_tree_exist(page: Path) -> None:
    for piece in code(page):
        if re.fullmatch(r"(?:tipline|evidence|tests|docs|bench|templates|static)/[\w./-]+", piece):
            assert (ROOT / piece).exists(), f"{piece} is not there"


@pytest.mark.parametrize("face", ["public", "console"])
def test_the_readme_shows_each_face(face: str) -> None:
    picture = ROOT / "docs" / "img" / f"{face}.png"
    assert f"docs/img/{face}.png" in links(README)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < MOST_PICTURE_BYTES


# how it is written


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_pages_name_no_machine(page: Path) -> None:
    text = page.read_text()
    assert EM_DASH not in text
    assert not re.search(r"(?<![\w.])/(?:work|root|tmp/plan|home/\w+)/|\.\./shared", text), "a path of some machine"
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", text), "the name of this machine"
    for address in re.findall(r"https?://([^\s/:?&`)>\"']+)", text):
        assert HOSTS.fullmatch(address), f"{address} is somebody's host"


@pytest.mark.parametrize("page", OWN, ids=name_of)
def test_pages_are_finished_and_plain(page: Path) -> None:
    text = prose(page)
    assert not re.search(r"\b(TODO|FIXME|XXX|TBD|lorem)\b", text)
    assert not re.search(r"\b(simply|just|easily|obviously|leverage|seamless|robust|utilize)\b", text, re.IGNORECASE)
    assert {block.tag for block in blocks(page)} <= TAGS
