"""The desk fixture, and a case with something of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import ConsoleClient
from tests.installations import Installation, copy_of
from tests.tipline.desk_house import Desk
from tipline.app import create_console_app, create_public_app
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


@pytest.fixture(scope="package")
def _laid_out(_prepared: Installation, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The board once, on an installation that nobody works in: each test has a copy of it."""
    made = copy_of(_prepared, tmp_path_factory.mktemp("board") / "instance")
    return lay_out(_desk_of(made))


@pytest.fixture
def board(_laid_out: Board, tmp_path: Path) -> Iterator[Board]:
    """Something of each kind, linked, on SQLite and disk."""
    copied = copy_of(_laid_out.desk.installation, tmp_path / "instance")
    yield replace(_laid_out, desk=_desk_of(copied))
    copied.close()


def _desk_of(installation: Installation) -> Desk:
    public, console = create_public_app(installation.public), create_console_app(installation.console)
    console.test_client_class = ConsoleClient
    public.config["TESTING"] = console.config["TESTING"] = True
    return Desk(installation, public.test_client(), console)


def lay_out(desk: Desk) -> Board:
    """Make the board at a desk."""
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
