"""How dates, sizes and digests read on a page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Flask, g
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from tipline import languages
from tipline.templating import said

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
GROUP = 8


def day(value: date | datetime | None) -> str:
    """`22 Nov 2026`, `22 nov 2026`; a dash for nothing."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
    return day_of(value)


def day_of(value: date) -> str:
    """A day as a page says it, in the zone that it stands in."""
    if languages.language() != languages.ENGLISH:
        from babel.dates import format_date

        return format_date(value, "d MMM y", locale=languages.locale())
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def exact(value: datetime | None) -> str:
    """`22 Nov 2026, 14:32:05 UTC`, for acts of staff; a dash for nothing."""
    if value is None:
        return "\N{EN DASH}"
    return f"{day(value)}, {value.astimezone(UTC):%H:%M:%S} UTC"


def exact_here(value: datetime | None) -> str:
    """As `exact`; where the reader chose a zone with the time there beside it, `(09:32 in New York)`, but not on paper."""
    who = g.get("who")
    if value is None or who is None or not who.preferences.zone:
        return exact(value)
    zone = who.preferences.zone
    here = value.astimezone(ZoneInfo(zone))
    other_day = "" if here.date() == value.astimezone(UTC).date() else f"{day_of(here)}, "
    words = f"({other_day}{here:%H:%M} in {zone.rpartition('/')[2].replace('_', ' ')})"
    return Markup('{} <span class="noprint">{}</span>').format(exact(value), words)


def size(count: int | None) -> str:
    """A number of bytes with its unit: `18 kB`, `3.1 MB`."""
    if count is None:
        return "\N{EN DASH}"
    if count < 1000:
        return f"{count} {'byte' if count == 1 else 'bytes'}"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
    raise AssertionError("the loop always returns at TB")


def limit(count: int) -> str:
    """A limit as a person would say it: `2 GB` for 2 GiB, never more than what is allowed."""
    for unit, factor in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if count >= factor:
            return f"{count // factor} {unit}"
    return f"{count} bytes"


def digest_groups(digest: str) -> list[str]:
    """The hex digits of `sha256:<hex>` in groups of eight."""
    hexadecimal = digest.rpartition(":")[2]
    return [hexadecimal[i : i + GROUP] for i in range(0, len(hexadecimal), GROUP)]


def short_digest(digest: str | None) -> str:
    """The first and the last group of a digest; a dash for nothing."""
    if not digest:
        return "\N{EN DASH}"
    groups = digest_groups(digest)
    return digest if len(groups) < 3 else f"{groups[0]} \N{HORIZONTAL ELLIPSIS} {groups[-1]}"


def age_in_days(value: date | None, today: date | None = None) -> str:
    """`today`, `1 d`, `12 d`: how long ago a day was."""
    if value is None:
        return "\N{EN DASH}"
    days = ((today or datetime.now(UTC).date()) - value).days
    return "today" if days <= 0 else f"{days} d"


@pass_context
def _said(context: Context, text: str, /, **values: object) -> str:
    """Jinja's `gettext`, for texts with values: the others stand in the compiled template (tipline.templating)."""
    if not context.eval_ctx.autoescape:
        return languages.say(text) % values
    return said(languages.catalogue(), text) % values


def install(app: Flask) -> None:
    """Give an app's templates these filters, and `_`, `ngettext` and `{% trans %}` for what is translated."""
    app.add_template_filter(exact_here, "exact")
    app.add_template_filter(exact, "utc")
    for function in (day, size, limit, digest_groups, short_digest, age_in_days):
        app.add_template_filter(function)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # comes with the extension
        lambda text: languages.catalogue().gettext(text) if text else "",
        lambda one, many, num: languages.catalogue().ngettext(one, many, num),
        newstyle=True,
    )
    app.jinja_env.globals.update(_=_said, gettext=_said)
    app.jinja_env.policies["ext.i18n.trimmed"] = True  # line ends and indents of a template are no part of a text
    app.jinja_env.globals.update(page_language=languages.language, say=languages.say)
    app.add_template_filter(lambda text: quote(str(text), safe=""), "path_part")
