"""`evidence`: custody for a lone examiner, and verification for everybody (SPEC section 7).

Exit codes: 0 done, 1 a check failed, 2 bad usage; `verify` also 3: consistent, but vouched for by nobody outside the bundle.
"""

from __future__ import annotations

import click

from evidence.commands import custody, handing, keeping, reading, taking, terminal
from evidence.folder.case import VERSION
from evidence.mirror import command as mirroring

PASSPHRASE_FILE = terminal.PASSPHRASE_FILE
COMMANDS: tuple[click.Command, ...] = (
    keeping.init,
    taking.acquire,
    taking.register,
    taking.derive,
    taking.redact,
    reading.log,
    reading.open_,
    reading.examine,
    reading.label,
    reading.scrub,
    custody.transfer,
    custody.move,
    custody.note,
    custody.hold,
    custody.release,
    custody.quarantine,
    custody.correct,
    custody.dispose,
    handing.prove,
    handing.export,
    handing.stamp,
    handing.verify,
    keeping.keys,
    keeping.passphrase,
    keeping.people,
    mirroring.mirror,
)


class InOrder(terminal.Group):
    """Lists the commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=InOrder)
@click.version_option(VERSION, prog_name="evidence")
def main() -> None:
    """Seal files as evidence, keep their custody in a signed log, and hand them out so that anyone can check them.

    Passphrases are asked for, or read from the file that EVIDENCE_PASSPHRASE_FILE names.
    """


for added in COMMANDS:
    main.add_command(added)
