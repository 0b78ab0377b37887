"""How a person wants the console: theme, keys, clock, density, a daily notice. Everybody sets their own and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from zoneinfo import available_timezones

from tipline import audit
from tipline.actor import Actor, Preferences
from tipline.errors import BadInput
from tipline.models.staff import Staff
from tipline.work import Work

REGIONS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
CHOICES: Mapping[str, Mapping[str, str]] = {
    "theme": {"system": "As the system says", "light": "Light", "dark": "Dark"},
    "contrast": {"system": "As the system says", "more": "High contrast"},
    "density": {"roomy": "Roomy", "close": "Close: more rows on a screen"},
    "notice": {"off": "None", "daily": "One a day"},
}


@cache
def zones() -> dict[str, list[tuple[str, str]]]:
    """Return the time zones to choose from, by region: name and words."""
    names = sorted(name for name in available_timezones() if name.split("/")[0] in REGIONS)
    return {region: [(name, words_of(name)) for name in names if name.startswith(f"{region}/")] for region in REGIONS}


def words_of(zone: str) -> str:
    """`America/New_York` as `New York`, `America/Indiana/Knox` as `Indiana, Knox`."""
    return ", ".join(zone.split("/")[1:]).replace("_", " ")


def notify_address(work: Work, actor: Actor) -> str:
    """Return where the actor's daily notice goes, empty where nowhere."""
    return work.session.get_one(Staff, actor.staff_id).notify_address or ""


def set_preferences(work: Work, actor: Actor, wanted: Preferences, address: str) -> None:
    """Keep what the actor chose.

    Raises:
        BadInput: a choice that there is not, no address for a notice, or one that no mail can go to.
    """
    faults = _faults(wanted, address := address.strip())
    if faults:
        raise BadInput("Something has to be put right.", fields=faults)
    staff = work.session.get_one(Staff, actor.staff_id)
    if (staff.notify_address or "") != address or Preferences.read(staff.preferences).notice != wanted.notice:
        audit.record(work.session, work.now(), actor, "staff.notice", ("staff", staff.id), wanted.notice)
    staff.preferences, staff.notify_address = wanted.write(), address or None
    work.session.flush()


def set_theme(work: Work, actor: Actor, theme: str) -> None:
    """Change the theme alone, as the palette does.

    Raises:
        BadInput: there is no such theme.
    """
    if theme not in CHOICES["theme"]:
        raise BadInput("There is no such theme.")
    staff = work.session.get_one(Staff, actor.staff_id)
    staff.preferences = replace(Preferences.read(staff.preferences), theme=theme).write()
    work.session.flush()


def _faults(wanted: Preferences, address: str) -> dict[str, str]:
    faults = {name: "Choose one of these." for name, known in CHOICES.items() if getattr(wanted, name) not in known}
    if wanted.zone and wanted.zone not in available_timezones():
        faults["zone"] = "Choose one of these."
    if address and (len(address) > LONGEST_ADDRESS or not ADDRESS.fullmatch(address)):
        faults["address"] = "No mail can go to this address. It looks like name@example.org."
    elif wanted.notice != "off" and not address:
        faults["address"] = "Write where the notice should go."
    return faults
