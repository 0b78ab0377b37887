"""The command line of an installation. Exit codes: 0 done, 1 failed, 2 bad usage."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from evidence.errors import EvidenceError
from tipline.config import Settings
from tipline.errors import TiplineError

Command = TypeVar("Command", bound=Callable[..., Any])
PORT = click.IntRange(1, 65535)
ROTATED = ("log", "process:public", "process:console", "process:worker", "examiner", "anchor", "receipt", "staff")


def told_plainly(command: Command) -> Command:
    """Let a command end with its error's words and exit code 1."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except (TiplineError, EvidenceError) as error:
            click.echo(f"{error} {error.next_step}".strip(), err=True)
            sys.exit(1)

    return run  # type: ignore[return-value]  # wraps keeps the signature, which mypy can't see


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tipline", message="%(version)s")
def main() -> None:
    """Tipline: tips, letters and leaked samples under custody. All state lies in TIPLINE_DATA, ./instance by default."""


@main.command()
@click.option("--public-port", type=PORT, default=8000, show_default=True, help="Port of the public page.")
@click.option("--console-port", type=PORT, default=8001, show_default=True, help="Port of the console.")
@click.option("--files-port", type=PORT, default=8002, show_default=True, help="Port of the origin that downloads come from.")
@click.option("--onion-port", type=PORT, help="Serve the public page on this port too, for an onion service (`tipline onion`).")
@told_plainly
def run(public_port: int, console_port: int, files_port: int, onion_port: int | None) -> None:
    """Serve both faces, the files origin and a worker on loopback, after setting up what is missing."""
    from tipline import supervisor

    supervisor.run(Settings(), supervisor.Ports(public_port, console_port, files_port, onion_port), click.echo)


@main.command("onion")
@click.option("--dir", "folder", type=click.Path(path_type=Path), required=True, help="Folder of torrc and keys; made if it is not there.")
@click.option("--port", type=PORT, default=8003, show_default=True, help="The port given to `tipline run --onion-port`.")
@told_plainly
def prepare_onion(folder: Path, port: int) -> None:
    """Write torrc and keys of an onion service for the public page, and print its address. Keys that are there are kept."""
    from tipline import onion

    service = onion.prepare(folder, port)
    click.echo(service.address)
    click.echo("New keys are made." if service.made else "The keys are those that were there.", err=True)
    click.echo(f"Copy {folder / onion.SERVICE} to a safe place.", err=True)
    click.echo(f"Start  tipline run --onion-port {port}  with TIPLINE_ONION_ORIGIN={service.origin}", err=True)
    click.echo(f"and    tor -f {service.torrc}", err=True)


@main.command()
@told_plainly
def work() -> None:
    """Be a worker: examine, export, give custody events their place in the log, sweep once a day."""
    from tipline import worker

    worker.work(Settings())


@main.group()
def db() -> None:
    """The database."""


@db.command()
@told_plainly
def upgrade() -> None:
    """Bring the tables to the newest version, those of the job queue too."""
    from tipline import jobs
    from tipline.db import upgrade as upgrade_tables

    settings = Settings()
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade_tables(settings.database)
    jobs.migrate(settings.database)
    click.echo("The database is up to date.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each check.")
@told_plainly
def doctor(as_json: bool) -> None:
    """Say what works here, and what is lost where something is missing. Exit code 1 if something needed fails."""
    from tipline import doctor as checks

    found = checks.examine(Settings())
    for check in found:
        click.echo(json.dumps(check.facts()) if as_json else check.line())
    sys.exit(1 if any(check.state == "fails" for check in found) else 0)


@main.command()
@click.option("--check", "only_tell", is_flag=True, help="Compare and tell; change nothing.")
@click.option("--new-log", "note", type=click.File(), help="Begin a new log over this file, the last checkpoint of one that is gone.")
@click.option("--key", help="With --new-log: the old log's public key: OpenSSH line, vkey, ed25519:..., or fingerprint of the key here.")
@told_plainly
def recover(only_tell: bool, note: IO[str] | None, key: str | None) -> None:
    """Compare database, anchor and published checkpoint, and take back what one of them has lost. Stop everything first."""
    from tipline import newlog, recovering

    if (note is None) != (key is None) or (note is not None and only_tell):
        raise click.UsageError("--new-log and --key go together, and without --check.")
    if note is None or key is None:
        recovering.recover(Settings(), click.echo, only_tell=only_tell)
        return
    report = newlog.begin(Settings(), note.read(), key, click.echo)
    if report.link is not None:
        click.echo(f"First administrator: {report.link}")


