"""An examiner's folder and the bare vault, with every system call of an acquisition, an append, an export... failing in turn."""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from evidence import cli
from evidence import verify as verifier
from evidence.folder import keyring, person
from evidence.keys import Identity, passphrase_key
from evidence.storage.disk import DiskStore
from evidence.vault import Vault
from tests.faults.counting import Tally
from tests.faults.holds import broken_folder, broken_vault, entries
from tests.faults.injector import Outcome
from tests.faults.sweeping import Scene, sweep
from tests.faults.test_damage import Damages

PASSPHRASE = "six words that nobody will guess"
READER = Identity.generate()
FILE = bytes(range(256)) * 400
SHARE = 14


def store_in(vault: Vault, data: bytes = FILE) -> dict[str, str]:
    """Acquire something; returns object name and digest."""
    with vault.receive() as receiving:
        for start in range(0, len(data), 65536):
            receiving.write(data[start : start + 65536])
        sealed = receiving.finish()
    vault.add_key(sealed.keyfile, [READER.recipient])
    return {sealed.keyfile.object_name: sealed.keyfile.plaintext_digest}


# the bare vault


@pytest.fixture(scope="module")
def vault_before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A vault with two objects, one of them with a grant and with two key files."""
    place = tmp_path_factory.mktemp("vault")
    vault = Vault(DiskStore(place / "objects"))
    whole = store_in(vault) | store_in(vault, b"small")
    keyfile = vault.open_key(next(iter(whole)), READER)
    vault.add_key(keyfile, [READER.recipient])
    vault.add_grant(keyfile, "a1", [READER.recipient])
    return place, whole


def acquire(vault: Vault, _whole: dict[str, str]) -> dict[str, str]:
    return store_in(vault)


def store_batch(vault: Vault, whole: dict[str, str]) -> dict[str, str]:
    """A text, a file that arrived, their key files and a grant at once, as Send does."""
    batch, receiving = vault.batch(), vault.receive()
    receiving.write(FILE)
    file, text = receiving.end(), batch.seal(b"what happened")
    batch.add(receiving, file)
    for sealed in (file, text):
        batch.add_key(sealed.keyfile, [READER.recipient])
        batch.add_grant(sealed.keyfile, "b2", [READER.recipient])
    batch.store()
    return {sealed.keyfile.object_name: sealed.keyfile.plaintext_digest for sealed in (file, text)}


def rotate(vault: Vault, whole: dict[str, str]) -> dict[str, str]:
    keyfile = vault.open_key(next(iter(whole)), READER)
    vault.add_key(keyfile, [READER.recipient])
    vault.remove_old_keys(keyfile.object_name)
    vault.remove_grant(keyfile.object_name, "a1")
    return {}


@pytest.mark.parametrize("act", [acquire, store_batch, rotate], ids=lambda act: act.__name__)
def test_a_vault(act: Callable[..., dict[str, str]], vault_before: tuple[Path, dict[str, str]], tmp_path: Path, tally: Tally) -> None:
    template, whole = vault_before

    def run(data: Path) -> dict[str, str]:
        return act(Vault(DiskStore(data / "objects")), whole)

    def check(data: Path, outcome: Outcome) -> list[str]:
        told = _read(outcome) if outcome.acknowledged else {}
        wrong = broken_vault(data / "objects", READER, whole | told)
        again = run(data)  # what a fault cut off can be done again
        return wrong + broken_vault(data / "objects", READER, whole | told | again)

    sweep(Scene(template, lambda data: lambda: run(data), check), tmp_path, tally, SHARE)
    tally.check()


def test_a_removal(vault_before: tuple[Path, dict[str, str]], tmp_path: Path, tally: Tally) -> None:
    template, whole = vault_before
    gone, kept = list(whole)

    def run(data: Path) -> None:
        Vault(DiskStore(data / "objects")).remove(gone)

    def check(data: Path, outcome: Outcome) -> list[str]:
        wrong = broken_vault(data / "objects", READER, {kept: whole[kept]})
        vault = Vault(DiskStore(data / "objects"))
        if not outcome.acknowledged and vault.store.exists(f"{gone}.age"):
            vault.remove(gone)
        left = list(vault.store.names(gone))
        return [*wrong, *(f"{name} is left of a removed object" for name in left)]

    sweep(Scene(template, lambda data: lambda: run(data), check), tmp_path, tally, SHARE)
    tally.check()


def _read(outcome: Outcome) -> dict[str, str]:
    return dict(json.loads(outcome.said))


# an examiner's folder, by its command line


@pytest.fixture(scope="module", autouse=True)
def _one_derivation() -> Iterator[None]:
    """The passphrase is stretched once for the module: the same inputs give the same key."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (keyring, person):
            patch.setattr(module, "passphrase_key", cache(passphrase_key))
        yield


