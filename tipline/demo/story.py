"""Tells the fictional case through the same services that people use: nothing here writes a table itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from evidence.examine.media_types import short_name
from evidence.examine.signatures import media_type
from tipline.actor import Actor
from tipline.admin import programs, recovery
from tipline.admin.rules import Notice, Translation, fingerprint, mark_of_notice
from tipline.admin.setup import prepare
from tipline.admin.translations import EditTranslation, edit_translation
from tipline.cases import services as cases
from tipline.cases.handover import Arrived, Handover
from tipline.config import Settings
from tipline.demo import content, staff
from tipline.demo.files import MAKERS, claims_837
from tipline.demo.posting import post_letters
from tipline.errors import Conflict
from tipline.exhibits.examination import examine_exhibit, examine_tip
from tipline.inbox import replying
from tipline.inbox import services as inbox
from tipline.intake import adding, conversation
from tipline.intake import services as intake
from tipline.intake.draft import ReceivedFile
from tipline.intake.receipt import parse_receipt
from tipline.intake.rules import Answers
from tipline.intake.sink import FileSink
from tipline.intake.taking import seal_text
from tipline.letters import services as letters
from tipline.linking import services as linking
from tipline.linking.queue import read_queue
from tipline.models.tips import Tip
from tipline.policy import KEYLESS
from tipline.process import open_process
from tipline.samples import services as samples
from tipline.work import utc_now

DAYS_OF_TIPS = 8
QUESTION_AT = 2  # its number in the conversation: after the tip and the reply


@dataclass(frozen=True)
class DemoSent:
    """A tip of the story; its source still has receipt and claim code."""

    id: str
    number: str
    words: tuple[str, ...] = field(repr=False)
    code: tuple[str, ...] = field(repr=False)


@dataclass
class Telling:
    """The processes and people of the story while it is told. `moment` is the story's own time."""

    settings: Settings
    moment: datetime
    people: dict[str, staff.DemoPerson] = field(default_factory=dict)
    program_id: str = ""
    case_number: str = ""
    tips: dict[int, DemoSent] = field(default_factory=dict)  # by place in content.TIPS

    def __post_init__(self) -> None:
        self.public = open_process("public", self.settings, self.clock)
        self.console = open_process("console", self.settings, self.clock)
        self.worker = open_process("worker", self.settings, self.clock)

    def clock(self) -> datetime:
        return self.moment

    def actor(self, login: str) -> Actor:
        return self.people[login].actor

    def close(self) -> None:
        for process in (self.public, self.console, self.worker):
            process.database.dispose()


def begin(settings: Settings) -> Telling:
    """Set up the story's colleagues and its open program in an installation that has no administrator yet.

    Raises:
        Conflict: someone works in this installation already.
    """
    link = prepare(settings).link
    if link is None:
        raise Conflict("This installation is in use.", "Set TIPLINE_DATA to a new folder for the fictional case.")
    story = Telling(settings, utc_now())
    _staff(story, link)
    _program(story)
    staff.write_sign_ins(settings, list(story.people.values()))
    return story


def tell(settings: Settings, say: Callable[[str], None]) -> Telling:
    """Load the whole fictional case. Raises as `begin`."""
    say("Colleagues and the program")
    story = begin(settings)
    try:
        say("The case")
        _case(story)
        say("Letters and the sample")
        _matter(story)
        say("Letters to five members, with codes")
        _letters(story)
        say("Tips of every state")
        _tips(story)
        say("Links, some of them decided")
        _links(story)
    finally:
        story.close()
    return story


def _staff(story: Telling, link: str) -> None:
    administrator = staff.set_up(story.console, content.ADMINISTRATOR, link.rpartition("/")[2])
    story.people[content.ADMINISTRATOR.login] = administrator
    for colleague in content.COLLEAGUES:
        story.people[colleague.login] = staff.add(story.console, administrator.actor, colleague)


