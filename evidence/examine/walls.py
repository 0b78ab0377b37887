"""How the jail is built: bubblewrap's command line, or our own launcher where bubblewrap is missing or barred."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ADVICE = (
    "Install bubblewrap: apt install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora, RHEL) or apk add bubblewrap (Alpine). "
    "If it is installed, allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, and on Ubuntu 24.04 and later an AppArmor "
    "profile for bwrap or sysctl kernel.apparmor_restrict_unprivileged_userns=0; in a container, allow it to make user namespaces. "
    "Until then files are kept and can be downloaded, but not looked into."
)
_ENTER = "import sys; sys.path[:0] = sys.argv[1:]; "
_LIMITS = "from evidence.examine.inside.limits import {0}; {0}()\n"
_LOCK = "from evidence.examine.inside.launcher import lock; lock(); "
_NEEDED = ("PIL", "pi_heif", "pypdfium2", "pypdfium2_raw", "magic", "pylibmagic")


@dataclass(frozen=True)
class Walls:
    """One way to build the jail. `missing` says in plain words why it cannot be tried."""

    name: str
    arguments: tuple[str, ...]
    lock: str
    sites: tuple[str, ...]
    missing: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, program: str, limits: str = "enter") -> list[str]:
        """The whole command line that runs `program` (Python source) inside, behind one of the limits of inside/limits.py."""
        source = _ENTER + self.lock + _LIMITS.format(limits) + program
        return [*self.arguments, _interpreter(), "-I", "-S", "-B", "-c", source, *self.sites]


def candidates() -> tuple[Walls, ...]:
    """The ways to try, best first."""
    if sys.platform != "linux":
        return (Walls("jail", (), "", (), missing="Files are examined on Linux only."),)
    return _bubblewrap(), _own()


def _interpreter() -> str:
    return os.path.realpath(sys.executable)


def _package_folder() -> str:
    """The folder of the `evidence` package: public source, nothing else."""
    return str(Path(__file__).resolve().parent.parent)


def _site_folders() -> tuple[str, ...]:
    """The folders that hold the parsers: usually one, the environment's site-packages."""
    found: dict[str, None] = {}
    for name in _NEEDED:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found[str(Path(spec.origin).parent.parent)] = None
    return tuple(found)


def _prefixes() -> tuple[str, ...]:
    """Where the interpreter and its standard library are, unless under /usr."""
    found = dict.fromkeys((sys.base_prefix, os.path.realpath(sys.base_prefix), str(Path(_interpreter()).parent.parent)))
    return tuple(path for path in found if path != "/usr" and not path.startswith("/usr/"))


def _bubblewrap() -> Walls:
    program = shutil.which("bwrap") or shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")
    sites = _site_folders()
    if program is None:
        return Walls("bubblewrap", (), "", (), missing="bubblewrap is not installed.")
    binds = []
    for folder in ("lib", "lib32", "lib64", "bin"):
        if Path("/", folder).is_symlink():
            binds += ["--symlink", f"usr/{folder}", f"/{folder}"]
        elif Path("/", folder).is_dir():
            binds += ["--ro-bind", f"/{folder}", f"/{folder}"]
    for path in dict.fromkeys((*_prefixes(), *sites)):
        binds += ["--ro-bind", path, path]
    arguments = (
        *(program, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
        *("--uid", "65534", "--gid", "65534", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"),
        # before the binds: an environment that lies under /tmp would vanish behind it
        *("--size", str(16 * 1024 * 1024), "--tmpfs", "/tmp"),  # noqa: S108  a folder inside the jail
        *binds,
        *("--ro-bind", _package_folder(), "/jail/evidence", "--remount-ro", "/", "--chdir", "/", "--"),
    )
    return Walls("bubblewrap", arguments, "", ("/jail", *sites))


def _own() -> Walls:
    sites = _site_folders()
    readable = tuple(dict.fromkeys(("/usr", "/lib", "/lib64", "/bin", *_prefixes(), *sites, _package_folder())))
    return Walls(
        "namespaces with Landlock",
        (),
        _LOCK,
        (str(Path(_package_folder()).parent), *sites),
        environment={"TIPLINE_READABLE": os.pathsep.join(readable)},
    )
