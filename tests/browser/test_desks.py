"""The desks of claims, payouts, letters, calls and sweeps in Chromium: each page of a told story, checked as every page is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import DESKTOP, ONCE, Eye, press, served
from tests.journeys.site import free_ports
from tests.journeys.world import LOGINS, World, told
from tipline.config import Settings
from tipline.security import cookie_name

pytestmark = pytest.mark.browser


@dataclass
class Office:
    """The console of a told story, and a browser for each role."""

    world: World
    chromium: Browser
    eye: Eye
    origin: str
    desks: dict[str, Page] = field(default_factory=dict)

    def at(self, role: str, path: str) -> Page:
        if role not in self.desks:
            context = self.eye.watch(self.chromium.new_context(viewport=DESKTOP))
            context.set_default_timeout(20_000)
            settings = self.world.inside.settings
            cookie = self.world.sign_in(role).get_cookie(name := cookie_name("console", settings, "session"))
            assert cookie is not None
            context.add_cookies([{"name": name, "value": cookie.value, "url": self.origin}])
            self.desks[role] = context.new_page()
        page = self.desks[role]
        answer = page.goto(f"{self.origin}{path}")
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        return page


@pytest.fixture(scope="module")
def office(chromium: Browser, eye: Eye, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    origin = f"http://127.0.0.1:{(port := free_ports(1)[0])}"
    settings = Settings(data=tmp_path_factory.mktemp("office") / "instance", console_origin=origin)
    with told(settings) as world, served(world.console, port):
        yield Office(world, chromium, eye, origin)


@pytest.mark.parametrize("role", sorted(LOGINS))
def test_every_role_finds_its_places(office: Office, role: str) -> None:
    """Each place of the rail opens, for whom it is there."""
    page = office.at(role, "/keys")
    places = [str(link.get_attribute("href")) for link in page.locator("nav.rail a").all()]
    assert places
    for place in places:
        page = office.at(role, place)
        office.eye.look(page, f"desk{place.partition('?')[0].replace('/', '-')}")  # once, by the first who may


def test_the_pages_behind_the_lists(office: Office) -> None:
    ids = office.world.ids()
    for role, path, name in (
        ("counsel", f"/claims/{ids['claim']}", "claim"),
        ("program_manager", f"/claims/{ids['claim']}", "claim-for-approval"),
        ("counsel", f"/notices/{ids['notice']}", "batch"),
        ("counsel", "/notices/new", "batch-new"),
        ("counsel", "/notices/calls", "calls"),
        ("program_manager", f"/programs/{ids['program_id']}", "program"),
        ("program_manager", f"/programs/{ids['program_id']}/texts/es", "program-in-spanish"),
        ("call_agent", "/tips/phone", "phone"),
        ("investigator", f"/tips/{ids['tip']}", "tip-with-question"),
        ("investigator", f"/cases/{ids['case']}", "case-with-events"),
    ):
        office.eye.look(office.at(role, path), f"desk-{name}")


def test_the_pages_of_a_tip_a_case_and_an_exhibit(office: Office) -> None:
    ids = office.world.ids()
    tip, case, exhibit = f"/tips/{ids['tip']}", f"/cases/{ids['case']}", f"/exhibits/{ids['exhibit_id']}"
    for path, name in (
        (f"/inbox?tip={ids['tip']}", "inbox-with-a-tip"),
        ("/inbox?f=state:not:closed&f=or&f=due:is:overdue&order=due", "inbox-filtered"),
        (f"{case}/timeline?kind=tip&certainty=exact", "timeline-filtered"),
        *((f"{tip}?tab={tab}", f"tip-{tab}") for tab in ("files", "links", "notes", "history")),
        (f"{tip}/redact", "tip-redact"),
        (f"/notes/{ids['note_id']}", "note"),
        (f"/tasks/{ids['task_id']}", "task"),
        *((f"{case}/{tab}", f"case-{tab}") for tab in ("tips", "letters", "samples", "exhibits", "subjects", "decisions", "timeline")),
        (f"{case}/graph?depth=2", "case-graph"),
        *((f"{case}/{act}", f"case-{act}") for act in ("members", "edit", "merge", "split")),
        *((f"{case}?tab={tab}", f"case-{tab}") for tab in ("notes", "history")),
        (f"/subjects/{ids['subject']}", "subject"),
        (f"/subjects/{ids['subject']}/edit", "subject-edit"),
        (f"{exhibit}?tab=notes", "exhibit-notes"),
        (f"{exhibit}/photographs", "photographs"),
        *((f"{exhibit}/file{tab}", f"file{tab.replace('/', '-')}") for tab in ("", "/facts", "/listing", "/words", "/bytes")),
        ("/exhibits?only=late", "exhibits-late"),
    ):
        office.eye.look(office.at("investigator", path), f"desk-{name}", ONCE)


def test_the_pages_of_the_office(office: Office) -> None:
    ids = office.world.ids()
    for role, path, name in (
        ("investigator", "/linking?show=later", "linking-later"),
        ("investigator", "/linking?show=decided", "linking-decided"),
        ("investigator", "/linking/new", "linking-new"),
        ("investigator", "/linking/indicators", "indicators"),
        ("investigator", "/tokens", "tokens"),
        ("investigator", "/bulk", "bulk"),
        ("investigator", "/views", "views"),
        ("investigator", "/workload", "workload"),
        ("investigator", "/desk", "my-desk"),
        ("investigator", "/known-files", "known-files"),
        ("investigator", "/known-files/new", "known-files-new"),
        ("investigator", f"/known-files/{ids['list_id']}", "known-files-list"),
        ("investigator", f"/samples/{ids['sample']}/reveal", "reveal"),
        ("counsel", "/approvals", "approvals"),
        ("counsel", f"/approvals/{ids['request_id']}", "approval"),
        ("counsel", "/audit", "audit"),
        ("administrator", f"/staff/{ids['staff_id']}/sessions", "colleague-sessions"),
        ("investigator", "/account", "account"),
        ("investigator", "/preferences", "preferences"),
        ("investigator", "/keys-help", "keys-help"),
        ("investigator", "/palette", "palette"),
        ("investigator", "/search", "search"),
    ):
        office.eye.look(office.at(role, path), f"desk-{name}", ONCE)


def test_a_search_is_looked_at(office: Office) -> None:
    page = office.at("investigator", "/search")
    page.locator("main [name=text]").first.fill("records")
    press(page.locator("main form button.btn-main").first)
    office.eye.look(page, "desk-search-found")


def test_a_call_is_answered(office: Office) -> None:
    page = office.at("call_agent", "/letter-check")
    page.fill("input[name=code]", "AAAA-AAAA-AAAA-AAAA-AAAA")
    page.locator("[name=reason]").first.check()
    press(page.locator("main form button.btn-main").first)
    office.eye.look(page, "desk-call-not-confirmed")


def test_a_flood_is_looked_at_before_it_is_swept(office: Office) -> None:
    page = office.at("investigator", "/sweeps")
    page.fill("[name=words]", "the")
    press(page.locator("main form button.btn-main").first)
    office.eye.look(page, "desk-sweep")


def test_an_agent_looks_a_voucher_up(office: Office) -> None:
    page = office.at("paying_agent", "/payouts")
    page.fill("input[name=code]", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")
    press(page.locator("main form button.btn-main").first)
    office.eye.look(page, "desk-voucher-refused")
