"""What is typed to register a letter."""

from __future__ import annotations

from wtforms import StringField, TextAreaField
from wtforms.validators import Length

from tipline.cases.uploads import SHORT, HandoverForm
from tipline.letters.services import RegisterLetter

MOST_TYPED = 500_000


class LetterForm(HandoverForm):
    """A letter, as a file or as typed words."""

    addressee = StringField("Addressee", [SHORT])
    typed = TextAreaField("Or its words", [Length(max=MOST_TYPED, message=f"{MOST_TYPED:,} characters at most.")])

    def command(self) -> RegisterLetter:
        return RegisterLetter(self.handover(self.addressee.data or ""), self.typed.data or "")
