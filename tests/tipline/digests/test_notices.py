"""Daily notices: counts and nothing else, to who wants one, once a day, through a mail server that has proved who it is."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
from sqlalchemy import update

from tests.evidence.authority import server_certificate
from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tipline import jobs, worker
from tipline.accounts.preferences import set_preferences
from tipline.actor import Preferences
from tipline.cases.services import OpenCase, PutTip, open_case, put_tip
from tipline.config import Settings
from tipline.digests import rules
from tipline.digests.services import waiting_for
from tipline.doctor import Check, check_mail
from tipline.inbox.services import AssignTip, assign
from tipline.models.desk import Task
from tipline.models.staff import Staff
from tipline.models.tips import Tip

SECRET = "They keep the records in a shed"


class Post(socketserver.StreamRequestHandler):
    """Enough of SMTP to take a mail, after STARTTLS where the server has a certificate."""

    server: Mails

    def handle(self) -> None:
        def say(line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        secure = self.server.secure
        offers = "250-mail.example.org\r\n250 STARTTLS" if secure else "250-mail.example.org\r\n250 AUTH PLAIN"
        answers = {"QUIT": "221 bye", "EHLO": offers, "STARTTLS": "220 go on", "AUTH": "535 who is that"}
        say("220 mail.example.org")
        while line := self.rfile.readline().decode("latin-1").strip():
            word = line.split(":")[0].split()[0].upper()
            self.server.spoken.append(line)
            if word == "DATA":
                say("354 go on")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(content)
            say(answers.get(word, "250 ok"))
            if word == "STARTTLS" and secure:
                try:
                    self.connection = secure.wrap_socket(self.connection, server_side=True)
                except ssl.SSLError:
                    return  # who called did not believe us
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)

    def finish(self) -> None:
        super().finish()
        self.connection.close()


class Mails(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Post)
        self.mails: list[bytes] = []
        self.spoken: list[str] = []
        self.secure: ssl.SSLContext | None = None

    def read(self) -> list[Message]:
        return [message_from_bytes(content) for content in self.mails]


@contextmanager
def mail_server() -> Iterator[Mails]:
    with Mails() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def mails(installation: Installation) -> Iterator[Mails]:
    with mail_server() as server:
        settings = installation.settings
        settings.smtp_host, settings.smtp_security = f"127.0.0.1:{server.server_address[1]}", "none"
        settings.mail_from = "tipline@example.org"
        yield server


def wants_notices(installation: Installation, role: str, address: str) -> None:
    with installation.work() as work:
        set_preferences(work, installation.actor(role), Preferences(notice="daily"), address)


def a_day_begins(installation: Installation) -> list[str]:
    worker.register_capabilities()
    with installation.worker.unit(write=True) as work:
        jobs.SWEEPS["daily_notices"](work)
    return [name for name in installation.run_jobs() if name.startswith("send-notice")]


def counts_in(message: Message) -> list[int]:
    text = str(message.get_payload())
    return [int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if any(line.startswith(words) for words in rules.LINES.values())]


def test_who_wants_one_gets_one_a_day_that_names_nothing(desk: Desk, mails: Mails) -> None:
    number = desk.send(f"{SECRET} behind the mill.")
    desk.send("Another one", examine=False)
    with desk.acting() as (work, actor):
        assign(work, actor, AssignTip(number, actor.staff_id))
    wants_notices(desk.installation, "investigator", "m.okafor@example.org")
    assert len(a_day_begins(desk.installation)) == 1
    (mail,) = mails.read()
    assert (mail["To"], mail["From"], mail["Auto-Submitted"]) == ("m.okafor@example.org", "tipline@example.org", "auto-generated")
    assert counts_in(mail) == [1, 1, 0, 0, 0, 0, 0, 0]
    whole = mails.mails[0] + "\n".join(mails.spoken).encode()
    for hidden in (number, SECRET, "shed", "Northfield", "M. Okafor", "127.0.0.1", "http", gethostname(), desk.installation.program_id):
        assert hidden.encode() not in whole, hidden
    assert "00:00:00" in mail["Date"]
    assert a_day_begins(desk.installation) == []


def test_whatever_waits_a_notice_is_as_long(desk: Desk) -> None:
    day = date(2026, 11, 22)
    many = rules.Waiting(99_999, 5, 4, 3, 2, 1, 12_345, 1)
    assert len(rules.body_of(rules.Waiting(), day)) == len(rules.body_of(many, day))
    assert rules.body_of(rules.Waiting(), day).splitlines()[2].endswith("     0")


def test_nobody_is_told_of_what_they_may_not_see(desk: Desk) -> None:
    """New tips are counted for who holds their program; one that was put into a case is counted for nobody."""
    number = desk.send("One", examine=False)
    today, people = date.today(), desk.installation.people
    with desk.installation.work(write=False) as work:
        session = work.session
        assert waiting_for(session, people["investigator"].staff_id, today).new == 1
        assert waiting_for(session, people["administrator"].staff_id, today).new == 1  # made the program, and holds it
        assert waiting_for(session, "0" * 32, today) == rules.Waiting()
    with desk.acting() as (work, actor):
        case = open_case(work, actor, OpenCase(desk.installation.program_id, "Closed to most")).number
        put_tip(work, actor, PutTip(number, case))
    with desk.installation.work(write=False) as work:
        assert waiting_for(work.session, people["counsel"].staff_id, today).new == 0


def test_due_and_done_are_told_apart(desk: Desk) -> None:
    number, today = desk.send("One", examine=False), date.today()
    staff_id, program_id = desk.installation.people["counsel"].staff_id, desk.installation.program_id
    tasks: list[dict[str, Any]] = [{"due_on": today}, {"due_on": today + timedelta(days=1)}, {"due_on": today, "state": "done"}, {}]
    with desk.installation.work() as work:
        work.session.execute(update(Tip).where(Tip.number == number).values(assignee_id=staff_id, state="closed", due_on=today))
        for values in tasks:
            row = {"on_kind": "tip", "on_id": "x", "title": b"", "assignee_id": staff_id, "made_by": staff_id, "made_at": work.now()}
            work.session.add(Task(program_id=program_id, **row, **values))
    with desk.installation.work(write=False) as work:
        found = waiting_for(work.session, staff_id, today)
    assert found == replace(rules.Waiting(), tasks=3, tasks_due=1)


def test_nothing_goes_out_without_a_wish_or_a_server_or_to_who_left(installation: Installation, mails: Mails) -> None:
    assert a_day_begins(installation) == []
    wants_notices(installation, "counsel", "d.acosta@example.org")
    host, installation.settings.smtp_host = installation.settings.smtp_host, ""
    assert a_day_begins(installation) == []
    installation.settings.smtp_host = host
    with installation.work() as work:
        work.session.execute(update(Staff).where(Staff.login == "d.acosta").values(state="disabled"))
    assert a_day_begins(installation) == []
    assert mails.mails == []


def test_a_server_that_is_away_is_asked_again_and_counts_as_nothing_sent(installation: Installation, mails: Mails) -> None:
    wants_notices(installation, "counsel", "d.acosta@example.org")
    mails.shutdown()
    mails.server_close()
    staff_id = installation.people["counsel"].staff_id
    worker.register_capabilities()
    waited: list[float] = []
    with pytest.raises(worker.JobFailed, match="ConnectionRefusedError"):
        worker.run_job(installation.worker, "send_notice", (staff_id, date.today().isoformat()), waited.append)
    assert waited == list(worker.TRIED_AGAIN_AFTER)
    with installation.work(write=False) as work:
        assert work.session.get_one(Staff, staff_id).notified_on is None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"smtp_host": "mail.example.org", "smtp_security": "none", "mail_from": "a@example.org"}, "on this machine"),
        ({"smtp_host": "mail.example.org"}, "TIPLINE_MAIL_FROM"),
        ({"smtp_host": "mail.example.org", "mail_from": "a@example.org", "smtp_user": "x"}, "TIPLINE_SMTP_PASSWORD_FILE"),
    ],
)
def test_settings_that_would_send_in_the_clear_are_refused(more: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Settings(**more)  # type: ignore[arg-type]


def test_without_a_proof_of_the_server_nothing_is_sent(installation: Installation, mails: Mails) -> None:
    """starttls is the default: a server that does not offer it gets no mail."""
    installation.settings.smtp_security = "starttls"
    wants_notices(installation, "counsel", "d.acosta@example.org")
    worker.register_capabilities()
    with pytest.raises(worker.JobFailed, match="SMTPNotSupportedError"):
        worker.run_job(
            installation.worker, "send_notice", (installation.people["counsel"].staff_id, date.today().isoformat()), lambda _: None
        )
    assert mails.mails == []


def test_the_doctor_greets_the_mail_server_and_sends_nothing(
    installation: Installation, mails: Mails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = installation.settings

    def says(found: Check, state: str, words: str) -> None:
        assert (found.state, words in found.line()) == (state, True), found.line()

    says(check_mail(settings), "works", "on this machine, in the clear")
    settings.smtp_security = "starttls"
    says(check_mail(settings), "fails", "offers no STARTTLS")
    mails.secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mails.secure.load_cert_chain(server_certificate(tmp_path / "server.pem", "127.0.0.1"))
    says(check_mail(settings), "fails", "did not prove that it is that server")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    says(check_mail(settings), "works", "proved who it is (STARTTLS)")
    settings.smtp_security = "tls"
    says(check_mail(settings), "fails", "does not speak TLS there. Set TIPLINE_SMTP_SECURITY=starttls")
    mails.secure, settings.smtp_security, settings.smtp_user = None, "none", "tipline"
    settings.smtp_password_file = tmp_path / "password"
    says(check_mail(settings), "fails", "TIPLINE_SMTP_PASSWORD_FILE names no file")
    (tmp_path / "password").write_text("wrong")
    says(check_mail(settings), "fails", "refuses the name or its password")
    assert not [line for line in mails.spoken if line.startswith(("MAIL", "RCPT", "DATA"))]
    mails.server_close()
    mails.shutdown()
    says(check_mail(settings), "fails", "takes no connection")
    settings.smtp_host = ""
    says(check_mail(settings), "missing", "Nobody gets a daily notice")
