"""Every page of the public face says all it says in the language of the page; a program's own words are marked with theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from gettext import NullTranslations
from html import unescape

import pytest
from flask.testing import FlaskClient

from tests.tipline import custody_house
from tests.tipline.intake.house import SLUG, TIP, IntakeHouse, build, claim_of, come_back, field_value, multipart, post_form, words_of
from tipline import languages
from tipline.config import Settings
from tipline.languages import LANGUAGES
from tipline.models.programs import Program, ProgramTranslation

OPEN, SHUT = "\N{LEFT WHITE SQUARE BRACKET}", "\N{RIGHT WHITE SQUARE BRACKET}"
OWN = ("Northfield Scripts", "$1,000,000", "English", "Español")


class Marked(NullTranslations):
    """A catalogue in which every text is there, between brackets: what has none was not asked for."""

    def gettext(self, message: str) -> str:
        return f"{OPEN}{message}{SHUT}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{OPEN}{msgid1 if n == 1 else msgid2}{SHUT}"


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
    html = re.sub(r"<!--.*?-->|<(?:textarea|title)\b.*?</(?:textarea|title)>", " ", html, flags=re.DOTALL)
    html = re.sub(r'<(\w+)[^>]* lang="en".*?</\1>', " ", html, flags=re.DOTALL)
    said = [*re.findall(r'(?:alt|aria-label|title)="([^"]*)"', html), re.sub(r"<[^>]*>", " ", html)]
    text = unescape("  ".join(said))
    while OPEN in text:
        text = re.sub(f"{OPEN}[^{OPEN}{SHUT}]*{SHUT}", " ", text)
    for words in (*OWN, *own):
        text = text.replace(words, " ")
    text = re.sub(r"[\u0600-\u06ff]+ \d{4}", " ", text)  # a month
    return re.findall(r"[^\W\d_]{2,}[^.\n]*", text)


def add_translation(house: IntakeHouse, **texts: str) -> None:
    with house.worker.unit(write=True) as unit:
        unit.session.add(ProgramTranslation(program_id=custody_house.PROGRAM, language="es", **texts))


@pytest.mark.parametrize("path", [f"/p/{SLUG}", f"/p/{SLUG}/terms", f"/p/{SLUG}/poster", TIP, "/receipt", "/staying-anonymous", "/contact"])
def test_a_page_says_nothing_in_the_wrong_language(house: IntakeHouse, client: FlaskClient, arabic: str, path: str) -> None:
    house.set_program(contact="Telephone +1 614 555 0142", payout_place="Calder Trust pays.")
    page = client.get(arabic + path)
    assert page.status_code == 200
    assert '<html lang="ar" dir="rtl">' in page.text
    assert unmarked(page.text, f"http://127.0.0.1:8000/ar/p/{SLUG}", "http://127.0.0.1:8000", "‏") == []


def test_the_way_of_a_tip_says_nothing_in_the_wrong_language(house: IntakeHouse, client: FlaskClient, arabic: str) -> None:
    """Faults, the check, the receipt, what follows it: every page that answers a form."""
    tip = arabic + TIP
    draft = field_value(client.get(tip), "draft")
    empty = post_form(client, tip, {"draft": draft, "what": ""}, {"photo.jpg": b"\xff\xd8\xff\xe0"})
    checked = post_form(client, tip, {"draft": draft, "what": "Ω 1 2", "how": "saw"}, {"a.pdf": b"%PDF-1.7"})
    sent = client.post(f"{arabic}/p/{SLUG}/send", data={"draft": draft})
    receipt, claim = words_of(sent), claim_of(sent)
    again = client.post(tip, data=multipart({"draft": draft, "what": "Ω"}), content_type=checked.request.content_type)
    discarded = client.post(f"{arabic}/p/{SLUG}/discard", data={"draft": draft})
    come_back(client, "one two three")
    refused = client.get(f"{arabic}/conversation")
    come_back(client, receipt)
    talk = client.get(f"{arabic}/conversation")
    token = field_value(talk, "token")
    wrong = post_form(client, f"{arabic}/conversation/check", {"draft": field_value(talk, "draft"), "token": token, "what": ""})
    closed = client.post(f"{arabic}/conversation/close", data={"token": token})
    house.set_program(state="closed")
    over = client.get(tip)
    own = ("photo.jpg", "a.pdf", *receipt, claim, "kB", "bytes", "PDF", "JPEG")
    for page in (empty, checked, sent, again, discarded, refused, talk, wrong, closed, over, client.get(f"{arabic}/none")):
        assert unmarked(page.text, *own) == [], page.request.path


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
