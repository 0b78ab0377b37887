"""The command line: help, exit codes, words; and the whole site as one command on real ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.evidence.object_lock import make_locking_bucket
from tests.installations import PASSPHRASE, Installation
from tests.servers import RunningS3
from tests.sparing import path_of_servers
from tipline import supervisor
from tipline.cases import services as cases
from tipline.cli import main
from tipline.config import Settings
from tipline.db import upgrade
from tipline.doctor import check_anchor, check_database, check_keys, check_lock, check_storage, check_worker
from tipline.supervisor import Ports, with_ports

ROOT = Path(__file__).parents[2]
COMMANDS = (
    ["run"],
    ["work"],
    ["db", "upgrade"],
    ["demo"],
    ["doctor"],
    ["keys", "show"],
    ["keys", "rotate"],
    ["recover"],
    ["user", "add"],
    ["cases"],
    ["export"],
    ["scrub"],
    ["onion"],
    ["search", "rebuild"],
)


@pytest.fixture
def tell(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run a command on the installation in this process; exit code and all that it printed."""
    monkeypatch.setenv("TIPLINE_DATA", str(installation.settings.data))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, list(arguments))
        return done.exit_code, done.output

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: list[str]) -> None:
    done = CliRunner().invoke(main, [*command, "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.output


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["user", "add"], ["user", "add", "x", "--role", "king"], ["export", "C"], ["run", "--public-port", "0"]]
)
def test_bad_usage_exits_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_keys_are_shown_a_line_each(tell: Callable[..., tuple[int, str]]) -> None:
    code, said = tell("keys", "show")
    assert code == 0
    purposes = [line.split("\t")[0] for line in said.splitlines()]
    assert purposes[0].startswith("Log key")
    assert all(len(line.split("\t")) == 2 for line in said.splitlines())
    code, said = tell("keys", "show", "--json")
    assert [json.loads(line)["purpose"] for line in said.splitlines()] == purposes


def test_a_colleague_is_invited_by_a_link(tell: Callable[..., tuple[int, str]]) -> None:
    code, said = tell("user", "add", "n.reyes", "--role", "counsel", "--display-name", "N. Reyes")
    assert code == 0
    assert said.startswith("http://localhost:8001/setup/")
    code, said = tell("user", "add", "n.reyes", "--role", "counsel")
    assert code == 1
    assert "Somebody already signs in as n.reyes." in said


