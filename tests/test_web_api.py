"""The explorer's interface against its own description: questions drawn from it, and good ones.

What is drawn is the same each time. Whatever is asked, the answer is one that the description
allows: no other status, no other shape, and no mistake of the server's own. (Most that is drawn is
no network, which is refused in words.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from backprove.language import parse
from backprove.web.answers import ANSWERS, answered
from backprove.web.app import api
from backprove.web.guards import Door, Guards
from backprove.web.opening import Start
from backprove.web.workers import Workers

TOKEN = "the-token"
HEADERS = {"host": "localhost:8765", "authorization": f"Bearer {TOKEN}"}
DRAWN = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

NOT_ASKED = [
    positive_data_acceptance,  # a text of the right shape may be no network
    ignored_auth,  # sends the token all the same; test_web_server.py leaves it out
]
"""Checks that do not fit."""

WORKERS = Workers(count=2, warming="backprove.web.warming")
APPLICATION = Guards(
    api(ANSWERS.values(), answered, WORKERS, Start(text="mlp:2-1", file="mlp:2-1")),
    Door("127.0.0.1", 8765, TOKEN),
)
CONFIG = {"checks": {"negative_data_rejection": {"expected-statuses": [400, 401, 405, 413, 422]}}}
SCHEMA = schemathesis.openapi.from_asgi(
    "/api/openapi.json",
    APPLICATION,
    headers=HEADERS,
    config=schemathesis.Config.from_dict(CONFIG),
)


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    """Ends the workers when the tests have."""
    yield
    WORKERS.close()


@SCHEMA.parametrize()
@DRAWN
def test_any_question_has_an_answer_of_the_description(case: Any) -> None:
    case.call_and_validate(headers=HEADERS, timeout=60, excluded_checks=NOT_ASKED)


NETWORKS = ["residual.bp", "two_neurons.bp", "chain_3_3_1.bp"]
GIVEN: dict[str, Any] = {"answer": "0", "target": "numpy", "format": "html", "numbers": True}


@pytest.mark.parametrize("file", NETWORKS)
def test_a_good_question_has_an_answer_of_the_description(file: str, examples: Path) -> None:
    text = (examples / file).read_text(encoding="utf-8")
    weight = parse(text).trained[0]
    quantity = weight.name + (f"[{','.join('1' * len(weight.shape))}]" if weight.shape else "")
    for path, row in ANSWERS.items():
        known = {"text": text, "quantity": quantity} | GIVEN
        body = {name: value for name, value in known.items() if name in row.asks.model_fields}
        response = (
            SCHEMA[path]["POST"]
            .Case(body=body, media_type="application/json")
            .call(headers=HEADERS, timeout=60)
        )
        assert response.status_code == 200, (path, response.text)
        SCHEMA[path]["POST"].validate_response(response)
