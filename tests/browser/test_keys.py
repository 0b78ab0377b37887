"""Each desk by keyboard alone, in Chromium under the strict policy: nothing here points or clicks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import update

from tests.browser.conftest import ONCE, Eye, served
from tests.browser.scene import asked_again, say_again
from tests.browser.security_key_steps import plugged_in
from tests.browser.test_desks import Office
from tests.journeys.site import free_ports
from tests.journeys.world import LOGINS, told
from tipline.config import Settings
from tipline.models.cases import Export
from tipline.models.staff import StaffSession

pytestmark = pytest.mark.browser
FOCUSED = "() => document.activeElement.closest('[data-row]')?.dataset.row ?? document.activeElement.id"


@pytest.fixture(scope="module")
def office(chromium: Browser, eye: Eye, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    origin = f"http://localhost:{(port := free_ports(1)[0])}"  # under a name, as security keys need it
    settings = Settings(data=tmp_path_factory.mktemp("keys") / "instance", console_origin=origin)
    with told(settings) as world, served(world.console, port):
        yield Office(world, chromium, eye, origin)


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def leads(page: Page, *pressed: str) -> None:
    """Press keys of which the last leads to another page."""
    keys(page, *pressed[:-1])
    with page.expect_navigation():
        page.keyboard.press(pressed[-1])


def to(page: Page, selector: str) -> list[str]:
    """Give a control the focus, before the key that follows."""
    page.locator(selector).first.focus()
    return []


def focused(page: Page) -> str:
    return str(page.evaluate(FOCUSED))


def rows(page: Page) -> list[str]:
    return [str(row.get_attribute("data-row")) for row in page.locator("[data-rows] [data-row]").all()]


def test_the_inbox(office: Office) -> None:
    """Go there, walk, select a range, act on it, undo it, with the focus where it was; then read tip after tip beside the list."""
    page = office.at("investigator", "/cases")
    leads(page, "g", "i")
    here = rows(page)
    keys(page, "j", "j", "j", "k")
    assert focused(page) == here[1]
    keys(page, "x", "j", "Shift+X")
    assert page.locator("tbody input:checked").count() == 2
    keys(page, "a")
    assert focused(page) == "act"
    page.keyboard.type("me")
    leads(page, "Tab", "Enter")
    expect(page.locator(".toast")).to_contain_text("2 tips")
    expect(page.get_by_role("button", name="Apply").first).to_be_focused()
    leads(page, "z")
    expect(page.locator("main")).to_contain_text("2 tips are as before")
    leads(page, "j", "Enter")
    first = page.locator("#open h2").first.inner_text()
    leads(page, "j")
    assert page.locator("#open h2").first.inner_text() != first
    leads(page, "o")
    expect(page).to_have_url(re.compile("/tips/TIP-"))


def test_a_tip(office: Office) -> None:
    """Write a reply and a note without leaving the keys; Escape leaves the field, where letters are letters."""
    page = office.at("investigator", f"/tips/{office.world.ids()['tip']}")
    keys(page, "r")
    field = page.locator(":focus")
    page.keyboard.type("jkx?")
    assert field.input_value() == "jkx?"
    keys(page, "Escape", "?")
    expect(page.locator("dialog.keys-sheet")).to_contain_text("Search")
    keys(page, "Escape")
    expect(page.locator("dialog.keys-sheet")).to_have_count(0)


def test_the_linking_desk(office: Office) -> None:
    """Decide, be at the heading of the next, undo."""
    page = office.at("investigator", "/inbox")
    leads(page, "g", "l")
    here = rows(page)
    leads(page, "j")
    assert page.locator("[data-row]:has([aria-current])").get_attribute("data-row") == here[1]
    leads(page, "k")
    keys(page, "c")  # wants a reason, and goes there
    page.keyboard.type("Same address")
    leads(page, "Enter")
    expect(page.locator("h2[data-focus]")).to_be_focused()
    assert here[0] not in rows(page)
    toast, bar = page.locator(".toast").bounding_box(), page.locator(".decide").bounding_box()
    assert toast is not None
    assert bar is not None
    assert toast["y"] + toast["height"] <= bar["y"], "the toast lies over the buttons that decide the next link"
    leads(page, "z")
    assert here[0] in rows(page)
    leads(page, "w")
    assert len(rows(page)) == len(here) - 1


def test_a_case(office: Office) -> None:
    page = office.at("counsel", "/inbox")
    leads(page, "g", "c")
    leads(page, "j", "Enter")
    expect(page).to_have_url(re.compile(f"/cases/{office.world.ids()['case']}"))
    leads(page, "e")
    expect(page).to_have_url(re.compile("/export$"))


def test_an_exhibit(office: Office) -> None:
    page = office.at("investigator", "/inbox")
    leads(page, "g", "x")
    leads(page, "j", "Enter")
    leads(page, "v")
    expect(page.locator("main")).to_contain_text("VERIFIED")


def test_search(office: Office) -> None:
    page = office.at("investigator", "/cases")
    keys(page, "/")
    page.keyboard.type("pharmacy")
    leads(page, "Enter")
    expect(page).to_have_url(re.compile("/search/"))
    assert "pharmacy" not in page.url
    if rows(page):
        leads(page, "j", "Enter")


def test_the_palette(office: Office) -> None:
    """A number by its parts, a name by the beginnings of its words, an act, and back to where one was by Escape."""
    tip = office.world.ids()["tip"]
    page = office.at("investigator", "/cases")
    keys(page, "Control+k")
    expect(page.locator("dialog.palette [role=option]").first).to_be_visible()
    page.keyboard.type(f"tip {tip[-4:]}")
    expect(page.locator("dialog.palette [role=option]")).to_have_count(1)
    office.eye.look(page, "palette")
    leads(page, "Enter")
    expect(page).to_have_url(re.compile(f"/tips/{tip}"))
    keys(page, "Control+k")
    expect(page.locator("dialog.palette [role=option]").first).to_be_visible()
    page.keyboard.type("extort 75")
    expect(page.locator("dialog.palette [role=status]")).to_have_text("1 found")
    expect(page.locator("dialog.palette [aria-selected=true]")).to_contain_text("Extortion letter")
    leads(page, "Enter")
    expect(page).to_have_url(re.compile("/cases/"))
    late: list[Route] = []
    page.route("**/palette", lambda route: late.append(route) if route.request.method == "GET" else route.continue_())
    keys(page, "Control+k")
    page.keyboard.type(f"tip {tip[-4:]}")
    keys(page, "Enter")  # all of it before the list is there
    expect(page.locator("dialog.palette input")).to_have_value(f"tip {tip[-4:]}")
    with page.expect_navigation():
        late.pop().continue_()
    expect(page).to_have_url(re.compile(f"/tips/{tip}"))
    page.unroute("**/palette")
    keys(page, "Control+k")
    expect(page.locator("dialog.palette [role=option]").first).to_be_visible()
    page.keyboard.type("colours dark")
    expect(page.locator("dialog.palette [role=option]")).to_have_count(1)
    leads(page, "Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    keys(page, "Control+k")
    expect(page.locator("dialog.palette")).to_be_visible()
    keys(page, "Escape")
    expect(page.locator("dialog.palette")).to_have_count(0)


def test_a_letter_is_handed_in_with_its_digest(office: Office, tmp_path: Path) -> None:
    """The browser's digest is shown, what was wrong keeps the file, and progress ends at the registered letter."""
    letter = tmp_path / "letter.txt"
    letter.write_bytes(content := b"We have your records.\n" * 50_000)
    page = office.at("investigator", "/letters/new")
    page.locator("input[type=file]").set_input_files(letter)  # what a system's own dialog does
    expect(page.locator(".uploads code")).to_have_text(f"sha256:{' '.join(re.findall('.{8}', hashlib.sha256(content).hexdigest()))}")
    page.locator("form[data-upload]").evaluate("form => { form.noValidate = true; }")
    page.locator("#title").focus()
    page.keyboard.type("A letter")
    keys(page, "Enter")
    expect(page.locator("main [role=alert]")).to_be_focused()
    expect(page.locator(".uploads code")).to_be_visible()
    for field, words in (("received_on", "09032026"), ("handed_over_by", "B. Ames")):
        page.locator(f"#{field}").focus()
        page.keyboard.type(words)
    leads(page, "Enter")
    expect(page).to_have_url(re.compile("/letters/LTR-"))


