"""The whole way in Chromium: each page is used, checked for accessibility, and looked at on a desk and a phone, light and dark."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, Eye, press
from tests.journeys.inputs import own_inputs
from tests.journeys.site import RunningSite, running_site
from tests.journeys.walk import NOTICE

pytestmark = pytest.mark.browser
SLOW = 60_000  # ms that the worker may take


@dataclass
class Scene:
    """Where the walk stands."""

    site: RunningSite
    chromium: Browser
    eye: Eye
    desks: dict[str, Page] = field(default_factory=dict)
    receipt: str = ""
    tip: str = ""
    case: str = ""

    def context(self, **more: object) -> BrowserContext:
        return self.eye.watch(self.chromium.new_context(viewport=DESKTOP, **more))  # type: ignore[arg-type]  # options of a context


@pytest.fixture(scope="module")
def scene(chromium: Browser, eye: Eye, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with running_site(tmp_path_factory.mktemp("browser") / "instance", max_file_bytes="3000000") as site:
        yield Scene(site, chromium, eye)


def use_link(scene: Scene, role: str, token: str) -> None:
    page = scene.context().new_page()
    page.goto(f"{scene.site.console}/setup/{token}")
    offered = page.locator("input[name=offered]").get_attribute("value") or ""
    scene.eye.look(page, "setup-passphrase")
    page.fill("input[name=passphrase]", offered)
    page.fill("input[name=again]", offered)
    press(page.locator("main button.btn-main"))
    secret = (page.locator("#secret").text_content() or "").replace(" ", "")
    scene.eye.look(page, "setup-authenticator")
    page.fill("input[name=code]", pyotp.TOTP(secret).now())
    press(page.locator("main button.btn-main"))
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    scene.desks[role] = page


def test_01_a_stranger_sees_only_the_sign_in_page(scene: Scene) -> None:
    page = scene.context().new_page()
    for path in ("/inbox", "/exhibits", "/no-such-page"):
        page.goto(scene.site.console + path)
        expect(page).to_have_url(re.compile("/sign-in$"))
    scene.eye.look(page, "sign-in")
    page.fill("input[name=login]", "nobody")
    page.fill("input[name=passphrase]", "wrong words here")
    page.fill("input[name=code]", "000000")
    press(page.locator("main button.btn-main"))
    expect(page.get_by_role("alert")).to_be_visible()
    scene.eye.look(page, "sign-in-refused")


def test_02_the_administrator_sets_up_colleagues_and_the_program(scene: Scene) -> None:
    use_link(scene, "administrator", scene.site.first_link_token)
    page = scene.desks["administrator"]
    for login, name, role in (("okafor", "M. Okafor", "investigator"), ("lindqvist", "R. Lindqvist", "counsel")):
        page.goto(f"{scene.site.console}/staff")
        page.fill("input[name=login]", login)
        page.fill("input[name=name]", name)
        page.select_option("select[name=role]", role)
        press(page.locator("form[action$='/staff/add'] button"))
        found = re.search(r"/setup/([A-Za-z0-9_-]+)", page.content())
        assert found
        scene.eye.look(page, "colleague-link")
        use_link(scene, role, found[1])
    page.goto(f"{scene.site.console}/staff")
    scene.eye.look(page, "colleagues")
    page.goto(f"{scene.site.console}/programs/new")
    for name, value in NOTICE.items():
        page.locator(f"[name={name}]").fill(value)
    scene.eye.look(page, "program-new")
    press(page.locator("form[action$='/programs/new'] button.btn-main"))
    key = re.sub(r"\s", "", page.locator("#recovery-key").text_content() or "")
    scene.eye.look(page, "program-recovery")
    page.fill("input[name=secret]", key)
    press(page.locator("form[action$='/recovery'] button"))
    for _ in range(2):
        form = page.locator("form[action$='/access']").first
        form.locator("input[name=compared]").check()
        press(form.locator("button"))
    expect(page.locator("form[action$='/access']")).to_have_count(0)
    scene.eye.look(page, "program")
    page.goto(f"{scene.site.console}/programs")
    scene.eye.look(page, "programs")
    page.goto(f"{scene.site.console}/keys")
    scene.eye.look(page, "keys")


def test_03_a_source_sends_a_tip_without_javascript(scene: Scene, tmp_path: Path) -> None:
    look_at_public_pages(scene)
    given = own_inputs()
    photo, table = tmp_path / "IMG_2231.jpg", tmp_path / "members-extract.csv"
    photo.write_bytes(given.photo)
    table.write_bytes(given.table)
    context = scene.context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{scene.site.public}/p/northfield")
    press(page.get_by_role("link", name="Send a tip"))
    press(page.get_by_role("button", name="Continue"))
    expect(page).to_have_title(re.compile("^Error:"))
    page.fill("textarea[name=what]", "He showed me a table.\n" + given.quoted)
    page.get_by_label("I saw or heard it myself").check()
    page.set_input_files("input[name=files]", [photo, table])
    press(page.get_by_role("button", name="Continue"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your tip before you send it")
    press(page.get_by_role("button", name="Send this tip"))
    words = page.locator("ol.words li").all_text_contents()
    assert len(words) == 7
    scene.receipt = " ".join(words)
    assert context.cookies() == []


def look_at_public_pages(scene: Scene) -> None:
    """The same pages with JavaScript on, since the checker is a script; the pages themselves run none."""
    page = scene.context().new_page()
    for name, path in (
        ("public-notice", "/p/northfield"),
        ("public-terms", "/p/northfield/terms"),
        ("public-anonymity", "/staying-anonymous"),
        ("public-contact", "/contact"),
        ("public-receipt-use", "/receipt"),
        ("public-tip", "/p/northfield/tip"),
    ):
        page.goto(scene.site.public + path)
        assert page.locator("script").count() == 0
        scene.eye.look(page, name)
    press(page.get_by_role("button", name="Continue"))
    scene.eye.look(page, "public-tip-error")
    page.fill("textarea[name=what]", "A second tip, to look at its pages. Call 555-0142.")
    page.set_input_files("input[name=files]", [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"a line"}])
    press(page.get_by_role("button", name="Continue"))
    scene.eye.look(page, "public-check")
    press(page.get_by_role("button", name="Send this tip"))
    scene.eye.look(page, "public-sent")


def test_04_a_file_over_the_limit_is_refused_in_words(scene: Scene, tmp_path: Path) -> None:
    large, small = tmp_path / "large.bin", tmp_path / "small.txt"
    large.write_bytes(b"\1" * 9_000_000)
    small.write_text("this one fits")
    page = scene.context(java_script_enabled=False).new_page()
    page.goto(f"{scene.site.public}/p/northfield/tip")
    expect(page.locator("#files-h")).to_contain_text("up to 2 MB each")
    page.fill("textarea[name=what]", "Two files, one of them too large.")
    page.set_input_files("input[name=files]", [small, large])
    press(page.get_by_role("button", name="Continue"))
    expect(page.get_by_role("alert")).to_contain_text("large.bin")
    expect(page.locator("textarea[name=what]")).to_have_value("Two files, one of them too large.")
    expect(page.locator("main")).to_contain_text("small.txt")


def examined(page: Page) -> None:
    """Load the page again until the examiner has looked at everything on it."""
    until = time.monotonic() + SLOW / 1000
    while "Not examined yet" in (page.locator("main").text_content() or ""):
        assert time.monotonic() < until, "the examiner did not come"
        time.sleep(0.5)
        page.reload()


def test_05_the_investigator_works_on_the_tip(scene: Scene) -> None:
    page = scene.desks["investigator"]
    page.goto(f"{scene.site.console}/inbox")
    scene.eye.look(page, "inbox")
    press(page.get_by_role("link", name=re.compile("He showed me a table")).first)
    scene.tip = page.url
    examined(page)
    scene.eye.look(page, "tip")
    press(page.get_by_role("button", name="Take it"))
    press(page.get_by_role("link", name="IMG_2231.jpg"))
    expect(page.locator("figure.preview img")).to_be_visible()
    page.fill("textarea[name=words]", "Did you see it on his own computer?")
    press(page.locator("form[action$='/reply'] button"))
    scene.eye.look(page, "tip-replied")
    page.goto(f"{scene.site.console}/cases/new")
    scene.eye.look(page, "case-new")
    page.fill("input[name=title]", "Letter with records of members")
    press(page.locator("main form button.btn-main"))
    scene.case = page.url.split("?")[0]
    page.goto(scene.tip)
    press(page.locator("form[action$='/case'] button").last)
    page.goto(f"{scene.site.console}/cases")
    scene.eye.look(page, "cases")
    page.goto(scene.case)
    scene.eye.look(page, "case-without-letter")


def test_06_the_source_comes_back(scene: Scene) -> None:
    page = scene.context().new_page()
    page.goto(f"{scene.site.public}/receipt")
    page.fill("input[name=receipt]", "these are not seven words")
    press(page.get_by_role("button", name="Continue"))
    scene.eye.look(page, "public-receipt-refused")
    page.fill("input[name=receipt]", scene.receipt)
    press(page.get_by_role("button", name="Continue"))
    expect(page.locator("main")).to_contain_text("Did you see it on his own computer?")
    scene.eye.look(page, "public-conversation")
    page.fill("textarea[name=what]", "No, it was at the packing desk.")
    press(page.get_by_role("button", name="Send", exact=True))
    expect(page.get_by_role("status")).to_contain_text("Your message has arrived")
    press(page.get_by_role("button", name="Close this page"))
    scene.eye.look(page, "public-closed")


def test_07_letters_and_samples_are_registered(scene: Scene) -> None:
    page, given = scene.desks["investigator"], own_inputs()
    number = scene.case.rpartition("/")[2]
    for kind, data in (("letters", given.letter), ("samples", given.sample)):
        page.goto(f"{scene.site.console}/{kind}/new?case={number}")
        scene.eye.look(page, f"{kind}-new")
        page.fill("input[name=title]", f"The first of {kind}")
        if page.locator("[name=addressee]").count():
            page.fill("[name=addressee]", "The board")
        page.fill("[name=received_on]", "2026-09-03")
        page.fill("[name=handed_over_by]", "D. Acosta, mail room")
        page.set_input_files("input[type=file]", [{"name": f"{kind}.bin", "mimeType": "application/octet-stream", "buffer": data}])
        press(page.locator(f"form[action$='/{kind}/new'] button.btn-main"))
        expect(page).to_have_url(re.compile(r"/(LTR|SMP)-\d{4}-\d{4}"))
        scene.eye.look(page, kind.removesuffix("s"))
        page.goto(f"{scene.site.console}/{kind}")
        scene.eye.look(page, kind)


def test_08_suggestions_say_why_and_a_person_decides(scene: Scene) -> None:
    page = scene.desks["investigator"]
    page.goto(f"{scene.site.console}/linking")
    expect(page.locator("main")).to_contain_text("Contains records of", timeout=SLOW)
    scene.eye.look(page, "linking")
    while page.locator("form[action$='/decide']").count():
        page.fill("form[action$='/decide'] [name=reason]", "Read both side by side")
        press(page.locator("form[action$='/decide'] button.btn-main"))
        page.goto(f"{scene.site.console}/linking")
    scene.eye.look(page, "linking-empty")
    page.goto(scene.tip)
    scene.eye.look(page, "tip-linked")
    page.goto(scene.case)
    expect(page.locator("main")).to_contain_text("Read both side by side")
    scene.eye.look(page, "case")


def test_09_an_exhibit_is_verified_and_transferred(scene: Scene) -> None:
    page, counsel = scene.desks["investigator"], scene.desks["counsel"]
    page.goto(f"{scene.site.console}/exhibits")
    scene.eye.look(page, "exhibits")
    page.goto(scene.case)
    press(page.locator("#exhibits a[href*='/exhibits/']").first)
    address = page.url
    press(page.get_by_role("button", name=re.compile("Verify now")))
    expect(page.locator("main")).to_contain_text("Verified")
    choose(page, "Lindqvist")
    page.fill("input[name=purpose]", "Production")
    page.fill("input[name=authority]", "Order of 18 Nov")
    press(page.locator("form[action$='/transfer'] button"))
    scene.eye.look(page, "exhibit")
    counsel.goto(address)
    press(counsel.locator("form[action$='/confirm'] button"))
    expect(counsel.locator("main")).to_contain_text("TRANSFERRED")


def choose(page: Page, name: str) -> None:
    """Choose the option that names this person."""
    option = page.locator("select[name=to] option").filter(has_text=name)
    page.select_option("select[name=to]", option.get_attribute("value") or "")


def test_10_counsel_exports_the_case(scene: Scene, tmp_path: Path) -> None:
    page = scene.desks["counsel"]
    page.goto(f"{scene.case}/export")
    scene.eye.look(page, "export-new")
    page.fill("textarea[name=purpose]", "Production 1 under order of 18 Nov")
    press(page.get_by_role("button", name="Prepare the bundle"))
    page.get_by_role("button", name=re.compile("Sign and export")).wait_for(timeout=SLOW)
    scene.eye.look(page, "export-to-sign")
    press(page.get_by_role("button", name=re.compile("Sign and export")))
    page.get_by_role("button", name=re.compile("Download bundle")).wait_for(timeout=SLOW)
    scene.eye.look(page, "export-done")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=re.compile("Download bundle")).click()
    waiting.value.save_as(tmp_path / "bundle.zip")
    assert (tmp_path / "bundle.zip").read_bytes().startswith(b"PK")
    page.goto(f"{scene.site.console}/exports")
    scene.eye.look(page, "exports")


def test_11_pages_of_errors_are_looked_at_too(scene: Scene) -> None:
    page = scene.desks["investigator"]
    page.goto(f"{scene.site.console}/no-such-page")
    scene.eye.look(page, "console-not-found")
    page.goto(f"{scene.site.console}/staff")
    scene.eye.look(page, "console-forbidden")
    page.goto(f"{scene.site.public}/no-such-page")
    scene.eye.look(page, "public-not-found")
    assert len(scene.eye.seen) >= 40, scene.eye.seen
