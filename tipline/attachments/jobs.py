"""The job that reads words in pictures, as the worker registers it. One that runs twice finds nothing left to do."""

from __future__ import annotations

from tipline.attachments import reading
from tipline.jobs import job
from tipline.work import Work


@job("read_pictures")
def read_pictures(work: Work, grant_id: str, asked: str) -> None:
    """Read the words in a picture or a PDF. Queued where a person asked for them."""
    reading.read(work, grant_id, asked)
