"""Letters of the story to five members, with codes that a newcomer can check: they stand in demo/letters.csv."""

from __future__ import annotations

from tipline.actor import Actor
from tipline.cases.handover import Arrived, Handover
from tipline.config import Settings
from tipline.demo import content
from tipline.intake.taking import seal_text
from tipline.keyfolders import replace_file
from tipline.notices import codes, mailing, services
from tipline.process import Process

LETTERS = "letters.csv"
MEMBERS = (
    ("Rosalind Achterberg", "14 Quarry Lane", "Dayton OH"),
    ("Teodor Vasquez-Lind", "3 Millrace Court", "Kettering OH"),
    ("Imogen Fairweather", "220 Old Salem Road, Apt 5", "Dayton OH"),
    ("Ambrose Tillinghast", "9 Cooper’s Yard", "Xenia OH"),
    ("Wilhelmina Okonjo", "71 Lantern Street", "Springfield OH"),
)


def post_letters(console: Process, settings: Settings, manager: Actor, handover: Handover) -> str:
    """Issue notices for a short list and put the list with its codes where `demo-staff.json` is; returns the batch's number."""
    table = "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in (("name", "street", "city"), *MEMBERS))
    about = codes.Answer(content.ORGANISATION, handover.received_on.isoformat()[:7], content.THEFT)
    with console.unit(write=True) as work:
        arrived = Arrived(seal_text(work.vault.objects, table.encode()), "members.csv")
        number = services.issue(work, manager, services.IssueNotices(handover, about, arrived=arrived)).number
    with console.unit(write=True) as work:
        token = services.make_codes(work, manager, number)
    with console.unit(write=True) as work:
        printed = b"".join(mailing.redeem(work, token).chunks).decode("utf-8-sig")
    replace_file(settings.data / "demo" / LETTERS, printed)
    return number
