"""What the public face says, in the language of the page: English is in the code, other languages in catalogues.

say("We have no space for %(name)s just now.", name="photo.jpg")
say_many("one new message", "%(num)d new messages", 3)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations

LANGUAGES = {"en": "English", "es": "Español"}
ENGLISH = "en"
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)
_NONE = NullTranslations()


def language() -> str:
    """The language of the page that is being made, as in `LANGUAGES`."""
    return _language.get()


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Speak a language for a while: a request, or a message to a source."""
    token = _language.set(chosen if chosen in LANGUAGES else ENGLISH)
    try:
        yield
    finally:
        _language.reset(token)


def catalogue() -> NullTranslations:
    """The texts of the page's language."""
    return _NONE


def say(text: str, **values: object) -> str:
    """A text in the page's language, with its values put in: "%(name)s"."""
    said = catalogue().gettext(text)
    return said % values if values else said


def say_many(one: str, many: str, num: int, **values: object) -> str:
    """A text that depends on a number, which it can name as %(num)d."""
    return catalogue().ngettext(one, many, num) % {"num": num, **values}


def later(text: str) -> str:
    """Mark a text for translation where it stands; `say` it where it is used."""
    return text
