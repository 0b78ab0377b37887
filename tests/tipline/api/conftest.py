"""The desk fixture."""

from __future__ import annotations

import pytest

from tests.installations import Installation
from tests.tipline.linkeddesk import _linked as _linked
from tests.tipline.linkeddesk import linked as linked
from tests.tipline.linking.linking_house import LinkingDesk, sit_down


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    """A linking desk on SQLite and disk."""
    return sit_down(installation)
