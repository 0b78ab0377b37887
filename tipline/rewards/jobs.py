"""What the worker does for payouts: once a day it ends the vouchers whose last day is over."""

from __future__ import annotations

from tipline.jobs import daily_sweep
from tipline.rewards import payouts
from tipline.work import Work


@daily_sweep("expire_vouchers")
def expire(work: Work) -> None:
    """End what is over, and free its amount."""
    payouts.expire_due(work)