DROP = """names => { const data = new DataTransfer();
  names.forEach(name => data.items.add(new File([name], name)));
  document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); }"""


def test_files_are_dropped_one_after_the_other(office: Office) -> None:
    page = office.at("investigator", f"/tips/{office.world.ids()['tip']}")
    page.evaluate(DROP, ["a.txt", "b.txt"])
    page.evaluate(DROP, ["c.txt"])
    expect(page.locator(".uploads code")).to_have_count(3)
    assert page.locator("form[data-upload] input[type=file]").evaluate("input => [...input.files].map(file => file.name)") == [
        "a.txt",
        "b.txt",
        "c.txt",
    ]


def test_what_goes_on_shows_itself_without_a_full_load(office: Office) -> None:
    export_id = office.world.ids()["export_id"]

    def becomes(state: str) -> None:
        with office.world.inside.work() as work:
            work.session.get_one(Export, export_id).state = state

    becomes("preparing")
    page = office.at("counsel", f"/exports/{export_id}")
    page.evaluate("window.loaded = 'once'")
    expect(page.locator("#export .sub")).to_contain_text("Being read again")
    becomes("to_sign")
    expect(page.locator("#export .sub")).to_contain_text("To sign")
    assert page.evaluate("window.loaded") == "once"
    assert page.locator("#export").get_attribute("hx-get") is None


