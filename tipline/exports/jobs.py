"""The jobs of an export, as the worker registers them. They may run twice; the second run finds its work done."""

from __future__ import annotations

from tipline.exports import building
from tipline.jobs import job
from tipline.work import Work


@job("export_payload")
def export_payload(work: Work, export_id: str) -> None:
    """Read the exhibits of an export again and fix what will be signed."""
    building.prepare_payload(work, export_id)


@job("export_seal")
def export_seal(work: Work, export_id: str) -> None:
    """Seal a signed export into its bundle."""
    building.seal_bundle(work, export_id)
