"""The whole way of a source on every database and store: tip, reply, further message, sweep."""

from __future__ import annotations

from evidence.keys import wrap
from tests.tipline.intake.house import build, come_back, field_value, post_form, send_tip, words_of
from tipline.config import Settings
from tipline.intake.sweeping import sweep_drafts
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.models.tips import Draft, Send, Tip, TipItem, TipMessage


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
        assert post_form(client, "/conversation/check", fields, {"c.txt": b"c"}).status_code == 303
    assert len(house.rows(TipItem)) == len(house.rows(CustodyEvent)) == 5
    with house.session() as session:
        for exhibit in session.query(Exhibit).filter(Exhibit.object_name.is_not(None)):
            keyfile = house.worker.vault.open_exhibit(exhibit, house.keys)
            house.worker.vault.objects.verify(keyfile)
    house.clock.turn(days=2)
    with house.worker.unit(write=True) as unit:
        sweep_drafts(unit)
    assert house.rows(Draft) == []
    assert [row.salt for row in house.rows(Send)] == [None, None]
    assert not [name for name in house.files() if name.endswith(".draft.age")]
    house.process.database.dispose()
    house.worker.database.dispose()
