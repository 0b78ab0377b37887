"""Transcripts of the command line, run for real: what is typed, what is said, how it ends.

    $ evidence log folder 01           a command; in this process, where it is `evidence`
    $ printf x > note.txt              any other is run by bash
    $$ evidence log folder             in a process of its own, without a terminal (a pipe does the same)
    [exit 1]                           how it ended, where that was not 0

Digests, keys, times and names of logs differ with each run. In what is said each is replaced by a label, the same one for the same value.
A line of three dots stands for any lines. To write a transcript anew after a change: TRANSCRIPTS=write pytest, then read the difference.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from evidence.cli import main
from evidence.folder import keyring, person
from evidence.keys import passphrase_key

PLACE = Path(__file__).with_name("transcripts")
ROOT = Path(__file__).parents[2]
TRANSCRIPTS = sorted(PLACE.glob("*.txt"))
COMMAND = re.compile(r"(\$\$?) (.*)")
LABELS = (
    ("digest", re.compile(r"\b[0-9a-f]{64}\b")),
    ("key", re.compile(r"SHA256:[A-Za-z0-9+/]{43}")),
    ("recipient", re.compile(r"age1[a-z0-9]{58}")),
    ("log", re.compile(r"evidence-[0-9a-f]{16}")),
    ("id", re.compile(r"\b[0-9a-f]{32}\b")),
    ("head", re.compile(r"\b(?:[0-9a-f]{4} ){5}[0-9a-f]{4}\b")),
)
TIME = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module", autouse=True)
def _one_derivation() -> Iterator[None]:
    """A passphrase is stretched once for the module: the same inputs give the same key."""
    stretched = cache(passphrase_key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyring, "passphrase_key", stretched)
        patch.setattr(person, "passphrase_key", stretched)
        yield


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "passphrase").write_text("six words that nobody else knows\n")
    monkeypatch.setenv("EVIDENCE_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    monkeypatch.chdir(tmp_path)
    labelled = labeller()
    told, found = path.read_text().splitlines(), []
    steps = [at for at, line in enumerate(told) if COMMAND.fullmatch(line)]
    for at, following in zip(steps, [*steps[1:], len(told)], strict=True):
        said = labelled(run(told[at], tmp_path))
        expected = [line for line in told[at + 1 : following] if line and not line.startswith("#")]
        found += [*preface(told, at), told[at], *said]
        if os.environ.get("TRANSCRIPTS") != "write":
            assert matches(expected, said), f"{path.name}, line {at + 1}: {told[at]}\n" + "\n".join(said)
    if os.environ.get("TRANSCRIPTS") == "write":
        path.write_text("\n".join(found).lstrip("\n") + "\n")


def preface(told: list[str], at: int) -> list[str]:
    """The blank lines and comments right above a command."""
    start = at
    while start and (not told[start - 1] or told[start - 1].startswith("#")):
        start -= 1
    return told[start:at]


def run(line: str, folder: Path) -> list[str]:
    found = COMMAND.fullmatch(line)
    assert found is not None
    words = shlex.split(found[2])
    code, said = (
        in_process(words, folder) if found[1] == "$" and "evidence" in words[:3] and "|" not in words else in_a_shell(found[2], folder)
    )
    return [text for text in said.splitlines() if text.strip()] + ([f"[exit {code}]"] if code else [])


def in_process(words: list[str], folder: Path) -> tuple[int, str]:
    at = words.index("evidence")
    environment = dict(word.split("=", 1) for word in words[:at])
    arguments, stdin = words[at + 1 :], b""
    if "<" in arguments:
        *arguments, _, source = arguments
        stdin = (folder / source).read_bytes()
    result = CliRunner().invoke(main, arguments, input=stdin, env=environment, prog_name="evidence")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def in_a_shell(command: str, folder: Path) -> tuple[int, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    command = re.sub(r"(?<!\S)evidence(?= )", f"{shlex.quote(sys.executable)} -m evidence", command)
    done = subprocess.run(
        ["bash", "-uo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,  # no terminal to ask
    )
    return done.returncode, done.stdout


def labeller() -> Callable[[list[str]], list[str]]:
    known: dict[str, str] = {}
    counts: dict[str, int] = {}

    def label(kind: str, value: str) -> str:
        if value not in known:
            counts[kind] = counts.get(kind, 0) + 1
            known[value] = f"<{kind} {counts[kind]}>"
        return known[value]

    def apply(lines: list[str]) -> list[str]:
        made = []
        for line in lines:
            line = re.sub(r"\bEX-20\d\d-", "EX-<year>-", TIME.sub("<time>", line))
            for kind, pattern in LABELS:
                line = pattern.sub(lambda match, kind=kind: label(kind, match[0]), line)
            made.append(line.rstrip())
        return made

    return apply


def matches(expected: list[str], said: list[str]) -> bool:
    """Line for line; three dots stand for any lines."""
    if not expected:
        return not said
    if expected[0] == "...":
        return any(matches(expected[1:], said[at:]) for at in range(len(said) + 1))
    return bool(said) and expected[0] == said[0] and matches(expected[1:], said[1:])


def test_every_command_has_a_transcript() -> None:
    typed = "\n".join(path.read_text() for path in TRANSCRIPTS)
    with_servers = {"stamp", "mirror"}  # test_folder_stamps, test_mirror
    for name in main.commands.keys() - with_servers:
        assert re.search(rf"^\$\$? (?:\S+=\S+ )*evidence {name}\b", typed, re.MULTILINE), f"no transcript of {name}"


def test_a_difference_is_seen() -> None:
    assert matches(["a", "...", "c"], ["a", "b", "b", "c"])
    assert matches(["..."], [])
    assert not matches(["a", "...", "c"], ["a", "b"])
    assert not matches([], ["a"])
    assert not matches(["a"], [])
    apply = labeller()
    assert apply(["a" * 64 + " " + "b" * 64 + " " + "a" * 64]) == ["<digest 1> <digest 2> <digest 1>"]
