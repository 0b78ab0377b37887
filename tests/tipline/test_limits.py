"""Limits: wide for everybody, narrow for one network, and no flood locks out who comes another way or comes back a moment later."""

from __future__ import annotations

import random
import re
from itertools import count

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.installations import Installation
from tests.tipline.intake.house import TIP, fill
from tipline.app import create_console_app, create_public_app
from tipline.limits import (
    LIMITS,
    SALT_SECONDS,
    UPLOADS_AT_ONCE,
    UPLOADS_OF_A_NETWORK,
    Gate,
    Limit,
    Limiter,
    Places,
    Rate,
    limit_of,
    truncate,
)

NARROW = Rate(per_second=1, burst=2)
WIDE = Rate(per_second=1000, burst=1000)
OF_ONE_NETWORK = Limit("post", WIDE, NARROW)
OF_EVERYBODY = Limit("post", NARROW, WIDE)
LOOPBACK, NETWORK = "127.0.0.1", "192.0.2.7"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# buckets


def test_a_network_gets_its_burst_and_then_one_a_second() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    assert [limiter.allow(OF_ONE_NETWORK, NETWORK) for _ in range(3)] == [True, True, False]
    clock.now += 1
    assert limiter.allow(OF_ONE_NETWORK, "192.0.2.9"), "the same network"
    assert not limiter.allow(OF_ONE_NETWORK, "192.0.2.10")
    assert limiter.allow(OF_ONE_NETWORK, "198.51.100.1"), "another network"


def test_everybody_together_has_a_limit_too() -> None:
    limiter = Limiter(Clock())
    assert [limiter.allow(OF_EVERYBODY, f"192.0.{n}.1") for n in range(3)] == [True, True, False]


def test_loopback_has_no_limit_of_its_own() -> None:
    limiter = Limiter(Clock())
    assert all(limiter.allow(OF_ONE_NETWORK, LOOPBACK) for _ in range(20))


def test_a_refused_request_takes_no_token() -> None:
    limiter, limit = Limiter(Clock()), Limit("post", Rate(0, 4), Rate(0, 1))
    assert [limiter.allow(limit, "192.0.2.1") for _ in range(4)] == [True, False, False, False]
    assert limiter.allow(limit, "198.51.100.1")


def test_networks_are_known_only_under_a_salt_that_goes_after_ten_minutes() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    limiter.allow(OF_ONE_NETWORK, NETWORK)
    (before,) = limiter._networks
    assert b"\xc0\x00\x02" not in before[1]
    clock.now += SALT_SECONDS
    limiter.allow(OF_ONE_NETWORK, NETWORK)
    (after,) = limiter._networks
    assert before != after


def test_addresses_are_truncated() -> None:
    assert truncate("192.0.2.200") == truncate("192.0.2.1") == bytes([192, 0, 2])
    assert truncate("2001:db8:1:2::3") == truncate("2001:db8:1:ffff::1") == bytes.fromhex("20010db80001")
    assert truncate("::1") == truncate(LOOPBACK) == truncate(None) == truncate("nonsense") == b""


# nobody locks the others out


def everything() -> list[Limit]:
    return [limit for of_face in LIMITS.values() for limit in of_face.values()]


@pytest.mark.parametrize("limit", everything(), ids=lambda limit: limit.purpose)
def test_a_flood_from_any_number_of_networks_leaves_loopback_alone(limit: Limit) -> None:
    limiter = Limiter(Clock())
    flood = [limiter.allow(limit, f"10.{n // 256 % 256}.{n % 256}.1") for n in range(int(limit.everybody.burst) + 50)]
    assert not flood[-1], "the flood took all that there is for networks"
    assert limiter.allow(limit, LOOPBACK), "a user of Tor is locked out by it"


@pytest.mark.parametrize("limit", everything(), ids=lambda limit: limit.purpose)
def test_a_flood_from_one_network_stops_itself_only(limit: Limit) -> None:
    limiter = Limiter(Clock())
    flood = [limiter.allow(limit, NETWORK) for _ in range(int(limit.everybody.burst) + 50)]
    assert sum(flood) <= limit.network.burst
    assert limiter.allow(limit, "198.51.100.1")
    assert limiter.allow(limit, LOOPBACK)


@pytest.mark.parametrize("limit", LIMITS["public"].values(), ids=lambda limit: limit.purpose)
def test_a_flood_over_tor_ends_with_the_flood(limit: Limit) -> None:
    """All of Tor is one address. At ten times what is allowed some still pass, and ten seconds later everybody does."""
    clock = Clock()
    limiter = Limiter(clock)
    while limiter.allow(limit, LOOPBACK):
        pass
    chance, passed = random.Random(7), 0
    for _ in range(60):  # who presses reload once a second gets through within the minute
        clock.now += 1
        order = ["flood"] * (10 * int(limit.everybody.per_second)) + ["source"]
        chance.shuffle(order)
        for number, who in enumerate(order):
            clock.now += 1 / len(order) if number else 0
            passed += limiter.allow(limit, LOOPBACK) and who == "source"
    assert passed > 0
    clock.now += 10
    assert all(limiter.allow(limit, LOOPBACK) for _ in range(100))


def test_a_flood_of_one_purpose_leaves_the_others_alone() -> None:
    public, limiter = LIMITS["public"], Limiter(Clock())
    flooded, *others = (limit_of("public", path) for path in ("/receipt", "/letter", "/conversation/claim", TIP))
    while limiter.allow(flooded, LOOPBACK):
        pass
    assert len({flooded.purpose, *(limit.purpose for limit in others)}) == len(public)
    assert all(limiter.allow(limit, LOOPBACK) for limit in others)


