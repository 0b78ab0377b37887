"""One act, failed at each of its system calls in turn, each time on a fresh copy of the same folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.counting import Tally, literally_everything
from tests.faults.injector import KINDS, Fault, Outcome, run
from tests.faults.syscalls import Call


@dataclass(frozen=True)
class Scene:
    """`prepare` is given the copy of `template` and returns the act, which runs in the child; `check` says what does not hold afterwards.

    Every copy lies at the same place, so what `prepare` opens serves them all. `tidy` closes what is open, before a copy is made.
    """

    template: Path
    prepare: Callable[[Path], Callable[[], object]]
    check: Callable[[Path, Outcome], list[str]]
    tidy: Callable[[], None] = lambda: None
    thin: bool = False


def faults_of(calls: Sequence[Call], thin: bool = False) -> list[Fault]:
    """Return the faults that a run's calls allow.

    A process that dies before it reads leaves what one leaves that dies before its next change; so kill is tried at changes
    only. What lasts is tried at the first of several like calls on one file.

    Args:
        thin: errors and short writes too are tried at the first and the last of several like calls on one file, and not between:
            a database writes a hundred pages in a row.
    """
    faults: list[Fault] = []
    likes = [(call.name, call.path) for call in calls]
    for n, call in enumerate(calls, start=1):
        first, last = n == 1 or likes[n - 2] != likes[n - 1], n == len(calls) or likes[n] != likes[n - 1]
        for kind in KINDS:
            fault = Fault(kind, n)
            tried = kind == "kill" or (first if fault.lasts() else first or last or not thin)
            wanted = tried and (call.changes or (kind != "kill" and not fault.lasts()))
            if wanted and fault.fits(call):
                faults.append(fault)
    return faults


def sweep(scene: Scene, place: Path, tally: Tally, most: int) -> None:
    """Run the act without a fault, then with every fault that its calls allow, or a share of `most`; check after each."""
    data = _fresh(scene, place)
    act = scene.prepare(data)
    data = _fresh(scene, place)
    whole = run(act, data)
    assert whole.acknowledged, f"without a fault the act ended with {whole.ended} {whole.said}"
    wrong = scene.check(data, whole)
    assert not wrong, f"without a fault: {wrong}"
    for fault in tally.share(faults_of(whole.calls, scene.thin and not literally_everything()), most):
        data = _fresh(scene, place)
        outcome = run(act, data, fault)
        if outcome.hit is not None:
            what = f"{outcome.hit.name} {outcome.hit.path.removeprefix(str(data))}"
            name = f"{fault.kind} at call {fault.at}, {what} [{outcome.ended} {outcome.said[:150]}]"
            tally.add(name, [*_ended_badly(outcome), *scene.check(data, outcome)])
    scene.tidy()


def _ended_badly(outcome: Outcome) -> list[str]:
    return ["it hung"] if outcome.ended == "hung" else ["it died"] if outcome.ended == "died" else []


def _fresh(scene: Scene, place: Path) -> Path:
    scene.tidy()
    data = place / "state"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(scene.template, data, symlinks=True)
    return data
