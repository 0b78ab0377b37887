"""Personal tokens of the API: what a program of one's own may do in one's name, and until when.

A token is `tipline_<id half>.<key half>`. The row's id is the SHA-256 of the id half; the person's keys, the scopes and both ends of its
life are AES-GCM under the key half, bound to row and person. So a stolen row opens nothing, and no change of one gives a token more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select, update

from evidence import canonical
from evidence.errors import IntegrityError
from evidence.keys import aead_open, aead_seal, wrap
from tipline import audit, policy
from tipline.accounts.keychain import StaffKeys
from tipline.accounts.keyring import actor_with
from tipline.accounts.sessions import Cookie
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.desk import ApiToken
from tipline.models.staff import Staff
from tipline.work import Work

PREFIX = "tipline_"
LIVES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year"}
MOST = 20  # of one person that still work
NAME_LENGTH = 60


@dataclass(frozen=True)
class Scope:
    """What a token may do: `action` is what the person's role has to allow."""

    action: str
    words: str


SCOPES = {
    "tips:read": Scope("tip.read", "Read tips and what was said in them"),
    "tips:write": Scope("tip.work", "Assign and label tips, set their state, priority and day"),
    "replies:write": Scope("tip.reply", "Answer sources, ask them, pause and close conversations"),
    "notes:read": Scope("tip.read", "Read notes, tasks and who changed what"),
    "notes:write": Scope("note.write", "Write notes and tasks"),
    "cases:read": Scope("case.read", "Read cases, letters, samples and subjects"),
    "cases:write": Scope("case.work", "Open and change cases, put tips into them, note subjects, events and decisions"),
    "exhibits:read": Scope("exhibit.read", "Read exhibits’ facts and custody"),
    "search:read": Scope("search.read", "Search all that you may read"),
    "links:read": Scope("link.read", "Read suggestions and links with both texts"),
    "links:write": Scope("link.decide", "Decide on suggestions and link by hand"),
    "indicators:read": Scope("indicator.export", "Take indicators as STIX or MISP"),
}


@dataclass(frozen=True)
class MakeToken:
    """A name of one's own for it, scopes of SCOPES, and the days of one of LIVES."""

    name: str
    scopes: tuple[str, ...]
    days: str


@dataclass(frozen=True)
class TokenRow:
    """A token as its owner's page lists it; the token itself is kept nowhere."""

    id: str
    name: str
    scopes: tuple[str, ...]
    made_at: datetime
    expires_at: datetime
    used_on: date | None
    ended_at: datetime | None
    works: bool


@dataclass(frozen=True)
class Bearer:
    """Who a token speaks for, and what it may do."""

    actor: Actor
    scopes: frozenset[str]
    expires_at: datetime


def scopes_of(actor: Actor) -> dict[str, Scope]:
    """The scopes that the actor's role has a use for."""
    return {name: scope for name, scope in SCOPES.items() if policy.may(actor, scope.action)}


def make_token(work: Work, actor: Actor, command: MakeToken) -> str:
    """Make a token that works until the end of its days, and return it. It is shown once.

    Raises:
        BadInput: no name, no scope, one that the role does not allow, or no such life.
        Conflict: the person has MOST that work.
    """
    faults = _faults(actor, command)
    if faults:
        raise BadInput("The token was not made.", "Put right what is marked.", faults)
    now = work.now()
    alive = [row for row in list_tokens(work, actor) if row.works]
    if len(alive) >= MOST:
        raise Conflict(f"You have {MOST} tokens that work.", "End those that nothing uses any more.")
    token = Cookie.fresh()
    expires = datetime.fromtimestamp(int(now.timestamp()), UTC) + timedelta(days=int(command.days))
    keys = StaffKeys(actor.keyring.identity, actor.keyring.signing_key, "")
    opened = {
        "keys": keys.encode().decode(),
        "scopes": sorted(set(command.scopes)),
        "opened": int(now.timestamp()),
        "expires": int(expires.timestamp()),
    }
    row = ApiToken(id=token.row_id, staff_id=actor.staff_id, scopes=" ".join(sorted(set(command.scopes))), made_at=now, expires_at=expires)
    row.keys = aead_seal(token.key_half, canonical.encode(opened), _bound_to(row.id, actor.staff_id))
    row.name = wrap(command.name.strip().encode(), [actor.keyring.identity.recipient])
    work.session.add(row)
    audit.record(work.session, now, actor, "token.make", ("token", row.id[:32]), row.scopes)
    work.session.flush()
    return f"{PREFIX}{token.value}"


