"""Settings: everything an operator can set, from TIPLINE_* in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Face = Literal["public", "console", "worker"]
LOOPBACK = ("127.0.0.1", "localhost")


class Settings(BaseSettings):
    """The settings of one installation. All state lives under `data` unless a URL says otherwise."""

    model_config = SettingsConfigDict(env_prefix="TIPLINE_", extra="ignore")

    data: Path = Path("instance")
    database_url: str | None = Field(None, description="SQLAlchemy URL; default: SQLite in the data folder")
    storage_url: str | None = Field(None, description="folder or s3://bucket/prefix?endpoint=...; default: objects/ in the data folder")
    anchor: Path | None = Field(None, description="the anchor file; put it on another disk or machine")
    keys_dir: Path | None = Field(None, description="folder of the key folders; default: keys/ in the data folder")
    public_origin: str = "http://127.0.0.1:8000"
    console_origin: str = "http://localhost:8001"  # a name: no security key can be bound to a number
    files_origin: str = "http://127.0.0.1:8002"
    onion_origin: str = Field("", description="address of the onion service, http://....onion; empty: there is none")
    public_processes: int = Field(4, ge=1, description="how many processes serve the public page; they share its limits evenly")
    max_file_bytes: int = Field(2 * 1024**3, description="largest attachment, in bytes")
    max_files: int = Field(20, description="most files in one message")
    max_text_chars: int = Field(5_000_000, description="longest text, in characters")
    scrub_share: int = Field(10, ge=0, le=100, description="percent of the stored objects that the worker reads again each day; 0: none")
    object_lock_days: int = Field(0, ge=0, description="for how many days S3 refuses to let go of a new object; 0: no lock")
    object_lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"
    examine: Literal["now", "hourly"] = "now"
    timestamp_urls: str = Field("", description="addresses of time-stamping authorities (RFC 3161), spaces or commas between; 9 at most")
    timestamp_roots: Path | None = Field(None, description="PEM file of the root certificates that their stamps must lead to")
    smtp_host: str = Field("", description="mail server for the daily notices of staff, host or host:port; empty: no mail goes out")
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", description="none only for a mail server on this machine")
    smtp_user: str = ""
    smtp_password_file: Path | None = Field(None, description="file with the password of smtp_user, readable by the worker alone")
    mail_from: str = Field("", description="the sender of the notices, as tipline@example.org")
    witnesses: str = Field("", description="vkeys of the log's witnesses, each with a space and its address if it has one; commas between")

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if not self.smtp_host:
            return self
        if self.smtp_security == "none" and self.smtp_host.partition(":")[0] not in LOOPBACK:
            raise ValueError("TIPLINE_SMTP_SECURITY=none is for a mail server on this machine")
        if "@" not in self.mail_from:
            raise ValueError("TIPLINE_MAIL_FROM has to name the sender of the notices")
        if self.smtp_user and self.smtp_password_file is None:
            raise ValueError("TIPLINE_SMTP_PASSWORD_FILE has to name the file with the password of TIPLINE_SMTP_USER")
        return self

    @property
    def visited_origin(self) -> str:
        """The address under which visitors of this process see the public face."""
        return self.public_origin

    @property
    def onion_location(self) -> str:
        """Where this face tells a Tor Browser to go instead; empty behind the onion service itself."""
        return self.onion_origin.rstrip("/")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data.resolve() / 'tipline.db'}"

    @property
    def storage(self) -> str:
        return self.storage_url or str(self.data.resolve() / "objects")

    @property
    def anchor_file(self) -> Path:
        return self.anchor or self.data / "anchor" / "log.jsonl"

    @property
    def log_folder(self) -> Path:
        """Published tiles and checkpoint: public by nature."""
        return self.data / "log"

    @property
    def index_folder(self) -> Path:
        return self.data / "index"

    def keys(self, face: Face) -> Path:
        """The key folder of one process; in production each belongs to its own system user."""
        return (self.keys_dir or self.data / "keys") / face


class OnionSettings(Settings):
    """The settings of the public face behind the onion service, which is a process of its own on a port of its own."""

    @property
    def visited_origin(self) -> str:
        return self.onion_origin

    @property
    def onion_location(self) -> str:
        return ""
