"""An installation on SQLite and disk, with every system call of a form, a Send, staff's acts, the log and an export failing in turn.

After each: rows, objects, custody, log and anchor agree; the answer was a page; what it acknowledged is there; a repeat works.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, text

from evidence.vault import Vault
from tests.faults.counting import Tally
from tests.faults.injector import Outcome
from tests.faults.sweeping import Scene, sweep
from tests.faults.world import FILES, WORDS, World
from tests.tipline.intake.house import SEND, begin, fill, words_of
from tipline.errors import TiplineError
from tipline.exports import building
from tipline.models.cases import Export
from tipline.models.custody import CustodyEvent, LogCheckpoint, LogPending
from tipline.models.tips import Tip

SHARE = 16
SHARE_OF_EXPORTS = 10
ENDS = ("to_sign", "done", "failed")  # failed with its reason, which the page shows
Told = dict[str, object]


def told(outcome: Outcome) -> Told:
    """What the answer said; nothing where there was none."""
    return dict(json.loads(outcome.said)) if outcome.ended == "ok" else {}


def answered(outcome: Outcome, *good: int) -> list[str]:
    """A process that lived answered with a page: it worked, or says that it did not."""
    if outcome.ended == "error":
        return [f"an error reached the server: {outcome.said}"]
    status = told(outcome).get("status", 500)
    return [] if status in good or (isinstance(status, int) and status >= 400) else [f"answered with {status}"]


# sources


def test_a_send(world: World, tmp_path: Path, tally: Tally) -> None:
    def prepare(data: Path) -> Callable[[], Told]:
        client = world.source(data)
        return lambda: send(client)

    def send(client: object) -> Told:
        answer = client.post(SEND, data={"draft": world.draft})  # type: ignore[attr-defined]
        return {"status": answer.status_code, "words": words_of(answer)}

    def check(data: Path, outcome: Outcome) -> list[str]:
        wrong = [*answered(outcome, 200), *world.broken(data)]
        before = tips(world, data)
        if told(outcome).get("words") and before != 2:
            wrong.append("an acknowledged tip is lost")
        again = send(world.source(data))
        if again["status"] != 200 or (told(outcome).get("words") or again["words"]) != again["words"]:
            wrong.append(f"the repeat was answered with {again['status']}, other words: {again['words'] != told(outcome).get('words')}")
        if tips(world, data) != 2:
            wrong.append(f"{tips(world, data)} tips after the repeat")
        return [*wrong, *unexamined(world, data), *world.broken(data)]

    sweep(Scene(world.folder, prepare, check, world.tidy, thin=True), tmp_path, tally, SHARE)
    tally.check()


def tips(world: World, data: Path) -> int:
    return count(world, data, select(func.count()).select_from(Tip))


def count(world: World, data: Path, query: object) -> int:
    inside = world.at(data)
    with inside.worker.database.session(write=False) as session:
        found = int(session.execute(query).scalar_one())  # type: ignore[call-overload]
    return found


def unexamined(world: World, data: Path) -> list[str]:
    """Each item of a tip that was not examined yet has the leave by which the worker finds it."""
    query = text(
        "SELECT count(*) FROM tip_item WHERE NOT EXISTS (SELECT 1 FROM examination WHERE examination.exhibit_id = tip_item.exhibit_id)"
        " AND NOT EXISTS (SELECT 1 FROM examiner_grant WHERE examiner_grant.exhibit_id = tip_item.exhibit_id AND purpose = 'examine')"
    )
    return ["an item waits for nobody"] if count(world, data, query) else []


def test_a_form(world: World, tmp_path: Path, tally: Tally) -> None:
    token = begin(world.source(world.folder))  # opening a form stores nothing

    def prepare(data: Path) -> Callable[[], Told]:
        client = world.source(data)
        return lambda: {"status": fill(client, token, WORDS, FILES).status_code}

    def check(data: Path, outcome: Outcome) -> list[str]:
        wrong = [*answered(outcome, 200), *world.broken(data)]
        client = world.source(data)
        if told(outcome).get("status") != 200 and fill(client, token, WORDS, FILES).status_code != 200:
            wrong.append("the repeat of the form was refused")
        sent = client.post(SEND, data={"draft": token})
        if sent.status_code != 200 or tips(world, data) != 2:
            wrong.append(f"the form could not be sent afterwards: {sent.status_code}")
        return [*wrong, *world.broken(data)]

    sweep(Scene(world.folder, prepare, check, world.tidy, thin=True), tmp_path, tally, SHARE)
    tally.check()


# staff


def test_an_appended_event(world: World, tmp_path: Path, tally: Tally) -> None:
    """Verify an exhibit at the console: its bytes are read, and VERIFIED is recorded."""
    before = events(world, world.folder)

    def prepare(data: Path) -> Callable[[], Told]:
        colleague = world.colleague(data, "investigator")
        return lambda: {"status": colleague.post(f"/exhibits/{world.exhibit}/verify").status_code}

    def check(data: Path, outcome: Outcome) -> list[str]:
        wrong = [*answered(outcome, 302, 303), *world.broken(data)]
        grown = events(world, data) - before
        acknowledged = told(outcome).get("status") in (302, 303)
        if grown not in ((1,) if acknowledged else (0, 1)):
            wrong.append(f"{grown} events were added")
        if world.colleague(data, "investigator").post(f"/exhibits/{world.exhibit}/verify").status_code not in (302, 303):
            wrong.append("the repeat was refused")
        if events(world, data) != before + grown + 1:
            wrong.append("the repeat was not recorded")
        return [*wrong, *world.broken(data)]

    sweep(Scene(world.folder, prepare, check, world.tidy, thin=True), tmp_path, tally, SHARE)
    tally.check()


def events(world: World, data: Path) -> int:
    return count(world, data, select(func.count()).select_from(CustodyEvent).where(CustodyEvent.exhibit_id == world.exhibit))


# the log


def test_a_publication(world: World, tmp_path: Path, tally: Tally) -> None:
    """The sequencer starts, gives places, writes the anchor, pads, writes tiles and signs."""

    def prepare(data: Path) -> Callable[[], Told]:
        inside = world.at(data)
        sequencer = inside.sequencer()

        def publish() -> Told:
            sequencer.start()
            return {"note": sequencer.publish()}

        return publish

    def check(data: Path, outcome: Outcome) -> list[str]:
        inside = world.at(data)
        wrong: list[str] = []
        try:
            sequencer = inside.sequencer()
            sequencer.start()
            sequencer.run_all()
            wrong += world.broken(data)
            if outcome.ended == "ok":
                wrong += published(world, data, str(told(outcome)["note"]))
            wrong += published(world, data, sequencer.publish())
        except TiplineError as error:
            wrong.append(f"the worker can't start: {error}")
        return [*wrong, *world.broken(data)]

    sweep(Scene(world.folder, prepare, check, world.tidy, thin=True), tmp_path, tally, SHARE)
    tally.check()


def published(world: World, data: Path, note: str) -> list[str]:
    """The row and the file both hold it, and nothing waits for a place."""
    wrong = [] if (data / "log" / "checkpoint").read_text() == note else ["another checkpoint is published than was signed"]
    if not count(world, data, select(func.count()).select_from(LogCheckpoint).where(LogCheckpoint.note == note)):
        wrong.append("a published checkpoint has no row")
    if count(world, data, select(func.count()).select_from(LogPending)):
        wrong.append("events wait for a place after publication")
    return wrong


# exports


def test_an_export_is_prepared(world: World, tmp_path: Path, tally: Tally) -> None:
    sweep_export(world, tmp_path, tally, world.exports.requested, building.prepare_payload)


def test_an_export_is_sealed(world: World, tmp_path: Path, tally: Tally) -> None:
    sweep_export(world, tmp_path, tally, world.exports.signed, building.seal_bundle)


def sweep_export(world: World, place: Path, tally: Tally, export: str, job: Callable[..., None]) -> None:
    """A job of the worker; one that a crash cut is run again, as another worker would."""

    def work_on(data: Path) -> Callable[[], Told]:
        inside = world.at(data)

        def act() -> Told:
            with inside.worker.unit(write=True) as work:
                job(work, export)
            return {}

        return act

    def check(data: Path, outcome: Outcome) -> list[str]:
        wrong = world.broken(data)
        if outcome.ended == "ok" and state_of(world, data, export) not in ENDS:
            wrong.append(f"the job ended well and left the export {state_of(world, data, export)}")
        if outcome.ended == "error" and state_of(world, data, export) not in ENDS and not tried_again(outcome):
            wrong.append("the job is not tried again, and left the export as it was")
        world.tidy()
        work_on(data)()  # as another worker, or the same a little later
        state = state_of(world, data, export)
        return [*wrong, *world.broken(data), *([] if state in ENDS else [f"the export is {state} in the end"])]

    sweep(Scene(world.folder, work_on, check, world.tidy, thin=True), place, tally, SHARE_OF_EXPORTS)
    tally.check()


def tried_again(outcome: Outcome) -> bool:
    """Whether the worker runs a job again that ended so (tipline.worker.run_job)."""
    return outcome.said.partition(":")[0] in ("OperationalError", "DatabaseError", "OSError", "EvidenceError", "StorageFull")


def state_of(world: World, data: Path, export: str) -> str:
    inside = world.at(data)
    with inside.worker.database.session(write=False) as session:
        row = session.get_one(Export, export)
        state = str(row.state)
        if state == "done":
            state = bundle_state(inside.worker.vault.objects, world, row)
    return state


def bundle_state(objects: Vault, world: World, row: Export) -> str:
    """A bundle that is done opens with the program's key and is whole."""
    program = next(iter(world.keys.values()))
    objects.verify(objects.open_key(str(row.bundle_name), program.identity))
    return "done"


def test_an_export_is_signed(world: World, tmp_path: Path, tally: Tally) -> None:
    path = f"/exports/{world.exports.to_sign}/sign"

    def prepare(data: Path) -> Callable[[], Told]:
        counsel = world.colleague(data, "counsel")
        return lambda: {"status": counsel.post(path).status_code}

    def check(data: Path, outcome: Outcome) -> list[str]:
        wrong = [*answered(outcome, 302, 303), *world.broken(data)]
        state = state_of(world, data, world.exports.to_sign)
        if told(outcome).get("status") in (302, 303) and state != "sealing":
            wrong.append(f"the signature was acknowledged and the export is {state}")
        again = world.colleague(data, "counsel").post(path).status_code
        if (state == "to_sign" and again not in (302, 303)) or state_of(world, data, world.exports.to_sign) != "sealing":
            wrong.append(f"the repeat was answered with {again}")
        return [*wrong, *world.broken(data)]

    sweep(Scene(world.folder, prepare, check, world.tidy, thin=True), tmp_path, tally, SHARE)
    tally.check()
