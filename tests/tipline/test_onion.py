"""The onion service as far as a machine without a network can tell: keys, address, torrc, and how the public face behaves behind it."""

from __future__ import annotations

import base64
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient

from tests.installations import Installation
from tests.tipline.intake.house import TIP, fill, send_tip, words_of
from tipline import onion
from tipline.app import create_console_app, create_public_app
from tipline.cli import main
from tipline.config import OnionSettings, Settings
from tipline.errors import BadInput
from tipline.process import open_process
from tipline.supervisor import Ports, command_of, with_ports

# addresses that the specification of version 3 shows as examples, and one of the Tor Project's own
KNOWN = (
    "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",
    "sp3k262uwy4r2k3ycr5awluarykdpag6a7y33jxop4cs2lu5uz5sseqd.onion",
    "xa4r2iadxm55fbnqgwwi5mymqdcofiu3w6rpbtqn7b2dyn7mgwj64jyd.onion",
    "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion",
)
ORIGIN = f"http://{KNOWN[0]}"
CLEAR = "https://tips.example.org"
TOR = shutil.which("tor")
needs_tor = pytest.mark.skipif(TOR is None and os.environ.get("CI") != "true", reason="no tor on this machine; .ci/run installs it")


# keys and address


@pytest.mark.parametrize("address", KNOWN)
def test_a_known_address_is_derived_from_its_key(address: str) -> None:
    public = base64.b32decode(address.removesuffix(".onion").upper())[:32]
    assert onion.address_of(public) == address
    assert onion.is_address(address)


@pytest.mark.parametrize("at", range(0, 56, 5))
def test_an_address_with_a_wrong_letter_is_none(at: int) -> None:
    name = KNOWN[0]
    assert not onion.is_address(name[:at] + ("b" if name[at] != "b" else "c") + name[at + 1 :])


@pytest.mark.parametrize("address", ["", ".onion", "example.org", "a" * 56 + ".onion", KNOWN[0].upper(), KNOWN[0][1:], "ä" * 56 + ".onion"])
def test_what_is_no_address_is_none(address: str) -> None:
    assert not onion.is_address(address)


