"""Copies of e-mail: subject and words, and nothing of head, way, addresses or what is attached. The finders find nothing in them."""

from __future__ import annotations

import os
import random
from email.message import EmailMessage
from pathlib import Path

import pytest

from evidence.examine.copying import Copy
from evidence.examine.inside import htmlwords, mailcopies, markup
from evidence.examine.inside.identifying import identify
from tests.evidence.examine.test_facts import compound
from tests.evidence.examine.unjailed import cleaned, copy, unjailed

__all__ = ["unjailed"]
pytestmark = pytest.mark.usefixtures("unjailed")

SEED = int(os.environ.get("HOSTILE_SEED") or random.SystemRandom().randrange(1 << 32))
CANARY = "canary-reyes"
HEAD = "A copy of an e-mail: its subject and its words. Sender, receivers, dates and the way that it took are left out"


def mail(plain: str = "They hold it.", page: str = "") -> EmailMessage:
    message = EmailMessage()
    for name in ("From", "To", "Cc", "Reply-To", "X-Mailer", "Message-ID", "Received", "Organization", "X-Originating-IP", "Thread-Topic"):
        message[name] = f"<{CANARY}@example.org>"
    message["Date"] = "Sat, 29 Aug 2026 21:14:00 +0000"
    message["Subject"] = "=?utf-8?q?La_factura_de_J=C3=BCrgen?="
    if plain:
        message.set_content(plain)
    if page and plain:
        message.add_alternative(page, subtype="html")
    elif page:
        message.set_content(page, subtype="html")
    return message


def words_of(made: Copy) -> str:
    """The copy's text, in which nobody finds a thing."""
    assert made.ending == "txt"
    data = cleaned(made)
    assert CANARY.encode() not in data
    return data.decode()


def test_a_message_becomes_its_subject_and_words() -> None:
    message = mail("They hold it.\nFrom: here on.\n", f"<p title='{CANARY}'>They <b>hold</b> it.</p>")
    message.add_attachment(CANARY.encode(), maintype="text", subtype="plain", filename=f"{CANARY}.txt")
    made = copy(message.as_bytes())
    left = ", and so is what is attached."
    assert words_of(made) == f"{HEAD}{left}\n\nSubject: La factura de Jürgen\n\nThey hold it.\nFrom: here on.\n"
    assert made.note == "The subject and the words of the message, without its head and what is attached."


def test_a_message_that_begins_with_another_header_is_no_plain_text() -> None:
    made = copy(f"Subject: The bill\r\nX-Way: {CANARY}\r\nFrom: {CANARY}@example.org\r\n\r\nFrom: inside\r\nReceived: now\r\n".encode())
    assert words_of(made) == f"{HEAD}.\n\nSubject: The bill\n\nFrom: inside\nReceived: now\n"


def test_of_a_page_alone_its_text_is_taken_and_a_message_inside_is_attached() -> None:
    picture = f"<img src='data:image/png;base64,{CANARY * 400}'>"
    page = f"<style>p {{}}</style><!-- {CANARY} --><![if {CANARY}]><p>One &amp; two<br>three</p>{picture}<script>{CANARY}</script>"
    message = mail("", page)
    message.make_mixed()
    message.add_attachment(mail(CANARY))
    message.add_attachment(b"x", maintype="image", subtype="png", filename="a.png")
    text, whole = mailcopies.of_mail(message)
    assert text == f"{HEAD}, and so are the 2 things that are attached.\n\nSubject: La factura de Jürgen\n\nOne & two\nthree\n"
    assert whole
    assert markup.traces(text.encode()) == []


def test_a_message_without_words_is_none() -> None:
    assert mailcopies.of_mail(EmailMessage()) == ("", True)
    long, whole = mailcopies.of_mail(mail("word " * 100_000))
    assert (len(long) <= 400_001, whole) == (True, False)


@pytest.mark.parametrize("page", ["<![foo[", "<!", "</", "<a " * 2000, "&#" * 50, "<title>" * 3, "\x00<p", "<img alt='me"], ids=range(8))
def test_odd_pages_end_no_program(page: str) -> None:
    read = htmlwords.words(f"words {page}")
    assert read.startswith("words")
    assert not {"<p", "me"} & set(read.split())


def test_an_outlook_message_becomes_the_same() -> None:
    streams = {
        "__properties_version1.0": b"p",
        "__substg1.0_0037001F": "The bill".encode("utf-16-le"),
        "__substg1.0_0C1F001F": f"{CANARY}@example.org".encode("utf-16-le"),
        "__substg1.0_10130102": f"<p class='{CANARY}'>Outer words.</p>".encode(),
        "__attach_version1.0_#00000000/__substg1.0_3701000D/__substg1.0_1000001F": CANARY.encode("utf-16-le"),
    }
    made = copy(compound(streams), "a.msg")
    assert words_of(made).replace("\0", "") == f"{HEAD}, and so is what is attached.\n\nSubject: The bill\n\nOuter words.\n"
    empty = copy(compound({"__properties_version1.0": b"p"}), "a.msg")
    assert (empty.data, empty.note) == (None, "No copy was made: It holds no words.")


def test_in_the_copy_of_a_hostile_file_nothing_is_found(shared: Path | None) -> None:
    """Of texts, messages and documents. Pictures and PDF are for the jail, and their copies hold no words."""
    if shared is None:
        assert "Beacon" in words_of(copy(mail("", "<img src='https://t.example/p.gif'>Beacon").as_bytes()))
        return
    every = sorted(one for one in (shared / "hostile").rglob("*") if one.is_file() and one.stat().st_size < 200_000)
    print(f"HOSTILE_SEED={SEED}")
    copied = 0
    for path in [*random.Random(SEED).sample(every, 40), shared / "hostile/svg-html/mail_beacon.eml"]:
        data = path.read_bytes()
        kind = identify(data, path.name).media_type
        if kind.startswith("image/") or kind == "application/pdf":
            continue
        made = copy(data, path.name)
        assert made.data is not None or made.note.startswith("No copy was made: "), path
        if made.data is not None:
            cleaned(made)
            copied += 1
    assert copied
