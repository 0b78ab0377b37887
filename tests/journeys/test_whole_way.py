"""From a tip to a bundle over real HTTP, against `tipline run`, and what a thief of the disk then has."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.journeys import people, theft
from tests.journeys.inputs import Inputs, own_inputs, real_inputs
from tests.journeys.people import Person
from tests.journeys.site import RunningSite, running_site
from tests.journeys.visitor import Page, Visitor

CANARY = "canary-7f3a91"
NOTICE = {
    "slug": "northfield",
    "code": "NS",
    "organisation": "Northfield Scripts",
    "title": "Who stole our members' records?",
    "incident": "On 3 September 2026 we received a letter asking for payment.",
    "helps_most": "Who wrote the letter",
    "reward": "$1,000,000",
    "reward_terms": "Two people must agree before anything is paid.",
    "notice_on": "2026-09-04",
}
COLLEAGUES = (
    ("okafor", "M. Okafor", "investigator"),
    ("lindqvist", "R. Lindqvist", "counsel"),
    ("whitfield", "S. Whitfield", "program_manager"),
)
TELLING_HEADERS = dict.fromkeys(("User-Agent", "Referer", "X-Forwarded-For", "Accept-Language", "Via", "From"), CANARY)
OPENING_WORDS = "He showed me a table with names on his screen."


@dataclass
class Walk:
    """What is known along the way."""

    site: RunningSite
    inputs: Inputs
    staff: dict[str, Person] = field(default_factory=dict)
    program: str = ""
    receipt: tuple[str, ...] = ()
    claim: str = ""
    tip: str = ""
    case: str = ""
    bundle: bytes = b""
    fingerprint: str = ""


@pytest.fixture(scope="module", params=["own", "real"])
def inputs(request: pytest.FixtureRequest, shared: Path | None) -> Inputs:
    """Small samples of the project's own, and the real ones where they are (CI demands them)."""
    if request.param == "own":
        return own_inputs()
    if shared is None:
        pytest.skip("the real notes and records are not beside this clone; the same way runs on the project's own samples")
    return real_inputs(shared)


