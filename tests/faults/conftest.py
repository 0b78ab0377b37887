"""What all fault tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.counting import PROPERTY, Tally
from tests.faults.world import World, tell


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts this test's faults and violations for the line at the end of the run."""
    counted = Tally()
    yield counted
    request.node.user_properties.append((PROPERTY, (counted.injected, len(counted.violations), counted.seed)))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One installation, copied for each fault and never changed itself."""
    return tell(tmp_path_factory.mktemp("world"))
