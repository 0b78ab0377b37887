"""What the worker does for accounts."""

from __future__ import annotations

from tipline.accounts.services import sweep_sessions
from tipline.jobs import daily_sweep
from tipline.work import Work


@daily_sweep("ended_sessions")
def ended_sessions(work: Work) -> None:
    """Remove the rows of sessions that have ended."""
    sweep_sessions(work)
