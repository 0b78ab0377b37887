"""The keys of an examiner's folder, and how a passphrase opens them (SPEC 7.1)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evidence import canonical, signing
from evidence.errors import FormatError, IntegrityError, KeyUnavailable, UsageError
from evidence.keys import Identity, aead_open, aead_seal, passphrase_key
from evidence.signing import SigningKey

SUITE = "tipline/folder/1"
SHORTEST_PASSPHRASE = 12
ROLES = ("log", "process", "person")


@dataclass(frozen=True)
class Keys:
    """What the passphrase opens. `former`: public log keys of before; `coming`: new keys whose events may not be recorded yet."""

    examiner: str
    identity: Identity
    log: SigningKey
    process: SigningKey
    person: SigningKey
    former: tuple[bytes, ...] = ()
    coming: Mapping[str, SigningKey] = field(default_factory=dict)

    @classmethod
    def generate(cls, examiner: str) -> Keys:
        """Fresh keys for an examiner of this name."""
        log, process, person = (SigningKey.generate() for _ in ROLES)
        return cls(examiner, Identity.generate(), log, process, person)

    def signing_keys(self) -> dict[str, SigningKey]:
        """The keys in force, by role."""
        return {"log": self.log, "process": self.process, "person": self.person}

    def arrived(self) -> Keys:
        """The same after a rotation: the coming keys are in force."""
        former = (*self.former, self.log.public) if "log" in self.coming else self.former
        now = {**self.signing_keys(), **self.coming}
        return replace(self, former=former, coming={}, log=now["log"], process=now["process"], person=now["person"])

    def encode(self) -> bytes:
        """The form that is sealed."""
        seeds = {role: key.seed.hex() for role, key in self.signing_keys().items()}
        coming = {role: key.seed.hex() for role, key in self.coming.items()}
        former = [public.hex() for public in self.former]
        value = {"examiner": self.examiner, "identity": self.identity.secret, **seeds, "former": former, "coming": coming}
        return canonical.encode(value)

    @classmethod
    def decode(cls, data: bytes) -> Keys:
        """Inverse of `encode`; the first version had neither former nor coming keys."""
        found = canonical.decode(data)
        coming = {role: _key(seed) for role, seed in found.get("coming", {}).items()}
        former = tuple(bytes.fromhex(public) for public in found.get("former", []))
        log, process, person = (_key(found[role]) for role in ROLES)
        return cls(found["examiner"], Identity.parse(found["identity"]), log, process, person, former, coming)


def _key(seed: str) -> SigningKey:
    return SigningKey.from_seed(bytes.fromhex(seed))


def key_of(passphrase: str, salt: bytes, owner: str) -> bytes:
    """The key that a passphrase gives. UsageError where the passphrase is short."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise UsageError(f"A passphrase has at least {SHORTEST_PASSPHRASE} characters.", "Six random words are easy to keep in mind.")
    return passphrase_key(passphrase, salt, b"", owner)


class Lock:
    """folder.json: the keys under the passphrase, opened."""

    def __init__(self, about: Mapping[str, Any], key: bytes) -> None:
        self.about, self._key = about, key

    @classmethod
    def new(cls, origin: str, created: str, passphrase: str) -> Lock:
        """For a new folder. UsageError for a short passphrase."""
        salt = secrets.token_bytes(16)
        about = {"suite": SUITE, "origin": origin, "created": created, "salt": canonical.b64url(salt), "keys": ""}
        return cls(about, key_of(passphrase, salt, origin))

    @classmethod
    def opened(cls, data: bytes, passphrase: str) -> Lock:
        """Of a folder.json. FormatError where it is of another version; whether the passphrase is the right one, `keys` says."""
        about = canonical.decode(data)
        names = ("suite", "origin", "created", "salt", "keys")
        if not isinstance(about, dict) or not all(isinstance(about.get(name), str) for name in names) or about["suite"] != SUITE:
            raise FormatError("The folder was made by another version of this program.", "Use that version.")
        return cls(about, passphrase_key(passphrase, canonical.unb64url(about["salt"]), b"", about["origin"]))

    def keys(self) -> Keys:
        """KeyUnavailable where the passphrase is another."""
        try:
            return Keys.decode(aead_open(self._key, canonical.unb64url(self.about["keys"]), self._place()))
        except IntegrityError as error:
            raise KeyUnavailable("This passphrase does not open the folder.", "Try again; without the passphrase nobody can.") from error

    def sealing(self, keys: Keys) -> bytes:
        """folder.json with these keys, under the same passphrase."""
        sealed = aead_seal(self._key, keys.encode(), self._place())
        return canonical.encode({**self.about, "keys": canonical.b64url(sealed)}) + b"\n"

    def resealed(self, data: bytes) -> Lock:
        """The lock of what `sealing` gave."""
        return Lock(canonical.decode(data), self._key)

    def current(self, data: bytes, passphrase: str) -> Lock:
        """The lock of the folder.json as it is now; the passphrase is stretched again only where its salt is another."""
        about = canonical.decode(data)
        same = isinstance(about, dict) and all(about.get(name) == self.about[name] for name in ("suite", "origin", "created", "salt"))
        return Lock(about, self._key) if same else Lock.opened(data, passphrase)

    def another(self, passphrase: str) -> Lock:
        """The same folder under another passphrase."""
        return Lock.new(self.about["origin"], self.about["created"], passphrase)

    def _place(self) -> str:
        return f"{SUITE}:{self.about['origin']}"


def fingerprints(keys: Keys) -> dict[str, str]:
    """Role and fingerprint of each key in force, as ssh-keygen prints it."""
    return {role: signing.ssh_fingerprint(key.public) for role, key in keys.signing_keys().items()}
