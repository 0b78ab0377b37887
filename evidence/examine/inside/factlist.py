"""What a file holds or would do, as a list of facts: kind, label, value. Facts say what is there; traces say who made it.

("macro", "Starts by itself", "AutoOpen")        ("link", "Template from outside", "http://...")

Kinds: macro, action, link, embedded, header, media, structure.
"""

from __future__ import annotations

from typing import Any

from evidence.examine.inside.traces import add as add_found

Fact = tuple[str, str, str]
MOST = 300
LOCKED = "Locked"  # the label where a password is wanted
_WORDS = {
    "Macros": "macros",
    "Macro sheet": "macros",
    "JavaScript": "JavaScript",
    "Script": "scripts",
    "Starts a program": "an order to start a program",
    "Exchange of data (DDE)": "an order to start a program (DDE)",
}
_OF_KIND = {"link": "references to outside addresses", "embedded": "embedded files", "macro": "macros"}


def add(found: list[Fact], kind: str, label: str, value: Any) -> None:
    """Put a fact into the list as one printable line; nothing where nothing is left of it, or the list is full."""
    if len(found) < MOST:
        add_found(found, kind, label, value)


def lock(found: list[Fact]) -> str:
    """One sentence where the file wants a password; empty where it does not."""
    told = next((value for kind, label, value in found if (kind, label) == ("structure", LOCKED)), "")
    return f"It is encrypted ({told}). What is encrypted is not shown: nothing is decrypted here." if told else ""


def sentence(found: list[Fact]) -> str:
    """One sentence on what the file would run or fetch in a program that obeys it; empty where that is nothing."""
    held = dict.fromkeys(filter(None, (_WORDS.get(label) or _OF_KIND.get(kind, "") for kind, label, _ in found)))
    return f"Holds {', '.join(held)}. Nothing of it was run or fetched." if held else ""
