"""All single keys of the console, for the sheet of them. What a page does with a key stands in its markup."""

from __future__ import annotations

SHEET: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Everywhere",
        (
            ("Ctrl K", "Go to or do: a number, a place, an act"),
            ("/", "Search"),
            ("?", "The keys of this page"),
            ("g i", "Inbox"),
            ("g c", "Cases"),
            ("g l", "Linking desk"),
            ("g x", "Exhibits"),
            ("g d", "My desk"),
            ("z", "Undo the last act"),
            ("Escape", "Leave a field, close what is open"),
        ),
    ),
    (
        "Lists",
        (
            ("j", "Next"),
            ("k", "Previous"),
            ("Enter", "Open"),
            ("x", "Select"),
            ("Shift x", "Select from the last one to here"),
            ("f", "Add a filter"),
        ),
    ),
    ("Inbox and tip", (("a", "Assign"), ("l", "Label"), ("s", "State"), ("r", "Reply"), ("n", "Write a note"), ("e", "Close"))),
    ("Linking desk", (("c", "Confirm"), ("d", "Reject"), ("w", "Wait: decide later"))),
    ("Case", (("e", "Export"),)),
    ("Exhibit", (("v", "Verify"),)),
)
