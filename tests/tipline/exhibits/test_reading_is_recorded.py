"""Reading included: wherever content of an exhibit is handed out or read, an event was committed before the first byte.

Three ways to see it. The reader of sealed bytes raises: the event is in the database all the same. The record can't be
written: nothing of the content leaves by any route. And each route that hands content out adds an event of its own.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from evidence.errors import IntegrityError
from evidence.vault import Vault
from tests.evidence.examine.jails import needs_jail
from tests.installations import Installation
from tests.tipline.desk_house import photo
from tests.tipline.linking.linking_house import LinkingDesk, sit_down
from tipline.demo import content, files
from tipline.errors import Busy
from tipline.exhibits import deriving
from tipline.models.cases import Letter, Link, Sample
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.vault import CustodyVault

CANARY = "quagga-canary"
WORDS = f"He bragged.\nThe {CANARY} told me to write to {content.DESK}.".encode()
FILE_TABS = {"attachments.preview", "attachments.words", "attachments.hexadecimal"}
HANDED_OUT_BY_GET = {"inbox.tip", "exhibits.preview", "exhibits.text", "letters.show", "linking.index", "samples.show"} | FILE_TABS


class Stopped(Exception):
    """The reader of sealed bytes was called."""


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    """A tip with a picture and a text, and a letter that shares an address with it. Matched, so that the linking desk has work."""
    return sit_down(installation)


@pytest.fixture
def told(desk: LinkingDesk) -> LinkingDesk:
    desk.send(WORDS.decode(), {"IMG.jpg": photo(), "note.txt": WORDS})
    desk.letter(WORDS)
    desk.catch_up()
    return desk


def events(desk: LinkingDesk) -> dict[str, int]:
    with desk.installation.work(write=False) as work:
        found: dict[str, int] = {}
        for exhibit_id in work.session.scalars(select(CustodyEvent.exhibit_id)):
            found[exhibit_id] = found.get(exhibit_id, 0) + 1
        return found


def exhibit_of(desk: LinkingDesk, kind: str, last: int = 0) -> str:
    with desk.installation.work(write=False) as work:
        rows = work.session.scalars(select(Exhibit.id).where(Exhibit.kind == kind).order_by(Exhibit.received_on, Exhibit.id)).all()
    named = {desk.events(one)[0]["name_shown"]: one for one in rows}
    return named.get("note.txt" if last else "IMG.jpg", rows[0])


def stop_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> Iterator[bytes]:
        raise Stopped

    monkeypatch.setattr(Vault, "read", read)


# the reader raises


def open_tip(desk: LinkingDesk, client: FlaskClient) -> tuple[str, Callable[[], object]]:
    return exhibit_of(desk, "tip_text"), lambda: client.get("/tips/TIP-2026-0001")


def open_preview(desk: LinkingDesk, client: FlaskClient) -> tuple[str, Callable[[], object]]:
    picture = exhibit_of(desk, "attachment")
    return picture, lambda: client.get(f"/exhibits/{picture}/preview.png")


def open_linking(desk: LinkingDesk, client: FlaskClient) -> tuple[str, Callable[[], object]]:
    return exhibit_of(desk, "tip_text"), lambda: client.get("/linking")


def fetch_original(desk: LinkingDesk, client: FlaskClient) -> tuple[str, Callable[[], object]]:
    picture = exhibit_of(desk, "attachment")

    def fetch() -> object:
        token = client.post(f"/exhibits/{picture}/download").location.rpartition("/")[2]
        return desk.files().get(f"/{token}")

    return picture, fetch


@needs_jail
@pytest.mark.parametrize("route", [open_tip, open_preview, open_linking, fetch_original])
def test_the_event_is_committed_before_the_first_byte_is_read(told: LinkingDesk, monkeypatch: pytest.MonkeyPatch, route: Any) -> None:
    exhibit, go = route(told, told.client())
    before = told.kinds(exhibit)
    stop_reading(monkeypatch)
    with pytest.raises(Stopped):
        go()
    assert told.kinds(exhibit)[len(before) :] == (["DOWNLOADED"] if route is fetch_original else ["VIEWED"])


def test_an_attachment_is_on_record_before_it_is_read_for_matching(desk: LinkingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send("He gave me this.", {"list.csv": files.members_extract()})
    table = exhibit_of(desk, "attachment")
    with monkeypatch.context() as patched:
        stop_reading(patched)
        with pytest.raises(Stopped):
            desk.catch_up()
    assert (desk.kinds(table)[-1], desk.events(table)[-1]["result"]) == ("EXAMINED", "opened")
    desk.catch_up()
    opened, found = desk.events(table)[-2:]
    with desk.installation.work(write=False) as work:
        entry = work.session.get_one(CustodyEvent, opened["event_id"]).entry
    assert (found["authority"], "rows fingerprinted" in found["result"]) == (entry, True)


@pytest.mark.parametrize(("kind", "data"), [("sample", files.claims_837()), ("letter", WORDS)])
def test_a_sample_and_a_letter_are_on_record_before_they_are_read(
    desk: LinkingDesk, monkeypatch: pytest.MonkeyPatch, kind: str, data: bytes
) -> None:
    case = desk.case()
    form: dict[str, Any] = {
        "case": case,
        "title": "What came",
        "received_on": "2026-09-03",
        "channel": "post",
        "handed_over_by": "D. Acosta",
    }
    stop_reading(monkeypatch)
    with pytest.raises(Stopped):
        desk.client().post(f"/{kind}s/new", data={**form, "file": (io.BytesIO(data), "came")}, content_type="multipart/form-data")
    exhibit = exhibit_of(desk, kind)
    assert desk.kinds(exhibit) == ["ACQUIRED", "EXAMINED"]
    assert desk.installation.console.vault.objects.store.exists(f"{desk_object(desk, exhibit)}.age")


def desk_object(desk: LinkingDesk, exhibit: str) -> str:
    with desk.installation.work(write=False) as work:
        return str(work.session.get_one(Exhibit, exhibit).object_name)


@pytest.mark.parametrize("kind", ["sample", "letter"])
def test_what_is_not_whole_when_it_is_read_is_recorded_after_the_rest_was_rolled_back(
    desk: LinkingDesk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def read(*_: object, **__: object) -> Iterator[bytes]:
        raise IntegrityError("a chunk does not hold", "Restore it.")

    case = desk.case()
    form: dict[str, Any] = {
        "case": case,
        "title": "What came",
        "received_on": "2026-09-03",
        "channel": "post",
        "handed_over_by": "D. Acosta",
    }
    monkeypatch.setattr(Vault, "read", read)
    file = (io.BytesIO(files.claims_837()), "came")
    answer = desk.client().post(f"/{kind}s/new", data={**form, "file": file}, content_type="multipart/form-data")
    assert answer.status_code == 500
    assert desk.kinds(exhibit_of(desk, kind)) == ["ACQUIRED", "EXAMINED", "VERIFY_FAILED", "QUARANTINED"]
    with desk.installation.work(write=False) as work:
        assert work.session.scalars(select(Letter.id)).all() == work.session.scalars(select(Sample.id)).all() == []


def test_a_copy_is_on_record_before_the_worker_reads(told: LinkingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = exhibit_of(told, "attachment")
    with told.acting() as (work, actor):
        deriving.ask_copy(work, actor, picture)
    stop_reading(monkeypatch)
    with pytest.raises(Stopped):
        told.installation.run_jobs()
    last = told.events(picture)[-1]
    assert (last["kind"], last["actor"], last["purpose"]) == ("EXAMINED", "m.okafor", "for a working copy without metadata")


# the record can't be written


def addresses(desk: LinkingDesk) -> Iterator[tuple[Rule, str]]:
    """Every page of the console that a tip, a letter, a link and their exhibits have."""
    with desk.installation.work(write=False) as work:
        numbers = {"tips": "TIP-2026-0001", "letters": work.session.scalars(select(Letter.number)).one(), "cases": desk.case()}
        numbers["samples"] = "".join(work.session.scalars(select(Sample.number)))
        exhibits = list(work.session.scalars(select(Exhibit.id).where(Exhibit.program_id.is_not(None))))
        known = {"link_id": work.session.scalars(select(Link.id)).first()}
    bound = desk.console_app.url_map.bind("localhost")
    for rule in desk.console_app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.endpoint.startswith(("accounts", "kits", "static")):
            continue
        for exhibit in exhibits if "exhibit_id" in rule.arguments else [""]:
            values = {**known, "exhibit_id": exhibit, "number": numbers.get(rule.rule.split("/")[1]), "file": exhibit}
            if all(values.get(name) for name in rule.arguments):
                path = bound.build(rule.endpoint, {name: values[name] for name in rule.arguments})
                yield rule, f"{path}?file={exhibits[0]}" if rule.endpoint == "inbox.tip" else path
                yield rule, path


@needs_jail
def test_where_the_record_cannot_be_written_no_content_leaves_by_any_route(told: LinkingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    told.sample(files.claims_837())
    told.catch_up()
    last_name = files.members()[3].last
    found = list(addresses(told))
    pages = dict.fromkeys(path for _, path in found)
    visited = {rule.endpoint for rule, _ in found}
    assert visited >= HANDED_OUT_BY_GET
    counsel = told.client("counsel")  # who decides no links, so that looking brings no index up to date

    def refuse(*_: object, **__: object) -> list[CustodyEvent]:
        raise Busy("The record can't be written.", "Try again.")

    with monkeypatch.context() as patched:
        patched.setattr(CustodyVault, "_append", refuse)  # what every way of recording comes to
        for path in pages:
            data = counsel.get(path).data
            assert not handed_out(data), path + " " + str(data[max(0, data.find(CANARY.encode()) - 300) :][:400])
            assert not data.startswith(b"\x89PNG") or "/label" in path, path
            assert last_name.encode() not in data, path
    wanted = HANDED_OUT_BY_GET - {"samples.show", "exhibits.preview"}
    seen: set[str] = set()
    for rule, path in found:
        if rule.endpoint in wanted - seen and handed_out(counsel.get(path).data):
            seen.add(rule.endpoint)
    assert seen == wanted  # the canary was there to be found


def handed_out(data: bytes) -> bool:
    return CANARY.encode() in data or CANARY.encode()[:8].hex(" ").encode() in data


@needs_jail
def test_each_first_look_of_a_session_is_an_event(told: LinkingDesk) -> None:
    told.sample(files.claims_837())
    for endpoint, kind, path in (
        ("inbox.tip", "tip_text", "/tips/TIP-2026-0001"),
        ("exhibits.preview", "attachment", f"/exhibits/{exhibit_of(told, 'attachment')}/preview.png"),
        ("letters.show", "letter", "/letters/LTR-2026-0001"),
        ("samples.show", "sample", "/samples/SMP-2026-0001"),
    ):
        client, exhibit, before = told.client("counsel"), exhibit_of(told, kind), events(told)
        assert client.get(path).status_code == client.get(path).status_code == 200, endpoint
        assert {one: count - before[one] for one, count in events(told).items() if count != before[one]} == {exhibit: 1}, endpoint
        assert told.kinds(exhibit)[-1] == "VIEWED"
