"""Templates and static files: no inline script or style, nothing from elsewhere, a public style sheet under 8 kB."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
NAME = "templates/{}"
FOR_SOURCES = re.compile(r"""(?:extends|from) "(?:public/base|_macros/public|intake/_macros).html\"""")
PUBLIC = [
    path
    for path in TEMPLATES
    if path.parent.name in ("public", "intake") or path.name in ("public.html", "_talk.html") or FOR_SOURCES.search(path.read_text())
]
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
    assert not re.search(r"\son[a-z]+\s*=", re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.S)), "an event handler"
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
    text = path.read_text()
    carrying = [name for name, body in re.findall(r"\{% macro (\w+)\(.*?%\}(.*?)\{% endmacro", text, re.S) if "csrf()" in body]
    carries = re.compile("|".join((r"csrf_token|csrf\(\)|hidden_tag\(\)", *(rf"\b{name}\(" for name in carrying))))
    for form in re.findall(r"<form\b[^>]*method=[\"']post[\"'].*?</form>", text, re.S | re.I):
        assert carries.search(form), form[:120]


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_pages_are_written_in_plain_punctuation(path: Path) -> None:
    text = path.read_text()
    assert EM_DASH not in text
    assert "&mdash;" not in text


def test_the_public_style_sheet_stays_under_8_kilobytes() -> None:
    assert (ROOT / "static" / "css" / "public.css").stat().st_size <= 8192


def test_the_public_style_sheet_knows_no_left_and_no_right() -> None:
    """A page in a language that runs from right to left is the mirror image of the others by itself."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "static" / "css" / "public.css").read_text(), flags=re.S)
    assert not (found := re.search(r"[^;{}]*\b(?:left|right)\b[^;{}]*", text)), found[0]
    for sides in re.findall(r"(?:padding|margin|border-width|inset):([^;}]+)", text):
        each = sides.removesuffix("!important").split()
        assert len(each) < 4 or each[1] == each[3], f"{sides}: sides that differ need -inline-start and -inline-end"


def said_outside(template: str) -> str:
    """What a template says without asking for it in the page's language: words in no `_()`, no `ngettext` and no trans block."""
    text = re.sub(r"\{#.*?#\}|\{%-? *trans.*?endtrans *-?%\}", " ", template, flags=re.S)
    text = re.sub(r"""\b(?:_|say|ngettext)\((?:\s*(?:'[^']*'|"[^"]*"),?)+""", " ", text)
    literals = [
        pair[0] or pair[1] for code in re.findall(r"\{\{(.*?)\}\}", text, re.S) for pair in re.findall(r"""'([^']*)'|"([^"]*)\"""", code)
    ]
    spoken = [words for words in literals if " " in words.strip() and "=" not in words]
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.S)
    labels = re.findall(r"(?:aria-label|alt|title|placeholder)=\"([^\"]*)\"", text)
    bare = re.sub(r"<[^>]*>|&\w+;|[\w-]+=\"[^\"]*\"", " ", text)
    return " ".join(re.findall(r"[^\W\d_]{2,}.*", " ".join([bare, *labels, *spoken])))


@pytest.mark.parametrize("path", PUBLIC, ids=name_of)
def test_public_pages_say_all_in_the_language_of_the_page(path: Path) -> None:
    assert said_outside(path.read_text()) == ""


@pytest.mark.parametrize("path", PUBLIC, ids=name_of)
def test_only_what_stands_in_a_public_page_is_translated_there(path: Path) -> None:
    """`_` takes its text for HTML: what came from elsewhere is said by `say`, and escaped."""
    assert re.findall(r"\b_\((?!['\"])[^)]*\)", path.read_text()) == []


@pytest.mark.parametrize("path", PUBLIC, ids=name_of)
def test_public_pages_write_no_address_of_their_own_by_hand(path: Path) -> None:
    """An address by hand would leave the language."""
    assert re.findall(r"""(?:href|action|src)=["']/[^"']*""", path.read_text()) == []


def test_style_sheets_load_nothing() -> None:
    for path in (ROOT / "static" / "css").glob("*.css"):
        assert not re.search(r"@import|url\(", path.read_text()), path.name


# what no page says; the reasons stand in the rules of the screens: say what is wrong and what to do, never hurry or flatter
NEVER_SAID = re.compile(r"\b(please|oops|sorry|invalid|submit|n/a|an? error occurred|same author|same writer)\b|!(?!=)", re.IGNORECASE)


def words_of(template: str) -> str:
    """What a reader sees of a template: no comments, no code, no tags, but the words inside expressions."""
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|aria-invalid", " ", template, flags=re.S)
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
