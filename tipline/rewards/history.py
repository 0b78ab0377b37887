"""What custody says of claims: every step, by whom it was signed, and how the claim stands after them. Rows are only copies of it.

Three queries for however many claims. Each step names the entry of the step before; a voucher's own steps stand on its slip.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from evidence import custody
from evidence.errors import EvidenceError
from evidence.keys import KeyFile
from evidence.records import Opening
from tipline.accounts.key_events import Key, attesting_keys
from tipline.actor import ProgramKeys
from tipline.errors import Unsound
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit
from tipline.models.rewards import Payout, RewardClaim
from tipline.rewards import rules
from tipline.rewards.rules import Standing, Step
from tipline.rewards.signers import signed_by
from tipline.work import Work

AT_ONCE = 200  # claims whose openings are in memory together


@dataclass(frozen=True)
class Recorded:
    """A step as custody holds it. `who` is the login that the event names, `reason` what they wrote, `words` what the source is to read."""

    step: Step
    entry: str
    at: datetime
    who: str
    reason: str
    words: str = ""


@dataclass(frozen=True)
class Held:
    """An exhibit with its key and its events."""

    exhibit: Exhibit
    keyfile: KeyFile
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class History:
    """A claim as its custody tells it. `last` is the entry that the next step names; `slip` that of the newest voucher."""

    claim: Held
    recorded: tuple[Recorded, ...]
    standing: Standing
    last: str
    slip: Held | None = None
    payout: Payout | None = None

    def decided(self, count: int) -> list[Opening]:
        """The openings of the claim's last signed steps."""
        return [opening for opening in self.claim.openings if opening.field("kind") == "DECIDED"][-count:]


def read_histories(work: Work, keys: ProgramKeys, claims: Sequence[RewardClaim]) -> dict[str, History]:
    """Return the history of each claim that was not disposed of, by claim id.

    Raises:
        Unsound: what a row says is not what custody says, or a step is not signed by who could take it.
    """
    payouts = _payouts(work, [claim.id for claim in claims])
    exhibit_ids = [claim.exhibit_id for claim in claims] + [one.exhibit_id for found in payouts.values() for one in found]
    held = _held(work, keys, exhibit_ids)
    known = attesting_keys(work)
    return {claim.id: _history(claim, payouts[claim.id], held, known) for claim in claims if claim.exhibit_id in held}


def standings(work: Work, keys: ProgramKeys, claims: Sequence[RewardClaim]) -> Iterator[Standing]:
    """How claims stand by their custody, in batches; of one that was disposed of what its row says. Raises as `read_histories`."""
    for start in range(0, len(claims), AT_ONCE):
        some = claims[start : start + AT_ONCE]
        found = read_histories(work, keys, some)
        for claim in some:
            yield found[claim.id].standing if claim.id in found else Standing(claim.state, claim.version, claim.amount)


def _payouts(work: Work, ids: Sequence[str]) -> defaultdict[str, list[Payout]]:
    found: defaultdict[str, list[Payout]] = defaultdict(list)
    for row in work.session.scalars(select(Payout).where(Payout.claim_id.in_(ids)).order_by(Payout.issued_at, Payout.number)):
        found[row.claim_id].append(row)
    return found


