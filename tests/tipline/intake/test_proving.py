"""A source proves a tip: after the next published checkpoint, with receipt and claim code, the same bytes each time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from evidence import submission
from evidence.checkpoint import Vkey, parse_vkey
from evidence.errors import FormatError, KeyUnavailable, WrongKey
from evidence.keys import wrap
from evidence.records import Opening
from evidence.signing import SigningKey, key_id
from evidence.submission import ProvedItem, Statement
from evidence.tiles import StoredTree
from tests.tipline.intake.house import IntakeHouse, claim_of, come_back, field_value, post_form, send_tip, words_of
from tests.tipline.recovery import back_up, put_back
from tipline.accounts.key_events import Key, record_key
from tipline.config import Settings
from tipline.errors import BadInput, Conflict, Unsound
from tipline.intake import conversation, packet, proving, publiclog
from tipline.intake.conversation import Source
from tipline.models.custody import CustodyOpening
from tipline.models.tips import Tip
from tipline.newlog import begin
from tipline.process import open_process
from tipline.publication import LogFolder
from tipline.recovering import recover
from tipline.sequencer import Sequencer
from tipline.work import Work

PHOTO = b"\xff\xd8\xff" + bytes(5000)


@dataclass
class Sent:
    """A tip that was sent, and who holds its receipt."""

    house: IntakeHouse
    client: FlaskClient
    words: list[str]
    code: str

    @property
    def source(self) -> Source:
        cookie = self.client.get_cookie("public-source")
        assert cookie is not None
        with self.house.process.unit(write=False) as work:
            found = conversation.find_source(work, cookie.value)
        assert found is not None
        return found

    def prove(self, code: str | None = None, **more: str) -> bytes:
        with self.house.process.unit(write=False) as work:
            stated = proving.statement(work, more.pop("purpose", "proof"), **more)
            return proving.prove(work, self.source, self.code if code is None else code, stated)

    def key(self) -> Vkey:
        return parse_vkey((self.house.settings.log_folder / "key").read_text().strip())

    def check(self, proof: bytes, audience: str = "", nonce: str = "") -> submission.Proved:
        return submission.check_proof(proof, [self.key()], "proof", audience, nonce)


def send(house: IntakeHouse, *files: bytes) -> Sent:
    client = house.client()
    page = send_tip(client, "He bragged.", [(f"{number}.bin", data) for number, data in enumerate(files)])
    sent = Sent(house, client, words_of(page), claim_of(page))
    come_back(client, sent.words)
    return sent


def add(sent: Sent, text: str) -> None:
    page = sent.client.get("/conversation")
    fields = {"draft": field_value(page, "draft"), "token": field_value(page, "token"), "what": text}
    assert post_form(sent.client, "/conversation/check", fields).status_code == 303


def standing(work: Work, sent: Sent) -> tuple[int, bool, date]:
    found = proving.standing(work, sent.source)
    assert found is not None
    return found.items, found.covered, found.sent_on


@pytest.fixture
def sent(house: IntakeHouse) -> Sent:
    """A tip with a photo, not published yet."""
    return send(house, PHOTO)


def test_it_shows_exactly_what_was_sent_and_where_it_stands(house: IntakeHouse, sent: Sent) -> None:
    house.publish()
    found = sent.check(sent.prove())
    digests = {item.values["plaintext_after"] for item in found.items}
    assert f"sha256:{hashlib.sha256(PHOTO).hexdigest()}" in digests
    assert {item.values["length_after"] for item in found.items} >= {len(PHOTO)}
    assert {item.values["occurred_from"] for item in found.items} == {"2026-11-22"}
    assert len(found.items) == 2
    assert found.checkpoint.size == 64
    assert found.claim_key.hex() == house.rows(Tip)[0].claim_key
    assert found.statement == Statement(found.checkpoint.origin, "proof", "", "", "2026-11-22")


def test_before_the_next_checkpoint_it_says_when(house: IntakeHouse, sent: Sent) -> None:
    with pytest.raises(Conflict, match="not in the published log yet"):
        sent.prove()
    house.publish()
    later = send(house)
    with pytest.raises(Conflict) as refused:
        later.prove()
    assert refused.value.next_step == proving.COME_BACK
    add(sent, "One more thing.")
    with house.process.unit(write=False) as work:
        assert standing(work, sent) == (3, False, work.today())
    with pytest.raises(Conflict):
        sent.prove()
    house.publish()
    assert len(sent.check(sent.prove()).items) == 3
    with house.process.unit(write=False) as work:
        assert standing(work, sent) == (3, True, work.today())


def test_it_can_be_made_again_and_has_the_same_bytes(house: IntakeHouse, sent: Sent) -> None:
    house.publish()
    first = sent.prove()
    come_back(sent.client, sent.words)
    typed = sent.code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert sent.prove(typed) == first
    assert sent.prove(audience="District court", nonce="A 17/26") != first
    house.clock.turn(days=400)
    for _ in range(2):
        send(house)
        house.publish()
    come_back(sent.client, sent.words)
    again = sent.check(sent.prove())
    assert again.indices == sent.check(first).indices
    assert again.statement.day == "2027-12-27"


def test_no_wrong_claim_code_makes_one(house: IntakeHouse, sent: Sent) -> None:
    other = send(house)
    house.publish()
    malformed = ["", "K7QD", "0000-0000-0000-0000-0000-0000-0000", "\x00", "x" * 100_000]
    for code in (*malformed, other.code, sent.code[:-1] + ("A" if sent.code[-1] != "A" else "B")):
        with pytest.raises(BadInput) as refused:
            sent.prove(code)
        assert refused.value.message == proving.WRONG_CODE


def test_a_receipt_that_opened_nothing_gets_the_same_words(house: IntakeHouse, sent: Sent) -> None:
    house.publish()
    code, stranger = sent.code, replace(sent.source, tip_id=None)
    with house.process.unit(write=False) as work:
        assert proving.standing(work, stranger) is None
        with pytest.raises(BadInput) as refused:
            proving.prove(work, stranger, code, proving.statement(work, "proof"))
    assert refused.value.message == proving.WRONG_CODE


def staff_items(sent: Sent, work: Work) -> list[ProvedItem]:
    """What staff can put together: the program's key opens the exhibits, and those open the events."""
    found = []
    head = publiclog.find_head(work.settings.log_folder)
    assert head is not None
    tree = StoredTree(head.checkpoint.size, LogFolder(work.settings.log_folder).read, head.checkpoint.root)
    for row in work.session.query(CustodyOpening):
        for exhibit in sent.house.files():
            if not exhibit.endswith(".key.1.age"):
                continue
            keyfile = work.vault.objects.open_key(exhibit.partition(".")[0], sent.house.program)
            try:
                opening = Opening.from_bytes(keyfile.identity.unwrap(row.opening))
            except KeyUnavailable:  # another exhibit's
                continue
            [item] = packet.items(packet.encode([packet.item(opening.disclosures(), opening.commitments(), opening.attest())]))
            [place] = proving._places(work, [item])
            assert place is not None
            found.append(ProvedItem(place, tree.inclusion(place), item))
    return found


