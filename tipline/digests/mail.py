"""Sends a notice through the operator's mail server. Nothing of this machine stands in it: no name, no address."""

from __future__ import annotations

import secrets
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from tipline.config import Settings

SECONDS = 20
PORTS = {"starttls": 587, "tls": 465, "none": 25}


def message_of(settings: Settings, to: str, subject: str, body: str) -> EmailMessage:
    """Return a plain mail. Its date is the day's, since the minute is of no use to anybody."""
    domain = settings.mail_from.rpartition("@")[2]
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, to, subject
    message["Date"] = format_datetime(datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0))
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    message.set_content(body)
    return message


def send(settings: Settings, message: EmailMessage) -> None:
    """Hand a mail to the server.

    Raises:
        OSError: as `connected`, or the server refused the mail.
    """
    with connected(settings) as server:
        server.send_message(message)


@contextmanager
def connected(settings: Settings, seconds: int = SECONDS) -> Iterator[smtplib.SMTP]:
    """Greet the mail server, have it prove who it is, and sign in: all that comes before a mail.

    Raises:
        OSError: the server is away, did not prove who it is, or refused us (smtplib's and ssl's errors are OSErrors).
    """
    host, _, port = settings.smtp_host.partition(":")
    number, domain = int(port or PORTS[settings.smtp_security]), settings.mail_from.rpartition("@")[2]
    trusted = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, number, local_hostname=domain, timeout=seconds, context=trusted)
    else:
        server = smtplib.SMTP(host, number, local_hostname=domain, timeout=seconds)
    with server:
        if settings.smtp_security == "starttls":
            server.starttls(context=trusted)
        if settings.smtp_user and settings.smtp_password_file:
            server.login(settings.smtp_user, settings.smtp_password_file.read_text().strip())
        yield server
