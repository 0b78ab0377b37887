"""The names that the examiner gives to kinds of files, where they are words: a page says them in its language (`say(part.label)`)."""

from __future__ import annotations

from tipline.languages import later

KINDS = (
    later("icon"),
    later("Photoshop picture"),
    later("Java program"),
    later("Word document"),
    later("Excel workbook"),
    later("PowerPoint presentation"),
    later("OpenDocument text"),
    later("OpenDocument spreadsheet"),
    later("OpenDocument presentation"),
    later("Word document (old form)"),
    later("Excel workbook (old form)"),
    later("PowerPoint presentation (old form)"),
    later("encrypted Office document"),
    later("Outlook message"),
    later("Windows program"),
    later("Linux program"),
    later("Windows shortcut"),
    later("SQLite database"),
    later("e-mail"),
    later("script"),
    later("text"),
    later("empty file"),
    later("unknown data"),
)
