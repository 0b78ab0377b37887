"""A time-stamping authority on this machine: its own root, `openssl ts -reply` behind a small HTTP server, and ways to go wrong."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {0}/serial
signer_cert = {0}/tsa.pem
signer_key = {0}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
DAY = timedelta(days=1)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, until: datetime) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer)).public_key(key.public_key())
    return made.serial_number(x509.random_serial_number()).not_valid_before(until - 30 * DAY).not_valid_after(until)


def server_certificate(path: Path, address: str) -> Path:
    """Write the certificate of a server, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _certificate(address, key, address, datetime.now(UTC) + 20 * DAY)
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
    signed = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    path.write_bytes(signed + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


class Authority:
    """A root certificate, a stamping certificate under it, and replies made by openssl."""

    def __init__(self, folder: Path, name: str = "Stamp Office", until: datetime | None = None) -> None:
        self.folder, self.roots, self.asked, self.manner = folder, folder / "root.pem", 0, "well"
        self.url, self._one_at_a_time = "", threading.Lock()
        folder.mkdir()
        root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        made = _certificate(f"{name} Root", root, f"{name} Root", datetime.now(UTC) + 20 * DAY)
        signed = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(root, hashes.SHA256())
        self.roots.write_bytes(signed.public_bytes(Encoding.PEM))
        made = _certificate(name, key, f"{name} Root", until or datetime.now(UTC) + 10 * DAY)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        (folder / "tsa.pem").write_bytes(made.sign(root, hashes.SHA256()).public_bytes(Encoding.PEM))
        (folder / "tsa.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder))

    def reply(self, query: bytes) -> bytes:
        """Stamp a query, as openssl does it; one after the other, since openssl counts in a file."""
        with self._one_at_a_time:
            return self._reply(query)

    def _reply(self, query: bytes) -> bytes:
        self.asked += 1
        place = self.folder / f"query-{self.asked}"
        place.write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", str(self.folder / "tsa.cnf"), "-queryfile", str(place), "-out", f"{place}.tsr"]
        subprocess.run(command, check=True, capture_output=True)
        return Path(f"{place}.tsr").read_bytes()


ANSWERS: dict[str, tuple[int, str]] = {"error": (500, "text/html"), "page": (200, "text/html")}


def _handler(authority: Authority, other: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            manner = authority.manner
            status, kind = ANSWERS.get(manner, (200, "application/timestamp-reply"))
            made: dict[str, Callable[[], bytes]] = {
                "well": lambda: authority.reply(query),
                "cut": lambda: authority.reply(query)[:-40],
                "other": lambda: authority.reply(other()),
                "huge": lambda: bytes(1 << 20),
                "slow": lambda: b"x" * 40,
                "page": lambda: b"<html>Moved</html>",
                "error": lambda: b"<html>Error</html>",
            }
            data = made[manner]()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for at in range(0, len(data), 1 if manner == "slow" else len(data)):
                self.wfile.write(data[at:] if manner != "slow" else data[at : at + 1])
                time.sleep(0.1 if manner == "slow" else 0)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


class Server(ThreadingHTTPServer):
    """A server whose visitors may leave at any time."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A visitor that cut the connection is no error here."""


@contextmanager
def serving(authority: Authority, other: Callable[[], bytes] = bytes) -> Iterator[Authority]:
    """Serve an authority on loopback; `manner` says how it answers: well, cut, other, huge, slow, page, error."""
    server = Server(("127.0.0.1", 0), _handler(authority, other))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    authority.url = f"http://127.0.0.1:{server.server_address[1]}/tsa"
    try:
        yield authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