def test_a_security_key(office: Office) -> None:
    """Added, used in place of the digits, asked for before what cannot be taken back, and removed: as Chromium and a key do it."""
    person, page = office.world.story.people[LOGINS["investigator"]], office.at("investigator", "/account")

    def a_while_goes_by() -> None:
        with office.world.inside.work() as work:
            work.session.execute(update(StaffSession).values(proved_at=None))

    with plugged_in(page) as key:
        a_while_goes_by()
        page.locator("#name").focus()
        page.keyboard.type("blue")
        leads(page, "Enter")  # the key's answer waits in the page that asks who one is
        assert asked_again(page)
        say_again(office.eye, page, person.passphrase)
        expect(page.locator("#keys")).to_contain_text("blue")
        assert [held["rpId"] for held in key.credentials()] == ["localhost"]
        page.locator("#name").focus()
        page.keyboard.type("blue again")
        keys(page, "Enter")
        expect(page.locator("[data-webauthn-said]")).to_contain_text("added already")
        leads(page, *to(page, "form[action$='/sign-out'] button"), "Enter")
        for selector, words in (("input[name=login]", person.colleague.login), ("input[name=passphrase]", person.passphrase)):
            page.locator(selector).focus()
            page.keyboard.type(words)
        leads(page, *to(page, "button[name=way]"), "Enter")
        office.eye.look(page, "sign-in-key", ONCE)
        leads(page, *to(page, "[data-webauthn-go]"), "Enter")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.goto(f"{office.origin}/account")
        a_while_goes_by()
        leads(page, *to(page, "form[action$='/remove'] button"), "Enter")
        assert asked_again(page)
        office.eye.look(page, "say-again-by-key", ONCE)
        leads(page, *to(page, "[data-webauthn-go]"), "Enter")
        expect(page.locator("#keys .list")).to_have_count(0)
        assert [held["signCount"] for held in key.credentials()] == [3]


def test_a_security_key_where_none_can_be_asked(office: Office) -> None:
    """Under another address than its own the console says so at once, and asks nothing that the browser would refuse."""
    elsewhere = replace(office, origin=office.origin.replace("localhost", "127.0.0.1"), desks={})
    page = elsewhere.at("counsel", "/account")
    expect(page.locator("[data-webauthn-said]")).to_contain_text(f"Security keys work where the console is opened as {office.origin}")
    expect(page.get_by_role("button", name="Add a key")).to_be_disabled()
    page.context.close()


def test_single_keys_can_be_switched_off(office: Office) -> None:
    page = office.at("counsel", "/preferences")
    page.locator("#keys").focus()
    keys(page, "Space")
    leads(page, "Enter")
    page = office.at("counsel", "/cases")
    keys(page, "j", "g", "i", "?")
    assert page.evaluate("document.activeElement === document.body")
    expect(page.locator("dialog")).to_have_count(0)
    keys(page, "Control+k")
    expect(page.locator("dialog.palette")).to_be_visible()


def test_paper_names_the_case_and_the_digest_on_each_sheet(office: Office) -> None:
    ids = office.world.ids()
    page = office.at("program_manager", f"/exhibits/{ids['exhibit_id']}")
    sheets = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    assert len(sheets) > 1
    for number, sheet in enumerate(sheets, 1):
        words = re.sub(r"\s", "", sheet.get_textpage().get_text_range())
        for said in (f"Case{ids['case']}", "sha256:", "printed", f"Page{number}of{len(sheets)}"):
            assert said in words, f"sheet {number}: no {said}"
        assert "Signout" not in words
