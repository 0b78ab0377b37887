"""What all fault tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.counting import PROPERTY, Tally


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts this test's faults and violations for the line at the end of the run."""
    counted = Tally()
    yield counted
    request.node.user_properties.append((PROPERTY, (counted.injected, len(counted.violations), counted.seed)))
