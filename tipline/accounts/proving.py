"""Saying again who one is: what cannot be taken back asks for passphrase or security key anew, in a session that is open already."""

from __future__ import annotations

from sqlalchemy import select, update

from tipline import audit
from tipline.accounts import passkeys, rules, services
from tipline.actor import Actor
from tipline.models.staff import Staff, StaffSession
from tipline.process import Process
from tipline.work import Work


def is_fresh(work: Work, actor: Actor) -> bool:
    """Tell whether this session's person said who they are a short while ago."""
    proved = work.session.scalar(select(StaffSession.proved_at).where(StaffSession.id == actor.session_id))
    return proved is not None and abs(work.now() - proved) < rules.FRESH


def prove(of: Process, actor: Actor, passphrase: str, assertion: str = "") -> bool:
    """Take a passphrase, or a security key's answer, from who is signed in; the session is fresh from then.

    Every try counts as one to sign in, and is committed before it is judged: no lock is held while the passphrase is worked on.
    """
    with of.unit(write=True) as work:
        staff = work.session.get_one(Staff, actor.staff_id, with_for_update=True)
        is_open = staff.state == "active" and services.count_try(work, staff)
        audit.record(work.session, work.now(), actor, "session.prove")
    if not is_open:
        return False
    with of.unit(write=True) as work:
        if not (passkeys.answer(work, actor.staff_id, passkeys.PROVE, assertion) if assertion else _knows(work, actor, passphrase)):
            return False
        work.session.execute(update(Staff).where(Staff.id == actor.staff_id).values(failed_tries=0, locked_until=None))
        work.session.execute(update(StaffSession).where(StaffSession.id == actor.session_id).values(proved_at=work.now()))
    return True


def _knows(work: Work, actor: Actor, passphrase: str) -> bool:
    staff = work.session.get_one(Staff, actor.staff_id)
    work.session.commit()
    typed = rules.normal_passphrase(passphrase[: 4 * rules.LONGEST_PASSPHRASE])
    return services.open_secrets(work, staff, typed) is not None
