"""Where PostgreSQL could differ: two windows that tell of themselves at once, orders with empty days, files shut in one statement."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.conftest import fresh_settings
from tests.installations import install
from tests.tipline.desk_house import Desk
from tipline.app import create_console_app, create_public_app
from tipline.inbox import redaction
from tipline.inbox.originals import closed_exhibits
from tipline.inbox.redaction import RedactTip
from tipline.models.tips import TipMessage
from tipline.notes import presence, services, tasks
from tipline.notes.services import WriteNote
from tipline.notes.tasks import AddTask
from tipline.notes.things import get_thing


@pytest.mark.servers
def test_colleagues_and_redaction_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    made = install(fresh_settings(tmp_path / "instance", database_url=postgres_url))
    desk = Desk(made, create_public_app(made.public).test_client(), create_console_app(made.console))
    number = desk.send("Maria told me.", {"maria.txt": b"x"}, examine=False)
    on_id = desk.tip(number).id
    with desk.acting() as (work, actor):
        on = get_thing(work, actor, "tip", on_id)
        services.write_note(work, actor, WriteNote(on, "Look, @d.acosta"))
        for due in ("", "2026-12-02", "2026-12-01"):
            tasks.add_task(work, actor, AddTask(on, f"Due {due}", "me", due))
        assert [row.title for row in tasks.list_tasks(work, actor, assignee=actor.staff_id)] == ["Due 2026-12-01", "Due 2026-12-02", "Due"]
        for writing in (False, True):
            presence.beat(work, actor, on, writing=writing)
        message = work.session.scalars(select(TipMessage.id)).one()
        redaction.redact(work, actor, RedactTip(number, {message: "[[Maria]] told me."}))
    ids = [exhibit.id for exhibit in desk.exhibits(number)]
    with desk.acting("counsel", write=False) as (work, actor):
        assert closed_exhibits(work.session, actor.keyring, ids) == set(ids)
        assert [one.writing for one in presence.others(work, actor, on)] == [True]
        assert services.count_mentions(work, actor) == 1
    for role, path in (("counsel", f"/tips/{number}"), ("counsel", "/desk"), ("investigator", f"/tips/{number}?tab=history")):
        page = desk.client(role).get(path)
        assert page.status_code == 200
        assert "Maria" not in page.text
    made.close()
