"""What the programs measure pages with: a page asked for at several addresses by turns, and what that took.

Times are in milliseconds: on the clock, and on the processor, which a busy machine does not lengthen. With SQLite the second is all of
the work; PostgreSQL's own is only on the clock. With them goes the number of statements that the database saw.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tipline.accounts import sessions
from tipline.accounts.keychain import StaffKeys
from tipline.actor import Actor
from tipline.app import create_console_app
from tipline.models.staff import Staff
from tipline.process import Process
from tipline.security import cookie_name

WARM_UP = 3
HEAD = f"{'ms':48}{'p50':>9}{'p95':>9}{'cpu p50':>9}{'cpu p95':>9}  queries"


@dataclass(frozen=True)
class Page:
    """A page and the addresses at which it is asked for by turns. `anew`: without the counts of the rail that the page before left."""

    name: str
    paths: list[str]
    anew: bool = False


@dataclass
class Took:
    """What one page took."""

    page: str
    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    queries: set[int] = field(default_factory=set)

    def row(self) -> dict[str, object]:
        """The figures, as a program writes them into its JSON."""
        figures = {name: _of(times) for name, times in (("clock", self.clock), ("processor", self.processor))}
        return {"page": self.page, **figures, "queries": sorted(self.queries)}

    def line(self) -> str:
        """The figures, below `HEAD`."""
        times = "".join(f"{one:>9}" for of in (self.clock, self.processor) for one in _of(of).values())
        return f"{self.page:48}{times}  {'-'.join(map(str, sorted({min(self.queries), max(self.queries)})))}"


def _of(times: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return {"p50": round(statistics.median(times), 1), "p95": round(cuts[-1], 1)}


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """The statements that a database sees while the block runs."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "PRAGMA")):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def ask(client: FlaskClient, engine: Engine, path: str, took: Took | None = None) -> str:
    """Ask for one page, and note what it took. Returns what it said."""
    with counting(engine) as seen:
        clock, processor = time.perf_counter(), time.process_time()
        answer = client.get(path)
        times = (time.perf_counter() - clock) * 1000, (time.process_time() - processor) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    if took is not None:
        took.clock.append(times[0])
        took.processor.append(times[1])
        took.queries.add(len(seen))
    return answer.text


def measure(client: FlaskClient, engine: Engine, page: Page, rounds: int) -> Took:
    """Ask for a page `rounds` times, after a few that do not count."""
    took = Took(page.name)
    for turn in range(WARM_UP + rounds):
        if page.anew:
            client.application.extensions["rail_counts"].forget()
        ask(client, engine, page.paths[turn % len(page.paths)], took if turn >= WARM_UP else None)
    return took


def sign_in(of: Process, actor: Actor) -> FlaskClient:
    """A browser of the console, in this process."""
    app = create_console_app(of)
    app.extensions["gate"].limiter.clock = iter(range(0, 10**9, 60)).__next__  # this measures pages, not the limits on requests
    client = app.test_client()
    keys = StaffKeys(actor.keyring.identity, actor.keyring.signing_key, "")
    with of.unit(write=True) as work:
        cookie = sessions.open_session(work.session, work.session.get_one(Staff, actor.staff_id), keys, work.now())
    client.set_cookie(cookie_name("console", of.settings, "session"), cookie.value, domain="localhost")
    return client
