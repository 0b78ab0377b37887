"""Templates hold the fixed texts of their language; all else is asked for when the page is made."""

from __future__ import annotations

from gettext import NullTranslations

import pytest
from flask import Flask, render_template, url_for
from jinja2 import DictLoader
from werkzeug.routing import BuildError

from tipline import filters, languages
from tipline.languages import speaking
from tipline.web import ADDRESSES_KEPT, App

PAGES = {
    "child.html": "{% extends 'base.html' %}{% block main %}{{ _('100%% sure') }} {{ _('%(n)s of it', n=n) }}{% endblock %}",
    "base.html": "<b>{{ _('Send') }}</b>{{ _('Send') if n else _('Back & forth') }}{% include 'part.html' %}{% block main %}{% endblock %}",
    "part.html": "{% trans %}  one\n text{% endtrans %}{{ shout(_('Send')) }}",
    "ways.html": "{{ url_for('home', _anchor='a&b') }} {% if there %}{{ url_for('away') }}{% endif %}{{ url_for('page', name=n) }}",
    "letter.txt": "{{ _('Back & forth') }} {{ n }}",
}


class Loud(NullTranslations):
    """Says everything in capitals."""

    def gettext(self, message: str) -> str:
        return message.upper().replace("%(N)S", "%(n)s")


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Flask:
    loud, plain = Loud(), languages.catalogue_of(languages.ENGLISH)
    monkeypatch.setattr(languages, "catalogue", lambda: loud if languages.language() == "es" else plain)
    app = App("pages")
    app.jinja_env.loader = DictLoader(PAGES)
    filters.install(app)
    app.add_url_rule("/", "home")
    app.add_url_rule("/page/<name>", "page")
    app.jinja_env.globals["shout"] = lambda text: text + "!"
    return app


def page(app: Flask, name: str, language: str) -> str:
    with app.test_request_context(), speaking(language):
        return render_template(name, n="<i>")


@pytest.mark.parametrize("again", [False, True])
def test_each_language_has_its_texts_whatever_was_asked_for_before(app: Flask, again: bool) -> None:
    if again:
        page(app, "child.html", "es")
    assert page(app, "child.html", "en") == "<b>Send</b>Sendone textSend!100% sure &lt;i&gt; of it"
    assert page(app, "child.html", "es") == "<b>SEND</b>SENDONE TEXTSEND!100% SURE &lt;i&gt; OF IT"


def test_what_is_no_page_is_not_escaped(app: Flask) -> None:
    assert page(app, "letter.txt", "en") == "Back & forth <i>"
    assert page(app, "letter.txt", "es") == "BACK & FORTH <i>"


def test_fixed_texts_are_not_looked_up_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    first = page(app, "base.html", "es")
    monkeypatch.setattr(Loud, "gettext", lambda _self, _text: "looked up")
    assert page(app, "base.html", "es") == first


def ways(app: Flask, root: str, **values: object) -> str:
    with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": root}):
        return render_template("ways.html", n="<i>", **values)


def test_addresses_are_those_of_the_page_that_asks(app: Flask) -> None:
    for root in ("", "/es", "/below/es", ""):
        assert ways(app, root) == f"{root}/#a&amp;b {root}/page/%3Ci%3E"


def test_an_address_that_this_face_has_not_is_a_fault_only_where_it_is_said(app: Flask) -> None:
    assert ways(app, "", there=False)
    with pytest.raises(BuildError):
        ways(app, "", there=True)


def test_addresses_of_long_values_are_not_remembered(app: Flask) -> None:
    with app.test_request_context("/"):
        for name in ("n" * 64, "n" * 65):
            assert url_for("page", name=name) == f"/page/{name}"
    kept = app._addresses  # type: ignore[attr-defined]
    assert list(kept.values()) == [f"/page/{'n' * 64}"]


def test_a_stranger_who_makes_up_addresses_takes_no_memory(app: Flask) -> None:
    with app.test_request_context("/"):
        for number in range(ADDRESSES_KEPT + 10):
            assert url_for("page", name=str(number)) == f"/page/{number}"
    assert len(app._addresses) <= ADDRESSES_KEPT  # type: ignore[attr-defined]
