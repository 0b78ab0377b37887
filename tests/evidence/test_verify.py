"""verify.py: says yes to a good bundle, and names what was done to any other."""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import bundle, checkpoint, custody, manifest, merkle, records, signing, verify
from evidence.verify import Wanted, verify_bundle
from tests.evidence.bundles import FILES, ORIGIN, Installation, exhibits_of, export, make_bundle

HERE = Path(verify.__file__)
LATER_THAN_3_8 = {"removeprefix", "removesuffix", "is_relative_to", "bit_count", "readlink", "with_stem", "hardlink_to", "pairwise"}
LATER_THAN_3_8 |= {"file_digest", "cache", "randbytes", "to_thread", "batched", "walk_up", "full_match", "UTC", "fromisoformat"}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Path]:
    return make_bundle(tmp_path_factory.mktemp("good") / "NS-2026-0007-export-01")


@pytest.fixture
def copy(good: tuple[Installation, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(good[1], tmp_path / "copy"))


def fingerprint(house: Installation) -> str:
    return signing.ssh_fingerprint(house.log.public)


def test_it_is_one_file_of_the_standard_library_in_the_syntax_of_python_3_8() -> None:
    tree = ast.parse(HERE.read_text(), feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not attributes & LATER_THAN_3_8
    assert not any(isinstance(node, ast.keyword) and node.arg == "strict" and call_name(tree, node) == "zip" for node in ast.walk(tree))


def test_its_annotations_mean_something_to_python_3_8() -> None:
    tree = ast.parse(HERE.read_text())
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    fields = [node.annotation for found in classes for node in found.body if isinstance(node, ast.AnnAssign)]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    returned = [node.returns for node in functions if node.returns is not None]
    arguments = [argument for node in functions for argument in [*node.args.args, node.args.vararg] if argument is not None]
    taken = [argument.annotation for argument in arguments if argument.annotation is not None]
    for node in [inner for annotation in [*fields, *returned, *taken] for inner in ast.walk(annotation)]:
        assert not isinstance(node, ast.BinOp), ast.unparse(node)
        assert not (isinstance(node, ast.Name) and node.id in {"dict", "list", "tuple", "set"}), ast.unparse(node)


def test_it_joins_no_dictionaries_with_a_bar_and_needs_no_newer_modules() -> None:
    tree = ast.parse(HERE.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not imported & {"zoneinfo", "graphlib", "tomllib"}
    bars = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.BitOr)]
    assert not any(isinstance(side, ast.Dict | ast.DictComp) for node in bars for side in ast.iter_child_nodes(node))
    strict = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg in {"strict_mode", "usedforsecurity", "slots"}]
    assert strict == []


def test_nothing_that_lies_in_a_bundle_is_run_by_it(copy: Path) -> None:
    names = ["__future__", "argparse", "base64", "collections", "concurrent", "csv", "hashlib", "io", "json", "os", "pathlib", "re"]
    names += [
        "binascii",
        "datetime",
        "stat",
        "subprocess",
        "tempfile",
        "selectors",
        "signal",
        "threading",
        "typing",
        "encodings",
        "codecs",
        "abc",
        "enum",
        "struct",
        "random",
        "locale",
        "gettext",
        "shutil",
        "fnmatch",
        "urllib",
    ]
    for name in names:
        (copy / f"{name}.py").write_text("print('planted code ran')\n")
    done = subprocess.run([sys.executable, "verify.py"], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "planted code ran" not in done.stdout
    for name in names:
        assert f"FAIL  {name}.py: stands in no manifest (added)" in done.stdout


def call_name(tree: ast.AST, keyword: ast.keyword) -> str:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and keyword in node.keywords]
    return calls[0].func.id if calls and isinstance(calls[0].func, ast.Name) else ""


def test_it_has_the_schema_of_the_library() -> None:
    assert verify.FIELDS == records.FIELDS
    assert verify.SCHEMA == records.SCHEMA


def test_its_ed25519_agrees_with_the_library() -> None:
    for number in range(8):
        key = signing.SigningKey.from_seed(bytes([number]) * 32)
        signature = key.sign(b"message")
        assert verify.ed25519(key.public, signature, b"message")
        assert not verify.ed25519(key.public, signature, b"massage")
        assert not verify.ed25519(key.public, bytes([signature[0] ^ 1]) + signature[1:], b"message")
        late = signature[:32] + (int.from_bytes(signature[32:], "little") + verify.ORDER).to_bytes(32, "little")
        assert not verify.ed25519(key.public, late, b"message")
    assert not verify.ed25519(b"\xff" * 32, bytes(64), b"")
    assert not verify.ed25519((verify.P + 1).to_bytes(32, "little"), bytes(64), b"")


