"""The desk fixture."""

from __future__ import annotations

import pytest

from tests.installations import Installation
from tests.tipline.linking.linking_house import LinkingDesk, sit_down


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    """A linking desk on SQLite and disk."""
    return sit_down(installation)
