"""The label of an exhibit, to print and stick on the thing or its bag: number, what it is, day, and a code that holds no secret."""

from __future__ import annotations

from dataclasses import dataclass

from evidence.label import label_pdf, label_png
from tipline import policy
from tipline.actor import Actor
from tipline.cases.overview import exhibit_title
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit
from tipline.inbox.reading import open_exhibits
from tipline.models.custody import Exhibit
from tipline.work import Work

TITLE_ON_LABEL = 40


@dataclass(frozen=True)
class Label:
    """What stands on it. `code`: number and the entry of the exhibit's first event, so that it can be compared with the log."""

    exhibit: Exhibit
    title: str
    lines: tuple[str, ...]
    code: str

    def png(self) -> bytes:
        return label_png(self.lines, self.code)

    def pdf(self) -> bytes:
        return label_pdf(self.lines, self.code)


def read_label(work: Work, actor: Actor, exhibit_id: str) -> Label:
    """Return an exhibit's label. Nothing of its content stands on it.

    Raises:
        Disposed: there is nothing to label any more.
    """
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
    title = exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)
    entry = opened.acquired.entry().hex()
    name = exhibit.number or exhibit.id[:12]
    short = title if len(title) <= TITLE_ON_LABEL else f"{title[: TITLE_ON_LABEL - 3]}..."
    lines = (name, short or rules.KINDS[exhibit.kind], f"Received {exhibit.received_on.isoformat()}", f"entry {entry[:16]}")
    return Label(exhibit, title, lines, f"{name} {entry}")
