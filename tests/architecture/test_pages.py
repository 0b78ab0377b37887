"""Templates and static files: no inline script or style, nothing from elsewhere, a public style sheet under 8 kB."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
NAME = "templates/{}"
PUBLIC = [path for path in TEMPLATES if path.relative_to(ROOT / "templates").parts[0] in ("public", "intake") or path.name == "public.html"]
CONSOLE = [path for path in TEMPLATES if path not in PUBLIC]
EM_DASH = "\N{EM DASH}"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_no_inline_style_and_no_inline_script(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style\b", text), "a style element"
    assert not re.search(r"\sstyle\s*=", text), "a style attribute"
    assert not re.search(r"<script\b(?![^>]*\bsrc=)", text), "an inline script"
    assert not re.search(r"\son[a-z]+\s*=", text), "an event handler"
    assert "javascript:" not in text
    assert "|safe" not in text.replace(" ", ""), "unescaped text"


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    assert not re.search(r"""(?:src|href|action)\s*=\s*["'](?:https?:)?//""", path.read_text())


@pytest.mark.parametrize("path", PUBLIC, ids=name_of)
def test_public_pages_have_no_script_and_no_svg(path: Path) -> None:
    text = path.read_text()
    assert "<script" not in text
    assert "<svg" not in text


@pytest.mark.parametrize("path", CONSOLE, ids=name_of)
def test_every_console_form_that_posts_carries_its_token(path: Path) -> None:
    for form in re.findall(r"<form\b[^>]*method=[\"']post[\"'].*?</form>", path.read_text(), re.S | re.I):
        assert re.search(r"csrf_token|csrf\(\)|hidden_tag\(\)", form), form[:120]


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_pages_are_written_in_plain_punctuation(path: Path) -> None:
    text = path.read_text()
    assert EM_DASH not in text
    assert "&mdash;" not in text


def test_the_public_style_sheet_stays_under_8_kilobytes() -> None:
    assert (ROOT / "static" / "css" / "public.css").stat().st_size <= 8192


def test_style_sheets_load_nothing() -> None:
    for path in (ROOT / "static" / "css").glob("*.css"):
        assert not re.search(r"@import|url\(", path.read_text()), path.name


# what no page says; the reasons stand in the rules of the screens: say what is wrong and what to do, never hurry or flatter
NEVER_SAID = re.compile(r"\b(please|oops|sorry|invalid|submit|n/a|an? error occurred|same author|same writer)\b|!", re.IGNORECASE)


def words_of(template: str) -> str:
    """What a reader sees of a template: no comments, no code, no tags, but the words inside expressions."""
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}", " ", template, flags=re.S)
    said = " ".join(re.findall(r"'([^'{}]* [^'{}]*)'", " ".join(re.findall(r"\{\{.*?\}\}", bare, re.S))))
    labels = " ".join(re.findall(r"(?:aria-label|alt|title|placeholder)=\"([^\"]*)\"", bare))
    return re.sub(r"<[^>]*>|\{\{.*?\}\}", " ", bare, flags=re.S) + said + labels


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_pages_say_what_is_wrong_and_never_beg(path: Path) -> None:
    assert not (found := NEVER_SAID.search(words_of(path.read_text()))), found[0]


def test_messages_of_the_code_keep_to_the_same_words() -> None:
    said = []
    for path in sorted((ROOT / "tipline").rglob("*.py")):
        tree = ast.parse(path.read_text())
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings and "demo" not in path.parts:
                text = node.value
                if re.match(r"[A-Z].* .*[.?]?$", text) and (found := NEVER_SAID.search(text)):
                    said.append(f"{path.relative_to(ROOT)}:{node.lineno}: {found[0]}: {text[:80]}")
    assert said == []