def _program(story: Telling) -> None:
    administrator = story.actor(content.ADMINISTRATOR.login)
    notice = Notice(
        organisation=content.ORGANISATION,
        title=content.TITLE,
        incident=content.INCIDENT,
        helps_most=content.HELPS_MOST,
        reward=content.REWARD,
        reward_terms=content.REWARD_TERMS,
        notice_on=story.moment.date(),
        contact=content.CONTACT,
        reward_most=1_000_000,
        claims_until=story.moment.date() + timedelta(days=365),
        payout_place=content.PAYOUT_PLACE,
        call_script=content.CALL_SCRIPT,
    )
    with story.console.unit(write=True) as work:
        made = programs.create_program(work, administrator, programs.CreateProgram(content.SLUG, content.CODE, notice))
        story.program_id = made.program.id
    in_spanish = EditTranslation(story.program_id, "es", Translation(**content.SPANISH), mark_of_notice(Translation()))
    with story.console.unit(write=True) as work:
        edit_translation(work, administrator, in_spanish)
    with story.console.unit(write=True) as work:
        recovery.confirm_recovery(work, administrator, story.program_id, recovery.TypedShares(*made.shares[:2]))
    for person in story.people.values():
        if person.actor.staff_id != administrator.staff_id and person.colleague.role not in KEYLESS:
            with story.console.unit(write=True) as work:
                print_ = fingerprint(person.actor.keyring.identity.recipient)
                programs.grant_access(work, administrator, programs.GrantAccess(story.program_id, person.actor.staff_id, print_))


def _case(story: Telling) -> None:
    with story.console.unit(write=True) as work:
        case = cases.open_case(work, story.actor("m.okafor"), cases.OpenCase(story.program_id, content.CASE_TITLE))
        story.case_number = case.number


def _matter(story: Telling) -> None:
    """The letter to the company, the letter to a client organisation, and the records that came with the first."""
    investigator = story.actor("m.okafor")
    received = story.moment.date() - timedelta(days=DAYS_OF_TIPS + 3)
    said = Handover(story.case_number, "Letter to the board, 1 sheet", received, "post", "D. Acosta, mail room", "The board")
    to_client = replace(said, title=f"Letter to {content.CLIENTS[0]}", addressee=content.CLIENTS[0], handed_over_by="Counsel of the client")
    for handover, words in ((said, content.LETTER), (to_client, content.CLIENT_LETTER)):
        with story.console.unit(write=True) as work:
            letter = letters.register(work, investigator, letters.RegisterLetter(handover, words))
        _examine(story, letter.exhibit_id)
    records = replace(said, title="Records enclosed with the letter", addressee="")
    with story.console.unit(write=True) as work:
        arrived = Arrived(seal_text(work.vault.objects, claims_837()), "records.837")
        sample = samples.register(work, investigator, samples.RegisterSample(records, arrived))
    _examine(story, sample.exhibit_id)


def _examine(story: Telling, exhibit_id: str) -> None:
    with story.worker.unit(write=True) as work:
        examine_exhibit(work, exhibit_id)


def _letters(story: Telling) -> None:
    """Letters to some of the members, so that somebody can check a code; the mailing house gets the list with the codes."""
    listed = Handover(story.case_number, "Letters to five members", story.moment.date(), "email", "Member services")
    post_letters(story.console, story.settings, story.actor("s.whitfield"), listed)


def _tips(story: Telling) -> None:
    now = story.moment
    for place, told in reversed(list(enumerate(content.TIPS))):
        story.moment = now - timedelta(days=DAYS_OF_TIPS * place / len(content.TIPS))
        story.tips[place] = _send(story, told)
    story.moment = now
    for place, told in enumerate(content.TIPS):
        _work_on(story, story.tips[place], told)


