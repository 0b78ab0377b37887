"""What the public face says, in the language of the page: English is in the code, other languages in catalogues.

say("We have no space for %(name)s just now.", name="photo.jpg")
say_many("one new message", "%(num)d new messages", 3)

The language stands at the head of the address: /es/p/northfield is the Spanish page of /p/northfield. Nothing else
decides it, so a page needs no cookie and tells nobody what a browser prefers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

LANGUAGES = {"en": "English", "es": "Español"}
ENGLISH = "en"
WRITTEN_AS = {"es": "es_US"}  # dates and numbers as where the notices are read: 22 nov 2026, but $1,000,000
RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
CATALOGUES = Path(__file__).parent / "locales"
DOMAIN = "tipline"
ROOT = "tipline.root"  # in the environ: what stood before the language
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language() -> str:
    """The language of the page that is being made, as in `LANGUAGES`."""
    return _language.get()


def direction() -> str:
    """How the page's language runs: `ltr` or `rtl`, as HTML says it."""
    return "rtl" if _language.get() in RIGHT_TO_LEFT else "ltr"


def locale() -> str:
    """The locale in which the page writes dates and numbers."""
    return WRITTEN_AS.get(_language.get(), _language.get())


def prefix(of: str) -> str:
    """What a language's addresses begin with: nothing for English."""
    return "" if of == ENGLISH else f"/{of}"


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Speak a language for a while: a request, or a message to a source."""
    token = _language.set(chosen if chosen in LANGUAGES else ENGLISH)
    try:
        yield
    finally:
        _language.reset(token)


class LanguageOfAddress:
    """WSGI middleware: a language at the head of the path moves into SCRIPT_NAME, so that every address made for the page keeps it."""

    def __init__(self, app: Wsgi) -> None:
        self.app = app

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        environ[ROOT] = environ.get("SCRIPT_NAME", "")
        _, _, path = environ.get("PATH_INFO", "").partition("/")
        head, _, rest = path.partition("/")
        if head == ENGLISH or head not in LANGUAGES:
            return self.app(environ, start)
        environ["SCRIPT_NAME"] = f"{environ[ROOT]}/{head}"
        environ["PATH_INFO"] = f"/{rest}"
        with speaking(head):
            return self.app(environ, start)


@cache
def catalogue_of(of: str) -> NullTranslations:
    """The texts of a language, read once from its .po file; those of English stand in the code.

    Raises:
        FileNotFoundError: a language of `LANGUAGES` has no catalogue.
    """
    if of == ENGLISH:
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with (CATALOGUES / of / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=of))
    compiled.seek(0)
    return GNUTranslations(compiled)


def catalogue() -> NullTranslations:
    """The texts of the page's language."""
    return catalogue_of(_language.get())


def load() -> None:
    """Read every catalogue now, before there are threads that would wait for it."""
    for of in LANGUAGES:
        catalogue_of(of)


def say(text: str, **values: object) -> str:
    """A text in the page's language, with its values put in: "%(name)s". Nothing stays nothing."""
    said = catalogue().gettext(text) if text else ""
    return said % values if values else said


def say_many(one: str, many: str, num: int, **values: object) -> str:
    """A text that depends on a number, which it can name as %(num)d."""
    return catalogue().ngettext(one, many, num) % {"num": num, **values}


def later(text: str) -> str:
    """Mark a text for translation where it stands; `say` it where it is used."""
    return text
