"""The pages of the proof: offered after the next published checkpoint, made with the claim code, kept nowhere."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from evidence import submission
from evidence.checkpoint import parse_vkey
from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.intake import test_phone
from tests.tipline.intake.house import IntakeHouse, claim_of, come_back, field_value, send_tip, words_of
from tipline.intake import proofpages, proving
from tipline.models.tips import Tip

PAGE = "/conversation/proof"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofpages, "SECONDS", 0.0)


@pytest.fixture
def code(house: IntakeHouse, client: FlaskClient) -> str:
    """The claim code of a tip that stands in the published log; the client has used its receipt."""
    page = send_tip(client, "CANARY words", {"CANARY.jpg": b"\xff\xd8\xff" + bytes(5000)})
    house.publish()
    come_back(client, words_of(page))
    return claim_of(page)


def ask(client: FlaskClient, code: str, **more: str) -> TestResponse:
    token = field_value(client.get(PAGE), "token")
    return client.post(PAGE, data={"token": token, "claim": code, "as": "file", **more})


def shown(house: IntakeHouse, proof: bytes, audience: str = "", nonce: str = "") -> submission.Proved:
    key = parse_vkey((house.settings.log_folder / "key").read_text().strip())
    return submission.check_proof(proof, [key], "proof", audience, nonce)


def test_it_is_offered_once_all_that_was_sent_is_published(house: IntakeHouse, client: FlaskClient) -> None:
    sent = send_tip(client)
    page = come_back(client, words_of(sent))
    assert "You can prove what you sent from 23 Nov 2026 on" in page.text
    assert PAGE not in page.text
    assert "Come back on 23 Nov 2026, then you can make the proof." in client.get(PAGE).text
    assert "at midnight, world time (UTC)" in client.get(PAGE).text
    token = field_value(page, "token")
    answer = client.post(PAGE, data={"token": token, "claim": claim_of(sent), "as": "file"})
    assert "Come back on 23 Nov 2026," in answer.text
    house.publish()
    assert f'href="{PAGE}"' in client.get("/conversation").text
    assert shown(house, ask(client, claim_of(sent)).data).items[0].values["occurred_from"] == "2026-11-22"


def test_the_file_is_small_padded_and_never_kept(house: IntakeHouse, client: FlaskClient, code: str) -> None:
    before = sorted(path for path in house.settings.data.rglob("*") if path.is_file())
    answer = ask(client, code)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="proof.txt"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert len(answer.data) == 8192
    assert len(shown(house, answer.data).items) == 2
    assert ask(client, code).data == answer.data
    assert sorted(path for path in house.settings.data.rglob("*") if path.is_file()) == before
    stored = house.everything_stored()
    assert code.encode() not in stored
    assert shown(house, answer.data).items[0].values["event_id"] not in ("", None)
    assert submission.bare(answer.data)[-80:] not in stored
    for word in (b"CANARY", b"Northfield", words_in(code)):
        assert word not in answer.data


def words_in(code: str) -> bytes:
    return code.replace("-", "").encode()


def test_who_asks_stands_in_it(house: IntakeHouse, client: FlaskClient, code: str) -> None:
    answer = ask(client, code, audience="  District\tCourt ", nonce="17-A/26")
    assert shown(house, answer.data, "District Court", "17-A/26").statement.purpose == "proof"
    with pytest.raises(submission.IntegrityError):
        shown(house, answer.data)


def test_a_wrong_claim_code_gets_one_calm_message(client: FlaskClient, code: str) -> None:
    for typed in ("", "CANARY", "0000-0000-0000-0000-0000-0000-0000", "\x00", "x" * 100_000):
        answer = ask(client, typed, audience="The court", nonce="7")
        assert answer.status_code == 422
        assert unescape(answer.text).count(proving.WRONG_CODE) == 2
        assert field_value(answer, "token")
        assert 'value="The court"' in answer.text
        assert len(answer.data) == 65536
        assert not typed or typed not in answer.text


def test_wrong_and_malformed_codes_take_the_same_time(client: FlaskClient, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer waits until a fixed time has passed, whatever was typed."""
    waited: list[float] = []
    monkeypatch.setattr(proofpages, "SECONDS", 50.0)
    monkeypatch.setattr(proofpages.time, "sleep", waited.append)
    for typed in (code, "wrong", "0000-0000-0000-0000-0000-0000-0000"):
        ask(client, typed)
    assert len(waited) == 3
    assert all(45 < seconds <= 50 for seconds in waited)


