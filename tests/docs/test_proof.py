"""The commands by which counsel's guide checks a proof of submission run as they stand there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from evidence import verify
from evidence.signing import ssh_fingerprint
from evidence.submission import codes, make_proof
from tests.docs.pages import ROOT, blocks
from tests.evidence import proofs

[COMMANDS] = [block.text for block in blocks(ROOT / "docs" / "guide-legal.md") if "for-the-court.txt" in block.text]


def test_the_commands_of_the_guide_check_a_proof(tmp_path: Path) -> None:
    log, proof = proofs.small()
    court = proofs.stated(audience="District Court, room 4", nonce="17-A/26")
    (tmp_path / "proof.txt").write_bytes(proof)
    (tmp_path / "for-the-court.txt").write_bytes(make_proof(court, log.note, proofs.VKEY, log.items(), proofs.CLAIM))
    (tmp_path / "codes.txt").write_text("\n".join(codes(proof)))
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    (tmp_path / "verify.py").write_text(Path(verify.__file__).read_text())
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "PYTHONPATH": str(ROOT), "fingerprint": ssh_fingerprint(proofs.LOG.public)}
    script = f"set -euo pipefail\n{COMMANDS}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("RESULT all holds") == COMMANDS.count("\n") == 4
    guide = (ROOT / "docs" / "guide-legal.md").read_text()
    for said in ("after 7 others and before 56", "taken in on 2026-03-02", "signed by the claim key", "photo.jpg is item 2, byte for byte"):
        assert said in done.stdout
        assert said in guide
