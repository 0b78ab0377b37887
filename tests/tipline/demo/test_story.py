"""The fictional case, told through the services."""

from __future__ import annotations

import csv
import json
import stat
from collections import Counter

import pytest

from tests.tipline.exports.conftest import Told, told
from tipline.cases.overview import read_case, read_head
from tipline.demo import content, files
from tipline.demo.claims import tell_claim
from tipline.demo.matters import tell_matters
from tipline.demo.story import tell
from tipline.errors import Conflict
from tipline.inbox.services import get_tip
from tipline.mapping.gathering import read_graph
from tipline.mapping.rules import Filters
from tipline.notices.checking import confirm
from tipline.notices.codes import bits_of
from tipline.policy import ROLE_NAMES
from tipline.rewards import listing
from tipline.samples.readers import read
from tipline.samples.rules import merge_people

__all__ = ["told"]  # a fixture


def test_there_are_tips_of_every_state(told: Told) -> None:
    with told.console.unit(write=False) as work:
        states = Counter(get_tip(work, told.story.actor("m.okafor"), tip.number).state for tip in told.story.tips.values())
    assert set(states) == {"new", "working", "waiting", "closed", "junk"}


def test_the_case_holds_two_letters_a_sample_and_a_tip_with_its_files(told: Told) -> None:
    with told.console.unit(write=True) as work:
        counts = read_case(work, told.story.actor("m.okafor"), told.story.case_number).head.counts
    assert (counts["letters"], counts["samples"], counts["exhibits"] >= 7) == (2, 1, True)


def test_links_were_suggested_and_those_of_the_case_confirmed(told: Told) -> None:
    with told.console.unit(write=False) as work:
        _, graph = read_graph(work, told.story.actor("m.okafor"), told.story.case_number, Filters())
    states = Counter(edge.state for edge in graph.edges)
    assert states["confirmed"] >= 2
    assert states["suggested"] >= 1


def test_the_case_has_subjects_events_and_a_decision(told: Told) -> None:
    tell_matters(told.story)
    with told.console.unit(write=False) as work:
        head = read_head(work, told.story.actor("m.okafor"), told.story.case_number)
    assert (head.counts["subjects"], head.counts["decisions"]) == (2, 1)
    assert {one.certainty for one in head.events} == {"exact", "between"}


def test_what_a_newcomer_needs_to_sign_in_is_written_for_the_owner_only(told: Told) -> None:
    data = told.story.settings.data
    people = json.loads((data / "demo-staff.json").read_text())
    assert {person["role"] for person in people} == set(ROLE_NAMES)
    for path in (data / "demo-staff.json", *(data / "demo").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_newcomer_can_check_a_letter(told: Told) -> None:
    letters = list(csv.DictReader((told.story.settings.data / "demo" / "letters.csv").read_text("utf-8-sig").splitlines()))
    assert len(letters) == 5
    with told.console.unit(write=True) as work:
        answer = confirm(work, bits_of(letters[0]["code"]))
    assert answer is not None
    assert (answer.sender, *answer.words) == (content.ORGANISATION, letters[0]["word 1"], letters[0]["word 2"])


def test_an_installation_in_use_is_left_alone(told: Told) -> None:
    with pytest.raises(Conflict, match="in use"):
        tell(told.story.settings, lambda _: None)


def test_the_sample_is_read_as_75_people() -> None:
    result = read([files.claims_837()], "records.837")
    assert len(merge_people(result.rows)) == files.MEMBERS
    assert result.coverage.per_mille > 500


def test_the_story_is_the_same_each_time() -> None:
    assert files.claims_837() == files.claims_837()
    assert content.WALLET in content.LETTER


def test_a_claim_of_the_story_waits_for_its_second_approval(told: Told) -> None:
    number = tell_claim(told.story)
    with told.console.unit(write=False) as work:
        page = listing.read_claim(work, told.story.actor("s.whitfield"), number)
    assert (page.history.standing.state, page.amount, len(page.led_to)) == ("approved_once", "$150,000", 1)
    assert page.barred == ""
