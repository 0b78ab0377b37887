"""The anchor: what the log held, line by line, kept elsewhere, so that a restored or shortened database is noticed.

    {"index": 7, "row": ["<event id>", "<exhibit>", 3, "<prev>", "<entry>"], "opening": "<base64>", "before": "<hex>", "mac": "<hex>"}

`mac` is HMAC-SHA256 under the sequencer's anchor key over the line without it; `before` is the line before's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from tipline.errors import Unsound
from tipline.models.custody import CustodyEvent, CustodyOpening, LogLeaf

START = "0" * 64
RECOVER = "Nothing was changed. Restore the newest backup, and keep this database and the anchor file for whoever examines it."


class Anchor:
    """The anchor file of one installation; only the sequencer writes it."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self.key = key
        self._size = 0
        self._mac = START

    def check(self, session: Session) -> None:
        """Compare every line with the log, then append what the log has more.

        Raises:
            Unsound: a line is forged, the entries at an index differ, or the database is behind.
        """
        self._drop_torn_line()
        self._size, self._mac = 0, START
        present = session.execute(select(func.max(LogLeaf.log_index))).scalar()
        entries = iter(session.execute(select(LogLeaf.entry).order_by(LogLeaf.log_index)).scalars())
        for line in self._lines():
            self._accept(line)
            entry = next(entries, None)
            if entry is None:
                raise Unsound(f"The database ends at log index {present}, but its anchor goes on to {self._last_index()}.", RECOVER)
            if entry != line["row"][4]:
                raise Unsound(f"The log has another entry at index {line['index']} than its anchor.", RECOVER)
        self.catch_up(session)

    def catch_up(self, session: Session) -> int:
        """Append a line for each sequenced event that the anchor lacks; durable when it returns. Returns how many."""
        rows = session.execute(
            select(LogLeaf.log_index, CustodyEvent, CustodyOpening.opening)
            .join(CustodyEvent, CustodyEvent.event_id == LogLeaf.event_id)
            .outerjoin(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
            .where(LogLeaf.log_index >= self._size)
            .order_by(LogLeaf.log_index)
        )
        lines = [self._line(row) for row in rows]
        if lines:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "a") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        return len(lines)

    def _line(self, row: Row[int, CustodyEvent, bytes | None]) -> str:
        index, event, opening = row
        body = {
            "index": index,
            "row": [event.event_id, event.exhibit_id, event.exhibit_seq, event.exhibit_prev, event.entry],
            "opening": base64.b64encode(opening).decode() if opening is not None else None,
            "before": self._mac,
        }
        self._size, self._mac = index + 1, self._sign(body)
        return json.dumps({**body, "mac": self._mac}) + "\n"

    def _accept(self, line: dict[str, Any]) -> None:
        mac = line.pop("mac", "")
        if not hmac.compare_digest(mac, self._sign(line)) or line["before"] != self._mac or line["index"] != self._size:
            raise Unsound(f"Line {self._size + 1} of the anchor file is not the sequencer's.", RECOVER)
        self._size, self._mac = line["index"] + 1, mac

    def _sign(self, body: dict[str, Any]) -> str:
        return hmac.new(self.key, json.dumps(body, sort_keys=True).encode(), hashlib.sha256).hexdigest()

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        with self.path.open() as file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    raise Unsound(f"Line {self._size + 1} of the anchor file can't be read.", RECOVER) from None

    def _last_index(self) -> int:
        return max((line["index"] for line in self._lines()), default=-1)

    def _drop_torn_line(self) -> None:
        """A crash may leave half a line at the end: it is cut off, since its event is in the database."""
        if not self.path.exists():
            return
        with self.path.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            position = end
            tail = b""
            while position > 0 and b"\n" not in tail:
                step = min(65536, position)
                position -= step
                file.seek(position)
                tail = file.read(step) + tail
            keep = position + tail.rfind(b"\n") + 1
            if keep != end:
                file.truncate(keep)
