"""Templates hold the fixed texts of their language; all else is asked for when the page is made."""

from __future__ import annotations

from gettext import NullTranslations

import pytest
from flask import Flask, render_template
from jinja2 import DictLoader

from tipline import filters, languages
from tipline.languages import speaking
from tipline.web import App

PAGES = {
    "child.html": "{% extends 'base.html' %}{% block main %}{{ _('100%% sure') }} {{ _('%(n)s of it', n=n) }}{% endblock %}",
    "base.html": "<b>{{ _('Send') }}</b>{{ _('Send') if n else _('Back & forth') }}{% include 'part.html' %}{% block main %}{% endblock %}",
    "part.html": "{% trans %}  one\n text{% endtrans %}{{ shout(_('Send')) }}",
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
