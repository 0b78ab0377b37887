"""Batches of letters: a list is taken under custody, its codes are made once, leave for who made them, and can be withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from sqlalchemy import Table, insert, select, update

from evidence.canonical import b64url
from evidence.records import Scalar
from tipline import audit, policy
from tipline.actor import Actor
from tipline.cases.handover import Arrived, Handover, Taking, take_over
from tipline.errors import BadInput, Conflict, NotFound
from tipline.exhibits.opening import get_sound
from tipline.exhibits.rules import cell, clean_line
from tipline.exhibits.tickets import make_ticket
from tipline.models.base import new_id
from tipline.models.notices import Notice, NoticeBatch
from tipline.notices import codes, keeping, lists, rules
from tipline.notices.codes import Answer, Letter
from tipline.vault import Act
from tipline.work import Work, committed

KIND = "notice_list"
TICKET = "letters"
AT_ONCE = 1000  # rows of one insert, in a transaction of its own: tips that come meanwhile hardly wait
READY, MAKING, ISSUED, WITHDRAWN = "ready", "making", "issued", "withdrawn"  # of a batch
GOOD = "good"  # of a letter
_ADD = insert(cast(Table, Notice.__table__))


@dataclass(frozen=True)
class IssueNotices:
    """A list of letters that a person uploads. `about`: what each code will confirm; its words are made with the codes."""

    handover: Handover
    about: Answer
    most_checks: int = rules.USUAL_CHECKS
    arrived: Arrived | None = None


@dataclass(frozen=True)
class WithdrawNotices:
    """Letters whose codes are not to be confirmed any more. `which`: letters, those of the named rows, or batch, all."""

    number: str
    which: str
    reason: str
    rows: str = ""


@dataclass(frozen=True)
class About:
    """What is kept sealed with a batch. `withdrawals`: rows, reason, by, at of each, in order."""

    sender: str
    month: str
    incident: str
    withdrawals: tuple[dict[str, str], ...] = ()

    @classmethod
    def of(cls, actor: Actor, batch: NoticeBatch) -> About:
        """Open what a batch is about."""
        said = actor.keyring.program(batch.program_id).open_json("notice_batch", "about", batch.id, batch.about)
        return cls(**{**said, "withdrawals": tuple(said["withdrawals"])})

    def seal(self, actor: Actor, program_id: str, batch_id: str) -> bytes:
        """Seal it for the batch's row."""
        return actor.keyring.program(program_id).seal_json("notice_batch", "about", batch_id, asdict(self))


def issue(work: Work, actor: Actor, command: IssueNotices) -> NoticeBatch:
    """Take a list of letters as an exhibit, under custody from now on. Its codes are made when the same person downloads them.

    The list is read whole first: of one that can't be used nothing is stored.

    Raises:
        BadInput: there is no file, it is no list, or something about it is missing.
        Conflict: the case is closed.
    """
    policy.require(actor, "notice.issue")
    arrived = command.arrived
    if arrived is None:
        raise BadInput("Choose the list.", fields={"file": "Choose the list, as CSV."})
    _check(command)
    if arrived.sealed.keyfile.length > lists.MOST_BYTES:
        message = f"The list is larger than {lists.MOST_BYTES // 1024**2} MB. Divide it into several batches."
        raise BadInput("The list was not taken. Nothing was stored.", message, {"file": message})
    letters = lists.count_letters(work.vault.objects.read(arrived.sealed.keyfile))
    year, about = work.today().year, command.about
    number = f"NB-{year}-{work.next_number(f'notice:{year}'):04d}"
    said: dict[str, Scalar] = {"purpose": f"list of {letters} letters, batch {number}"}
    taken = take_over(work, actor, command.handover, arrived, Taking(KIND, said, examine=False))
    batch_id, program_id = new_id(), taken.case.program_id
    told = About(about.sender, about.month, about.incident)
    batch = NoticeBatch(
        id=batch_id,
        program_id=program_id,
        exhibit_id=taken.exhibit.id,
        number=number,
        about=told.seal(actor, program_id, batch_id),
        letters=letters,
        most_checks=command.most_checks,
        state=READY,
        issued_by=actor.staff_id,
        issued_at=work.now(),
    )
    work.session.add(batch)
    audit.record(work.session, work.now(), actor, "notice.issue", ("notice_batch", batch_id))
    work.session.flush()
    return batch


