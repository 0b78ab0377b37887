"""The document and what the API does are the same: schemathesis asks each operation, within it and against it."""

from __future__ import annotations

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

EXAMPLES = {GenerationMode.POSITIVE: 2, GenerationMode.NEGATIVE: 2}
ASKED_ELSEWHERE = ("ignored_auth", "use_after_free", "ensure_resource_availability", "object_level_authorization")  # test_tokens, test_acts


def test_each_operation_keeps_to_the_document(linked: LinkingDesk) -> None:
    link_id, tip, _ = linked.one
    headers = {"Authorization": f"Bearer {token_for(linked)}"}
    real = {"link_id": link_id, "exhibit_id": linked.exhibits(tip)[0].id, "program_id": linked.installation.program_id}
    linked.console_app.extensions["gate"].limiter.allow = lambda *_: True  # what is tested is not how many requests fit
    schema = schemathesis.openapi.from_dict(linked.console_app.test_client().get(f"{API}/openapi.json", headers=headers).get_json())
    schema.app = linked.console_app
    load_all_checks()
    every = [check for name, check in zip(CHECKS.get_all_names(), CHECKS.get_all(), strict=True) if name not in ASKED_ELSEWHERE]
    acceptance = CHECKS.get_by_names(["positive_data_acceptance"])
    answered: dict[GenerationMode, Counter[str]] = {mode: Counter() for mode in EXAMPLES}

    def asking(mode: GenerationMode) -> Callable[[Any], None]:
        def ask(case: Any) -> None:
            if mode is GenerationMode.POSITIVE:
                named = {**real, "number": linked.cases[0] if "/cases/" in case.path else tip}
                case.path_parameters = {name: named[name] for name in case.path_parameters or {}}
            # whether a decision fits what stands is no question of form: 422 says what is missing
            excluded = acceptance if case.method == "POST" else []
            answer = case.call_and_validate(headers=headers, checks=every, excluded_checks=excluded, base_url="http://localhost")
            answered[mode][f"{case.method} {case.path} {answer.status_code // 100}"] += 1

        return ask

    for found in schema.get_all_operations():
        operation = found.ok()
        for mode, examples in EXAMPLES.items():
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
    assert len(answered[GenerationMode.NEGATIVE]) > len(TABLE) // 2
