"""File names for those who save a file."""

from __future__ import annotations

import re
import unicodedata


def ascii_name(name: str) -> str:
    """Return a file name that every system takes: ASCII letters, digits, dot, hyphen, underscore; never hidden, never a path.

    Of a name in another script the ending stays: original.jpg.
    """
    last = re.split(r"[/\\]", name)[-1]
    plain = unicodedata.normalize("NFKD", last).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._")
    if safe and plain.strip().startswith(".") and not last.startswith("."):  # all before the ending was in another script
        safe = f"original.{safe}"
    stem, dot, ending = safe.rpartition(".")
    short = f"{stem[:100]}{dot}{ending[:12]}" if dot and stem else safe[:100]
    return short or "original"
