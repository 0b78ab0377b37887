"""Reading what a folder holds again, all of it or a share at a time, going on where it was cut (SPEC 7.3).

{"parts":10,"part":3,"after":"<name of the object that was read last, or null>"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evidence import canonical, scrub
from evidence.errors import EvidenceError, FormatError
from evidence.folder.acts import failed, verified
from evidence.folder.case import SCRUB, Act, Folder
from evidence.folder.durable import replace_file
from evidence.folder.item import Item
from evidence.sealing import sealed_length

GROUP = 64  # items whose findings are recorded together: what a cut can cost


@dataclass(frozen=True)
class Round:
    """One of `parts` shares of all items, and the last object of it that was read."""

    parts: int
    part: int
    after: str | None = None

    def following(self) -> Round:
        """The share after this one."""
        return Round(self.parts, (self.part + 1) % self.parts)


@dataclass(frozen=True)
class Checked:
    """An item that was read again; `fault` is empty where it is what was acquired. `recorded`: whether that stands in the log."""

    number: str
    fault: str = ""
    recorded: bool = True


def begin(found: Folder, percent: int) -> Round:
    """Where a scrub of this share goes on: in the share that was cut, else in the next one. UsageError, FormatError."""
    parts = scrub.parts_of(percent)
    try:
        state = canonical.decode((found.path / SCRUB).read_bytes())
    except FileNotFoundError:
        return Round(parts, 0)
    try:
        last = Round(int(state["parts"]), int(state["part"]), state["after"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("The state of the last scrub is not in its form.", f"Remove {found.path / SCRUB} and scrub again.") from error
    if last.parts != parts:
        return Round(parts, 0)
    return last


def numbers_of(found: Folder, share: Round) -> list[tuple[str, str]]:
    """Object name and number of each item that the share still has to read, in the order of the names."""
    held = []
    for at, exhibit in enumerate(found.journal.exhibits):
        first = found.journal.chain(exhibit)[0]
        if first.object is not None and not first.stubbed and scrub.in_share(first.object, share.parts, share.part):
            held.append((first.object, found.number(at)))
    return sorted(pair for pair in held if share.after is None or pair[0] > share.after)


def run(found: Folder, share: Round, jobs: int, progress: Callable[[int], object]) -> Iterator[Checked]:
    """Reads the share, `jobs` items at once; records what was found in groups, and after each group how far it is."""
    todo = iter(numbers_of(found, share))
    while group := list(islice(todo, GROUP)):
        yield from check(found, [number for _, number in group], jobs, progress)
        _keep(found.path, Round(share.parts, share.part, group[-1][0]))
    _keep(found.path, share.following())


def check(found: Folder, names: Sequence[str], jobs: int, progress: Callable[[int], object]) -> list[Checked]:
    """Reads these items again and records VERIFIED, or VERIFY_FAILED and QUARANTINED, for all at once."""
    checked: list[Checked] = []
    acts: list[Act] = []
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for number, item, fault in pool.map(lambda name: _read(found, name), names):
            progress(1)
            checked.append(Checked(number, fault, item is not None))
            if item is not None:
                acts += failed("scrub", item, fault) if fault else [verified("scrub", item)]
    if acts:
        found.record(acts)
    return checked


def _read(found: Folder, name: str) -> tuple[str, Item | None, str]:
    """The item and what is wrong with it; no item where not even its record opens."""
    try:
        item = found.item(name)
    except EvidenceError as error:
        return name, None, str(error)
    keyfile = item.keys()
    try:
        found.vault.verify(keyfile)
    except EvidenceError as error:
        stored = scrub.Stored(keyfile.object_name, sealed_length(keyfile.length))
        return item.number, item, scrub.examine(found.vault.store, stored).words or str(error)
    return item.number, item, ""


def _keep(folder: Path, share: Round) -> None:
    replace_file(folder / SCRUB, canonical.encode({"parts": share.parts, "part": share.part, "after": share.after}) + b"\n")
