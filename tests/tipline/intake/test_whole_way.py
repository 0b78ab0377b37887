"""The whole way of a source on every database and store: tip, reply, further message, sweep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from evidence.keys import wrap
from tests.tipline import custody_house
from tests.tipline.intake.house import IntakeHouse, build, come_back, field_value, send_message, send_tip, words_of
from tipline.config import Settings
from tipline.intake.sweeping import sweep_drafts
from tipline.intake.taking import seal_text
from tipline.intake.told import Question, Told, ToldFile
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.models.tips import Draft, ReplyFile, Send, Tip, TipItem, TipMessage
from tipline.vault import Acquisition


def _tell(house: IntakeHouse, tip: Tip, seq: int, told: Told) -> str:
    """A message of staff, as the inbox writes it; returns its id."""
    with house.worker.unit(write=True) as unit:
        to_source = wrap(told.encode(), [tip.source_recipient])
        row = TipMessage(id=new_id(), tip_id=tip.id, seq=seq, by_source=False, kind=told.kind, on_day=unit.today(), to_source=to_source)
        unit.session.add(row)
        return row.id


def _talk(house: IntakeHouse, words: list[str], tip: Tip) -> None:
    """A question that is answered, a file that is saved, a withdrawal."""
    client, data = house.client(), b"canary" * 20_000
    _tell(house, tip, 3, Told(kind="question", question=Question("Whose computer?", ("His", "Mine"))))
    with house.worker.unit(write=True) as unit:
        sealed = seal_text(unit.vault.objects, data)
        new = Acquisition(custody_house.PROGRAM, "reply_file", sealed, "a.pdf", unit.today(), unit.now())
        exhibit_id = unit.vault.acquire(unit.session, new, unit.now())[0].id
    keyfile = sealed.keyfile
    file = ToldFile("a.pdf", len(data), keyfile.object_name, keyfile.identity.secret, digest=keyfile.plaintext_digest)
    message_id = _tell(house, tip, 4, Told("Read this.", files=(file,)))
    with house.worker.unit(write=True) as unit:
        unit.session.add(ReplyFile(exhibit_id=exhibit_id, message_id=message_id, position=0))
    token = {"token": field_value(come_back(client, words), "token")}
    cookie = client.get_cookie("public-source")
    assert cookie is not None

    def choose(choice: int) -> int:
        browser = house.client()
        browser.set_cookie(cookie.key, cookie.value)
        return browser.post("/conversation/answer", data={**token, "question": "3", "choice": str(choice)}).status_code

    with ThreadPoolExecutor(4) as at_once:
        assert list(at_once.map(choose, (0, 1, 2, 1))) == [303] * 4
    assert client.post("/conversation/file", data={**token, "message": "4", "file": "0"}).data == data
    assert client.post("/conversation/withdraw", data={**token, "sure": "yes"}).status_code == 303
    rows = sorted(house.rows(TipMessage), key=lambda row: row.seq)
    assert [row.kind for row in rows] == ["message", "message", "message", "question", "message", "answer", "withdrawal"]
    assert [row.seq for row in rows if row.to_source] == []
    assert {row.read_on for row in rows if not row.by_source} == {house.clock.now.date()}
    assert house.rows(Tip)[0].talk == "withdrawn"


def test_a_tip_its_reply_and_a_further_message(every_settings: Settings) -> None:
    house = build(every_settings)
    client = house.client()
    words = words_of(send_tip(client, "He bragged.", {"a.bin": bytes(200_000), "b.txt": b"b"}))
    [tip] = house.rows(Tip)
    with house.worker.unit(write=True) as unit:
        to_source = wrap(b"Thank you.", [tip.source_recipient])
        unit.session.add(TipMessage(tip_id=tip.id, seq=1, by_source=False, on_day=unit.today(), to_source=to_source))
    page = come_back(client, words)
    assert "Thank you." in page.text
    fields = {"draft": field_value(page, "draft"), "token": field_value(page, "token"), "what": "More"}
    for _ in range(2):
        assert send_message(client, fields, {"c.txt": b"c"}).status_code == 303
    assert len(house.rows(TipItem)) == len(house.rows(CustodyEvent)) == 5
    _talk(house, words, tip)
    with house.session() as session:
        for exhibit in session.query(Exhibit).filter(Exhibit.object_name.is_not(None)):
            keyfile = house.worker.vault.open_exhibit(exhibit, house.keys)
            house.worker.vault.objects.verify(keyfile)
    house.clock.turn(days=2)
    with house.worker.unit(write=True) as unit:
        sweep_drafts(unit)
    assert house.rows(Draft) == []
    assert [row.salt for row in house.rows(Send)] == [None, None]
    house.process.database.dispose()
    house.worker.database.dispose()
