"""What a search finds, for whom, and what it leaves on record."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tipline.search import services
from tipline.search.rules import Query
from tipline.search.services import Found


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    return Desk(installation, public, console_app)


def search(desk: Desk, text: str, role: str = "investigator", **narrowed: object) -> Found:
    with desk.acting(role, write=False) as (work, actor):
        return services.search(work, actor, Query(text, **narrowed))  # type: ignore[arg-type]


def told(found: Found) -> list[tuple[str, str]]:
    return [(hit.kind, hit.where.number) for hit in found.hits]


def test_words_phrases_and_left_out_words(desk: Desk) -> None:
    one = desk.send("The invoice named a quiet harbour near Tórshavn.")
    other = desk.send("The harbour was never quiet; nobody sent an invoice.")
    assert set(told(search(desk, "harbour invoice"))) == {("tip", one), ("tip", other)}
    assert told(search(desk, '"quiet harbour"')) == [("tip", one)]
    assert told(search(desk, "harbour -torshavn")) == [("tip", other)]
    assert told(search(desk, "TORSH*")) == [("tip", one)]
    [hit] = search(desk, "torshavn").hits
    assert [part.text for part in hit.passage if part.found] == ["Tórshavn"]


def test_the_page_shows_hits_and_no_word_stands_in_its_address(desk: Desk) -> None:
    number = desk.send("A ledger <b>under</b> the zeppelin hangar.")
    browser = desk.client()
    answer = browser.post("/search", data={"text": "zeppelin"})
    assert answer.status_code == 303
    assert "zeppelin" not in answer.headers["Location"]
    page = browser.get(answer.headers["Location"])
    assert page.status_code == 200
    assert number in page.text
    assert '<mark class="phrase">zeppelin</mark>' in page.text
    assert "&lt;b&gt;under" in page.text
    assert desk.client("counsel").get(answer.headers["Location"]).status_code == 404
