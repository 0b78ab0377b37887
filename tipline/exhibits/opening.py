"""Finding an exhibit that a person may read, and opening it: what every other module of exhibits begins with."""

from __future__ import annotations

from sqlalchemy import select

from tipline import access
from tipline.actor import Actor
from tipline.errors import NotFound
from tipline.inbox.reading import Opened, open_exhibits, require_held, require_sound
from tipline.models.custody import Exhibit
from tipline.work import Work


def get_exhibit(work: Work, actor: Actor, exhibit_id: str, *, lock: bool = False) -> Exhibit:
    """Return an exhibit by its id.

    Raises:
        NotFound: there is none, or the actor does not hold its program's key: both look alike.
    """
    query = select(Exhibit).where(Exhibit.id == exhibit_id, access.sees(actor, Exhibit))
    exhibit = work.session.scalar(query.with_for_update() if lock else query)
    if exhibit is None:
        raise NotFound("There is no exhibit here that you can read.", "Check the address, or ask who holds the program's key.")
    return exhibit


def get_opened(work: Work, actor: Actor, exhibit_id: str) -> Opened:
    """Return an exhibit with its key, after row, key file and custody record were compared."""
    exhibit = get_exhibit(work, actor, exhibit_id)
    return open_exhibits(work, actor, [exhibit])[exhibit.id]


def get_sound(work: Work, actor: Actor, exhibit_id: str) -> Opened:
    """Return an exhibit that is to be worked on.

    Raises:
        Conflict: it is quarantined or disposed of, or a scrub did not find it whole.
    """
    exhibit = get_exhibit(work, actor, exhibit_id)
    require_held(exhibit)
    opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
    require_sound(work, actor, [opened])
    return opened
