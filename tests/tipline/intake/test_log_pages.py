"""The published log is served as it was written, may be kept by anyone, and nothing beside it is served."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from evidence import checkpoint, merkle, signing, tiles
from evidence.mirror.checking import check
from evidence.mirror.following import Fork, follow, http_source
from tests.tipline.intake.house import IntakeHouse, send_tip


def test_before_the_first_publication_there_is_nothing(client: FlaskClient) -> None:
    for path in ("checkpoint", "key", "tile/0/000"):
        assert client.get(f"/log/{path}").status_code == 404
    assert "fingerprint" not in client.get("/contact").text


def test_checkpoint_and_tiles_are_served_as_published(client: FlaskClient, house: IntakeHouse) -> None:
    send_tip(client)
    note = house.publish()
    page = client.get("/log/checkpoint")
    assert page.data == note.encode()
    assert page.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert page.headers["Cache-Control"] == "public, max-age=5, no-transform"
    head = checkpoint.open_checkpoint(note, note.splitlines()[0], house.worker.vault.keys.log_key.public)
    tile = client.get(f"/log/{tiles.tile_path(0, 0, head.size)}")
    assert tile.headers["Content-Type"] == "application/octet-stream"
    assert tile.headers["Cache-Control"] == "public, max-age=31536000, immutable, no-transform"
    leaves = [tile.data[at : at + 32] for at in range(0, len(tile.data), 32)]
    assert merkle.Tree(leaves).root() == head.root
    for answer in (page, tile):
        assert "Last-Modified" not in answer.headers, "it would tell when it was written"
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["checkpoint", "key", "tile/0/000.p/64", "tile/entries/000.p/64"])
def test_a_copy_that_is_still_good_is_not_sent_again(client: FlaskClient, house: IntakeHouse, path: str) -> None:
    house.publish()
    whole, head = client.get(f"/log/{path}"), client.head(f"/log/{path}")
    assert (head.status_code, head.data, head.content_length) == (200, b"", len(whole.data))
    again = client.get(f"/log/{path}", headers={"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == whole.headers["Cache-Control"]
    assert client.get(f"/log/{path}", headers={"If-None-Match": '"other"'}).data == whole.data
    assert client.post(f"/log/{path}").status_code == 405


def test_the_key_is_published_and_its_fingerprint_shown(client: FlaskClient, house: IntakeHouse) -> None:
    house.publish()
    key, public = client.get("/log/key").text, house.worker.vault.keys.log_key.public
    assert checkpoint.parse_vkey(key.strip()) == checkpoint.Vkey(house.worker.vault.keys.text("log.origin"), checkpoint.ED25519, public)
    assert signing.ssh_fingerprint(public) in client.get("/contact").text


@pytest.mark.parametrize(
    "path",
    ["../../tipline.db", "tile/../checkpoint", "tile/0/..%2f..%2fx", "%2e%2e/keys", "tile/0/000.new", "note", "key.new", "checkpoint.new",
     "tile", "tile/0", "tile/0/000.p", "tile/0/000.p/64.new", "", "tile/0/000.p/65"],
)  # fmt: skip
def test_no_other_file_is_served(client: FlaskClient, house: IntakeHouse, path: str) -> None:
    house.publish()
    for name in ("key.new", "checkpoint.new", "tile/0/000.new", "tile/0/000.p/64.new"):
        (house.settings.log_folder / name).write_bytes(b"half")
    assert client.get(f"/log/{path}").status_code in (404, 308)


@pytest.fixture
def address(house: IntakeHouse) -> Iterator[str]:
    """The real public face over a real socket (loopback)."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/log"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_mirror_follows_the_public_face_and_sees_its_log_replaced(
    client: FlaskClient, house: IntakeHouse, address: str, tmp_path: Path
) -> None:
    send_tip(client)
    first = house.publish()
    key = checkpoint.parse_vkey(client.get("/log/key").text.strip())
    assert follow(http_source(address), tmp_path / "mirror", [key]).note == first
    house.clock.turn(days=1)
    send_tip(client)
    second = house.publish()
    followed = follow(http_source(address), tmp_path / "mirror", [key])
    assert (followed.before, followed.size, followed.note) == (64, 128, second)
    assert check(tmp_path / "mirror", [key]).note == second
    assert check(house.settings.log_folder, [key]).note == second
    leaves = [merkle.leaf_hash(bytes([number]) * 32) for number in range(192)]
    tree = merkle.Tree(leaves)
    forged = checkpoint.sign_checkpoint(checkpoint.Checkpoint(key.name, 192, tree.root()), house.worker.vault.keys.log_key)
    for name, data in tiles.tiles(tree, 0, 192):
        (house.settings.log_folder / name).write_bytes(data)
    (house.settings.log_folder / "checkpoint").write_text(forged)
    with pytest.raises(Fork):
        follow(http_source(address), tmp_path / "mirror", [key])
    assert check(tmp_path / "mirror", [key]).note == second
