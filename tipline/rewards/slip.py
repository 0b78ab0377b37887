"""The slip of a voucher: what a paying agent opens. It says amount, program and agent, and nothing of the tip.

{"suite":"tipline/payout/1","payout":"...","number":"PO-2026-0002","claim_exhibit":"...","amount":600000,"currency":"USD","program":"...",
 "agent":"p.marsh","expires_on":"2027-01-20","voucher":"<sha256>","steps":["<custody line>","<custody line>","<custody line>"]}

`steps` are the signed events of the recommendation and the two approvals, everything else in them withheld: an agent pays only what
three people signed, whatever the database says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

from evidence import canonical, custody
from evidence.errors import EvidenceError
from evidence.records import FIELDS, Opening, body_hash, commitment
from tipline.accounts.key_events import Key
from tipline.errors import Unsound
from tipline.rewards import rules
from tipline.rewards.signers import signed_by

SUITE = "tipline/payout/1"
NAME = "voucher.json"
KIND = "payout"
SHOWN = frozenset({"exhibit", "exhibit_seq", "exhibit_prev", "kind", "result", "received_by", "authority"})
WITHHELD = dict.fromkeys((name for name in FIELDS if name not in SHOWN), "not the paying agent's")
NOT_SOUND = ("This voucher is not what three people signed.", "Do not pay it. Tell the program manager.")


@dataclass(frozen=True)
class Slip:
    """What a paying agent may know of a voucher."""

    payout: str
    number: str
    claim_exhibit: str
    amount: int
    currency: str
    program: str
    agent: str
    expires_on: date
    voucher: str
    steps: tuple[str, ...] = ()

    def encode(self) -> bytes:
        values = {**asdict(self), "expires_on": self.expires_on.isoformat(), "steps": list(self.steps)}
        return canonical.encode({"suite": SUITE, **values})


def decode(data: bytes) -> Slip:
    """Read what `encode` wrote. Raises Unsound."""
    try:
        found = canonical.decode(data)
        suite = found.pop("suite")
        made = Slip(**{**found, "expires_on": date.fromisoformat(found["expires_on"]), "steps": tuple(found["steps"])})
        if suite == SUITE and made.encode() == data:
            return made
    except (EvidenceError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unsound(*NOT_SOUND) from error
    raise Unsound(*NOT_SOUND)


def with_steps(slip: Slip, openings: Sequence[Opening]) -> Slip:
    """The slip with the three signed events that allow it."""
    return replace(slip, steps=tuple(custody.encode_event(custody.disclose(opening, WITHHELD)) for opening in openings))


def check_steps(slip: Slip, keys: Mapping[bytes, Key]) -> set[str]:
    """Return the ids of the three people who signed for this amount and agent.

    Raises:
        Unsound: they are not three, or signed something else.
    """
    steps = []
    for line in slip.steps:
        try:
            event = custody.decode_event(line)
        except EvidenceError as error:
            raise Unsound(*NOT_SOUND) from error
        steps.append(_step(slip, event, keys))
    now = rules.replay(steps)
    if (now.state, now.amount, now.agent) != ("approved", slip.amount, slip.agent):
        raise Unsound(*NOT_SOUND)
    return {now.recommender, now.first, now.second}


def _step(slip: Slip, event: custody.BundleEvent, keys: Mapping[bytes, Key]) -> rules.Step:
    values = event.values()
    pairs = zip(FIELDS, event.fields, strict=True)
    body = body_hash([data if name in event.withheld else commitment(data) for name, data in pairs])
    signed = signed_by(body, event.attestations or (), keys)
    if values.get("kind") != "DECIDED" or values["exhibit"] != slip.claim_exhibit or not signed.process or not signed.person:
        raise Unsound(*NOT_SOUND)
    act, amount = rules.read_said(str(values.get("result")))
    return rules.Step(act, signed.person, 0, amount, str(values.get("received_by") or ""))