def test_cases_are_listed_to_who_can_read_them(
    tell: Callable[..., tuple[int, str]], installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installation.work() as work:
        case = cases.open_case(work, installation.actor("investigator"), cases.OpenCase(installation.program_id, "The 75-member letter"))
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    monkeypatch.setenv("TIPLINE_USER", "d.acosta")
    monkeypatch.setenv("TIPLINE_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    assert tell("cases") == (0, f"{case.number}\tThe 75-member letter\tworking\n")
    (tmp_path / "passphrase").write_text("wrong words entirely\n")
    code, said = tell("cases")
    assert code == 1
    assert "do not go together" in said


def test_tries_on_the_command_line_count_too(tell: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "passphrase").write_text("wrong\n")
    monkeypatch.setenv("TIPLINE_USER", "d.acosta")
    monkeypatch.setenv("TIPLINE_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    assert [tell("cases")[0] for _ in range(5)] == [1] * 5
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    assert tell("cases")[0] == 1, "paused"


def test_an_export_wants_a_folder_that_is_empty(tell: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert tell("export", "NS-2026-0001", "--to", str(tmp_path))[0] == 2


def test_the_doctor_says_which_keys_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIPLINE_DATA", str(tmp_path / "nothing"))
    upgrade(Settings().database)
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 1
    assert "fails    Key folders" in done.output


def test_db_upgrade_makes_the_tables_of_the_job_queue_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIPLINE_DATA", str(tmp_path / "new"))
    for _ in range(2):
        assert CliRunner().invoke(main, ["db", "upgrade"]).exit_code == 0
    assert check_database(Settings()).state == "works"


def test_the_doctor_finds_a_sound_installation_sound(installation: Installation) -> None:
    settings = installation.settings
    installation.sequence()
    assert check_keys(settings).state == "works"
    assert check_database(settings).state == "works"
    assert check_storage(settings).state == "works"
    assert check_worker(settings).state == "missing"
    assert check_anchor(settings).found == "it lies on the disk of the data folder."


def test_the_doctor_finds_what_is_wrong(installation: Installation) -> None:
    settings = installation.settings
    (settings.keys("worker") / "log.key").chmod(0o644)
    assert "worker/log.key" in check_keys(settings).found
    (settings.keys("worker") / "log.key").unlink()
    assert check_keys(settings).found == "missing worker/log.key."
    objects = settings.model_copy(update={"storage_url": "/proc/nowhere"})
    assert check_storage(objects).state == "fails"


def test_the_doctor_says_where_there_is_no_object_lock(settings: Settings) -> None:
    settings.data.mkdir()
    unset = check_lock(settings)
    assert (unset.state, "A folder has none" in unset.lost) == ("missing", True)
    assert check_lock(Settings(data=settings.data, object_lock_days=3)).state == "fails"  # a folder can't lock


@pytest.mark.servers
def test_the_doctor_tries_the_lock_and_looks_for_old_versions(settings: Settings, s3_server: RunningS3) -> None:
    make_locking_bucket(s3_server, "doctors")
    good = Settings(data=settings.data, storage_url=f"{s3_server.url}&locked=doctors", object_lock_days=3)
    assert (check_lock(good).state, check_storage(good).state) == ("works", "works")
    without = Settings(data=settings.data, storage_url=f"{s3_server.url}&locked=nobody-made-this", object_lock_days=3)
    assert check_lock(without).state == "fails"
    versioned = Settings(data=settings.data, storage_url=s3_server.url.replace("tipline-test", "doctors"))
    assert "old versions" in check_storage(versioned).found


def test_a_lawyer_takes_a_bundle_away_that_verifies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIPLINE_DATA", str(tmp_path / "demo"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the worker that the export starts for itself
    assert CliRunner().invoke(main, ["demo"]).exit_code == 0
    people = json.loads((tmp_path / "demo" / "demo-staff.json").read_text())
    lawyer = next(person for person in people if person["role"] == "counsel")
    monkeypatch.setenv("TIPLINE_USER", lawyer["user"])
    monkeypatch.setenv("TIPLINE_PASSPHRASE_FILE", lawyer["passphrase_file"])
    number = CliRunner().invoke(main, ["cases"]).output.split("\t")[0]
    done = CliRunner().invoke(main, ["export", number, "--to", str(tmp_path / "bundle")])
    assert done.exit_code == 0, done.output
    fingerprint = CliRunner().invoke(main, ["keys", "show"]).output.splitlines()[0].split("\t")[1]
    verifier = [sys.executable, "verify.py", "--attestations", "--key", fingerprint]
    verified = subprocess.run(verifier, cwd=tmp_path / "bundle", capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


# the whole site


def free_ports() -> Ports:
    sockets = [socket.socket() for _ in range(3)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = Ports(*(one.getsockname()[1] for one in sockets))
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[[Ports], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(ports: Ports) -> subprocess.Popen[str]:
        options = [f"--{name}-port={port}" for name, port in ports.by_name().items()]
        environment = {**os.environ, "TIPLINE_DATA": str(tmp_path / "instance"), "PYTHONPATH": path_of_servers()}
        command = [sys.executable, "-m", "tipline", "run", *options]
        with (tmp_path / "err").open("a") as errors:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=tmp_path)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def read_greeting(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("All state lies in"):
            break
    return "".join(lines)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_one_command_serves_everything_and_takes_everything_down(site: Callable[[Ports], subprocess.Popen[str]]) -> None:
    ports = free_ports()
    process = site(ports)
    said = read_greeting(process)
    assert f"http://127.0.0.1:{ports.public}\n" in said
    assert f"http://localhost:{ports.console}/setup/" in said
    with urllib.request.urlopen(f"http://127.0.0.1:{ports.public}/") as page:
        assert page.status == 200
        assert page.headers["Server"] == "web"
    link = next(line.strip() for line in said.splitlines() if "/setup/" in line)
    with urllib.request.urlopen(link) as page:
        assert page.status == 200
    with socket.socket(socket.AF_INET6) as other, pytest.raises(OSError, match="in use"):
        other.bind(("::1", ports.console))  # where a browser looks for localhost too, no other program can wait for the passphrases
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert not any(answers(port) for port in ports.by_name().values())


def test_a_killed_supervisor_takes_its_children_along(site: Callable[[Ports], subprocess.Popen[str]]) -> None:
    ports = free_ports()
    process = site(ports)
    read_greeting(process)
    process.kill()
    assert wait_until(lambda: not any(answers(port) for port in ports.by_name().values()))


def test_a_taken_port_is_named_before_anything_starts(site: Callable[[Ports], subprocess.Popen[str]], tmp_path: Path) -> None:
    ports = free_ports()
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", ports.console))
        squatter.listen()
        assert site(ports).wait(60) == 1
    assert f"Port {ports.console} of the console face is taken" in (tmp_path / "err").read_text()
    assert not (tmp_path / "instance").exists()


def test_origins_follow_the_ports_unless_the_operator_set_them() -> None:
    settings = with_ports(Settings(public_origin="https://tips.example.org"), Ports(9000, 9001, 9002))
    assert settings.public_origin == "https://tips.example.org"
    assert settings.console_origin == "http://localhost:9001"
    assert settings.files_origin == "http://127.0.0.1:9002"


def test_a_child_that_keeps_dying_is_not_started_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: clock[0])
    child = supervisor.Child("public", [], {})
    assert [child.may_start_again() for _ in range(5)] == [True, True, True, True, False]
    clock[0] += supervisor.DEATHS_WITHIN + 1
    assert child.may_start_again()