@pytest.fixture(scope="module")
def walked(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Walk the whole way once; the tests then look at what it left."""
    with running_site(tmp_path_factory.mktemp("journey") / "instance") as site:
        walk = Walk(site, inputs)
        try:
            for step in (set_up, send_tip, triage, come_back, register, link, custody, export):
                step(walk)
            for person in walk.staff.values():
                people.sign_out(person, "/keys")
        except AssertionError as error:
            error.add_note("The site said:\n" + "\n".join(site.lines[-20:]))
            raise
        finally:
            Visitor.all_leave()
        yield walk


def set_up(walk: Walk) -> None:
    administrator = people.use_link(walk.site, "administrator", walk.site.first_link_token)
    walk.staff["administrator"] = administrator
    for login, name, role in COLLEAGUES:
        walk.staff[role] = people.add_colleague(walk.site, administrator, login, name, role)
    walk.program = people.open_program(administrator, NOTICE)
    people.grant_all(administrator, walk.program)
    shown = walk.site.tipline("keys", "show")
    assert shown.returncode == 0, shown.stderr
    walk.fingerprint = next(line.split("\t")[1] for line in shown.stdout.splitlines() if line.startswith("Log key"))


def send_tip(walk: Walk) -> None:
    source = Visitor(
        walk.site.public, {"User-Agent": CANARY, "Referer": f"http://{CANARY}/", "X-Forwarded-For": CANARY, "Accept-Language": CANARY}
    )
    page = source.get("/p/northfield/tip")
    assert not source.http.cookies, "the public face set a cookie before a receipt was used"
    words = f"{OPENING_WORDS}\n\nOur clinic got a page like yours:\n\n{walk.inputs.quoted}"
    files = [
        (f"{CANARY}.jpg", walk.inputs.photo),
        (f"{CANARY}.pdf", walk.inputs.document),
        (f"{CANARY}.csv", walk.inputs.table),
    ]
    page = source.submit(page, "/tip", {"what": words, "how": "saw"}, {"files": files})
    assert page.status == 200, page.text[:400]
    assert "Check your tip" in page.text, page.text[:800]
    sent = source.submit(page, "/send")
    again = source.submit(page, "/send")
    assert sent.html == again.html, "a repeated Send shows another page"
    walk.receipt, walk.claim = read_words(sent)
    assert not source.http.cookies


def read_words(page: Page) -> tuple[tuple[str, ...], str]:
    listed = re.search(r'class="words"[^>]*>(.*?)</ol>', page.html, re.DOTALL)
    claim = re.search(r'class="claim">([^<]+)<', page.html)
    assert listed, page.text[:800]
    assert claim
    return tuple(re.findall(r"<li>([a-z-]+)</li>", listed[1])), claim[1]


def triage(walk: Walk) -> None:
    investigator = walk.staff["investigator"]
    inbox = investigator.at("/inbox?state=new")
    numbers = set(re.findall(r"TIP-\d{4}-\d{4}", inbox.html))
    assert len(numbers) == 1, "a repeated Send made a second tip"
    walk.tip = numbers.pop()
    address = f"/tips/{walk.tip}"
    people.eventually(lambda: "Not examined yet" not in investigator.at(address).text or None, "the examination")
    page = investigator.at(address)
    assert OPENING_WORDS in page.text
    assert "GPS" in page.text, "the photo's place was not found"
    investigator.does(page, "/assign", assignee="me")
    investigator.does(investigator.at(address), "/label", label="Insider")
    investigator.does(investigator.at(address), "/reply", words="Did you see it on his own computer?")
    assert "Waiting" in investigator.at(address).text
    case = investigator.does(investigator.at("/cases/new"), "/cases/new", title="Letter with records of members")
    walk.case = re.search(r"NS-\d{4}-\d{4}", case.url + case.html)[0]  # type: ignore[index]  # a missing number is a failure
    investigator.does(investigator.at(address), "/case", case=walk.case, with_exhibits="y")
    shown = investigator.at(investigator.at(address).link(r"\?file="))
    preview = re.search(r'src="(/exhibits/[0-9a-f]+/preview\.png)"', shown.html)
    assert preview, "no preview of the photo"
    picture = investigator.browser.http.get(preview[1])
    assert picture.content.startswith(b"\x89PNG")
    assert picture.headers["cache-control"] == "no-store"


def come_back(walk: Walk) -> None:
    source = Visitor(walk.site.public, TELLING_HEADERS)
    page = source.submit(source.get("/receipt"), "/receipt", {"receipt": " ".join(walk.receipt).upper()})
    assert "Did you see it on his own computer?" in page.text
    assert OPENING_WORDS not in page.text, "a found receipt gives the tip away"
    assert CANARY not in page.html
    page = source.submit(
        page, "/conversation/check", {"what": f"No, at work. {CANARY}-follow-up"}, {"files": [("more.txt", b"one line more")]}
    )
    assert "Your message has arrived" in page.text, page.text[:800]
    page = source.submit(page, "/conversation/close")
    assert not source.http.cookies, "closing left the cookie"
    investigator = walk.staff["investigator"]
    people.eventually(lambda: f"{CANARY}-follow-up" in investigator.at(f"/tips/{walk.tip}").text or None, "the further message")


def register(walk: Walk) -> None:
    investigator = walk.staff["investigator"]
    details = {"received_on": "2026-09-03", "handed_over_by": "D. Acosta, mail room"}
    page = investigator.browser.submit(
        investigator.at(f"/letters/new?case={walk.case}"),
        "/letters/new",
        {"title": "Letter to the board", "addressee": "The board", "channel": "post", **details},
        {"file": [("letter.txt", walk.inputs.letter)]},
    )
    assert "LTR-" in page.url, page.text[:800]
    page = investigator.browser.submit(
        investigator.at(f"/samples/new?case={walk.case}"),
        "/samples/new",
        {"title": "Records enclosed with the letter", "channel": "post", **details},
        {"file": [("records.837", walk.inputs.sample)]},
    )
    assert "SMP-" in page.url, page.text[:800]
    assert not [name for name in walk.inputs.people if name.lower() in page.text.lower()], "the sample's page names its people"


def link(walk: Walk) -> None:
    investigator = walk.staff["investigator"]

    def both() -> Page | None:
        page = investigator.at("/linking")
        return page if "Shares an indicator" in page.text and "Contains records of" in page.text else None

    people.eventually(both, "both suggestions")
    for _ in range(20):
        page = investigator.at("/linking")
        if not any(form.action.endswith("/decide") for form in page.forms):
            break
        investigator.does(page, "/decide", decision="confirm", confidence="probable", reason="Read both side by side")
    shown = investigator.at(f"/cases/{walk.case}").text
    assert "LTR-" in shown
    assert "SMP-" in shown
    assert "Read both side by side" in shown


def custody(walk: Walk) -> None:
    investigator = walk.staff["investigator"]
    address = re.sub(r"^https?://[^/]+", "", investigator.at(f"/cases/{walk.case}").link(r"/exhibits/[0-9a-f]{32}"))
    page = investigator.does(investigator.at(address), "/verify")
    assert "Verified" in page.text
    ready = investigator.at(address).form("/transfer")
    assert "to" in ready.names
    counsel = walk.staff["counsel"]
    receiver = re.search(r'<option value="([0-9a-f]{32})"[^>]*>[^<]*Lindqvist', investigator.at(address).html)
    assert receiver
    investigator.does(investigator.at(address), "/transfer", to=receiver[1], purpose="Production", authority="Order of 18 Nov")
    counsel.does(counsel.at(address), "/confirm")
    assert "TRANSFERRED" in counsel.at(address).text
    taken = investigator.browser.submit(investigator.at(address), "/download")
    assert taken.url.startswith(walk.site.files)
    assert taken.headers["content-disposition"].startswith("attachment")
    assert "DOWNLOADED" in investigator.at(address).text


def export(walk: Walk) -> None:
    counsel = walk.staff["counsel"]
    page = counsel.at(f"/cases/{walk.case}/export")
    ids = re.findall(r'name="exhibits" value="([0-9a-f]{32})"', page.html)
    assert len(ids) >= 6, "text, three files, letter and sample should be exhibits of the case"
    page = counsel.does(page, "/export", exhibits=ids, purpose="Production 1 under order of 18 Nov")
    address = re.sub(r"^https?://[^/]+", "", page.url)
    people.eventually(lambda: "To sign" in counsel.at(address).text or None, "the payload")
    counsel.does(counsel.at(address), "/sign")
    people.eventually(lambda: "Download bundle" in counsel.at(address).text or None, "the bundle")
    form = counsel.at(address).form("/download")
    answer = counsel.browser.http.post(form.action, data=dict(form.fields))
    assert answer.status_code == 200
    assert str(answer.url).startswith(walk.site.files)
    walk.bundle = answer.content


@pytest.fixture(scope="module")
def unpacked(walked: Walk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stranger")
    zipfile.ZipFile(io.BytesIO(walked.bundle)).extractall(folder)
    [bundle] = folder.iterdir()
    return bundle


def run(folder: Path, *command: str, given: Path | None = None) -> subprocess.CompletedProcess[str]:
    with (given or Path("/dev/null")).open() as stdin:
        return subprocess.run(command, cwd=folder, stdin=stdin, capture_output=True, text=True, timeout=120)


def test_a_stranger_verifies_the_bundle_offline(walked: Walk, unpacked: Path) -> None:
    origin = re.search(r"^Tipline-Log-Origin: (.+)$", (unpacked / "bag-info.txt").read_text(), re.MULTILINE)
    assert origin
    signature = ["-s", "seal/tagmanifest-sha256.txt.sig", "-f", "seal/allowed_signers", "-I", origin[1], "-n", "tipline-bundle"]
    results = [
        run(unpacked, "sha256sum", "-c", "manifest-sha256.txt", "tagmanifest-sha256.txt"),
        run(unpacked, sys.executable, "-m", "bagit", "--validate", "."),
        run(unpacked, "ssh-keygen", "-Y", "verify", *signature, given=unpacked / "tagmanifest-sha256.txt"),
        run(unpacked, sys.executable, "verify.py", "--key", walked.fingerprint, "--attestations"),
    ]
    assert [result.returncode for result in results] == [0] * 4, "\n".join(result.stdout + result.stderr for result in results)


def test_the_bundle_holds_what_was_sent_byte_for_byte(walked: Walk, unpacked: Path) -> None:
    originals = {path.read_bytes() for path in (unpacked / "data" / "originals").iterdir()}
    for sent in (walked.inputs.photo, walked.inputs.document, walked.inputs.table, walked.inputs.letter, walked.inputs.sample):
        assert sent in originals


def test_every_change_to_the_bundle_is_named(walked: Walk, unpacked: Path) -> None:
    for path in sorted(path for path in unpacked.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        if not whole or path.name == "verify.py":
            continue
        path.write_bytes(whole[:-1])
        try:
            result = run(unpacked, sys.executable, "verify.py", "--key", walked.fingerprint)
            assert result.returncode == 1, f"a truncated {path.name} passes"
            assert "FAIL" in result.stdout
        finally:
            path.write_bytes(whole)


def test_nothing_that_was_sent_lies_in_the_clear(walked: Walk) -> None:
    secrets = [OPENING_WORDS, CANARY, walked.claim, " ".join(walked.receipt), "one line more", "Read both side by side"]
    pieces = [walked.inputs.quoted.encode()[200:260], walked.inputs.table[:40], walked.inputs.photo[600:640], walked.inputs.sample[200:240]]
    found = theft.search(walked.site, [secret.encode() for secret in secrets] + pieces)
    assert found == []


def test_every_clear_column_and_file_is_one_that_the_spec_names(walked: Walk) -> None:
    assert theft.unlisted_files(walked.site) == []


def test_with_nobody_signed_in_all_keys_of_the_disk_open_nothing(walked: Walk) -> None:
    assert theft.openable_objects(walked.site) == []
