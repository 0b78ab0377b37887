"""Pages after a receipt have one size, whatever was said; long conversations are read page by page."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from evidence.keys import wrap
from tests.tipline.intake.house import IntakeHouse, come_back, field_value, send_tip, words_of
from tipline.intake import talkrules
from tipline.intake.told import Question, Told, ToldFile
from tipline.models.tips import Tip, TipMessage

ONE_SIZE = 65_536
LONGEST = "&" * (talkrules.REPLY_WEIGHT // len("&amp;"))
FILES = tuple(ToldFile("<" * 200, 2**40, "0" * 64, "x", "x/y", "z") for _ in range(10))
ASKED = Question("&" * 300, tuple(f"{at}" + "&" * 119 for at in range(8)))


def tell(house: IntakeHouse, messages: Sequence[Told], **tip: str) -> None:
    [row] = house.rows(Tip)
    first = max(message.seq for message in house.rows(TipMessage)) + 1
    with house.worker.unit(write=True) as unit:
        for name, value in tip.items():
            setattr(unit.session.get_one(Tip, row.id), name, value)
        for seq, told in enumerate(messages, first):
            to_source = wrap(told.encode(), [row.source_recipient])
            message = TipMessage(tip_id=row.id, seq=seq, by_source=False, kind=told.kind, on_day=unit.today(), to_source=to_source)
            unit.session.add(message)


@pytest.fixture
def words(client: FlaskClient) -> list[str]:
    return words_of(send_tip(client, "He bragged."))


def test_a_page_has_one_size_with_news_of_any_kind_and_none_in_each_language(house: IntakeHouse, words: list[str]) -> None:
    sizes = set()

    def look(*addresses: str) -> None:
        browser = house.client()
        come_back(browser, words)
        sizes.update(len(browser.get(address).data) for address in addresses)

    both = ("/conversation", "/es/conversation")
    look(*both, "/conversation/withdraw", "/es/conversation/withdraw")
    for told in (
        Told("News"),
        Told(kind="question", question=ASKED),
        Told(LONGEST, files=FILES),
        Told(LONGEST, "status", voucher="V" * 40),
    ):
        tell(house, [told])
        look(*both)
    tell(house, [Told("Short.")] * 70)
    look(*both)
    tell(house, [Told("We wait.", "status")], talk="paused")
    look(*both)
    tell(house, [], talk="withdrawn")
    look(*both)
    assert sizes == {ONE_SIZE}


def test_a_long_conversation_is_read_page_by_page_and_nothing_is_left_out(house: IntakeHouse, words: list[str]) -> None:
    told = [f"reply {at}: " + "x" * 3000 for at in range(25)]
    tell(house, [Told(text) for text in told])
    browser = house.client()
    page = come_back(browser, words)
    assert "There are 25 new messages for you." in page.text
    seen: list[int] = []
    while True:
        numbers = [int(number) for number in re.findall(r"reply (\d+):", page.text)]
        assert numbers == sorted(numbers)
        seen = numbers + seen
        earlier = re.search(r'href="(/conversation\?before=\d+)"', page.text)
        if earlier is None:
            break
        page = browser.get(earlier[1])
    assert seen == list(range(25))
    assert "1 item, received whole" in page.text


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 30, "²"])
def test_an_address_that_no_page_has_is_no_fault(client: FlaskClient, words: list[str], before: str) -> None:
    come_back(client, words)
    assert client.get(f"/conversation?before={before}").status_code == 200


def test_what_does_not_open_says_so(house: IntakeHouse, words: list[str], client: FlaskClient) -> None:
    tell(house, [Told("News")])
    with house.worker.unit(write=True) as unit:
        row = unit.session.query(TipMessage).filter(TipMessage.seq == 1).one()
        row.to_source = b"not an age file"
    assert "This message does not open with your receipt." in come_back(client, words).text


def test_the_same_statements_are_made_with_news_and_without(house: IntakeHouse, words: list[str]) -> None:
    def statements() -> list[str]:
        seen: list[str] = []
        engine = house.process.database.engine

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            seen.append(re.sub(r"\(\?.*?\)", "(?)", statement))

        event.listen(engine, "before_cursor_execute", note)
        try:
            page = come_back(house.client(), words)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert field_value(page, "token")
        return seen

    without = statements()
    tell(house, [Told("News"), Told(kind="question", question=ASKED), Told("More", files=FILES)])
    assert statements() == without
