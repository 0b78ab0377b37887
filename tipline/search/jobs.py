"""The building of a search index as a job of the worker, and the daily end of leaves that expired."""

from __future__ import annotations

from tipline import audit
from tipline.jobs import daily_sweep, job
from tipline.search import building
from tipline.work import Work


@job("build_search")
def build_search(work: Work, build_id: str) -> None:
    """Read everything of a program into its index, under the leave of who asked. A second run goes on where the first stopped."""
    building.build(work, build_id)


@daily_sweep("sweep_search_leaves")
def sweep_leaves(work: Work) -> None:
    """Destroy the leaves of buildings that never ended."""
    ended = building.end_expired(work)
    if ended:
        audit.record(work.session, work.now(), None, "search.sweep", detail=str(ended))
