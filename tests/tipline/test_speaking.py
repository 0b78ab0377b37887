"""Another language on the answer to any form: the same page, or the form again, with all that was typed; from each route, both ways."""

from __future__ import annotations

import errno
import functools
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, NoReturn

import pytest
from flask import request
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest, NotFound, RequestEntityTooLarge, RequestTimeout
from werkzeug.test import TestResponse

from tests.tipline.intake.house import SLUG, IntakeHouse, build, claim_of, come_back, field_value, post_form, send_tip, words_of
from tipline.config import Settings
from tipline.errors import Busy, Conflict
from tipline.intake import proofpages, site, talkpages
from tipline.intake.site import arrive
from tipline.models.tips import TipItem
from tipline.notices import publicpages

OTHER = {"en": "es", "es": "en"}
PREFIX = {"en": "", "es": "/es"}


class Page(HTMLParser):
    """What a browser knows of a page: its language, the way to the other one, and what its own form would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.language, self.link, self.button = "", "", ""
        self.form: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self._inside, self._text = False, ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = got["lang"]
        elif tag == "a" and "hreflang" in got:
            self.link = got["href"]
        elif tag == "button" and got.get("name") == "speak" and "formaction" in got:
            self.button = got["formaction"]
        elif tag == "form" and got.get("id") == "own":
            self._inside, self.form = True, got
        elif self._inside and tag == "textarea":
            self._text = got["name"]
        elif self._inside and tag == "input" and got.get("name") and (got["type"] not in ("radio", "checkbox", "file") or "checked" in got):
            self.fields[got["name"]] = got.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._text:
            self.fields[self._text] = self.fields.get(self._text, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"
        if tag == "textarea" and self._text:
            self.fields[self._text], self._text = self.fields.get(self._text, "").removeprefix("\n"), ""


def press(client: FlaskClient, answer: TestResponse) -> TestResponse:
    """Press the other language, as a browser does."""
    page = Page(answer.text)
    if page.link:
        assert not page.button
        return client.get(page.link, follow_redirects=True)
    assert page.button, f"no way to the other language on {answer.request.path}"
    fields = {"speak": "yes", **page.fields}
    if page.form.get("enctype") == "multipart/form-data":
        return post_form(client, page.button, fields, follow_redirects=True)
    return client.post(page.button, data=fields, follow_redirects=True)


@dataclass
class Walk:
    """Every form of the public face sent in one language. `there_and_back` looks at each answer at once."""

    house: IntakeHouse
    language: str
    client: FlaskClient = field(init=False)
    seen: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = self.house.client()

    def send(self, path: str, fields: dict[str, str], files: dict[str, bytes] | None = None, keeps: tuple[str, ...] = ()) -> TestResponse:
        path = PREFIX[self.language] + path
        answer = self.client.post(path, data=fields) if files is None else post_form(self.client, path, fields, files)
        endpoint, _ = self.house.app.url_map.bind("").match(path.removeprefix("/es"), method="POST")
        self.seen[endpoint] = self.seen.get(endpoint, 0) + 1
        if 300 <= answer.status_code < 400:
            return answer
        self.there_and_back(answer, keeps)
        return answer

    def there_and_back(self, answer: TestResponse, keeps: tuple[str, ...]) -> None:
        start, page = Page(answer.text).language, answer
        assert start == self.language
        for wanted in (OTHER[start], start):
            page = press(self.client, page)
            where = f"{answer.request.path} ({answer.status_code}) in {wanted}: {page.request.path} {page.status_code}"
            assert page.status_code in (200, 403, 410, 422), where
            assert Page(page.text).language == wanted, where
            assert [text for text in keeps if text not in page.text] == [], where
            assert not page.request.query_string, "what a form holds stands in no address"


@pytest.fixture
def house(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[IntakeHouse]:
    for least in ((site, "RECEIPT_SECONDS"), (talkpages, "PAGE_SECONDS"), (proofpages, "SECONDS"), (publicpages, "ANSWER_SECONDS")):
        monkeypatch.setattr(*least, 0.0)
    built = build(settings)
    built.set_program(payout_place="Calder Trust pays.", reward_most=1000)
    yield built
    built.process.database.dispose()
    built.worker.database.dispose()


def walk(house: IntakeHouse, language: str) -> Walk:
    gone = Walk(house, language)
    for kind, other in (("tip", "other"), ("report", "mail")):
        receipt, claim = _tip(gone, f"/p/{SLUG}/{kind}", other)
    _letter_and_receipt(gone)
    come_back(gone.client, receipt)
    house.publish()
    _talk(gone, claim)
    return gone


def _tip(gone: Walk, form: str, how: str) -> tuple[list[str], str]:
    top, client = form.rpartition("/")[0], gone.client
    gone.send(form, {"what": ""}, {}), gone.send(f"{top}/change", {"draft": "x"})
    draft = {"draft": field_value(client.get(form), "draft")}
    gone.send(form, {**draft, "what": "", "how": how, "who": "Her lawyer"}, {}, ("Her lawyer",) if how == "other" else ())
    typed = {**draft, "what": "Ella lo vio todo.", "how": how}
    gone.send(form, typed, {"a.txt": b"1", "empty.txt": b""}, ("Ella lo vio todo.", "a.txt"))
    gone.send(f"{top}/change", draft, keeps=("Ella lo vio todo.", "a.txt"))
    sent = client.post(f"{top}/send", data=draft)
    words, claim = words_of(sent), claim_of(sent)
    assert len(words) == 7
    gone.send(f"{top}/send", draft, keeps=(f"<li>{words[0]}</li><li>{words[1]}</li>", claim))
    gone.send(f"{top}/change", draft)
    gone.send(f"{top}/discard", draft)
    return words, claim


def _letter_and_receipt(gone: Walk) -> None:
    gone.send("/letter", {"code": "K7QD"})
    gone.send("/receipt", {"receipt": "one two three"})
    gone.there_and_back(gone.client.get(PREFIX[gone.language] + "/conversation"), ())


def _talk(gone: Walk, claim: str) -> None:
    client, form = gone.client, "/conversation"
    page = client.get(PREFIX[gone.language] + form)
    token, draft = {"token": field_value(page, "token")}, {"draft": field_value(page, "draft")}
    gone.there_and_back(page, ())
    arrived = {"en": "Your message has arrived", "es": "Su mensaje llegó"}
    sent = client.get(PREFIX[gone.language] + f"{form}?sent=yes")
    assert arrived[gone.language] in sent.text
    assert arrived[OTHER[gone.language]] in press(client, sent).text
    gone.send(f"{form}/check", {**draft, **token, "what": ""}, {})
    gone.send(f"{form}/check", {**draft, **token, "what": "555 014 2233"}, {"b.txt": b"2"}, ("555 014 2233", "b.txt"))
    gone.send(f"{form}/change", {**draft, **token}, keeps=("555 014 2233", "b.txt"))
    gone.send(f"{form}/check", {**draft, "token": "of an ended page", "what": "Lost otherwise."}, {}, ("Lost otherwise.",))
    gone.send(f"{form}/answer", {**token, "question": "1"})
    gone.send(f"{form}/file", {**token, "message": "9", "file": "0"})
    gone.send(f"{form}/send", {**draft, **token})
    gone.send(f"{form}/claim-code", token), gone.send(f"{form}/new-words", token)
    gone.house.publish()
    asked = {**token, "audience": "District Court", "nonce": "17-A"}
    gone.send(f"{form}/proof", {**asked, "claim": "ABCD"}, keeps=("District Court", "17-A"))
    gone.send(f"{form}/proof", {**asked, "claim": claim, "as": "page"}, keeps=("District Court", "17-A"))
    told = {**token, "by": "lawyer", "office": "Ames and Ames", "helped": "You closed it.", "involved": "yes"}
    gone.send(f"{form}/claim", told, keeps=("Ames and Ames", "You closed it.", 'name="involved" id="involved" value="yes" checked'))
    gone.send(f"{form}/withdraw", token)
    gone.send(f"{form}/close", token)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_answer_to_each_form_leads_to_the_other_language_with_all_that_was_typed(house: IntakeHouse, language: str) -> None:
    gone = walk(house, language)
    asked = {rule.endpoint for rule in house.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert set(gone.seen) == asked, "every route that takes a form is walked"


def broken(view: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    """A view that reads its form, then meets trouble."""

    @functools.wraps(view)
    def read_then_raise(**_: object) -> NoReturn:
        if request.mimetype == "multipart/form-data":
            arrive().close()
        else:
            assert request.form
        raise error

    return read_then_raise


TYPED = {"what": "Typed with care.", "helped": "It helped.", "audience": "A court", "nonce": "N-7", "claim": "SECRET-CODE", "code": "K7"}
TROUBLES = (
    BadRequest(),
    NotFound(),
    RequestTimeout(),
    RequestEntityTooLarge(),
    Conflict("It was changed."),
    Busy("Too much at once."),
    OSError(errno.ENOSPC, "full"),
    OperationalError("x", {}, sqlite3.OperationalError("database is locked")),
    ValueError("a fault of ours"),
)


def troubled(house: IntakeHouse, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, form: str, *errors: BaseException) -> None:
    """Send a form that meets each trouble, and look at what of it is there in the other language afterwards."""
    talk = client.get("/conversation")
    fields = {**TYPED, "token": field_value(talk, "token"), "draft": field_value(talk, "draft")}
    if form.startswith("/p/"):
        fields["draft"] = field_value(client.get(f"/p/{SLUG}/tip"), "draft")
    if form.endswith(("/send", "/change")):
        post_form(client, f"/p/{SLUG}/tip" if form.startswith("/p/") else "/conversation/check", fields, {"a.txt": b"a"})
    endpoint, _ = house.app.url_map.bind("").match(form, method="POST")
    files = {"n.txt": b"n"} if endpoint in ("intake.check", "intake.check_report", "talk.say") else None
    for error in errors:
        with monkeypatch.context() as patched:
            patched.setitem(house.app.config, "PROPAGATE_EXCEPTIONS", False)
            patched.setitem(house.app.view_functions, endpoint, broken(house.app.view_functions[endpoint], error))
            answer = post_form(client, form, fields, files) if files else client.post(form, data=fields)
        assert answer.status_code >= 400
        assert "SECRET-CODE" not in answer.text
        page = press(client, answer)
        where = f"{form} {answer.status_code}: {page.request.path} {page.status_code}"
        assert (page.status_code, Page(page.text).language) in ((200, "es"), (413, "es")), where
        kept = [name for name in KEPT.get(endpoint, ()) if TYPED[name] not in page.text]
        assert kept == [], where


KEPT = {
    **dict.fromkeys(("intake.check", "intake.check_report", "intake.change", "intake.send"), ("what",)),
    **dict.fromkeys(("talk.say", "talk.change", "talk.send"), ("what",)),
    "claims.send": ("helped",),
    "proofs.made": ("audience", "nonce"),
}


def test_a_page_of_trouble_keeps_what_the_form_held(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, a database that is busy, a fault of ours: on the page that says so the words go along, and are not sent."""
    client = house.client()
    receipt = words_of(send_tip(client))
    house.publish()
    sent = len(house.rows(TipItem))
    forms = [rule.rule.replace("<slug>", SLUG) for rule in house.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert len(forms) >= 17
    for form in forms:
        come_back(client, receipt)
        troubled(house, client, monkeypatch, form, *(TROUBLES if form == f"/p/{SLUG}/tip" else TROUBLES[-2:-1]))
    assert len(house.rows(TipItem)) == sent, "nothing was sent meanwhile"
