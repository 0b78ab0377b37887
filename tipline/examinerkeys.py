"""Old keys of the examiner go once nothing is sealed to them any more: no grant file, no export that waits (SPEC 5.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from sqlalchemy import select

from evidence.errors import KeyUnavailable, NotFound
from evidence.keys import Identity
from tipline import audit, logs
from tipline.jobs import daily_sweep
from tipline.keyfolders import EXAMINER, sync_folder
from tipline.models.cases import Export
from tipline.work import Work


@daily_sweep("sweep_examiner_keys")
def sweep(work: Work) -> None:
    """Remove each replaced examiner key that the signed list no longer names and that opens nothing that is stored."""
    keys = work.vault.keys
    older = keys.older(EXAMINER)
    if not older or work.vault.recipients.examiner != keys.examiner.recipient:
        return
    for name in older:
        identity = Identity.parse(keys.text(name))
        if identity.recipient == keys.examiner.recipient or not any(_opens(identity, waiting) for waiting in _waiting(work)):
            (keys.path / name).unlink()
            sync_folder(keys.path)
            audit.record(work.session, work.now(), None, "key.remove", detail="examiner")
            logs.event("an old examiner key was removed", file=name)


def _opens(identity: Identity, waiting: Callable[[Identity], object]) -> bool:
    with suppress(KeyUnavailable, NotFound):  # for another key, or ended meanwhile
        waiting(identity)
        return True
    return False


def _waiting(work: Work) -> Iterator[Callable[[Identity], object]]:
    """Yield how to open each thing that waits for the examiner."""
    objects = work.vault.objects
    for name, grant_id in objects.grants():
        yield lambda identity, name=name, grant_id=grant_id: objects.open_grant(name, grant_id, identity)  # type: ignore[misc]
    for sealed in work.session.scalars(select(Export.disclosures).where(Export.disclosures.is_not(None)).execution_options(yield_per=20)):
        yield lambda identity, sealed=sealed: identity.unwrap(sealed)  # type: ignore[misc]
