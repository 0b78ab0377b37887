"""Archives: what is in them, by their own lists. No file in them is unpacked."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, Literal, cast

from evidence.examine.inside import rars, sevenzips
from evidence.examine.inside.identifying import identify
from evidence.examine.inside.members import MOST_COUNTED, Directory
from evidence.examine.inside.traces import Found, add
from evidence.examine.media_types import SEVEN_ZIP

MOST_ENTRIES = 500
MOST_READ = 64 * 1024 * 1024  # of a compressed stream, to list the tar inside it
_WIDE = 100
_MOST_FOLDERS = 6
_FIRST_YEAR = 1980  # of a ZIP entry without a time
_NOBODY = frozenset({"", "root", "wheel", "staff", "users"})
_AES_METHOD, _AES_EXTRA, _AES_BITS = 99, b"\x01\x99", {1: 128, 2: 192, 3: 256}  # of WinZip
_GZIP_HEAD, _GZIP_EXTRA, _GZIP_NAME = 512, 4, 8  # RFC 1952, 2.3.1


@dataclass
class Listing:
    """Entries (name, size, kind, warning, SHA-256 where it was read), how many there are, and sentences about the whole."""

    entries: list[tuple[str, int, str, str, str]] = field(default_factory=list)
    count: int = 0
    size: int = 0
    complete: bool = True
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, size: int, kind: str, warning: str = "", sha256: str = "") -> None:
        """Count an entry, and keep it while there is room; -1 is a size that the archive does not say."""
        self.count += 1
        self.size += max(0, size)
        if len(self.entries) < MOST_ENTRIES:
            self.entries.append((name[:300], size, kind, warning, sha256))


class _Capped(io.RawIOBase):
    """A stream that ends after so many bytes, and remembers that it did."""

    def __init__(self, source: BinaryIO, most: int) -> None:
        self._source, self._left, self.cut = source, most, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        data = self._source.read(min(len(view), self._left))
        self.cut = self.cut or (not data and self._left == 0)
        self._left -= len(data)
        view[: len(data)] = data
        return len(data)


def list_zip(file: BinaryIO, size: int) -> Listing:
    """List a ZIP archive by its directory. Raises zipfile.BadZipFile."""
    listing = Listing()
    seen: set[str] = set()
    packed = 0
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
    for info in infos[:MOST_COUNTED]:
        mode = info.external_attr >> 16
        kind = "folder" if info.is_dir() else "link" if stat.S_ISLNK(mode) else "file"
        name = getattr(info, "orig_filename", info.filename)
        listing.add(name, info.file_size, kind, _name_warning(name, seen))
        seen.add(name)
        packed += info.compress_size
    listing.complete = len(infos) <= MOST_COUNTED
    _note_locked(listing, [bool(info.flag_bits & 1) for info in infos])
    if packed > size:
        listing.notes.append("Its entries overlap: the list claims more packed bytes than the file has.")
    _note_growth(listing, size)
    return listing


def _note_locked(listing: Listing, locked: list[bool]) -> None:
    if any(locked):
        which = "All its files" if all(locked) else "Some of its files"
        listing.notes.append(f"{which} need a password.")


def _note_growth(listing: Listing, size: int) -> None:
    if size and listing.size > _WIDE * size:
        listing.notes.append(f"Would unpack to {listing.size // size} times its size.")


def _name_warning(name: str, seen: set[str]) -> str:
    if name in seen:
        return "The same name twice."
    if "\x00" in name:
        return "The name holds a zero byte."
    return _path_warning(name)


def list_members(file: BinaryIO, media_type: str, size: int) -> Listing:
    """List a 7z or RAR archive of `size` bytes. Raises Unlisted with the reason in words."""
    held = _members(file, media_type, size)
    listing = Listing(notes=held.notes)
    seen: set[str] = set()
    for member in held.members:
        warning = _name_warning(member.name, seen) or _path_warning(member.target)
        listing.add(member.name, member.size, member.kind, warning)
        seen.add(member.name)
    listing.complete = held.complete
    _note_locked(listing, [member.locked for member in held.members if member.kind == "file"])
    _note_growth(listing, size)
    return listing


def _members(file: BinaryIO, media_type: str, size: int) -> Directory:
    return sevenzips.read(file, size) if media_type == SEVEN_ZIP else rars.read(file, size)


def lock_of(file: BinaryIO, media_type: str, size: int) -> str:
    """By what a 7z or RAR archive or its list is encrypted; empty where it is not."""
    held = _members(file, media_type, size)
    return held.cipher and (f"{held.cipher}; the names of its files too" if held.sealed else held.cipher)


def lock_of_zip(file: BinaryIO) -> str:
    """By what files of a ZIP archive are encrypted (APPNOTE 6.3.10, 7.2 and 7.3); empty where none is."""
    with zipfile.ZipFile(file) as archive:
        locked = [info for info in archive.infolist()[:MOST_COUNTED] if info.flag_bits & 1]
    if not locked:
        return ""
    at = locked[0].extra.find(_AES_EXTRA)
    strength = locked[0].extra[at + 8] if 0 <= at < len(locked[0].extra) - 8 else 0
    if locked[0].compress_type == _AES_METHOD:
        return f"AES, {_AES_BITS[strength]} bits" if strength in _AES_BITS else "AES"
    return "strong encryption of PKWARE" if locked[0].flag_bits & 0x40 else "ZipCrypto, which can be broken"


def traces_of_members(file: BinaryIO, media_type: str, size: int) -> list[Found]:
    """List what a 7z or RAR archive tells about the computer that packed it: folders, and when the newest file was changed."""
    members = _members(file, media_type, size).members[:MOST_ENTRIES]
    found = _folders([member.name for member in members])
    if times := [member.changed for member in members if member.changed]:
        add(found, "time", "Changed at", max(times).strftime("%Y-%m-%d %H:%M"))
    return found


def _path_warning(name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":":
        return "Its path leads outside the archive."
    if any(ord(c) in {0x202A, 0x202B, 0x202D, 0x202E, 0x2066, 0x2067} for c in name):
        return "The name turns its reading direction."
    return ""


def list_tar(file: BinaryIO) -> Listing:
    """List a tar archive by its headers. Raises tarfile.TarError."""
    listing = Listing()
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for member in archive:
            kind = "folder" if member.isdir() else "file" if member.isreg() else "link" if member.issym() or member.islnk() else "device"
            warning = _path_warning(member.name) or (_path_warning(member.linkname) if kind == "link" else "")
            listing.add(member.name, member.size, kind, warning or ("A device." if kind == "device" else ""))
            if listing.count >= MOST_COUNTED:
                listing.complete = False
                break
    return listing


def list_compressed(file: BinaryIO, media_type: str) -> Listing:
    """List a gzip, bzip2 or xz stream: the tar inside, or the one file. Raises OSError, EOFError, lzma.LZMAError, zlib.error."""
    head = _open(file, media_type).read(64 * 1024)
    file.seek(0)
    if head[257:262] == b"ustar":
        capped = _Capped(_open(file, media_type), MOST_READ)
        listing = list_tar(cast(BinaryIO, io.BufferedReader(capped)))
        if capped.cut:
            listing.complete = False
            listing.notes.append("Listed up to the first 64 MB of its content.")
        return listing
    listing = Listing()
    inner = identify(head, "")
    whole = len(head) < 64 * 1024
    listing.add(f"one file, {inner.label}", len(head) if whole else -1, "file")
    listing.notes.append("Holds one file." if whole else "Holds one file of unknown size.")
    return listing


def _open(file: BinaryIO, media_type: str) -> BinaryIO:
    if media_type == "application/gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if media_type == "application/x-bzip2":
        return cast(BinaryIO, bz2.BZ2File(file))
    return cast(BinaryIO, lzma.LZMAFile(file))


def traces_of_zip(file: BinaryIO) -> list[Found]:
    """List what a ZIP archive tells about the computer that packed it: folders, times, its comment."""
    with zipfile.ZipFile(file) as archive:
        infos, comment = archive.infolist()[:MOST_ENTRIES], archive.comment
    found = _folders([info.filename for info in infos])
    add(found, "comment", "Comment", comment[:600])
    if times := [info.date_time for info in infos if info.date_time[0] > _FIRST_YEAR]:
        add(found, "time", "Changed at", "{:04}-{:02}-{:02} {:02}:{:02}".format(*max(times)))
    return found


def traces_of_stream(file: BinaryIO, media_type: str) -> list[Found]:
    """List what a tar or compressed stream tells: folders, the names of its users, the name of the one file in it."""
    found: list[Found] = []
    if media_type == "application/gzip":
        head = file.read(_GZIP_HEAD)
        if head[3:4] and head[3] & _GZIP_NAME and not head[3] & _GZIP_EXTRA:
            add(found, "folder", "Name inside", head[10:].partition(b"\0")[0])
        file.seek(0)
    if media_type == "application/x-tar":
        return found + _of_tar(file, "r|")
    start = _open(file, media_type).read(512)
    file.seek(0)
    if start[257:262] != b"ustar":
        return found
    return found + _of_tar(cast(BinaryIO, io.BufferedReader(_Capped(_open(file, media_type), MOST_READ))), "r|")


def _of_tar(file: BinaryIO, mode: Literal["r|"]) -> list[Found]:
    names: list[str] = []
    users: dict[str, None] = {}
    latest = 0.0
    with contextlib.suppress(tarfile.TarError), tarfile.open(fileobj=file, mode=mode) as archive:
        for member in archive:
            names.append(member.name)
            users |= dict.fromkeys((member.uname, member.gname))
            latest = max(latest, member.mtime)
            if len(names) >= MOST_ENTRIES:
                break
    found = _folders(names)
    for user in [user for user in users if user not in _NOBODY][:_MOST_FOLDERS]:
        add(found, "author", "User name", user)
    if latest > 0:
        add(found, "time", "Changed at", datetime.fromtimestamp(latest, UTC).strftime("%Y-%m-%d %H:%M"))
    return found


def _folders(names: list[str]) -> list[Found]:
    """The folders that entries lie in, each once, the first few."""
    found: list[Found] = []
    folders = dict.fromkeys(name.replace("\\", "/").rpartition("/")[0] for name in names)
    for folder in [folder for folder in folders if folder.strip("./")][:_MOST_FOLDERS]:
        add(found, "folder", "Folder", folder)
    return found