def _faults(actor: Actor, command: MakeToken) -> dict[str, str]:
    faults = {}
    if not command.name.strip() or len(command.name) > NAME_LENGTH:
        faults["name"] = f"Write what uses it, in at most {NAME_LENGTH} characters."
    if not command.scopes or not set(command.scopes) <= set(scopes_of(actor)):
        faults["scopes"] = "Choose what it may do, of what your role includes."
    if command.days not in LIVES:
        faults["days"] = "Choose for how long it works."
    return faults


def find_bearer(work: Work, text: str) -> Bearer | None:
    """Return who a token speaks for; None for one that is unknown, ended, too old or changed, or whose owner is not active.

    It uses short transactions of its own. A token's first use on a day is noted, the moment is not.
    """
    now = work.now()
    token = Cookie.parse(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else None
    if token is None:
        return None
    with work.database.session(write=False) as session:
        row = session.get(ApiToken, token.row_id)
        staff = session.get(Staff, row.staff_id) if row else None
        if row is None or staff is None or row.ended_at is not None or staff.state != "active":
            return None
        used_on = row.used_on
        session.expunge_all()
    try:
        value = canonical.decode(aead_open(token.key_half, row.keys, _bound_to(row.id, staff.id)))
    except IntegrityError:
        return None
    made, expires = (datetime.fromtimestamp(value[name], UTC) for name in ("opened", "expires"))
    keys = StaffKeys.decode(value["keys"].encode())
    if not made - timedelta(days=1) <= now < expires or keys.identity.recipient != staff.recipient:
        return None  # a clock that was set back far, or keys that the person has no more
    if used_on != work.today():
        with work.database.session(write=True) as session:
            session.execute(update(ApiToken).where(ApiToken.id == row.id).values(used_on=work.today()))
            session.commit()
    return Bearer(actor_with(work.database, staff, keys, row.id), frozenset(value["scopes"]), expires)


def list_tokens(work: Work, actor: Actor) -> list[TokenRow]:
    """Return the actor's tokens, newest first: those that work, and for the record those that do not."""
    rows: Sequence[ApiToken] = work.session.scalars(
        select(ApiToken).where(ApiToken.staff_id == actor.staff_id).order_by(ApiToken.made_at.desc(), ApiToken.id).limit(100)
    ).all()
    now = work.now()
    return [
        TokenRow(
            id=row.id,
            name=actor.keyring.identity.unwrap(row.name).decode(),
            scopes=tuple(row.scopes.split()),
            made_at=row.made_at,
            expires_at=row.expires_at,
            used_on=row.used_on,
            ended_at=row.ended_at,
            works=row.ended_at is None and row.expires_at > now,
        )
        for row in rows
    ]


def end_token(work: Work, actor: Actor, token_id: str) -> None:
    """End one of one's own tokens at once: what it had sealed is wiped.

    Raises:
        NotFound: the actor has no such token.
    """
    row = work.session.scalar(select(ApiToken).where(ApiToken.id == token_id, ApiToken.staff_id == actor.staff_id).with_for_update())
    if row is None:
        raise NotFound("You have no such token.", "Look at the list of your tokens.")
    if row.ended_at is None:
        row.ended_at, row.keys = work.now(), b""
        audit.record(work.session, work.now(), actor, "token.end", ("token", row.id[:32]))
    work.session.flush()


def _bound_to(row_id: str, staff_id: str) -> str:
    return f"api_token/keys/{row_id}/{staff_id}"