@main.command()
@click.option(
    "--share", type=click.IntRange(1, 100), default=100, show_default=True, help="Percent; each run of a share reads the next part."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Objects that are read at the same time.")
@click.option("--resume", is_flag=True, help="Go on with the run of this share that was cut off.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each finding, then one for the run.")
@told_plainly
def scrub(share: int, jobs: int, resume: bool, as_json: bool) -> None:
    """Read the sealed objects again, without any key, and name what is not as it was stored. Exit code 1 if something is not."""
    from tipline.process import open_process
    from tipline.scrubbing import Scrubber

    worker = open_process("worker", Settings())
    with click.progressbar(length=1, label="Reading", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        outcome = Scrubber(worker.database, worker.vault.objects.store, worker.clock, jobs, tell).run(share, resume=resume)
    worker.database.dispose()
    for finding in outcome.amiss:
        facts = {"object": finding.name, "fault": finding.fault}
        click.echo(json.dumps(facts) if as_json else f"{finding.name}  {finding.words}")
    told = {"objects": outcome.objects, "amiss": len(outcome.amiss), "share": share}
    click.echo(json.dumps(told) if as_json else f"{outcome.objects} objects read, {len(outcome.amiss)} amiss")
    sys.exit(1 if outcome.amiss else 0)


@main.group()
def keys() -> None:
    """The installation's keys."""


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each key.")
@told_plainly
def show(as_json: bool) -> None:
    """Print a line for each key: purpose, fingerprint. Give the log key's to whoever receives a bundle."""
    from tipline.admin.keys import list_keys
    from tipline.process import open_process

    with open_process("console", Settings()).unit(write=False) as unit:
        found = list_keys(unit, None)
    for key in found:
        purpose = f"{key.purpose} ({key.owner})" if key.owner else key.purpose
        click.echo(json.dumps({"purpose": purpose, "fingerprint": key.print, "key": key.full}) if as_json else f"{purpose}\t{key.print}")


@main.command()
@click.option("--now", "ask", is_flag=True, help="Ask the authorities now for every stamp that is missing. Exit code 1 if one still is.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each stamp.")
@told_plainly
def stamps(ask: bool, as_json: bool) -> None:
    """Print the time stamps of published checkpoints and exports: those that came, and how often the others were asked for."""
    from tipline import stamping
    from tipline.process import open_process

    with open_process("console", Settings()).unit(write=False) as unit:
        missing = stamping.ask_now(unit, lambda text: click.echo(text, err=True)) if ask else 0
        found = stamping.list_stamps(unit.session)
    for line in found:
        facts = {"of": line.kind, "id": line.subject_id, "authority": line.authority, "tries": line.tries, "stamped": line.stamped_at}
        click.echo(json.dumps(facts, default=str) if as_json else f"{line.kind} {line.subject_id}\t{line.words}")
    sys.exit(1 if missing else 0)


@keys.command()
@click.argument("role", type=click.Choice(ROTATED))
@click.option("--compromised", is_flag=True, help="The old key is in other hands: say so in the log.")
@told_plainly
def rotate(role: Any, compromised: bool) -> None:
    """Replace the key of ROLE by a new one and tell the log. Stop everything first."""
    from tipline import keyrotation

    keyrotation.rotate(Settings(), role, click.echo, compromised=compromised)


@keys.command()
@click.argument("fingerprint")
@told_plainly
def successor(fingerprint: str) -> None:
    """Pin the new administrator whose FINGERPRINT you compared, when too few are left who can sign. Stop everything first."""
    from tipline import succession

    succession.pin_successor(Settings(), fingerprint, click.echo)


@main.group()
def log() -> None:
    """The public log of custody, and who vouches for it."""


@log.command("show")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@told_plainly
def log_show(as_json: bool) -> None:
    """Print the log's name, key, newest published checkpoint and its witnesses. With the worker's keys."""
    from tipline import witnessing
    from tipline.process import open_process

    with open_process("worker", Settings()).unit(write=False) as unit:
        state = witnessing.describe(unit)
    click.echo(json.dumps(state.facts()) if as_json else "\n".join(state.lines()))


@log.command("cosign")
@click.argument("file", metavar="FILE", type=click.File("rb"))
@told_plainly
def log_cosign(file: IO[bytes]) -> None:
    """Take the signature of a witness of TIPLINE_WITNESSES from FILE: a checkpoint that it signed, or its line alone.

    The worker publishes the checkpoint again with it.
    """
    from evidence.checkpoint import LARGEST_NOTE
    from tipline import witnessing
    from tipline.process import open_process

    with open_process("worker", Settings()).unit(write=True) as unit:
        taken = witnessing.take_by_hand(unit, file.read(LARGEST_NOTE + 1))
    click.echo(f"{', '.join(taken.witnesses)} signed the checkpoint at size {taken.size}: {taken.short}")


@main.group()
def user() -> None:
    """Colleagues."""


@user.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(["administrator", "investigator", "counsel", "program_manager"]))
@click.option("--display-name", help="The name that colleagues and custody records show; NAME by default.")
@told_plainly
def add(name: str, role: str, display_name: str | None) -> None:
    """Invite a colleague who will sign in as NAME, and print their one-time link."""
    from tipline.admin.services import AddColleague, add_colleague
    from tipline.process import open_process

    with open_process("console", Settings()).unit(write=True) as unit:
        link = add_colleague(unit, None, AddColleague(name, display_name or name, role))
    click.echo(link)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each case.")
@told_plainly
def cases(as_json: bool) -> None:
    """Print the cases that you can read: number, title, state."""
    from tipline import casework

    for case in casework.list_cases(Settings(), _credentials()):
        facts = {"number": case.number, "title": case.title, "state": case.state}
        click.echo(json.dumps(facts, ensure_ascii=False) if as_json else "\t".join(facts.values()))


@main.command()
@click.argument("case")
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path), help="A folder that does not exist yet, or is empty.")
@click.option(
    "--purpose", default="Made on the command line", show_default=True, help="What the export is for; it enters the custody record."
)
@told_plainly
def export(case: str, folder: Path, purpose: str) -> None:
    """Write the bundle of CASE, all its exhibits, into a folder, as the screen makes it."""
    from tipline import casework

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.BadParameter("it exists and is not an empty folder", param_hint="--to")
    casework.export_case(Settings(), _credentials(), casework.Wanted(case, folder, purpose), lambda text: click.echo(text, err=True))
    click.echo(str(folder))


