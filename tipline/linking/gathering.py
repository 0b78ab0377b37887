"""What an exhibit brings to the index: whose it is, its words' indicators, its digest, the people in its rows.

Nothing here writes to the database, so that reading a large file never holds the writer's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import select

from evidence.errors import EvidenceError, IntegrityError
from evidence.errors import NotFound as ObjectMissing
from tipline import logs
from tipline.actor import Actor, ProgramKeys
from tipline.errors import Unsound
from tipline.inbox.lettered import lettered_words
from tipline.inbox.reading import Opened, open_exhibits
from tipline.inbox.reports import Examined, all_reports
from tipline.inbox.rules import title_of
from tipline.intake.rules import read_tip_text
from tipline.letters.indicators import Indicator, find_indicators
from tipline.letters.services import words as letter_words
from tipline.linking.phrases import plain, spelt_words
from tipline.linking.templates import marks_of as run_marks
from tipline.models.cases import Letter, Sample, SamplePerson
from tipline.models.custody import Exhibit
from tipline.models.tips import TipItem, TipMessage
from tipline.samples import formats
from tipline.samples.readers import read
from tipline.samples.rules import WEIGHTS, Person, fingerprints, merge_people
from tipline.search.index import Fingerprint, Item
from tipline.search.near import marks_of
from tipline.search.passages import Passage
from tipline.vault import shown_name
from tipline.work import Work

MOST_BYTES = 64 * 1024**2
MOST_PEOPLE = 50_000  # of one attachment
MADE_HERE = ("working_copy", "redaction")  # that these are like what they were made from tells nothing
SHORT_WORDS = 200  # bytes of a source's own words: two people may well write the same few
RECORDS = frozenset({"csv", "x12", "hl7"})
RECORD_NAMES = (".csv", ".tsv", ".txt", ".x12", ".edi", ".hl7", ".837", ".835", ".834", ".270", ".271")


@dataclass(frozen=True)
class Gathered:
    """One exhibit's part of the index. `opened` where its bytes were read for this, with `people` and `trouble` found then."""

    item: Item
    name: str
    digest: str
    length: int
    indicators: tuple[Indicator, ...] | None = None  # None: it has no words
    lettered: frozenset[tuple[str, str]] = frozenset()  # kind and normal form of those that a machine read in a picture, and nobody wrote
    opened: Opened | None = None
    event: str = ""  # the entry of the EXAMINED event that was committed before they were read
    people: tuple[Person, ...] = ()
    more_people: bool = False
    trouble: str = ""
    telling: bool = True  # equal bytes elsewhere are worth a suggestion
    title: str = ""  # for the tip, where these are its first words
    marks: tuple[int, ...] = ()  # of these words, by which nearly equal ones are found
    passage: Passage | None = None  # its words, to be compared with others'
    lettered_passage: bool = False  # they were read by a machine


def gather(work: Work, actor: Actor, exhibit_id: str, about_to_read: Callable[[Opened], str]) -> Gathered:
    """Read what an examined exhibit brings. An attachment that reads as records is opened.

    Args:
        about_to_read: records that an attachment is about to be read, and commits that; returns the event's entry.

    Raises:
        EvidenceError: something sealed of it does not open.
    """
    exhibit = work.session.get_one(Exhibit, exhibit_id)
    keys = actor.keyring.program(str(exhibit.program_id))
    facts = work.vault.facts(exhibit, keys)
    item = owner_of(work, exhibit)
    name = shown_name(facts.name)
    telling = exhibit.kind not in MADE_HERE and facts.length >= (SHORT_WORDS if exhibit.kind == "tip_text" else 1)
    found = Gathered(item, name, facts.digest, facts.length, telling=telling)
    if exhibit.state != "held" or item[0] == "sample":
        return found
    examined = all_reports(work, actor.keyring, [exhibit_id])[exhibit_id]
    found = replace(found, title=_title(work, item, exhibit, examined))
    found = replace(found, marks=marks_of(examined.report.text) if found.title else ())
    words = _words(work, keys, item, examined) if item[0] in ("tip", "letter") else None
    indicators = tuple(find_indicators(words)) if words is not None else None
    if indicators is not None and (read := lettered_words(work, actor.keyring, [exhibit_id]).get(exhibit_id)):
        indicators, found = _with_lettered(indicators, read, found)
        found, words = replace(found, lettered_passage=not words), words or read
    records = exhibit.kind == "attachment" and looks_like_records(examined, name)
    found = replace(found, passage=_passage(item, exhibit, words, records) if words else None)
    opened = None
    if records and 0 < facts.length <= MOST_BYTES:
        opened = _open(work, actor, exhibit)
    if opened is None:
        return replace(found, indicators=indicators)
    event = about_to_read(opened)
    people, trouble = _people(work, opened, name)
    kept, more = tuple(people[:MOST_PEOPLE]), len(people) > MOST_PEOPLE
    return replace(found, indicators=indicators, opened=opened, event=event, people=kept, more_people=more, trouble=trouble)


