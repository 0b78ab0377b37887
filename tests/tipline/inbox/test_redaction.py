"""A redacted tip: who is named reads the original, and to nobody else does a word of it get through, on no page and in no list."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.tipline.desk_house import Desk
from tests.tipline.intake import house as intake
from tipline.cases.services import PutTip, put_tip
from tipline.errors import BadInput, Forbidden
from tipline.exports.services import RequestExport, choices, request_export
from tipline.inbox import redaction, services
from tipline.inbox.conversation import read_tip
from tipline.inbox.originals import Sealed, closed_exhibits
from tipline.inbox.redaction import RedactTip, read_originals
from tipline.inbox.replying import Reply, reply
from tipline.inbox.services import AssignTip
from tipline.models.cases import CaseFile
from tipline.models.custody import Exhibit
from tipline.models.desk import TipReader
from tipline.models.tips import Tip, TipMessage
from tipline.notes.locking import ChangedMeanwhile

SECRET, FILE = "Zebulon Quartermaine", "quartermaine-list.txt"
WORDS = f"{SECRET} bragged about a pharmacy list.\nAsk zebulon  quartermaine at Harrow."
TRACES = ("ebulon", "uartermaine")
OTHERS = ("program_manager", "counsel")


def first_message(desk: Desk, number: str) -> str:
    with desk.installation.work(write=False) as work:
        query = select(TipMessage.id).join(Tip, Tip.id == TipMessage.tip_id).where(Tip.number == number)
        return work.session.scalars(query.order_by(TipMessage.seq)).first() or ""


def redact(desk: Desk, number: str, **more: object) -> None:
    marked = {first_message(desk, number): f"[[{SECRET}]]" + WORDS[len(SECRET) :]}
    with desk.acting() as (work, actor):
        redaction.redact(work, actor, RedactTip(number, marked, **more))  # type: ignore[arg-type]


@pytest.fixture
def sent(desk: Desk) -> str:
    """A tip that somebody has read, with a file, in a case."""
    number = desk.send(WORDS, {FILE: f"List of {SECRET}".encode()})
    desk.client().get(f"/tips/{number}")
    with desk.acting() as (work, actor):
        keys = actor.keyring.program(desk.installation.program_id)
        case = CaseFile(id="c" * 32, program_id=keys.program_id, number="NS-2026-0001", lead_id=actor.staff_id, opened_at=work.now())
        case.title = keys.seal("case_file", "title", case.id, "Harrow")
        work.session.add(case)
        work.session.flush()
        put_tip(work, actor, PutTip(number, case.number, with_exhibits=True))
    return number


def pages(desk: Desk, number: str) -> list[str]:
    """Every page of the console that can be asked for this tip, its case or its exhibits."""
    ids = [exhibit.id for exhibit in desk.exhibits(number)]
    found, addresses = [], desk.console_app.url_map.bind("localhost")
    for rule in desk.console_app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint.startswith(("static", "accounts", "kits", "api")):
            continue
        values = {"number": number if "/tips/" in rule.rule else "NS-2026-0001"}
        for exhibit_id in ids if "exhibit_id" in rule.arguments else [""]:
            values["exhibit_id"] = exhibit_id
            if rule.arguments <= values.keys():
                found.append(addresses.build(rule.endpoint, {name: values[name] for name in rule.arguments}, "GET"))
    tabs = [f"/tips/{number}?tab={tab}" for tab in ("files", "links", "notes", "history")]
    return [*dict.fromkeys(found), *tabs, *(f"/tips/{number}?file={one}" for one in ids), f"/inbox?tip={number}", "/exhibits?all=1"]


def test_named_colleagues_read_the_original_and_all_others_the_rest(desk: Desk, sent: str) -> None:
    redact(desk, sent)
    assert SECRET in desk.client().get(f"/tips/{sent}").text
    before = desk.kinds(desk.exhibits(sent)[0].id)
    for role in OTHERS:
        page = desk.client(role).get(f"/tips/{sent}").text
        assert "[redacted] bragged about a pharmacy list.\nAsk [redacted] at Harrow." in page
        assert "M. Okafor reads the original" in page
    assert desk.kinds(desk.exhibits(sent)[0].id) == before, "who reads the redacted words opens no original"


def test_no_page_shows_the_original_to_who_does_not_read_it(desk: Desk, sent: str) -> None:
    redact(desk, sent)
    desk.installation.run_jobs()
    client = desk.client("counsel")  # who may ask for most
    asked = pages(desk, sent)
    assert len(asked) > 30
    seen = {}
    for path in asked:
        with client.get(path) as answer:
            seen[path] = answer.status_code
            leaks = [trace for trace in TRACES if trace.encode() in answer.data]
            assert not leaks, f"{path} shows {leaks}"
    assert seen[f"/tips/{sent}"] == 200
    assert seen["/cases/NS-2026-0001"] == 200
    for found in ("quartermaine", "Zebulon"):
        answer = client.post("/search", data={"words": found, "q": found}, follow_redirects=True)
        assert sent not in answer.text.partition('id="main"')[2], f"search finds it by {found}"


def test_no_act_hands_the_original_to_who_does_not_read_it(desk: Desk, sent: str) -> None:
    redact(desk, sent)
    role, exhibits = "program_manager", desk.exhibits(sent)  # who may assign, reply and redact, but not here
    client = desk.client(role)
    for exhibit in exhibits:
        for path in ("download", "preview", "text"):
            answer = client.post(f"/exhibits/{exhibit.id}/{path}") if path == "download" else client.get(f"/exhibits/{exhibit.id}/{path}")
            assert answer.status_code in (403, 404), f"{path}: {answer.status_code}"
    with desk.acting(role) as (work, actor):
        assert closed_exhibits(work.session, actor.keyring, [one.id for one in exhibits]) == {one.id for one in exhibits}
        for act in (
            lambda: services.assign(work, actor, AssignTip(sent, "me")),
            lambda: reply(work, actor, Reply(sent, "Who is it?")),
            lambda: read_originals(work, actor, sent),
            lambda: redaction.open_to_all(work, actor, sent),
        ):
            with pytest.raises(Forbidden):
                act()
    assert desk.tip(sent).assignee_id is None


def test_an_export_holds_the_originals_only_where_a_named_colleague_asks(desk: Desk, sent: str) -> None:
    redact(desk, sent)
    ids = tuple(one.id for one in desk.exhibits(sent))
    with desk.acting("counsel") as (work, actor):
        assert all("named colleagues" in one.obstacle for one in choices(work, actor, "NS-2026-0001")[2])
        with pytest.raises(BadInput):
            request_export(work, actor, RequestExport("NS-2026-0001", ids, "Production"))
    redact(desk, sent, readers=frozenset({desk.installation.people["counsel"].staff_id}))
    with desk.acting("counsel") as (work, actor):
        assert [one.obstacle for one in choices(work, actor, "NS-2026-0001")[2]] == ["", ""]


def test_files_messages_and_readers_are_chosen_one_by_one(desk: Desk, sent: str) -> None:
    text, file = desk.exhibits(sent)
    redact(desk, sent, files=frozenset({file.id, text.id}))
    with desk.acting("counsel", write=False) as (work, actor):
        assert closed_exhibits(work.session, actor.keyring, [text.id, file.id]) == {text.id}, "words are never opened as a file"
        assert [one.name for one in read_tip(work, actor, sent).attachments] == [FILE]
    redact(desk, sent, whole=frozenset({first_message(desk, sent)}))
    counsel = desk.client("counsel")
    page = counsel.get(f"/tips/{sent}").text
    assert "This message is under seal." in page
    assert "pharmacy" not in page
    refused = counsel.get(f"/tips/{sent}?file={file.id}")
    assert (refused.status_code, "The original is under seal" in refused.text) == (Sealed.status, True)
    with pytest.raises(BadInput):
        redact(desk, sent, readers=frozenset({desk.installation.people["administrator"].staff_id}))
    version = desk.tip(sent).version
    redact(desk, sent, readers=frozenset({desk.installation.people["program_manager"].staff_id}))
    with desk.acting("program_manager") as (work, actor), pytest.raises(ChangedMeanwhile):
        redaction.redact(work, actor, RedactTip(sent, {first_message(desk, sent): WORDS}, version=version))
    with desk.acting() as (work, actor):
        redaction.open_to_all(work, actor, sent)
        assert work.session.scalars(select(TipReader)).all() == []
    page = counsel.get(f"/tips/{sent}").text
    assert SECRET in page
    assert FILE in page
    assert SECRET in counsel.get("/inbox").text, "the title is of the original again"


def test_who_is_named_later_reads_and_who_is_assigned_reads(desk: Desk, sent: str) -> None:
    counsel, brandt = (desk.installation.people[role].staff_id for role in OTHERS[::-1])
    redact(desk, sent, readers=frozenset({counsel}))
    assert SECRET in desk.client("counsel").get(f"/tips/{sent}").text
    with desk.acting() as (work, actor):
        services.assign(work, actor, AssignTip(sent, brandt))
    assert SECRET in desk.client("program_manager").get(f"/tips/{sent}").text
    redact(desk, sent)
    assert SECRET not in desk.client("counsel").get(f"/tips/{sent}").text
    with desk.acting(write=False) as (work, actor):
        assert [row.staff_id for row in work.session.scalars(select(TipReader))] == [actor.staff_id]


def test_what_the_source_sends_later_is_under_seal_until_somebody_looked(desk: Desk, sent: str) -> None:
    redact(desk, sent)
    follow_up(desk, sent, "More of Zebulon Quartermaine.")
    page = desk.client("counsel").get(f"/tips/{sent}").text
    assert "This message is under seal." in page
    assert not any(trace in page for trace in TRACES)
    with desk.installation.work(write=False) as work:
        assert work.session.scalars(select(Exhibit.named_only).where(Exhibit.number.is_(None), Exhibit.kind == "tip_text")).all() == [True]


def follow_up(desk: Desk, number: str, words: str) -> None:
    """Write on as the source of a tip."""
    source = desk.public.application.test_client()
    page = intake.come_back(source, desk.receipts[number])
    hidden = {name: intake.field_value(page, name) for name in ("draft", "token")}
    assert intake.post_form(source, "/conversation/check", {**hidden, "what": words}).status_code == 303
    desk.installation.run_jobs()


def test_the_page_takes_marks_shows_the_outcome_and_keeps_nothing_of_a_refused_one(desk: Desk, sent: str) -> None:
    client, message = desk.client(), first_message(desk, sent)
    page = client.get(f"/tips/{sent}/redact")
    assert page.status_code == 200
    marked = f"[[{SECRET}]]" + WORDS[len(SECRET) :]
    version = str(desk.tip(sent).version)
    form = {f"words-{message}": marked.replace("\n", "\r\n"), "everywhere": "y", "version": version}
    look = client.post(f"/tips/{sent}/redact", data={**form, "act": "look"})
    assert "Ask [redacted] at Harrow." in look.text
    refused = client.post(f"/tips/{sent}/redact", data={**form, f"words-{message}": "Other words", "act": "keep"})
    assert refused.status_code == 422
    assert "These are not the words of the source any more." in refused.text
    assert desk.tip(sent).audience == "all"
    assert client.post(f"/tips/{sent}/redact", data={**form, "act": "keep"}).status_code == 303
    assert desk.tip(sent).audience == "named"
    stale = {**form, f"words-{message}": WORDS, "act": "keep"}
    again = client.post(f"/tips/{sent}/redact", data=stale)
    assert again.status_code == 409
    assert "M. Okafor changed this" in again.text
