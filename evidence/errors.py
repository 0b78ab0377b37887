"""What can go wrong, each with a word on what to do next."""

from __future__ import annotations


class EvidenceError(Exception):
    """The root of all errors of this library: the message says what happened, `next_step` what to do."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step


class FormatError(EvidenceError):
    """Bytes or text that are not in the form that SPEC demands."""


class IntegrityError(EvidenceError):
    """A digest, proof, signature or chain that does not hold."""


class WrongKey(IntegrityError):
    """Signed, but by another key than the one that counts."""


class KeyUnavailable(EvidenceError):
    """No key at hand opens this."""


class NotFound(EvidenceError):
    """The named thing is not there."""


class AlreadyThere(EvidenceError):
    """The name is taken: nothing stored is ever overwritten."""


class StillLocked(EvidenceError):
    """The store does not let go of an object before its lock ends."""


class StorageFull(EvidenceError):
    """No space is left; nothing was kept of what was being written."""


class Barred(EvidenceError):
    """A hold, a quarantine or a disposition forbids it."""


class Unreachable(EvidenceError):
    """Nobody answered, or what answered is not what was asked for; nothing is known about what it keeps."""


class UsageError(EvidenceError):
    """The library or command was called in a way that makes no sense."""
