"""Who may do what. One table; services ask it, templates ask it, nothing else decides."""

from __future__ import annotations

from tipline.actor import Actor
from tipline.errors import Forbidden

READ = frozenset(
    {
        "tip.read",
        "exhibit.read",
        "case.read",
        "letter.read",
        "sample.read",
        "link.read",
        "claim.read",
        "second.read",
        "search.read",
        "search.rebuild",
    }
)

ROLES: dict[str, frozenset[str]] = {
    "administrator": frozenset(
        {
            "staff.manage",
            "program.manage",
            "program.grant",
            "program.notice",
            "keys.read",
            "key.follow",
            "record.restore",
            "store.scrub",
            "audit.read",
        }
    ),
    "investigator": READ
    | {
        "tip.work",
        "tip.reply",
        "tip.redact",
        "note.write",
        "exhibit.verify",
        "exhibit.transfer",
        "exhibit.download",
        "exhibit.number",
        "exhibit.correct",
        "exhibit.derive",
        "exhibit.register",
        "exhibit.quarantine",
        "hashlist.load",
        "disposition.propose",
        "store.scrub",
        "case.open",
        "case.work",
        "letter.register",
        "sample.register",
        "link.decide",
        "indicator.export",
        "keys.read",
        "claim.recommend",
        "letter.check",
        "tip.take",
        "key.follow",
        "reveal.ask",
        "reveal.decide",
    },
    "counsel": READ
    | {
        "note.write",
        "exhibit.verify",
        "exhibit.transfer",
        "exhibit.download",
        "exhibit.correct",
        "exhibit.derive",
        "exhibit.register",
        "exhibit.quarantine",
        "hashlist.load",
        "hold.manage",
        "disposition.propose",
        "disposition.decide",
        "case.open",
        "case.work",
        "export.read",
        "export.make",
        "indicator.export",
        "keys.read",
        "record.restore",
        "claim.recommend",
        "claim.decide",
        "notice.issue",
        "letter.check",
        "audit.read",
        "key.follow",
        "reveal.ask",
        "reveal.decide",
        "export.decide",
    },
    "program_manager": READ
    | {
        "tip.work",
        "tip.reply",
        "tip.redact",
        "note.write",
        "program.notice",
        "export.read",
        "keys.read",
        "disposition.decide",
        "claim.recommend",
        "claim.decide",
        "notice.issue",
        "key.follow",
        "reveal.decide",
        "export.decide",
    },
    "call_agent": frozenset({"tip.take", "letter.check", "keys.read"}),  # holds no key: takes calls, reads nothing
    "paying_agent": frozenset({"payout.redeem", "keys.read"}),  # holds no key: sees a voucher's amount and nothing of a tip
}

KEYLESS = frozenset({"call_agent", "paying_agent"})  # nobody gives them a program's key

ROLE_NAMES = {
    "administrator": "administrator",
    "investigator": "investigator",
    "counsel": "counsel",
    "program_manager": "program manager",
    "call_agent": "call-centre agent",
    "paying_agent": "paying agent",
}


def may(actor: Actor, action: str) -> bool:
    """Tell whether the actor's role allows `action`, one of the strings of ROLES."""
    return action in ROLES.get(actor.role, frozenset())


def require(actor: Actor, action: str) -> None:
    """Let the act go on, or refuse it.

    Raises:
        Forbidden: the role does not include the action.
    """
    if not may(actor, action):
        raise Forbidden(
            f"Your role, {ROLE_NAMES.get(actor.role, actor.role)}, does not include this.", "Ask an administrator if it should."
        )
