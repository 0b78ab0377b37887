"""Indicators leave as the standards want them, with what is checked marked as such and nothing that points at a source."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.linking.linking_house import LinkingDesk, sit_down
from tipline.cases.services import PutTip, put_tip
from tipline.demo import content
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.letters.indicators import find_indicators
from tipline.linking import indicators
from tipline.linking.indicators import Indicator, Indicators, Wanted, gather_indicators
from tipline.linking.misp import TYPES, to_misp
from tipline.linking.stix import NAMES, TLP, pattern_of, to_stix
from tipline.models.operations import AuditEvent

WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
BROKEN = WALLET[:-1] + "p"
ONLY_A_TIP = "whisper@harrow-desk.example"
EVERY_KIND = {
    "bitcoin": WALLET,
    "monero": "4" + "A" * 94,
    "ethereum": "0x" + "ab" * 20,
    "email": "o'clearing@harrow-desk.example",
    "onion": "a" * 56 + ".onion",
    "tox": "AB" * 38,
    "session": "05" + "ab" * 32,
    "telegram": "@harrow_desk",
    "url": "harrow-desk.example/a?b='c\\d",
    "domain": "harrow-desk.example",
    "phone": "+12025550147",
}


def some(*rows: Indicator) -> Indicators:
    since, now = datetime(2026, 9, 4, 10, 0, 0, 123456, tzinfo=UTC), datetime(2026, 11, 22, 14, 32, 5, tzinfo=UTC)
    return Indicators("Indicators of case NS-2026-0007", "Northfield Scripts", "p" * 32, b"k" * 32, since, now, rows)


def faults(bundle: dict[str, Any]) -> list[str]:
    from stix2validator import ValidationOptions, validate_instance  # takes seconds, which every process that only collects would spend

    found = validate_instance(bundle, ValidationOptions(version="2.1", disabled=[]))
    return [str(error) for error in found.errors] + [str(warning) for warning in found.warnings]


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    """A linking desk on SQLite and disk."""
    return sit_down(installation)


@pytest.mark.parametrize("tlp", list(TLP))
def test_a_bundle_of_every_kind_is_valid_stix(tlp: str) -> None:
    rows = [Indicator(kind, normal, checksum, 3, 1, date(2026, 9, 5)) for kind, normal in EVERY_KIND.items() for checksum in ("ok", "none")]
    assert set(EVERY_KIND) == set(NAMES) == set(TYPES), "a new kind of indicator needs a pattern and a type"
    bundle = to_stix(some(*rows[::2]), tlp)
    assert faults(bundle) == []
    assert faults(to_stix(some(), tlp)) == []
    assert {one["type"] for one in bundle["objects"]} == {"marking-definition", "identity", "indicator", "report"}


def test_a_checksum_that_holds_or_fails_is_marked_in_both_forms() -> None:
    found = some(Indicator("bitcoin", WALLET, "ok"), Indicator("bitcoin", BROKEN, "fails"), Indicator("email", ONLY_A_TIP, "none"))
    stix = {one["pattern"]: one for one in to_stix(found, "amber")["objects"] if one["type"] == "indicator"}
    assert [one["labels"][1] for one in stix.values()] == ["checksum-holds", "checksum-fails", "no-checksum"]
    assert "may be mistyped or invented" in stix[pattern_of(found.rows[1])]["description"]
    misp = to_misp(found, "amber")["Event"]["Attribute"]
    assert [one["Tag"][0]["name"].split('"')[1] for one in misp] == ["checksum-holds", "checksum-fails", "no-checksum"]
    assert [one["to_ids"] for one in misp] == [True, False, True]


def test_a_misp_event_of_every_kind_is_what_misp_takes() -> None:
    found = some(*(Indicator(kind, normal, "none", 2) for kind, normal in EVERY_KIND.items()))
    written = to_misp(found, "green")
    from pymisp import MISPEvent

    event = MISPEvent()
    event.load(json.loads(json.dumps(written)))
    assert [attribute.value for attribute in event.attributes] == list(EVERY_KIND.values())
    assert {tag.name for tag in event.tags} == {"tlp:green"}
    assert event.published is False
    allowed = event.describe_types["category_type_mappings"]
    assert [one for one in written["Event"]["Attribute"] if one["type"] not in allowed[one["category"]]] == []


def test_the_same_indicator_has_the_same_id_for_the_same_program_only() -> None:
    found = some(Indicator("email", ONLY_A_TIP, "none"))
    first, second = to_stix(found, "amber"), to_stix(replace(found, made_at=datetime(2026, 12, 1, tzinfo=UTC)), "amber")
    other = to_stix(replace(found, index_key=b"o" * 32), "amber")

    def indicator(bundle: dict[str, Any]) -> dict[str, Any]:
        return next(one for one in bundle["objects"] if one["type"] == "indicator")

    assert indicator(first)["id"] == indicator(second)["id"] != indicator(other)["id"]
    assert indicator(first)["created"] == indicator(second)["created"] <= indicator(first)["modified"] < indicator(second)["modified"]
    assert first["id"] != second["id"]


def test_a_pattern_quotes_what_stands_in_it() -> None:
    assert pattern_of(Indicator("email", "a'b\\c@x.example", "none")) == "[email-addr:value = 'a\\'b\\\\c@x.example']"


# of a real desk


def take(desk: LinkingDesk, wanted: Wanted, role: str = "investigator") -> Indicators:
    with desk.acting(role) as (work, actor):
        return gather_indicators(work, actor, wanted)


def test_of_a_case_and_of_a_program_by_page_and_on_record(desk: LinkingDesk) -> None:
    desk.letter(f"{content.LETTER}\nOr send to {WALLET}".encode())
    tip = desk.send(f"He gave me {WALLET} and {ONLY_A_TIP}.")
    desk.catch_up()
    case, program = Wanted(case=desk.cases[0]), Wanted(program=desk.installation.program_id)
    of_letter = {(one.kind, one.normal) for one in find_indicators(f"{content.LETTER}\nOr send to {WALLET}")}
    assert {(one.kind, one.normal) for one in take(desk, case).rows} == of_letter
    by_value = {one.normal: one for one in take(desk, program).rows}
    assert (by_value[WALLET].texts, by_value[WALLET].letters, by_value[WALLET].checksum) == (2, 1, "ok")
    assert (by_value[ONLY_A_TIP].texts, by_value[ONLY_A_TIP].letter_on) == (1, None)
    assert {one.normal for one in take(desk, replace(program, only="checked")).rows} == {
        one.normal for one in by_value.values() if one.checksum == "ok"
    }
    assert ONLY_A_TIP not in {one.normal for one in take(desk, replace(program, only="letters")).rows}
    browser = desk.client()
    assert "Take the file" in browser.get("/linking/indicators").text
    values = {"of": f"case:{desk.cases[0]}", "only": "all", "format": "stix", "tlp": "amber"}
    answer = browser.post("/linking/indicators", data=values)
    assert answer.mimetype == "application/stix+json"
    assert re.fullmatch(r'attachment; filename="indicators-\d{4}-\d\d-\d\d.stix.json"', answer.headers["Content-Disposition"])
    assert faults(answer.get_json()) == []
    assert "Event" in browser.post("/linking/indicators", data={**values, "format": "misp"}).get_json()
    for wrong in ({"format": "csv"}, {"tlp": "blue"}, {"only": "some"}):
        assert browser.post("/linking/indicators", data={**values, **wrong}).status_code == 422, wrong
    assert browser.post("/linking/indicators", data={**values, "of": "case:NS-1999-0001"}).status_code == 404
    with desk.installation.work(write=False) as work:
        details = work.session.scalars(select(AuditEvent.detail).where(AuditEvent.act == "indicator.export")).all()
    assert f"all {len(of_letter)}" in details
    assert tip not in answer.text


def test_nothing_in_the_file_points_at_a_source(desk: LinkingDesk) -> None:
    tip = desk.send(f"He gave me {ONLY_A_TIP}.")
    desk.catch_up()
    found = take(desk, Wanted(program=desk.installation.program_id))
    since, now = found.since, datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    for written in (to_stix(replace(found, made_at=now), "amber"), to_misp(replace(found, made_at=now), "amber")):
        text = json.dumps(written)
        assert ONLY_A_TIP in text
        assert tip not in text
        days = set(re.findall(r"\d{4}-\d\d-\d\d", text)) - {"2017-01-20", now.date().isoformat(), since.date().isoformat()}
        assert days == set(), "the day of the tip, or of anything that tells it"


def test_what_a_colleague_may_not_see_is_not_among_them(desk: LinkingDesk) -> None:
    tip = desk.send(f"He gave me {ONLY_A_TIP} and {WALLET}.")
    desk.case()
    desk.catch_up()
    program = Wanted(program=desk.installation.program_id)
    assert ONLY_A_TIP in {one.normal for one in take(desk, program, "counsel").rows}
    desk.redact(tip, ONLY_A_TIP)
    assert {one.normal for one in take(desk, program, "counsel").rows} == {WALLET}, "the redacted words hold the other one only"
    assert {one.normal for one in take(desk, program).rows} == {WALLET, ONLY_A_TIP}
    with desk.acting() as (work, actor):
        put_tip(work, actor, PutTip(tip, desk.cases[0]))
    desk.close_case_to_others()
    assert take(desk, program, "counsel").rows == ()
    with pytest.raises(NotFound):
        take(desk, Wanted(case=desk.cases[0]), "counsel")


def test_who_may_take_them_and_how_many(desk: LinkingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send(f"He gave me {ONLY_A_TIP} and {WALLET}.")
    desk.catch_up()
    program = Wanted(program=desk.installation.program_id)
    for role in ("program_manager", "administrator"):
        with pytest.raises(Forbidden):
            take(desk, program, role)
    with pytest.raises(NotFound):
        take(desk, Wanted(program="0" * 32))
    monkeypatch.setattr(indicators, "MOST", 1)
    with pytest.raises(BadInput, match="more than 1"):
        take(desk, program)
