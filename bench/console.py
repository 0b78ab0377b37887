"""The console's pages at 100,000 tips: time on the server and number of queries, on SQLite and PostgreSQL.

    python bench/console.py [--tips 100000] [--database sqlite,postgres] [--rounds 40] [--only inbox] [--json FILE]

Tells the fictional case, seeds the tips around it (bench/seeding.py), then asks for each page in this process, as a browser
of the investigator does, and prints p50 and p95 in milliseconds on the clock and of this process's processor time, and the number of
statements that the database saw (bench/paging.py). A page is asked for at several places, so that no two neighbouring requests are alike.

The searches are those of bench/searching.py over the same tips, with 15 words a tip in place of 150, whose index is made in a tenth of the
time; longer texts, and first readings of tips under custody, are measured there. `--only search` measures these alone, `--only inbox` none.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

sys.path[0] = str(Path(__file__).parents[1])  # else the program beside this one would be taken for the package `evidence`

from bench import searching
from bench.paging import HEAD, Page, measure, sign_in
from bench.seeding import LOGIN, seed, vacuum
from tests.servers import start_postgres
from tipline.actor import Actor
from tipline.config import Settings
from tipline.demo.story import Telling, tell
from tipline.inbox import savedviews
from tipline.inbox.filters import Filters, Term, where
from tipline.inbox.finding import asker, matching
from tipline.inbox.savedviews import SaveView
from tipline.models.custody import Exhibit
from tipline.models.desk import Label
from tipline.models.tips import Tip
from tipline.process import Process, open_process

WORDS_HERE = 15


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
        Page("inbox, the rail counted anew", ["/inbox"], anew=True),
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
    vacuum(of)
    client = sign_in(of, actor)
    wanted_pages = [page for page in pages(of, actor, story) if wanted.only in page.name]
    searches = [page for page in searching.pages(actor, story.case_number) if wanted.only in page.name]
    found = []
    for page in wanted_pages:
        found.append(measure(client, of.database.engine, page, wanted.rounds))
        say(found[-1].line())
    if searches:
        took = searching.fill(of, actor, story.program_id, WORDS_HERE)
        say(f"put into the index, {WORDS_HERE} words a tip, in {took:.0f} s")
    for page in searches:
        found.append(measure(client, of.database.engine, page, wanted.rounds))
        say(found[-1].line())
    of.database.dispose()
    return [took.row() for took in found]


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
        print(f"{database}\n{HEAD}", flush=True)
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
