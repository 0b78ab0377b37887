"""People in X12 files: 837 claims, 835 payments, 834 enrolments, 270/271 and 276/277 questions and answers.

    ISA*00*...*:~GS*HC*...~ST*837*0001~...NM1*IL*1*DOE*JOHN*T**JR*MI*123456~N3*...~N4*...~DMG*D8*19630519*M~CLM*...~

Separators come from the ISA segment (element after "ISA", component and segment end after its 16th element), each
interchange its own. Imperfect files are read as far as they go: no loop structure is demanded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tipline.samples import normal
from tipline.samples.rows import Coverage, ReadResult, Row

LONGEST_SEGMENT = 1024 * 1024
_MOST_CHANGES = 20_000  # each is looked at anew: a file of nothing but ISA segments must not take for ever
_ENOUGH = 512  # bytes that hold any ISA segment and what follows it

_ROLES = {b"IL": "subscriber", b"QC": "patient", b"74": "corrected insured", b"70": "prior insured", b"03": "dependent", b"S1": "parent"}
_ROLES |= {b"S3": "parent", b"LR": "legal representative", b"31": "postal address of the insured", b"M8": "educational", b"GD": "guardian"}
_TELLING = frozenset({"last_name", "first_name", "member_id", "ssn"})
_SSN, _NUMBERS = b"34", frozenset({b"MI", b"HN", b"II", b"N", b"C1", b"ZZ", b"EI"})
_REFERENCES = {b"SY": "ssn", b"0F": "member_id", b"1W": "member_id", b"1L": "group_id", b"6P": "group_id", b"18": "plan"}
_SERVICE_DATES = frozenset({b"472", b"434", b"232", b"150"})
_KNOWN = frozenset(
    b"AAA AMT AT B2 BGN BHT BPR CAS CL1 CLM CLP CN1 COB CR1 CR2 CR3 CR5 CRC CTP CUR DMG DSB DTM DTP DTP EB EC EQ FRM GE GS HCP HCR HD HI "
    b"HL HLH HSD ICM IDC III IEA INS ISA K3 LE LIN LQ LS LUI LX MEA MIA MOA MSG N1 N2 N3 N4 NM1 NTE OI PAT PER PLA PLB PRV PS1 PWK QTY "
    b"RDM REF RMR SBR SE ST STC SV1 SV2 SV3 SV5 SVC SVD TA1 TOO TRN TS2 TS3 UM VEH AK1 AK2 AK3 AK4 AK5 AK9 IK3 IK4 IK5 CTX".split()
)


class Separators(NamedTuple):
    """What parts elements, components and segments in one interchange."""

    element: bytes
    component: bytes
    segment: bytes


def find_separators(data: bytes) -> Separators:
    """Read the separators from the first ISA segment; the usual ones where there is none that makes sense."""
    at = data.find(b"ISA")
    if at >= 0:
        element, place = data[at + 3 : at + 4], at + 3
        for _ in range(15):
            place = data.find(element, place + 1) if place >= 0 else place
        component, segment = data[place + 1 : place + 2], data[place + 2 : place + 3]
        if place > 0 and element and segment and not (element + segment).isalnum() and segment != element:
            lines = segment == b"\r" and data[place + 3 : place + 4] == b"\n"
            return Separators(element, component, b"\n" if lines else segment)
    return Separators(b"*", b":", b"~" if b"~" in data else b"\n")


def looks_like(head: bytes) -> bool:
    """Say whether these first bytes are X12, with or without its envelope."""
    start = head.lstrip(b"\xef\xbb\xbf\r\n\t ")
    if start[:3] == b"ISA" and len(start) > 20 and not start[3:4].isalnum():
        return start.count(start[3:4]) >= 10
    return start[:3] in {b"GS*", b"ST*"} and (b"NM1*" in start or b"~" in start)


def transaction_set(head: bytes) -> str:
    """The number of the first transaction set, "837"; empty where none is near the start."""
    separators = find_separators(head)
    for piece in head.split(separators.segment):
        parts = piece.strip().split(separators.element)
        if parts[0] == b"ST" and len(parts) > 1 and parts[1].isdigit():
            return parts[1].decode("ascii")[:3]
    return ""


def read(chunks: Iterable[bytes], head: bytes = b"") -> ReadResult:
    """Read people and their claims, segment by segment. `head` is the beginning again, for the label."""
    coverage = Coverage("segments")
    return ReadResult("x12", f"X12 {transaction_set(head)}".strip(), _rows(chunks, coverage), coverage)


def _rows(chunks: Iterable[bytes], coverage: Coverage) -> Iterator[Row]:
    people = _People()
    counts: Counter[bytes] = Counter()
    for pieces, separators in _batches(chunks):
        people.separators = separators
        element = separators.element
        for piece in pieces:
            segment = piece.strip()
            if not segment:
                continue
            people.place += 1
            name = segment[: segment.find(element)] if element in segment[:4] else segment[:4]
            counts[name] += 1
            if (step := people.steps.get(name)) is not None:
                step(segment.split(element))
        yield from people.take()
        coverage.total, coverage.understood = counts.total(), sum(n for name, n in counts.items() if name in _KNOWN)
    people.close()
    yield from people.take()


def _batches(chunks: Iterable[bytes]) -> Iterator[tuple[list[bytes], Separators]]:
    """Split the stream into segments; a later interchange may bring other separators."""
    waiting, separators, changes = b"", None, 0
    for chunk in chunks:
        waiting += chunk
        if separators is None and len(waiting) < _ENOUGH:
            continue
        separators = separators or find_separators(waiting)
        changed: Separators | None = separators
        while changed is not None:
            separators = changed
            pieces, changed = _until_change(waiting, separators, ended=False)
            waiting = pieces.pop()
            yield pieces, separators
            changes += changed is not None
            changed = changed if changes < _MOST_CHANGES else None
        if len(waiting) > LONGEST_SEGMENT:
            yield [waiting], separators
            waiting = b""
    changed = separators or find_separators(waiting)
    while changed is not None:
        separators = changed
        pieces, changed = _until_change(waiting, separators, ended=True)
        changes += changed is not None
        changed = changed if changes < _MOST_CHANGES else None
        waiting = pieces.pop() if changed is not None else b""
        yield pieces, separators


def _until_change(data: bytes, separators: Separators, *, ended: bool) -> tuple[list[bytes], Separators | None]:
    """Split up to an ISA that speaks with other separators, and return those: the last piece is then all that follows.

    Where too little of that ISA is there to tell, the last piece is all that follows, and no change is returned.
    """
    pieces = data.split(separators.segment)
    if b"ISA" not in data:
        return pieces, None
    for index, piece in enumerate(pieces):
        start = piece.lstrip()
        if start[:3] != b"ISA" or (start[3:4] == separators.element and start.count(separators.element) == 16):
            continue
        rest = separators.segment.join(pieces[index:])
        if len(rest) < _ENOUGH and not ended:
            return [*pieces[:index], rest], None
        found = find_separators(rest)
        if found != separators:
            return [*pieces[:index], rest], found
    return pieces, None


@dataclass
class _Open:
    """A person being read."""

    locator: str
    values: dict[str, str]
    written: bool = False


@dataclass
class _People:
    """The state between segments: the person, the claim, and whom an address or birth date belongs to."""

    separators: Separators = field(default_factory=lambda: Separators(b"*", b":", b"~"))
    place: int = 0
    person: _Open | None = None
    beside: _Open | None = None
    target: _Open | None = None
    claim: dict[str, str] | None = None
    policy: dict[str, str] = field(default_factory=dict)
    done: list[Row] = field(default_factory=list)
    steps: dict[bytes, Callable[[list[bytes]], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps = {b"NM1": self._name, b"N3": self._street, b"N4": self._city, b"DMG": self._born, b"PER": self._contact}
        self.steps |= {b"REF": self._reference, b"SBR": self._policy, b"HD": self._coverage, b"CLM": self._claim, b"CLP": self._payment}
        self.steps |= {b"HI": self._diagnosis, b"SV1": self._service, b"SV3": self._service, b"SVC": self._service, b"SV2": self._service}
        self.steps |= {b"LIN": self._drug, b"DTP": self._date, b"DTM": self._date, b"HL": self._level, b"INS": self._fresh}
        self.steps |= {b"ST": self._fresh, b"SE": self._fresh, b"ISA": self._fresh, b"IEA": self._fresh, b"N1": self._organisation}

    def take(self) -> list[Row]:
        """Hand over the rows that are complete."""
        rows, self.done = self.done, []
        return rows

    def close(self) -> None:
        """Write what is still open."""
        self._close_beside()
        self._close_claim()
        if self.person is not None and not self.person.written:
            self._write(self.person, {})
        self.person = self.target = None

    def _write(self, person: _Open, more: dict[str, str]) -> None:
        values = {**self.policy, **person.values, **more} if person is self.person else person.values
        person.written = True
        values = {name: value for name, value in values.items() if value}
        if _TELLING & values.keys():
            self.done.append(Row(person.locator, values))

    def _close_beside(self) -> None:
        if self.beside is not None:
            self._write(self.beside, {})
        self.beside = None

    def _close_claim(self) -> None:
        if self.claim is not None and self.person is not None:
            self._write(self.person, self.claim)
        self.claim = None

    def _fresh(self, _: list[bytes]) -> None:
        self.close()
        self.policy = {}

    def _level(self, parts: list[bytes]) -> None:
        self.close()
        if _part(parts, 3) != "23":  # a patient keeps the policy of the subscriber above
            self.policy = {}

    def _name(self, parts: list[bytes]) -> None:
        code = parts[1] if len(parts) > 1 else b""
        self._close_beside()
        if code not in _ROLES or _part(parts, 2) == "2":
            self.target = None
            if code == b"PR" and self.person is not None and self.claim is None:
                self.policy.setdefault("plan", _part(parts, 3))
            return
        opened = _Open(f"segment {self.place}", self._named(parts, _ROLES[code]))
        if self.person is not None and (self.claim is not None or code not in {b"IL", b"QC", b"03"}):
            self.beside = opened  # another insured inside the claim, or the name as it was before
        else:
            self.close_person_for(opened, code)
        self.target = opened

    def close_person_for(self, opened: _Open, code: bytes) -> None:
        """Make `opened` the person whom claims that follow belong to."""
        claim, self.claim = (self.claim, None) if self.person is None else (None, self.claim)
        self.close()
        self.person, self.claim = opened, claim
        if code == b"IL" and "member_id" in opened.values:
            self.policy["member_id"] = opened.values["member_id"]

    def _named(self, parts: list[bytes], role: str) -> dict[str, str]:
        values = {"role": role, "last_name": _part(parts, 3), "first_name": _part(parts, 4), "middle_name": _part(parts, 5)}
        values["name_suffix"] = _part(parts, 7)
        number, kind = _part(parts, 9), parts[8] if len(parts) > 8 else b""
        if number and (kind == _SSN or kind in _NUMBERS):
            values["ssn" if kind == _SSN else "member_id"] = number
        return values

    def _organisation(self, _: list[bytes]) -> None:
        self.target = None

    def _set(self, name: str, value: str) -> None:
        if value and self.target is not None:
            self.target.values.setdefault(name, value)

    def _street(self, parts: list[bytes]) -> None:
        self._set("address", " ".join(filter(None, (_part(parts, 1), _part(parts, 2)))))

    def _city(self, parts: list[bytes]) -> None:
        for name, at in (("city", 1), ("state", 2), ("zip", 3)):
            self._set(name, _part(parts, at))

    def _born(self, parts: list[bytes]) -> None:
        self._set("birth_date", normal.day(_part(parts, 2)))
        self._set("sex", _part(parts, 3))

    def _contact(self, parts: list[bytes]) -> None:
        for at in range(3, len(parts) - 1, 2):
            kind = {b"TE": "phone", b"HP": "phone", b"CP": "phone", b"WP": "phone", b"EM": "email"}.get(parts[at])
            if kind:
                self._set(kind, _part(parts, at + 1))

    def _reference(self, parts: list[bytes]) -> None:
        name = _REFERENCES.get(parts[1]) if len(parts) > 2 else None
        if name is None:
            return
        if self.person is None and self.claim is None:  # 834: the numbers stand before the name
            self.policy.setdefault(name, _part(parts, 2))
        else:
            self._set(name, _part(parts, 2))

    def _policy(self, parts: list[bytes]) -> None:
        if self.claim is None:
            self.policy |= {"group_id": _part(parts, 3), "plan": _part(parts, 4)}
            self.policy = {name: value for name, value in self.policy.items() if value}

    def _coverage(self, parts: list[bytes]) -> None:
        if self.person is not None:
            self.person.values.setdefault("plan", _part(parts, 4) or _part(parts, 3))

    def _claim(self, parts: list[bytes]) -> None:
        self._close_beside()
        self._close_claim()
        self.claim, self.target = {"claim_id": _part(parts, 1)}, None

    def _payment(self, parts: list[bytes]) -> None:
        self._fresh(parts)
        self.claim = {"claim_id": _part(parts, 1)}

    def _add(self, name: str, value: str) -> None:
        if value and self.claim is not None and value not in (held := self.claim.get(name, "")).split(" "):
            self.claim[name] = f"{held} {value}".strip()[:400]

    def _component(self, parts: list[bytes], at: int) -> str:
        pieces = parts[at].split(self.separators.component) if len(parts) > at else []
        return _text(pieces[1]) if len(pieces) > 1 else ""

    def _diagnosis(self, parts: list[bytes]) -> None:
        for at in range(1, len(parts)):
            self._add("diagnosis", self._component(parts, at))

    def _service(self, parts: list[bytes]) -> None:
        self._add("procedure", self._component(parts, 2 if parts[0] == b"SV2" else 1))

    def _drug(self, parts: list[bytes]) -> None:
        if _part(parts, 2) == "N4":
            self._add("drug", _part(parts, 3))

    def _date(self, parts: list[bytes]) -> None:
        if self.claim is not None and len(parts) > 2 and parts[1] in _SERVICE_DATES:
            text = _part(parts, 2) if parts[0] == b"DTM" else _part(parts, 3)
            self.claim.setdefault("service_date", normal.day(text[:8]))


def _part(parts: list[bytes], at: int) -> str:
    return _text(parts[at]) if len(parts) > at else ""


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").strip()
