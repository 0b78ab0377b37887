"""What staff send to a source: replies, questions with offered answers, a conversation paused, closed or opened again."""

from __future__ import annotations

from typing import Any

from tipline.api.routes import Asked, Route
from tipline.api.schema import COUNT, TEXT, YES_NO, choice, some, text, thing
from tipline.inbox import replying
from tipline.inbox.replying import Ask, Reply, SetTalk
from tipline.inbox.rules import ANSWER_LENGTH, ANSWERS, QUESTION_LENGTH, REASON_LENGTH, REPLY_LENGTH, TALKS
from tipline.models.tips import TipMessage

SENT = thing({"id": TEXT, "last_message": COUNT})
SEEN = {"type": "integer", "minimum": -1, "maximum": 10**9 - 1}
FEWEST, MOST = ANSWERS


def _sent(message: TipMessage) -> dict[str, Any]:
    return {"id": message.id, "last_message": message.seq}


def _reply(asked: Asked) -> dict[str, Any]:
    wait = bool(asked.body.get("then_wait", True))
    command = Reply(asked.path["number"], asked.said("words"), wait, seen=asked.body.get("seen"))
    return _sent(replying.reply(asked.work, asked.actor, command))


def _ask(asked: Asked) -> dict[str, Any]:
    command = Ask(asked.path["number"], asked.said("text"), asked.body["options"], asked.body.get("seen"))
    return _sent(replying.ask(asked.work, asked.actor, command))


def _talk(asked: Asked) -> dict[str, Any]:
    return _sent(replying.set_talk(asked.work, asked.actor, SetTalk(asked.path["number"], asked.said("talk"), asked.said("reason"))))


ROUTES = (
    Route(
        "POST",
        "/tips/{number}/replies",
        "tip_reply",
        "replies:write",
        "Answer the source, sealed to them. With `seen`, the tip's `last_message`, nothing is sent past a colleague, or twice",
        _reply,
        SENT,
        body=thing({"words": text(REPLY_LENGTH, 1), "then_wait": YES_NO, "seen": SEEN}, ["then_wait", "seen"]),
        status=201,
    ),
    Route(
        "POST",
        "/tips/{number}/questions",
        "tip_ask",
        "replies:write",
        "Ask the source a question with offered answers",
        _ask,
        SENT,
        body=thing({"text": text(QUESTION_LENGTH, 1), "options": some(text(ANSWER_LENGTH, 1), MOST, FEWEST), "seen": SEEN}, ["seen"]),
        status=201,
    ),
    Route(
        "POST",
        "/tips/{number}/conversation",
        "tip_conversation",
        "replies:write",
        "Pause or close the conversation, or open it again. The source reads why",
        _talk,
        SENT,
        body=thing({"talk": choice(TALKS), "reason": text(REASON_LENGTH, 1)}),
    ),
)
