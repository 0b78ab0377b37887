"""The language of the public face: it stands in the address, every page keeps it, and every text is there in it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from tests.tipline.intake.house import SLUG, TIP, IntakeHouse, build
from tipline import languages
from tipline.config import Settings
from tipline.languages import LANGUAGES, LanguageOfAddress, say, say_many, speaking

PAGES = ("/", f"/p/{SLUG}", f"/p/{SLUG}/terms", TIP, "/receipt", "/staying-anonymous", "/contact")


@pytest.fixture
def house(settings: Settings) -> IntakeHouse:
    return build(settings)


@pytest.fixture
def client(house: IntakeHouse) -> FlaskClient:
    return house.client()


def links(html: str) -> list[str]:
    return [unescape(one) for one in re.findall(r"""(?:href|action)="([^"]*)\"""", html)]


def switches(html: str) -> dict[str, str]:
    """Language and address of each way to the same page in another language: a link, or a button of the page's form."""
    nav = html[html.index("<nav") : html.index("</nav>")]
    ways = re.findall(r'<(?:a|button) [^>]*?(?:href|formaction)="([^"]*)"[^>]*? lang="([^"]*)"', nav)
    return {language: unescape(address) for address, language in ways}


@pytest.mark.parametrize("path", PAGES)
def test_the_head_of_the_address_is_the_language_and_all_links_keep_it(client: FlaskClient, path: str) -> None:
    answer = client.get("/es" + path, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.headers["Content-Language"] == "es"
    assert '<html lang="es" dir="ltr">' in answer.text
    own = [link for link in links(answer.text) if link.startswith("/") and "hreflang" not in link]
    english = set(switches(answer.text).values())
    assert len(english) == 1
    assert [link for link in own if not link.startswith("/es/") and link not in english] == []
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", PAGES)
def test_each_page_leads_to_itself_in_the_other_language_and_back(client: FlaskClient, path: str) -> None:
    path = client.get(path, follow_redirects=True).request.path
    english = client.get(path)
    assert english.headers["Content-Language"] == "en"
    assert '<html lang="en" dir="ltr">' in english.text
    (spanish,) = switches(english.text).values()
    assert spanish == "/es" + path
    assert f'<link rel="alternate" hreflang="es" href="{spanish}">' in english.text
    assert switches(client.get(spanish).text) == {"en": path}


def test_the_first_page_has_an_address_without_a_stroke_too(client: FlaskClient) -> None:
    assert client.get("/es").headers["Location"] == client.get("/es/").headers["Location"] == f"/es/p/{SLUG}"


@pytest.mark.parametrize("path", ["/esp", "/en/p/northfield", "/fr/", "/es/es/", "/p/es/x"])
def test_what_only_looks_like_a_language_is_an_address_that_is_not_there(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_page_that_is_not_there_leads_to_the_first_one(client: FlaskClient) -> None:
    doubled = client.get("/es//elsewhere.example/a")
    assert switches(doubled.text) == {"en": "/"}, "never an address of another host"
    missing = client.get("/es/nothing")
    assert missing.status_code == 404
    assert "Aquí no hay nada" in missing.text
    assert switches(missing.text) == {"en": "/"}


def test_a_query_goes_along_and_cannot_break_out(client: FlaskClient) -> None:
    answer = client.get('/receipt?a="><b>')
    assert "<b>" not in answer.text
    assert switches(answer.text)["es"].startswith("/es/receipt?a=")


def test_no_header_and_no_cookie_decides_the_language(client: FlaskClient) -> None:
    client.set_cookie("language", "es")
    assert client.get("/receipt", headers={"Accept-Language": "es"}).text == client.get("/receipt").text


def test_the_receipt_leads_back_to_its_language(client: FlaskClient) -> None:
    answer = client.post("/es/receipt", data={"receipt": "one two three"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/es/conversation")
    assert "Path=/;" in answer.headers["Set-Cookie"] + ";", "both languages are one conversation"


def test_a_language_from_right_to_left_turns_the_page(monkeypatch: pytest.MonkeyPatch, client: FlaskClient) -> None:
    monkeypatch.setitem(LANGUAGES, "ar", "العربية")
    english = languages.catalogue_of(languages.ENGLISH)
    monkeypatch.setattr(languages, "catalogue_of", lambda of: english)
    page = client.get("/ar/receipt")
    assert '<html lang="ar" dir="rtl">' in page.text
    assert switches(page.text) == {"en": "/receipt", "es": "/es/receipt"}


def test_a_language_is_spoken_for_a_while_and_unknown_ones_are_english() -> None:
    with speaking("es"):
        assert say("Use your receipt") == "Usar su recibo"
        with speaking("tlh"):
            assert say("Use your receipt") == "Use your receipt"
        assert languages.language() == "es"
    assert languages.language() == "en"


def test_nothing_stays_nothing_and_values_are_put_in() -> None:
    with speaking("es"):
        assert say("") == "", "the catalogue's head stands under the empty text"
        assert say("%(organisation)s tip line", organisation="100 % <b>") == "Línea de pistas de 100 % <b>"
        assert say_many("%(num)d word", "%(num)d words", 2) == "2 words"


def heard(path: str, script: str = "") -> tuple[str, dict[str, Any]]:
    """What an application behind the middleware sees: the language, and the request."""
    seen: list[str] = []

    def app(_environ: dict[str, Any], _start: object) -> list[bytes]:
        seen.append(languages.language())
        return []

    environ = {"SCRIPT_NAME": script, "PATH_INFO": path}
    LanguageOfAddress(app)(environ, lambda *_: None)
    assert languages.language() == "en", "nothing is left over for the next request of this thread"
    return seen[0], environ


@given(
    st.lists(st.sampled_from(["es", "en", "p", "", "ES", "es-x", "..", "\u00e9"]), max_size=4).map("/".join), st.sampled_from(["", "/tips"])
)
def test_whatever_the_path_nothing_of_it_is_lost(rest: str, script: str) -> None:
    path = f"/{rest}"
    language, environ = heard(path, script)
    spanish = path.split("/")[1] == "es"
    assert language == ("es" if spanish else "en")
    assert environ["SCRIPT_NAME"] == script + ("/es" if spanish else "")
    assert environ["SCRIPT_NAME"] + environ["PATH_INFO"] == script + ("/es/" if path == "/es" else path)
    assert environ["PATH_INFO"].startswith("/")


def test_requests_at_the_same_time_each_speak_their_own_language() -> None:
    together = Barrier(2, timeout=10)

    def app(_environ: dict[str, Any], _start: object) -> list[bytes]:
        together.wait()
        said = say("Use your receipt")
        together.wait()
        return [said.encode()]

    middle = LanguageOfAddress(app)
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(lambda path: b"".join(middle({"PATH_INFO": path}, lambda *_: None)).decode(), ["/es/receipt", "/receipt"])
        assert list(both) == ["Usar su recibo", "Use your receipt"]
