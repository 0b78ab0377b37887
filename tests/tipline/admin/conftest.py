from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tipline.accounts.console_house import ConsoleHouse, Person, build
from tipline.config import Settings


@pytest.fixture
def house(settings: Settings) -> Iterator[ConsoleHouse]:
    built = build(settings)
    yield built
    built.close()


@pytest.fixture
def admin(house: ConsoleHouse) -> Person:
    return house.administrator()
