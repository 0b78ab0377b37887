"""Everything that a source does, on a phone and without JavaScript, in each language: sent, answered, proved, claimed, withdrawn."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, Route, expect
from sqlalchemy import select

from tests.browser.conftest import CHECKED, ONCE, PHONE, Eye, press, served
from tests.evidence.examine.jails import WORKING
from tests.journeys.inputs import own_inputs
from tests.journeys.site import free_ports
from tests.journeys.world import World, told
from tipline.config import Settings
from tipline.demo.content import SLUG
from tipline.inbox import replying
from tipline.intake import phone
from tipline.languages import LANGUAGES
from tipline.models.programs import Program
from tipline.models.tips import Tip

pytestmark = pytest.mark.browser
NOTICE = f"/p/{SLUG}"
NOT_THERE = "/no-such-page"
VERIFY = Path(__file__).parents[2] / "evidence" / "verify.py"


@dataclass
class Street:
    """The public face of a told story, and a phone for each language."""

    world: World
    chromium: Browser
    eye: Eye
    origin: str
    looking: Page | None = None
    shown: str = ""
    phones: dict[str, Page] = field(default_factory=dict)
    receipts: dict[str, list[str]] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    tips: dict[str, str] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)  # by their heading: pages of another language that the checker has read

    def context(self) -> BrowserContext:
        context = self.chromium.new_context(viewport=PHONE, java_script_enabled=False, accept_downloads=True)
        context.set_default_timeout(20_000)
        return self.eye.watch(context)

    def at(self, language: str, path: str) -> Page:
        """The phone of a source who reads this language, on that page."""
        phone = self.phones.setdefault(language, self.context().new_page())
        answer = phone.goto(f"{self.origin}{prefix(language)}{path}")
        assert answer is not None
        assert answer.status in (200, 410) or (answer.status == 404 and path == NOT_THERE)
        return phone

    def look(self, language: str, name: str) -> None:
        """See that the page speaks the language, then look at the same page in a browser that can run the checker."""
        page = self.phones[language]
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("script").count() == 0
        self.shown = page.content()
        if self.looking is None:
            self.looking = self.eye.watch(self.chromium.new_context()).new_page()
            self.looking.route("**/*", self._show)
        self.looking.goto(page.url)
        heading = page.locator("h1").first.text_content() or ""
        known = language != "en" and heading in self.read  # the same markup again: each page once, not each of its faults
        self.read |= {heading} if language != "en" else set()
        if known:
            self.eye.fits(self.looking, f"source-{language}-{name}")
        else:
            self.eye.look(self.looking, f"source-{language}-{name}", CHECKED if language == "en" else ONCE)

    def _show(self, route: Route) -> None:
        if route.request.resource_type == "document":
            route.fulfill(body=self.shown, content_type="text/html; charset=utf-8")
        else:
            route.continue_()


def prefix(language: str) -> str:
    return "" if language == "en" else f"/{language}"


def main_button(page: Page) -> Locator:
    """The one main button of a page."""
    return page.locator("main button.btn:not(.alt), main a.btn:not(.alt)").first


@pytest.fixture(scope="module")
def street(chromium: Browser, eye: Eye, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    origin = f"http://127.0.0.1:{(port := free_ports(1)[0])}"
    with told(Settings(data=tmp_path_factory.mktemp("street") / "instance", public_origin=origin)) as world, served(world.public, port):
        yield Street(world, chromium, eye, origin)


both = pytest.mark.parametrize("language", list(LANGUAGES))


@both
def test_01_the_public_site(street: Street, language: str) -> None:
    page = street.at(language, NOTICE)
    street.look(language, "notice")
    for name, path in (
        ("terms", f"{NOTICE}/terms"),
        ("poster", f"{NOTICE}/poster"),
        ("anonymity", "/staying-anonymous"),
        ("contact", "/contact"),
        ("home", "/"),
        ("not-found", NOT_THERE),
        ("receipt", "/receipt"),
    ):
        street.at(language, path)
        street.look(language, name)
    other = "es" if language == "en" else "en"
    street.at(language, f"{NOTICE}/terms")
    press(page.locator(f"header a[hreflang={other}]"))
    expect(page).to_have_url(f"{street.origin}{prefix(other)}{NOTICE}/terms")
    assert page.context.cookies() == []


@both
def test_02_a_tip_with_files(street: Street, language: str) -> None:
    given, page = own_inputs(), street.at(language, NOTICE)
    press(page.locator("main a.btn"))
    street.look(language, "tip")
    press(main_button(page))
    expect(page.get_by_role("alert")).to_be_visible()
    street.look(language, "tip-error")
    page.fill("textarea[name=what]", f"He showed me a table, and I took a picture. Call 555-0142. ({language})")
    page.check("input[name=how][value=saw]")
    photo = FilePayload(name="IMG_2231.jpg", mimeType="image/jpeg", buffer=given.photo)
    page.set_input_files("input[name=files]", [photo, FilePayload(name="a.txt", mimeType="text/plain", buffer=b"a line")])
    press(main_button(page))
    expect(page.locator("main")).to_contain_text("IMG_2231.jpg")
    expect(page.locator("main")).to_contain_text("555-0142")
    if WORKING:
        expect(page.locator("input[type=radio][value=clean]")).to_be_checked()
    street.look(language, "check")
    press(main_button(page))
    street.receipts[language] = page.locator("ol.words li").all_text_contents()
    street.claims[language] = page.locator("p.claim").first.text_content() or ""
    assert len(street.receipts[language]) == 7
    street.look(language, "sent")
    page.reload()
    assert page.locator("ol.words li").all_text_contents() == street.receipts[language], "a repeated Send shows other words"
    assert page.context.cookies() == []
    with street.world.inside.work(write=False) as work:
        street.tips[language] = max(work.session.scalars(select(Tip.number)))


@both
def test_03_staff_ask_and_the_source_answers(street: Street, language: str) -> None:
    world, number = street.world, street.tips[language]
    world.inside.run_jobs()
    actor = world.story.actor("m.okafor")
    with world.inside.work() as work:
        replying.reply(work, actor, replying.Reply(number, "The picture matters."))
        replying.ask(work, actor, replying.Ask(number, "Did you see it on his own computer?", ("Yes, his own", "No, a work computer")))
    page = street.at(language, "/receipt")
    page.fill("input[name=receipt]", "these are not seven words")
    press(main_button(page))
    expect(page.get_by_role("alert")).to_be_visible()
    street.look(language, "receipt-refused")
    page.fill("input[name=receipt]", " ".join(street.receipts[language]).upper().replace(" ", ", "))
    press(main_button(page))
    expect(page.locator("main")).to_contain_text("The picture matters.")
    street.look(language, "conversation-not-proved-yet")
    page.check("input[name=choice][value='1']")
    press(page.locator("form[action$='/answer'] button"))
    expect(page.get_by_role("status")).to_be_visible()
    page.fill("textarea[name=what]", "It stood at the packing desk.")
    page.set_input_files("input[name=files]", [FilePayload(name="again.jpg", mimeType="image/jpeg", buffer=own_inputs().photo)])
    press(page.locator("form[action$='/conversation/check'] button"))
    expect(page.locator("main")).to_contain_text("again.jpg")
    street.look(language, "message-check")
    press(page.locator("form[action$='/conversation/send'] button.btn"))
    expect(page.get_by_role("status")).to_be_visible()
    street.at(language, "/conversation/claim")
    street.look(language, "claim-not-yet")
    street.at(language, "/conversation/proof")
    street.look(language, "proof-not-yet")


@both
def test_04_the_proof_is_checked_offline(street: Street, language: str, tmp_path: Path) -> None:
    street.world.inside.sequencer().publish()
    page = street.at(language, "/conversation")
    street.look(language, "conversation")
    page = street.at(language, "/conversation/proof")
    page.fill("input[name=claim]", "ABCD-EFGH")
    press(page.locator("button[value=page]"))
    expect(page.get_by_role("alert")).to_be_visible()
    street.look(language, "proof-refused")
    page.fill("input[name=claim]", street.claims[language].lower().replace("-", " "))
    press(page.locator("button[value=page]"))
    expect(page.locator("main img").first).to_be_visible()
    street.look(language, "proof-on-paper")
    page = street.at(language, "/conversation/proof")
    page.fill("input[name=claim]", street.claims[language])
    with page.expect_download() as waiting:
        page.locator("button[value=file]").click()
    waiting.value.save_as(tmp_path / "proof.txt")
    page = street.at(language, "/contact")
    fingerprint = re.search(r"SHA256:[\w+/]{43}", page.locator("main").text_content() or "")
    assert fingerprint
    command = [sys.executable, "-I", str(VERIFY), str(tmp_path / "proof.txt"), "--key", fingerprint[0]]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@both
def test_05_a_reward_is_claimed(street: Street, language: str) -> None:
    page = street.at(language, "/conversation/claim")
    street.look(language, "claim")
    press(main_button(page))
    expect(page.get_by_role("alert")).to_be_visible()
    street.look(language, "claim-error")
    page.check("input[name=by][value=self]")
    page.fill("textarea[name=helped]", "You could close the account because of me.")
    for name in ("employee", "involved", "sanctions"):
        page.check(f"input[name={name}]")
    page.context.clear_cookies()
    press(main_button(page))
    street.look(language, "claim-ended")
    page.fill("input[name=receipt]", " ".join(street.receipts[language]))
    press(main_button(page))
    expect(page.locator("textarea[name=helped]")).to_have_value("You could close the account because of me.")
    expect(page.locator("input[name=sanctions]")).to_be_checked()
    page.fill("input[name=claim]", street.claims[language])
    press(main_button(page))
    expect(page.locator("main")).to_contain_text(re.compile(r"RC-\d{4}-\d{4}"))
    street.look(language, "conversation-claimed")


@both
def test_06_a_letter_is_checked_and_a_suspicious_one_reported(street: Street, language: str) -> None:
    page = street.at(language, "/letter")
    street.look(language, "letter")
    page.fill("input[name=code]", "AAAA AAAA AAAA AAAA AAAA")
    press(main_button(page))
    expect(page.get_by_role("alert")).to_be_visible()
    street.look(language, "letter-not-confirmed")
    codes = (street.world.inside.settings.data / "demo" / "letters.csv").read_text()
    [row, *_] = [line for line in codes.splitlines() if re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", line)]
    code = re.search(r"(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}", row)
    assert code
    page.fill("input[name=code]", code[0])
    press(main_button(page))
    expect(page.get_by_role("status")).to_be_visible()
    assert page.locator("ul.words li").count() == 2
    street.look(language, "letter-confirmed")
    press(page.locator("main a[href$='/report']").first)
    street.look(language, "report")
    page.fill("textarea[name=what]", "A letter asks me to pay.")
    page.check("input[name=how] >> nth=0")
    press(main_button(page))
    street.look(language, "report-check")
    press(main_button(page))
    assert page.locator("ol.words li").count() == 7


@both
def test_07_the_source_withdraws_and_leaves(street: Street, language: str) -> None:
    page = street.at(language, "/conversation/withdraw")
    street.look(language, "withdraw")
    page.check("input[name=sure]")
    press(main_button(page))
    expect(page.locator("main")).not_to_contain_text("The picture matters.")
    street.look(language, "withdrawn")
    press(page.locator("form[action$='/conversation/close'] button"))
    street.look(language, "closed")
    assert page.context.cookies() == []


@both
def test_08_a_draft_is_thrown_away_and_a_closed_line_says_so(street: Street, language: str) -> None:
    page = street.at(language, f"{NOTICE}/tip")
    page.fill("textarea[name=what]", "Not this.")
    press(page.locator("button[form=discard]"))
    street.look(language, "thrown-away")
    set_state(street.world, "closed")
    street.at(language, NOTICE)
    street.look(language, "notice-closed")
    street.at(language, f"{NOTICE}/tip")
    street.look(language, "tip-closed")
    set_state(street.world, "open")


@both
def test_09_words_that_were_read_out_by_phone_are_changed(street: Street, language: str) -> None:
    inside = street.world.inside
    with inside.work() as work:
        command = phone.PhoneTip(phone.start_form(), inside.program_id, f"He said it on the phone. ({language})")
        heard = phone.take(work, street.world.story.actor("m.okafor"), command).words
    page = street.at(language, "/receipt")
    page.fill("input[name=receipt]", " ".join(heard))
    press(main_button(page))
    words = page.locator("ol.words li").all_text_contents()
    assert (len(words), set(words) == set(heard)) == (7, False)
    street.look(language, "new-words")
    press(main_button(page))
    expect(page.locator("p.claim")).to_be_visible()
    street.look(language, "conversation-by-phone")
    press(page.locator("form[action$='/claim-code'] button"))
    expect(page.locator("p.claim")).to_have_count(0)
    press(page.locator("form[action$='/conversation/close'] button"))
    street.at(language, "/receipt")
    page.fill("input[name=receipt]", " ".join(heard))
    press(main_button(page))
    expect(page.get_by_role("alert")).to_be_visible()


def set_state(world: World, state: str) -> None:
    with world.inside.work() as work:
        work.session.scalars(select(Program)).one().state = state
