"""A browser without JavaScript: keeps cookies, reads the forms of a page, and sends them as a person would."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import ClassVar
from urllib.parse import urljoin

import httpx

VOID_TYPES = ("submit", "button", "image", "reset")


@dataclass
class Form:
    """One form of a page: where it goes, and what it holds as it stands."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    id: str = ""
    choices: dict[str, str] = field(default_factory=dict)  # of boxes and radio buttons: a value that can be ticked
    typed: set[str] = field(default_factory=set)  # where a person types
    targets: list[str] = field(default_factory=list)  # where it and its buttons send it


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._form: Form | None = None
        self._textarea: list[str] | None = None
        self._name = ""
        self._select = ""
        self._chosen: str | None = None
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._silent = self._silent or tag in ("style", "script")
        if tag == "form":
            self._form = Form(found.get("action", ""), found.get("method", "get").lower(), id=found.get("id", ""))
            self._form.targets.append(self._form.action)
            self.forms.append(self._form)
        if self._form is not None and "formaction" in found:
            self._form.targets.append(found["formaction"])
        if self._form is None or not (name := found.get("name", "")):
            self._option(tag, found)
            return
        self._form.names.add(name)  # a button's name too: pressing it sends its value
        if tag == "input":
            self._input(found, name)
        elif tag == "textarea":
            self._textarea, self._name = [], name
            self._form.typed.add(name)
        elif tag == "select":
            self._select, self._chosen = name, None

    def _option(self, tag: str, found: dict[str, str]) -> None:
        if tag == "option" and self._select and ("selected" in found or self._chosen is None):
            self._chosen = found.get("value", "")

    def _input(self, found: dict[str, str], name: str) -> None:
        assert self._form is not None
        kind = found.get("type", "text")
        if kind == "file":
            self._form.files.append(name)
        elif kind in ("checkbox", "radio"):
            self._form.choices.setdefault(name, found.get("value", "on"))
            if "checked" in found:
                self._form.fields.append((name, found.get("value", "on")))
        elif kind not in VOID_TYPES:
            self._form.fields.append((name, found.get("value", "")))
            if kind != "hidden":
                self._form.typed.add(name)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._silent = False
        if tag == "textarea" and self._textarea is not None and self._form is not None:
            self._form.fields.append((self._name, "".join(self._textarea).removeprefix("\n")))
            self._textarea = None
        if tag == "select" and self._select and self._form is not None:
            self._form.fields.append((self._select, self._chosen or ""))
            self._select = ""
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._textarea.append(data)
        elif not self._silent:
            self.words.append(data)


def read_html(html: str) -> tuple[list[Form], str]:
    """Return the forms of a page and its words."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms, re.sub(r"\s+", " ", " ".join(reader.words))


@dataclass
class Page:
    """What a request brought: its status, its words, and its forms."""

    url: str
    status: int
    html: str
    forms: list[Form]
    text: str
    headers: httpx.Headers

    def form(self, where: str) -> Form:
        """Return the form whose action ends with `where`."""
        for form in self.forms:
            if urljoin(self.url, form.action).split("?")[0].endswith(where):
                return form
        raise AssertionError(f"no form to {where} on {self.url}; there are {[form.action for form in self.forms]}")

    def link(self, pattern: str) -> str:
        """Return the first address on the page that matches a regular expression."""
        for href in re.findall(r'href="([^"]+)"', self.html):
            if re.search(pattern, href):
                return urljoin(self.url, href)
        raise AssertionError(f"no link like {pattern} on {self.url}")


Upload = tuple[str, bytes]
Values = dict[str, str | list[str]]


class Visitor:
    """One person at one browser."""

    opened: ClassVar[list[Visitor]] = []

    def __init__(self, origin: str, headers: dict[str, str] | None = None) -> None:
        self.http = httpx.Client(base_url=origin, follow_redirects=True, timeout=60, headers=headers or {})
        self.opened.append(self)

    @classmethod
    def all_leave(cls) -> None:
        """Close the connections of every browser that was opened."""
        while cls.opened:
            cls.opened.pop().http.close()

    def get(self, path: str) -> Page:
        return self.shown(self.http.get(path))

    def submit(
        self, page: Page, where: str, values: dict[str, str | list[str]] | None = None, files: dict[str, list[Upload]] | None = None
    ) -> Page:
        """Send a form of `page`: what stands in it, with `values` put in their place.

        A value that no field of the form takes is a fault of the test.
        """
        form = page.form(where)
        given = values or {}
        assert set(given) <= form.names, f"the form to {where} has no {set(given) - form.names}; it has {form.names}"
        data: dict[str, list[str]] = {}
        for name, value in form.fields:
            if name not in given:
                data.setdefault(name, []).append(value)
        for name, value in given.items():
            data[name] = value if isinstance(value, list) else [value]
        target = urljoin(page.url, form.action) if form.action else page.url
        if form.method == "get":
            return self.shown(self.http.get(target, params=data))
        if not form.files:
            return self.shown(self.http.post(target, data=data))
        uploads = [(name, (upload[0], upload[1])) for name, several in (files or {}).items() for upload in several]
        empty = [(name, ("", b"")) for name in form.files if name not in (files or {})]
        return self.shown(self.http.post(target, data=data, files=[*uploads, *empty]))

    def shown(self, response: httpx.Response) -> Page:
        """What an answer brought."""
        kind = response.headers.get("content-type", "")
        html = response.text if kind.startswith("text/") else ""
        forms, words = read_html(html)
        return Page(str(response.url), response.status_code, html, forms, words, response.headers)
