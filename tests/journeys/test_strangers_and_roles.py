"""Every route of the console, for strangers and for each role: who may not is refused on a page, and nothing has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.evidence.examine.jails import WORKING
from tests.journeys.world import LOGINS, World, told
from tipline.app import create_public_app
from tipline.config import Settings
from tipline.policy import KEYLESS

EVERYBODY = frozenset(LOGINS)
KEYED = EVERYBODY - KEYLESS
READERS = KEYED - {"administrator"}
INVESTIGATOR, COUNSEL, ADMINISTRATOR = (frozenset({role}) for role in ("investigator", "counsel", "administrator"))
TIPS, NOTICES, CUSTODY = INVESTIGATOR | {"program_manager"}, ADMINISTRATOR | {"program_manager"}, INVESTIGATOR | COUNSEL
PAYING = frozenset({"paying_agent"})
API = "api."  # takes no cookie, only tokens: tests/tipline/api asks it for each role
OPEN_TO_STRANGERS = ("accounts.sign_in", "accounts.open_session", "accounts.setup", "kits.recover", "static")
MAY: dict[str, frozenset[str]] = {
    "static": EVERYBODY,
    "accounts.sign_in": EVERYBODY,
    "accounts.open_session": EVERYBODY,
    "accounts.sign_out": EVERYBODY,
    "accounts.setup": EVERYBODY,
    "accounts.setup_picture": EVERYBODY,
    "accounts.setup_passphrase": EVERYBODY,
    "accounts.setup_code": EVERYBODY,
    "admin.index": EVERYBODY,
    "admin.key_list": EVERYBODY,
    "admin.staff": ADMINISTRATOR,
    "admin.staff_add": ADMINISTRATOR,
    "admin.staff_link": ADMINISTRATOR,
    "admin.staff_disable_page": ADMINISTRATOR,
    "admin.staff_disable": ADMINISTRATOR,
    "admin.program_list": NOTICES,
    "admin.program": NOTICES,
    "admin.program_notice": NOTICES,
    "translation.texts": NOTICES,
    "translation.change": NOTICES,
    "admin.program_new": ADMINISTRATOR,
    "admin.program_create": ADMINISTRATOR,
    "admin.program_recovery": ADMINISTRATOR,
    "admin.program_recovery_new": ADMINISTRATOR,
    "admin.program_access": ADMINISTRATOR,
    "admin.program_state": ADMINISTRATOR,
    "recovery.program_open": ADMINISTRATOR,
    "recovery.program_open_now": ADMINISTRATOR,
    "rotation.left": ADMINISTRATOR,
    "rotation.plan": ADMINISTRATOR,
    "rotation.start": ADMINISTRATOR,
    "rotation.progress": KEYED,
    "rotation.step": KEYED,
    "palette.show": EVERYBODY,
    "palette.find": EVERYBODY,
    "preferences.show": EVERYBODY,
    "preferences.change": EVERYBODY,
    "preferences.theme": EVERYBODY,
    "preferences.keys_help": EVERYBODY,
    "tokens.index": EVERYBODY,
    "tokens.make": EVERYBODY,
    "tokens.end": EVERYBODY,
    "kits.kit": EVERYBODY,
    "kits.kit_make": EVERYBODY,
    "kits.kit_confirm": EVERYBODY,
    "kits.recover": EVERYBODY,
    "kits.recover_open": EVERYBODY,
    "kits.recover_done": EVERYBODY,
    "kits.recover_picture": EVERYBODY,
    "examiner.index": ADMINISTRATOR,
    "examiner.sign": ADMINISTRATOR,
    "signatures.index": ADMINISTRATOR,
    "signatures.pin": ADMINISTRATOR,
    "signatures.sign": ADMINISTRATOR,
    "signatures.decline": ADMINISTRATOR,
    "record.index": ADMINISTRATOR | COUNSEL,
    "record.sign": ADMINISTRATOR | COUNSEL,
    "inbox.index": READERS,
    "inbox.tip": READERS,
    "inbox.narrow": READERS,
    "bulk.index": TIPS,
    "bulk.look": TIPS,
    "bulk.act": TIPS,
    "bulk.undo": TIPS,
    "savedviews.index": READERS,
    "savedviews.save": READERS,
    "savedviews.change": READERS,
    "workload.index": READERS,
    "inbox.assign": TIPS,
    "inbox.state": TIPS,
    "inbox.label": TIPS,
    "inbox.reply": TIPS,
    "inbox.ask": TIPS,
    "inbox.talk": TIPS,
    "sweeping.index": TIPS,
    "sweeping.look": TIPS,
    "sweeping.sweep": TIPS,
    "sweeping.undo": TIPS,
    "cases.index": READERS,
    "cases.show": READERS,
    "cases.new": CUSTODY,
    "cases.state": CUSTODY,
    "cases.put_tip": CUSTODY,
    "cases.tips": READERS,
    "cases.letters": READERS,
    "cases.samples": READERS,
    "cases.exhibits": READERS,
    "cases.edit": CUSTODY,
    "entries.timeline": READERS,
    "entries.decisions": READERS,
    "entries.event": CUSTODY,
    "entries.decide": CUSTODY,
    "subjects.index": READERS,
    "subjects.add": CUSTODY,
    "subjects.show": READERS,
    "subjects.edit": CUSTODY,
    "mapping.graph": READERS,
    "mapping.picture": READERS,
    "mapping.elements": READERS,
    "mapping.pin": CUSTODY,
    "mapping.unpin": CUSTODY,
    "mapping.graph_export": READERS,
    "mapping.timeline_export": READERS,
    "moving.merge": CUSTODY,
    "moving.split": CUSTODY,
    "exhibits.index": READERS,
    "exhibits.show": READERS,
    "exhibits.preview": READERS,
    "exhibits.text": READERS,
    "exhibits.custody": READERS,
    "exhibits.number": INVESTIGATOR,
    "exhibits.verify": CUSTODY,
    "exhibits.examine": CUSTODY,
    "exhibits.download": CUSTODY,
    "exhibits.transfer": CUSTODY,
    "exhibits.withdraw": CUSTODY,  # the two people of this transfer
    "exhibits.confirm": COUNSEL,  # to whom it was offered
    "exhibits.label": READERS,
    "exhibits.label_picture": READERS,
    "exhibits.label_print": READERS,
    "exhibit_acts.physical_new": CUSTODY,
    "exhibit_acts.physical_register": CUSTODY,
    "exhibit_acts.move": CUSTODY,
    "exhibit_acts.seal": CUSTODY,
    "exhibit_acts.look": CUSTODY,
    "exhibit_acts.put_into_quarantine": CUSTODY,
    "exhibit_acts.release": CUSTODY,
    "exhibit_acts.record_findings": CUSTODY,
    "exhibit_acts.correct": CUSTODY,
    "exhibit_acts.record_correction": CUSTODY,
    "exhibit_acts.copy": CUSTODY,
    "exhibit_acts.redaction": CUSTODY,
    "exhibit_acts.register_redaction": CUSTODY,
    "exhibit_acts.take_out": CUSTODY,
    "exhibit_acts.bring_back": CUSTODY,
    "exhibit_acts.add_photographs": CUSTODY,
    "exhibits.album": READERS,
    "attachments.preview": READERS,
    "attachments.facts": READERS,
    "attachments.listing": READERS,
    "attachments.words": READERS,
    "attachments.read_pictures": CUSTODY,
    "attachments.hexadecimal": READERS,
    "attachments.lists_index": READERS,
    "attachments.list_new": CUSTODY,
    "attachments.list_load": CUSTODY,
    "attachments.list_show": READERS,
    "attachments.list_remove": CUSTODY,
    "letters.index": READERS,
    "letters.show": READERS,
    "letters.new": INVESTIGATOR,
    "letters.register": INVESTIGATOR,
    "samples.index": READERS,
    "samples.show": READERS,
    "samples.new": INVESTIGATOR,
    "samples.register": INVESTIGATOR,
    "search.index": READERS,
    "search.ask": READERS,
    "search.show": READERS,
    "search.rebuild": READERS,
    "linking.index": READERS,
    "linking.look": READERS,
    "linking.decide": INVESTIGATOR,
    "linking.undo": INVESTIGATOR,
    "indicators.index": CUSTODY,
    "indicators.take": CUSTODY,
    "linking.new": INVESTIGATOR,
    "linking.rebuild": INVESTIGATOR,
    "retention.hold_list": READERS,
    "retention.hold_new": COUNSEL,
    "retention.hold_place": COUNSEL,
    "retention.hold_end": COUNSEL,
    "retention.hold_release": COUNSEL,
    "retention.exhibit": READERS,
    "retention.propose_form": CUSTODY,
    "retention.propose": CUSTODY,
    "retention.withdrawn_tip": READERS,
    "retention.propose_withdrawn": CUSTODY,
    "retention.index": READERS,
    "retention.show": READERS,
    "retention.decide": COUNSEL | {"program_manager"},
    "retention.decline": COUNSEL | {"program_manager"},
    "retention.withdraw": CUSTODY,
    "retention.left": READERS,
    "retention.proof": READERS,
    "retention.storage": INVESTIGATOR | ADMINISTRATOR,
    "notices.index": COUNSEL | {"program_manager"},
    "notices.calls": COUNSEL | {"program_manager"},
    "notices.new": COUNSEL | {"program_manager"},
    "notices.issue": COUNSEL | {"program_manager"},
    "notices.show": COUNSEL | {"program_manager"},
    "notices.make_codes": COUNSEL | {"program_manager"},
    "notices.withdraw": COUNSEL | {"program_manager"},
    "phone.new": frozenset({"investigator", "call_agent"}),
    "phone.take": frozenset({"investigator", "call_agent"}),
    "notices.call": CUSTODY | {"call_agent"},
    "notices.take_call": CUSTODY | {"call_agent"},
    "notices.compare_words": CUSTODY | {"call_agent"},
    "rewards.index": READERS,
    "rewards.show": READERS,
    "rewards.take_up": READERS,
    "rewards.recommend": READERS,
    "rewards.approve": COUNSEL | {"program_manager"},
    "rewards.send_back": COUNSEL | {"program_manager"},
    "rewards.decline": COUNSEL | {"program_manager"},
    "rewards.cancel": COUNSEL | {"program_manager"},
    "rewards.outcome": READERS,
    "rewards.outcome_remove": READERS,
    "rewards.desk": PAYING,
    "rewards.look": PAYING,
    "rewards.paid": PAYING,
    "exports.index": COUNSEL | {"program_manager"},
    "exports.show": COUNSEL | {"program_manager"},
    "exports.stamp": COUNSEL | {"program_manager"},
    "exports.published": COUNSEL | {"program_manager"},
    "exports.published_proof": COUNSEL | {"program_manager"},
    "exports.new": COUNSEL,
    "exports.sign": COUNSEL,
    "exports.download": COUNSEL,
}
LATER = ("exports.stamp", "exports.published", "exports.published_proof")  # files that come when the log is next published, if ever
OWN = ("search.show",)  # whose address only its maker can have
WHAT_A_FORM_SAYS = {
    "act": "state:closed",
    "assignee": "me",
    "authority": "Order",
    "compared": "y",
    "confidence": "probable",
    "decision": "confirm",
    "label": "Insider",
    "login": "x.example",
    "name": "X. Example",
    "purpose": "Production",
    "reason": "Read both",
    "role": "administrator",
    "state": "closed",
    "title": "Anything",
    "typed": "Words of a letter, long enough to be one.",
    "words": "A reply",
}


@dataclass(frozen=True)
class Request:
    """One route and method, with real values in its address and a form that would be taken from who may."""

    endpoint: str
    method: str
    path: str
    data: dict[str, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with told(Settings(data=tmp_path_factory.mktemp("roles") / "instance")) as world:
        yield world


@pytest.fixture(scope="module")
def requests(world: World) -> list[Request]:
    ids, addresses = world.ids(), world.console.url_map.bind("localhost")
    form = {**WHAT_A_FORM_SAYS, "case": ids["case"], "tip": ids["tip"], "program": ids["program_id"], "exhibits": ids["exhibit_id"]}
    form |= {"to": ids["staff_id"], "staff_id": ids["staff_id"], "start": f"tip:{ids['tip']}", "end": f"letter:{ids['letter']}"}
    found = []
    for rule in sorted(world.console.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint.startswith(API):
            continue
        values = {name: ids[numbered(rule)] if name == "number" else ids.get(name, "x") for name in rule.arguments}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = addresses.build(rule.endpoint, values, method)
            found.append(Request(rule.endpoint, method, path, form if method == "POST" else {}))
    return found


def numbered(rule: Rule) -> str:
    """Of what a route's number is: a tip's, a case's, a letter's or a sample's."""
    return rule.rule.split("/")[1].removesuffix("s")


