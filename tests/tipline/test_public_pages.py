"""Every page of the public face says all it says in the language of the page; a program's own words are marked with theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from gettext import GNUTranslations, NullTranslations
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.tipline import custody_house
from tests.tipline.intake.house import SLUG, TIP, IntakeHouse, build, claim_of, come_back, field_value, post_form, words_of
from tipline import languages
from tipline.config import Settings
from tipline.languages import LANGUAGES
from tipline.models.programs import Program, ProgramTranslation

OPEN, SHUT = "\N{LEFT WHITE SQUARE BRACKET}", "\N{RIGHT WHITE SQUARE BRACKET}"
OWN = ("Northfield Scripts", "$1,000,000", "English", "Español")
NAMES = (f"http://127.0.0.1:8000/ar/p/{SLUG}", "http://127.0.0.1:8000", "photo.jpg", "a.pdf", "kB", "MB", "GB", "bytes", "PDF", "JPEG")


class Marked(NullTranslations):
    """A catalogue in which every text is there, between brackets: what has none, its values too, was not asked for."""

    def gettext(self, message: str) -> str:
        return OPEN + re.sub(r"(%\(\w+\)[a-z])", rf"{SHUT}\1{OPEN}", message) + SHUT

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.fixture
def house(settings: Settings) -> Iterator[IntakeHouse]:
    built = build(settings)
    yield built
    built.process.database.dispose()
    built.worker.database.dispose()


@pytest.fixture
def client(house: IntakeHouse) -> FlaskClient:
    return house.client()


@pytest.fixture
def arabic(monkeypatch: pytest.MonkeyPatch) -> str:
    """A language from right to left, whose catalogue only marks what was looked up."""
    monkeypatch.setitem(LANGUAGES, "ar", "العربية")
    marked = Marked()
    monkeypatch.setattr(languages, "catalogue", lambda: marked)
    return "/ar"


def unmarked(html: str, *own: str) -> list[str]:
    """Words that a page says outside the brackets: neither the program's own, nor what the source typed, nor a date."""
    html = re.sub(r"<!--.*?-->|<(?:textarea|title|code)\b.*?</(?:textarea|title|code)>", " ", html, flags=re.DOTALL)
    html = re.sub(r'<(\w+)[^>]* lang="en".*?</\1>', " ", html, flags=re.DOTALL)
    said = [*re.findall(r'(?:alt|aria-label|title)="([^"]*)"', html), re.sub(r"<[^>]*>", " ", html)]
    text = unescape("  ".join(said))
    while OPEN in text:
        text = re.sub(f"{OPEN}[^{OPEN}{SHUT}]*{SHUT}", " ", text)
    text = re.sub(r"\btipline-[0-9a-f]{8}\b|\bSHA256:\S+|\b[0-9a-f]{4}(?: [0-9a-f]{4})+\b", " ", text)  # the log's name, digests
    for words in (*OWN, *own):
        text = text.replace(words, " ")
    text = re.sub(r"[\u0600-\u06ff]+ \d{4}", " ", text)  # a month
    return re.findall(r"[^\W\d_]{2,}[^.\n]*", text)


def add_translation(house: IntakeHouse, **texts: str) -> None:
    with house.worker.unit(write=True) as unit:
        unit.session.add(ProgramTranslation(program_id=custody_house.PROGRAM, language="es", **texts))


ALONE = ("/letter", "/receipt", "/staying-anonymous", "/contact")  # pages that need nothing before them
OF_A_PROGRAM = tuple(f"/p/{SLUG}{end}" for end in ("", "/terms", "/poster", "/tip", "/report"))
AFTER_A_RECEIPT = tuple(f"/conversation{end}" for end in ("", "/claim", "/proof", "/withdraw"))
NO_PAGES = {
    "/log/<path:tile>",
    "/log/checkpoint",
    "/log/key",
    "/p/<slug>/poster/<any(web, onion):kind>.png",
    "/static/<path:filename>",
    "/verify.py",
}


