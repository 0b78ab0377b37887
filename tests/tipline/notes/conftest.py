"""The desk of the inbox's tests: notes are written about its tips."""

from __future__ import annotations

from tests.tipline.inbox.conftest import desk as desk
