"""Words that a machine read in a picture: the linking desk looks at them as at others, says that they may be wrong, and lets none leave."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from evidence.examine.lettering import Lettering
from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail
from tests.installations import Installation
from tests.tipline.linking.linking_house import LinkingDesk, sit_down
from tipline.attachments import reading
from tipline.inbox.lettered import MAY_BE_WRONG
from tipline.linking.indicators import Wanted, gather_indicators
from tipline.linking.lettering import with_lettering
from tipline.linking.rules import Suggestion
from tipline.models.tips import Tip

ADDRESS = "harrow-canary@desk.example"
SAID = f"{MAY_BE_WRONG.capitalize()}."


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    return sit_down(installation)


def read(desk: LinkingDesk, tip: str, words: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Somebody asks for the words in the picture of a tip, and the machine reads these."""
    exhibit = desk.exhibits(tip)[1]
    monkeypatch.setattr(reading, "installed", lambda: True)
    monkeypatch.setattr(reading, "read_pictures", lambda chunks, *_: Lettering("done", words, f"engine {sum(map(len, chunks))}"))
    with desk.acting() as (work, actor):
        reading.ask(work, actor, exhibit.id)
    desk.installation.run_jobs()
    return exhibit.id


@needs_jail
def test_what_was_read_in_a_picture_suggests_a_link_that_says_so(desk: LinkingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    written = desk.send(f"They told me to write to {ADDRESS}, which stands in no newspaper.")
    scanned = desk.send("I photographed the note on his desk.", {"note.png": samples.png()})
    desk.catch_up()
    assert desk.pairs() == []
    read(desk, scanned, f"Write to {ADDRESS} before noon", monkeypatch)
    assert desk.catch_up() == 1, "the picture alone is looked at again"
    kind, one, other, tier = desk.pairs()[0]
    assert (kind, {one, other}, tier, len(desk.pairs())) == ("Shares an indicator", {written, scanned}, "fair", 1)
    link = desk.links()[0]
    with desk.acting(write=False) as (work, actor):
        keys = actor.keyring.program(link.program_id)
        findings = keys.open_json("link", "findings", link.id, link.findings or b"")
        short = keys.open("link", "reason", link.id, link.reason or b"")
        exported = gather_indicators(work, actor, Wanted(program=link.program_id))
        texts = {one.normal: one.texts for one in exported.rows}
    assert short.endswith(SAID)
    assert findings["reason"].endswith(SAID)
    assert ADDRESS not in short
    assert [one.get("read") for one in findings["indicators"]] == [True]
    assert texts[ADDRESS] == 1, "what a machine read does not leave the house"
    page = desk.client().get("/linking").text
    assert f"Words in note.png, {MAY_BE_WRONG}" in page
    assert SAID in page


@needs_jail
def test_what_somebody_also_wrote_is_no_guess(desk: LinkingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send(f"They told me to write to {ADDRESS}, which stands in no newspaper.")
    scanned = desk.send(f"His note says {ADDRESS}, see the photo.", {"note.png": samples.png()})
    read(desk, scanned, f"Write to {ADDRESS} before noon", monkeypatch)
    desk.catch_up()
    link = desk.links()[0]
    with desk.acting(write=False) as (work, actor):
        findings = actor.keyring.program(link.program_id).open_json("link", "findings", link.id, link.findings or b"")
        assert work.session.scalars(select(Tip)).first()
    assert (link.tier, "read" in findings) == ("strong", False)


def suggestion(*checksums: str) -> Suggestion:
    indicators = [{"kind": "email", "normal": str(number), "checksum": one} for number, one in enumerate(checksums)]
    return Suggestion("shares_indicator", "strong", "Both hold it.", {"indicators": indicators}, "Both hold one.")


@pytest.mark.parametrize(
    ("checksums", "lettered", "tier", "said"),
    [
        (("none",), {("email", "0")}, "fair", SAID),
        (("ok",), {("email", "0")}, "strong", SAID),
        (("none", "none"), {("email", "1")}, "strong", f"1 of 2 {MAY_BE_WRONG}."),
        (("none",), {("email", "7"), ("", "exhibit")}, "strong", ""),
    ],
)
def test_only_what_rests_on_a_guess_alone_is_weaker(
    checksums: tuple[str, ...], lettered: set[tuple[str, str]], tier: str, said: str
) -> None:
    found = with_lettering(suggestion(*checksums), lettered)
    assert (found.tier, found.short) == (tier, f"Both hold one. {said}".strip())


def test_names_and_templates_of_read_words_say_so_too() -> None:
    template = Suggestion("same_file", "strong", "They share passages.", {"passages": 3}, "They share passages.")
    assert with_lettering(template, {("", "exhibit")}).tier == "fair"
    assert with_lettering(template, {("", "exhibit")}).reason == f"They share passages. {SAID}"
    assert with_lettering(template, set()) is template
