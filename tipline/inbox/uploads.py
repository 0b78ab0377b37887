"""Files of console forms: hashed and sealed while they arrive, like a source's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import IO, cast

from flask import request

from tipline.errors import BadInput, TooLarge
from tipline.filters import limit
from tipline.intake.sink import FileSink
from tipline.web import frame


def open_sink(filename: str | None) -> IO[bytes]:
    """Return what a file of a console form is written to; an empty file field opens nothing."""
    if not filename:
        return io.BytesIO()
    return cast(IO[bytes], FileSink(frame().vault.objects, filename, frame().settings.max_file_bytes))


def whole_files(field: str) -> list[FileSink]:
    """Return the files of a field, all of which arrived whole. They go with the request unless `keep` is called.

    Raises:
        TooLarge, BadInput: one was refused while it arrived, or the connection broke.
    """
    streams: list[object] = [upload.stream for upload in request.files.getlist(field)]
    sinks = [_whole(field, stream) for stream in streams if isinstance(stream, FileSink)]
    _compare(field, sinks, request.form.getlist(f"{field}-sha256"))
    return sinks


def _compare(field: str, sinks: Sequence[FileSink], digests: Sequence[str]) -> None:
    """See that what arrived is what the browser read, where its script told the digests (static/js/upload.js)."""
    arrived = [sink.sealed.keyfile.plaintext_digest.rpartition(":")[2] for sink in sinks if sink.sealed]
    if digests and list(digests) != arrived:
        message = "What arrived is not what your browser read: the SHA-256 differs. Choose it again."
        raise BadInput(message, fields={field: message})


def _whole(field: str, sink: FileSink) -> FileSink:
    if sink.refusal == "too_large":
        message = f"This file is larger than {limit(frame().settings.max_file_bytes)}."
        raise TooLarge(message, "Divide it into parts.", {field: message})
    if sink.sealed is None:
        message = "The file did not arrive whole. Choose it again."
        raise BadInput(message, fields={field: message})
    return sink
