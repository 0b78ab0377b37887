"""The desk's whole way on SQLite and disk, on PostgreSQL, and on S3."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import inspect

from tests.conftest import ConsoleClient
from tests.installations import Installation
from tests.tipline.desk_house import Desk, archive, photo
from tipline.app import create_console_app, create_public_app
from tipline.exhibits import quarantine, transfers
from tipline.exhibits.listing import Filters, list_exhibits
from tipline.exhibits.pages import read_exhibit
from tipline.exhibits.transfers import Confirmation, OfferTransfer
from tipline.inbox.filters import Filters as TipFilters
from tipline.inbox.finding import Place
from tipline.inbox.queries import PAGE, list_tips
from tipline.models.operations import DownloadTicket


def build(installation: Installation) -> Desk:
    engine = installation.console.database.engine
    if not inspect(engine).has_table("download_ticket"):
        DownloadTicket.__table__.create(engine)
    app = create_console_app(installation.console)
    app.test_client_class = ConsoleClient
    return Desk(installation, create_public_app(installation.public).test_client(), app)


def test_from_a_tip_to_a_download(every_installation: Installation) -> None:
    desk = build(every_installation)
    desk.add_tips(PAGE + 2)
    number = desk.send("He bragged.\nThen he left.", {"chat.pdf": archive(), "IMG.jpg": photo()})
    with desk.acting(write=False) as (work, actor):
        page = list_tips(work, actor, TipFilters())
        rest = list_tips(work, actor, TipFilters(), Place(page.following))
        oldest = list_tips(work, actor, TipFilters(order="oldest")).rows
    assert [row.title for row in page.rows[:2]] == ["He bragged.", ""]
    assert (len(page.rows), len(rest.rows), oldest[0].number) == (PAGE, 3, "TIP-2025-0001")
    browser = desk.client()
    case = browser.post("/cases/new", data={"title": "Letter", "program": every_installation.program_id}).location
    assert browser.post(f"/tips/{number}/case", data={"case": case.rpartition("/")[2], "with_exhibits": "y"}).status_code == 303
    assert browser.get(case).status_code == browser.get(f"/tips/{number}").status_code == 200
    assert browser.post(f"/tips/{number}/reply", data={"words": "Thank you.", "then_wait": "y"}).status_code == 303
    picture = desk.exhibits(number)[2]
    assert browser.get(f"/exhibits/{picture.id}/preview.png").status_code == 200
    with desk.acting() as (work, actor):
        assert quarantine.verify(work, actor, picture.id)
        offer = OfferTransfer(picture.id, every_installation.people["counsel"].staff_id, "analysis", "Order 7")
        transfer = transfers.offer(work, actor, offer).id
    with desk.acting("counsel") as (work, actor):
        transfers.confirm(work, actor, Confirmation(picture.id, transfer))
    token = desk.client().post(f"/exhibits/{picture.id}/download").location.rpartition("/")[2]
    files = desk.files()
    assert files.get(f"/{token}").data == photo()
    assert files.get(f"/{token}").status_code == 404
    every_installation.sequence()
    with desk.acting("counsel", write=False) as (work, actor):
        shown = read_exhibit(work, actor, picture.id)
        rows, _ = list_exhibits(work, actor, Filters())
        everything, _ = list_exhibits(work, actor, Filters(everything=True), rows[0].id)
    assert [event.kind for event in shown.custody.events] == ["DOWNLOADED", "TRANSFERRED", "VERIFIED", "VIEWED", "EXAMINED", "ACQUIRED"]
    assert (len(rows), len(everything) < 3) == (3, True)
    assert _moved_there_and_back(browser, case, number)


def _moved_there_and_back(browser: FlaskClient, case: str, number: str) -> bool:
    """Split the tip off into a case of its own, look at both, and merge that one back."""
    split = {"where": "new", "title": "Another matter", "reason": "It is another letter.", "things": f"tip:{number}"}
    new = browser.post(f"{case}/split", data=split).location
    for path in (f"{new}/graph?depth=2&a=tip:{number}&b=tip:{number}", f"{new}/timeline", f"{new}/exhibits", f"{case}/graph?alone=1"):
        assert browser.get(path).status_code == 200, path
    assert number in browser.get(f"{new}/tips").text
    merged = browser.post(f"{new}/merge", data={"into": case.rpartition("/")[2], "reason": "It is the same after all."})
    return (merged.status_code, merged.location, number in browser.get(f"{case}/tips").text) == (303, case, True)
