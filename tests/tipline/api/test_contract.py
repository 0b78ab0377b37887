"""The document and what the API does are the same: schemathesis asks each operation, within it and against it.

Against it, a run asks half of the operations, drawn by a seed that a failure prints (HOSTILE_SEED=N repeats it); `make hostile` asks all,
more often.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.tipline.api.api_house import API, token_for
from tests.tipline.linking.linking_house import LinkingDesk
from tipline.api.views import TABLE
from tipline.cases.subjects import About, AddSubject, add_subject

EVERYTHING = os.environ.get("HOSTILE") == "all"
SEED = int(os.environ.get("HOSTILE_SEED") or random.SystemRandom().randrange(1 << 32))
ELSE = "0" * 32  # the id of nothing that is there
ASKED_ELSEWHERE = ("ignored_auth", "use_after_free", "ensure_resource_availability", "object_level_authorization")  # test_tokens, test_acts


def test_each_operation_keeps_to_the_document(linked: LinkingDesk) -> None:
    link_id, tip, _ = linked.one
    headers = {"Authorization": f"Bearer {token_for(linked)}"}
    with linked.acting() as (work, actor):
        subject = add_subject(work, actor, AddSubject(linked.cases[0], About("person", "R. Vance"))).number
    real = {"link_id": link_id, "exhibit_id": linked.exhibits(tip)[0].id, "program_id": linked.installation.program_id}
    numbers = {"cases": linked.cases[0], "subjects": subject}
    linked.console_app.extensions["gate"].limiter.allow = lambda *_: True  # what is tested is not how many requests fit
    schema = schemathesis.openapi.from_dict(linked.console_app.test_client().get(f"{API}/openapi.json", headers=headers).get_json())
    schema.app = linked.console_app
    load_all_checks()
    every = [check for name, check in zip(CHECKS.get_all_names(), CHECKS.get_all(), strict=True) if name not in ASKED_ELSEWHERE]
    acceptance = CHECKS.get_by_names(["positive_data_acceptance"])
    answered: dict[GenerationMode, Counter[str]] = {mode: Counter() for mode in GenerationMode}

    def asking(mode: GenerationMode) -> Callable[[Any], None]:
        def ask(case: Any) -> None:
            if mode is GenerationMode.POSITIVE:
                named = {**real, "number": numbers.get(case.path.split("/")[3], tip)}
                case.path_parameters = {name: named.get(name, ELSE) for name in case.path_parameters or {}}
                if case.method == "GET" and "on" in (case.query or {}):
                    case.query["on"] = f"tip:{tip}"
            # whether a decision fits what stands is no question of form: 422 says what is missing
            excluded = acceptance if case.method == "POST" else []
            answer = case.call_and_validate(headers=headers, checks=every, excluded_checks=excluded, base_url="http://localhost")
            answered[mode][f"{case.method} {case.path} {answer.status_code // 100}"] += 1

        return ask

    print(f"HOSTILE_SEED={SEED}")
    drawn = random.Random(SEED)
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode, examples in asked_of(operation.method, drawn).items():
            chosen = settings(
                max_examples=examples, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
            )
            cases = operation.as_strategy(generation_mode=mode)
            try:
                chosen(seed(7)(given(case=cases)(asking(mode))))()
            except Unsatisfiable:  # an address without parts and parameters: nothing about it can be wrong
                assert not operation.path_parameters, operation.label
    well = {key for key in answered[GenerationMode.POSITIVE] if key.endswith(" 2")}
    assert {f"{route.method} {API}{route.path} 2" for route in TABLE if route.method == "GET"} <= well
    assert len(answered[GenerationMode.NEGATIVE]) > len(TABLE) // 5


def asked_of(method: str, drawn: random.Random) -> dict[GenerationMode, int]:
    """How often an operation is asked within the document and against it."""
    within = 2 if method.upper() == "GET" else 1
    if EVERYTHING:
        return {GenerationMode.POSITIVE: 5 * within, GenerationMode.NEGATIVE: 5}
    return {GenerationMode.POSITIVE: within, **({GenerationMode.NEGATIVE: 2} if drawn.random() < 0.5 else {})}
