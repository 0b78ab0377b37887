"""What can go wrong, in words for the person it happened to. The web maps these to status codes in one place."""

from __future__ import annotations

from collections.abc import Mapping

from tipline.languages import later


class TiplineError(Exception):
    """Base of all errors that a person may see. `next_step` says what to do now."""

    status = 500
    title = later("Something did not work")

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class NotFound(TiplineError):
    status = 404
    title = later("There is nothing here")


class Forbidden(TiplineError):
    """The role may not do this."""

    status = 403
    title = later("You may not do this")


class NoKey(Forbidden):
    """The person is known, but nobody gave them the program's key."""

    title = "You have no key to this program"


class Conflict(TiplineError):
    """Someone else changed it, or it is not in the state that the act needs."""

    status = 409
    title = later("This has changed meanwhile")


class Disposed(Conflict):
    """The exhibit was disposed of: nothing of it opens any more."""

    title = "This exhibit was disposed of"

    def __init__(self) -> None:
        super().__init__("This exhibit was disposed of.", "Its custody page says when, by whom and why, and what can still be proved.")


class BadInput(TiplineError):
    """What was typed can't be used. `fields` gives a message for each field."""

    status = 422
    title = later("There is something to put right")

    def __init__(self, message: str, next_step: str = "", fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message, next_step)
        self.fields = dict(fields or {})


class TooLarge(BadInput):
    status = 413
    title = later("This is too large")


class Busy(TiplineError):
    status = 503
    title = later("Too many people are sending at once")


class Unsound(TiplineError):
    """Stored evidence disagrees with its record. Work on it stops."""

    status = 500
    title = later("This does not agree with the custody record")
