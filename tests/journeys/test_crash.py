"""Every process is killed at once, as a power cut does, while tips are being sent: what was acknowledged is whole afterwards."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from tests.journeys import invariants
from tests.journeys.conftest import House, started
from tests.journeys.test_bad_input import KIND, words_on
from tests.tipline.intake.house import SEND, TIP, field_value, multipart
from tipline.intake.receipt import parse_receipt
from tipline.models.custody import Exhibit

ROUNDS, SENDERS = 2, 5
MOST_ROUND = 4.0  # seconds until the power goes, at most
ENOUGH = 2  # tips that must have been acknowledged, all rounds together, for the test to say something
PIECE = 100_000


@dataclass(frozen=True)
class Acknowledged:
    """A tip whose source saw the receipt: its words, and the digests of what was sent."""

    receipt: str
    text: str
    files: tuple[tuple[str, str], ...]


@dataclass
class Senders:
    """Sources that send one tip after the other until the line breaks."""

    house: House
    seed: int
    acknowledged: list[Acknowledged] = field(default_factory=list)
    broken: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(SENDERS):
            self._threads.append(threading.Thread(target=self._send_on, args=(random.Random(f"{self.seed}-{number}"),), daemon=True))
            self._threads[-1].start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a request hangs after the server's death"

    def _send_on(self, chance: random.Random) -> None:
        with httpx.Client(base_url=self.house.site.public, timeout=30) as client:
            try:
                while True:
                    self.acknowledged.append(self._send(client, chance))
            except httpx.TransportError:
                self.broken += 1

    def _send(self, client: httpx.Client, chance: random.Random) -> Acknowledged:
        draft = field_value(client.get(TIP).text, "draft")
        text = f"Tip {chance.getrandbits(64):x}"
        files = {f"{at}.bin": chance.randbytes(chance.choice((10, PIECE, 8 * PIECE))) for at in range(chance.randint(0, 3))}
        body = multipart({"draft": draft, "what": text, "how": "told"}, files)
        checked = client.post(TIP, content=body, headers={"Content-Type": KIND})
        assert checked.status_code == 200, checked.text[:300]
        sent = client.post(SEND, data={"draft": draft})
        assert sent.status_code == 200, sent.text[:300]
        digests = tuple((name, f"sha256:{hashlib.sha256(data).hexdigest()}") for name, data in files.items())
        return Acknowledged(words_on(sent.text), text, digests)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with started(tmp_path_factory.mktemp("crash")) as house:
        yield house


def test_what_was_acknowledged_survives_every_power_cut(house: House) -> None:
    chance, acknowledged = random.Random(20261122), []
    for number in range(ROUNDS):
        senders = Senders(house, number)
        senders.start()
        wait_for_something(senders, chance.uniform(0.2, MOST_ROUND))
        house.site.kill()
        senders.join()
        assert senders.broken == SENDERS
        acknowledged += senders.acknowledged
        house.site.start()
    assert len(acknowledged) >= ENOUGH
    house.check()
    assert wrong(house, acknowledged) == []


def wait_for_something(senders: Senders, seconds: float) -> None:
    """At least so long, and until one tip was acknowledged, which takes its time on a machine that is busy."""
    began = time.monotonic()
    while time.monotonic() - began < seconds or (not senders.acknowledged and time.monotonic() - began < 30):
        time.sleep(0.02)


def wrong(house: House, acknowledged: list[Acknowledged]) -> list[str]:
    """Every acknowledged tip opens by its receipt and holds what was sent, in number and in bytes."""
    stored = invariants.exhibits(house.inside.settings, house.keys)
    found = []
    for tip in acknowledged:
        receipt = parse_receipt(tip.receipt)
        assert receipt is not None
        items = stored.get(receipt.source_identity().recipient, [])
        if [(item.name, item.digest) for item in items[1:]] != list(tip.files):
            found.append(f"{tip.text} has {len(items) - 1} of {len(tip.files)} files")
        words = f"How do you know this? Someone told me\n\nWhat happened?\n\n{tip.text}"
        if not items or items[0].digest != f"sha256:{hashlib.sha256(words.encode()).hexdigest()}":
            found.append(f"{tip.text} has lost its words")
    with house.visitor() as source:
        page = come_back_over_http(source, acknowledged[-1].receipt)
        if "Your tip" not in page:
            found.append("a receipt does not open its tip")
    return found


def come_back_over_http(source: httpx.Client, receipt: str) -> str:
    assert source.post("/receipt", data={"receipt": receipt}).status_code == 303
    return source.get("/conversation").text


def test_the_check_sees_a_lost_object_and_a_changed_one(house: House) -> None:
    """The invariants can fail: an object is taken away, another is changed by one byte, and both are put back."""
    house.check()
    with house.inside.public.database.session(write=False) as session:  # what a row names: a cut may leave objects that none does yet
        names = sorted(session.scalars(select(Exhibit.object_name).where(Exhibit.object_name.is_not(None))))
    lost, changed = (next((house.site.data / "objects").rglob(f"{name}.age")) for name in (names[0], names[-1]))
    away, whole = Path(f"{lost}.away"), changed.read_bytes()
    lost.rename(away)
    changed.chmod(0o600)
    changed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        found = "\n".join(invariants.broken(house.inside.settings, house.keys))
    finally:
        away.rename(lost)
        changed.write_bytes(whole)
    assert lost.name in found or lost.stem in found
    assert changed.name in found
    house.check()
