"""docs/routes.md is what the routes and their table say."""

from __future__ import annotations

from flask import Flask

from tests.docs.route_table import PAGE, page_of


def test_the_page_of_routes_is_made_anew_when_they_change(console_app: Flask) -> None:
    assert PAGE.read_text(encoding="utf-8") == page_of(console_app), "run: python -m tests.docs.route_table"
