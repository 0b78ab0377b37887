"""What a WSGI server loads, each with `--factory`: granian --interface wsgi --factory wsgi:create_public_app"""

from __future__ import annotations

import gc

from flask import Flask

from tipline import app, logs
from tipline.config import OnionSettings, Settings
from tipline.process import open_process
from tipline.slowlines import SlowLines


def create_public_app() -> Flask:
    """The public face, with the key folder of the public face alone."""
    return _public(Settings())


def create_onion_app() -> Flask:
    """The same behind the onion service: limits and places of its own, cookies and headers as its plain address needs them."""
    return _public(OnionSettings())


def _public(settings: Settings) -> Flask:
    logs.configure()
    process = open_process("public", settings)
    process.vault.objects.store.prepare()
    SlowLines.of(settings.public_processes).watch()
    return _settled(app.create_public_app(process))


def create_console_app() -> Flask:
    """The console."""
    logs.configure()
    process = open_process("console", Settings())
    process.jobs.client()  # its library takes a second to import: better now than in a colleague's request
    console = app.create_console_app(process)
    app.compile_desks(console)
    return _settled(console)


def create_files_app() -> Flask:
    """The files origin."""
    logs.configure()
    return app.create_files_app()


def _settled(made: Flask) -> Flask:
    """Take what was loaded so far out of the collector's rounds: to look through all of it holds requests up for a tenth of a second."""
    gc.collect()
    gc.freeze()
    return made
