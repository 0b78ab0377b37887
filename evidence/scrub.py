"""Reading everything that is stored again, without any key: is it there, and are these the bytes that were put (SPEC 3.5)?

The name of an object is the SHA-256 of its bytes, so a scrub needs nothing but the names. Key files can't be checked that way: they have
to be there and to be age files.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from evidence.errors import EvidenceError, NotFound, UsageError
from evidence.storage import ObjectStore

READ_SIZE = 1 << 20
BLOCK = 512  # of ciphertext: no such run of zeros ever comes out of a cipher
_KEY = re.compile(r"[0-9a-f]{64}\.key\.([1-9][0-9]{0,8})\.age")
_AGE_FILE = re.compile(
    rb"age-encryption\.org/v1\n(-> [!-~]+( [!-~]+)*\n([A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63}\n)+--- [A-Za-z0-9+/]{43}\n.{32}", re.S
)
LARGEST_KEY_FILE = 1 << 20

FAULTS = {
    "missing": "The object is not in the store.",
    "unreadable": "The store did not give the object back.",
    "shortened": "The object is shorter than it was put.",
    "zeroed": "A part of the object holds zeros only.",
    "swapped": "Another object's bytes lie under this name.",
    "changed": "The object's bytes were changed.",
    "no_key": "The object has no key file.",
    "key_damaged": "The object's key file is no age file.",
}


@dataclass(frozen=True)
class Stored:
    """An object that has to be there. `length`: of its ciphertext, None where nobody noted it. `keyed`: a key file belongs to it."""

    name: str
    length: int | None = None
    keyed: bool = True


@dataclass(frozen=True)
class Finding:
    """What a scrub found of one object: `fault` is empty, or one of FAULTS. `read`: bytes of it that were read."""

    name: str
    fault: str = ""
    read: int = 0

    @property
    def words(self) -> str:
        """What is wrong, in a sentence; empty where nothing is."""
        return FAULTS.get(self.fault, "")


def in_share(name: str, parts: int, part: int) -> bool:
    """Whether an object belongs to part 0 to `parts` - 1 of all objects. Each belongs to one part, and never changes it."""
    if not 0 <= part < parts:
        raise UsageError("There is no such part.", "Parts are counted from 0.")
    return int.from_bytes(hashlib.sha256(b"tipline/share/1\0" + name.encode()).digest()[:8], "big") % parts == part


def parts_of(percent: int) -> int:
    """How many scrubs of this share read everything once. UsageError for a share below 1 or above 100 percent."""
    if not 1 <= percent <= 100:
        raise UsageError("A share is between 1 and 100 percent.", "Give 100 to read everything.")
    return -(-100 // percent)


def scrub(store: ObjectStore, objects: Iterable[Stored], workers: int = 2) -> Iterator[Finding]:
    """Read objects again, some at once, and say of each what was found, in the order that they were given.

    Memory does not grow with their number or size. Give them in the order of their names, and the last name that came back is where
    a scrub that was cut off goes on.
    """
    waiting: deque[Future[Finding]] = deque()
    source = iter(objects)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            for one in islice(source, 2 * workers):
                waiting.append(pool.submit(examine, store, one))
            while waiting:
                finding = waiting.popleft().result()
                waiting.extend(pool.submit(examine, store, one) for one in islice(source, 1))
                yield finding
        finally:
            for future in waiting:
                future.cancel()


def examine(store: ObjectStore, one: Stored) -> Finding:
    """Read one object and look at its key file."""
    try:
        fault, read = _object_fault(store, one)
        return Finding(one.name, fault or (_key_fault(store, one.name) if one.keyed else ""), read)
    except NotFound:
        return Finding(one.name, "missing")
    except (EvidenceError, OSError):
        return Finding(one.name, "unreadable")


def _object_fault(store: ObjectStore, one: Stored) -> tuple[str, int]:
    digest, read, zeros = hashlib.sha256(), 0, False
    with store.open(f"{one.name}.age") as source:
        while piece := source.read(READ_SIZE):
            digest.update(piece)
            read += len(piece)
            zeros = zeros or (bytes(BLOCK) in piece)
    found = digest.hexdigest()
    if found == one.name:
        return "", read
    if read and found != one.name and store.exists(f"{found}.age"):
        return "swapped", read
    if one.length is not None and read < one.length:
        return "shortened", read
    return ("zeroed" if zeros else "changed"), read


def _key_fault(store: ObjectStore, name: str) -> str:
    numbers = [int(match[1]) for found in store.names(f"{name}.key.") if (match := _KEY.fullmatch(found))]
    if not numbers:
        return "no_key"
    newest = f"{name}.key.{max(numbers)}.age"
    whole = 0 < store.size(newest) <= LARGEST_KEY_FILE and _AGE_FILE.match(store.read(newest))
    return "" if whole else "key_damaged"
