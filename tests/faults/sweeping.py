"""One act, failed at each of its system calls in turn, each time on a fresh copy of the same folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.counting import Tally
from tests.faults.injector import KINDS, Fault, Outcome, run


@dataclass(frozen=True)
class Scene:
    """`act` runs in the child on a copy of `template`; `check` looks at the copy afterwards and says what does not hold."""

    template: Path
    act: Callable[[Path], object]
    check: Callable[[Path, Outcome], list[str]]


def points(scene: Scene, place: Path, kinds: tuple[str, ...] = KINDS) -> list[Fault]:
    """Run the act without a fault and return every fault that its calls allow."""
    data = _fresh(scene, place)
    whole = run(lambda: scene.act(data), data)
    assert whole.acknowledged, f"without a fault the act ended with {whole.ended} {whole.said}"
    wrong = scene.check(data, whole)
    assert not wrong, f"without a fault: {wrong}"
    shutil.rmtree(data)
    calls = list(enumerate(whole.calls, start=1))
    return [fault for kind in kinds for n, call in calls if (fault := Fault(kind, n)).fits(call)]


def sweep(scene: Scene, place: Path, tally: Tally, most: int) -> None:
    """Inject the faults, all or a share of `most`, and check after each."""
    for fault in tally.share(points(scene, place), most):
        data = _fresh(scene, place)
        outcome = run(lambda data=data: scene.act(data), data, fault)  # type: ignore[misc]
        if outcome.hit is not None:
            name = f"{fault.kind} at call {fault.at}, {outcome.hit.name} {outcome.hit.path.removeprefix(str(data))} [{outcome.ended} {outcome.said[:150]}]"
            tally.add(name, [*_ended_badly(outcome), *scene.check(data, outcome)])
        shutil.rmtree(data)


def _ended_badly(outcome: Outcome) -> list[str]:
    return ["it hung"] if outcome.ended == "hung" else ["it died"] if outcome.ended == "died" else []


def _fresh(scene: Scene, place: Path) -> Path:
    data = place / "state"
    shutil.copytree(scene.template, data, symlinks=True)
    return data
