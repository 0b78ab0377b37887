"""Tells the fictional case through the same services that people use: nothing here writes a table itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from evidence.examine.identify import identify
from tipline.admin import programs
from tipline.admin.rules import Notice, fingerprint
from tipline.admin.setup import prepare
from tipline.cases import services as cases
from tipline.config import Settings
from tipline.demo import content, staff
from tipline.demo.files import MAKERS
from tipline.errors import Conflict
from tipline.exhibits.examination import examine_tip
from tipline.inbox import services as inbox
from tipline.intake import services as intake
from tipline.intake.draft import ReceivedFile
from tipline.intake.rules import Answers
from tipline.models.tips import Tip
from tipline.process import open_process
from tipline.work import utc_now

DAYS_OF_TIPS = 8


@dataclass
class Telling:
    """The processes and people of the story while it is told. `moment` is the story's own time."""

    settings: Settings
    moment: datetime
    people: dict[str, staff.DemoPerson] = field(default_factory=dict)
    program_id: str = ""
    case_number: str = ""
    tips: dict[int, str] = field(default_factory=dict)  # place in content.TIPS: number

    def __post_init__(self) -> None:
        self.public = open_process("public", self.settings, self.clock)
        self.console = open_process("console", self.settings, self.clock)
        self.worker = open_process("worker", self.settings, self.clock)

    def clock(self) -> datetime:
        return self.moment

    def actor(self, login: str) -> staff.Actor:
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
        say("Tips of every state")
        _tips(story)
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
    )
    with story.console.unit(write=True) as work:
        made = programs.create_program(work, administrator, programs.CreateProgram(content.SLUG, content.CODE, notice))
        story.program_id = made.program.id
    with story.console.unit(write=True) as work:
        programs.confirm_recovery(work, administrator, story.program_id, made.recovery_secret)
    for person in story.people.values():
        if person.actor.staff_id != administrator.staff_id:
            with story.console.unit(write=True) as work:
                print_ = fingerprint(person.actor.keyring.identity.recipient)
                programs.grant_access(work, administrator, programs.GrantAccess(story.program_id, person.actor.staff_id, print_))


def _case(story: Telling) -> None:
    with story.console.unit(write=True) as work:
        case = cases.open_case(work, story.actor("m.okafor"), cases.OpenCase(story.program_id, content.CASE_TITLE))
        story.case_number = case.number


def _tips(story: Telling) -> None:
    now = story.moment
    for place, told in reversed(list(enumerate(content.TIPS))):
        story.moment = now - timedelta(days=DAYS_OF_TIPS * place / len(content.TIPS))
        story.tips[place] = _send(story, told)
    story.moment = now
    for place, told in enumerate(content.TIPS):
        _work_on(story, story.tips[place], told)


def _send(story: Telling, told: content.DemoTip) -> str:
    with story.public.unit(write=True) as work:
        secret = intake.start_draft(work.vault)
        received = [_receive(story, name) for name in told.files]
        intake.keep(work, intake.KeepDraft(secret, story.program_id, Answers(told.what, told.how), received))
    with story.public.unit(write=True) as work:
        intake.send(work, secret)
        tip = work.session.scalars(select(Tip).order_by(Tip.number.desc()).limit(1)).one()
    with story.worker.unit(write=True) as work:
        examine_tip(work, tip.id)
    return tip.number


def _receive(story: Telling, name: str) -> ReceivedFile:
    data = MAKERS[name]()
    with story.public.vault.objects.receive() as receiving:
        receiving.write(data)
        sealed = receiving.finish()
    found = identify(data[:16384], name, signatures_only=True)
    return ReceivedFile(name, sealed, found.media_type, found.label)


def _work_on(story: Telling, number: str, told: content.DemoTip) -> None:
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
            inbox.reply(work, who, inbox.Reply(number, told.reply))
    with story.console.unit(write=True) as work:
        inbox.change_state(work, who, inbox.ChangeState(number, told.state))
