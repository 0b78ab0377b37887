"""A linking desk with tips, letters and a sample to link."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from tests.apps import app_of
from tests.conftest import ConsoleClient
from tests.installations import Installation, copy_of
from tests.tipline.desk_house import Desk
from tests.tipline.handovers import arrive, handover, open_a_case
from tests.tipline.intake import house as intake
from tipline.cases.members import set_access
from tipline.inbox import redaction
from tipline.letters import services as letters
from tipline.linking.indexing import catch_up_now
from tipline.linking.queue import Queue, read_queue
from tipline.models.cases import Link
from tipline.samples import services as samples


@dataclass
class LinkingDesk(Desk):
    """What arrives here is examined at once; `catch_up` is what any page of a person does."""

    cases: list[str] = field(default_factory=list)
    one: tuple[str, str, str] = ("", "", "")  # of a desk that is `linked`: the link's id, the tip's number, the letter's

    def case(self) -> str:
        if not self.cases:
            self.cases.append(open_a_case(self.installation))
        return self.cases[0]

    def letter(self, data: bytes, name: str = "letter.txt") -> str:
        case = self.case()
        with self.acting() as (work, actor):
            number = letters.register(work, actor, letters.RegisterLetter(handover(case), arrived=arrive(work, data, name))).number
        self.installation.run_jobs()
        return number

    def sample(self, data: bytes, name: str = "records.837") -> str:
        case = self.case()
        with self.acting() as (work, actor):
            number = samples.register(work, actor, samples.RegisterSample(handover(case, "Records"), arrive(work, data, name))).number
        self.installation.run_jobs()
        return number

    def write_again(self, tip: str, what: str) -> None:
        """The source of a tip comes back and sends more words."""
        browser = self.public.application.test_client()
        page = intake.come_back(browser, self.receipts[tip])
        fields = {name: intake.field_value(page, name) for name in ("draft", "token")}
        intake.send_message(browser, {**fields, "what": what})
        self.installation.run_jobs()

    def redact(self, tip: str, *hidden: str) -> None:
        """The investigator hides words of a tip from all but themselves."""
        with self.acting() as (work, actor):
            page = redaction.read_originals(work, actor, tip)
            marked = {one.id: one.words for one in page.messages}
            for word in hidden:
                marked = {name: text.replace(word, f"[[{word}]]") for name, text in marked.items()}
            redaction.redact(work, actor, redaction.RedactTip(tip, marked))

    def close_case_to_others(self) -> None:
        """The case is for its members only, of whom there is its lead."""
        with self.acting() as (work, actor):
            set_access(work, actor, self.cases[0], "members")

    def catch_up(self, role: str = "investigator") -> int:
        with self.acting(role, write=False) as (work, actor):
            return catch_up_now(work, actor)

    def queue(self, role: str = "investigator") -> Queue:
        with self.acting(role, write=False) as (work, actor):
            return read_queue(work, actor)

    def pairs(self) -> list[tuple[str, str, str, str | None]]:
        """Kind, both numbers and strength of what waits."""
        return [(row.kind, row.start.number, row.end.number, row.tier) for row in self.queue().rows]

    def links(self) -> list[Link]:
        with self.installation.work(write=False) as work:
            return list(work.session.scalars(select(Link).order_by(Link.made_at, Link.id)))


def another(desk: LinkingDesk, data: Path) -> LinkingDesk:
    """The same desk over a copy of all that it has."""
    copied = sit_down(copy_of(desk.installation, data))
    copied.cases, copied.receipts, copied.one = list(desk.cases), dict(desk.receipts), desk.one
    return copied


def sit_down(installation: Installation) -> LinkingDesk:
    public, console = app_of("public", installation.public), app_of("console", installation.console)
    console.test_client_class = ConsoleClient
    public.config["TESTING"] = console.config["TESTING"] = True
    return LinkingDesk(installation, public.test_client(), console)
