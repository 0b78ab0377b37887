from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import fresh_settings
from tests.tipline.accounts.console_house import ConsoleHouse, Person, build, reopen


@pytest.fixture(scope="session")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """An installation with its administrator, made once; each test works on a copy."""
    house = build(fresh_settings(tmp_path_factory.mktemp("once") / "instance"))
    person = house.administrator()
    house.close()
    return person


@pytest.fixture
def admin(set_up_once: Person, tmp_path: Path) -> Iterator[Person]:
    shutil.copytree(set_up_once.house.settings.data, tmp_path / "instance")
    person = reopen(set_up_once, fresh_settings(tmp_path / "instance"))
    yield person
    person.house.close()


@pytest.fixture
def house(admin: Person) -> ConsoleHouse:
    return admin.house
