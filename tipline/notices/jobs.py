"""What the worker does for letters: once a day it removes the kept lists whose day is over."""

from __future__ import annotations

from tipline.jobs import daily_sweep
from tipline.notices import keeping
from tipline.work import Work


@daily_sweep("end_kept_lists")
def sweep(work: Work) -> None:
    """Remove what opens nothing any more."""
    keeping.end_due(work)