def _held(work: Work, keys: ProgramKeys, ids: Sequence[str]) -> dict[str, Held]:
    exhibits = work.session.scalars(select(Exhibit).where(Exhibit.id.in_(ids), Exhibit.state != "disposed")).all()
    rows = work.session.execute(
        select(CustodyEvent.exhibit_id, CustodyEvent.entry, CustodyOpening.opening)
        .outerjoin(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
        .where(CustodyEvent.exhibit_id.in_([one.id for one in exhibits]))
        .order_by(CustodyEvent.exhibit_id, CustodyEvent.exhibit_seq)
    )
    sealed: defaultdict[str, list[tuple[str, bytes | None]]] = defaultdict(list)
    for exhibit_id, entry, blob in rows:
        sealed[exhibit_id].append((entry, blob))
    found = {}
    for exhibit in exhibits:
        keyfile = work.vault.open_exhibit(exhibit, keys)
        found[exhibit.id] = Held(exhibit, keyfile, tuple(_openings(keyfile, sealed[exhibit.id])))
    return found


def _openings(keyfile: KeyFile, rows: Sequence[tuple[str, bytes | None]]) -> list[Opening]:
    try:
        openings = [Opening.from_bytes(keyfile.identity.unwrap(blob or b"")) for _, blob in rows]
        custody.check_chain(openings)
    except EvidenceError as error:
        raise _unsound(f"its custody has a fault: {error}") from error
    if not openings or [opening.entry().hex() for opening in openings] != [entry for entry, _ in rows]:
        raise _unsound("a custody event is not the one that was recorded")
    return openings


def _history(claim: RewardClaim, payouts: Sequence[Payout], held: Mapping[str, Held], keys: Mapping[bytes, Key]) -> History:
    own = held[claim.exhibit_id]
    if not signed_by(own.openings[0].body(), own.openings[0].attestations, keys).process:
        raise _unsound("none of our processes received it")
    slips = {slip.keyfile.plaintext_digest: (slip, payout) for payout in payouts if (slip := held.get(payout.exhibit_id))}
    walk = _Walk(slips, keys, own.openings[0].entry().hex())
    for opening in own.openings:
        if opening.field("kind") == "DECIDED":
            walk.over(opening)
    now = rules.replay(one.step for one in walk.recorded)
    if (claim.state, claim.amount, claim.version) != (now.state, now.amount, now.version):
        raise _unsound("its row says something else than its custody")
    slip, payout = walk.newest or (None, None)
    return History(own, tuple(walk.recorded), now, walk.last, slip, payout)


@dataclass
class _Walk:
    """Goes over the steps of a claim in their order, each of which names the one before."""

    slips: Mapping[str, tuple[Held, Payout]]  # by the digest of what is sealed in them
    keys: Mapping[bytes, Key]
    last: str
    recorded: list[Recorded] = field(default_factory=list)
    newest: tuple[Held, Payout] | None = None

    def over(self, opening: Opening) -> None:
        """A step of the claim itself; with a voucher those that stand on its slip follow."""
        act, _ = rules.read_said(str(opening.field("result")))
        if act in rules.ON_THE_VOUCHER:
            raise _unsound("a step of a voucher stands outside of it")
        if act != "issue":
            return self._add(opening)
        self.newest = self.slips.get(str(opening.field("plaintext_after")))
        if self.newest is None:
            raise _unsound("the slip of its voucher is gone")
        made, *after = self.newest[0].openings
        self._add(opening)
        self._follow(made)
        for one in after:
            if one.field("kind") == "DECIDED":
                self._add(one)
        return None

    def _follow(self, opening: Opening) -> None:
        if opening.field("authority") != self.last:
            raise _unsound("a step does not follow from the one before")
        self.last = opening.entry().hex()

    def _add(self, opening: Opening) -> None:
        self._follow(opening)
        signed = signed_by(opening.body(), opening.attestations, self.keys)
        act, amount = rules.read_said(str(opening.field("result")))
        if not signed.process or bool(signed.person) == (act == "expire"):
            raise _unsound("a step is not signed by who took it")
        who = str(opening.field("actor"))
        agent = who if act == "pay" else str(opening.field("received_by") or "")
        at = datetime.fromisoformat(str(opening.field("occurred_from")))
        step = Step(act, signed.person, 0, amount, agent)
        words = str(opening.field("purpose") or "") if act == "propose_decline" else ""
        self.recorded.append(Recorded(step, self.last, at, who, str(opening.field("justification") or ""), words))


def _unsound(why: str) -> Unsound:
    return Unsound(f"This claim does not agree with the custody record: {why}.", rules.TELL)
