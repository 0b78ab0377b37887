"""What the worker finishes of dispositions that a crash cut off after their commit. Objects are finished by the sweep of orphans."""

from __future__ import annotations

from sqlalchemy import delete, select

from tipline.jobs import daily_sweep
from tipline.models.custody import Exhibit
from tipline.models.operations import OrphanCandidate
from tipline.retention.destroying import drop_index
from tipline.work import Work


@daily_sweep("finish_dispositions")
def finish_dispositions(work: Work) -> None:
    """Remove search indexes that still hold something of a disposed exhibit, and empty the database's write-ahead log."""
    noted = select(OrphanCandidate.name).where(OrphanCandidate.kind == "index")
    for program_id in work.session.scalars(select(Exhibit.program_id).where(Exhibit.id.in_(noted)).distinct()).all():
        drop_index(work, work.session, str(program_id))
    work.session.execute(delete(OrphanCandidate).where(OrphanCandidate.kind == "index"))
    work.after_commit.append(lambda: _forget(work))


def _forget(work: Work) -> None:
    work.database.forget_overwritten()
