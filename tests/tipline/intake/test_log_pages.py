"""The published log is served as it was written, and nothing beside it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from evidence import checkpoint, merkle, tiles
from tests.tipline.intake.house import IntakeHouse, send_tip


def test_before_the_first_publication_there_is_nothing(client: FlaskClient) -> None:
    assert client.get("/log/checkpoint").status_code == 404
    assert client.get("/log/tile/0/000").status_code == 404


def test_checkpoint_and_tiles_are_served_as_published(client: FlaskClient, house: IntakeHouse) -> None:
    send_tip(client)
    note = house.publish()
    with client.get("/log/checkpoint") as page:
        assert page.data == note.encode()
        assert page.mimetype == "text/plain"
        assert "Last-Modified" not in page.headers
    origin = note.splitlines()[0]
    head = checkpoint.open_checkpoint(note, origin, house.worker.vault.keys.log_key.public)
    with client.get(f"/log/{tiles.tile_path(0, 0, head.size)}") as tile:
        assert tile.status_code == 200
        leaves = [tile.data[at : at + 32] for at in range(0, len(tile.data), 32)]
    tree = merkle.Tree(leaves)
    assert tree.root() == head.root


@pytest.mark.parametrize("path", ["../../tipline.db", "tile/../checkpoint", "tile/0/..%2f..%2fx", "%2e%2e/keys", "tile/0/000.new", "note"])
def test_no_other_file_is_served(client: FlaskClient, house: IntakeHouse, path: str) -> None:
    house.publish()
    assert client.get(f"/log/{path}").status_code in (404, 308)
