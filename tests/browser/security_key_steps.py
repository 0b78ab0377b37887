"""A security key in Chromium: its own virtual authenticator, behind the browser's own interface and a page's own script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import CDPSession, Page

KIND = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": False}


@dataclass
class PluggedIn:
    """A key in the socket of the machine."""

    cdp: CDPSession
    id: str

    def credentials(self) -> list[dict[str, Any]]:
        """What the key holds: of each credential the host that it is bound to, and how often it answered."""
        held: list[dict[str, Any]] = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]
        return held

    def touched(self, touched: bool) -> None:
        """Let its owner touch it whenever it blinks, or never."""
        self.cdp.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": touched})


@contextmanager
def plugged_in(page: Page) -> Iterator[PluggedIn]:
    """Plug a new, empty key in, until the end."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {**KIND, "automaticPresenceSimulation": True}})
    yield PluggedIn(cdp, made["authenticatorId"])
    cdp.send("WebAuthn.disable")
    cdp.detach()
