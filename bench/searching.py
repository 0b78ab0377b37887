"""Search at 100,000 tips: time on the server and number of queries for common and rare words, phrases, filters and first readings.

    python bench/searching.py [--tips 100000] [--database sqlite] [--rounds 40] [--json FILE]

The tips are those of bench/seeding.py; their words are drawn from a vocabulary of 50,000 by Zipf's law, 150 a tip, and put into the
program's index as a building puts them. The session has read all of them, as its second look at a page has; what a first look costs, with
a VIEWED event for each of 20 exhibits, is measured on tips under real custody.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import accumulate, islice
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # else the program beside this one would be taken for the package `evidence`

from sqlalchemy import delete, insert, select

from bench.paging import HEAD, Page, Took, ask, measure, sign_in
from bench.seeding import LOGIN, seed, vacuum
from evidence.keys import wrap
from tests.servers import start_postgres
from tipline.actor import Actor, ProgramKeys
from tipline.config import Settings
from tipline.demo.story import tell
from tipline.inbox.reports import Examined
from tipline.intake.taking import seal_text
from tipline.models.base import new_id
from tipline.models.custody import Examination, Exhibit
from tipline.models.desk import SearchStale
from tipline.models.staff import Reading, StaffSession
from tipline.models.tips import Tip, TipItem, TipMessage
from tipline.process import Process, open_process
from tipline.search.index import ProgramIndex
from tipline.search.rules import Query
from tipline.search.services import seal_view
from tipline.search.words import COMPLETE, Text
from tipline.vault import Acquisition
from tipline.work import Work

AT_ONCE = 200
VOCABULARY = 50_000
LENGTH = 150
REAL = 40  # tips under real custody
RARE = 20_000  # every so many tips hold the rare word


def word(number: int) -> str:
    """The word with this rank: the commonest are English, the rest letters."""
    common = ("the", "of", "and", "said", "table", "member", "names", "pharmacy")
    return common[number] if number < len(common) else "w" + "".join(chr(97 + number // 26**place % 26) for place in range(4))


def put_words(of: Process, keys: ProgramKeys, length: int = LENGTH) -> float:
    """Give every seeded tip so many words, and put them into the index; returns the seconds that took."""
    draw, words = random.Random(11), [word(number) for number in range(VOCABULARY)]
    weights = list(accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
    with of.unit(write=False) as work:
        query = select(TipItem.exhibit_id, Tip.id, Tip.number, Tip.received_on).join(Tip, Tip.id == TipItem.tip_id)
        rows = iter(work.session.execute(query.where(TipItem.position == 0).order_by(Tip.received_on, Tip.number)).all())
    known: set[str] = set()
    done, start = 0, time.perf_counter()
    while batch := list(islice(rows, AT_ONCE)):
        with ProgramIndex(of.settings.index_folder, keys) as index:
            for exhibit_id, tip_id, number, day in batch:
                body = " ".join(draw.choices(words, cum_weights=weights, k=length)) + (" zanzibar quokka" if done % RARE == 7 else "")
                scope = f"exhibit:{exhibit_id}"
                index.words.put(scope, [Text(scope, scope, "tip", tip_id, day, number, body, exhibit_id)], known)
                done += 1
    with ProgramIndex(of.settings.index_folder, keys) as index:
        index.words.note(COMPLETE, "1")
    with of.unit(write=True) as work:
        work.session.execute(delete(SearchStale))  # the fictional case's own things are not what is measured
    return time.perf_counter() - start


def real_tips(of: Process, actor: Actor, keys: ProgramKeys) -> None:
    """Tips whose words are sealed objects under custody, all with one word, so that a page of them is 20 first readings."""
    with of.unit(write=False) as work:
        sample = work.session.scalars(select(Examination.report).limit(1)).one()
        report = Examined.decode(keys.unwrap(sample))
    for number in range(REAL):
        with of.unit(write=True) as work:
            _real_tip(work, actor, keys, (number, replace(report, report=replace(report.report, text=f"gazelle number {number}"))))
        with of.unit(write=True) as work:
            work.session.execute(delete(SearchStale))


def _real_tip(work: Work, actor: Actor, keys: ProgramKeys, what: tuple[int, Examined]) -> None:
    number, report = what
    today = work.today()
    tip_id, message_id = new_id(), new_id()
    sealed = seal_text(work.vault.objects, report.report.text.encode())
    exhibit, _ = work.vault.acquire(
        work.session, Acquisition(keys.program_id, "tip_text", sealed, "message.txt", today, today, actor=actor), work.now()
    )
    values = {"receipt_lookup": new_id(), "source_recipient": "age1", "claim_key": "", "packet": b""}
    title = keys.seal("tip", "title", tip_id, report.report.text)
    work.session.add(
        Tip(id=tip_id, program_id=keys.program_id, number=f"TIP-R-{number:04d}", received_on=today, title=title, **values)  # type: ignore[arg-type]  # one type for columns of many
    )
    work.session.flush()
    work.session.add(TipMessage(id=message_id, tip_id=tip_id, seq=0, by_source=True, on_day=today))
    work.session.flush()
    recipient = work.vault.recipients.program(keys.program_id)
    work.session.add_all(
        [
            TipItem(exhibit_id=exhibit.id, tip_id=tip_id, message_id=message_id, position=0),
            Examination(exhibit_id=exhibit.id, state="done", report=wrap(report.encode(), [recipient]), indexed=True),
        ]
    )
    scope = f"exhibit:{exhibit.id}"
    with ProgramIndex(work.settings.index_folder, keys) as index:
        index.words.put(scope, [Text(scope, scope, "tip", tip_id, today, f"TIP-R-{number:04d}", report.report.text, exhibit.id)])


def note_readings(of: Process) -> None:
    """Let the newest session have read everything but the tips under real custody."""
    with of.unit(write=True) as work:
        session_id = work.session.scalars(select(StaffSession.id).order_by(StaffSession.created_at.desc()).limit(1)).one()
        real = select(TipItem.exhibit_id).join(Tip, Tip.id == TipItem.tip_id).where(Tip.number.like("TIP-R-%"))
        ids = work.session.scalars(select(Exhibit.id).where(Exhibit.program_id.is_not(None), Exhibit.id.not_in(real))).all()
        have = set(work.session.scalars(select(Reading.exhibit_id).where(Reading.session_id == session_id)))
        rows = [{"session_id": session_id, "exhibit_id": exhibit_id} for exhibit_id in ids if exhibit_id not in have]
        for start in range(0, len(rows), 5000):
            work.session.execute(insert(Reading), rows[start : start + 5000])


def fill(of: Process, actor: Actor, program_id: str, length: int) -> float:
    """Words of this length for an installation whose pages are measured already, read by the newest session; returns the seconds."""
    seconds = put_words(of, actor.keyring.program(program_id), length)
    note_readings(of)
    return seconds


def pages(actor: Actor, case_number: str) -> Iterator[Page]:
    """What is searched for, each at several words by turns."""
    month = date.today() - timedelta(days=30)
    wanted: dict[str, list[Query]] = {
        "a common word": [Query(one) for one in ("the", "of", "and")],
        "a common word, newest first": [Query("the", sort="newest")],
        "three common words": [Query("the of and"), Query("said table member")],
        "a rare word": [Query("zanzibar"), Query("quokka")],
        "a common and a rare word": [Query("the zanzibar"), Query("quokka of")],
        "a middling word": [Query(word(rank)) for rank in (300, 1000, 4000, 9000)],
        "two middling words": [Query(f"{word(40)} {word(90)}"), Query(f"{word(60)} {word(200)}")],
        "a phrase": [Query('"the of and"'), Query('"said the table"'), Query('"zanzibar quokka"')],
        "a common word without another": [Query("the -of"), Query("said -the")],
        "the beginning of a word": [Query("wab*"), Query("phar*")],
        "a word of the last month": [Query("the", first=month), Query("member names", first=month)],
        "a word in closed tips": [Query("the", states=("closed",))],
        "a word in letters, where tips are many": [Query("the", kinds=("letter",))],
        "a word in a case": [Query("the", case=case_number)],
        "a misspelt word": [Query("zanzibra"), Query("pharmcay")],
        "nothing fits": [Query("qqqqqq"), Query('"quokka zanzibar"')],
    }
    for name, queries in wanted.items():
        yield Page(f"search, {name}", [f"/search/{seal_view(actor, query)}" for query in queries])


def measure_first(of: Process, actor: Actor, rounds: int) -> Took:
    """The page of 20 tips under custody, each time in a session that has read none of them."""
    took = Took("search, 20 first readings")
    path = f"/search/{seal_view(actor, Query('gazelle', sort='newest'))}"
    for _ in range(max(rounds // 2, 2)):
        client = sign_in(of, actor)
        client.get("/search")
        shown = ask(client, of.database.engine, path, took)
        if shown.count('class="words"') != 20:
            raise RuntimeError("a page of 20 passages was wanted")
    return took


def run(settings: Settings, wanted: argparse.Namespace, say: Callable[[str], None]) -> list[dict[str, object]]:
    """Make one installation, fill it, and measure every search of it."""
    story = tell(settings, lambda _: None)
    of = open_process("console", settings)
    actor = story.actor(LOGIN)
    keys = actor.keyring.program(story.program_id)
    seed(of, actor, story.program_id, wanted.tips, lambda _: None)
    say(f"put into the index in {put_words(of, keys):.0f} s")
    real_tips(of, actor, keys)
    path = of.settings.index_folder / f"{story.program_id}.db"
    say(f"index file: {path.stat().st_size / 1e6:,.0f} MB")
    vacuum(of)
    client = sign_in(of, actor)
    note_readings(of)
    found = []
    for page in pages(actor, story.case_number):
        found.append(measure(client, of.database.engine, page, wanted.rounds))
        say(found[-1].line())
    found.append(measure_first(of, actor, wanted.rounds))
    say(found[-1].line())
    of.database.dispose()
    return [took.row() for took in found]


def tell_now(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tips", type=int, default=100_000)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    found = {}
    for database in wanted.database.split(","):
        folder = Path(tempfile.mkdtemp(prefix="tipline-bench-"))
        print(f"{database}\n{HEAD}", flush=True)
        try:
            if database == "postgres":
                with start_postgres() as url:
                    found[database] = run(Settings(data=folder / "instance", database_url=url), wanted, tell_now)
            else:
                found[database] = run(Settings(data=folder / "instance"), wanted, tell_now)
        finally:
            shutil.rmtree(folder)
    if wanted.json:
        wanted.json.write_text(json.dumps({"tips": wanted.tips, "rounds": wanted.rounds, "pages": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
