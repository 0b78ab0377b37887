"""Sizes and names: small files, small functions, nouns of the field."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "tipline" / "migrations" / "versions"  # they are what alembic writes: one long list of tables
SOURCES = sorted(
    path for package in ("evidence", "tipline") for path in (ROOT / package).rglob("*.py") if not path.is_relative_to(MIGRATIONS)
)
LONGEST_FILE, LONGEST_FUNCTION, MOST_ARGUMENTS = 400, 50, 5
FULL_INITS = {ROOT / "evidence" / "storage" / "__init__.py"}
VAGUE = {"utils", "util", "helpers", "helper", "manager", "data", "info", "misc", "common"}
# it travels in each bundle, with its own DER, Ed25519 and notes, and checks proofs of submission by the same parts
ONE_FILE_BY_PURPOSE = {ROOT / "evidence" / "verify.py": 1250}
SIX_BY_NATURE = {
    "tipline/audit.py": "record",  # who, what, on what, when
    "tipline/inbox/telling.py": "tell_source",  # who says what to whom, under which keys
    "tipline/notes/history.py": "record_change",  # who changed what on which thing, from what to what
}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_longer_than_400_lines() -> None:
    long = {str(path.relative_to(ROOT)): lines_of(path) for path in SOURCES if lines_of(path) > LONGEST_FILE}
    for path, longest in ONE_FILE_BY_PURPOSE.items():
        assert long.pop(str(path.relative_to(ROOT)), 0) <= longest
    assert long == {}


def test_files_and_functions_are_mostly_small() -> None:
    files = [lines_of(path) for path in SOURCES if path.read_text().strip()]
    lengths = [node.end_lineno - node.lineno + 1 for path in SOURCES for node in functions(path) if node.end_lineno]
    assert median(files) <= 160
    assert quantiles(files, n=10)[-1] < 320
    assert median(lengths) <= 10
    assert quantiles(lengths, n=10)[-1] < 30


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_are_short_and_take_few_arguments(path: Path) -> None:
    for node in functions(path):
        assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, f"{node.name} is longer than {LONGEST_FUNCTION} lines"
        named = [argument for argument in (*node.args.posonlyargs, *node.args.args) if argument.arg not in ("self", "cls")]
        most = MOST_ARGUMENTS + (SIX_BY_NATURE.get(str(path.relative_to(ROOT))) == node.name)
        assert len(named) <= most, f"{node.name} takes {len(named)} arguments"


def test_init_files_are_empty() -> None:
    full = [path for path in SOURCES if path.name == "__init__.py" and path.read_text().strip() and path not in FULL_INITS]
    assert full == []


def test_names_say_what_a_thing_is() -> None:
    stems = {path.stem for path in SOURCES} | {path.parent.name for path in SOURCES}
    assert stems & VAGUE == set()


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path) for path in SOURCES if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


COMMITS = {
    "tipline/process.py": "the one place: at the end of a unit of work",
    "tipline/web.py": "asks for it, once, after the view",
    "tipline/work.py": "what was read is on record, and committed, before the first byte leaves",
    "tipline/sequencer.py": "the one writer of the log",
    "tipline/takeover.py": "signs of life",
    "tipline/accounts/services.py": "a try to sign in is counted before it is judged; a session was seen",
    "tipline/accounts/passkeys.py": "a half-done sign-in is used up, whatever the security key answers",
    "tipline/accounts/proving.py": "no lock is held while a passphrase is stretched",
    "tipline/accounts/tokens.py": "the day of a token's last use, in a request that may only read",
    "tipline/accounts/kits.py": "a try to come back is counted before it is judged",
    "tipline/exhibits/examination.py": "between reading and writing no lock is held while a file is examined",
    "tipline/exports/building.py": "progress of a long job",
    "tipline/scrubbing.py": "a run notes how far it is after each batch",
    "tipline/retention/destroying.py": "notes of what follows a commit go when it is done",
    "tipline/stamping.py": "no transaction is open while an authority is asked",
    "tipline/linking/indexing.py": "catching up, one exhibit at a time, in a request that only reads",
    "tipline/linking/subjects.py": "subjects are taken in in a request that only reads, as what was examined is",
    "tipline/linking/services.py": "an index is made again in the request that asks for it",
    "tipline/search/building.py": "an index is read in batches, and says how far it is",
}


def test_only_these_places_commit() -> None:
    """Services flush; the request or the job commits, once, in one place. What commits besides says why."""
    found = set()
    for path in SOURCES:
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        if any(isinstance(call.func, ast.Attribute) and call.func.attr == "commit" and not call.args for call in calls):
            found.add(str(path.relative_to(ROOT)))
    assert {name for name in found if name.startswith("tipline/")} == set(COMMITS)