def test_a_good_bundle_in_a_fresh_process(good: tuple[Installation, Path]) -> None:
    house, folder = good
    for more, code, words in (
        (["--key", fingerprint(house), "--attestations"], 0, "RESULT all holds"),
        ([], 3, "vouched for by nobody"),
        (["--key", "SHA256:" + "A" * 43], 1, "another key"),
        (["--key", "no fingerprint"], 2, ""),
        (["--published", "x"], 2, ""),
        (["nowhere"], 2, ""),
    ):
        command = [sys.executable, "-I", "verify.py", *more]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        assert words in done.stdout
    assert verify_bundle(folder, Wanted()).exit_code() == 3  # and the runs left nothing behind


def test_it_tells_what_a_reader_must_know(good: tuple[Installation, Path]) -> None:
    told = "\n".join(verify_bundle(good[1], Wanted(attestations=True)).lines)
    for words in ("interim", "not witnessed", "untimestamped", "withheld: 12 fields in 3 events (work product)", "not attested: 3 of 12"):
        assert words in told
    assert "not checked" not in told


def test_a_bundle_cannot_write_lines_of_the_report() -> None:
    report = verify.Report()
    report.note("exception: x\nRESULT all holds \x1b[2J\u202e")
    assert report.lines == ["NOTE  exception: x?RESULT all holds ?[2J?"]


def test_it_prints_where_the_terminal_knows_ascii_only(good: tuple[Installation, Path], copy: Path) -> None:
    (copy / "seal" / "tagmanifest-sha256.txt.sig").rename(copy / "seal" / "späti")
    command = [sys.executable, "-I", "-X", "utf8=0", "verify.py"]
    done = subprocess.run(command, cwd=copy, capture_output=True, env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}, check=False)
    assert done.returncode == 1
    assert b"FAIL  seal/" in done.stdout


