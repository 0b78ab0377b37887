"""One-time tickets: the console records DOWNLOADED and makes one; the files origin takes it and hands the original out.

The token stands in the address only. The database keeps its digest, and what the ticket is for (a key file) sealed under a key
derived from the token, so who reads the table opens nothing, and the files origin needs no key of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from sqlalchemy import delete

from evidence.canonical import b64url, unb64url
from evidence.errors import FormatError
from evidence.keys import KeyFile, aead_open, aead_seal, hkdf
from evidence.records import Scalar
from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import NotFound
from tipline.exhibits.opening import get_sound
from tipline.inbox.originals import require_originals
from tipline.models.operations import DownloadTicket
from tipline.vault import Act
from tipline.work import Work, committed

LIFE = timedelta(minutes=1)
ORIGINAL = "original"
TOKEN = 32


@dataclass(frozen=True)
class Original:
    """One original on its way out: its name as received, its exact length, and its bytes."""

    name: str
    length: int
    chunks: Iterator[bytes]


def issue(work: Work, actor: Actor, exhibit_id: str) -> str:
    """Record DOWNLOADED, commit that, and return the token of a ticket for the original.

    Raises:
        Conflict: the exhibit is quarantined or disposed of.
        Sealed: the original is for named colleagues, and the actor is none of them.
    """
    policy.require(actor, "exhibit.download")
    opened = get_sound(work, actor, exhibit_id)
    require_originals(work.session, actor.keyring, [exhibit_id])
    name = work.vault.facts(opened.exhibit, actor.keyring.program(str(opened.exhibit.program_id))).name
    fields: dict[str, Scalar] = {
        "plaintext_after": opened.keyfile.plaintext_digest,
        "length_after": opened.keyfile.length,
        "result": "original handed out",
        "moved_from": "sealed store",
        "moved_to": "their computer",
    }
    work.record_access(Act(opened.exhibit, opened.keyfile, "DOWNLOADED", fields, actor))
    audit.record(work.session, work.now(), actor, "exhibit.download", ("exhibit", opened.exhibit.id))
    return hand_out(work, opened.keyfile, name)


def hand_out(work: Work, keyfile: KeyFile, name: str) -> str:
    """Return the token of a ticket for one sealed object. The caller has recorded who takes it, and why they may."""
    return make_ticket(work, ORIGINAL, {"keyfile": keyfile.encode().decode(), "name": name})


def make_ticket(work: Work, purpose: str, content: Mapping[str, Any]) -> str:
    """Keep `content`, values of JSON, for a minute under a fresh token, and return that. Only who has the token opens it, once."""
    token = token_bytes(TOKEN)
    ticket = sha256(token).hexdigest()
    sealed = aead_seal(_key(token), json.dumps({**content, "for": purpose}).encode(), ticket)
    work.session.execute(delete(DownloadTicket).where(DownloadTicket.expires_at < work.now()))
    work.session.add(DownloadTicket(id=ticket, payload=sealed, expires_at=work.now() + LIFE))
    work.session.flush()
    return b64url(token)


def redeem(work: Work, token: str) -> Original:
    """Take a ticket (it is gone from then) and open its original. The ciphertext is checked before the first byte leaves.

    Raises:
        NotFound: unknown, used, or older than a minute.
        IntegrityError: the stored object was changed.
    """
    content = take_ticket(work, ORIGINAL, token)
    keyfile = KeyFile.decode(content["keyfile"].encode())
    return Original(content["name"], keyfile.length, work.vault.objects.read(keyfile))


def take_ticket(work: Work, purpose: str, token: str) -> dict[str, Any]:
    """Take a ticket (it is gone from then) and return what was kept under it.

    Raises:
        NotFound: unknown, used, older than a minute, or made for another purpose.
    """
    gone = NotFound("This download has been used, or is older than a minute.", "Go back to where it began and download it again.")
    try:
        secret = unb64url(token)
    except FormatError:
        raise gone from None
    ticket = sha256(secret).hexdigest()
    with committed(work) as session:
        taken = session.execute(
            delete(DownloadTicket)
            .where(DownloadTicket.id == ticket, DownloadTicket.expires_at >= work.now())
            .returning(DownloadTicket.payload)
        ).scalar_one_or_none()
    if taken is None:
        raise gone
    content: dict[str, Any] = json.loads(aead_open(_key(secret), taken, ticket))
    if content["for"] != purpose:
        raise gone
    return content


def _key(token: bytes) -> bytes:
    return hkdf(token, "tipline/ticket/1", 32)
