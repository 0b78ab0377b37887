"""Flask's templates, compiled once for each language: a fixed text stands in its place then, and is not looked up word by word.

`{{ _('Send this tip') }}` becomes part of the page's own text, joined with what stands around it. Texts with values, and
templates that are not HTML, are asked for when the page is made, as anywhere.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import lru_cache
from gettext import NullTranslations
from typing import Any

import flask.templating
from jinja2 import Template, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from tipline import languages

SAYING = ("_", "gettext")


@lru_cache(maxsize=1024)
def said(catalogue: NullTranslations, text: str) -> Markup:
    """A template's own text as its catalogue has it, with values still to come: `said(...) % {}` where it takes none."""
    return Markup(catalogue.gettext(text) if text else "")  # noqa: S704  # no text of a source's or of staff


class Templates(flask.templating.Environment):
    """The environment of an app. It hands each template over to the one of the page's language, which compiles and keeps it."""

    catalogue: NullTranslations | None = None  # of such a one: the texts of its language

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # Jinja's name
    ) -> Template:
        if self.catalogue is None:
            return self._saying(languages.catalogue()).get_template(name, parent, globals)
        return super().get_template(name, parent, globals)

    def _saying(self, catalogue: NullTranslations) -> Templates:
        known: dict[NullTranslations, Templates] = self.__dict__.setdefault("_known", {})
        if catalogue not in known:
            made = self.overlay()
            made.catalogue = catalogue
            if catalogue is not languages.catalogue_of(languages.ENGLISH):
                made.bytecode_cache = None  # it would know a template by its name alone
            known[catalogue] = made
        return known[catalogue]

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The environment's own names where a template has none besides: each page goes through Jinja's chain of two name by name."""
        return super().make_globals(d) if d else self.globals

    def _generate(self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False) -> str:
        """Put the fixed texts in, then compile (Jinja's hook)."""
        escapes = self.autoescape(name) if callable(self.autoescape) else self.autoescape
        if self.catalogue is not None and escapes:
            _Texts(self.catalogue).visit(source)
        return super()._generate(source, name, filename, defer_init)


class _Texts(NodeTransformer):
    """Puts texts in the place of the calls that ask for them."""

    def __init__(self, catalogue: NullTranslations) -> None:
        self._catalogue = catalogue

    def visit_Call(self, call: nodes.Call) -> nodes.Node:
        self.generic_visit(call)
        asks = isinstance(call.node, nodes.Name) and call.node.name in SAYING
        if not asks or len(call.args) != 1 or call.kwargs or call.dyn_args or call.dyn_kwargs:
            return call
        text = call.args[0]
        if not isinstance(text, nodes.Const) or not isinstance(text.value, str):
            return call
        found = nodes.Const(str(said(self._catalogue, text.value) % {}), lineno=call.lineno, environment=call.environment)
        return nodes.MarkSafe(found, lineno=call.lineno, environment=call.environment)
