"""Labels on many tips at once: a batch costs the same few queries however many tips it holds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert

from tipline.actor import Actor
from tipline.errors import BadInput
from tipline.inbox import rules
from tipline.inbox.bulkacts import TipRow
from tipline.inbox.filters import ID
from tipline.inbox.labels import get_or_make, labels_on, words_of
from tipline.models.base import new_id
from tipline.models.tips import TipLabel
from tipline.work import Work


def word_of(work: Work, actor: Actor, value: str) -> str:
    """Return the word that a form means: that of a label's id, else what was typed.

    Raises:
        BadInput: nothing was typed, or there is no such label.
    """
    if ID.fullmatch(value):
        for program_id in actor.keyring.program_ids():
            word = words_of(work, actor.keyring.program(program_id)).get(value)
            if word is not None:
                return word
        raise BadInput("This label is not there any more.", "Choose one from the list.")
    word = rules.clean_label(value)
    if not word:
        raise BadInput("The label is empty.", "Type a word or two.", {"label": "Type a word or two."})
    return word


def carrying(work: Work, actor: Actor, rows: Sequence[TipRow], word: str) -> set[str]:
    """The ids of those tips that carry a word as a label, whatever its case."""
    found = labels_on(work, actor, {row.id: row.program_id for row in rows})
    return {tip_id for tip_id, labels in found.items() if word.casefold() in {label.word.casefold() for label in labels}}


def set_label(work: Work, actor: Actor, rows: Sequence[TipRow], word: str, *, on: bool) -> None:
    """Put a label on tips that do not carry it, or take it off those that do."""
    if on:
        ids = {held: get_or_make(work, actor, actor.keyring.program(held), word) for held in {row.program_id for row in rows}}
        values = [{"id": new_id(), "tip_id": row.id, "label_id": ids[row.program_id], "added_by": actor.staff_id} for row in rows]
        work.session.execute(insert(TipLabel), values)
        return
    found = labels_on(work, actor, {row.id: row.program_id for row in rows})
    meant = [label.id for labels in found.values() for label in labels if label.word.casefold() == word.casefold()]
    work.session.execute(delete(TipLabel).where(TipLabel.id.in_(meant)).execution_options(synchronize_session=False))
