"""What a WSGI server loads, each with `--factory`: granian --interface wsgi --factory wsgi:create_public_app"""

from __future__ import annotations

from tipline.app import create_console_app, create_files_app, create_public_app

__all__ = ["create_console_app", "create_files_app", "create_public_app"]
