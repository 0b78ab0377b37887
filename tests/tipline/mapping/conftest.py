"""The desk fixture, and a case with something of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tipline.cases import services
from tipline.cases.handover import Handover
from tipline.cases.services import OpenCase, PutTip
from tipline.cases.subjects import About, AddSubject, add_subject
from tipline.letters import services as letters
from tipline.linking import services as linking


@dataclass
class Board:
    """A case with two tips, a letter and a subject: tip one - letter - tip two, subject - tip one. `other` is an empty case."""

    desk: Desk
    case: str
    other: str
    tips: list[str]
    letter: str
    subject: str

    def link(self, start: str, end: str, kind: str = "concerns") -> None:
        with self.desk.acting() as (work, actor):
            linking.link_by_hand(work, actor, linking.MakeLink(start, end, kind, "probable", "Read both."))


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    """Staff at their desk, on SQLite and disk."""
    return Desk(installation, public, console_app)


@pytest.fixture
def board(desk: Desk) -> Board:
    """Something of each kind, linked."""
    numbers = []
    for title in ("Letter with records", "Something else"):
        with desk.acting() as (work, actor):
            numbers.append(services.open_case(work, actor, OpenCase(desk.installation.program_id, title)).number)
    tips = [desk.send("He bragged at the packing desk.", {"a.txt": b"a"}, examine=False), desk.send("He paid for badges.", examine=False)]
    for tip in tips:
        with desk.acting() as (work, actor):
            services.put_tip(work, actor, PutTip(tip, numbers[0], with_exhibits=True))
    with desk.acting() as (work, actor):
        handover = Handover(numbers[0], "Letter to the board", date(2026, 9, 3), "post", "Mail room")
        letter = letters.register(work, actor, letters.RegisterLetter(handover, "Pay by Friday.")).number
        subject = add_subject(work, actor, AddSubject(numbers[0], About("person", "Harrow", "badge buyer"))).number
    board = Board(desk, numbers[0], numbers[1], tips, letter, subject)
    board.link(f"tip:{tips[0]}", f"letter:{letter}")
    board.link(f"letter:{letter}", f"tip:{tips[1]}", "corroborates")
    board.link(f"tip:{tips[0]}", f"subject:{subject}", "names_subject")
    return board
