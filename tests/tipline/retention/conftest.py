"""The desk of these tests: a case with a tip, a letter and a sample, all in the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.apps import app_of
from tests.conftest import ConsoleClient, fresh_settings
from tests.installations import Installation, copy_of, install
from tests.tipline.desk_house import Desk, photo
from tests.tipline.handovers import arrive, handover, open_a_case
from tipline.cases.services import get_case, number_exhibit
from tipline.exhibits.opening import get_exhibit
from tipline.letters.services import RegisterLetter
from tipline.letters.services import register as register_letter
from tipline.retention.dispositions import Propose, decide, propose
from tipline.samples.services import RegisterSample
from tipline.samples.services import register as register_sample

WALLET = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
WORDS = f"canary-words of the source. Pay to {WALLET}."
TABLE = b"first_name,last_name,birth_date,member_id\nAda,Canaryname,1970-01-02,MB-11112222\nBo,Canaryother,1971-03-04,MB-33334444\n"


@dataclass
class Archive:
    """The desk, and the exhibits by what they are."""

    desk: Desk
    case: str
    tip: str
    exhibits: dict[str, str]

    @property
    def inside(self) -> Installation:
        return self.desk.installation

    def propose(self, name: str, role: str = "investigator", *children: str) -> list[str]:
        with self.desk.acting(role) as (work, actor):
            made = propose(work, actor, Propose(self.exhibits[name], "Kept long enough", "Rule 7 of 2026", children))
            return [one.id for one in made]

    def dispose(self, name: str) -> None:
        """Dispose of an exhibit as two people do."""
        proposed = self.propose(name)[0]
        self.inside.sequence()
        with self.desk.acting("counsel") as (work, actor):
            decide(work, actor, proposed)
        self.inside.sequence()


def desk_of(installation: Installation) -> Desk:
    """Both faces over an installation."""
    public, console = app_of("public", installation.public), app_of("console", installation.console)
    console.test_client_class = ConsoleClient
    for app in (public, console):
        app.config["TESTING"] = True
    return Desk(installation, public.test_client(), console)


def fill(installation: Installation) -> Archive:
    """A tip of two files and a letter that share a wallet, and a sample; each an exhibit of one case, each event in the log."""
    desk = desk_of(installation)
    case = open_a_case(installation)
    tip = desk.send(WORDS, {"IMG_1.jpg": photo(), "members.csv": TABLE})
    with desk.acting() as (work, actor):
        arrived = arrive(work, f"canary-letter: pay {WALLET} or else.".encode(), "letter.txt")
        letter = register_letter(work, actor, RegisterLetter(handover(case), arrived=arrived))
        sample = register_sample(work, actor, RegisterSample(handover(case, "Sample"), arrive(work, TABLE, "sample.csv")))
        found = {"letter": letter.exhibit_id, "sample": sample.exhibit_id}
    found |= dict(zip(("words", "photo", "table"), (exhibit.id for exhibit in desk.exhibits(tip)), strict=True))
    with desk.acting() as (work, actor):
        for name in ("words", "photo", "table"):
            number_exhibit(work, actor, get_exhibit(work, actor, found[name], lock=True), get_case(work, actor, case))
    installation.run_jobs()
    installation.sequence()
    return Archive(desk, case, tip, found)


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return fill(install(fresh_settings(tmp_path_factory.mktemp("archive") / "instance")))


@pytest.fixture
def archive(_filled: Archive, tmp_path: Path) -> Iterator[Archive]:
    """What `fill` makes, in a folder of its own."""
    installation = copy_of(_filled.inside, tmp_path / "instance")
    yield replace(_filled, desk=desk_of(installation))
    installation.close()