def test_what_cannot_stand_in_a_proof_is_said(client: FlaskClient, code: str) -> None:
    for field, audience, nonce in (
        ("audience", "x" * 201, "7"),
        ("nonce", "court", "\u202e7"),
        ("nonce", "court", ""),
        ("audience", "", "7"),
    ):
        answer = ask(client, code, audience=audience, nonce=nonce)
        assert answer.status_code == 422
        assert f'<a href="#{field}">' in answer.text
        assert code not in answer.text


def scanned(picture: bytes) -> str:
    """What another program reads in a picture of a code."""
    [code] = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("L"), formats=zxingcpp.BarcodeFormat.QRCode)
    return str(code.text)


def test_on_paper_it_is_the_same_text(house: IntakeHouse, client: FlaskClient, code: str, tmp_path: Path) -> None:
    file, page = ask(client, code), ask(client, code, **{"as": "page"})
    pictures = [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page.text)]
    assert page.headers["Content-Security-Policy"].count("data:") == 1
    assert "img-src 'self' data:" in page.headers["Content-Security-Policy"]
    assert "data:" not in client.get(PAGE).headers["Content-Security-Policy"]
    assert len(page.data) % 65536 == 0
    told = submission.codes(file.data)
    assert len(pictures) == len(told) > 1
    assert [scanned(picture) for picture in pictures] == told
    read = told[::-1]
    assert submission.joined("\n".join(read).encode()) == submission.bare(file.data)
    assert unescape(page.text).count(f"{len(told)} of {len(told)}") >= 2
    fingerprint = re.search(r"--key (SHA256:[\w+/]{43})", unescape(page.text))
    assert fingerprint is not None
    (tmp_path / "codes.txt").write_text("\n".join(read))
    (tmp_path / "verify.py").write_bytes(client.get("/verify.py").data)
    command = [sys.executable, "verify.py", "--key", fingerprint[1], "codes.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("RESULT all holds\n")


def pictures(page: TestResponse) -> list[str]:
    return [scanned(base64.b64decode(data)) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page.text)]


