"""The counts of the rail, kept for a few seconds in the memory of the console's process: numbers by ids, never a name of a view.

Every page has the rail, and somebody who reads tip after tip asks for it each time. Whoever changes anything through this process
makes all counts anew; what arrives from elsewhere shows within SECONDS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

SECONDS = 20.0
MOST = 2000  # numbers kept; more are made anew
Key = tuple[str, str]  # who looks, which view


class RailCounts:
    """Counts by person and view. Threads share it: a number may be computed twice, and is never another's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Key, tuple[float, int]] = {}

    def get(self, staff_id: str, view_ids: Sequence[str]) -> dict[str, int] | None:
        """Return the numbers of these views, or None where one is missing or too old."""
        now = self._clock()
        found = {view_id: self._kept.get((staff_id, view_id), (0.0, -1)) for view_id in view_ids}
        if any(count < 0 or until <= now for until, count in found.values()):
            return None
        return {view_id: count for view_id, (_, count) in found.items()}

    def put(self, staff_id: str, counts: Mapping[str, int]) -> None:
        """Keep the numbers that somebody was just shown."""
        if len(self._kept) + len(counts) > MOST:
            self._kept.clear()
        until = self._clock() + SECONDS
        self._kept.update({(staff_id, view_id): (until, count) for view_id, count in counts.items()})

    def forget(self) -> None:
        """Something was changed: every number is made anew."""
        self._kept.clear()
