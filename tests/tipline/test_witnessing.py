"""Witnesses are asked for their signature under what was published; only true ones of named witnesses are kept."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from evidence.checkpoint import ED25519, Checkpoint, Vkey, cosign, cosignatures, open_note, sign_checkpoint
from evidence.errors import FormatError, IntegrityError
from evidence.signing import SigningKey
from tests.evidence.logs import Server, serve
from tests.installations import Installation
from tests.tipline.custody_house import NOW, CustodyHouse, build
from tests.tipline.intake.house import Clock
from tests.tipline.witness import Reply, TlogWitness
from tipline import doctor, witnessing, worker
from tipline.cli import main
from tipline.config import Settings
from tipline.errors import BadInput, Conflict
from tipline.models.custody import Cosignature
from tipline.process import Process
from tipline.publication import newest_published


class Witnessed:
    """A house whose worker knows one witness, with a clock to turn."""

    def __init__(self, house: CustodyHouse, server: Server, witness: TlogWitness) -> None:
        self.house, self.server, self.witness, self.clock = house, server, witness, Clock(NOW)
        keys = house.worker.vault.keys
        self.key = Vkey(keys.text("log.origin"), ED25519, keys.log_key.public)
        witness.logs[self.key.name] = self.key
        self.settings = house.settings.model_copy(update={"witnesses": f"{witness.vkey.text} {server.url}/w/"})
        self.worker: Process = replace(house.worker, settings=self.settings, clock=self.clock)
        self.rounds = witnessing.Rounds(self.worker.unit, self.settings)

    def publish(self) -> str:
        return self.house.sequencer().publish()

    def checkpoint(self) -> str:
        return (self.settings.log_folder / "checkpoint").read_text()

    def signed(self) -> list[tuple[str, int]]:
        """Who signed the checkpoint that is published, with which time."""
        assert open_note(self.checkpoint(), [self.key])
        return [(one.name, one.at) for one in cosignatures(self.checkpoint(), [self.witness.vkey])]


@pytest.fixture
def house(settings: Settings) -> Iterator[CustodyHouse]:
    made = build(settings)
    yield made
    made.close()


@pytest.fixture
def witnessed(house: CustodyHouse) -> Iterator[Witnessed]:
    witness = TlogWitness()
    with serve(witness.answer) as server:
        yield Witnessed(house, server, witness)


def test_a_witness_signs_each_publication_and_its_line_is_published(witnessed: Witnessed) -> None:
    assert witnessed.rounds.step() == 0, "nothing is published yet"
    note = witnessed.publish()
    assert witnessed.rounds.step() == 1
    assert witnessed.signed() == [("witness.example/w1", witnessed.witness.at)]
    assert witnessed.checkpoint().startswith(note)
    assert witnessed.rounds.step() == 0
    assert len(witnessed.witness.bodies) == 1, "who has signed is not asked again"
    witnessed.house.acquire()
    witnessed.publish()
    assert witnessed.signed() == []
    assert witnessed.rounds.step() == 1
    assert witnessed.witness.held[witnessed.key.name][0] == 128
    assert witnessed.witness.bodies[-1].startswith(b"old 64\n"), "the size it signed last is known"
    assert len(witnessed.signed()) == 1


def test_a_witness_that_knows_another_size_says_so_and_is_asked_from_there(witnessed: Witnessed) -> None:
    """As after a database was restored, or when somebody else brought it our checkpoint."""
    witnessed.publish()
    witnessed.rounds.step()
    with witnessed.worker.unit(write=True) as work:
        work.session.delete(work.session.scalars(select(Cosignature)).one())
    witnessed.publish()
    assert witnessed.rounds.step() == 1
    assert [body.split(b"\n")[0] for body in witnessed.witness.bodies] == [b"old 0", b"old 0", b"old 64"]
    with witnessed.worker.unit(write=True) as work:
        work.session.delete(work.session.scalars(select(Cosignature)).one())
    assert witnessed.rounds.step() == 1, "it signs the size that it holds again"


def test_a_witness_that_does_not_answer_is_asked_more_and_more_rarely(witnessed: Witnessed) -> None:
    honest, witnessed.server.answer = witnessed.server.answer, lambda _path, _body: (500, {}, b"no")
    witnessed.publish()
    asked_at = []
    for minute in range(12):
        before = len(witnessed.server.asked)
        assert witnessed.rounds.step() == 0
        if len(witnessed.server.asked) > before:
            asked_at.append(minute)
        witnessed.clock.now += timedelta(minutes=1)
    assert asked_at == [0, 1, 3, 7]
    witnessed.server.answer = honest
    witnessed.clock.now += timedelta(hours=1)
    assert witnessed.rounds.step() == 1


def answers(witnessed: Witnessed) -> dict[str, Reply]:
    note, witness = witnessed.checkpoint(), witnessed.witness
    keys = witnessed.house.worker.vault.keys
    other = sign_checkpoint(Checkpoint(witnessed.key.name, 64, bytes(32)), keys.log_key)
    good = cosign(note, witness.name, witness.key, witness.at)
    blob = bytearray(base64.b64decode(good.split(" ")[2]))
    blob[-1] ^= 1
    return {
        "a false signature": (200, {}, f"— {witness.name} {base64.b64encode(blob).decode()}\n".encode()),
        "an unknown witness": (200, {}, cosign(note, "w2.example", SigningKey.generate(), witness.at).encode()),
        "another checkpoint": (200, {}, cosign(other, witness.name, witness.key, witness.at).encode()),
        "another key under its name": (200, {}, cosign(note, witness.name, SigningKey.generate(), witness.at).encode()),
        "the future": (200, {}, cosign(note, witness.name, witness.key, 1 << 62).encode()),
        "nothing": (200, {}, b""),
        "words": (200, {}, b"fine with me\n"),
        "half a line": (200, {}, good.encode()[:-20]),
        "too much": (200, {}, good.encode() * 2000),
        "no size": (409, {"Content-Type": "text/x.tlog.size"}, b"many\n"),
        "a size without its line end": (409, {}, b"5"),
        "a larger log than ours": (409, {"Content-Type": "text/x.tlog.size"}, b"128\n"),
        "unknown log": (404, {}, b""),
        "unknown key": (403, {}, b""),
        "another history": (422, {}, b""),
        "a redirect": (302, {"Location": "http://127.0.0.1:1/"}, b""),
    }


def test_whatever_else_a_witness_answers_is_not_kept(witnessed: Witnessed) -> None:
    note = witnessed.publish()
    for name, reply in answers(witnessed).items():
        witnessed.server.answer = lambda _path, _body, reply=reply: reply
        asked = len(witnessed.server.asked)
        assert witnessed.rounds.step() == 0, name
        assert len(witnessed.server.asked) > asked, name
        assert witnessed.checkpoint() == note, name
        witnessed.clock.now += timedelta(hours=2)
    witnessed.server.answer = witnessed.witness.answer
    assert witnessed.rounds.step() == 1


def test_a_witness_ahead_of_us_is_an_alarm(witnessed: Witnessed) -> None:
    witnessed.publish()
    witnessed.witness.held[witnessed.key.name] = (192, bytes(32))
    witness = witnessing.parse_witnesses(witnessed.settings.witnesses)[0]
    with pytest.raises(IntegrityError, match="at size 192, and we publish 64"):
        witnessing.request_cosignature(witness, witnessed.checkpoint(), (witnessed.house.sequencer().folder, 0))


def test_a_checkpoint_file_that_lost_its_lines_gets_them_back(witnessed: Witnessed) -> None:
    note = witnessed.publish()
    witnessed.rounds.step()
    cosigned = witnessed.checkpoint()
    (witnessed.settings.log_folder / "checkpoint").write_text(note)
    witnessed.rounds.step()
    assert witnessed.checkpoint() == cosigned
    (witnessed.settings.log_folder / "checkpoint").write_text(note)
    witnessed.house.sequencer().settle()
    assert witnessed.checkpoint() == cosigned
    with witnessed.worker.unit(write=False) as work:
        last = newest_published(work.session)
    assert last is not None
    assert (last.note, last.size) == (cosigned, 64)


# by hand


def by_hand(witnessed: Witnessed, data: bytes) -> witnessing.Signed:
    with witnessed.worker.unit(write=True) as work:
        return witnessing.take_by_hand(work, data)


@pytest.mark.parametrize("whole", [True, False])
def test_a_signature_given_by_hand_is_taken(witnessed: Witnessed, whole: bool) -> None:
    note = witnessed.publish()
    line = cosign(note, witnessed.witness.name, witnessed.witness.key, witnessed.witness.at)
    taken = by_hand(witnessed, ((note + line) if whole else line).encode())
    assert (taken.size, taken.witnesses) == (64, (witnessed.witness.name,))
    assert by_hand(witnessed, line.encode()) == taken, "twice is once"
    witnessed.rounds.step()
    assert len(witnessed.signed()) == 1


def test_what_else_comes_by_hand_is_refused(witnessed: Witnessed) -> None:
    with pytest.raises(Conflict, match="no checkpoint yet"):
        by_hand(witnessed, b"x")
    note = witnessed.publish()
    wrong = {name: body for name, (status, _, body) in answers(witnessed).items() if status == 200}
    for name, body in wrong.items():
        with pytest.raises((BadInput, FormatError)):
            by_hand(witnessed, body)
        assert witnessed.checkpoint() == note, name
    keys = witnessed.house.worker.vault.keys
    foreign = sign_checkpoint(Checkpoint(witnessed.key.name, 64, bytes(32)), keys.log_key)
    with pytest.raises(Conflict, match="not a checkpoint that our log published"):
        by_hand(witnessed, (foreign + cosign(foreign, witnessed.witness.name, witnessed.witness.key, 5)).encode())
    plain = sign_checkpoint(Checkpoint(witnessed.key.name, 64, bytes(32)), keys.log_key).split("\n\n")[1]
    with pytest.raises(BadInput):
        by_hand(witnessed, plain.encode())
    with pytest.raises(FormatError):
        by_hand(witnessed, b"\xff" + note.encode())


# the setting


def test_the_setting_names_witnesses_in_one_form(witnessed: Witnessed) -> None:
    first, second = witnessed.witness.vkey, TlogWitness("w2.example").vkey
    found = witnessing.parse_witnesses(f"{first.text} https://w1.example/x/ ,\n{second.text}\n")
    assert found == [witnessing.Witness(first, "https://w1.example/x"), witnessing.Witness(second, None)]
    assert witnessing.parse_witnesses("") == []
    log_key = witnessed.key.text
    many = ",".join(TlogWitness(f"w{number}.example").vkey.text for number in range(17))
    for wrong in ("words", log_key, f"{first.text} ftp://x", f"{first.text} https://a:b@x", f"{first.text},{first.text}", many):
        with pytest.raises(BadInput, match="TIPLINE_WITNESSES"):
            witnessing.parse_witnesses(wrong)


# the doctor


def test_the_doctor_says_who_signed(witnessed: Witnessed) -> None:
    def look(witnesses: str = witnessed.settings.witnesses) -> tuple[str, str]:
        found = doctor.check_witnesses(witnessed.settings.model_copy(update={"witnesses": witnesses}))
        return found.state, found.line()

    assert look("")[0] == "missing"
    assert look("words")[0] == "fails"
    assert look() == ("missing", look()[1])
    assert "witness.example/w1 has not signed" in look()[1]
    witnessed.publish()
    witnessed.rounds.step()
    assert look()[0] == "works"
    checkpoint = witnessed.settings.log_folder / "checkpoint"
    checkpoint.write_text(checkpoint.read_text().replace("\n64\n", "\n65\n"))
    assert look()[0] == "fails"


# in a worker


def test_a_running_worker_asks_the_witness(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "WITNESS_SECONDS", 0.1)
    witness = TlogWitness()
    keys = installation.worker.vault.keys
    witness.logs[keys.text("log.origin")] = Vkey(keys.text("log.origin"), ED25519, keys.log_key.public)
    with serve(witness.answer) as server:
        settings = installation.settings.model_copy(update={"witnesses": f"{witness.vkey.text} {server.url}/w"})
        running = worker.Worker(settings)
        thread = threading.Thread(target=running.run)
        thread.start()
        checkpoint, until = settings.log_folder / "checkpoint", time.monotonic() + 15
        while not (checkpoint.exists() and "witness.example/w1" in checkpoint.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        running.stop.set()
        thread.join()
    assert [one.name for one in cosignatures(checkpoint.read_text(), [witness.vkey])] == ["witness.example/w1"]


# the command line


def run(witnessed: Witnessed, *arguments: str) -> Result:
    environment = {"TIPLINE_DATA": str(witnessed.settings.data), "TIPLINE_WITNESSES": witnessed.settings.witnesses}
    return CliRunner().invoke(main, ["log", *arguments], env=environment)


def test_the_commands_show_the_log_and_take_a_signature(witnessed: Witnessed, tmp_path: Path) -> None:
    before = run(witnessed, "show")
    assert before.exit_code == 0
    assert f"Key\t{witnessed.key.text}" in before.output
    assert "none yet" in before.output
    note = witnessed.publish()
    assert "witness.example/w1\tnot signed yet" in run(witnessed, "show").output
    answer = tmp_path / "answer"
    answer.write_text(cosign(note, witnessed.witness.name, witnessed.witness.key, witnessed.witness.at))
    taken = run(witnessed, "cosign", str(answer))
    assert taken.exit_code == 0, taken.output
    assert "witness.example/w1 signed the checkpoint at size 64" in taken.output
    facts = json.loads(run(witnessed, "show", "--json").output)
    assert (facts["size"], facts["witnesses"]) == (64, [{"witness": "witness.example/w1", "at": witnessed.witness.at}])
    assert "witness.example/w1\tsigned 2026-11-18" in run(witnessed, "show").output
    answer.write_text(cosign(note, "stranger", SigningKey.generate(), 5))
    refused = run(witnessed, "cosign", str(answer))
    assert refused.exit_code == 1
    assert "TIPLINE_WITNESSES" in refused.output
