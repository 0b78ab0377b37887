"""The steps of the whole way, from the first administrator to the bundle, each through the screen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.journeys import people
from tests.journeys.inputs import Inputs
from tests.journeys.people import Person
from tests.journeys.site import RunningSite
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
REPLY = "Did you see it on his own computer?"
FOLLOW_UP, FURTHER_FILE = "No, at work, beside the printer.", b"one line more in a further file"
LABEL, REASON = "Insider of the billing room", "Read both side by side"
CASE_TITLE = "Letter with records of members"
PURPOSE, AUTHORITY = "Production to the grand jury", "Order of 18 Nov, docket 77"
LETTER_DETAILS = {"title": "Letter to the whole board", "addressee": "The board of Northfield", "handed_over_by": "D. Acosta, mail room"}
SAMPLE_DETAILS = {"title": "Records enclosed with the letter", "handed_over_by": "D. Acosta, mail room"}


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


def walk_through(site: RunningSite, inputs: Inputs) -> Walk:
    """Go the whole way; everybody has signed out at the end."""
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
    return walk


def secrets_of(walk: Walk) -> list[bytes]:
    """What nobody may find anywhere: words, receipt, claim code, canaries, pieces of every file, names of people."""
    inputs = walk.inputs
    typed = [OPENING_WORDS, CANARY, REPLY, FOLLOW_UP, LABEL, REASON, CASE_TITLE, PURPOSE, AUTHORITY]
    typed += [*LETTER_DETAILS.values(), *SAMPLE_DETAILS.values()]
    codes = [joint.join(walk.receipt) for joint in (" ", "-", ",")] + [walk.claim, re.sub(r"[\W_]", "", walk.claim)]
    passphrases = [person.passphrase for person in walk.staff.values()]
    secrets = [*typed, FURTHER_FILE.decode(), *codes, *passphrases, *(person.totp_secret for person in walk.staff.values()), *inputs.names]
    whole = (inputs.quoted.encode(), inputs.letter, inputs.table, inputs.photo, inputs.document, inputs.sample)
    return [secret.encode() for secret in secrets] + [piece for data in whole for piece in pieces(data)]


def pieces(data: bytes) -> list[bytes]:
    """Stretches of a file that no other file has by chance: 24 bytes of at least 12 values, from its first, second and last third."""
    size, found = 24, []
    for third in range(3):
        starts = range(third * len(data) // 3, (third + 1) * len(data) // 3 - size + 1)
        found += [piece for at in starts if len(set(piece := data[at : at + size])) > 11][:1]
    assert found, "nothing of this file can be looked for"
    return found


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
    as_is: dict[str, str | list[str]] = {name: "as_is" for name in page.form("/send").names if name.startswith("copy-")}
    sent = source.submit(page, "/send", as_is)
    again = source.submit(page, "/send", as_is)
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
    inbox = investigator.at("/inbox?f=state:is:new")
    numbers = set(re.findall(r"TIP-\d{4}-\d{4}", inbox.html))
    assert len(numbers) == 1, "a repeated Send made a second tip"
    walk.tip = numbers.pop()
    address = f"/tips/{walk.tip}"
    people.eventually(lambda: "Not examined yet" not in investigator.at(address).text or None, "the examination")
    page = investigator.at(address)
    assert OPENING_WORDS in page.text
    assert "GPS" in page.text, "the photo's place was not found"
    investigator.does(page, "/assign", assignee="me")
    investigator.does(investigator.at(address), "/label", label=LABEL)
    investigator.does(investigator.at(address), "/reply", words=REPLY)
    assert "Waiting" in investigator.at(address).text
    case = investigator.does(investigator.at("/cases/new"), "/cases/new", title=CASE_TITLE)
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
    assert REPLY in page.text
    assert OPENING_WORDS not in page.text, "a found receipt gives the tip away"
    assert CANARY not in page.html
    page = source.submit(page, "/conversation/check", {"what": f"{FOLLOW_UP} {CANARY}-follow-up"}, {"files": [("more.txt", FURTHER_FILE)]})
    page = source.submit(page, "/conversation/send")
    assert "Your message has arrived" in page.text, page.text[:800]
    page = source.submit(page, "/conversation/close")
    assert not source.http.cookies, "closing left the cookie"
    investigator = walk.staff["investigator"]
    people.eventually(lambda: f"{CANARY}-follow-up" in investigator.at(f"/tips/{walk.tip}").text or None, "the further message")


def register(walk: Walk) -> None:
    investigator = walk.staff["investigator"]
    how = {"received_on": "2026-09-03", "channel": "post"}
    page = investigator.browser.submit(
        investigator.at(f"/letters/new?case={walk.case}"),
        "/letters/new",
        {**LETTER_DETAILS, **how},
        {"file": [("letter.txt", walk.inputs.letter)]},
    )
    assert "LTR-" in page.url, page.text[:800]
    page = investigator.browser.submit(
        investigator.at(f"/samples/new?case={walk.case}"),
        "/samples/new",
        {**SAMPLE_DETAILS, **how},
        {"file": [("records.837", walk.inputs.sample)]},
    )
    assert "SMP-" in page.url, page.text[:800]
    assert not [name for name in walk.inputs.people if name.lower() in page.text.lower()], "the sample's page names its people"


def link(walk: Walk) -> None:
    investigator = walk.staff["investigator"]

    def both() -> Page | None:
        page = investigator.at("/linking")  # the filters name every kind, so it is the rows of the queue that count
        return page if all(f"<b>{kind}</b>" in page.html for kind in ("Shares an indicator", "Contains records of")) else None

    people.eventually(both, "both suggestions")
    for _ in range(20):
        page = investigator.at("/linking")
        if not any(form.action.endswith("/decide") for form in page.forms):
            break
        investigator.does(page, "/decide", decision="confirm", confidence="probable", reason=REASON)
    shown = investigator.at(f"/cases/{walk.case}").text
    assert "LTR-" in shown
    assert "SMP-" in shown
    assert REASON in investigator.at(f"/cases/{walk.case}/timeline").text


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
    investigator.does(investigator.at(address), "/transfer", to=receiver[1], purpose=PURPOSE, authority=AUTHORITY)
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
    page = counsel.does(page, "/export", exhibits=ids, purpose=f"{PURPOSE}, number 1")
    address = re.sub(r"^https?://[^/]+", "", page.url)
    people.eventually(lambda: "To sign" in counsel.at(address).text or None, "the payload")
    let_out(walk, address)
    counsel.does(counsel.at(address), "/sign")
    people.eventually(lambda: "Download bundle" in counsel.at(address).text or None, "the bundle")
    form = counsel.at(address).form("/download")
    answer = counsel.browser.http.post(form.action, data=dict(form.fields))
    assert answer.status_code == 200
    assert str(answer.url).startswith(walk.site.files)
    walk.bundle = answer.content


def let_out(walk: Walk, address: str) -> None:
    """The program asks for two people: before the second one has approved, nobody can sign."""
    counsel, manager = walk.staff["counsel"], walk.staff["program_manager"]
    waiting = counsel.at(address)
    assert not any(form.action.endswith("/sign") for form in waiting.forms), "one person alone could let a bundle out"
    request = re.sub(r"^https?://[^/]+", "", waiting.link(r"/approvals/[0-9a-f]+"))
    assert request in manager.at("/approvals").html, "the second person is not told"
    assert not any(form.action.endswith("/approve") for form in counsel.at(request).forms), "who asked could answer"
    manager.does(manager.at(request), "/approve")
