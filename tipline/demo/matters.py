"""What colleagues of the story recorded in the case: subjects with what names them, events with how sure they are, decisions."""

from __future__ import annotations

from datetime import timedelta

from tipline.cases.events import RecordEvent, record_event
from tipline.cases.subjects import About, AddSubject, add_subject
from tipline.demo.story import Telling
from tipline.linking import services as linking

OFFER = 5  # the tip of content.TIPS that tells of the badges
HARROW = About("person", "“Harrow”", "the badge buyer", "", "A handle. Two sources use it for who paid for badges.")
ACCOUNT = About("account", "svc-batch7", "", "svc-batch7", "A service account of the claims archive. Nobody should sign in with it.")
WHY = "The source names him twice, once with the sum."
NOT_PAID = "We do not pay, and answer nothing until counsel has spoken with the police."
REASONS = "Paying buys no deletion that anyone can check. The members are told within the week in any case."


def tell_matters(story: Telling) -> None:
    """Add two subjects, two events and a decision to the story's case, and link a subject to the tip that names it."""
    investigator, counsel = story.actor("m.okafor"), story.actor("r.lindqvist")
    tip, today = story.tips[OFFER].number, story.moment.date()
    with story.console.unit(write=True) as work:
        harrow = add_subject(work, investigator, AddSubject(story.case_number, HARROW))
        add_subject(work, investigator, AddSubject(story.case_number, ACCOUNT))
    with story.console.unit(write=True) as work:
        made = linking.MakeLink(f"tip:{tip}", f"subject:{harrow.number}", "names_subject", "probable", WHY)
        linking.link_by_hand(work, investigator, made)
    used = RecordEvent(
        story.case_number,
        "Account svc-batch7 used from a new network",
        today - timedelta(days=190),
        clock="02:40",
        reached_on=today - timedelta(days=4),
        sure="confirmed",
        words="VPN log, line 88112.",
    )
    copied = RecordEvent(
        story.case_number,
        "Records copied from the claims archive",
        today - timedelta(days=190),
        certainty="between",
        until=today - timedelta(days=150),
        reached_on=today - timedelta(days=2),
        sure="probable",
    )
    decided = RecordEvent(story.case_number, NOT_PAID, today - timedelta(days=1), kind="decision", words=REASONS)
    for who, entry in ((investigator, used), (investigator, copied), (counsel, decided)):
        with story.console.unit(write=True) as work:
            record_event(work, who, entry)
