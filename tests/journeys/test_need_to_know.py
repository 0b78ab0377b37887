"""A member of one case gets nothing of another: every route with an id, every list, on the fictional case closed to its members.

Counsel, who holds the program's key, is no member. Each address that leads to something of the case answers them as it answers an id
that is nobody's, whatever they send; nothing changes; and no list, queue, search or file says a number or title of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.journeys.test_strangers_and_roles import API, WHAT_A_FORM_SAYS, Request, numbered, token_of
from tests.journeys.world import World, told
from tipline import routes
from tipline.accounts import rules as account_rules
from tipline.cases import members, overview
from tipline.config import Settings
from tipline.models.cases import CaseFile, Export, Letter, Link, Sample
from tipline.models.custody import Disposition, Exhibit, Hold, Transfer
from tipline.models.desk import Note, SecondPerson, Subject, Task
from tipline.models.rewards import RewardClaim
from tipline.models.tips import Tip

OUTSIDER = "counsel"
OF_THE_PROGRAM = frozenset({"program_id", "staff_id", "sweep_id", "list_id", "proposal_id", "restoration_id", "session_id", "key_id"})
ONE_S_OWN = frozenset({"token_id", "token", "view", "view_id", "act_id", "filename"})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The story; its case is closed, and all its tips are in it."""
    with told(Settings(data=tmp_path_factory.mktemp("needed") / "instance")) as world:
        lead = world.story.actor("m.okafor")
        with world.inside.work() as work:
            case = work.session.scalars(select(CaseFile).where(CaseFile.number == world.story.case_number)).one()
            case.lead_id = lead.staff_id
            for model in (Tip, Letter, Sample, Subject):
                for row in work.session.scalars(select(model).where(model.program_id == case.program_id)):
                    row.case_id = case.id
            for row in work.session.scalars(select(Exhibit).where(Exhibit.program_id == case.program_id, Exhibit.number.is_not(None))):
                row.case_id = case.id
        with world.inside.work() as work:
            members.set_access(work, lead, world.story.case_number, "members")
        yield world


@pytest.fixture(scope="module")
def ids(world: World) -> dict[str, str]:
    """An id or number of the closed case for every part of an address."""
    with world.inside.work(write=False) as work:
        found = {
            "link_id": select(Link.id),
            "exhibit_id": select(Exhibit.id).join(Transfer, Transfer.exhibit_id == Exhibit.id),
            "transfer_id": select(Transfer.id),
            "export_id": select(Export.id),
            "hold_id": select(Hold.id),
            "disposition_id": select(Disposition.id),
            "request_id": select(SecondPerson.id),
            "note_id": select(Note.id),
            "task_id": select(Task.id),
            "thing_id": select(Tip.id),
            "letter": select(Letter.number),
            "sample": select(Sample.number),
            "subject": select(Subject.number),
            "claim": select(RewardClaim.number),
            "tip": select(Tip.number).where(Tip.number == world.story.tips[0].number),
        }
        values = {name: str(work.session.scalars(query.limit(1)).one()) for name, query in found.items()}
    return {**values, "case": world.story.case_number, "kind": "tip", "seq": "1", "name": "x", "language": "es"}


def requests_of(world: World, ids: dict[str, str]) -> list[Request]:
    """Every route and method whose address names something of the case."""
    addresses, found = world.console.url_map.bind("localhost"), []
    form = {**WHAT_A_FORM_SAYS, "case": ids["case"], "tip": ids["tip"], "exhibits": ids["exhibit_id"]}
    for rule in world.console.url_map.iter_rules():
        named = {f"{name}:{numbered(rule)}" if name == "number" else name for name in rule.arguments}
        if rule.endpoint.startswith(API) or not named - OF_THE_PROGRAM - ONE_S_OWN or "number:notice" in named:
            continue
        values = {name: ids[numbered(rule)] if name == "number" else ids.get(name, "0" * 32) for name in rule.arguments}
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            found.append(Request(rule.endpoint, method, addresses.build(rule.endpoint, values, method), form if method == "POST" else {}))
    return found


