"""What a source sees of a message before it is sent: what in its words and files may lead to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tipline.intake import rules, tells
from tipline.intake.parts import Part
from tipline.intake.receipt import receipts_in
from tipline.intake.services import DraftState


@dataclass(frozen=True)
class Checked:
    """For the page before Send. `tells` and `often` are by part: what was found in it, what its kind often carries."""

    parts: tuple[Part, ...]
    as_is: Collection[str]
    found: list[str]  # addresses and numbers in the words
    receipts: list[str]  # receipts and claim codes in the words
    tells: Mapping[str, list[str]]
    often: Mapping[str, list[str]]

    @property
    def says_something(self) -> bool:
        """Whether there is anything to look at before sending."""
        return bool(self.parts or self.found or self.receipts)


def check(state: DraftState) -> Checked:
    """Read a draft, whose parts were looked into, for its page."""
    return Checked(
        state.parts,
        state.answers.as_is,
        rules.identifying_text(state.answers.what),
        list(receipts_in(state.answers.what)),
        {part.id: tells.lines(part.tells) for part in state.parts},
        {part.id: tells.what_a_file_tells(part.media_type) for part in state.parts},
    )
