"""Steps of the walk that work on exhibits: physical things, copies, corrections, findings of the scrub, holds, dispositions."""

from __future__ import annotations

import re

from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, press
from tests.browser.scene import Scene, choose, load_until, press_surely


def fill(page: Page, form: str, **values: str) -> None:
    """Fill the controls of the form whose action ends so."""
    for name, value in values.items():
        page.locator(f"form[action$='{form}'] [name$={name}]").fill(value)


def send(page: Page, form: str) -> None:
    """Press the form's last button."""
    press(page.locator(f"form[action$='{form}'] button.btn").last)


def on_paper(scene: Scene, page: Page, name: str, *shown: str) -> None:
    """What a printer prints: these words, and none of the tools."""
    page.emulate_media(media="print")
    for words in shown:
        expect(page.get_by_text(words).first).to_be_visible()
    expect(page.locator("nav.rail")).to_be_hidden()
    assert page.locator("main .btn:visible").count() == 0, f"{name}: a button on paper"
    scene.eye.paper(page, name)
    page.emulate_media(media="screen")


def open_exhibit(scene: Scene, page: Page, words: str) -> str:
    """Open the exhibit of the case whose line has these words; returns its address."""
    page.goto(f"{scene.case}/exhibits")
    press(page.locator("main tbody a[href*='/exhibits/']").filter(has_text=words).first)
    return page.url


def register_a_thing(scene: Scene) -> None:
    """A USB stick with a photograph; what is missing is said first."""
    page = scene.desks["investigator"]
    page.goto(f"{scene.site.console}/exhibits")
    press(page.get_by_role("link", name="Register a physical thing"))
    scene.eye.look(page, "physical-new")
    page.locator("form[action$='/physical/new']").evaluate("form => { form.noValidate = true; }")
    send(page, "/physical/new")
    expect(page).to_have_title(re.compile("^Error:"))
    scene.eye.look(page, "physical-new-error")
    said = {"title": "USB stick, black, 32 GB", "marks": "Serial 4C530001", "condition": "Intact, cap missing", "seal": "B 0071832"}
    came = {"place": "Evidence locker 4, shelf B", "handed_over_by": "D. Acosta, mail room", "came_from": "2026-09-03T14:05"}
    fill(page, "/physical/new", **said, **came)
    picture = FilePayload(name="stick.jpg", mimeType="image/jpeg", buffer=b"\xff\xd8\xff\xe0 not a whole picture")
    page.set_input_files("form[action$='/physical/new'] input[type=file]", [picture])
    page.locator("form[action$='/physical/new'] button.btn-main").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("USB stick")


def hand_the_thing_over(scene: Scene) -> None:
    """It is moved, its description read, a label printed, an event corrected, and counsel receives it."""
    page, counsel = scene.desks["investigator"], scene.desks["counsel"]
    address = page.url
    page.get_by_text("It was moved").click()
    fill(page, "/move", place="Laboratory, room 12", purpose="Imaging")
    send(page, "/move")
    press(page.get_by_role("link", name="Read the sheet"))
    scene.eye.look(page, "description-sheet")
    page.goto(f"{address}/label")
    scene.eye.look(page, "label")
    on_paper(scene, page, "label")
    page.goto(address)
    press(page.get_by_role("link", name="Correct event 1"))
    fill(page, "/correct", right="The serial number is 4C530007", why="Read again in better light")
    scene.eye.look(page, "exhibit-correct")
    send(page, "/correct")
    expect(page.locator("main")).to_contain_text("CORRECTED")
    choose(page, "Lindqvist")
    fill(page, "/transfer", purpose="Imaging by a laboratory", authority="Order of 18 Nov")
    send(page, "/transfer")
    counsel.goto(address)
    scene.eye.look(counsel, "exhibit-to-receive")
    fill(counsel, "/confirm", condition="Intact, cap missing, bag B 0071832 unopened")
    send(counsel, "/confirm")
    expect(counsel.locator("main")).to_contain_text("TRANSFERRED")
    scene.eye.look(counsel, "exhibit-physical")
    on_paper(scene, counsel, "exhibit-physical", "Received by, date and time", "Laboratory, room 12")


