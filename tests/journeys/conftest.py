"""A started site that one module of tests shares, already set up: colleagues, and one open program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from tests.installations import Installation, install
from tests.journeys import invariants
from tests.journeys.site import RunningSite, running_site
from tipline.actor import ProgramKeys
from tipline.config import Settings
from tipline.models.base import Base
from tipline.models.tips import Tip
from tipline.security import cookie_name

MOST_FILE_BYTES = 1024**2
LONG = 60.0


@dataclass
class House:
    """The site over HTTP, and its data folder from within."""

    site: RunningSite
    inside: Installation
    keys: Mapping[str, ProgramKeys]

    def visitor(self) -> httpx.Client:
        """A source's browser; the caller closes it."""
        return httpx.Client(base_url=self.site.public, timeout=LONG)

    def colleague(self, role: str) -> httpx.Client:
        """A signed-in colleague's browser, with a session of its own; the caller closes it."""
        name = cookie_name("console", self.inside.settings, "session")
        return httpx.Client(base_url=self.site.console, timeout=LONG, cookies={name: self.inside.session_of(role)})

    def count(self, model: type[Base] = Tip) -> int:
        with self.inside.public.database.session(write=False) as session:
            return int(session.execute(select(func.count()).select_from(model)).scalar_one())

    def half_written(self) -> list[Path]:
        """What is being written in the object folder at this moment."""
        return list((self.site.data / "objects" / "tmp").glob("*"))

    def check(self) -> None:
        """The site has settled, and everything in it agrees."""
        invariants.settle(self.inside.settings)
        assert invariants.broken(self.inside.settings, self.keys) == []


@contextmanager
def started(folder: Path, *, with_onion: bool = False, **settings: str) -> Iterator[House]:
    """Set a site up in `folder` and start it."""
    inside = install(Settings(data=folder / "instance", **settings))  # type: ignore[arg-type]  # words, as in the environment
    investigator = inside.people["investigator"]
    try:
        keys = invariants.keys_of(inside.settings, investigator.login, investigator.passphrase)
        with running_site(folder / "instance", with_onion=with_onion, **settings) as site:
            yield House(site, inside, keys)
    finally:
        inside.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One site for the module, which takes files of 1 MB at most. Whatever was sent to it, it agrees with itself at the end."""
    with started(tmp_path_factory.mktemp("house"), max_file_bytes=str(MOST_FILE_BYTES)) as house:
        yield house
        house.check()
