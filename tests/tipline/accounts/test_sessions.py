from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence.errors import IntegrityError
from tipline.accounts import sessions
from tipline.accounts.keychain import PassphraseLock, StaffKeys
from tipline.accounts.rules import new_totp_secret
from tipline.config import Settings
from tipline.db import Database, upgrade
from tipline.models.staff import Reading, Staff, StaffSession

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEYS = StaffKeys.generate(new_totp_secret())


@pytest.fixture
def session(settings: Settings) -> Iterator[Session]:
    upgrade(settings.database)
    database = Database(settings.database)
    with database.session(write=True) as opened:
        for login in ("okafor", "brandt"):
            opened.add(Staff(id=login.ljust(32, "0"), login=login, display_name=login, role="investigator", created_at=NOW))
        opened.flush()
        yield opened
    database.dispose()


def okafor(session: Session) -> Staff:
    return session.scalars(select(Staff).where(Staff.login == "okafor")).one()


def opened(session: Session, purpose: str = sessions.SIGNED_IN) -> sessions.Cookie:
    return sessions.open_session(session, okafor(session), KEYS, NOW, purpose)


def test_the_cookie_opens_the_session_with_its_keys(session: Session) -> None:
    found = sessions.find_session(session, opened(session).value, NOW)
    assert found is not None
    assert found.staff.login == "okafor"
    assert found.keys == replace(KEYS, totp_secret="")


def test_a_stolen_row_opens_nothing(session: Session) -> None:
    cookie = opened(session)
    row = session.scalars(select(StaffSession)).one()
    stored = b"".join(str(value).encode() if not isinstance(value, bytes) else value for value in vars(row).values())
    for secret in (
        KEYS.identity.secret.encode(),
        KEYS.signing_key.seed.hex().encode(),
        KEYS.signing_key.seed,
        cookie.key_half,
        cookie.id_half,
    ):
        assert secret not in stored
    guessed = sessions.Cookie(cookie.id_half, bytes(32))
    assert sessions.find_session(session, guessed.value, NOW) is None
    assert sessions.find_session(session, f"{row.id}.{cookie.value.partition('.')[2]}", NOW) is None


def test_a_row_that_was_given_to_another_person_is_refused(session: Session) -> None:
    cookie = opened(session)
    session.scalars(select(StaffSession)).one().staff_id = "brandt".ljust(32, "0")
    session.flush()
    assert sessions.find_session(session, cookie.value, NOW) is None


def test_a_row_cannot_be_made_to_live_longer(session: Session) -> None:
    cookie = opened(session)
    late = NOW + timedelta(hours=12)
    row = session.scalars(select(StaffSession)).one()
    row.created_at = row.seen_at = late
    session.flush()
    assert sessions.find_session(session, cookie.value, late) is None


def test_idle_sessions_end(session: Session) -> None:
    cookie = opened(session)
    assert sessions.find_session(session, cookie.value, NOW + timedelta(minutes=29)) is not None
    assert sessions.find_session(session, cookie.value, NOW + timedelta(minutes=30)) is None


def test_a_set_up_session_signs_nobody_in(session: Session) -> None:
    cookie = opened(session, sessions.SETTING_UP)
    assert sessions.find_session(session, cookie.value, NOW) is None
    begun = sessions.find_session(session, cookie.value, NOW, sessions.SETTING_UP)
    assert begun is not None
    assert begun.keys.totp_secret == KEYS.totp_secret


@pytest.mark.parametrize("value", ["", ".", "a.b", "x" * 5000, "é.é", f"{'A' * 43}.{'A' * 43}", f"{'A' * 43}", "\0.\0"])
def test_what_we_did_not_write_is_no_cookie(session: Session, value: str) -> None:
    opened(session)
    assert sessions.find_session(session, value, NOW) is None


def test_closing_removes_the_row_and_what_was_read(session: Session) -> None:
    cookie, other = opened(session), opened(session)
    session.add_all([Reading(session_id=each.row_id, exhibit_id="e" * 32) for each in (cookie, other)])
    session.flush()
    sessions.close_session(session, cookie.value)
    assert session.scalars(select(StaffSession.id)).all() == [other.row_id]
    assert session.scalars(select(Reading.session_id)).all() == [other.row_id]
    sessions.close_all_sessions(session, okafor(session).id)
    assert session.scalars(select(Reading.session_id)).all() == session.scalars(select(StaffSession.id)).all() == []


def test_secrets_open_only_for_the_passphrase_the_pepper_and_the_person() -> None:
    lock = PassphraseLock.fresh(b"p" * 32, "a" * 32)
    blob = lock.seal(KEYS, "six words")
    assert lock.open(blob, "six words") == KEYS
    for other in (replace(lock, pepper=b"q" * 32), replace(lock, staff_id="b" * 32), replace(lock, salt=bytes(16))):
        with pytest.raises(IntegrityError):
            other.open(blob, "six words")
    with pytest.raises(IntegrityError):
        lock.open(blob, "six word")
