"""A proof of submission holds for exactly what it says: three readers agree on every good and every bad one."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence import submission, timestamp, verify
from evidence.checkpoint import COSIGNATURE, Checkpoint, Vkey, cosign, encode_consistency, sign_checkpoint, signed_part
from evidence.cli import main
from evidence.errors import EvidenceError, FormatError, UsageError, WrongKey
from evidence.merkle import Tree, leaf_hash
from evidence.signing import ssh_fingerprint
from evidence.submission import DISCLOSED, ProvedItem, bare, check_proof, codes, joined, make_proof
from tests.evidence import mutants
from tests.evidence.authority import Authority
from tests.evidence.proofs import CLAIM, LOG, ORIGIN, OTHER, VKEY, Log, event, lines_of, made, packet_item, signed, small, stated
from tests.evidence.test_spec_proof import read as read_by_the_spec
from tests.evidence.test_spec_verifier import Refused

KEY = ssh_fingerprint(LOG.public)


@pytest.fixture(scope="module")
def proof() -> bytes:
    return small()[1]


def library(data: bytes, audience: str = "", nonce: str = "", purpose: str = "proof") -> bool:
    try:
        check_proof(data, [VKEY], purpose, audience, nonce)
    except EvidenceError:
        return False
    return True


def verifier(data: bytes, folder: Path, **wanted: Any) -> bool:
    (folder / "proof.txt").write_bytes(data)
    return verify.verify_proof(folder / "proof.txt", verify.Wanted(KEY, **wanted)).exit_code() == 0


def spec(data: bytes, audience: str = "", nonce: str = "", purpose: str = "proof") -> bool:
    try:
        read_by_the_spec(data, VKEY.text, (purpose, audience, nonce))
    except (Refused, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False
    return True


def all_three(data: bytes, folder: Path, **asked: str) -> set[bool]:
    return {library(data, **asked), verifier(data, folder, **asked), spec(data, **asked)}


def test_a_good_one_holds_for_all_three(proof: bytes, tmp_path: Path) -> None:
    for data in (proof, bare(proof), "\r\n\r\n".join(codes(proof)).encode(), "\n".join(reversed(codes(proof, 100) * 2)).encode()):
        assert all_three(data, tmp_path) == {True}
    found = check_proof(proof, [VKEY], "proof", "", "")
    assert found.indices == (3, 7, 40)
    assert [item.values["length_after"] for item in found.items] == [4, 5, 5]
    assert (found.checkpoint.size, found.claim_key, found.program) == (64, CLAIM.public, "p1")
    assert b"secret name" not in proof


def test_every_single_change_is_noticed(proof: bytes, tmp_path: Path) -> None:
    """Bits, cuts, lines, a flip at each place of the lines that are signed: of what all three read, only the filling may go whole."""
    changed = [*mutants.contents(proof), *mutants.lines(proof), *mutants.contents(bare(proof)), *mutants.lines(bare(proof))]
    changed = [(name, data) for name, data in changed if data not in (proof, bare(proof))]
    assert len(changed) > 50
    assert [name for name, data in changed if True in all_three(data, tmp_path)] == []
    places = random.Random(7).sample(range(len(bare(proof))), 300)
    flipped = [mutants.flipped(proof, place, 1 << place % 8) for place in places]
    assert [place for place, data in zip(places, flipped, strict=True) if library(data) or spec(data)] == []
    assert [place for place, data in list(zip(places, flipped, strict=True))[:40] if verifier(data, tmp_path)] == []


def change(line: int, **values: Any) -> Callable[[list[Any]], None]:
    def act(lines: list[Any]) -> None:
        lines[line] = lines[line] | values

    return act


def disclose(line: int, name: str, **changed: Any) -> Callable[[list[Any]], None]:
    """Put the disclosure of another event into an item."""

    def act(lines: list[Any]) -> None:
        place = submission.FIELDS.index(name)
        other = event(b"other", 9, **changed)
        lines[line]["fields"][place] = "d:" + packet_item(other)["fields"][place]["d"]

    return act


def swap(lines: list[Any]) -> None:
    lines[2], lines[3] = lines[3], lines[2]


BY_ITS_OWN_MAKER: dict[str, Callable[[list[Any]], object]] = {
    "another suite": change(0, suite="tipline/proof/2"),
    "another origin": change(0, origin="other.example.org/log"),
    "another purpose": change(0, purpose="claim"),
    "no purpose": change(0, purpose="gift"),
    "another audience": change(0, audience="you"),
    "another nonce": change(0, nonce="7"),
    "a nonce that is a number": change(0, nonce=7),
    "an audience that is nothing": change(0, audience=None),
    "an audience of two lines": change(0, audience="a\nb"),
    "no day": change(0, day="tomorrow"),
    "a month too many": change(0, day="2026-13-03"),
    "a day too many": change(0, day="2026-03-32"),
    "a day before the first": change(0, day="2026-03-00"),
    "a day in other digits": change(0, day="٢٠٢٦-٠٣-٠٣"),
    "a time": change(0, day="2026-03-03T10:00:00Z"),
    "one key more in the statement": change(0, more=""),
    "the statement's keys in another order": lambda lines: lines.__setitem__(0, dict(reversed(lines[0].items()))),
    "one key more beside the checkpoint": change(1, more=""),
    "one key more in an item": change(2, more=""),
    "items in another order": swap,
    "an item twice": lambda lines: lines.append(lines[-1]),
    "no item": lambda lines: lines.__delitem__(slice(2, None)),
    "another place": change(2, index=4),
    "a place that is no number": change(2, index="3"),
    "a place below the first": change(2, index=-61),
    "a place that is true": change(2, index=True),
    "a shorter path": lambda lines: lines[2]["path"].pop(),
    "a longer path": lambda lines: lines[2]["path"].append(lines[2]["path"][0]),
    "a path that is no list": change(2, path=None),
    "the path of another item": lambda lines: lines[2].__setitem__("path", lines[3]["path"]),
    "fewer fields": lambda lines: lines[2]["fields"].pop(),
    "other signatures": lambda lines: lines[2].__setitem__("attest", lines[3]["attest"]),
    "no signatures": change(2, attest=None),
    "another digest": disclose(2, "plaintext_after"),
    "another length": disclose(2, "length_after"),
    "another day": disclose(2, "occurred_from", occurred_from="2026-03-01"),
    "another claim key": disclose(2, "claim_key", claim_key=OTHER.public.hex()),
    "a note that is none": change(1, checkpoint="tips.example.org/log\n64\n"),
    "another log's key": change(1, key=Vkey(ORIGIN, 1, OTHER.public).text),
    "a witness's key": change(1, key=Vkey(ORIGIN, COSIGNATURE, LOG.public).text),
}


@pytest.mark.parametrize("name", BY_ITS_OWN_MAKER)
def test_no_rule_can_be_broken_by_who_holds_the_claim_code(proof: bytes, tmp_path: Path, name: str) -> None:
    """The signature is good in all of these: it is the rule that refuses them."""
    lines = lines_of(proof)
    assert all_three(signed(lines), tmp_path) == {True}
    BY_ITS_OWN_MAKER[name](lines)
    assert all_three(signed(lines), tmp_path) == {False}


RAW: dict[str, tuple[bytes, bytes]] = {
    "a key twice": (b'{"suite":', b'{"suite":"tipline/proof/1","suite":'),
    "a float": (b'"index":3,', b'"index":3.0,'),
    "padding in base64": (b'","fields"', b'=","fields"'),
    "an unpaired surrogate": (b'"audience":""', b'"audience":"\\ud800"'),
}


@pytest.mark.parametrize("name", RAW)
def test_strict_json_and_one_spelling(proof: bytes, tmp_path: Path, name: str) -> None:
    lines = b"\n".join(bare(proof).split(b"\n")[1:-2])
    assert RAW[name][0] in lines
    assert all_three(signed(lines.replace(*RAW[name], 1).split(b"\n")), tmp_path) == {False}


NOT_SENT: dict[str, dict[str, Any]] = {
    "another kind": {"kind": "DERIVED"},
    "a later event": {"exhibit_seq": 2},
    "a number that is true": {"exhibit_seq": True},
    "an act of staff": {"clock": "system clock of the server"},
    "two days": {"occurred_to": "2026-03-03"},
    "no length": {"length_after": None},
    "a length below nothing": {"length_after": -1},
    "no digest": {"plaintext_after": "sha256:00"},
    "no program": {"program": None},
    "no event": {"event_id": ""},
    "an act that is a number": {"act_id": 7},
    "no claim key": {"claim_key": None},
    "capitals in the claim key": {"claim_key": CLAIM.public.hex().upper()},
}


@pytest.mark.parametrize("name", NOT_SENT)
def test_only_what_a_source_sent_can_be_proved(tmp_path: Path, name: str) -> None:
    log = Log(5, {1: event(b"x", 1, **NOT_SENT[name])})
    item = log.items()[0]
    line = {"index": 1, "path": [submission.canonical.b64url(part) for part in item.path], "attest": item.item["attest"]}
    fields = ["d:" + one["d"] if "d" in one else "c:" + one["c"] for one in item.item["fields"]]
    values = [lines_of(small()[1])[0], {"key": VKEY.text, "checkpoint": log.note}, {**line, "fields": fields}]
    assert all_three(signed(values), tmp_path) == {False}


@pytest.mark.parametrize("shown", [DISCLOSED | {"name_shown"}, DISCLOSED - {"program"}, DISCLOSED - {"claim_key"}, frozenset()])
def test_neither_more_nor_fewer_fields_are_disclosed(tmp_path: Path, shown: frozenset[str]) -> None:
    opening = event(b"x", 1)
    log = Log(5, {1: opening})
    lines = lines_of(made(log))
    lines[2]["fields"] = ["d:" + one["d"] if "d" in one else "c:" + one["c"] for one in packet_item(opening, shown)["fields"]]
    assert all_three(signed(lines), tmp_path) == {False}


def test_two_claim_keys_make_no_proof(tmp_path: Path) -> None:
    for changed in ({"claim_key": OTHER.public.hex()}, {"program": "p2"}):
        log = Log(9, {1: event(b"x", 1), 2: event(b"y", 2, **changed)})
        with pytest.raises(WrongKey):
            made(log)
        lines = lines_of(made(Log(9, {1: event(b"x", 1)})))[:2]
        lines[1]["checkpoint"] = log.note
        for index, opening in log.events.items():
            fields = ["d:" + one["d"] if "d" in one else "c:" + one["c"] for one in packet_item(opening)["fields"]]
            path = [submission.canonical.b64url(part) for part in log.tree.inclusion(index)]
            lines.append({"index": index, "path": path, "attest": packet_item(opening)["attest"], "fields": fields})
        assert all_three(signed(lines), tmp_path) == {False}
        assert all_three(signed(lines, OTHER), tmp_path) == {False}


def test_nobody_else_signs_one(proof: bytes, tmp_path: Path) -> None:
    log, _ = small()
    for key in (OTHER, LOG):
        with pytest.raises(WrongKey):
            make_proof(stated(), log.note, VKEY, log.items(), key)
        assert all_three(signed(lines_of(proof), key), tmp_path) == {False}


def test_it_is_for_who_asked(tmp_path: Path) -> None:
    log, _ = small()
    data = made(log, stated("claim", "District Court, room 4", "17-A/26"))
    asked = {"purpose": "claim", "audience": "District Court, room 4", "nonce": "17-A/26"}
    assert all_three(data, tmp_path, **asked) == {True}
    for name, value in (("purpose", "proof"), ("audience", ""), ("nonce", "17-A/27")):
        assert all_three(data, tmp_path, **asked | {name: value}) == {False}


def test_another_log_key_is_another_log(proof: bytes, tmp_path: Path) -> None:
    with pytest.raises(WrongKey):
        check_proof(proof, [Vkey(ORIGIN, 1, OTHER.public)], "proof", "", "")
    (tmp_path / "proof.txt").write_bytes(proof)
    report = verify.verify_proof(tmp_path / "proof.txt", verify.Wanted(ssh_fingerprint(OTHER.public)))
    assert report.exit_code() == 1
    assert report.problems == [f"another key: the proof is signed by {KEY}, not by {ssh_fingerprint(OTHER.public)}"]
    assert verify.verify_proof(tmp_path / "proof.txt", verify.Wanted()).exit_code() == 3


def test_the_same_day_audience_and_checkpoint_give_the_same_bytes() -> None:
    log, data = small()
    again = make_proof(stated(), log.note, VKEY, list(reversed(log.items())), CLAIM)
    assert again == data
    assert make_proof(stated(day="2026-03-04"), log.note, VKEY, log.items(), CLAIM) != data


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_items_of_a_log_of_any_size_are_proved_from_a_few_tiles(data: st.DataObject) -> None:
    size = data.draw(st.one_of(st.integers(1, 20), st.sampled_from([255, 256, 257, 512, 1023]), st.integers(1, 1500)))
    places = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=4))
    log = Log(size, {place: event(b"%d" % place, place) for place in places})
    items = log.items()
    assert all(item.path == log.tree.inclusion(item.index) for item in items)
    assert len(log.read) <= (1 + len(places)) * (1 + (size > 255))
    found = check_proof(made(log), [VKEY], "proof", "", "")
    assert found.indices == tuple(sorted(places))
    elsewhere = data.draw(st.integers(0, size - 1).filter(lambda place: place not in places)) if size > len(places) else None
    if elsewhere is not None:
        moved = [ProvedItem(elsewhere, items[0].path, items[0].item), *items[1:]]
        with pytest.raises(EvidenceError):
            make_proof(stated(), log.note, VKEY, moved, CLAIM)


def test_its_size_tells_no_more_than_a_class() -> None:
    sizes: dict[int, set[int]] = {}
    for count in (1, 2, 3, 5, 20):
        log = Log(4096, {11 * number: event(b"x" * 997 * number, number) for number in range(count)})
        for audience in ("", "x" * 200):
            sizes.setdefault(len(made(log, stated(audience=audience, nonce=audience))), set()).add(count)
    assert all(size & (size - 1) == 0 and size >= 8192 for size in sizes)
    assert {frozenset(counts) for counts in sizes.values()} == {frozenset({1, 2}), frozenset({3, 5}), frozenset({20})}


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 4000), st.randoms(use_true_random=False))
def test_codes_are_joined_in_any_order(letters: int, chance: random.Random) -> None:
    text = b"tipline/proof/1\n{}\n{}\n{}\n" + b"x" * 86 + b"\n"
    parts = codes(text, letters)
    assert joined("\n".join(chance.sample(parts, len(parts))).encode()) == text
    assert all(set(part) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 /") for part in parts)
    if len(parts) > 1:
        for bad in (parts[1:], parts[:-1], [*parts, "TP1 1/1 AA"], [*parts, parts[0] + "A"], [part[4:] for part in parts]):
            with pytest.raises(FormatError):
                joined("\n".join(bad).encode())
            with pytest.raises(verify.Broken):
                verify.joined("\n".join(bad).encode())
    assert verify.joined("\n\n".join(parts).encode()) == text


@pytest.mark.parametrize(
    "text", ["TP1", "TP1 1/1", "TP1 1/1 A", "TP1 01/1 AA", "TP1 1/1 ab", "TP1 0/0 AA", "TP1 1/1 AB", "TP1 1/1 A1", "TP1 x/1 AA"]
)
def test_other_codes_are_refused(text: str, tmp_path: Path) -> None:
    assert all_three(text.encode(), tmp_path) == {False}


def test_more_than_999_codes_are_refused(proof: bytes) -> None:
    with pytest.raises(UsageError):
        codes(proof, 5)


def test_what_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    _, proof = small()
    line = bare(proof).split(b"\n")[4]
    large = b"tipline/proof/1\n" + line + b"\n" + (line + b"\n") * (submission.LARGEST // len(line)) + b"A" * 86 + b"\n"
    assert all_three(large, tmp_path) == {False}


# the commands


def test_the_report_says_a_line_a_check(proof: bytes, tmp_path: Path) -> None:
    (tmp_path / "proof.txt").write_bytes(proof)
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    arguments = ["verify", str(tmp_path / "proof.txt"), "--key", KEY, "--file", str(tmp_path / "photo.jpg")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    digest = hashlib.sha256(b"photo").hexdigest()
    told = f"OK    item 2: sha256:{digest}, 5 bytes, stood at index 7 of {ORIGIN} at size 64, after 7 others and before 56"
    for line in (
        told,
        "is item 2, byte for byte",
        "NOTE  not witnessed",
        "NOTE  untimestamped",
        "RESULT all holds",
        f"claim key {CLAIM.public.hex()}",
    ):
        assert line in done.output
    own = [sys.executable, verify.__file__, "--key", KEY, "proof.txt", "--file", "photo.jpg"]
    again = subprocess.run(own, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert again.stdout.replace("photo.jpg", str(tmp_path / "photo.jpg")) == done.output
    (tmp_path / "photo.jpg").write_bytes(b"photo, changed")
    broken = CliRunner().invoke(main, arguments)
    assert broken.exit_code == 1
    assert "is none of the items" in broken.output


@pytest.mark.parametrize("options", [["--attestations"], ["--bagit"], ["--audience"], ["--key", "SHA256:short"]])
def test_what_makes_no_sense_for_a_proof_is_bad_usage(proof: bytes, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "proof.txt").write_bytes(proof)
    assert CliRunner().invoke(main, ["verify", str(tmp_path / "proof.txt"), *options]).exit_code == 2


@pytest.mark.parametrize("options", [["--nonce", "7"], ["--purpose", "claim"], ["--file", __file__], ["--stamp", __file__]])
def test_what_makes_no_sense_for_a_bundle_is_bad_usage(tmp_path: Path, options: list[str]) -> None:
    assert CliRunner().invoke(main, ["verify", str(tmp_path), *options]).exit_code == 2
    command = [sys.executable, verify.__file__, str(tmp_path), *options]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


def test_witnesses_and_later_checkpoints_say_since_when(tmp_path: Path) -> None:
    opening = event(b"x", 3)
    log, later = Log(64, {3: opening}), Log(128, {3: opening})
    name = "witness.example.org"
    witness = Vkey(name, COSIGNATURE, OTHER.public)
    log.note += cosign(log.note, name, OTHER, 1772448000)
    proof, path = made(log), tmp_path / "proof.txt"
    path.write_bytes(proof)
    (tmp_path / "later").write_text(later.note)
    (tmp_path / "growth").write_text(encode_consistency(64, 128, later.tree.consistency(64, 128)))
    beside = {"published": tmp_path / "later", "proof": tmp_path / "growth"}
    report = verify.verify_proof(path, verify.Wanted(KEY, witnesses=(witness.text,), **beside))
    told = "\n".join(report.lines)
    assert report.exit_code() == 0, told
    assert "witness.example.org cosigned the checkpoint at size 64 at 2026-03-02T10:40:00Z" in told
    assert "the checkpoint at size 128 covers the proof" in told
    other = sign_checkpoint(Checkpoint(ORIGIN, 128, Tree([leaf_hash(b"")] * 128).root()), LOG)
    (tmp_path / "later").write_text(other)
    assert verify.verify_proof(path, verify.Wanted(KEY, **beside)).exit_code() == 1


def test_a_stamp_says_by_when_it_stood_there(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "office")
    log, proof = small()
    path, reply = tmp_path / "proof.txt", tmp_path / "stamp.tsr"
    path.write_bytes(proof)
    stamped = signed_part(log.note).encode()
    reply.write_bytes(authority.reply(timestamp.request(hashlib.sha256(stamped).digest())[0]))
    report = verify.verify_proof(path, verify.Wanted(KEY, ca=authority.roots, stamps=(reply,)))
    assert report.exit_code() == 0, report.lines
    assert f"{reply}: a time-stamping authority says that the checkpoint at size 64 existed at 20" in "\n".join(report.lines)
    assert "untimestamped" not in "\n".join(report.lines)
    reply.write_bytes(authority.reply(timestamp.request(hashlib.sha256(b"another").digest())[0]))
    refused = verify.verify_proof(path, verify.Wanted(KEY, ca=authority.roots, stamps=(reply,)))
    assert refused.problems == [f"{reply}: a stamp of something else than the checkpoint at size 64"]


def test_a_reader_of_a_copy_keeps_nothing(proof: bytes) -> None:
    """Checking changes nothing of what it was given."""
    lines = lines_of(proof)
    before = copy.deepcopy(lines)
    check_proof(signed(lines), [VKEY], "proof", "", "")
    assert lines == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [(0, name) for name in ("suite", "origin", "purpose", "audience", "nonce", "day")] + [(1, "key"), (1, "checkpoint")]
PLACES += [(2, name) for name in ("index", "path", "attest", "fields")] + [
    (3, "path", 0),
    (3, "fields", 0),
    (3, "fields", 2),
    (2, None),
    (0, None),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), ANYTHING)
def test_whatever_stands_anywhere_is_refused_in_words(proof: bytes, tmp_path: Path, place: tuple[Any, ...], value: Any) -> None:
    """No reader stumbles: it accepts or refuses, and all agree, also where its own maker signed."""
    lines: list[Any] = lines_of(proof)
    line, *way = place
    target, last = (lines, line) if way == [None] else (lines[line], way[0]) if len(way) == 1 else (lines[line][way[0]], way[1])
    same = target[last] == value
    target[last] = value
    raw = [json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") for one in lines]
    assert all_three(signed(raw), tmp_path) == {same or (place[-1] in ("day",) and spec(signed(raw)))}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([b"", b"TP1 ", b"TP1 1/1 ", b"tipline/proof/1\n", b"tipline/proof/1\n{}\n{}\n{}\n"]), st.binary(max_size=200))
def test_noise_is_refused_in_words(tmp_path: Path, head: bytes, noise: bytes) -> None:
    assert all_three(head + noise, tmp_path) == {False}
