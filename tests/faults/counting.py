"""Counts faults and violations over all tests, and prints them at the end of a run with the seeds that chose them.

Without FAULTS=all each test injects a random share of its faults; FAULTS_SEED=N repeats a choice.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

PROPERTY = "faults"
Point = TypeVar("Point")


def everything() -> bool:
    """Whether the whole sweep was asked for (`make faults`)."""
    return os.environ.get("FAULTS") in ("all", "every")


def literally_everything() -> bool:
    """Whether nothing is to be left out that a like call stands for: `FAULTS=every make faults`, which takes longer."""
    return os.environ.get("FAULTS") == "every"


@dataclass
class Tally:
    """What one test injected, and what did not hold afterwards."""

    seed: int = field(default_factory=lambda: int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1 << 32)))
    injected: int = 0
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def share(self, points: Sequence[Point], most: int) -> list[Point]:
        """Choose which faults are injected: all, or at most so many, drawn by the seed."""
        return list(points) if everything() else self.chance.sample(list(points), min(most, len(points)))

    def add(self, fault: str, violations: Iterable[str]) -> None:
        """Count one fault, and what it broke."""
        self.injected += 1
        self.violations += [f"{fault}: {found}" for found in violations]

    def check(self, at_least: int = 1) -> None:
        """Fail where something did not hold, or where too little was tried to say so."""
        shown = "\n".join(self.violations[:30])
        assert not self.violations, f"{len(self.violations)} violations after {self.injected} faults, FAULTS_SEED={self.seed}:\n{shown}"
        assert self.injected >= at_least, f"only {self.injected} faults were injected, FAULTS_SEED={self.seed}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the sum over all tests that counted."""
    found = [value for reports in terminalreporter.stats.values() for report in reports for value in _counts(report)]
    if found:
        injected, violations = sum(count for count, _, _ in found), sum(count for _, count, _ in found)
        seeds = ", ".join(str(seed) for seed in sorted({seed for _, _, seed in found}))
        terminalreporter.write_line(f"faults injected: {injected}, violations: {violations}, seeds: {seeds}")


def _counts(report: Any) -> list[Sequence[int]]:
    if getattr(report, "when", "") != "teardown":
        return []
    return [value for name, value in report.user_properties if name == PROPERTY]
