"""A desk with one suggested link, made once in a run and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installations import Installation, copy_of
from tests.tipline.linking.linking_house import LinkingDesk, another, sit_down
from tipline.demo import content

WORDS = f"He told me to write to {content.DESK}, which is in no newspaper."


@pytest.fixture(scope="session")
def _linked(_prepared: Installation, tmp_path_factory: pytest.TempPathFactory) -> LinkingDesk:
    desk = sit_down(copy_of(_prepared, tmp_path_factory.mktemp("linked") / "instance"))
    letter, tip = desk.letter(content.LETTER.encode()), desk.send(WORDS)
    desk.catch_up()
    desk.one = (desk.links()[0].id, tip, letter)
    return desk


@pytest.fixture
def linked(_linked: LinkingDesk, tmp_path: Path) -> Iterator[LinkingDesk]:
    """A linking desk on SQLite and disk, where a tip and a letter share an address."""
    desk = another(_linked, tmp_path / "linked")
    yield desk
    desk.installation.close()