@pytest.fixture(scope="module")
def folder_before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with three items; beside it the file to acquire and the passphrase."""
    place = tmp_path_factory.mktemp("examiner")
    (place / "passphrase").write_text(PASSPHRASE)
    template = place / "template"
    template.mkdir()
    (template / "new.bin").write_bytes(FILE)
    (template / "other.txt").write_bytes(b"other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cli.PASSPHRASE_FILE, str(place / "passphrase"))
        assert command("init", template / "case", "--examiner", "J. Rao") == 0
        assert command("acquire", template / "case", template / "new.bin", template / "other.txt", template / "new.bin") == 0
        yield template


def command(*arguments: object) -> int:
    """Run the command line in this process; returns its exit code. An error that it does not tell in words is raised."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    try:
        cli.main([str(part) for part in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout, sys.stderr = before
    return 0


ACTS: dict[str, tuple[str, ...]] = {
    "acquire": ("acquire", "case", "new.bin"),
    "transfer": ("transfer", "case", "1", "2", "--to", "Lab"),
    "scrub": ("scrub", "case"),
    "export": ("export", "case", "1", "2", "--to", "bundle"),
    "export_zip": ("export", "case", "1", "--to", "bundle.zip"),
    "dispose": ("dispose", "case", "2", "--yes", "--authority", "court", "--reason", "order"),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_folder(act: str, folder_before: Path, tmp_path: Path, tally: Tally) -> None:
    recorded = entries(folder_before / "case", PASSPHRASE)

    def run(data: Path) -> int:
        paths = {"case", "new.bin", "bundle", "bundle.zip"}
        code = command(*(data / part if part in paths else part for part in ACTS[act]))
        if code:
            raise RuntimeError(f"exit {code}")
        return code

    def check(data: Path, outcome: Outcome) -> list[str]:
        wrong = broken_folder(data / "case", PASSPHRASE, recorded) + _bundle(data, outcome)
        if outcome.ended == "error" and not outcome.said.startswith("RuntimeError: exit"):
            wrong.append(f"an error without plain words: {outcome.said}")
        grown = len(entries(data / "case", PASSPHRASE)) > len(recorded)
        if outcome.acknowledged and not grown:
            wrong.append("the act was acknowledged and is not in the log")
        return wrong

    sweep(Scene(folder_before, lambda data: lambda: run(data), check), tmp_path, tally, SHARE)
    tally.check()


def _bundle(data: Path, outcome: Outcome) -> list[str]:
    """A bundle is whole or it is not there."""
    out, packed = data / "bundle", data / "bundle.zip"
    if packed.exists():
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(data)
    wrong = []
    if out.exists():
        found = verifier.verify_bundle(out, verifier.Wanted())
        wrong += [f"the bundle is broken: {problem}" for problem in found.problems]
    left = [path.name for path in data.iterdir() if path.name.startswith(".export-")]
    if left and _could_clean(outcome):
        wrong.append("an unfinished bundle was left behind")
    return wrong


def _could_clean(outcome: Outcome) -> bool:
    """Whether the program lived on, and the disk let it remove what it had begun."""
    if outcome.hit is None or outcome.fault is None or outcome.fault.kind in ("kill", "dead"):
        return outcome.hit is None
    return outcome.fault.kind != "eio" or ".export-" not in outcome.hit.path or outcome.hit.name in ("read", "write", "mkdir")


def test_a_damaged_folder(folder_before: Path, tmp_path: Path, tally: Tally) -> None:
    """Every file of a folder, spoiled: the next command says so; only a torn last line is dropped, where nothing was signed yet."""
    data = tmp_path / "case"
    shutil.copytree(folder_before / "case", data)
    names = [path.relative_to(data) for path in sorted(data.rglob("*")) if path.is_file() and path.name != "lock"]
    recorded = entries(data, PASSPHRASE)
    for name in names:
        other = (data / tally.chance.choice([each for each in names if each != name])).read_bytes()
        damages = Damages(tally.chance, other)
        for kind, damage in tally.share([*damages.flips(8 if name.suffix != ".age" else 3), *damages.others()], 8):
            whole = (data / name).read_bytes()
            if damage(whole) == whole:
                continue
            shutil.rmtree(data)
            shutil.copytree(folder_before / "case", data)
            (data / name).write_bytes(damage(whole))
            unnoticed = command("scrub", data) == 0 and entries(data, PASSPHRASE)[: len(recorded)] != recorded
            torn = name.name == "log.jsonl" and damage(whole).startswith(whole)
            harmless = torn or (name.name == "folder.json" and damage(whole) == whole.rstrip())
            wrong = ["nothing was noticed"] if unnoticed or not (harmless or command("scrub", data)) else []
            tally.add(f"{name}: {kind}", wrong)
            shutil.rmtree(data)
            shutil.copytree(folder_before / "case", data)
    tally.check(30)
