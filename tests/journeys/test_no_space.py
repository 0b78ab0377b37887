"""The disk of the objects is full: the source is told, nothing is half-stored, and everything else goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import disks
from tests.journeys.conftest import House, started
from tests.journeys.test_bad_input import ARRIVED, begin, fill, send_tip
from tests.tipline.intake.house import SEND
from tipline.models.tips import DraftPart

DISK_BYTES = 4 * 1024**2


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with disks.small_disk(tmp_path_factory.mktemp("small"), DISK_BYTES) as folder:
        yield folder


@pytest.fixture(scope="module")
def house(small_disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with started(tmp_path_factory.mktemp("full"), storage_url=str(small_disk / "objects")) as house:
        yield house


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_without_room_is_refused_and_the_tip_can_be_sent_without_it(house: House, small_disk: Path) -> None:
    with house.visitor() as source:
        before, draft = house.count(DraftPart), begin(source)
        kept = files(small_disk)
        answer = fill(source, draft, "Words that stay", {"large.bin": os.urandom(2 * DISK_BYTES)})
        assert answer.status_code == 507
        assert "We have no space for large.bin just now. Send the tip without it, or come back in a day." in answer.text
        assert "Words that stay" in answer.text
        assert (house.count(DraftPart), files(small_disk)) == (before, kept)
        assert source.get("/p/northfield").status_code == 200
        assert fill(source, draft, "Words that stay", {"small.txt": b"small"}).status_code == 200
        assert ARRIVED in source.post(SEND, data={"draft": draft}).text
    house.check()


def test_a_disk_without_any_room_refuses_the_whole_tip_and_takes_it_later(house: House, small_disk: Path) -> None:
    filler = small_disk / "filler"
    with house.visitor() as source:
        draft = begin(source)
        assert fill(source, draft, "Nowhere to go").status_code == 200
        before, kept = house.count(), files(small_disk)
        disks.fill_up(filler)
        try:
            answer = source.post(SEND, data={"draft": draft})
            assert answer.status_code == 507
            assert "Traceback" not in answer.text
            assert (house.count(), [name for name in files(small_disk) if name != "filler"]) == (before, kept)
            assert source.get("/p/northfield").status_code == 200
        finally:
            filler.unlink()
        assert ARRIVED in source.post(SEND, data={"draft": draft}).text
        assert house.count() == before + 1
        assert ARRIVED in send_tip(source).text
    house.check()