def test_staff_cannot_make_one(house: IntakeHouse, sent: Sent) -> None:
    """They can open the events, take paths from the tiles and sign with every key that the installation holds."""
    house.publish()
    folders = [house.settings.keys(face) for face in ("public", "console", "worker")]
    seeds = [bytes.fromhex(path.read_text().strip()) for folder in folders for path in folder.glob("*.key") if path.stat().st_size == 65]
    keys = [SigningKey.from_seed(seed) for seed in seeds] + [SigningKey.generate()]
    assert len(keys) > 4
    with house.worker.unit(write=False) as work:
        items = staff_items(sent, work)
        stated = proving.statement(work, "claim")
        head = publiclog.find_head(work.settings.log_folder)
    assert head is not None
    assert len(items) == 2
    for key in keys:
        with pytest.raises(WrongKey):
            submission.make_proof(stated, head.note, head.key, items, key)


def test_a_changed_row_makes_no_proof(house: IntakeHouse, sent: Sent) -> None:
    """Who can write the database swaps the tip's claim key and its packet: neither counts, the leaf does."""
    house.publish()
    mine = SigningKey.generate()
    other = send(house, b"another tip")
    house.publish()
    good = sent.prove()
    with house.worker.unit(write=True) as work:
        tip = work.session.get_one(Tip, sent.source.tip_id)
        tip.claim_key = mine.public.hex()
    assert sent.prove() == good
    with house.worker.unit(write=True) as work:
        tip = work.session.get_one(Tip, sent.source.tip_id)
        theirs = work.session.get_one(Tip, other.source.tip_id)
        tip.packet = wrap(other.source.identity.unwrap(theirs.packet), [tip.source_recipient])
    with pytest.raises(BadInput):
        sent.prove()
    with house.worker.unit(write=True) as work:
        work.session.get_one(Tip, sent.source.tip_id).packet = b"no packet"
    with pytest.raises(Unsound):
        sent.prove()


def test_tiles_that_disagree_make_no_proof(house: IntakeHouse, sent: Sent) -> None:
    house.publish()
    path = house.settings.log_folder / "tile/0/000.p/64"
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    with pytest.raises(Unsound):
        sent.prove()