def _with_lettered(own: tuple[Indicator, ...], words: str, found: Gathered) -> tuple[tuple[Indicator, ...], Gathered]:
    """Add the indicators that a machine read in a picture, and remember which of them stand there only."""
    read = tuple(find_indicators(words))
    only = {(one.kind, one.normal) for one in read} - {(one.kind, one.normal) for one in own}
    return own + read, replace(found, lettered=frozenset(only))


def _passage(item: Item, exhibit: Exhibit, words: str, records: bool) -> Passage:
    """An exhibit's words, less those of the form that a source filled in. Rows of records and what was made here are not compared."""
    own = spelt_words(read_tip_text(words.encode("utf-8", "replace"))[0] if exhibit.kind == "tip_text" else words)
    marks = () if records or exhibit.kind in MADE_HERE else run_marks([plain(word) for word in own])
    return Passage(item, exhibit.id, tuple(own), marks)


def _open(work: Work, actor: Actor, exhibit: Exhibit) -> Opened | None:
    """Open an attachment; where row, key file and record disagree it brings no people, and its own pages say what is wrong."""
    try:
        return open_exhibits(work, actor, [exhibit])[exhibit.id]
    except (Unsound, EvidenceError) as error:
        logs.failure("an attachment was not read for links", error)
        return None


def owner_of(work: Work, exhibit: Exhibit) -> Item:
    """The thing that an exhibit belongs to: a tip, a letter, a sample, or itself."""
    tip_id = work.session.scalar(select(TipItem.tip_id).where(TipItem.exhibit_id == exhibit.id))
    if tip_id is not None:
        return "tip", tip_id
    letter_id = work.session.scalar(select(Letter.id).where(Letter.exhibit_id == exhibit.id))
    if letter_id is not None:
        return "letter", letter_id
    sample_id = work.session.scalar(select(Sample.id).where(Sample.exhibit_id == exhibit.id))
    return ("sample", sample_id) if sample_id is not None else ("exhibit", exhibit.id)


def _title(work: Work, item: Item, exhibit: Exhibit, examined: Examined) -> str:
    if exhibit.kind != "tip_text" or item[0] != "tip":
        return ""
    first = select(TipMessage.id).where(TipMessage.tip_id == item[1], TipMessage.by_source).order_by(TipMessage.seq).limit(1)
    mine = work.session.scalar(select(TipItem.message_id).where(TipItem.exhibit_id == exhibit.id))
    return title_of(examined.report.text) if mine == work.session.scalar(first) else ""


def _words(work: Work, keys: ProgramKeys, item: Item, examined: Examined) -> str:
    found = examined.report.text or examined.words
    if item[0] != "letter":
        return found
    kept = letter_words(work, keys, work.session.get_one(Letter, item[1]))
    return kept if kept == found or not found else f"{kept}\n\n{found}"


def looks_like_records(examined: Examined, name: str) -> bool:
    """Tell by what the examiner read whether it is worth opening; where it read nothing, by the name."""
    text = examined.report.text
    if text:
        return formats.sniff(text[: formats.HEAD].encode("utf-8", "replace"), name) in RECORDS
    return examined.report.state != "done" and name.lower().endswith(RECORD_NAMES)


def _people(work: Work, opened: Opened, name: str) -> tuple[list[Person], str]:
    try:
        found = read(work.vault.objects.read(opened.keyfile), name)
        return merge_people(islice(found.rows, 4 * MOST_PEOPLE)) if found.format in RECORDS else [], ""
    except (IntegrityError, ObjectMissing) as error:
        return [], str(error)


def prints_of(keys: ProgramKeys, gathered: Gathered, exhibit_id: str) -> Iterator[Fingerprint]:
    """The fingerprints of the people of an attachment; their locators name the file."""
    for number, person in enumerate(gathered.people):
        where = f"{', '.join(person.locators[:3])} of {gathered.name}"
        yield from _prints(keys, person.values, f"{exhibit_id}:{number}", where)


def prints_of_sample(work: Work, keys: ProgramKeys, sample_id: str) -> Iterator[Fingerprint]:
    """The fingerprints of the people of a registered sample; the place is the person's position."""
    query = select(SamplePerson).where(SamplePerson.sample_id == sample_id).execution_options(yield_per=500)
    for row in work.session.scalars(query):
        person = keys.open_json("sample_person", "person", row.id, row.person)
        yield from _prints(keys, person["values"], str(row.position), ", ".join(person["locators"][:3]))


def _prints(keys: ProgramKeys, values: dict[str, str], place: str, locator: str) -> Iterator[Fingerprint]:
    for kind, fingerprint in fingerprints(keys.fingerprint_key, values).items():
        if WEIGHTS[kind]:  # a name alone says nothing and would match half of the index
            yield Fingerprint(bytes.fromhex(fingerprint), kind, place, locator)