@main.group("search")
def search_index() -> None:
    """The search index."""


@search_index.command("rebuild")
@click.option("--program", metavar="NAME", help="Short name of one program, as in its public address. Default: all that you hold.")
@told_plainly
def rebuild(program: str | None) -> None:
    """Have the search index of your programs made anew by the worker, under a leave that ends with it."""
    from tipline import casework

    casework.rebuild_search(Settings(), _credentials(), program, lambda text: click.echo(text, err=True))
    click.echo("The search index is made.")


@main.command()
@told_plainly
def demo() -> None:
    """Load a fictional case through the services that people use, into a data folder that is not in use yet."""
    from tipline import jobs
    from tipline.demo import claims, matters, story

    settings = Settings()
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    jobs.migrate(settings.database)
    told = story.tell(settings, click.echo)
    click.echo("A reward claim with its first approval")
    claims.tell_claim(told)
    click.echo("Subjects, events and a decision of the case")
    matters.tell_matters(told)
    told.close()
    click.echo(f"Sign in with what stands in {settings.data / 'demo-staff.json'}.")
    click.echo(f"Codes of letters to check are in {settings.data / 'demo' / 'letters.csv'}.")


def _credentials() -> Any:
    """Return who acts: from TIPLINE_USER and TIPLINE_PASSPHRASE_FILE, else asked for on the terminal."""
    from tipline import terminal

    found = terminal.credentials_from_environment()
    if found is not None:
        return found
    login = click.prompt("Name", err=True)
    return terminal.Credentials(login, click.prompt("Passphrase", hide_input=True, err=True))


if __name__ == "__main__":
    main()