def test_every_page_that_can_be_asked_for_is_looked_at_here(house: IntakeHouse) -> None:
    asked = {rule.rule for rule in house.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert asked - NO_PAGES - {"/"} == {path.replace(SLUG, "<slug>") for path in (*ALONE, *OF_A_PROGRAM, *AFTER_A_RECEIPT)}


@dataclass
class Walk:
    """All that the public face answers to one source, and what on it is neither ours to translate nor English."""

    pages: list[TestResponse]
    own: tuple[str, ...]


def walk(house: IntakeHouse, client: FlaskClient, prefix: str) -> Walk:
    """Go every way there is: pages, faults, the check, the receipt, a claim, a proof, a withdrawal, a program that has closed."""
    house.set_program(contact="Telephone +1 614 555 0142", payout_place="Calder Trust pays.", reward_most=1000)
    pages = [client.get(prefix + path) for path in (*ALONE, *OF_A_PROGRAM, "/none")]
    pages += [client.post(f"{prefix}/letter", data={"code": "K7QD"}), *_send(client, f"{prefix}/p/{SLUG}/report")]
    sent = _send(client, prefix + TIP)
    receipt, claim = words_of(sent[2]), claim_of(sent[2])
    come_back(client, "one two three")
    pages += [*sent, client.get(f"{prefix}/conversation")]
    come_back(client, receipt)
    pages += [client.get(prefix + path) for path in AFTER_A_RECEIPT]
    house.publish()
    talk, *rest = [client.get(prefix + path) for path in AFTER_A_RECEIPT]
    token, draft = {"token": field_value(talk, "token")}, {"draft": field_value(talk, "draft")}
    pages += [talk, *rest, post_form(client, f"{prefix}/conversation/check", {**draft, **token, "what": ""})]
    pages.append(post_form(client, f"{prefix}/conversation/check", {**draft, **token, "what": ""}, {"photo.jpg": b"\xff\xd8\xff" * 9}))
    pages += [client.post(f"{prefix}/conversation/{form}", data=token) for form in ("claim", "proof", "withdraw")]
    pages.append(client.post(f"{prefix}/conversation/proof", data={**token, "claim": claim, "as": "page"}))
    client.post(f"{prefix}/conversation/withdraw", data={**token, "sure": "yes", "confirm": "yes"})
    pages += [client.get(f"{prefix}/conversation"), client.post(f"{prefix}/conversation/close", data=token)]
    house.set_program(state="closed")
    pages += [client.get(prefix + TIP), client.get(f"{prefix}/p/{SLUG}")]
    return Walk(pages, tuple(word for page in pages for word in (*words_of(page), claim_of(page)) if word))


def _send(client: FlaskClient, form: str) -> list[TestResponse]:
    draft = field_value(client.get(form), "draft")
    empty = post_form(client, form, {"draft": draft, "what": ""}, {"photo.jpg": b"\xff\xd8\xff\xe0"})
    checked = post_form(client, form, {"draft": draft, "what": "Ω 1 2 614 555 0142", "how": "saw"}, {"a.pdf": b"%PDF-1.7"})
    sent = client.post(form.rpartition("/")[0] + "/send", data={"draft": draft})
    again = post_form(client, form, {"draft": draft, "what": "Ω"})
    return [empty, checked, sent, again, client.post(form.rpartition("/")[0] + "/discard", data={"draft": draft})]


def test_no_page_says_anything_in_the_wrong_language(house: IntakeHouse, client: FlaskClient, arabic: str) -> None:
    """Every text of every page is one that was looked up in the catalogue."""
    gone = walk(house, client, arabic)
    for page in gone.pages:
        assert '<html lang="ar" dir="rtl">' in page.text, page.request.path
        left = unmarked(page.text, *gone.own, *NAMES)
        assert left == [], f"{page.request.path}: {left}"


def test_spanish_pages_hold_no_english(house: IntakeHouse, client: FlaskClient) -> None:
    """The same with the real catalogue: no English text that has a Spanish one stands on a Spanish page."""
    add_translation(house, title="¿Quién?", incident="Llegó.", helps_most="Todo", reward_terms="Dos.", contact="Mesa", payout_place="Banco")
    spanish = languages.catalogue_of("es")
    assert isinstance(spanish, GNUTranslations)
    catalogue: dict[object, str] = spanish._catalog
    english = {key for key, said in catalogue.items() if isinstance(key, str) and len(key) > 12 and key != said and "%" not in key}
    assert len(english) > 300
    for page in walk(house, client, "/es").pages:
        assert '<html lang="es" dir="ltr">' in page.text, page.request.path
        said = unescape(re.sub(r"<!--.*?-->", "", page.text, flags=re.DOTALL))
        assert [text for text in english if text in said] == [], page.request.path


def test_a_text_that_is_not_translated_is_shown_in_its_own_language_and_said_so(house: IntakeHouse, client: FlaskClient) -> None:
    english, spanish = f"/p/{SLUG}", f"/es/p/{SLUG}"
    said = "Northfield Scripts wrote some of the words below in English only."
    assert said not in client.get(english).text
    page = client.get(spanish).text
    assert "Northfield Scripts escribió algunas de las palabras de abajo solo en inglés." in page
    assert '<h1 lang="en" dir="ltr">Who stole our members&#39; prescription records?</h1>' in page
    add_translation(house, title="¿Quién robó los registros?")
    page = client.get(spanish).text
    assert "<h1>¿Quién robó los registros?</h1>" in page
    assert '<p lang="en" dir="ltr">We have not paid.</p>' in page
    assert "Who stole" not in page
    assert "Quién robó" not in client.get(english).text


def test_when_all_is_translated_the_page_does_not_speak_of_it(house: IntakeHouse, client: FlaskClient) -> None:
    add_translation(house, title="¿Quién?", incident="Llegó una carta.", helps_most="Quién la escribió", reward_terms="Dos personas.")
    for path in (f"/es/p/{SLUG}", f"/es/p/{SLUG}/terms", f"/es/p/{SLUG}/poster"):
        page = client.get(path).text
        assert "solo en inglés" not in page
        assert 'lang="en" dir' not in page
        assert "Who" not in page
    assert "¿Quién?" in client.get("/es/contact").text


def test_many_programs_are_listed_in_the_pages_language_with_one_query(house: IntakeHouse, client: FlaskClient) -> None:
    with house.worker.unit(write=True) as unit:
        first = unit.session.get_one(Program, custody_house.PROGRAM)
        copied = {column.name: getattr(first, column.name) for column in Program.__table__.columns}
        unit.session.add(Program(**{**copied, "id": "b" * 32, "slug": "second", "title": "Second?"}))
    add_translation(house, title="¿Primero?")
    page = client.get("/es/").text
    assert "¿Primero?" in page
    assert '<a href="/es/p/second" lang="en" dir="ltr">Second?</a>' in page


def test_dates_are_written_as_the_language_writes_them(house: IntakeHouse, client: FlaskClient) -> None:
    day = house.rows(Program)[0].notice_on
    months = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic")
    assert f"{day.day} {months[day.month - 1]} {day.year}" in client.get(f"/es/p/{SLUG}").text
    assert f"{day.day} {day:%b} {day.year}" in client.get(f"/p/{SLUG}").text


def test_the_notice_names_who_speaks_for_us_only_where_the_program_does(house: IntakeHouse, client: FlaskClient) -> None:
    assert "Official contact points" not in client.get(f"/p/{SLUG}").text
    assert "Only through this site." in client.get("/contact").text
    house.set_program(contact="Telephone +1 614 555 0142\n\nThe desk at Main Street")
    for path in (f"/p/{SLUG}", "/contact"):
        page = client.get(path).text
        assert "<li>Telephone +1 614 555 0142</li>\n<li>The desk at Main Street</li>" in page


def test_the_terms_say_how_claims_are_judged(house: IntakeHouse, client: FlaskClient) -> None:
    page = client.get(f"/p/{SLUG}/terms").text
    assert all(
        words in page for words in ("in the order in which the tips came", "Two other people must agree", "shared", "What is not paid")
    )
    assert "Claims can be made until" not in page


def test_the_poster_carries_the_address_in_words_and_as_a_picture(house: IntakeHouse, client: FlaskClient) -> None:
    page = client.get(f"/es/p/{SLUG}/poster").text
    assert f"<b>http://127.0.0.1:8000/es/p/{SLUG}</b>" in page
    picture = client.get(f"/es/p/{SLUG}/poster/web.png")
    assert picture.mimetype == "image/png"
    assert picture.data.startswith(b"\x89PNG\r\n\x1a\n")
    assert picture.data != client.get(f"/p/{SLUG}/poster/web.png").data, "each language has its own address"
    assert client.get(f"/p/{SLUG}/poster/onion.png").status_code == 404
    assert client.get("/p/elsewhere/poster/web.png").status_code == 404


def test_the_poster_carries_the_onion_address_where_there_is_one(settings: Settings) -> None:
    onion = "http://" + "a" * 56 + ".onion"
    house = build(settings.model_copy(update={"onion_origin": onion}))
    page = house.client().get(f"/p/{SLUG}/poster").text
    assert f"<b>{onion}/p/{SLUG}</b>" in page
    assert house.client().get(f"/p/{SLUG}/poster/onion.png").status_code == 200
