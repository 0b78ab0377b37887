"""Requests that a person at the S3 server would make and the product never does: a bucket with object lock, a version removed by its id."""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from tests.servers import RunningS3

REGION = "us-east-1"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]


def ask(server: RunningS3, method: str, path: str, query: str = "", **headers: str) -> Answer:
    """One request without a body, signed (AWS Signature Version 4). `headers` are named with underscores."""
    endpoint = dict(parse_qsl(urlsplit(server.url).query))["endpoint"]
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    signed = {"host": urlsplit(endpoint).netloc, "x-amz-date": now, "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(), **named}
    names = ";".join(sorted(signed))
    lines = [method, path, query, *(f"{name}:{signed[name]}" for name in sorted(signed)), "", names, signed["x-amz-content-sha256"]]
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    key = ("AWS4" + server.environment["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{server.environment['AWS_ACCESS_KEY_ID']}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    sent = {**{name: value for name, value in signed.items() if name != "host"}, "Authorization": authorization}
    request = urllib.request.Request(f"{endpoint}{path}{'?' + query if query else ''}", method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()})
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, {name.lower(): value for name, value in error.headers.items()})


def make_locking_bucket(server: RunningS3, name: str) -> None:
    """A bucket with object lock, which only a new one can have."""
    assert ask(server, "PUT", f"/{name}", x_amz_bucket_object_lock_enabled="true").status == 200
