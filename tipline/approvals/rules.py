"""What a second person answers: which acts need one, who may ask and answer, and how long an answer holds. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

LIFE = timedelta(hours=24)  # of a question, and of the answer from when it was given
REASON_LENGTH = 400
REVEAL, EXPORT = "reveal", "export"
ASKS = {REVEAL: "reveal.ask", EXPORT: "export.make"}  # what asking takes
DECIDES = {REVEAL: "reveal.decide", EXPORT: "export.decide"}  # what answering takes
NAMES = {REVEAL: "Reveal", EXPORT: "Export"}
WAITING = ("asked", "approved")
STATES = {
    "asked": "Waits for a second person",
    "approved": "Approved",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
    "used": "Used",
    "lapsed": "Lapsed",
}
STATE_KINDS = {"asked": "hold", "approved": "ok", "declined": "bad", "withdrawn": "done", "used": "done", "lapsed": "done"}


def state_at(state: str, lapses_at: datetime, now: datetime) -> str:
    """Return how a request stands at a moment: what nobody answered or used in time has lapsed, whatever its row says."""
    return "lapsed" if state in WAITING and lapses_at <= now else state


def clean(reason: str) -> str:
    """Return a reason as it is kept: single spaces, none at its ends."""
    return " ".join(reason.split())
