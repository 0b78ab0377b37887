"""Steps of the walk that work on the installation: recovery kits, shares, who left, a new key, and the record after a recovery."""

from __future__ import annotations

import re
import time

import pyotp
from playwright.sync_api import Page, expect

from tests.browser.conftest import press
from tests.browser.custody_steps import on_paper, open_exhibit, send
from tests.browser.scene import Scene, press_surely, use_link, walk_to


def sign_in(scene: Scene, role: str, login: str, ahead: int = 0) -> Page:
    """Sign in with the keyboard alone; the code of the next half minute (`ahead` = 1) where the present one may be used up."""
    page = scene.desks[role]
    passphrase, secret = scene.secrets[role]
    page.goto(f"{scene.site.console}/sign-in")
    for selector, words in (("input[name=login]", login), ("input[name=passphrase]", passphrase)):
        walk_to(page, selector)
        page.keyboard.type(words)
    walk_to(page, "input[name=code]")
    page.keyboard.type(pyotp.TOTP(secret).at(int(time.time()), counter_offset=ahead))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return page


def print_and_use_a_kit(scene: Scene) -> None:
    """The investigator prints a recovery kit, loses the passphrase, and comes back by the kit."""
    page = scene.desks["investigator"]
    page.goto(f"{scene.site.console}/kit")
    scene.eye.look(page, "kit")
    press_surely(scene, "investigator", page.get_by_role("button", name="Make my kit"))
    kit = re.sub(r"\s", "", page.locator("#kit").text_content() or "")
    scene.eye.look(page, "kit-shown")
    on_paper(scene, page, "kit", "Recovery kit of M. Okafor")
    page.fill("input[name=typed]", kit[-16:])
    send(page, "/kit/confirm")
    press(page.get_by_role("button", name="Sign out"))
    press(page.get_by_role("link", name="Use my recovery kit"))
    scene.eye.look(page, "recover")
    for typed in ("AGE-SECRET-KEY-1QQ", kit):
        page.fill("input[name=login]", "okafor")
        page.fill("input[name=kit]", typed)
        press(page.locator("main button.btn-main"))
        if typed != kit:
            expect(page.get_by_role("alert")).to_be_visible()
            scene.eye.look(page, "recover-refused")
    scene.eye.look(page, "come-back")
    offered = page.locator("input[name=offered]").get_attribute("value") or ""
    secret = re.sub(r"\s", "", page.locator("#secret").text_content() or "")
    for name, words in (("passphrase", offered), ("again", offered), ("code", pyotp.TOTP(secret).now())):
        page.fill(f"input[name={name}]", words)
    press(page.locator("main button.btn-main"))
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    scene.secrets["investigator"] = (offered, secret)


def open_with_shares(scene: Scene) -> None:
    """A new program manager gets the program by two of its shares."""
    page = scene.desks["administrator"]
    page.goto(f"{scene.site.console}/staff")
    for name, words in (("login", "brandt"), ("name", "K. Brandt")):
        page.fill(f"input[name={name}]", words)
    page.select_option("select[name=role]", "program_manager")
    send(page, "/staff/add")
    use_link(scene, "program_manager", (page.locator("#link").text_content() or "").rpartition("/")[2])
    page.goto(f"{scene.program}/open")
    page.fill("textarea[name=first]", scene.shares[1])
    page.fill("textarea[name=second]", "nothing like a share")
    page.locator("input[name=reader]").first.check()
    page.locator("input[name=compared]").check()
    press_surely(scene, "administrator", page.locator("form[action$='/open'] button.btn").last)
    expect(page).to_have_title(re.compile("^Error:"))
    scene.eye.look(page, "program-open")
    page.fill("textarea[name=first]", scene.shares[1])
    page.fill("textarea[name=second]", scene.shares[2])
    send(page, "/open")
    expect(page.get_by_role("status").first).to_contain_text("K. Brandt can read this program now")


def somebody_leaves(scene: Scene) -> None:
    """The manager leaves; the program gets a new key, and the pages say how far that is."""
    page = scene.desks["administrator"]
    page.goto(f"{scene.site.console}/staff")
    press(page.get_by_role("link", name="Disable K. Brandt"))
    scene.eye.look(page, "staff-disable")
    press_surely(scene, "administrator", page.locator("form[action$='/disable'] button.btn").last)
    expect(page.get_by_role("heading", level=1)).to_have_text("K. Brandt left")
    scene.eye.look(page, "staff-left")
    page.goto(scene.program)
    scene.eye.look(page, "program-somebody-left")
    press(page.get_by_role("link", name="Make a new key").first)
    scene.eye.look(page, "rotation-plan")
    press_surely(scene, "administrator", page.locator("form[action$='/new-key'] button.btn").last)
    page.wait_for_url(re.compile(r"/progress$"))
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    scene.eye.look(page, "rotation-in-progress")
    page.goto(scene.program)
    scene.eye.look(page, "program-rotating")


def recover_the_record(scene: Scene) -> None:
    """The anchor is lost: the operator writes it anew, and two people sign for it. The examiner's key is new too."""
    scene.site.stop()
    (scene.site.data / "anchor" / "log.jsonl").unlink()
    for command in (("recover",), ("keys", "rotate", "examiner")):
        done = scene.site.tipline(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    scene.site.start()
    page, counsel = sign_in(scene, "administrator", "administrator"), sign_in(scene, "counsel", "lindqvist")
    counsel.goto(f"{scene.case}/graph")
    expect(counsel.locator("#table, .empty")).not_to_contain_text("Same file")  # a working copy of a text is that text
    counsel.goto(scene.case)
    scene.eye.look(counsel, "case-while-the-record-waits")
    page.goto(f"{scene.site.console}/keys/examiner")
    scene.eye.look(page, "examiner-key-waits")
    page.goto(f"{scene.site.console}/signatures")
    scene.eye.look(page, "signatures")
    for desk, name in ((page, "record-waits"), (counsel, "record-waits-for-the-second")):
        desk.goto(f"{scene.site.console}/record")
        scene.eye.look(desk, name)
        desk.locator("textarea[name=reason]").fill("The disk of the anchor failed on 21 Nov. Compared with the published checkpoint.")
        send(desk, "/sign")
    expect(counsel.locator("main")).to_contain_text("Signed by two")
    scene.eye.look(counsel, "record-signed")


def work_without_javascript(scene: Scene) -> None:
    """With scripts off the investigator signs in, stops work on an exhibit, and lets it go on."""
    scene.desks["investigator"] = scene.context(java_script_enabled=False).new_page()
    page = sign_in(scene, "investigator", "okafor", ahead=1)
    open_exhibit(scene, page, "members-extract.csv")
    for title, button, stopped in (
        ("Put it into quarantine", "Stop all work on it", True),
        ("Take it out of quarantine", "Verify it and release it", False),
    ):
        page.get_by_text(title).click()
        page.locator("[name=quarantine-reason]").fill("A question about where it came from")
        press(page.get_by_role("button", name=button))
        assert page.locator(".head").get_by_text("Quarantined").count() == stopped
    expect(page.locator("main")).to_contain_text("A question about where it came from")
