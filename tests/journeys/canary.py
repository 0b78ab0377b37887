"""A source that leaves a canary in every field of every public form, in every header, cookie, file name and address.

Nobody lists the forms: the pages are walked along their links and forms, as far as a source with a receipt and a claim code gets,
and `posted` says which routes were reached, to be compared with all that there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urljoin, urlsplit

from tests.journeys.visitor import Form, Page, Visitor

SKIPPED = ("/static/", "/log/", "/es")  # files, and the same views in another language
# what changes or ends something waits until all else on a page is done, in this order
LATER = ("/claim", "/answer", "/check", "/send", "/discard", "/withdraw", "/close")
ID = re.compile(r"[0-9a-f]{32}|\d+")
HEADERS = (
    "User-Agent",
    "Referer",
    "Accept-Language",
    "Accept",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Real-IP",
    "X-Client-IP",
    "Forwarded",
    "Via",
    "From",
    "Authorization",
    "If-None-Match",
    "X-Request-Id",
    "Traceparent",
)


@dataclass
class Planting:
    """The walk, and what it has reached.

    Args:
        visitor: a browser at the public face.
        known: what a source knows, by field name: the receipt, the claim code. It opens the way to what lies behind.
    """

    visitor: Visitor
    canary: str
    known: Mapping[str, str]
    posted: set[str] = field(default_factory=set)  # paths that took a form
    asked: set[str] = field(default_factory=set)  # paths that were asked for
    fields: set[tuple[str, str]] = field(default_factory=set)  # path and name of every field that held a canary
    _forms: set[tuple[str, str, frozenset[str]]] = field(default_factory=set)
    _number: Iterator[int] = field(default_factory=count)

    def everywhere(self) -> None:
        """Begin at the first page, and go wherever links and forms lead."""
        self._explore(self._ask("/"))

    def also(self, visitor: Visitor, receipt: str) -> None:
        """Go on where another receipt leads."""
        self.visitor = visitor
        self._explore(visitor.submit(visitor.get("/receipt"), "/receipt", {"receipt": receipt}))

    def _explore(self, page: Page) -> None:
        ways: list[tuple[str, Form | None]] = [(target, form) for form, target in forms_of(page)]
        ways += [(path, None) for path in links_of(page)]
        here = bare(urlsplit(page.url).path)
        self.asked.add(urlsplit(page.url).path)  # where a form has led to need not be asked for
        for target, form in sorted(ways, key=lambda way: rank(way[0])):
            if form is None and bare(target) not in {bare(path) for path in self.asked}:
                self._explore(self._ask(target))
            elif form is not None and (kind := (here, bare(target), names_of(form))) not in self._forms:
                self._forms.add(kind)
                self._send(page, form, target, everything=True)
                self._explore(self._send(page, form, target, everything=False))

    def _ask(self, path: str) -> Page:
        self.asked.add(path)
        self._leave_marks()
        return self.visitor.get(f"{path}?{self._value()}={self._value()}")

    def _send(self, page: Page, form: Form, target: str, *, everything: bool) -> Page:
        """Fill a form in and send it: what a person types, or `everything`, hidden fields and buttons too."""
        self._leave_marks()
        values = dict(form.fields) | form.choices
        filled = form.names if everything else form.typed
        values |= {name: self._value() for name in filled - set(form.files)}
        values |= {} if everything else {name: value for name, value in self.known.items() if name in form.names}
        files = [(name, (f"{self._value()}.txt", self._value().encode(), self._value())) for name in form.files]
        self.posted.add(urlsplit(urljoin(page.url, target)).path)
        self.fields |= {(bare(target), bare(name)) for name in [*filled, *form.files]}
        answer = self.visitor.http.post(urljoin(page.url, target), data=values, files=files or None)
        assert answer.status_code < 500, f"{target}: {answer.status_code}"
        return self.visitor.shown(answer)

    def _leave_marks(self) -> None:
        """Headers and a cookie of ours on the next request."""
        self.visitor.http.headers.update({name: self._value() for name in HEADERS})
        self.visitor.http.cookies.set("canary", self._value())

    def _value(self) -> str:
        return f"{self.canary}-{next(self._number)}"


def links_of(page: Page) -> list[str]:
    found = dict.fromkeys(urlsplit(urljoin(page.url, href)).path for href in re.findall(r'href="(/[^"]*)"', page.html))
    return [path for path in found if not path.startswith(SKIPPED)]


def rank(target: str) -> int:
    return next((number for number, word in enumerate(LATER, start=1) if word in target), 0)


def forms_of(page: Page) -> list[tuple[Form, str]]:
    found = [(form, target or page.url) for form in page.forms if form.method == "post" for target in dict.fromkeys(form.targets)]
    return [(form, target) for form, target in found if not target.startswith(SKIPPED)]


def names_of(form: Form) -> frozenset[str]:
    return frozenset(bare(name) for name in [*form.names, *form.files])


def bare(text: str) -> str:
    """A path or name without what differs from one time to the next."""
    return ID.sub("*", urlsplit(text).path)
