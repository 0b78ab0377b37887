"""The files of the fictional case, made on the spot: a photo with a place in it, a PDF, tables, and an X12 837 claim file."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

from tipline.demo.content import DESK

MEMBERS = 75
SEED = 20260903
FIRST = ("Rosa", "Marcus", "June", "Leon", "Sofia", "Dale", "Ines", "Victor", "Hanna", "Omar", "Petra", "Wes", "Nadia", "Curt", "Alma")
LAST = ("Abelard", "Dunmore", "Ostrow", "Varga", "Kimball", "Tennant", "Oduya", "Petrov", "Lindahl", "Marsh", "Quiroga", "Bell", "Ferro")
DRUGS = (
    "00093-7180-01 METFORMIN 500MG",
    "68180-0981-01 LISINOPRIL 10MG",
    "00378-3952-77 ATORVASTATIN 20MG",
    "65862-0012-01 SERTRALINE 50",
)


@dataclass(frozen=True)
class Member:
    last: str
    first: str
    born: str  # YYYYMMDD
    sex: str
    number: str
    ssn: str


def members() -> list[Member]:
    """Return the 75 made-up people, the same ones each time. Their SSNs begin with 9, which no real one does."""
    chance = random.Random(SEED)  # noqa: S311  a story, not a secret
    people: dict[tuple[str, str, str], Member] = {}
    while len(people) < MEMBERS:
        born = f"{chance.randint(1938, 2004)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        last, first = chance.choice(LAST), chance.choice(FIRST)
        number = f"BRX22{chance.randint(1000000, 9999999)}"
        ssn = f"9{chance.randint(10, 99)}{chance.randint(10, 99)}{chance.randint(1000, 9999)}"
        people[(last, first, born)] = Member(last, first, born, chance.choice("MF"), number, ssn)
    return list(people.values())


def claims_837() -> bytes:
    """Return the leaked sample: an X12 837P interchange with a subscriber loop for each member."""
    segments = [
        "ISA*00*          *00*          *ZZ*NORTHFIELD     *ZZ*CLAIMSARCHIVE  *260206*0240*^*00501*000000905*0*P*:",
        "GS*HC*NORTHFIELD*CLAIMSARCHIVE*20260206*0240*905*X*005010X222A1",
        "ST*837*0001*005010X222A1",
        "BHT*0019*00*NS905*20260206*0240*CH",
        "NM1*41*2*NORTHFIELD SCRIPTS*****46*NS0001",
        "NM1*40*2*CLAIMS ARCHIVE*****46*CA0001",
        "HL*1**20*1",
        "NM1*85*2*HARBOR STREET PHARMACY*****XX*1999999984",
        "N3*12 HARBOR STREET",
        "N4*DAYTON*OH*45402",
    ]
    chance = random.Random(SEED + 1)  # noqa: S311
    for place, member in enumerate(members(), start=2):
        segments += _claim(place, member, chance)
    segments += [f"SE*{len(segments) - 1}*0001", "GE*1*905", "IEA*1*000000905"]
    return ("~\n".join(segments) + "~\n").encode("ascii")


def _claim(place: int, member: Member, chance: random.Random) -> list[str]:
    drug = chance.choice(DRUGS)
    filled = f"2026{chance.choice(('01', '02'))}{chance.randint(1, 28):02d}"
    return [
        f"HL*{place}*1*22*0",
        "SBR*P*18*BRX-22******CI",
        f"NM1*IL*1*{member.last.upper()}*{member.first.upper()}****MI*{member.number}",
        f"N3*{chance.randint(1, 999)} {chance.choice(('ELM', 'OAK', 'LAKE', 'MAIN'))} STREET",
        f"N4*DAYTON*OH*454{chance.randint(10, 39)}",
        f"DMG*D8*{member.born}*{member.sex}",
        f"REF*SY*{member.ssn}",
        "NM1*PR*2*NORTHFIELD SCRIPTS*****PI*NS0001",
        f"CLM*RX{place:06d}*{chance.randint(8, 400)}***01:B:1*Y*A*Y*Y",
        "LX*1",
        f"SV1*HC:J3490:::::{drug}*{chance.randint(8, 400)}*UN*30***1",
        f"DTP*472*D8*{filled}",
    ]


def members_extract() -> bytes:
    """Return the table that a source attached: two of the 75 among people who are not."""
    leaked = members()
    rows = ["No,Last name,First name,Date of birth,Plan number"]
    others = [("Stone", "Avery", "1971-04-02", "BRX22-0000017"), ("Nunez", "Cleo", "1988-11-19", "BRX22-0000023")]
    for number, (last, first, born, plan) in enumerate(others, start=1):
        rows.append(f"{number},{last},{first},{born},{plan}")
    for number, person in enumerate((leaked[3], leaked[8]), start=3):
        rows.append(f"{number},{person.last},{person.first},{person.born[:4]}-{person.born[4:6]}-{person.born[6:]},{person.number}")
    return ("\n".join(rows) + "\n").encode()


def photo_of_a_screen() -> bytes:
    """Return a JPEG with a camera's metadata: place, time, model and serial number, all made up."""
    picture = Image.new("RGB", (1200, 800), (30, 34, 38))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((90, 70, 1110, 690), fill=(232, 236, 238))
    for row, person in enumerate(members()[:14]):
        masked = f"{person.last[0]}.....  {person.first[0]}....   19..-..-{person.born[6:]}   BRX-22 ....{person.number[-2:]}"
        draw.text((130, 110 + row * 40), masked, fill=(20, 24, 28), font_size=24)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Meridian", "M7", "2026:08:29 21:14:00"
    exif.get_ifd(0x8769).update({0x9003: "2026:08:29 21:14:00", 0xA431: "MD7-448-20091"})
    place = exif.get_ifd(0x8825)
    place.update({1: "N", 2: tuple(IFDRational(n) for n in (39, 45, 32)), 3: "W", 4: tuple(IFDRational(n) for n in (84, 11, 30))})
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, exif=exif)
    return out.getvalue()


def screenshot() -> bytes:
    """Return a small PNG of a chat line."""
    picture = Image.new("RGB", (900, 220), (250, 250, 250))
    ImageDraw.Draw(picture).text((30, 80), "harrow: US pharmacy 2026, fresh. Write to the desk.", fill=(20, 20, 20), font_size=28)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def chat_pdf() -> bytes:
    """Return a one-page PDF with an author in its metadata, written by hand."""
    lines = ["harrow: I have a pharmacy list", "guest44: how many", "harrow: millions. seventy-five go out first"]
    text = "BT /F1 14 Tf 60 760 Td 20 TL " + " T* ".join(f"({line}) Tj" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Author (d.reyes) /Producer (Chat exporter 3) /CreationDate (D:20260830101500Z) >>",
    ]
    return _pdf(objects)


def clinic_letter() -> bytes:
    """Return the page that a clinic received: the same desk, another victim."""
    return (
        "To the owner.\n\nWe hold the pharmacy files of your patients. Two pages are enclosed.\n\n"
        "Do not waste our time with negotiators or police. You have until the thirtieth and after that each patient hears it from us "
        f"and not from you.\n\nWrite to {DESK} only. There is no second letter.\n"
    ).encode()


def _pdf(objects: list[str]) -> bytes:
    out, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    start = len(out)
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}"
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return out.encode("ascii")


MAKERS: dict[str, Callable[[], bytes]] = {
    "IMG_2231.jpg": photo_of_a_screen,
    "chat-export.pdf": chat_pdf,
    "members-extract.csv": members_extract,
    "captura.png": screenshot,
    "clinic-letter.txt": clinic_letter,
}
