"""Schemathesis sends what the OpenAPI schema allows and what it forbids: never a server error, always our form of an error."""

from __future__ import annotations

import warnings
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from rag.library import Library
from tests.service.live_service import LiveService

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of schemathesis' own imports
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error

_EXAMPLES = 10
"""For each operation and kind of data; all together take half a minute."""


def operations(live: LiveService) -> list[schemathesis.APIOperation]:  # type: ignore[type-arg]
    schema = schemathesis.openapi.from_dict(live.client.get("/openapi.json").json())
    schema.config.update(base_url=live.url)
    return [result.ok() for result in schema.get_all_operations()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_nothing_that_is_sent_makes_the_server_fail(live: LiveService, shelf: Library, mode: GenerationMode) -> None:
    sent: dict[str, set[int]] = {}
    for operation in operations(live):
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=_EXAMPLES, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )  # fmt: skip
        @given(case=strategy)
        def send(case: schemathesis.Case) -> None:
            response = case.call()
            case.validate_response(response, checks=[not_a_server_error])
            sent.setdefault(case.path, set()).add(response.status_code)
            if response.status_code >= 400:
                assert response.json()["error"]["message"]

        with suppress(Unsatisfiable):  # what takes no parameter cannot be sent a wrong one
            send()
    seen = set().union(*sent.values())
    assert seen >= ({200, 400} if mode is GenerationMode.POSITIVE else {400}), sent
    assert len(sent) == (10 if mode is GenerationMode.POSITIVE else 6), sent
