"""Looking into the files of a draft before they are sent, in the jail only, and keeping what was found sealed with each of them.

Only the form's own secret opens them. No database connection is held meanwhile, and only so many jails run at once:
who finds them all busy is told that the file could not be checked, and may press Continue again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from evidence.errors import IntegrityError, NotFound
from evidence.examine.media_types import may_tell
from evidence.examine.preview import look_for_traces
from tipline.intake import statements
from tipline.intake.draft import DraftSecret
from tipline.intake.parts import Part, sealed_facts
from tipline.process import Process

AT_ONCE = 2  # jails of this process
PATIENCE = 5.0  # seconds that a file waits for its turn
WHOLE = 20.0  # seconds after which a form's remaining files are left for the next time
MOST_BYTES = 64 * 1024 * 1024  # of a file that is opened for this
MOST_KEPT = 60  # findings of one file
BUSY = "busy"
_turns = threading.BoundedSemaphore(AT_ONCE)


def look_into(process: Process, secret: DraftSecret, parts: Sequence[Part]) -> tuple[Part, ...]:
    """Look into those parts that may tell something and were not looked into yet; what was found is kept with them.

    Returns:
        The parts, each with `looked` and `tells`. A part that was gone meanwhile comes back as it was.
    """
    waiting = [part for part in parts if part.looked in ("", BUSY) and may_tell(part.media_type, part.name)]
    if not waiting:
        return tuple(parts)
    ends = time.monotonic() + WHOLE
    seen = {part.id: _look(process, secret, part, ends) for part in waiting}
    rows = [{"part": part.id, "sealed": sealed_facts(secret, part)} for part in seen.values() if part.looked != BUSY]
    if rows:
        with process.unit(write=True) as work:
            work.session.connection().execute(statements.KEEP_FACTS, rows)
    return tuple(seen.get(part.id, part) for part in parts)


def _look(process: Process, secret: DraftSecret, part: Part, ends: float) -> Part:
    if part.length > MOST_BYTES:
        return replace(part, looked="too_large")
    if time.monotonic() > ends or not _turns.acquire(timeout=PATIENCE):
        return replace(part, looked=BUSY)
    try:
        found = look_for_traces(process.vault.objects.read(part.keyfile), part.length, part.name.encode("utf-8", "replace").decode())
    except (IntegrityError, NotFound):  # damaged in the store, or sent or thrown away in another window meanwhile
        return replace(part, looked="failed")
    finally:
        _turns.release()
    tells = tuple((one.kind, one.label, one.value) for one in found.findings[:MOST_KEPT])
    return replace(part, looked=found.looked, tells=tells)