def test_a_proof_of_many_items_goes_on_over_several_pages_of_codes(
    house: IntakeHouse, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim code is typed once: the proof itself goes along, and is looked at again before its codes are made."""
    monkeypatch.setattr(proofpages, "AT_ONCE", 12)
    sent = send_tip(client, files={f"{number}.txt": b"%d" % number for number in range(7)})
    other = send_tip(other_client := house.client())
    house.publish()
    come_back(client, words_of(sent))
    file, page = ask(client, claim_of(sent)), ask(client, claim_of(sent), **{"as": "page"})
    told = submission.codes(file.data)
    assert len(shown(house, file.data).items) == 8
    fields = {name: field_value(page, name) for name in ("token", "proof")} | {"as": "page"}
    assert claim_of(sent) not in page.text
    starts = re.findall(r'name="first" value="(\d+)"', page.text)
    assert starts == [str(first) for first in range(13, len(told) + 1, 12)]
    read = pictures(page)
    for first in reversed(starts):
        further = client.post(PAGE, data={**fields, "first": first})
        assert f"{first} of {len(told)}" in further.text
        read += pictures(further)
    assert sorted(read) == sorted(told)
    assert submission.joined("\n".join(read).encode()) == submission.bare(file.data)
    come_back(other_client, words_of(other))
    stranger = {**fields, "token": field_value(other_client.get(PAGE), "token")}
    assert other_client.post(PAGE, data=stranger).status_code == 422, "somebody else's proof"
    for wrong in ("", "?", fields["proof"][:-8]):
        assert client.post(PAGE, data={**fields, "proof": wrong}).status_code == 422
    assert claim_of(other) != claim_of(sent)


def test_a_proof_too_long_for_codes_says_so(client: FlaskClient, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "MOST_ON_PAPER", 1)
    page = ask(client, code, **{"as": "page"})
    assert "too long for paper" in page.text
    assert "data:image" not in page.text


def test_the_page_speaks_of_stamps_only_where_there_are_some(house: IntakeHouse, client: FlaskClient, code: str) -> None:
    assert "time services" not in client.get(PAGE).text
    object.__setattr__(house.settings, "timestamp_urls", "https://tsa.example")
    assert "Outside time services stamp our log too." in client.get(PAGE).text


def test_nobody_gets_one_without_a_receipt_or_from_another_site(house: IntakeHouse, client: FlaskClient, code: str) -> None:
    stranger = house.client()
    assert stranger.get(PAGE).headers["Location"] == "/receipt"
    assert stranger.post(PAGE, data={"claim": code}).headers["Location"] == "/conversation"
    come_back(stranger, "abacus " * 7)
    assert stranger.get(PAGE).headers["Location"] == "/conversation"
    assert stranger.post(PAGE, data={"claim": code, "token": "x"}).headers["Location"] == "/conversation"
    assert client.post(PAGE, data={"claim": code, "token": "x"}).headers["Location"] == "/conversation"
    assert client.post(PAGE, data={"claim": code}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_in_spanish_every_link_keeps_the_language(client: FlaskClient, code: str) -> None:
    page = client.get(f"/es{PAGE}")
    assert '<html lang="es"' in page.text
    assert f'action="/es{PAGE}"' in page.text


def test_nothing_is_logged(client: FlaskClient, code: str, capfd: pytest.CaptureFixture[str]) -> None:
    ask(client, code, audience="CANARY court", nonce="CANARY")
    ask(client, "CANARY")
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_the_verifier_is_the_one_of_the_bundles(client: FlaskClient) -> None:
    answer = client.get("/verify.py")
    assert answer.data == (Path(submission.__file__).parent / "verify.py").read_bytes()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="verify.py"'


def test_more_than_fit_into_one_proof_are_told_so(client: FlaskClient, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "MOST_ITEMS", 1)
    answer = ask(client, code)
    assert answer.status_code == 409
    assert proving.TOO_MANY in answer.text


def test_a_changed_packet_does_not_take_the_conversation_away(house: IntakeHouse, client: FlaskClient, code: str) -> None:
    with house.worker.unit(write=True) as work:
        for tip in work.session.query(Tip):
            tip.packet = b"no packet"
    for path in ("/conversation", PAGE):
        page = client.get(path)
        assert page.status_code == 200
        assert "The record of this tip was changed, so you cannot prove it" in page.text


def test_a_tip_by_phone_is_proved_like_any_other(installation: Installation, public: FlaskClient, console_app: Flask) -> None:
    desk = Desk(installation, public, console_app)
    receipt = test_phone.send(desk, desk.client())
    caller = public.application.test_client()
    claim = claim_of(test_phone.choose(caller, come_back(caller, test_phone.words_of(receipt))))
    installation.sequencer().publish()
    proof = ask(caller, claim).data
    with installation.work(write=False) as work:
        [tip] = work.session.query(Tip)
        found = proving.check(work, proof, submission.Statement("", "proof", "", "", ""))
        assert found.claim_key.hex() == tip.claim_key
        assert [item.values["length_after"] for item in found.items] != []
        assert b"m.okafor" not in proof
