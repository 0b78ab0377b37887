"""The connection to PostgreSQL is cut after each message of a Send, COMMIT included: one tip in the end, and the same words."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from tests.conftest import _administer
from tests.faults.counting import Tally, everything
from tests.faults.wire import Wire, wire_to
from tests.installations import Installation, install
from tests.journeys import invariants
from tests.tipline.intake.house import SEND, begin, fill, words_of
from tipline.app import create_public_app
from tipline.config import Settings
from tipline.models.tips import Tip
from tipline.process import open_process

pytestmark = pytest.mark.servers
SHARE, AT_ONCE = 12, 20
FILES = {"a.txt": b"enclosed"}
NOT_CUT = "the wire was not cut"


@dataclass(frozen=True)
class Copy:
    """A copy of the installation, whose database is reached through the wire."""

    settings: Settings
    wire: Wire
    client: FlaskClient
    keys: invariants.Mapping

    def tips(self) -> int:
        process = open_process("worker", self.settings)
        with process.database.session(write=False) as session:
            found = int(session.execute(select(func.count()).select_from(Tip)).scalar_one())
        process.database.dispose()
        return found


@pytest.fixture(scope="module")
def base(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation on PostgreSQL that nobody uses, so that its database can be copied."""
    name = f"t{secrets.token_hex(6)}"
    _administer(postgres_server, f'CREATE DATABASE "{name}"')
    url = make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    made = install(Settings(data=tmp_path_factory.mktemp("base") / "instance", database_url=url))
    made.sequencer().publish()
    made.close()
    yield made
    _administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def copied(base: Installation, keys: invariants.Mapping, server: str, folder: Path) -> Iterator[Copy]:
    name = f"t{secrets.token_hex(6)}"
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{make_url(base.settings.database).database}"')
    direct = make_url(server).set(database=name).render_as_string(hide_password=False)
    shutil.copytree(base.settings.data, folder)
    with wire_to(direct) as wire:
        public = open_process("public", Settings(data=folder, database_url=wire.url(direct)))
        yield Copy(Settings(data=folder, database_url=direct), wire, create_public_app(public).test_client(), keys)
        public.database.dispose()
    shutil.rmtree(folder)
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


Act = Callable[[Copy, str], tuple[int, list[str]]]


def send(copy: Copy, draft: str) -> tuple[int, list[str]]:
    """Send a form that was checked."""
    answer = copy.client.post(SEND, data={"draft": draft})
    return answer.status_code, words_of(answer)


def check_form(copy: Copy, draft: str) -> tuple[int, list[str]]:
    """Press Continue."""
    return fill(copy.client, draft, "Words", FILES).status_code, []


def cut_near(copy: Copy, act: Act, place: int) -> tuple[int, list[str]]:
    """Cut at a place, or after the last message: the driver prepares statements that come again, so a later Send has fewer."""
    wrong = cut(copy, act, place)
    for _ in range(3):
        if wrong != [NOT_CUT]:
            break
        place = copy.wire.messages - 1
        wrong = cut(copy, act, place)
    return place, wrong


def cut(copy: Copy, act: Act, after: int) -> list[str]:
    """Begin a tip, cut the wire at one place of its way, and bring it to its end."""
    before, draft = copy.tips(), begin(copy.client)
    if act is send:
        assert check_form(copy, draft)[0] == 200
    copy.wire.cut_after(after)
    status, words = act(copy, draft)
    was_cut = copy.wire.cut
    copy.wire.leave_alone()
    wrong = [] if was_cut else [NOT_CUT]
    wrong += [] if status == 200 or status >= 500 else [f"answered with {status}"]
    if act is check_form and status != 200 and check_form(copy, draft)[0] != 200:
        wrong.append("the form was refused when it was repeated")
    again, same = send(copy, draft)
    if again != 200 or not same or (words or same) != same:
        wrong.append(f"the repeat was answered with {again}, other words: {words != same}")
    if copy.tips() != before + 1:
        wrong.append(f"{copy.tips() - before} tips instead of one")
    return [*wrong, *invariants.broken(copy.settings, copy.keys)]


@pytest.mark.parametrize("act", [send, check_form], ids=lambda act: act.__name__)
def test_one_tip_comes_of_every_cut(act: Act, base: Installation, postgres_server: str, tmp_path: Path, tally: Tally) -> None:
    person = base.people["investigator"]
    keys = invariants.keys_of(base.settings, person.login, person.passphrase)
    base.close()
    with copied(base, keys, postgres_server, tmp_path / "first") as copy:
        places = tally.share(range(messages_of(copy, act)), SHARE if act is send else SHARE // 2)
    for start in range(0, len(places), AT_ONCE):
        with copied(base, keys, postgres_server, tmp_path / str(start)) as copy:
            for place in places[start : start + AT_ONCE]:
                where, wrong = cut_near(copy, act, place)
                tally.add(f"cut after message {where} of {act.__name__}", wrong)
    tally.check(60 if everything() else 1)


def messages_of(copy: Copy, act: Act) -> int:
    """How many messages go to and fro: the second time, when nothing is asked for the first time any more."""
    for _ in range(2):
        draft = begin(copy.client)
        if act is send:
            check_form(copy, draft)
        copy.wire.count()
        assert act(copy, draft)[0] == 200
        copy.wire.leave_alone()
    assert invariants.broken(copy.settings, copy.keys) == []
    return copy.wire.messages