def test_the_public_key_of_an_expanded_one_is_that_of_its_seed() -> None:
    """RFC 8032 section 7.1, test 1, and seeds by another implementation."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert onion.public_of(onion.expand(seed)).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    for number in range(5):
        seed = bytes([number]) * 32
        assert onion.public_of(onion.expand(seed)) == Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    made, again = onion.prepare(tmp_path / "onion", 8003), onion.prepare(tmp_path / "onion", 9003)
    assert (made.made, again.made) == (True, False)
    assert made.address == again.address
    assert onion.is_address(made.address)
    assert "127.0.0.1:9003" in again.torrc.read_text()
    assert onion.prepare(tmp_path / "other", 8003).address != made.address


def test_nobody_else_can_read_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "onion").mkdir(mode=0o755)
    onion.prepare(tmp_path / "onion", 8003)
    for path in [tmp_path / "onion", *(tmp_path / "onion").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize("lost", [onion.PUBLIC, onion.HOSTNAME])
def test_what_can_be_derived_is_made_again(tmp_path: Path, lost: str) -> None:
    made = onion.prepare(tmp_path, 8003)
    (tmp_path / onion.SERVICE / lost).unlink()
    assert onion.prepare(tmp_path, 8003).address == made.address
    assert (tmp_path / onion.SERVICE / onion.HOSTNAME).read_text() == f"{made.address}\n"


@pytest.mark.parametrize("name", [onion.SECRET, onion.PUBLIC, onion.HOSTNAME])
def test_keys_that_do_not_belong_together_are_refused_and_left_as_they_are(tmp_path: Path, name: str) -> None:
    onion.prepare(tmp_path / "one", 8003)
    onion.prepare(tmp_path / "two", 8003)
    path = tmp_path / "one" / onion.SERVICE / name
    path.write_bytes((tmp_path / "two" / onion.SERVICE / name).read_bytes())
    before = {one: one.read_bytes() for one in path.parent.iterdir()}
    with pytest.raises(BadInput):
        onion.prepare(tmp_path / "one", 8003)
    assert {one: one.read_bytes() for one in path.parent.iterdir()} == before


def test_a_secret_key_that_is_gone_or_cut_is_not_replaced(tmp_path: Path) -> None:
    onion.prepare(tmp_path, 8003)
    secret = tmp_path / onion.SERVICE / onion.SECRET
    secret.write_bytes(secret.read_bytes()[:-1])
    with pytest.raises(BadInput):
        onion.prepare(tmp_path, 8003)
    secret.unlink()
    with pytest.raises(BadInput):
        onion.prepare(tmp_path, 8003)
    assert not secret.exists()


# torrc


def options(torrc: Path) -> dict[str, str]:
    lines = [line for line in torrc.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(" ", 1) for line in lines)


def test_torrc_says_what_was_decided(tmp_path: Path) -> None:
    said = options(onion.prepare(tmp_path, 8003).torrc)
    assert said["HiddenServiceDir"] == str(tmp_path / onion.SERVICE)
    assert said["HiddenServicePort"] == "80 127.0.0.1:8003"
    assert said["HiddenServiceVersion"] == "3"
    assert said["HiddenServicePoWDefensesEnabled"] == "1"
    assert int(said["HiddenServicePoWQueueBurst"]) > int(said["HiddenServicePoWQueueRate"]) > 0
    assert said["HiddenServiceSingleHopMode"] == said["HiddenServiceNonAnonymousMode"] == said["SocksPort"] == "0"
    assert said["Log"] == "err file /dev/null"


@needs_tor
def test_tor_takes_the_torrc_and_derives_the_same_address_from_the_key(tmp_path: Path) -> None:
    """tor itself is the second implementation: it writes the host name of a key that it finds."""
    assert TOR is not None, "CI=true, but there is no tor: .ci/run installs it"
    service = onion.prepare(tmp_path, 8003)
    for name in (onion.PUBLIC, onion.HOSTNAME):
        (tmp_path / onion.SERVICE / name).unlink()
    checked = subprocess.run([TOR, "-f", service.torrc, "--verify-config", "--hush"], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with subprocess.Popen([TOR, "-f", service.torrc, "--DisableNetwork", "1", "--hush"]) as running:
        try:
            running.wait(1)
            raise AssertionError(f"tor ended with {running.returncode}")
        except subprocess.TimeoutExpired:
            pass
        finally:
            running.terminate()
            running.wait(30)
    assert (tmp_path / onion.SERVICE / onion.HOSTNAME).read_text().strip() == service.address
    assert onion.prepare(tmp_path, 8003).address == service.address, "tor changed the keys"


def test_the_command_prints_the_address_alone(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["onion", "--dir", str(tmp_path / "onion"), "--port", "8103"])
    assert done.exit_code == 0, done.output
    assert onion.is_address(done.stdout.strip())
    assert f"TIPLINE_ONION_ORIGIN=http://{done.stdout.strip()}" in done.stderr
    assert "--onion-port 8103" in done.stderr


# the public face behind it


@pytest.fixture
def settings(installation: Installation) -> Settings:
    return Settings(data=installation.settings.data, public_origin=CLEAR, onion_origin=ORIGIN)


@pytest.fixture
def clear(settings: Settings) -> FlaskClient:
    return create_public_app(open_process("public", settings)).test_client()


@pytest.fixture
def hidden(settings: Settings) -> FlaskClient:
    behind = OnionSettings(**settings.model_dump())
    return create_public_app(open_process("public", behind)).test_client()


@pytest.mark.parametrize("path", ["/p/northfield", TIP, "/receipt", "/es/receipt", "/contact"])
def test_the_clear_site_tells_where_the_same_page_is_in_the_onion(clear: FlaskClient, path: str) -> None:
    answer = clear.get(f"{path}?x=1")
    assert answer.headers["Onion-Location"] == f"{ORIGIN}{path}"
    assert f'href="{ORIGIN}/' in answer.text, "the footer does not name it"
    assert "Strict-Transport-Security" in answer.headers


def test_an_address_that_was_made_up_stays_one_header(clear: FlaskClient) -> None:
    told = clear.get("/p/%0d%0aSet-Cookie:%20a=b/%22%3e").headers
    assert "Set-Cookie" not in told
    assert told["Onion-Location"] == f"{ORIGIN}/p/%0D%0ASet-Cookie%3A%20a%3Db/%22%3E"


def test_other_answers_do_not_tell_it(clear: FlaskClient) -> None:
    assert "Onion-Location" not in clear.post("/receipt", data={"receipt": "x"}).headers
    with clear.get("/static/css/public.css") as answer:
        assert "Onion-Location" not in answer.headers


def test_the_onion_service_tells_no_other_address_and_asks_for_no_tls(hidden: FlaskClient) -> None:
    for path in ("/p/northfield", TIP, "/receipt", "/nothing"):
        answer = hidden.get(path)
        assert "Onion-Location" not in answer.headers
        assert "Strict-Transport-Security" not in answer.headers
        assert "upgrade-insecure-requests" not in answer.headers["Content-Security-Policy"]
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
        assert CLEAR not in re.sub(r"(?s)<main.*</main>", "", answer.text), "the frame of the page leads out of the onion"
        assert "Set-Cookie" not in answer.headers


def test_a_source_sends_and_comes_back_over_the_onion_service(hidden: FlaskClient, clear: FlaskClient) -> None:
    words = words_of(send_tip(hidden))
    answer = hidden.post("/receipt", data={"receipt": " ".join(words)})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("public-source=")
    assert "Secure" not in cookie, "a browser that insists on TLS for it would never send it back"
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Your tip" in hidden.get("/conversation").text
    over_tls = clear.post("/receipt", data={"receipt": " ".join(words)}).headers["Set-Cookie"]
    assert over_tls.startswith("__Host-public-source=")
    assert "Secure" in over_tls


def test_a_flood_of_the_clear_site_leaves_the_onion_service_alone(hidden: FlaskClient, clear: FlaskClient) -> None:
    clear.application.extensions["gate"].places.taken = 10**6
    clear.application.extensions["gate"].limiter.allow = lambda *_: False
    assert clear.post("/receipt", data={"receipt": "x"}).status_code == 503
    assert hidden.post("/receipt", data={"receipt": "x"}).status_code == 303
    assert fill(hidden, "").status_code == 200


def test_the_console_knows_nothing_of_it(installation: Installation, settings: Settings) -> None:
    console = create_console_app(open_process("console", settings)).test_client()
    assert "Onion-Location" not in console.get("/sign-in").headers


# its port


def test_it_is_served_on_a_port_of_its_own_only_where_one_is_given() -> None:
    assert "onion" not in Ports().by_name()
    assert Ports(onion=8003).by_name()["onion"] == 8003
    assert command_of("onion", 8003)[-1] == "wsgi:create_onion_app"
    assert with_ports(Settings(), Ports()).onion_origin == ""
    assert with_ports(Settings(), Ports(onion=8003)).onion_origin == "http://127.0.0.1:8003"
    assert with_ports(Settings(onion_origin=ORIGIN), Ports(onion=8003)).onion_origin == ORIGIN
