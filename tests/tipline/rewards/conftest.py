"""A program with claims, made once and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.apps import app_of
from tests.conftest import ConsoleClient
from tests.installations import Installation, copy_of
from tests.tipline.desk_house import Desk
from tests.tipline.rewards.claim_house import ClaimHouse, Source


def faces(installation: Installation) -> Desk:
    """Both faces over an installation."""
    public, console = app_of("public", installation.public), app_of("console", installation.console)
    public.config["TESTING"] = console.config["TESTING"] = True
    console.test_client_class = ConsoleClient
    return Desk(installation, public.test_client(), console)


@dataclass
class Kept:
    """A house at some point, and the browsers of its sources."""

    house: ClaimHouse
    sources: dict[str, Source]

    def copy(self, data: Path) -> ClaimHouse:
        made = ClaimHouse(faces(copy_of(self.house.desk.installation, data)))
        for number, source in self.sources.items():
            cookie = source.client.get_cookie("public-source")
            assert cookie is not None
            client = made.desk.public.application.test_client()
            client.set_cookie("public-source", cookie.value)
            made.sources[number] = Source(client, source.tip, source.words, source.code)
        return made


@pytest.fixture(scope="session")
def _open(_prepared: Installation, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    house = ClaimHouse(faces(copy_of(_prepared, tmp_path_factory.mktemp("open") / "instance")))
    house.begin()
    early = house.source("He bragged about the account svc-batch7.", {"table.bin": b"the same bytes" * 40})
    late = house.source("I saw the same table.", {"copy.bin": b"the same bytes" * 40})
    return Kept(house, {"early": early, "late": late})


@pytest.fixture(scope="session")
def _claimed(_open: Kept, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    house = _open.copy(tmp_path_factory.mktemp("claimed") / "instance")
    assert [house.sources[name].claim().status_code for name in ("late", "early")] == [303, 303]
    return Kept(house, house.sources)


@pytest.fixture(scope="session")
def _issued(_claimed: Kept, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    house = _claimed.copy(tmp_path_factory.mktemp("issued") / "instance")
    house.bring_to_a_voucher(house.number("early"))
    return Kept(house, house.sources)


@pytest.fixture
def house(_open: Kept, tmp_path: Path) -> Iterator[ClaimHouse]:
    """Two sources whose tips are in the published log and hold the same file; nobody has claimed."""
    made = _open.copy(tmp_path / "instance")
    yield made
    made.desk.installation.close()


@pytest.fixture
def claimed(_claimed: Kept, tmp_path: Path) -> Iterator[ClaimHouse]:
    """The same; both have claimed, the later tip first."""
    made = _claimed.copy(tmp_path / "instance")
    yield made
    made.desk.installation.close()


@pytest.fixture
def issued(_issued: Kept, tmp_path: Path) -> Iterator[ClaimHouse]:
    """The same; the claim of the earlier tip has a voucher over $600,000."""
    made = _issued.copy(tmp_path / "instance")
    yield made
    made.desk.installation.close()