def _check(command: IssueNotices) -> None:
    about, faults = command.about, {}
    if not about.sender or len(about.sender) > rules.SENDER_LENGTH:
        faults["sender"] = f"Say who posts the letters, in {rules.SENDER_LENGTH} characters at most."
    if not about.incident or len(about.incident) > rules.INCIDENT_LENGTH:
        faults["incident"] = f"Say what the letters are about, in {rules.INCIDENT_LENGTH} characters at most."
    if not rules.read_month(about.month):
        faults["month"] = "Write year and month, such as 2026-10."
    if not rules.LEAST_CHECKS <= command.most_checks <= rules.MOST_CHECKS:
        faults["most_checks"] = f"Write a number from {rules.LEAST_CHECKS} to {rules.MOST_CHECKS:,}."
    if faults:
        raise BadInput("The list was not taken. Nothing was stored.", "Put right what is marked.", faults)


# codes


def make_codes(work: Work, actor: Actor, number: str) -> str:
    """Make the codes of a batch, keep their hashes and sealed answers, and return the token of a ticket for the list with its codes.

    DOWNLOADED is on record, and committed, before the list is read. The secret that they are made from stands in the ticket and,
    sealed to who made them, in what is kept until they have the file (`keeping`). If this breaks off, the batch stays in the
    making: none of its codes counts.

    Raises:
        Conflict: they were made already, somebody else uploaded the list, or work on its exhibit has stopped.
    """
    policy.require(actor, "notice.issue")
    batch = get_batch(work, actor, number, lock=True)
    _require_ready(batch, actor)
    about = About.of(actor, batch)
    opened = get_sound(work, actor, batch.exhibit_id)
    name = work.vault.facts(opened.exhibit, actor.keyring.program(batch.program_id)).name
    work.record_access(Act(opened.exhibit, opened.keyfile, "DOWNLOADED", _handed_out(batch, f"mailing of {number}"), actor))
    with committed(work):
        _pass_on(work, batch, READY, MAKING)
    secret = codes.new_secret()
    keeper = _Keeper(work, batch.id, Answer(about.sender, about.month, about.incident), secret)
    length = sum(len(piece) for piece in written(lists.open_list(work.vault.objects.read(opened.keyfile)), keeper.letter))
    keeper.flush()
    _pass_on(work, batch, MAKING, ISSUED)
    audit.record(work.session, work.now(), actor, "notice.codes", ("notice_batch", batch.id))
    content = {"keyfile": opened.keyfile.encode().decode(), "name": f"{number}-{name}", "secret": b64url(secret), "length": length}
    keeping.keep(work, actor, batch, content)
    return make_ticket(work, TICKET, content)


def download_again(work: Work, actor: Actor, number: str) -> str:
    """Return the token of a ticket for the same list with the same codes, to who made them, until they have the file or a day is over.

    Raises:
        Conflict: somebody else made them, or the download has ended.
    """
    policy.require(actor, "notice.issue")
    batch = get_batch(work, actor, number, lock=True)
    content = keeping.open_kept(work, actor, batch) if batch.issued_by == actor.staff_id and batch.state == ISSUED else None
    if content is None:
        raise Conflict("This download has ended.", "Withdraw the batch and upload the list anew.")
    opened = get_sound(work, actor, batch.exhibit_id)
    work.record_access(Act(opened.exhibit, opened.keyfile, "DOWNLOADED", _handed_out(batch, f"mailing of {number}, again"), actor))
    audit.record(work.session, work.now(), actor, "notice.codes", ("notice_batch", batch.id), "again")
    return make_ticket(work, TICKET, content)


def have_file(work: Work, actor: Actor, number: str) -> None:
    """End the download of a batch's codes: who made them has the file. From now on nobody can have the codes.

    Raises:
        Conflict: somebody else made them, or the download has ended.
    """
    policy.require(actor, "notice.issue")
    batch = get_batch(work, actor, number, lock=True)
    if batch.issued_by != actor.staff_id or not keeping.end(work, batch):
        raise Conflict("This download has ended.", "Load the page of the batch again.")
    audit.record(work.session, work.now(), actor, "notice.have_file", ("notice_batch", batch.id))


def _handed_out(batch: NoticeBatch, purpose: str) -> dict[str, Scalar]:
    result = f"a list with a code for each of {batch.letters} letters"
    return {"purpose": purpose, "result": result, "moved_from": "sealed store", "moved_to": "their computer"}


def written(letters: lists.LetterList, printed: Callable[[int], Letter]) -> Any:
    """The list with its codes, in pieces; cells that a spreadsheet would compute are quoted."""
    return lists.write_list(letters, printed, cell)


