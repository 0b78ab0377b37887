"""The console's pages at 100,000 tips: time on the server and number of queries, on SQLite and PostgreSQL.

    python bench/console.py [--tips 100000] [--database sqlite,postgres] [--rounds 40] [--only inbox] [--json FILE]

Tells the fictional case, seeds the tips around it (bench/seeding.py), then asks for each page in this process, as a browser
of the investigator does, and prints p50 and p95 in milliseconds, the p95 of this process's processor time (with SQLite that is
all of the work, whatever else the machine does), and the number of statements that the database saw.
A page is asked for at several places, so that no two neighbouring requests are alike.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import event, select, text
from sqlalchemy.engine import Engine

sys.path[0] = str(Path(__file__).parents[1])  # else the program beside this one would be taken for the package `evidence`

from bench.seeding import seed
from tests.servers import start_postgres
from tipline.accounts import sessions
from tipline.accounts.keychain import StaffKeys
from tipline.actor import Actor
from tipline.app import create_console_app
from tipline.config import Settings
from tipline.demo.story import Telling, tell
from tipline.inbox import savedviews
from tipline.inbox.filters import Filters, Term, where
from tipline.inbox.finding import asker, matching
from tipline.inbox.savedviews import SaveView
from tipline.models.custody import Exhibit
from tipline.models.desk import Label
from tipline.models.staff import Staff
from tipline.models.tips import Tip
from tipline.process import Process, open_process
from tipline.security import cookie_name

WARM_UP = 3
COUNTED_ANEW = "inbox, the rail counted anew"
LOGIN = "m.okafor"


@dataclass(frozen=True)
class Page:
    """A page and the addresses at which it is asked for by turns."""

    name: str
    paths: list[str]


@dataclass
class Figures:
    """What one page took. Times are in milliseconds."""

    page: str
    times: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        seen = sorted(set(self.queries))
        p50, p95 = statistics.median(self.times), _p95(self.times)
        return {
            "page": self.page,
            "p50": round(p50, 1),
            "p95": round(p95, 1),
            "processor p95": round(_p95(self.worked), 1),
            "queries": seen,
        }


def _p95(figures: Sequence[float]) -> float:
    return statistics.quantiles(figures, n=20, method="inclusive")[-1]


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


def measure(client: FlaskClient, engine: Engine, page: Page, rounds: int) -> Figures:
    """Ask for a page `rounds` times, after a few that do not count."""
    found = Figures(page.name)
    for turn in range(WARM_UP + rounds):
        path = page.paths[turn % len(page.paths)]
        if page.name == COUNTED_ANEW:
            client.application.extensions["rail_counts"].forget()
        with counting(engine) as seen:
            start, worked = time.perf_counter(), time.process_time()
            answer = client.get(path)
            took, worked = (time.perf_counter() - start) * 1000, (time.process_time() - worked) * 1000
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        if turn >= WARM_UP:
            found.times.append(took)
            found.worked.append(worked)
            found.queries.append(len(seen))
    return found


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


def pages(of: Process, actor: Actor, story: Telling) -> list[Page]:
    """The pages to be measured: each part of the inbox, and one of each other desk."""
    with of.unit(write=False) as work:
        some = list(work.session.scalars(select(Tip.number).where(Tip.title.is_not(None)).order_by(Tip.received_on).limit(5000)))
        anchors = some[200:4200:400]
        rare, often = sorted(work.session.scalars(select(Label.id)))[:2]
        mine = list(work.session.scalars(select(Tip.number).where(matching(asker(work, actor), Filters(()))).limit(10)))
        exhibits = list(work.session.scalars(select(Exhibit.id).where(Exhibit.number.is_not(None)).limit(5)))
        told = [tip.number for tip in story.tips.values()][:5]
    found = [
        Page("inbox, first page", ["/inbox"]),
        Page(COUNTED_ANEW, ["/inbox"]),
        Page("inbox, deep in the list", [f"/inbox?after={number}" for number in anchors]),
        Page("inbox, a page back", [f"/inbox?before={number}" for number in anchors]),
    ]
    filters = {
        "state and assignee": ["state:is:waiting", "assignee:is:me"],
        "two groups": ["state:is:new", "priority:is:high", "or", "due:is:overdue"],
        "a label": [f"label:is:{rare},{often}"],
        "not a label": [f"label:not:{rare}"],
        "unread": ["read:is:unread"],
        "suggested link": ["link:is:shares_indicator"],
        "claim": ["claim:is:some"],
        "nothing fits": ["claim:is:paid", "priority:is:low", "state:is:waiting"],
    }
    found += [Page(f"inbox, {name}", ["/inbox?" + "&".join(f"f={term}" for term in terms)]) for name, terms in filters.items()]
    found += [Page(f"inbox, {order} first", [f"/inbox?order={order}"]) for order in ("oldest", "due", "priority")]
    found += [
        Page("inbox with an open tip", [f"/inbox?tip={number}" for number in told]),
        Page("work-load", ["/workload"]),
        Page("tip", [f"/tips/{number}" for number in told]),
        Page("cases", ["/cases"]),
        Page("case", [f"/cases/{story.case_number}"]),
        Page("case, timeline", [f"/cases/{story.case_number}/timeline"]),
        Page("case, graph", [f"/cases/{story.case_number}/graph", f"/cases/{story.case_number}/graph?depth=3"]),
        Page("linking desk", ["/linking"]),
        Page("exhibits", ["/exhibits"]),
        Page("exhibits, all", ["/exhibits?show=all"]),
        Page("exhibit", [f"/exhibits/{exhibit_id}" for exhibit_id in exhibits]),
    ]
    assert mine
    return found


def keep_views(of: Process, actor: Actor) -> None:
    """Eight saved views, as many as the rail counts on every page."""
    kept = {
        "New, nobody assigned": where(Term("state", ("new",)), Term("assignee", ("nobody",))),
        "Mine, waiting for source": where(Term("state", ("waiting",)), Term("assignee", ("me",))),
        "Holds sample records": where(Term("link", ("contains_records",))),
        "Older than 3 days": where(Term("state", ("new", "working")), Term("received", ("3",), negated=True)),
        "Likely junk": where(Term("state", ("junk",))),
        "High and unread": where(Term("priority", ("high",)), Term("read", ("unread",))),
        "Overdue": where(Term("due", ("overdue",)), Term("state", ("closed", "junk"), negated=True)),
        "With a claim": where(Term("claim", ("some",))),
    }
    for name, filters in kept.items():
        with of.unit(write=True) as work:
            savedviews.save(work, actor, SaveView(name, filters))


def run(settings: Settings, wanted: argparse.Namespace, say: Callable[[str], None]) -> list[dict[str, object]]:
    """Make one installation, fill it, and measure every page of it."""
    story = tell(settings, lambda _: None)
    of = open_process("console", settings)
    actor = story.actor(LOGIN)
    start = time.perf_counter()
    seed(of, actor, story.program_id, wanted.tips, say)
    say(f"{wanted.tips:,} tips seeded in {time.perf_counter() - start:.0f} s")
    keep_views(of, actor)
    if of.database.engine.dialect.name == "postgresql":  # what its autovacuum does within a minute; SQLite keeps no statistics by itself
        with of.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    client = sign_in(of, actor)
    found = []
    for page in [page for page in pages(of, actor, story) if wanted.only in page.name]:
        row = measure(client, of.database.engine, page, wanted.rounds).row()
        queries = "-".join(map(str, sorted({row["queries"][0], row["queries"][-1]})))  # type: ignore[index]  # a list of numbers
        say(f"{row['page']:34} {row['p50']:>8} {row['p95']:>8} {row['processor p95']:>9} {queries:>8}")
        found.append(row)
    of.database.dispose()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tips", type=int, default=100_000)
    parser.add_argument("--database", default="sqlite,postgres")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", default="", help="pages with this in their name, as inbox")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    found = {}
    for database in wanted.database.split(","):
        folder = Path(tempfile.mkdtemp(prefix="tipline-bench-"))
        print(f"{database}\n{'page':34} {'p50 ms':>8} {'p95 ms':>8} {'processor':>9} {'queries':>8}", flush=True)
        try:
            if database == "postgres":
                with start_postgres() as url:
                    found[database] = run(
                        Settings(data=folder / "instance", database_url=url), wanted, lambda line: print(line, flush=True)
                    )
            else:
                found[database] = run(Settings(data=folder / "instance"), wanted, lambda line: print(line, flush=True))
        finally:
            shutil.rmtree(folder)
    if wanted.json:
        wanted.json.write_text(json.dumps({"tips": wanted.tips, "rounds": wanted.rounds, "pages": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