def nobodys(path: str, ids: dict[str, str]) -> str:
    """An address with each id of the case exchanged for one that there is not."""
    for value in sorted(ids.values(), key=len, reverse=True):
        path = path.replace(value, "0" * len(value)) if len(value) > 4 else path
    return path


def test_no_address_leads_into_a_closed_case(world: World, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_rules, "FRESH", account_rules.SESSION_WHOLE)
    outsider = world.sign_in(OUTSIDER)
    token = token_of(outsider)
    before, stored = world.rows(), world.stored()
    asked = requests_of(world, ids)
    assert len(asked) > 120
    wrong = []
    for one in asked:
        data = {**one.data, "csrf_token": token} if one.data else None
        answer = outsider.open(one.path, method=one.method, data=data)
        expected = 404 if OUTSIDER in routes.roles_of(one.endpoint) else 403
        if answer.status_code == 422:  # refused for its form before anything was looked up: alike for an id of nobody's
            expected = outsider.open(nobodys(one.path, ids), method=one.method, data=data).status_code
        if answer.status_code != expected:
            wrong.append(f"{one.method} {one.path}: {answer.status_code}")
    assert wrong == []
    after = world.rows()
    assert [name for name in before if before[name] != after[name]] == []
    assert world.stored() == stored


def lists_of(world: World) -> list[str]:
    """The address of every page that needs no id."""
    allowed = {endpoint: routes.roles_of(endpoint) for endpoint in routes.ASKS}
    return sorted(
        rule.rule
        for rule in world.console.url_map.iter_rules()
        if not rule.arguments and "GET" in (rule.methods or ()) and OUTSIDER in allowed.get(rule.endpoint, ())
    )


def secrets_of(world: World) -> set[str]:
    """Numbers and titles of the case and of what is in it."""
    lead = world.story.actor("m.okafor")
    with world.inside.work(write=False) as work:
        case = work.session.scalars(select(CaseFile).where(CaseFile.number == world.story.case_number)).one()
        found = {case.number, overview.title_of(lead, case)}
        for model in (Tip, Letter, Sample, Exhibit, Subject):
            found |= {row.number for row in work.session.scalars(select(model).where(model.case_id == case.id)) if row.number}
        keys = lead.keyring.program(case.program_id)
        tips = work.session.scalars(select(Tip).where(Tip.case_id == case.id, Tip.title.is_not(None)))
        return found | {keys.open("tip", "title", row.id, row.title or b"") for row in tips}


def shown(client: FlaskClient, path: str) -> str:
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.text)


def test_no_list_says_anything_of_it(world: World) -> None:
    outsider, hidden = world.sign_in(OUTSIDER), secrets_of(world)
    assert len(hidden) > 30
    paths = lists_of(world)
    assert {"/inbox", "/cases", "/exhibits", "/letters", "/samples", "/linking", "/holds", "/dispositions", "/claims", "/audit"} <= set(
        paths
    )
    pages = {path: shown(outsider, path) for path in paths}
    told_by = {path: sorted(word for word in hidden if len(word) > 5 and word in page) for path, page in pages.items()}
    assert {path: words for path, words in told_by.items() if words} == {}


def test_its_lead_sees_it_on_the_same_pages(world: World) -> None:
    lead, hidden = world.sign_in("investigator"), secrets_of(world)
    for path in ("/inbox", "/cases", "/exhibits", "/letters", "/samples", "/linking"):
        page = shown(lead, path)
        assert any(word in page for word in hidden), f"{path} would say nothing to anybody"


def test_a_member_is_let_in_and_an_outsider_can_be_told_nothing(world: World) -> None:
    lead, outsider = world.story.actor("m.okafor"), world.sign_in(OUTSIDER)
    number = world.story.case_number
    counsel = world.story.actor("r.lindqvist").staff_id
    with world.inside.work() as work:
        members.add_member(work, lead, number, counsel)
    assert outsider.get(f"/cases/{number}").status_code == 200
    with world.inside.work() as work:
        members.remove_member(work, lead, number, counsel)
    assert outsider.get(f"/cases/{number}").status_code == 404