def token_of(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/keys").text)
    assert found
    return found[1]


def test_the_table_names_every_route_of_the_console(world: World) -> None:
    assert {rule.endpoint for rule in world.console.url_map.iter_rules() if not rule.endpoint.startswith(API)} == set(MAY)


# strangers


def plain(answer: TestResponse) -> tuple[object, ...]:
    return answer.status, answer.data, tuple(sorted(header for header in answer.headers))


def test_a_stranger_gets_one_answer_everywhere(world: World, requests: list[Request]) -> None:
    stranger = world.console.test_client()
    before = world.rows()
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        expected = plain(stranger.open("/there-is-no-such-page", method=method))
        assert expected[0] == "302 FOUND"
        assert ("Location", "/sign-in") in expected[2]  # type: ignore[operator]  # the headers
        for asked in requests:
            if not asked.endpoint.startswith(OPEN_TO_STRANGERS):
                answer = stranger.open(asked.path, method=method, data=asked.data or None)
                assert plain(answer) == expected, f"{method} {asked.path}"
    assert world.rows() == before


def test_what_is_open_to_strangers_gives_nothing_away(world: World, requests: list[Request]) -> None:
    stranger = world.console.test_client()
    for asked in requests:
        if asked.endpoint.startswith("accounts.setup"):
            answer = stranger.open(asked.path, method=asked.method, data={"csrf_token": "x"} if asked.method == "POST" else None)
            assert answer.status_code in (400, 404)
            assert "Set-Cookie" not in answer.headers or "console-session" not in answer.headers["Set-Cookie"]


# roles


@pytest.mark.parametrize("role", sorted(LOGINS))
def test_a_role_is_refused_where_it_may_not_and_nothing_changes(world: World, requests: list[Request], role: str) -> None:
    client = world.sign_in(role)
    token = token_of(client)
    rows, stored = world.rows(), world.stored()
    refused = [asked for asked in requests if role not in MAY[asked.endpoint]]
    assert len(refused) > 10
    for asked in refused:
        data = {**asked.data, "csrf_token": token} if asked.data else None
        answer = client.open(asked.path, method=asked.method, data=data)
        assert answer.status_code == 403, f"{asked.method} {asked.path}: {answer.status_code}"
        assert 'aria-label="Main"' in answer.text, "the refusal is no page of the console"
    assert world.stored() == stored
    after = world.rows()
    assert [name for name in rows if rows[name] != after[name]] == []


@pytest.mark.parametrize("role", sorted(LOGINS))
def test_a_role_reads_where_it_may(world: World, requests: list[Request], role: str) -> None:
    client = world.sign_in(role)
    for asked in requests:
        if asked.endpoint == "exhibits.preview" and not WORKING:
            continue  # pictures are made in a jail
        if role in MAY[asked.endpoint] and asked.method == "GET" and not asked.endpoint.startswith("accounts.setup"):
            with client.get(asked.path) as answer:
                allowed = (200, 302, 303, 404) if asked.endpoint in LATER + OWN else (200, 302, 303)
                assert answer.status_code in allowed, f"{asked.path}: {answer.status_code}"


@pytest.mark.parametrize("role", sorted(LOGINS))
def test_a_form_without_its_token_is_refused_everywhere(world: World, requests: list[Request], role: str) -> None:
    client = world.sign_in(role)
    token_of(client)
    rows, stored = world.rows(), world.stored()
    for asked in requests:
        for token in ("", "x", token_of(world.sign_in(role))):
            if asked.method == "POST":
                answer = client.post(asked.path, data={**asked.data, "csrf_token": token})
                assert answer.status_code == 400, f"{asked.path}: {answer.status_code}"
                assert "This form is too old" in answer.text
    after = world.rows()
    assert world.stored() == stored
    assert [name for name in rows if rows[name] != after[name]] == []


def test_ids_of_nothing_are_not_found(world: World, requests: list[Request]) -> None:
    """For who may, an id that is nobody's, and for who may not, the same refusal as for a real one."""
    ids = {value for name, value in world.ids().items() if name != "filename"}
    rows = world.rows()
    for role in sorted(LOGINS):
        client = world.sign_in(role)
        token = token_of(client)
        for asked in requests:
            path = asked.path
            for value in ids:
                path = path.replace(value, "0" * len(value))
            if path == asked.path or asked.endpoint.startswith("accounts"):
                continue
            answer = client.open(path, method=asked.method, data={**asked.data, "csrf_token": token} if asked.data else None)
            assert answer.status_code in ((403, 404) if role not in MAY[asked.endpoint] else (404,)), f"{role} {path}: {answer.status_code}"
    after = world.rows()
    assert [name for name in rows if rows[name] != after[name]] == []


# the public face


def test_the_public_face_has_no_route_of_the_console(world: World, requests: list[Request]) -> None:
    public = create_public_app(world.inside.public)
    visitor = public.test_client()
    shared = {"/", asset(public)}
    for asked in requests:
        if asked.path not in shared and not asked.path.startswith("/static/"):
            answer = visitor.open(asked.path, method=asked.method, data=asked.data or None)
            assert answer.status_code == 404, f"{asked.method} {asked.path}: {answer.status_code}"
            assert "Set-Cookie" not in answer.headers
    assert {rule.endpoint.partition(".")[0] for rule in public.url_map.iter_rules()} == {
        "static",
        "pages",
        "intake",
        "talk",
        "claims",
        "claim_code",
        "proofs",
        "letters_public",
    }


def asset(app: Flask) -> str:
    return f"{app.static_url_path}/css/public.css"


def test_the_public_face_knows_no_key_that_opens(world: World) -> None:
    """Its process reads its own key folder only, which holds no examiner, log, staff or flask secret."""
    folder = Path(world.inside.public.vault.keys.path)
    assert {path.name for path in folder.iterdir()} <= {"process.key", "receipt.pepper", "recipients.json", "pins.json"}
