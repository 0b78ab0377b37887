"""Labels: one row for each word of a program, so that tips with the same label can be found without opening every row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from tipline import policy
from tipline.actor import Actor, ProgramKeys
from tipline.models.base import new_id
from tipline.models.desk import Label
from tipline.models.tips import Tip, TipLabel
from tipline.work import Work


@dataclass(frozen=True)
class Labelled:
    """A label on a tip: the row that ties both, and the word. `label_id` is None for one that was put on before labels had rows."""

    id: str
    word: str
    label_id: str | None


def labels_on(work: Work, actor: Actor, programs: dict[str, str]) -> dict[str, list[Labelled]]:
    """Return the labels of tips, in one query.

    Args:
        programs: the program of each tip, by tip id.
    """
    query = select(TipLabel, Label.name).outerjoin(Label, Label.id == TipLabel.label_id).where(TipLabel.tip_id.in_(list(programs)))
    found: dict[str, list[Labelled]] = defaultdict(list)
    for row, name in work.session.execute(query):
        found[row.tip_id].append(Labelled(row.id, _word(actor.keyring.program(programs[row.tip_id]), row, name), row.label_id))
    return {tip_id: sorted(rows, key=lambda row: row.word.casefold()) for tip_id, rows in found.items()}


def words_of(work: Work, keys: ProgramKeys) -> dict[str, str]:
    """Return every label of a program: word by id."""
    rows = work.session.execute(select(Label.id, Label.name).where(Label.program_id == keys.program_id))
    return {label_id: keys.open("label", "name", label_id, name) for label_id, name in rows}


def list_labels(work: Work, actor: Actor) -> list[tuple[str, str, str]]:
    """Return program, id and word of every label of the actor's programs, as the inbox offers them."""
    policy.require(actor, "tip.read")
    found = [
        (program_id, key, word)
        for program_id in actor.keyring.program_ids()
        for key, word in words_of(work, actor.keyring.program(program_id)).items()
    ]
    return sorted(found, key=lambda one: (one[0], one[2].casefold()))


def get_or_make(work: Work, actor: Actor, keys: ProgramKeys, word: str) -> str:
    """Return the id of a program's label with this word, whatever its case; make it where there is none."""
    for label_id, known in words_of(work, keys).items():
        if known.casefold() == word.casefold():
            return label_id
    label_id = new_id()
    sealed = keys.seal("label", "name", label_id, word)
    work.session.add(Label(id=label_id, program_id=keys.program_id, name=sealed, made_by=actor.staff_id, made_at=work.now()))
    work.session.flush()
    return label_id


def put_on(work: Work, actor: Actor, tips: Collection[Tip], word: str) -> list[Tip]:
    """Label tips with a word; those that carry it already stay as they are.

    Returns:
        The tips that did not carry it before.
    """
    present = labels_on(work, actor, {tip.id: tip.program_id for tip in tips})
    missing = [tip for tip in tips if word.casefold() not in {row.word.casefold() for row in present.get(tip.id, [])}]
    ids: dict[str, str] = {}
    for tip in missing:
        if tip.program_id not in ids:
            ids[tip.program_id] = get_or_make(work, actor, actor.keyring.program(tip.program_id), word)
        work.session.add(TipLabel(tip_id=tip.id, label_id=ids[tip.program_id], added_by=actor.staff_id))
    work.session.flush()
    return missing


def _word(keys: ProgramKeys, row: TipLabel, name: bytes | None) -> str:
    if row.label_id is not None and name is not None:
        return keys.open("label", "name", row.label_id, name)
    return keys.open("tip_label", "label", row.id, row.label or b"")
