"""Grants that outlived their purpose: wraps whose row a crash took back, and rows past their expiry. The worker ends them.

The worker's key opens whatever has a grant file, so a forgotten one is a standing key. A wrap without a row may belong to a
transaction that is just being committed: it is noted first and removed by a later sweep, at least a day afterwards.
"""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from tipline import audit, logs, restoring
from tipline.jobs import daily_sweep
from tipline.models.custody import Grant
from tipline.models.operations import OrphanCandidate
from tipline.orphans import DAYS_APART, find_noted
from tipline.work import Work


@daily_sweep("sweep_grants")
def sweep(work: Work) -> None:
    """End expired grants, and remove wraps that no row names; these not while the record waits for signatures after a recovery."""
    ended = end_expired(work)
    removed = 0 if restoring.pending(work.session) else remove_forgotten(work)
    if ended or removed:
        audit.record(work.session, work.now(), None, "grant.sweep", detail=f"{ended} expired, {removed} forgotten")
        logs.event("grants ended", expired=ended, forgotten=removed)


def end_expired(work: Work) -> int:
    """Close the grants whose time is over: wrap first, then row. Returns how many."""
    over = work.session.scalars(select(Grant).where(Grant.expires_at < work.now())).all()
    for grant in over:
        work.vault.close_grant(work.session, grant)
    return len(over)


def remove_forgotten(work: Work) -> int:
    """Note wraps without a row, and remove those that were noted at least a day ago. Returns how many are removed."""
    session, today = work.session, work.today()
    wraps = {grant_id: name for name, grant_id in work.vault.objects.grants()}
    forgotten = wraps.keys() - set(session.scalars(select(Grant.id)))
    noted = find_noted(session, "grant")
    due = sorted(one for one in forgotten if noted.get(one, today) <= today - DAYS_APART)
    for grant_id in due:
        work.vault.objects.remove_grant(wraps[grant_id], grant_id)
    fresh = [{"kind": "grant", "name": one, "first_seen": today} for one in sorted(forgotten - noted.keys())]
    if fresh:
        session.execute(insert(OrphanCandidate), fresh)
    gone = [one for one in noted if one in due or one not in forgotten]
    if gone:
        session.execute(delete(OrphanCandidate).where(OrphanCandidate.kind == "grant", OrphanCandidate.name.in_(gone)))
    return len(due)
