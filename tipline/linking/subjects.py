"""Subjects of cases in the index: their names and identifiers are looked for in what comes in and in what came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from tipline import access
from tipline.actor import Actor, ProgramKeys
from tipline.letters.indicators import Indicator, find_indicators
from tipline.linking.names import Name, find_names, joined, names_of
from tipline.linking.suggesting import Desk, suggest
from tipline.models.desk import Subject
from tipline.models.programs import Program
from tipline.search.index import Item, ProgramIndex
from tipline.work import Work

LIMIT = 200  # subjects in one call


def take_in_subjects(work: Work, actor: Actor, program_id: str) -> int:
    """Bring new and changed subjects of a program into its index, and suggest the texts that name them.

    Call it where `work` has written nothing: it writes in a transaction of its own, under the program's row, as what was examined does.

    Returns:
        How many subjects were taken in.
    """
    seen = select(Subject.id, Subject.version).where(Subject.program_id == program_id, access.sees(actor, Subject))
    versions = dict(work.session.execute(seen).all())
    if not versions:
        return 0
    keys = actor.keyring.program(program_id)
    with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
        known = index.subjects()
    fresh = [subject_id for subject_id, version in versions.items() if known.get(subject_id) != version][:LIMIT]
    if not fresh:
        return 0
    rows = work.session.scalars(select(Subject).where(Subject.id.in_(fresh))).all()
    found = [(row.id, row.version, keys.open_json("subject", "details", row.id, row.details)) for row in rows]
    work.session.commit()
    with ProgramIndex(work.settings.index_folder, keys) as index:
        fresh_names: list[Name] = []
        for subject_id, version, details in found:
            index.put_subject(subject_id, version, identifiers_of(details))
            names = names_of(details)
            index.passages.put_names(subject_id, [(one.joined, one.said, one.form) for one in names])
            fresh_names += names
        _look_for(index, {one.joined for one in fresh_names})
    with work.database.session(write=True) as session:
        _suggest(replace(work, session=session, write=True), keys, fresh)
        session.commit()
    return len(fresh)


def _suggest(work: Work, keys: ProgramKeys, subject_ids: Sequence[str]) -> None:
    work.session.execute(select(Program.id).where(Program.id == keys.program_id).with_for_update())
    with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
        for subject_id in subject_ids:
            suggest(Desk(work, keys, index), ("subject", subject_id))


def _look_for(index: ProgramIndex, names: set[str]) -> None:
    """Look for names in every text that came before, in one pass."""
    found: list[tuple[Item, dict[str, str]]] = []
    for passage in index.passages.all() if names else ():
        together = joined(passage.words)
        held = {name for name in names if name in together}
        if held:
            found.append((passage.item, find_names(passage.words, held)))
    for item, spelt in found:
        index.passages.put_named(item, spelt)


def identifiers_of(details: dict[str, Any]) -> list[Indicator]:
    """The indicators in a subject's identifiers, one a line."""
    return [one for line in details["identifiers"] for one in find_indicators(line)]
