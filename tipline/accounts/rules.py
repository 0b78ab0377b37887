"""What decides about passphrases, one-time codes, tries, links and sessions: pure functions of values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from zxcvbn import zxcvbn

WORDS_OFFERED = 6  # of 7776: 77.5 bits
LINK_LIFE = timedelta(days=7)
MAX_TRIES = 5
PAUSE = timedelta(minutes=15)
SESSION_IDLE = timedelta(minutes=30)
SESSION_WHOLE = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)
FRESH = timedelta(minutes=10)  # how long a session is believed to be its owner's for what cannot be taken back
CLOCK_WAS_AHEAD = 2  # steps beyond a code's own; a right clock never gets there
CODE_SECONDS = 30
LOGIN = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
LONGEST_LOGIN = 64
LONGEST_PASSPHRASE = 256
LONGEST_KIT = 256  # letters and spaces
JUDGED_PART = 72  # zxcvbn's work grows with the square of the length


def offer_words(words: Sequence[str], choose: Callable[[Sequence[str]], str]) -> str:
    """Return six words drawn by `choose` (secrets.choice), joined by spaces."""
    return " ".join(choose(words) for _ in range(WORDS_OFFERED))


def normal_passphrase(typed: str) -> str:
    """Return the form of a passphrase that keys are made from: NFKC, single spaces, none at the ends."""
    return " ".join(unicodedata.normalize("NFKC", typed).split())


def fault_of_passphrase(typed: str, offered: str, about_person: Sequence[str]) -> str | None:
    """Return what is wrong with a chosen passphrase, None when it may be used.

    A slip in the offered words is told apart from an own choice, because it would lock its owner out.
    """
    chosen = normal_passphrase(typed)
    if len(chosen) > LONGEST_PASSPHRASE:
        return f"Use at most {LONGEST_PASSPHRASE} characters."
    slip = _slipped_word(chosen, offered)
    if slip is not None:
        return f"Word {slip} differs from the one shown above. Check it."
    if not chosen or zxcvbn(chosen[:JUDGED_PART], user_inputs=list(about_person), max_length=JUDGED_PART)["score"] < 4:
        return "This can be guessed too easily. Take the six words above, or add more words that do not belong together."
    return None


def faults_of_choice(typed: str, again: str, offered: str, about_person: Sequence[str]) -> dict[str, str]:
    """Return what is wrong with a passphrase that was typed twice, by field; empty where it may be used."""
    fault = fault_of_passphrase(typed, offered, about_person)
    if fault:
        return {"passphrase": fault}
    if normal_passphrase(again) != normal_passphrase(typed):
        return {"again": "This differs from the field above. Type it again."}
    return {}


def _slipped_word(chosen: str, offered: str) -> int | None:
    """Return the place of the one word that differs from the offered ones, None when none or more differ."""
    given, wanted = chosen.split(" "), offered.split(" ")
    if len(given) != len(wanted):
        return None
    differing = [place for place, (a, b) in enumerate(zip(given, wanted, strict=True), start=1) if a != b]
    return differing[0] if len(differing) == 1 else None


def fault_of_login(login: str) -> str | None:
    """Return what is wrong with a name to sign in with, None when it may be used."""
    if len(login) > LONGEST_LOGIN:
        return f"Use at most {LONGEST_LOGIN} characters."
    if not LOGIN.fullmatch(login):
        return "Use small letters and digits, with dots or hyphens between them, such as m.okafor."
    return None


def new_totp_secret() -> str:
    """Return a fresh secret of 160 bits in base 32 (RFC 4226 section 4, RFC 6238)."""
    return pyotp.random_base32(length=32)


def totp_address(secret: str, login: str) -> str:
    """Return the otpauth address that an authenticator reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="Tipline")


def step_of_code(secret: str, code: str, now: datetime, last_step: int) -> int | None:
    """Return the time step that a six-digit code belongs to, None when it fits none.

    One step before and after the present one count (RFC 6238 section 5.2); a step that was used, or one before it, does not. A
    last step that lies ahead was used under a clock that was wrong and has been set back: it bars nobody.
    """
    digits = "".join(code.split())
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    present = int(now.timestamp()) // CODE_SECONDS
    totp = pyotp.TOTP(secret)
    for step in (present - 1, present, present + 1):
        if (step > last_step or last_step > step + CLOCK_WAS_AHEAD) and pyotp.utils.strings_equal(totp.generate_otp(step), digits):
            return step
    return None


@dataclass(frozen=True)
class Tries:
    """How often somebody tried to sign in since it last worked, and until when we pause."""

    failed: int
    locked_until: datetime | None

    def is_paused(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until <= now + PAUSE  # a later end is that of a clock since set back

    def with_one_more(self, now: datetime) -> Tries:
        """Count a try before it is judged, so that tries at the same moment cannot slip past the limit."""
        if self.failed + 1 >= MAX_TRIES:
            return Tries(failed=0, locked_until=now + PAUSE)
        return Tries(failed=self.failed + 1, locked_until=None)


def is_session_alive(opened_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """Say whether a session may go on: 30 minutes idle and 12 hours in all are its ends, also where the clock was set back."""
    return abs(now - seen_at) < SESSION_IDLE and abs(now - opened_at) < SESSION_WHOLE


def typed_secret(typed: str) -> str:
    """Return a printed key as it was printed, whatever spaces and small letters it was typed with."""
    return "".join(typed.split()).upper()


def printed_secret(secret: str) -> list[str]:
    """Return a printed key (AGE-SECRET-KEY-1 and 58 letters) in its head and groups of four, counted from its end."""
    head, one, letters = secret.partition("KEY-1")
    first = len(letters) % 4 or 4
    return [head + one, letters[:first], *(letters[start : start + 4] for start in range(first, len(letters), 4))]


def grouped_secret(secret: str, size: int = 4) -> str:
    """Return a secret in groups that are easy to copy by hand."""
    return " ".join(secret[start : start + size] for start in range(0, len(secret), size))