def _require_ready(batch: NoticeBatch, actor: Actor) -> None:
    if batch.state != READY:
        raise Conflict("The codes of this batch were made, or it was withdrawn.", "Look at its page: it says what can be done.")
    if batch.issued_by != actor.staff_id:
        raise Conflict("Somebody else uploaded this list.", "Only who uploaded it can have its codes, once.")


def _pass_on(work: Work, batch: NoticeBatch, state: str, to: str) -> None:
    """Bring a batch from one state to the next. Only one request gets past this, whatever two have read before."""
    moved = update(NoticeBatch).where(NoticeBatch.id == batch.id, NoticeBatch.state == state).values(state=to, issued_at=work.now())
    if work.session.execute(moved.returning(NoticeBatch.id).execution_options(synchronize_session=False)).first() is None:
        raise Conflict("Its codes are being made already, or it was withdrawn.", "Load the page of the batch again.")


class _Keeper:
    """Makes the letter of each row and keeps what the database knows of it, many rows with one statement."""

    def __init__(self, work: Work, batch_id: str, about: Answer, secret: bytes) -> None:
        self._work, self._batch_id, self._about, self._secret = work, batch_id, about, secret
        self._rows: list[dict[str, Any]] = []

    def letter(self, row: int) -> Letter:
        """The letter of a row, kept with the next flush."""
        letter = codes.letter_of(self._secret, row)
        self._rows.append(
            {
                "id": new_id(),
                "batch_id": self._batch_id,
                "position": row,
                "lookup": codes.lookup(letter.bits),
                "answer": codes.seal_answer(letter.bits, replace(self._about, words=letter.words)),
                "checks": 0,
                "state": GOOD,
            }
        )
        if len(self._rows) >= AT_ONCE:
            self.flush()
        return letter

    def flush(self) -> None:
        """Insert what waits, and commit that."""
        if self._rows:
            with committed(self._work) as session:
                session.execute(_ADD, self._rows)
            self._rows.clear()


# withdrawing


def withdraw(work: Work, actor: Actor, command: WithdrawNotices) -> NoticeBatch:
    """Withdraw a batch, or single letters of it: their codes are answered like unknown ones from now on.

    Raises:
        BadInput: no reason, or rows that the list does not have.
        Conflict: it is withdrawn already, or has no codes yet.
    """
    policy.require(actor, "notice.issue")
    batch = get_batch(work, actor, command.number, lock=True)
    if batch.state == WITHDRAWN:
        raise Conflict("This batch is withdrawn already.", "Its page says when and why.")
    reason, ranges = clean_line(command.reason, rules.REASON_LENGTH), rules.read_rows(command.rows, batch.letters)
    _check_withdrawal(command, reason, ranges, batch.letters)
    if command.which == "batch":
        ranges, batch.state = [], WITHDRAWN
        keeping.end(work, batch)
    elif batch.state != ISSUED:
        raise Conflict("This batch has no codes yet.", "Make them first, or withdraw the whole batch.")
    for first, last in ranges:
        work.session.execute(
            update(Notice).where(Notice.batch_id == batch.id, Notice.position.between(first, last)).values(state=WITHDRAWN)
        )
    about = About.of(actor, batch)
    done = {"rows": rules.rows_words(ranges), "reason": reason, "by": actor.name, "at": work.now().isoformat(timespec="seconds")}
    batch.about = replace(about, withdrawals=(*about.withdrawals, done)).seal(actor, batch.program_id, batch.id)
    audit.record(work.session, work.now(), actor, "notice.withdraw", ("notice_batch", batch.id), command.which)
    work.session.flush()
    return batch


def _check_withdrawal(command: WithdrawNotices, reason: str, ranges: list[tuple[int, int]], letters: int) -> None:
    faults = {}
    if command.which not in ("letters", "batch"):
        faults["which"] = "Choose whether single letters or the whole batch are withdrawn."
    if command.which == "letters" and not ranges:
        faults["rows"] = f"Write rows of the list from 1 to {letters:,}, such as 3, 7-9."
    if not reason:
        faults["reason"] = "Say why. The reason is kept with the batch."
    if faults:
        raise BadInput("Nothing was withdrawn.", "Put right what is marked.", faults)


def get_batch(work: Work, actor: Actor, number: str, *, lock: bool = False) -> NoticeBatch:
    """Return a batch by its number.

    Raises:
        NotFound: there is none, or the actor does not hold its program's key: both look alike.
    """
    query = select(NoticeBatch).where(NoticeBatch.number == number, NoticeBatch.program_id.in_(actor.keyring.program_ids()))
    batch = work.session.scalar(query.with_for_update() if lock else query)
    if batch is None:
        raise NotFound(f"There is no batch {number} that you can read.", "Look under Notices.")
    return batch