def copy_and_redact(scene: Scene) -> None:
    """A working copy made in the jail, and a redaction made elsewhere."""
    page = scene.desks["investigator"]
    address = open_exhibit(scene, page, "The first of letters")
    press(page.get_by_role("button", name="Make a working copy"))
    press(page.get_by_role("link", name="Register a redaction"))
    page.set_input_files("input[name=file]", [FilePayload(name="redacted.txt", mimeType="text/plain", buffer=b"Nothing but this.")])
    fill(page, "/redaction", removed="Names of 3 members", why="Protective order of 18 Nov 2026")
    scene.eye.look(page, "redaction-new")
    press(page.locator("form[action$='/redaction'] button.btn-main"))
    expect(page).to_have_url(re.compile(r"/exhibits/[0-9a-f]{32}$"))
    scene.eye.look(page, "exhibit-redaction")
    page.goto(address)
    load_until(page, lambda words: "Working copy, no metadata" in words)
    scene.eye.look(page, "exhibit-with-copies")


def hold_and_release(scene: Scene) -> None:
    """Counsel holds all exhibits of the case in one act, and releases one."""
    page = scene.desks["counsel"]
    page.goto(f"{scene.site.console}/holds")
    scene.eye.look(page, "holds-empty")
    page.goto(scene.case)
    page.locator("details.menu > summary", has_text="More").click()
    press(page.get_by_role("link", name="Hold all exhibits"))
    scene.eye.look(page, "hold-new")
    fill(page, "/holds/new", reason="Inquiry of the prosecutor's office", authority="Letter of 20 Nov 2026")
    send(page, "/holds/new")
    page.goto(f"{scene.site.console}/holds")
    scene.eye.look(page, "holds")
    page.set_viewport_size(PHONE)
    expect(page.locator("nav.rail [aria-current]")).to_be_in_viewport(ratio=1)
    page.set_viewport_size(DESKTOP)
    row = page.get_by_role("row").filter(has_text="edact").first
    press(row.get_by_role("link", name="Release"))
    scene.eye.look(page, "hold-release")
    fill(page, "/release", reason="The redaction is not part of the inquiry")
    send(page, "/release")
    open_exhibit(scene, page, "The first of letters")
    expect(page.locator(".head")).to_contain_text("Legal hold")
    scene.eye.look(page, "exhibit-held")
    press(page.get_by_role("link", name="Holds and disposition").first)
    scene.eye.look(page, "retention-held")


def dispose(scene: Scene) -> None:
    """The investigator proposes, counsel decides; what is left can be proved and printed."""
    page, counsel = scene.desks["investigator"], scene.desks["counsel"]
    page.goto(f"{scene.site.console}/dispositions")
    scene.eye.look(page, "dispositions-empty")
    address = open_exhibit(scene, page, "edact")
    page.goto(f"{address}/dispose")
    scene.eye.look(page, "disposition-new")
    fill(page, "/dispose", reason="Made for a production that was withdrawn", authority="Retention schedule 4.2")
    send(page, "/dispose")
    scene.eye.look(page, "disposition-proposed")
    counsel.goto(address)
    scene.eye.look(counsel, "exhibit-proposed-for-disposition")
    counsel.goto(f"{scene.site.console}/dispositions")
    scene.eye.look(counsel, "dispositions")
    press(counsel.locator("main tbody a").first)
    scene.eye.look(counsel, "disposition-to-decide")
    load_until(counsel, lambda words: "can’t be done now" not in words)
    press_surely(scene, "counsel", counsel.locator("form[action$='/decide'] button"))
    expect(counsel.locator("main")).to_contain_text("Disposed of")
    counsel.goto(f"{address}/left")
    scene.eye.look(counsel, "exhibit-left")
    on_paper(scene, counsel, "exhibit-left", "What they said is gone.")
    counsel.goto(f"{scene.site.console}/dispositions?show=all")
    scene.eye.look(counsel, "dispositions-all")
    counsel.goto(f"{address}/retention")
    scene.eye.look(counsel, "retention-disposed")


def scrub_finds_damage(scene: Scene, address: str) -> None:
    """What the scrub finds stands on the pages Store and exhibit, and a person who holds the key records it in custody."""
    page = scene.desks["investigator"]
    assert scene.site.tipline("scrub").returncode == 1
    page.goto(f"{scene.site.console}/store")
    scene.eye.look(page, "store-amiss")
    page.goto(address)
    scene.eye.look(page, "exhibit-found-amiss")
    send(page, "/findings")
    expect(page.locator("main")).to_contain_text("VERIFY FAILED")
    page.get_by_text("Take it out of quarantine").last.click()
    scene.eye.look(page, "exhibit-quarantined-by-scrub")
