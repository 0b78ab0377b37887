"""Every address that a template or a view makes is one that its face serves."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

from tests.installations import Installation
from tipline.app import create_console_app, create_files_app, create_public_app

ROOT = Path(__file__).parents[2]
MADE = re.compile(r"""url_for\(\s*["']([\w.]+)["']""")
MADE_BY_PUBLIC_PAGES = ("intake", "public")


def endpoints(*apps: Flask) -> set[str]:
    return {rule.endpoint for app in apps for rule in app.url_map.iter_rules()}


def test_no_page_points_at_an_address_that_is_not_served(installation: Installation) -> None:
    public = endpoints(create_public_app(installation.public))
    staff = endpoints(create_console_app(installation.console), create_files_app(installation.console))
    wrong = set()
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "tipline").rglob("*.py")]:
        served = public if set(path.parts) & {*MADE_BY_PUBLIC_PAGES} else staff | public
        wrong |= {(str(path.relative_to(ROOT)), name) for name in MADE.findall(path.read_text()) if name not in served}
    assert wrong == set()
