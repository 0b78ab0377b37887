"""The jobs of examination and of working copies, as the worker registers them. One that runs twice finds nothing left to do."""

from __future__ import annotations

from tipline.exhibits import deriving, examination
from tipline.jobs import job
from tipline.work import Work


@job("examine_tip")
def examine_tip(work: Work, tip_id: str) -> None:
    """Examine what came with a tip. Queued by a worker that found it waiting, once for each message."""
    examination.examine_tip(work, tip_id)


@job("examine_exhibit")
def examine_exhibit(work: Work, exhibit_id: str) -> None:
    """Examine one exhibit. Queued where a letter or a sample is registered."""
    examination.examine_exhibit(work, exhibit_id)


@job("make_copy")
def make_copy(work: Work, grant_id: str, asked: str) -> None:
    """Make a working copy without metadata. Queued where a colleague asked for one, or a worker found that a source did."""
    deriving.make_copy(work, grant_id, asked)
