"""Indicators in a text: wallets, hidden services, accounts and addresses by which two texts can be linked.

    find_indicators("write to clearing[at]harrow-desk[.]example")
    -> [Indicator("email", "clearing[at]harrow-desk[.]example", "clearing@harrow-desk.example", 9, 42, "none")]

Every pattern starts only where a word starts and repeats a bounded number of times, so time grows with the text alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from tipline.letters import checksums

Checksum = Literal["ok", "fails", "none"]
MOST = 5000


@dataclass(frozen=True)
class Indicator:
    """One indicator. `text[start:end] == value`; `normal` is the form in which two texts are compared."""

    kind: str
    value: str
    normal: str
    start: int
    end: int
    checksum: Checksum


_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_B58 = "[1-9A-HJ-NP-Za-km-z]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ENDINGS = (
    "com|net|org|info|biz|io|me|co|us|uk|de|fr|eu|ru|su|cc|ws|to|ch|nl|se|no|at|pl|ua|in|cn|hk|jp|br|ca|au|is|li|pw|tv|xyz|top|site|online|"
    "club|live|pro|space|website|link|click|shop|store|support|team|email|mail|cloud|chat|app|dev|ai|onion|i2p|example"
)
_FANGS = re.compile(
    r"(?P<dot>[ ]?(?:\[|\(|\{)[ ]?(?:\.|dot|DOT)[ ]?(?:\]|\)|\})[ ]?|\\\.)"
    r"|(?P<at>[ ]?(?:\[|\(|\{)[ ]?(?:@|at|AT)[ ]?(?:\]|\)|\})[ ]?)"
    r"|(?P<colon>\[:\](?://)?)"
    r"|(?P<scheme>(?<![A-Za-z0-9])[hH][xX]{2}[pP](?=[sS]?(?::|\[:\])))"
    r"|(?P<nothing>[\u200b-\u200d\u2060\ufeff\u00ad])"
)
# hosts that letters name to explain how to pay or write, which link nobody
_EVERYBODYS = frozenset(
    re.findall(
        r"\S+",
        "torproject.org bitcoin.org bitcoin.com coinbase.com binance.com kraken.com localbitcoins.com paxful.com blockchain.com "
        "blockchain.info coinmarketcap.com google.com youtube.com wikipedia.org facebook.com twitter.com x.com microsoft.com "
        "apple.com mozilla.org github.com getsession.org tox.chat utox.org qtox.github.io telegram.org duckduckgo.com "
        "protonmail.com proton.me tutanota.com gmail.com outlook.com yahoo.com linkedin.com instagram.com coindesk.com "
        "bestchange.com bitpanda.com coinmama.com cex.io virustotal.com ",
    )
)


def _sum(check: Callable[[str], bool]) -> Callable[[str], Checksum]:
    return lambda text: "ok" if check(text) else "fails"


def _none(_: str) -> Checksum:
    return "none"


def _onion(text: str) -> Checksum:
    host = text.lower().removesuffix(".onion")
    if len(host) == 16:
        return "none"  # version 2 has no checksum
    return "ok" if checksums.onion_v3(host) else "fails"


def _same(text: str) -> str:
    return text


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    return f"+{digits}" if text.startswith("+") or len(digits) > 10 else f"+1{digits}"


def _url(text: str) -> str:
    host, slash, path = text.partition("://")[2].partition("/")
    host = host.rpartition("@")[2].lower().removeprefix("www.")
    return (host + slash + path).rstrip("/")


def _handle(text: str) -> str:
    return "@" + text.rpartition("/")[2].lstrip("@+").lower()


# in order of preference: of two that overlap the earlier wins
_PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[str], Checksum], Callable[[str], str]], ...] = (
    ("tox", re.compile(rf"{_START}[0-9A-Fa-f]{{76}}{_END}"), _sum(checksums.tox), str.upper),
    ("session", re.compile(rf"{_START}05[0-9a-f]{{64}}{_END}"), _none, _same),
    ("ethereum", re.compile(rf"{_START}0x[0-9a-fA-F]{{40}}{_END}"), checksums.ethereum, str.lower),
    ("monero", re.compile(rf"{_START}[48]{_B58}{{94}}(?:{_B58}{{11}})?{_END}"), _sum(checksums.monero), _same),
    ("bitcoin", re.compile(rf"{_START}(?:bc1[a-z0-9]{{11,71}}|BC1[A-Z0-9]{{11,71}}){_END}"), _sum(checksums.bitcoin_bech32), str.lower),
    ("bitcoin", re.compile(rf"{_START}[13]{_B58}{{25,34}}{_END}"), _sum(checksums.bitcoin_base58), _same),
    ("email", re.compile(rf"(?<![\w.+%-])[\w.+%-]{{1,64}}@(?:{_LABEL}\.){{1,6}}[A-Za-z]{{2,24}}{_END}"), _none, str.lower),
    ("onion", re.compile(rf"{_START}(?:[a-zA-Z2-7]{{56}}|[a-zA-Z2-7]{{16}})\.onion{_END}", re.IGNORECASE), _onion, str.lower),
    ("telegram", re.compile(rf"{_START}(?:t|telegram)\.(?:me|dog)/(?:joinchat/)?\+?[A-Za-z0-9_-]{{5,40}}", re.IGNORECASE), _none, _handle),
    ("telegram", re.compile(r"(?i:\btelegram|\btg\b)[^@\n]{0,40}?(?<![\w.])(?P<own>@[A-Za-z]\w{4,31})(?![\w.]*@|\.\w)"), _none, _handle),
    ("url", re.compile(rf"{_START}https?://[^\s<>\"'\]\[(){{}}|\\^`]{{4,300}}", re.IGNORECASE), _none, _url),
    ("phone", re.compile(r"(?<![\w+./-])\+\d(?:[ ()./-]{0,2}\d){7,14}(?![\w-])"), _none, _phone),
    ("phone", re.compile(r"(?<![\w+./-])(?:1[ .-])?(?:\(\d{3}\)[ ]?|\d{3}[ .-])\d{3}[.-]\d{4}(?![\w-])"), _none, _phone),
    ("domain", re.compile(rf"(?<![\w.@/-])(?:{_LABEL}\.){{1,4}}(?:{_ENDINGS})(?![\w@-]|\.\w)", re.IGNORECASE), _none, str.lower),
)
_WALLET_WORDS = re.compile(r"btc|bitcoin|wallet|address|send|pay", re.IGNORECASE)


def find_indicators(text: str) -> list[Indicator]:
    """Find the indicators of a text, in the order in which they stand, none overlapping another.

    At most MOST of each pattern are looked at, which no letter reaches and no flood can pass.
    """
    plain = _Plain(text)
    taken: list[tuple[int, int]] = []
    found: list[Indicator] = []
    for kind, pattern, check, normalise in _PATTERNS:
        fresh: list[tuple[int, int]] = []
        for start, end in islice(_matches(pattern, plain.text), MOST):
            end = start + len(plain.text[start:end].rstrip(".,;:!?*_-")) if kind in {"url", "telegram"} else end
            if _overlaps(taken, start, end):
                continue
            value = plain.text[start:end]
            checksum = check(value)
            if _of_note(kind, value, checksum, plain.text[max(0, start - 80) : start]):
                fresh.append((start, end))
                first, last = plain.place(start), plain.end(end)
                found.append(Indicator(kind, text[first:last], normalise(value), first, last, checksum))
        taken = sorted(taken + fresh)
    return sorted(found, key=lambda indicator: indicator.start)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    group = "own" if "own" in pattern.groupindex else 0
    return (match.span(group) for match in pattern.finditer(text))


def _overlaps(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    place = bisect_right(taken, (start, end))
    before = place > 0 and taken[place - 1][1] > start
    return before or (place < len(taken) and taken[place][0] < end)


def _of_note(kind: str, value: str, checksum: Checksum, before: str) -> bool:
    """Leave out what only looks like an indicator, and hosts that everybody names."""
    if kind == "bitcoin" and checksum == "fails":
        # a wrong sum may be a slip of the pen; elsewhere it is some other long word
        return value[:3].lower() == "bc1" or (len(value) >= 33 and _WALLET_WORDS.search(before) is not None)
    if kind == "phone":
        return 8 <= sum(c.isdigit() for c in value) <= 15
    if kind in {"url", "domain"}:
        host = _url(value if kind == "url" else f"//://{value}").partition("/")[0].partition(":")[0].partition("?")[0]
        return "." in host and not any(host == known or host.endswith("." + known) for known in _EVERYBODYS)
    return True


class _Plain:
    """A text without de-fanging and invisible characters, and the way back to places in the original."""

    def __init__(self, text: str) -> None:
        pieces: list[str] = []
        self._starts, self._origins, self._ends = [0], [0], [0]
        size = last = 0
        words = {"dot": ".", "at": "@", "colon": ":", "scheme": "http", "nothing": ""}
        for match in _FANGS.finditer(text):
            written = words[str(match.lastgroup)] + ("//" if match.group().endswith("//") else "")
            pieces += [text[last : match.start()], written]
            size += match.start() - last
            self._note(size, match.start(), match.end())
            size += len(written)
            last = match.end()
            self._note(size, last, last)
        pieces.append(text[last:])
        self.text = "".join(pieces)

    def _note(self, plain: int, origin: int, end: int) -> None:
        self._starts.append(plain)
        self._origins.append(origin)
        self._ends.append(end)

    def place(self, at: int) -> int:
        """Where the character at `at` of the plain text begins in the original."""
        piece = bisect_right(self._starts, at) - 1
        return self._origins[piece] + at - self._starts[piece]

    def end(self, at: int) -> int:
        """Where the character before `at` of the plain text ends in the original."""
        piece = bisect_right(self._starts, at - 1) - 1
        inside = self._ends[piece] > self._origins[piece]
        return self._ends[piece] if inside else self.place(at - 1) + 1