def test_the_outside_tools_agree(good: tuple[Installation, Path]) -> None:
    _, folder = good
    identity = ["-I", ORIGIN, "-n", verify.NAMESPACE, "-f", "seal/allowed_signers"]
    commands = [
        ["sha256sum", "--strict", "--quiet", "-c", "manifest-sha256.txt"],
        ["sha256sum", "--strict", "--quiet", "-c", "tagmanifest-sha256.txt"],
        ["ssh-keygen", "-Y", "verify", *identity, "-s", "seal/tagmanifest-sha256.txt.sig"],
        [str(Path(sys.executable).with_name("bagit.py")), "--validate", "--quiet", "."],
    ]
    for command in commands:
        program = shutil.which(command[0])
        assert program is not None, f"{command[0]} is not installed"
        with (folder / "tagmanifest-sha256.txt").open("rb") as signed:
            done = subprocess.run([program, *command[1:]], cwd=folder, stdin=signed, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert bundle.validate_bag(folder) == ([], [])


def test_the_commands_of_the_readme_work(good: tuple[Installation, Path]) -> None:
    house, folder = good
    text = (folder / "README-VERIFY.txt").read_text().replace("\\\n", "")
    commands = re.findall(r"^    ((?:sha256sum|bagit\.py|ssh-keygen|python3) .*)$", text, re.M)
    assert [command.split()[0] for command in commands] == ["sha256sum", "sha256sum", "bagit.py", "ssh-keygen", "python3"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        line = command.replace("FINGERPRINT", fingerprint(house))
        done = subprocess.run(["bash", "-c", line], cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"


def damages(path: Path) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """What can be done to one file without the log key."""
    data = path.read_bytes()
    yield "grown", lambda file: file.write_bytes(data + b"\n")
    yield "removed", lambda file: file.unlink()
    if data:
        yield "cut", lambda file: file.write_bytes(data[:-1])
        yield "emptied", lambda file: file.write_bytes(b"")
        for place in sorted({0, len(data) // 2, len(data) - 1}):
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            yield f"changed at {place}", lambda file, changed=changed: file.write_bytes(changed)


def test_any_damage_to_any_file_is_named(good: tuple[Installation, Path], copy: Path) -> None:
    wanted = Wanted(key=fingerprint(good[0]))
    count = 0
    for path in manifest.list_files(good[1]):
        for what, damage in damages(good[1] / path):
            damage(copy / path)
            report = verify_bundle(copy, wanted)
            assert report.exit_code() == 1, f"{path} {what}"
            named = [problem for problem in report.problems if path in problem or path.rpartition("/")[2] in problem]
            assert named, f"{path} {what}: {report.problems}"
            shutil.copyfile(good[1] / path, copy / path)
            count += 1
    assert count > 100
    assert verify_bundle(copy, wanted).exit_code() == 0


ADDED = ["added", "data/added", "data/originals/added", "custody/added", "seal/added", ".hidden", "manifest-md5.txt"]


@pytest.mark.parametrize("path", ADDED)
def test_any_added_file_is_named(copy: Path, path: str) -> None:
    (copy / path).write_bytes(b"x")
    assert any(path in problem for problem in verify_bundle(copy, Wanted()).problems)


def test_added_folders_and_links_are_named(copy: Path) -> None:
    (copy / "data/empty").mkdir()
    (copy / "data/originals/EX-2026-0007-01.bin").rename(copy.parent / "elsewhere")
    (copy / "data/originals/EX-2026-0007-01.bin").symlink_to(copy.parent / "elsewhere")
    problems = verify_bundle(copy, Wanted()).problems
    assert any("data/empty" in problem for problem in problems)
    assert any("EX-2026-0007-01.bin: neither" in problem for problem in problems)


def reseal(house: Installation, folder: Path) -> None:
    """Make manifests and signature fit again, as only the holder of the log key can."""
    beside = [path for path in manifest.list_files(folder) if not path.startswith(("data/", "seal/")) and path != manifest.TAGS]
    tags = manifest.lines({path: manifest.hash_file(folder / path) for path in beside})
    (folder / manifest.TAGS).write_bytes(tags)
    (folder / "seal" / verify.SIGNATURE).write_text(signing.ssh_signature(house.log, tags, verify.NAMESPACE))


def rewrite(house: Installation, folder: Path, name: str, lines: list[str]) -> verify.Report:
    (folder / name).write_text("".join(line + "\n" for line in lines))
    if name == "custody/events.jsonl":
        events = [custody.decode_event(line) for line in lines]
        (folder / "custody/events.csv").write_bytes(verify.events_csv([(event.index, event.values()) for event in events]).encode())
    reseal(house, folder)
    return verify_bundle(folder, Wanted(key=fingerprint(house), attestations=True))


@pytest.mark.parametrize("name", ["custody/events.jsonl", "custody/keys.jsonl"])
def test_not_even_the_log_key_can_drop_swap_or_repeat_a_line(good: tuple[Installation, Path], copy: Path, name: str) -> None:
    house, folder = good
    lines = (folder / name).read_text().splitlines()
    assert rewrite(house, copy, name, lines).exit_code() == 0
    for place in range(len(lines)):
        cut = lines[:place] + lines[place + 1 :]
        assert rewrite(house, copy, name, cut).exit_code() == 1, f"line {place + 1} dropped"
        assert rewrite(house, copy, name, [*lines, lines[place]]).exit_code() == 1, f"line {place + 1} repeated"
        if place:
            swapped = [*lines[: place - 1], lines[place], lines[place - 1], *lines[place + 1 :]]
            same_exhibit = json.loads(lines[place])["index"] - json.loads(lines[place - 1])["index"] == 1
            assert rewrite(house, copy, name, swapped).exit_code() == 1 or not same_exhibit


def test_not_even_the_log_key_can_change_a_line(good: tuple[Installation, Path], copy: Path) -> None:
    house, folder = good
    lines = (folder / "custody/events.jsonl").read_text().splitlines()
    for field in range(len(verify.FIELDS)):
        found = json.loads(lines[1])
        data = records.canonical.unb64url(found["fields"][field][2:])
        if found["fields"][field].startswith("d:"):
            salt, name, value = json.loads(data)
            data = records.canonical.encode([salt, name, f"{value}x"])
        else:
            data = bytes([data[0] ^ 1]) + data[1:]
        found["fields"][field] = found["fields"][field][:2] + records.canonical.b64url(data)
        report = rewrite(house, copy, "custody/events.jsonl", [lines[0], records.canonical.encode(found).decode(), *lines[2:]])
        assert any("custody/events.jsonl line 2" in problem for problem in report.problems), verify.FIELDS[field]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda line: {**line, "index": line["index"] + 1}, "line 1: the event is not the one at index"),
        (lambda line: {**line, "index": 10**9}, "line 1: the event is not the one at index"),
        (lambda line: {**line, "index": True}, "line 1: not a custody line"),
        (lambda line: {**line, "proof": line["proof"][:-1]}, "line 1: the proof is too short"),
        (lambda line: {**line, "proof": [*line["proof"], line["proof"][0]]}, "line 1: the proof is too long"),
        (lambda line: {**line, "fields": line["fields"][:-1]}, "line 1: not a custody line"),
        (lambda line: {**line, "more": 1}, "line 1: not a custody line"),
        (lambda line: {**line, "reasons": {"kind": "x"}}, "line 1: a reason must stand"),
        (lambda line: {**line, "attest": {"withheld": "AA"}}, "line 1: base64"),
        (lambda line: {**line, "attest": {}}, "line 1: no list of signatures"),
        (lambda line: {**line, "attest": {**line["attest"], "list": []}}, "line 1: the event is not the one"),
    ],
)
def test_it_names_the_line(good: tuple[Installation, Path], copy: Path, change: Callable[[dict[str, object]], object], words: str) -> None:
    house, folder = good
    lines = (folder / "custody/events.jsonl").read_text().splitlines()
    lines[0] = json.dumps(change(json.loads(lines[0])))
    (copy / "custody/events.jsonl").write_text("".join(line + "\n" for line in lines))
    reseal(house, copy)
    assert any(words in problem for problem in verify_bundle(copy, Wanted()).problems)


def made_otherwise(tmp_path: Path, change: Callable[[Installation], None], exported: dict[str, bytes] | None = None) -> verify.Report:
    """A bundle made by somebody with all keys, who did something else on the way."""
    house = Installation()
    house.add_keys()
    for exhibit, data in FILES.items():
        house.acquire(exhibit, data, exhibit)
    folder = tmp_path / "NS-2026-0007-export-01"
    payload = bundle.write_payload(folder, exhibits_of(FILES if exported is None else exported), {"number": "NS-2026-0007"})
    export(house, FILES, payload)
    change(house)
    files = bundle._tag_files((folder / manifest.PAYLOAD).read_bytes(), "0.0", house.seal(FILES if exported is None else exported))
    for path, data in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    return verify_bundle(folder, Wanted(key=fingerprint(house), attestations=True))


def test_an_exhibit_of_the_act_cannot_be_left_out(tmp_path: Path) -> None:
    report = made_otherwise(tmp_path, lambda house: None, {name: FILES[name] for name in ("ex1", "ex2")})
    assert report.problems == ["custody/events.jsonl: the bundle does not hold exactly the exhibits of one act of export"]


def test_nothing_can_follow_the_export(tmp_path: Path) -> None:
    report = made_otherwise(tmp_path, lambda house: house.acquire("ex1", b"", "late"))
    assert any("the last event of exhibit ex1 is not its export" in problem for problem in report.problems)


def test_a_key_that_ended_signs_no_more(tmp_path: Path) -> None:
    def retire(house: Installation) -> None:
        house.record("installation", {"kind": "KEY_RETIRED", "key_id": signing.key_id(house.log.public), "role": "log"})

    assert any("does not hold the log key as valid" in problem for problem in made_otherwise(tmp_path, retire).problems)


def test_an_export_needs_a_person(tmp_path: Path) -> None:
    def unsigned(house: Installation) -> None:
        for exhibit in FILES:
            place, opening = house.chains[exhibit].pop()
            again = records.new_opening(opening.fields(), [house.process])
            house.chains[exhibit].append((place, again))
        entries = sorted((place, opening.entry()) for chain in house.chains.values() for place, opening in chain)
        house.tree = merkle.Tree(merkle.leaf_hash(entry) for _, entry in entries)

    assert any("an export that no person signed" in problem for problem in made_otherwise(tmp_path, unsigned).problems)


def test_a_false_signature_shows_with_attestations_only(tmp_path: Path) -> None:
    def forge(house: Installation) -> None:
        house.chains["other"].clear()
        place, opening = house.chains["ex1"][-1]
        forged = tuple((key, signature[:-1] + bytes([signature[-1] ^ 1])) for key, signature in opening.attestations)
        house.chains["ex1"][-1] = (place, records.Opening(opening.event_key, opening.values, opening.attest_salt, forged))
        leaves = [merkle.EMPTY_ROOT] * house.tree.size
        for place, found in [item for chain in house.chains.values() for item in chain]:
            leaves[place] = merkle.leaf_hash(found.entry())
        house.tree = merkle.Tree(leaves)

    report = made_otherwise(tmp_path, forge)
    assert report.problems == ["custody/events.jsonl line 3: a false signature"]


def test_a_published_checkpoint_covers_the_bundle(good: tuple[Installation, Path], tmp_path: Path) -> None:
    house, folder = good
    size = house.tree.size
    later = merkle.Tree(house.tree.node(0, place) for place in range(size))
    for number in range(64 - size):
        later.append(merkle.leaf_hash(bytes([number]) * 32))
    note = checkpoint.sign_checkpoint(checkpoint.Checkpoint(ORIGIN, 64, later.root()), house.log)
    (tmp_path / "checkpoint").write_text(note)
    (tmp_path / "proof").write_text(checkpoint.encode_consistency(size, 64, later.consistency(size)))
    more = ["--key", fingerprint(house), "--published", str(tmp_path / "checkpoint"), "--proof", str(tmp_path / "proof"), str(folder)]
    assert verify.main(more) == 0
    told = "\n".join(verify_bundle(folder, Wanted(published=tmp_path / "checkpoint", proof=tmp_path / "proof")).lines)
    assert "interim" not in told
    assert "size 64 covers" in told
    later.append(bytes(32))
    (tmp_path / "proof").write_text(checkpoint.encode_consistency(size, 64, later.consistency(size, 65)))
    assert verify.main(more) == 1
    (tmp_path / "proof").write_text(checkpoint.encode_consistency(0, 64, []))
    assert verify.main(more) == 1
    (tmp_path / "checkpoint").write_text(note.replace("64", "65", 1))
    assert verify.main(more) == 1


SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.sampled_from(["", "d:", "c:", "A" * 43, "d:" + "A" * 43])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6
)
ATTEST = JSON | st.fixed_dictionaries({"salt": JSON, "list": JSON}) | st.fixed_dictionaries({"withheld": JSON})
FIELDS = JSON | st.lists(SCALARS, min_size=38, max_size=38)
PROOF = JSON | st.lists(SCALARS, max_size=3)
LINES = st.fixed_dictionaries({"index": JSON, "fields": FIELDS, "reasons": JSON, "attest": ATTEST, "proof": PROOF})
NAMES = ["exhibit", "exhibit_seq", "exhibit_prev", "kind", "key_id", "role"]


@given(JSON | LINES)
def test_a_hostile_line_is_refused_and_never_crashes_the_verifier(line: object) -> None:
    with pytest.raises(verify.Broken, match="line 1"):
        verify.read_event(records.canonical.encode(line), "line 1")


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), SCALARS), max_size=3))
def test_hostile_values_are_refused_and_never_crash_the_verifier(found: list[dict[str, object]]) -> None:
    events = [verify.Event(f"line {place}", place, values, {}, [], b"", b"", []) for place, values in enumerate(found)]
    report = verify.Report()
    chains = report.step(verify.check_chains, events)
    assert report.step(verify.check_keys, events, bytes(32)) is None
    assert chains is None or not events
    assert report.problems


@pytest.mark.parametrize("text", ["{}", "1.5", '{"a":1,"a":1}', "[" * 100_000, '"\\ud800"', "9007199254740993", ""])
def test_strict_json_of_the_verifier(text: str) -> None:
    if text == "{}":
        assert verify.strict_json(text.encode(), "here") == {}
    else:
        with pytest.raises(verify.Broken, match="here"):
            verify.strict_json(text.encode(), "here")


@pytest.mark.parametrize("text", ["A", "AA==", "AB", "A A", None, 7, ["AA"]])
def test_strict_base64_of_the_verifier(text: object) -> None:
    with pytest.raises(verify.Broken):
        verify.unb64(text, "here")
    assert verify.unb64(base64.b64encode(b"\xff").decode(), "here", url=False) == b"\xff"
