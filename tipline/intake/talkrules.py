"""The rules of a conversation with a source: what its states are called, what an answer says, how much a page shows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from tipline.intake.told import Question, Told
from tipline.languages import later, say

OPEN, PAUSED, CLOSED, WITHDRAWN = "open", "paused", "closed", "withdrawn"
RATHER_NOT = later("I would rather not say")
ANSWER_NAME, WITHDRAWAL_NAME, NEW_WORDS_NAME = "answer.txt", "withdrawal.txt", "new-words.txt"
PAGE_WEIGHT = 36_000  # bytes of messages on one page: with all around them they stay below the size that every page is filled up to
REPLY_WEIGHT = 32_000  # the most that one reply's words may take
MESSAGES_ON_PAGE = 60
_AROUND = {"message": 700, "file": 900, "option": 400}  # bytes of markup
_ANSWER = re.compile(r"\AQuestion of \d{4}-\d{2}-\d{2}: (?P<question>.*)\n\nAnswer: (?P<answer>[^\n]*)\n\Z", re.DOTALL)


@dataclass(frozen=True)
class Status:
    """What a source is told about a tip."""

    heading: str
    sentence: str


_TALK = {
    PAUSED: Status(
        later("The investigators have paused this conversation"),
        later("You cannot add anything here just now. Their reason stands in the messages below. You can send a new tip at any time."),
    ),
    CLOSED: Status(
        later("The investigators have closed this conversation"),
        later("You cannot add anything here. Their reason stands in the messages below. You can send a new tip at any time."),
    ),
    WITHDRAWN: Status(
        later("You have withdrawn from this conversation"),
        later("No more messages go either way. What you sent stays sealed, as far as a court or the law tells us to keep it."),
    ),
}
_WRITTEN = Status(later("We have written to you"), later("Read the messages below. Answer if you can and want to."))
_UNREAD = Status(later("Your tip has not been read yet"), later("An investigator reads new tips every working day."))
_WORKING = Status(later("An investigator is working on it"), later("You can add something at any time."))
_READ = Status(later("We have read your tip"), later("We have no question now. You can still add something."))


def status(state: str, talk: str, *, last_word: bool, answered: bool) -> Status:
    """A tip's state in plain words of the page's language. A tip that was put aside is told as one that was read.

    Args:
        talk: whether messages go both ways.
        last_word: the newest message is ours.
        answered: we have written at least once.
    """
    chosen = _TALK.get(talk) or _status(state, last_word=last_word, answered=answered)
    return Status(say(chosen.heading), say(chosen.sentence))


def _status(state: str, *, last_word: bool, answered: bool) -> Status:
    if last_word or state == "waiting":
        return _WRITTEN
    if state == "new" and not answered:
        return _UNREAD
    return _WORKING if state == "working" else _READ


def offered(question: Question) -> tuple[str, ...]:
    """The answers to choose from, the last of which is always there."""
    return (*question.options, say(RATHER_NOT))


def answer_text(question: Question, asked_on: date, choice: int) -> str | None:
    """The words of an answer, in English where they are ours; None where `choice` is not offered.

    Question of 2026-11-22: Did you see the table on his own computer?

    Answer: Yes, his own
    """
    options = (*question.options, RATHER_NOT)
    if not 0 <= choice < len(options):
        return None
    return f"Question of {asked_on.isoformat()}: {question.text}\n\nAnswer: {options[choice]}\n"


def read_answer(text: str) -> str:
    """The answer alone, of words that `answer_text` made; else all of them."""
    match = _ANSWER.fullmatch(text)
    return match["answer"] if match else text


def withdrawal_text(day: date) -> str:
    """The words of a withdrawal, as they are kept under custody."""
    return f"The source withdrew from this conversation on {day.isoformat()}.\n\nNo more messages are wanted.\n"


def new_words_text(day: date) -> str:
    """What is kept under custody when a source chose new receipt words. The words stand in it nowhere."""
    return f"The source chose new receipt words on {day.isoformat()}.\n\nThe words that were read out open nothing any more.\n"


def weight(text: str) -> int:
    """How many bytes a text takes on a page."""
    return len(escape(text).encode())


def weight_of(told: Told) -> int:
    """How many bytes of a page one message takes, at most."""
    options = () if told.question is None else (told.question.text, *offered(told.question))
    texts = (told.words, told.voucher or "", *options, *(file.name for file in told.files))
    around = _AROUND["message"] + _AROUND["file"] * len(told.files) + _AROUND["option"] * len(options)
    return around + sum(weight(text) for text in texts)


def fitting(weights: Iterable[int]) -> int:
    """How many messages fit on a page, newest first: always one, and no more than the page takes."""
    count = total = 0
    for one in weights:
        total += one
        if count and (total > PAGE_WEIGHT or count == MESSAGES_ON_PAGE):
            break
        count += 1
    return count


def clean_options(options: Sequence[str]) -> tuple[str, ...]:
    """Offered answers as they are kept: one line each, none twice, none that is always there."""
    lines = dict.fromkeys(" ".join(option.split()) for option in options)
    return tuple(line for line in lines if line and line.casefold() != RATHER_NOT.casefold())
