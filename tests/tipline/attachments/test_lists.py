"""Lists of known files: loaded from any usual form, compared by any of three digests, kept under the program's key alone."""

from __future__ import annotations

import hashlib
import io

import pytest

from tests.evidence.examine.jails import needs_jail
from tests.tipline.desk_house import Desk
from tipline.attachments import lists, rules
from tipline.errors import Forbidden, NotFound
from tipline.linking.indexing import catch_up_now
from tipline.search.index import remove
from tipline.search.known import KnownDamaged, KnownFiles, path_of

FILE = b"an installer that everybody has"
MD5, SHA1, SHA256 = (hashlib.new(name, FILE, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256"))
NSRL = f'"SHA-1","MD5","CRC32","FileName"\n"{SHA1.upper()}","{MD5.upper()}","ABCD1234","setup.exe"\n'.encode()
FORMS = {"nsrl": NSRL, "sha256sum": f"{SHA256}  setup.exe\n".encode(), "md5": f"{MD5}\r\n".encode(), "plain": SHA256.upper().encode()}


def load(desk: Desk, content: bytes, meaning: str = "known", **more: str) -> str:
    """Load a list in the console; returns its page's address."""
    data = {"program": desk.installation.program_id, "name": "Canary list", "origin": "nist.example", "meaning": meaning, **more}
    answer = desk.client().post("/known-files/new", data={**data, "file": (io.BytesIO(content), "list.csv")})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


@needs_jail
@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_found_on_a_list_of_any_form(desk: Desk, form: str) -> None:
    file, other = desk.exhibits(desk.send("He bragged.", {"setup.exe": FILE, "b.txt": b"other"}))[1:]
    browser = desk.client()
    assert "There is no list" in browser.get(f"/exhibits/{file.id}/file/facts").text
    load(desk, b"# a comment\n" + FORMS[form])
    assert "A known, harmless file." in browser.get(f"/exhibits/{file.id}/file/facts").text
    assert "it stands on none" in browser.get(f"/exhibits/{other.id}/file/facts").text


@needs_jail
def test_a_wanted_file_stands_on_the_lists_page_and_survives_a_new_index(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"setup.exe": FILE}))[1]
    with desk.acting(write=False) as (work, actor):
        assert catch_up_now(work, actor) == 2
    address = load(desk, FORMS["sha256sum"], "wanted")
    page = desk.client("counsel").get(address).text
    assert f"/exhibits/{file.id}/file/facts" in page
    remove(desk.installation.settings.index_folder, desk.installation.program_id)
    assert "A wanted file." in desk.client().get(f"/exhibits/{file.id}/file/facts").text


def test_names_and_digests_are_sealed_and_gone_when_removed(desk: Desk) -> None:
    address = load(desk, FORMS["plain"])
    stored = desk.everything_stored()
    assert b"Canary list" not in stored
    assert bytes.fromhex(SHA256) not in stored
    assert SHA256.encode() not in stored
    assert desk.client().post(f"{address}/remove").status_code == 303
    assert desk.client().get(address).status_code == 404
    with desk.acting(write=False) as (work, actor):
        keys = actor.keyring.program(desk.installation.program_id)
        with KnownFiles(work.settings.index_folder, keys) as known:
            assert known.find([bytes.fromhex(SHA256)]) == {}


def test_a_lost_file_of_digests_is_said(desk: Desk) -> None:
    address = load(desk, FORMS["plain"])
    path = path_of(desk.installation.settings.index_folder, desk.installation.program_id)
    path.unlink()
    assert "Only 0 of its digests are at hand" in desk.client().get(address).text
    path.write_bytes(b"x" * 8192)
    with desk.acting(write=False) as (work, actor), pytest.raises(KnownDamaged):
        lists.read_list(work, actor, address.rpartition("/")[2])


def test_what_is_no_list_is_refused_and_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_DIGESTS", 3)
    browser, form = desk.client(), {"program": desk.installation.program_id, "name": "L", "origin": "", "meaning": "known"}
    for content, words in ((b"no digest here\n", "holds no digest"), (b"\n".join([SHA256.encode()] * 4), "more than 3 digests")):
        answer = browser.post("/known-files/new", data={**form, "file": (io.BytesIO(content), "l")})
        assert (answer.status_code, words in answer.text) == (422, True)
    assert browser.post("/known-files/new", data=form).status_code == 422
    assert "No list is loaded" in browser.get("/known-files").text


def test_who_may_load_and_who_may_look(desk: Desk) -> None:
    address = load(desk, FORMS["plain"])
    assert desk.client("program_manager").get(address).status_code == 200
    assert desk.client("administrator").get(address).status_code == 403
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        lists.remove(work, actor, address.rpartition("/")[2])
    with desk.acting() as (work, actor), pytest.raises(NotFound):
        lists.read_list(work, actor, "0" * 32)


def test_the_longest_digest_of_a_line_counts_wherever_chunks_end() -> None:
    text = NSRL + FORMS["sha256sum"] + b"deadbeef\n" + b"g" * 70_000 + b"\n" + f"{MD5} {SHA256}0".encode()
    expected = [bytes.fromhex(SHA1), bytes.fromhex(SHA256), bytes.fromhex(MD5)]
    for size in (1, 7, 64, 1_000_000):
        assert list(rules.digests_in(text[at : at + size] for at in range(0, len(text), size))) == expected
