"""Things by their names: numbers and titles, each word typed so far as it goes. For who knows what it is called and wants to be there.

Bounded whatever was typed and however many things there are: the newest that fit of each group are looked at, and no text is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tipline import policy
from tipline.actor import Actor
from tipline.search import building, rules
from tipline.search.hits import Where, visible
from tipline.search.index import ProgramIndex
from tipline.search.words import Candidate, Span
from tipline.work import Work

GROUPS = (("case", "subject", "letter", "sample"), ("tip",), ("exhibit",))  # few and often meant come first
LOOKED_AT = 40  # of each group and program: what the person may not see falls away then
CHANGED = 20  # changed things that are read first; more wait for a search


def find_named(work: Work, actor: Actor, text: str, most: int) -> list[Where]:
    """Return the newest things whose name holds a word that begins as each of the typed ones does: `most` of each group at most.

    Nothing is on record: a list shows titles too. Call it where `work` reads only, since it brings the index up to date.
    """
    policy.require(actor, "search.read")
    words = rules.words(text)[: rules.MOST_WORDS]
    if not any(len(word) >= rules.SHORTEST_BEGINNING for word in words):
        return []
    programs = sorted(actor.keyring.program_ids())
    for program_id in programs:
        building.settle(work, actor.keyring.program(program_id), CHANGED)
    found = list(_candidates(work, actor, programs, rules.begin_names(words)))
    shown: dict[str, Where] = {}
    for one in visible(work, actor, found):
        shown.setdefault(one.where.address, one.where)
    return [where for kinds in GROUPS for where in [place for place in shown.values() if place.kind in kinds][:most]]


def _candidates(work: Work, actor: Actor, programs: Sequence[str], match: str) -> Iterator[tuple[str, Candidate]]:
    for program_id in programs:
        with ProgramIndex(work.settings.index_folder, actor.keyring.program(program_id), write=False) as index:
            for kinds in GROUPS:
                ids = index.words.newest(f"{match} AND {rules.of_kinds(kinds)}", Span(), LOOKED_AT)
                yield from ((program_id, one) for one in index.words.candidates(ids))
