"""What the worker does for daily notices: once a day it asks who wants one; each goes out in a job of its own."""

from __future__ import annotations

from datetime import date

from tipline import logs
from tipline.digests import mail
from tipline.digests.rules import body_of, subject_of
from tipline.digests.services import to_notify, waiting_for
from tipline.jobs import daily_sweep, job
from tipline.models.staff import Staff
from tipline.work import Work


@daily_sweep("daily_notices")
def ask_for_notices(work: Work) -> None:
    """Enqueue a notice for each who wants one; none where no mail server is named."""
    if not work.settings.smtp_host:
        return
    today = work.today()
    for staff_id in to_notify(work.session, today):
        work.jobs.enqueue(work.session, "send_notice", f"{staff_id}-{today.isoformat()}", staff_id, today.isoformat())


@job("send_notice")
def send_notice(work: Work, staff_id: str, day: str) -> None:
    """Send one person's notice of a day, then note it. No transaction is open while the mail server is asked."""
    today = date.fromisoformat(day)
    with work.database.session(write=False) as session:
        if staff_id not in to_notify(session, today):
            return
        address = session.get_one(Staff, staff_id).notify_address or ""
        body = body_of(waiting_for(session, staff_id, today), today)
    mail.send(work.settings, mail.message_of(work.settings, address, subject_of(today), body))
    work.session.get_one(Staff, staff_id).notified_on = today
    work.session.flush()
    logs.event("a daily notice went out")