@pytest.mark.parametrize(
    ("face", "path", "purpose"),
    [
        ("public", "/receipt", "receipt"),
        ("public", "/letter", "letter"),
        ("public", "/conversation/claim", "claim"),
        ("public", "/conversation/proof/made", "claim"),
        ("public", "/conversation/check", "post"),
        ("public", "/p/northfield/send", "post"),
        ("public", "/receipts\n", "post"),
        ("console", "/sign-in", "sign-in"),
        ("console", "/recover", "sign-in"),
        ("console", "/tips/TIP-2026-0001/reply", "post"),
    ],
)
def test_each_form_falls_under_its_own_limit(face: str, path: str, purpose: str) -> None:
    assert limit_of(face, path).purpose == purpose  # type: ignore[arg-type]  # the two faces


def test_the_limits_name_forms_that_there_are(installation: Installation) -> None:
    """A form that was renamed would fall under the widest limit unseen."""
    apps = {"public": create_public_app(installation.public), "console": create_console_app(installation.console)}
    for face, app in apps.items():
        taking = [rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
        for pattern in LIMITS[face]:  # type: ignore[index]  # the two faces
            assert any(re.fullmatch(pattern, path) for path in taking), f"nothing on the {face} face falls under {pattern}"


# places for uploads


def test_one_network_takes_its_share_of_the_places() -> None:
    places = Places()
    assert [places.take(b"one") for _ in range(UPLOADS_OF_A_NETWORK + 1)][-2:] == [True, False]
    assert places.take(b"other")
    assert places.take(b"")
    places.give_back(b"one")
    assert places.take(b"one")
    assert not places.take(b"one")


def test_places_that_were_given_back_are_forgotten() -> None:
    places = Places()
    for name in (b"one", b"other", b""):
        assert places.take(name)
        places.give_back(name)
    assert places.taken == 0
    assert not places._networks


@pytest.fixture
def public_app(installation: Installation) -> Flask:
    app = create_public_app(installation.public)
    app.extensions["gate"].limiter.clock = count(0, 60).__next__
    return app


def test_uploads_beyond_those_that_fit_are_asked_to_come_back(public_app: Flask) -> None:
    places = public_app.extensions["gate"].places
    taken = sum(1 for _ in iter(lambda: places.take(b""), False))
    assert taken == places.most
    body = b'--b\r\nContent-Disposition: form-data; name="what"\r\n\r\nx\r\n--b--\r\n'
    send = {"data": body, "content_type": "multipart/form-data; boundary=b"}
    answer = public_app.test_client().post(TIP, **send)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "nothing is lost" in answer.text
    assert public_app.test_client().get("/p/northfield").status_code == 200
    places.give_back(b"")
    assert public_app.test_client().post(TIP, **send).status_code != 503
    assert places.take(b""), "the place was given back"


def test_what_was_typed_outlives_a_refusal_by_sending_the_same_form_again(public_app: Flask) -> None:
    """What a reload does (tests/browser walks it): the same bytes once more, with words and files."""
    client = public_app.test_client()
    draft = re.search(r'name="draft" value="([^"]+)"', client.get(TIP).text)
    assert draft
    places, typed = public_app.extensions["gate"].places, (draft[1], "He bragged.", {"photo.jpg": b"picture"})
    places.taken = places.most
    assert fill(client, *typed).status_code == 503
    places.taken = 0
    kept = fill(client, *typed)
    assert kept.status_code == 200
    assert "He bragged." in kept.text
    assert "photo.jpg" in kept.text


# sign-in


def test_too_many_tries_to_sign_in_are_asked_to_wait(installation: Installation) -> None:
    app = create_console_app(installation.console)
    client = app.test_client()
    answers = [client.post("/sign-in", data={}, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code for _ in range(15)]
    assert answers.count(503) == 5
    assert client.get("/sign-in", environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 200


def test_busy_is_said_in_words_that_do_not_send_people_away(public: FlaskClient) -> None:
    public.application.extensions["gate"].limiter.allow = lambda *_: False
    answer = public.post("/receipt", data={"receipt": "x"})
    assert answer.status_code == 503
    assert "Do not close this page." in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("processes", [1, 2, 3, 16])
@pytest.mark.parametrize("limit", everything(), ids=lambda limit: limit.purpose)
def test_processes_take_no_more_together_than_one_alone(limit: Limit, processes: int) -> None:
    clock = Clock()
    limiters = [Limiter(clock) for _ in range(processes)]
    for address, rate in ((LOOPBACK, limit.everybody), (NETWORK, limit.network)):
        taken = 0
        for seconds in (0, 10):
            clock.now += seconds
            for limiter in limiters:
                while limiter.allow(limit.share(processes), address):
                    taken += 1
        most = rate.burst + min(rate.burst, 10 * rate.per_second)
        assert processes - 1 <= taken <= max(most, 2 * processes)  # each lets one through at least
        assert processes > 3 or taken >= most - 2 * processes  # and no share is lost but for fractions


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_places_for_uploads_are_shared_too(processes: int) -> None:
    gates = [Gate.of("public", processes) for _ in range(processes)]
    assert UPLOADS_AT_ONCE <= sum(gate.places.most for gate in gates) < UPLOADS_AT_ONCE + processes
    assert UPLOADS_OF_A_NETWORK <= sum(gate.places.of_a_network for gate in gates) < UPLOADS_OF_A_NETWORK + processes
    assert len({id(gate.limiter) for gate in gates}) == processes
