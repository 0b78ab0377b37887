"""Flask's templates, compiled once for each language: what is fixed then stands in its place, and is not looked up word by word.

`{{ _('Send this tip') }}` and `{{ url_for('pages.contact') }}` become part of the page's own text, joined with what stands around
them. Texts and addresses with values, and templates that are not HTML, are asked for when the page is made, as anywhere.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from gettext import NullTranslations
from typing import Any

import flask.templating
from flask import has_request_context, request, url_for
from jinja2 import Template, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup
from werkzeug.routing import BuildError

from tipline import languages

SAYING = ("_", "gettext")
ADDRESS = "url_for"


@lru_cache(maxsize=1024)
def said(catalogue: NullTranslations, text: str) -> Markup:
    """A template's own text as its catalogue has it, with values still to come: `said(...) % {}` where it takes none."""
    return Markup(catalogue.gettext(text) if text else "")  # noqa: S704  # no text of a source's or of staff


@dataclass(frozen=True)
class Place:
    """What a compiled template is for: pages of one language below one address, which a call outside a request has not."""

    catalogue: NullTranslations
    root: str | None

    @classmethod
    def of_page(cls) -> Place:
        return cls(languages.catalogue(), request.script_root if has_request_context() else None)


class Templates(flask.templating.Environment):
    """The environment of an app. It hands each template over to the one of the page's place, which compiles and keeps it."""

    place: Place | None = None  # of such a one

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # Jinja's name
    ) -> Template:
        if self.place is None:
            return self._at(Place.of_page()).get_template(name, parent, globals)
        return super().get_template(name, parent, globals)

    def _at(self, place: Place) -> Templates:
        known: dict[Place, Templates] = self.__dict__.setdefault("_known", {})
        if place not in known:
            made = self.overlay()
            made.place = place
            if place != Place(languages.catalogue_of(languages.ENGLISH), ""):
                made.bytecode_cache = None  # it would know a template by its name alone
            known[place] = made
        return known[place]

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The environment's own names where a template has none besides: each page goes through Jinja's chain of two name by name."""
        return super().make_globals(d) if d else self.globals

    def _generate(self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False) -> str:
        """Put the fixed texts in, then compile (Jinja's hook)."""
        escapes = self.autoescape(name) if callable(self.autoescape) else self.autoescape
        if self.place is not None and escapes:
            _Fixed(self.place).visit(source)
        return super()._generate(source, name, filename, defer_init)


class _Fixed(NodeTransformer):
    """Puts what is fixed in the place of the calls that ask for it."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def visit_Call(self, call: nodes.Call) -> nodes.Node:
        self.generic_visit(call)
        constant = all(isinstance(value, nodes.Const) for value in (*call.args, *(pair.value for pair in call.kwargs)))
        if not isinstance(call.node, nodes.Name) or not constant or call.dyn_args or call.dyn_kwargs:
            return call
        name, values = call.node.name, [value.value for value in call.args if isinstance(value, nodes.Const)]
        if name in SAYING and len(values) == 1 and isinstance(values[0], str) and not call.kwargs:
            return nodes.MarkSafe(
                _const(call, str(said(self._place.catalogue, values[0]) % {})), lineno=call.lineno, environment=call.environment
            )
        if name == ADDRESS and self._place.root is not None:
            return self._address(call, values)
        return call

    def _address(self, call: nodes.Call, values: list[Any]) -> nodes.Node:
        try:
            return _const(call, url_for(*values, **{pair.key: pair.value.as_const() for pair in call.kwargs}))
        except BuildError:  # a page that this face has not: the template asks before it says its address
            return call


def _const(call: nodes.Call, value: str) -> nodes.Const:
    return nodes.Const(value, lineno=call.lineno, environment=call.environment)
