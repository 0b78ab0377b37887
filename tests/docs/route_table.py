"""docs/routes.md, made from the routes of the console and the table that guards them: `python -m tests.docs.route_table` writes it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Flask

from tests.docs.pages import ROOT
from tipline import policy, routes
from tipline.admin.setup import prepare
from tipline.app import create_console_app
from tipline.config import Settings
from tipline.process import open_process

PAGE = ROOT / "docs" / "routes.md"
HEAD = """# Routes and roles

Made from the console's routes and `tipline/routes.py` by `python -m tests.docs.route_table`; a test holds it. A tick lets the role
in: what it finds there are things of the programs whose key the person holds, and of the cases that they see. The API has its own table,
`/api/v1/openapi.json`.

"""
WORDS = {routes.STRANGERS: "nothing: open to strangers", routes.EVERYBODY: "to be signed in"}


def page_of(app: Flask) -> str:
    """Return the whole page for an app of the console."""
    roles = list(policy.ROLES)
    lines = [f"| Route | Asks | {' | '.join(policy.ROLE_NAMES[role].capitalize() for role in roles)} |", f"|---|---|{'---|' * len(roles)}"]
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        if rule.endpoint.startswith(routes.API):
            continue
        methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        asked, let_in = routes.ASKS[rule.endpoint], routes.roles_of(rule.endpoint)
        ticks = " | ".join("✓" if role in let_in else "" for role in roles)
        lines.append(f"| {methods} `{rule.rule}` | {WORDS.get(asked, f'`{asked}`')} | {ticks} |")
    return HEAD + "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page_of(create_console_app(open_process("console", _settings(Path(folder) / "instance")))), encoding="utf-8")


def _settings(folder: Path) -> Settings:
    settings = Settings(data=folder)
    prepare(settings)
    return settings


if __name__ == "__main__":
    main()