def _send(story: Telling, told: content.DemoTip) -> DemoSent:
    with story.public.unit(write=True) as work:
        secret = intake.start_draft(work.vault)
        received = [_receive(story, name) for name in told.files]
        intake.keep(work, intake.KeepDraft(secret, content.SLUG, Answers(told.what, told.how), received))
    with story.public.unit(write=True) as work:
        told_source = intake.send(work, content.SLUG, secret)
        tip = work.session.scalars(select(Tip).order_by(Tip.number.desc()).limit(1)).one()
    with story.worker.unit(write=True) as work:
        examine_tip(work, tip.id)
    return DemoSent(tip.id, tip.number, told_source.words, told_source.claim)


def _receive(story: Telling, name: str) -> ReceivedFile:
    data = MAKERS[name]()
    with story.public.vault.objects.receive() as receiving:
        receiving.write(data)
        sealed = receiving.finish()
    kind = media_type(data[:16384])
    return ReceivedFile(name, sealed, kind, short_name(kind))


def _work_on(story: Telling, sent: DemoSent, told: content.DemoTip) -> None:
    number = sent.number
    who = story.actor(told.assignee or "t.brandt")
    with story.console.unit(write=True) as work:
        if told.assignee:
            inbox.assign(work, who, inbox.AssignTip(number, "me"))
        if told.label:
            inbox.add_label(work, who, inbox.AddLabel(number, told.label))
        if told.in_case:
            cases.put_tip(work, who, cases.PutTip(number, story.case_number, with_exhibits=bool(told.files)))
    if told.reply:
        with story.console.unit(write=True) as work:
            replying.reply(work, who, replying.Reply(number, told.reply, files=_files(story, told)))
            if told.question:
                asked, *options = told.question
                replying.ask(work, who, replying.Ask(number, asked, options))
    if told.answer:
        _come_back(story, sent, told)
    if told.in_case:
        with story.console.unit(write=True) as work:
            cases.put_tip(work, who, cases.PutTip(number, story.case_number, with_exhibits=bool(told.files)))
    with story.console.unit(write=True) as work:
        inbox.change_state(work, who, inbox.ChangeState(number, told.state))


def _files(story: Telling, told: content.DemoTip) -> list[FileSink]:
    """The file that goes with a reply, sealed as one that arrived at the console."""
    if told.sent_file is None:
        return []
    name, text = told.sent_file
    sink = FileSink(story.console.vault.objects, name, len(text.encode()))
    sink.write(text.encode())
    sink.seek(0)
    return [sink]


def _come_back(story: Telling, sent: DemoSent, told: content.DemoTip) -> None:
    """The source uses the receipt, reads the reply, picks an answer and adds words."""
    with story.public.unit(write=True) as work:
        cookie = conversation.open_receipt(work, parse_receipt(" ".join(sent.words)))
    with story.public.unit(write=True) as work:
        source = conversation.find_source(work, cookie)
        if source is None:
            raise RuntimeError(f"the receipt of {sent.number} opens nothing")
        if told.question:
            adding.answer(work, source, adding.Answer(QUESTION_AT, told.choice))
        adding.follow_up(work, source, adding.FollowUp(intake.start_draft(work.vault), told.answer or ""))
    with story.worker.unit(write=True) as work:
        examine_tip(work, sent.id)


def _links(story: Telling) -> None:
    """Tipline suggests what it can prove; people confirm what concerns the case's own letter and sample, and leave the rest."""
    investigator = story.actor("m.okafor")
    in_case = {sent.number for place, sent in story.tips.items() if content.TIPS[place].in_case}
    with story.console.unit(write=True) as work:
        linking.look_for_links(work, investigator)
    with story.console.unit(write=False) as work:
        suggested = read_queue(work, investigator).rows
    for row in suggested:
        if row.start.number in in_case and row.kind in content.DECISIONS:
            with story.console.unit(write=True) as work:
                linking.decide(work, investigator, linking.DecideLink(row.id, "confirm", "probable", content.DECISIONS[row.kind]))
