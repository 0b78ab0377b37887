"""Odd words in titles, names and reasons: every page and every file that shows them is whole, and none of them is markup there."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.tipline.mapping.conftest import Board

ODD = "<b>{{7*7}}</b> \u202etxt.exe\u202c \U0001f9ea e\u0301\u0327 \ufeff\u200b =1+1 &amp; ]]> 漢字 \x0b\x1f"
LONG = "w" * 119


def test_odd_words_are_shown_as_words_everywhere(board: Board) -> None:
    client, case = board.desk.client(), board.case
    for name in (ODD, LONG):
        added = client.post(
            f"/cases/{case}/subjects", data={"kind": "account", "name": name, "also": name, "identifiers": name, "words": name}
        )
        assert added.status_code == 303
        board.link(f"tip:{board.tips[0]}", f"subject:{added.location.rpartition('/')[2]}", "names_subject")
        assert client.get(added.location).status_code == 200
        said = {"what": name, "happened_on": "2026-01-02", "words": name, "by": name}
        assert client.post(f"/cases/{case}/events", data=said).status_code == 303
        assert client.post(f"/cases/{case}/decisions", data=said).status_code == 303
    assert (
        client.post(
            f"/cases/{board.case}/split", data={"where": "new", "title": ODD, "reason": ODD, "things": f"tip:{board.tips[1]}"}
        ).status_code
        == 303
    )
    for path in ("", "/subjects", "/timeline", "/decisions", "/graph", "/split", "?tab=notes"):
        page = client.get(f"/cases/{case}{path}")
        assert (page.status_code, "<b>{{7" in page.text, "<b>49" in page.text) == (200, False, False), path
    for of in ("graph", "timeline"):
        files = {form: client.post(f"/cases/{case}/{of}/export", data={"as": form}) for form in ("csv", "svg", "png")}
        assert [form for form, answer in files.items() if answer.status_code != 200] == []
        assert ElementTree.fromstring(files["svg"].data).tag.endswith("svg")
        assert files["png"].data.startswith(b"\x89PNG")
        assert not [line for line in files["csv"].data.decode("utf-8-sig").splitlines() if line.startswith(("=", "+", "@"))]
