"""A program with a reward: sources who claim over the public pages, staff who decide, and an agent who pays."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.installations import _set_up
from tests.tipline.desk_house import Desk
from tests.tipline.intake import house as intake
from tipline.accounts.rules import FRESH
from tipline.admin.services import AddColleague, add_colleague
from tipline.models.programs import Program
from tipline.models.rewards import Payout, RewardClaim
from tipline.models.staff import StaffSession
from tipline.models.tips import Tip
from tipline.rewards import listing, services
from tipline.rewards.listing import ClaimPage
from tipline.rewards.services import Decide, Recommend

AGENT = "p.marsh"
REWARD = 1_000_000
HELPED = "You could close the account because of me."
REASON = "First to name the account"


@dataclass
class Source:
    """Somebody who sent a tip and kept receipt and claim code."""

    client: FlaskClient
    tip: str
    words: list[str] = field(repr=False)
    code: str = field(repr=False)

    def page(self) -> str:
        return self.client.get("/conversation").text

    def claim(self, **more: str | None) -> TestResponse:
        """Fill in the claim's form and send it; None leaves a field out."""
        page = self.client.get("/conversation/claim")
        filled: dict[str, str | None] = {"by": "self", "helped": HELPED, "claim": self.code}
        filled |= {**dict.fromkeys(("employee", "involved", "sanctions"), "yes"), "token": token_of(page.text), **more}
        return self.client.post("/conversation/claim", data={name: value for name, value in filled.items() if value is not None})

    def vouchers(self) -> list[str]:
        """The voucher codes that stand in the conversation."""
        return re.findall(r"\b(?:[0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}\b", self.page())


def token_of(page: str) -> str:
    found = re.search(r'name="token" value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


@dataclass
class ClaimHouse:
    """`desk` has the tips; `begin` sets the program's reward and lets an agent join. `sources` are those of the fixtures, by name."""

    desk: Desk
    sources: dict[str, Source] = field(default_factory=dict)

    def begin(self) -> None:
        self.set_program(reward_most=REWARD, payout_place="Calder Trust, 4 Mill Lane, Dayton")
        self.join(AGENT, "P. Marsh, Calder Trust", "paying_agent")

    def join(self, login: str, name: str, role: str) -> None:
        made = self.desk.installation
        with made.work() as work:
            link = add_colleague(work, made.actor("administrator"), AddColleague(login, name, role))
        made.people[login] = _set_up(made, link)

    def set_program(self, **values: Any) -> None:
        self.desk.change(Program, self.desk.installation.program_id, **values)

    def wait(self, by: timedelta) -> None:
        """Let time pass, for all processes; sources come back with their receipts."""
        made = self.desk.installation
        for name, process in {"public": made.public, "console": made.console, "worker": made.worker}.items():
            made._processes[name] = replace(process, clock=lambda: datetime.now(UTC) + by)
        self.desk.public.application.extensions["tipline"] = made.public
        self.desk.console_app.extensions["tipline"] = made.console
        for source in self.sources.values():
            intake.come_back(source.client, source.words)

    def publish(self) -> None:
        self.desk.installation.sequencer().publish()

    def source(self, what: str = "He bragged.", files: dict[str, bytes] | None = None, *, publish: bool = True) -> Source:
        """A source whose tip is in the published log, with their receipt in use."""
        client = self.desk.public.application.test_client()
        sent = intake.send_tip(client, what, files or {})
        self.desk.installation.run_jobs()
        with self.desk.acting(write=False) as (work, _):
            number = max(work.session.scalars(select(Tip.number)))
        if publish:
            self.publish()
        words = intake.words_of(sent)
        intake.come_back(client, words)
        return Source(client, number, words, intake.claim_of(sent))

    def rows(self, model: type[Any]) -> list[Any]:
        with self.desk.acting(write=False) as (work, _):
            return list(work.session.scalars(select(model)))

    def number(self, name: str) -> str:
        """The number of the claim of a source."""
        with self.desk.acting(write=False) as (work, _):
            query = select(RewardClaim.number).join(Tip, Tip.id == RewardClaim.tip_id)
            return str(work.session.scalars(query.where(Tip.number == self.sources[name].tip)).one())

    def row(self, number: str) -> RewardClaim:
        return next(row for row in self.rows(RewardClaim) if row.number == number)

    def payout(self) -> Payout:
        return self.rows(Payout)[-1]  # type: ignore[no-any-return]

    def exhibits(self) -> list[str]:
        """The exhibits of claims and vouchers."""
        return [row.exhibit_id for model in (RewardClaim, Payout) for row in self.rows(model)]

    def read(self, number: str, role: str = "investigator") -> ClaimPage:
        with self.desk.acting(role, write=False) as (work, actor):
            return listing.read_claim(work, actor, number)

    # steps

    def recommend(self, number: str, amount: int = 600_000, role: str = "investigator", **more: Any) -> None:
        page = self.read(number, role)
        agent = self.desk.installation.people[AGENT].staff_id
        command = Recommend(number, page.history.standing.version, page.earlier.mark, amount, agent, REASON)
        with self.desk.acting(role) as (work, actor):
            services.recommend(work, actor, replace(command, **more))

    def decide(self, act: str, number: str, role: str = "counsel", **more: Any) -> None:
        """Take a step on the page as it is now: approve, send_back, propose_decline, decline, cancel, take_up."""
        page = self.read(number, role)
        command = replace(Decide(number, page.history.standing.version, "Read both tips", page.earlier.mark), **more)
        with self.desk.acting(role) as (work, actor):
            getattr(services, act)(work, actor, command)

    def bring_to_a_decline(self, number: str, words: str) -> None:
        self.decide("propose_decline", number, "investigator", words=words)
        self.decide("decline", number, "counsel")

    def bring_to_a_voucher(self, number: str, amount: int = 600_000) -> None:
        self.recommend(number, amount)
        self.decide("approve", number, "counsel")
        self.decide("approve", number, "program_manager")

    def let_sessions_age(self) -> None:
        """All who are signed in said who they are longer ago than the house rule allows."""
        with self.desk.installation.work() as work:
            work.session.execute(update(StaffSession).values(proved_at=work.now() - FRESH))

    def agent(self) -> FlaskClient:
        return self.desk.client(AGENT)
