"""A post room for tests: lists that are uploaded, the codes that leave once, and a browser that checks them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.handovers import open_a_case
from tipline.models.notices import Notice, NoticeBatch

LIST = "name,street,city\r\n" + "".join(f"Canaria Tillinghast{row},{row} Quarry Lane,Dayton OH\r\n" for row in range(1, 6))
ABOUT = {"sender": "Northfield Scripts", "month": "2026-10", "incident": "the theft found in September 2026"}


@dataclass(frozen=True)
class Printed:
    """One row of what the mailing house gets."""

    cells: list[str]
    code: str
    words: tuple[str, str]


@dataclass
class PostRoom:
    """Counsel issues notices; visitors check them."""

    desk: Desk
    public: FlaskClient
    case: str

    @property
    def installation(self) -> Installation:
        return self.desk.installation

    def upload(self, data: bytes = LIST.encode(), role: str = "counsel", **fields: object) -> TestResponse:
        given: dict[str, object] = {
            "case": self.case,
            "title": "Letters to members in Ohio",
            "received_on": "2026-10-01",
            "channel": "email",
            "handed_over_by": "Member services",
            "most_checks": "10",
            **ABOUT,
            "file": (io.BytesIO(data), "members.csv"),
            **fields,
        }
        return self.desk.client(role).post("/notices/new", data=given, content_type="multipart/form-data")

    def issue(self, data: bytes = LIST.encode(), **fields: object) -> str:
        """Upload a list; returns the batch's number."""
        answer = self.upload(data, **fields)
        assert answer.status_code == 303, answer.text
        return answer.location.rpartition("/")[2]

    def make_codes(self, number: str, role: str = "counsel") -> TestResponse:
        return self.desk.client(role).post(f"/notices/{number}/codes")

    def download(self, answer: TestResponse) -> TestResponse:
        """Follow to the files origin."""
        assert answer.status_code == 303, answer.text
        path = answer.location.removeprefix(self.installation.settings.files_origin)
        return self.desk.files().get(path)

    def letters(self, number: str) -> list[Printed]:
        return printed(self.download(self.make_codes(number)).data)

    def check(self, code: str) -> TestResponse:
        return self.public.post("/letter", data={"code": code})

    def withdraw(self, number: str, **fields: str) -> TestResponse:
        given = {"which": "letters", "reason": "A row was printed twice", **fields}
        return self.desk.client("counsel").post(f"/notices/{number}/withdraw", data=given)

    def batch(self, number: str) -> NoticeBatch:
        with self.installation.work(write=False) as work:
            return work.session.query(NoticeBatch).filter_by(number=number).one()

    def rows(self, number: str) -> list[Notice]:
        """What the database keeps of the letters of a batch."""
        with self.installation.work(write=False) as work:
            found = work.session.query(Notice).join(NoticeBatch, NoticeBatch.id == Notice.batch_id).filter(NoticeBatch.number == number)
            return list(found.order_by(Notice.position))


def printed(data: bytes) -> list[Printed]:
    table = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert table[0][-3:] == ["code", "word 1", "word 2"]
    return [Printed(row[:-3], row[-3], (row[-2], row[-1])) for row in table[1:]]


def make_room(installation: Installation, public: FlaskClient, desk: Desk) -> PostRoom:
    return PostRoom(desk, public, open_a_case(installation))
