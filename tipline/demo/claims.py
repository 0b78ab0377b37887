"""A claim of the story: a source claims with the claim code, one person recommended a share, one has approved it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tipline.cases.events import RecordEvent, record_event
from tipline.demo.story import Telling
from tipline.intake import conversation
from tipline.intake.receipt import parse_receipt
from tipline.rewards import claiming, listing, services
from tipline.sequencer import Sequencer

PLACE = 5  # of the tip in content.TIPS
HELPED = "I told you who offered money for a badge. He was picked up in October."
LED_TO = "Two badges of former staff switched off"
AMOUNT = 150_000
WHY = "First to say that badges were bought; the door log agrees."
APPROVED = "Read the tip and the door log. No earlier tip says it."


def tell_claim(story: Telling) -> str:
    """Publish the log, let the source claim, and bring the claim to its first approval. Returns the claim's number."""
    _publish(story)
    _claim(story)
    investigator, counsel = story.actor("m.okafor"), story.actor("r.lindqvist")
    with story.console.unit(write=False) as work:
        number = listing.list_claims(work, investigator, story.program_id).rows[-1].number
    with story.console.unit(write=True) as work:
        event = record_event(work, investigator, RecordEvent(story.case_number, LED_TO, story.moment.date() - timedelta(days=1)))
        services.add_outcome(work, investigator, number, event.id)
    with story.console.unit(write=False) as work:
        page = listing.read_claim(work, investigator, number)
    agent, mark = page.agents[0][0], page.earlier.mark
    with story.console.unit(write=True) as work:
        services.recommend(work, investigator, services.Recommend(number, 1, mark, AMOUNT, agent, WHY))
    with story.console.unit(write=True) as work:
        services.approve(work, counsel, services.Decide(number, 2, APPROVED, mark))
    return number


def _publish(story: Telling) -> None:
    """Yesterday's checkpoint, so that the worker publishes today's as soon as it runs."""
    worker = replace(story.worker, clock=lambda: story.moment - timedelta(days=1))
    Sequencer(worker.database, worker.vault, story.settings, worker.clock).publish()


def _claim(story: Telling) -> None:
    sent = story.tips[PLACE]
    with story.public.unit(write=True) as work:
        cookie = conversation.open_receipt(work, parse_receipt(" ".join(sent.words)))
    with story.public.unit(write=False) as work:
        source = conversation.find_source(work, cookie)
    if source is None:
        raise RuntimeError(f"the receipt of {sent.number} opens nothing")
    claim = claiming.Claim("-".join(sent.code), claiming.SELF, "", HELPED, frozenset(claiming.DECLARED))
    with story.public.unit(write=True) as work:
        claiming.make_claim(work, source, claim)