def test_staff_check_a_claim_against_the_keys_of_the_log(house: IntakeHouse, sent: Sent) -> None:
    with house.worker.unit(write=True) as work:
        record_key(work, "KEY_ADDED", Key("log", key_id(work.vault.keys.log_key.public)))
    house.publish()
    proof = sent.prove(purpose="claim", audience="northfield", nonce="f00d")
    with house.worker.unit(write=False) as work:
        asked = Statement("", "claim", "northfield", "f00d", "")
        assert proving.check(work, proof, asked).claim_key.hex() == house.rows(Tip)[0].claim_key
        for wrong in (replace(asked, purpose="proof"), replace(asked, audience="x"), replace(asked, nonce="")):
            with pytest.raises(submission.IntegrityError):
                proving.check(work, proof, wrong)


def test_audience_and_nonce_are_short_and_printable(house: IntakeHouse, sent: Sent) -> None:
    house.publish()
    for more in ({"audience": "x" * 201}, {"nonce": "two\nlines"}, {"audience": " edge"}, {"nonce": "\u202e"}):
        with pytest.raises(FormatError):
            sent.prove(**more)


def test_it_reads_a_few_tiles_and_asks_the_database_once_for_the_places(house: IntakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = send(house, *(bytes([number]) for number in range(9)))
    house.publish()
    source, asked, read = tip.source, list[str](), list[str]()
    of = LogFolder.read
    monkeypatch.setattr(LogFolder, "read", lambda self, name: read.append(name) or of(self, name))

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    with house.process.unit(write=False) as work:
        stated = proving.statement(work, "proof")
        event.listen(work.session.get_bind(), "before_cursor_execute", note)
        proof = proving.prove(work, source, tip.code, stated)
    assert len(tip.check(proof).items) == 10
    assert sum("log_leaf" in statement for statement in asked) == 1
    assert [statement.split(" ")[0] for statement in asked] == ["SELECT", "SELECT"]
    assert read == ["tile/0/000.p/64"]


def test_after_a_recovery_it_proves_what_the_backup_knew_at_the_same_places(house: IntakeHouse) -> None:
    """The record comes back from the anchor whole; the packet comes back from the backup, without what was sent after it."""
    sequencer(house).start()
    sent = send(house, PHOTO)
    house.publish()
    backup = back_up(house.worker.database)
    add(sent, "One more thing.")
    house.publish()
    whole = sent.prove()
    put_back(house.worker.database, backup)
    recover(house.settings, lambda _: None)
    again = Sent(house, house.client(), sent.words, sent.code)
    come_back(again.client, again.words)
    assert again.check(again.prove()).indices == tuple(place for place in sent.check(whole).indices if place < 64)
    assert len(again.check(whole).items) == 3, "a proof that was made before stands"


def test_a_new_log_proves_no_old_tip_and_takes_no_old_proof_away(house: IntakeHouse, tmp_path: Path) -> None:
    sent = send(house, PHOTO)
    note = house.publish()
    proof, old = sent.prove(), sent.key()
    fresh = Settings(data=tmp_path / "fresh")
    begin(fresh, note, old.text, lambda _: None)
    process = open_process("worker", fresh)
    Sequencer(process.database, process.vault, fresh, house.clock).settle()
    new = parse_vkey((fresh.log_folder / "key").read_text().strip())
    with pytest.raises(WrongKey):
        submission.check_proof(proof, [new], "proof", "", "")
    assert submission.check_proof(proof, [old], "proof", "", "").note == note, "the note that the new log's first leaf commits to"
    with process.unit(write=False) as work:
        assert work.session.query(Tip).count() == 0
    process.database.dispose()


def sequencer(house: IntakeHouse) -> Sequencer:
    return Sequencer(house.worker.database, house.worker.vault, house.settings, house.clock)


def test_a_disposed_exhibit_can_still_be_proved_to_have_come(house: IntakeHouse, sent: Sent) -> None:
    """Disposition destroys openings and bytes; the packet is the source's, and the log keeps the place."""
    house.publish()
    before = sent.prove()
    with house.worker.unit(write=True) as work:
        work.session.query(CustodyOpening).delete()
    assert sent.prove() == before


def test_between_a_new_log_key_and_its_first_checkpoint_it_waits(house: IntakeHouse, sent: Sent) -> None:
    house.publish()
    key = house.settings.log_folder / "key"
    key.write_text(replace(sent.key(), public=SigningKey.generate().public).text + "\n")
    with pytest.raises(Conflict):
        sent.prove()
    key.unlink()
    with pytest.raises(Conflict):
        sent.prove()
