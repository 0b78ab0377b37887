"""The whole way in Chromium: each page is used, checked for accessibility, and looked at on a desk and a phone, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser import custody_steps, installation_steps
from tests.browser.conftest import Eye, press
from tests.browser.scene import SLOW, Scene, choose, load_until, look_at_public_pages, press_surely, sealed_file, use_link, walk_to
from tests.journeys.inputs import own_inputs
from tests.journeys.site import running_site
from tests.journeys.walk import NOTICE

pytestmark = pytest.mark.browser

COLLEAGUES = (  # login, name, role, and the desk where they sit in this walk
    ("okafor", "M. Okafor", "investigator", "investigator"),
    ("lindqvist", "R. Lindqvist", "counsel", "counsel"),
    ("ferrer", "T. Ferrer", "counsel", "second"),
)


@pytest.fixture(scope="module")
def scene(chromium: Browser, eye: Eye, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with running_site(tmp_path_factory.mktemp("browser") / "instance", max_file_bytes="3000000") as site:
        yield Scene(site, chromium, eye)


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
    for login, name, role, desk in COLLEAGUES:
        page.goto(f"{scene.site.console}/staff")
        page.fill("input[name=login]", login)
        page.fill("input[name=name]", name)
        page.select_option("select[name=role]", role)
        press(page.locator("form[action$='/staff/add'] button"))
        found = re.search(r"/setup/([A-Za-z0-9_-]+)", page.content())
        assert found
        scene.eye.look(page, "colleague-link")
        use_link(scene, desk, found[1])
    page.goto(f"{scene.site.console}/staff")
    scene.eye.look(page, "colleagues")
    page.goto(f"{scene.site.console}/programs/new")
    for name, value in NOTICE.items():
        page.locator(f"[name={name}]").fill(value)
    scene.eye.look(page, "program-new")
    press(page.locator("form[action$='/programs/new'] button.btn-main"))
    scene.shares = [page.locator(f"#share-{number}").text_content() or "" for number in (1, 2, 3)]
    scene.eye.look(page, "program-recovery")
    page.fill("textarea[name=first]", scene.shares[0])
    page.fill("textarea[name=second]", scene.shares[1])
    press(page.locator("form[action$='/recovery'] button"))
    for _ in COLLEAGUES:
        form = page.locator("form[action$='/access']").first
        form.locator("input[name=compared]").check()
        press_surely(scene, "administrator", form.locator("button"))
    expect(page.locator("form[action$='/access']")).to_have_count(0)
    scene.eye.look(page, "program")
    scene.program = page.url
    page.goto(f"{scene.site.console}/programs")
    scene.eye.look(page, "programs")
    scene.desks["investigator"].goto(f"{scene.site.console}/inbox")
    scene.eye.look(scene.desks["investigator"], "inbox-empty")
    for name in ("keys", "keys/examiner", "record"):
        page.goto(f"{scene.site.console}/{name}")
        scene.eye.look(page, name.replace("/", "-"))


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
    for choice in page.get_by_label("As it is").all():
        choice.check()
    press(page.get_by_role("button", name="Send this tip"))
    words = page.locator("ol.words li").all_text_contents()
    assert len(words) == 7
    scene.receipt = " ".join(words)
    assert context.cookies() == []


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


def test_05_the_investigator_works_on_the_tip(scene: Scene) -> None:
    page = scene.desks["investigator"]
    page.goto(f"{scene.site.console}/inbox")
    scene.eye.look(page, "inbox")
    page.goto(f"{scene.site.console}/exhibits?show=all")
    scene.eye.look(page, "exhibits-all")
    press(page.get_by_role("row", name=re.compile("scan_of_a_page")).get_by_role("link"))
    scene.eye.look(page, "exhibit-without-number")
    page.goto(f"{scene.site.console}/inbox")
    press(page.get_by_role("link", name=re.compile("A second tip")).first)
    scene.eye.look(page, "inbox-open-tip")
    press(page.locator("#open h2 a"))
    scene.eye.look(page, "tip-of-long-words")
    page.goto(f"{scene.site.console}/inbox")
    press(page.get_by_role("link", name=re.compile("He showed me a table")).first)
    press(page.locator("#open h2 a"))
    scene.tip = page.url
    load_until(page, lambda words: "Not examined yet" not in words)
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


def test_06_the_source_comes_back_without_javascript(scene: Scene) -> None:
    page = scene.context(java_script_enabled=False).new_page()
    use_receipt(scene, page)
    expect(page.locator("main")).to_contain_text("Did you see it on his own computer?")
    page.fill("textarea[name=what]", "No, it was at the packing desk.")
    press(page.get_by_role("button", name="Send", exact=True))
    expect(page.get_by_role("status")).to_contain_text("Your message has arrived")
    press(page.get_by_role("button", name="Close this page"))
    assert page.context.cookies() == []
    looking = scene.context().new_page()
    looking.goto(f"{scene.site.public}/receipt")
    looking.fill("input[name=receipt]", "these are not seven words")
    press(looking.get_by_role("button", name="Continue"))
    scene.eye.look(looking, "public-receipt-refused")
    use_receipt(scene, looking)
    scene.eye.look(looking, "public-conversation")
    press(looking.get_by_role("button", name="Close this page"))
    scene.eye.look(looking, "public-closed")


def use_receipt(scene: Scene, page: Page) -> None:
    page.goto(f"{scene.site.public}/receipt")
    page.fill("input[name=receipt]", scene.receipt)
    press(page.get_by_role("button", name="Continue"))


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
        page.set_input_files("input[type=file]", [FilePayload(name=f"{kind}.bin", mimeType="application/octet-stream", buffer=data)])
        press(page.locator(f"form[action$='/{kind}/new'] button.btn-main"))
        expect(page).to_have_url(re.compile(r"/(LTR|SMP)-\d{4}-\d{4}"))
        scene.eye.look(page, kind.removesuffix("s"))
        page.goto(f"{scene.site.console}/{kind}")
        scene.eye.look(page, kind)


def test_08_suggestions_say_why_and_a_person_decides(scene: Scene) -> None:
    page = scene.desks["investigator"]
    page.goto(f"{scene.site.console}/linking")
    load_until(page, lambda words: "Contains records of" in words and "Shares an indicator" in words)
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
    counsel.emulate_media(media="print")
    expect(counsel.get_by_text("Received by, date and time")).to_be_visible()
    expect(counsel.locator("nav.rail")).to_be_hidden()
    scene.eye.paper(counsel, "exhibit")
    counsel.emulate_media(media="screen")


def test_10_counsel_exports_the_case(scene: Scene, tmp_path: Path) -> None:
    page = scene.desks["counsel"]
    page.goto(f"{scene.case}/export")
    scene.eye.look(page, "export-new")
    page.fill("textarea[name=purpose]", "Production 1 under order of 18 Nov")
    press(page.get_by_role("button", name="Prepare the bundle"))
    page.get_by_role("button", name=re.compile("Sign and export")).wait_for(timeout=SLOW)
    scene.eye.look(page, "export-to-sign")
    let_out(scene)
    page.reload()
    press_surely(scene, "counsel", page.get_by_role("button", name=re.compile("Sign and export")))
    page.get_by_role("button", name=re.compile("Download bundle")).wait_for(timeout=SLOW)
    scene.eye.look(page, "export-done")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=re.compile("Download bundle")).click()
    waiting.value.save_as(tmp_path / "bundle.zip")
    assert (tmp_path / "bundle.zip").read_bytes().startswith(b"PK")
    page.goto(f"{scene.site.console}/exports")
    scene.eye.look(page, "exports")


def let_out(scene: Scene) -> None:
    """A second counsel lets the bundle out; until then nobody can sign it."""
    expect(scene.desks["counsel"].get_by_role("button", name=re.compile("Sign and export"))).to_be_disabled()
    page = scene.desks["second"]
    page.goto(f"{scene.site.console}/approvals")
    scene.eye.look(page, "second-person")
    press(page.locator("main tbody a").first)
    scene.eye.look(page, "second-person-asked")
    press_surely(scene, "second", page.get_by_role("button", name="Approve as the second person"))
    scene.eye.look(page, "second-person-approved")


def test_11_a_physical_thing_is_registered_and_handed_over(scene: Scene) -> None:
    custody_steps.register_a_thing(scene)
    custody_steps.hand_the_thing_over(scene)


def test_12_copies_holds_and_a_disposition(scene: Scene) -> None:
    custody_steps.copy_and_redact(scene)
    custody_steps.hold_and_release(scene)
    custody_steps.dispose(scene)


def test_13_damage_on_the_disk_stops_the_work_in_words(scene: Scene) -> None:
    page, counsel = scene.desks["investigator"], scene.desks["counsel"]
    page.goto(scene.case)
    press(page.locator("#exhibits a[href*='/exhibits/']").nth(1))
    path = sealed_file(scene, page)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    counsel.goto(f"{scene.case}/export")
    counsel.fill("textarea[name=purpose]", "Production 2")
    press(counsel.get_by_role("button", name="Prepare the bundle"))
    expect(counsel.get_by_role("alert")).to_contain_text("The other exhibits are unharmed", timeout=SLOW)
    scene.eye.look(counsel, "export-failed")
    custody_steps.scrub_finds_damage(scene, page.url)
    press(page.get_by_role("button", name=re.compile("Verify now")))
    expect(page.locator("main")).to_contain_text("Does not verify")
    scene.eye.look(page, "exhibit-quarantined")


def test_14_pages_that_have_nothing_to_show(scene: Scene) -> None:
    page = scene.desks["investigator"]
    for name, path in (
        ("inbox-nothing-fits", "/inbox?f=state:is:closed&f=assignee:is:nobody"),
        ("not-found", "/no-such-page"),
        ("forbidden", "/staff"),
    ):
        page.goto(f"{scene.site.console}{path}")
        scene.eye.look(page, f"console-{name}")
    page.goto(f"{scene.site.public}/no-such-page")
    scene.eye.look(page, "public-not-found")
    page.goto(f"{scene.site.public}/")
    scene.eye.look(page, "public-home")


def test_15_the_keyboard_is_enough(scene: Scene) -> None:
    page = scene.context(java_script_enabled=False).new_page()
    page.goto(f"{scene.site.public}/p/northfield/tip")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    walk_to(page, "textarea[name=what]")
    page.keyboard.type("Typed without a mouse.")
    walk_to(page, "input[name=how]")
    page.keyboard.press("ArrowDown")
    walk_to(page, "main form .btn")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your tip before you send it")
    expect(page.locator("main")).to_contain_text("Typed without a mouse.")
    walk_to(page, "main .acts .btn")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your tip has arrived")


def test_16_who_lost_a_passphrase_comes_back_and_who_left_reads_nothing_new(scene: Scene) -> None:
    installation_steps.print_and_use_a_kit(scene)
    installation_steps.open_with_shares(scene)
    installation_steps.somebody_leaves(scene)


def test_17_a_recovered_record_is_signed_by_two(scene: Scene) -> None:
    installation_steps.recover_the_record(scene)


def test_18_the_console_works_without_javascript(scene: Scene) -> None:
    installation_steps.work_without_javascript(scene)


def test_every_kind_of_page_was_looked_at(scene: Scene) -> None:
    assert len(set(scene.eye.seen)) >= 85, scene.eye.seen
