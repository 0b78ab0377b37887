"""The fictional colleagues: set up through the same services that people use, with their secrets written for the newcomer.

demo-staff.json   [{"user": "m.okafor", "name": ..., "role": ..., "passphrase_file": ..., "totp_secret": ...}]
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyotp

from tipline.accounts import services as accounts
from tipline.actor import Actor
from tipline.admin import services as admin
from tipline.config import Settings
from tipline.demo.content import Colleague
from tipline.keyfolders import replace_file
from tipline.process import Process


@dataclass(frozen=True)
class DemoPerson:
    """A colleague who is signed in, and what a newcomer needs to sign in as them."""

    colleague: Colleague
    actor: Actor
    passphrase: str
    totp_secret: str


def set_up(console: Process, colleague: Colleague, token: str) -> DemoPerson:
    """Use a one-time link as the person would: passphrase, authenticator, first code."""
    passphrase = accounts.offer_passphrase()
    with console.unit(write=True) as work:
        cookie = accounts.choose_passphrase(work, token, accounts.ChoosePassphrase(passphrase, passphrase, passphrase))
    with console.unit(write=False) as work:
        secret = accounts.get_setup(work, token, cookie).totp_secret or ""
    with console.unit(write=True) as work:
        session = accounts.confirm_code(work, token, cookie, pyotp.TOTP(secret).at(work.now()))
    with console.unit(write=False) as work:
        actor = accounts.find_actor(work, session)
    if actor is None:
        raise RuntimeError(f"{colleague.login} could not sign in after the set-up")
    return DemoPerson(colleague, actor, passphrase, secret)


def add(console: Process, administrator: Actor, colleague: Colleague) -> DemoPerson:
    """Let the administrator add a colleague, who then uses the link."""
    with console.unit(write=True) as work:
        link = admin.add_colleague(work, administrator, admin.AddColleague(colleague.login, colleague.name, colleague.role))
    return set_up(console, colleague, link.rpartition("/")[2])


def write_sign_ins(settings: Settings, people: list[DemoPerson]) -> None:
    """Write demo-staff.json and a passphrase file for each person, readable by the owner only."""
    rows = []
    folder = settings.data / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    for person in people:
        path = folder / f"{person.colleague.login}.passphrase"
        replace_file(path, person.passphrase + "\n")
        rows.append(
            {
                "user": person.colleague.login,
                "name": person.colleague.name,
                "role": person.colleague.role,
                "passphrase_file": str(path),
                "totp_secret": person.totp_secret,
            }
        )
    replace_file(settings.data / "demo-staff.json", json.dumps(rows, indent=1) + "\n")
