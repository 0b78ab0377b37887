"""What the worker does for the public face, once a day."""

from __future__ import annotations

from tipline.intake.sweeping import sweep_drafts
from tipline.jobs import daily_sweep
from tipline.work import Work


@daily_sweep("sweep_drafts")
def sweep(work: Work) -> None:
    """Take away old drafts, salts and sessions."""
    sweep_drafts(work)
