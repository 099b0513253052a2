"""The real service behind the guard: the official OpenAI client logs in with a token, and what it is told when it may not."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from rag.library import Library
from rag.service.accounts import Accounts
from rag.service.guard import Guard, protect
from rag.service.guard_log import start_logging
from rag.ui.login_page import login_page
from tests.service.guard_fixtures import PASSWORD
from tests.service.guarded import GuardedApp

QUESTION = "武昌区2020年金融产业增加值是多少？"


class GuardedService(GuardedApp):
    """The service without the page."""

    def __init__(self, library: Library, guard: Guard) -> None:
        super().__init__(guard)
        self._library = library
        self._guarded = guard

    def build(self) -> Any:
        from fastapi import FastAPI

        from rag.service.app import add_service

        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        add_service(app, self._library)
        protect(app, self._guarded, login_page)
        return app


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    accounts = Accounts(tmp_path_factory.mktemp("accounts"))
    accounts.add("程序", PASSWORD, "reader")
    yield accounts
    accounts.close()


@pytest.fixture(scope="module")
def guard(accounts: Accounts) -> Guard:
    return Guard(accounts=accounts, login=True, questions_per_minute=6)


@pytest.fixture(scope="module")
def url(shelf: Library, guard: Guard) -> Iterator[str]:
    with GuardedService(shelf, guard) as live:
        yield live.url


def client(url: str, token: str) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{url}/v1", api_key=token, max_retries=0, http_client=httpx.Client(trust_env=False, timeout=20)
    )


def test_the_official_client_with_a_token(url: str, accounts: Accounts, tmp_path: Path) -> None:
    root = logging.getLogger("youju")
    before = (root.level, root.propagate)
    handler = start_logging(str(tmp_path / "log"), log_questions=True)
    assert handler is not None
    try:
        with client(url, accounts.make_token("程序")) as known:
            model = known.models.list().data[0].id
            said: list[Any] = [{"role": "user", "content": QUESTION}]
            assert known.chat.completions.create(model=model, messages=said).choices[0].message.content
            for _ in range(2):
                known.chat.completions.create(model=model, messages=said)
            with pytest.raises(openai.RateLimitError, match="提问太频繁了") as limited:
                known.chat.completions.create(model=model, messages=said)
            assert 1 <= int(limited.value.response.headers["retry-after"]) <= 10
    finally:
        root.removeHandler(handler)
        handler.close()
        root.setLevel(before[0])
        root.propagate = before[1]
        logging.getLogger("youju.questions").setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    asked = [line for line in lines if line["event"] == "question"]
    assert [(line["question"], line["client"]) for line in asked] == [(QUESTION, "account:程序")] * 3
    routes = [(line["route"], line["status"], line["reader"]) for line in lines if line["event"] == "request"]
    assert routes.count(("/v1/chat/completions", 200, "程序")) == 3
    assert ("-", 429, "程序") in routes


def test_the_official_client_without_a_right_token(url: str) -> None:
    with client(url, "sk-wrong") as unknown, pytest.raises(openai.AuthenticationError, match="令牌不对"):
        unknown.models.list()


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/metrics", "/api/articles", "/api/search?q=x", "/v1/models"]
)
def test_nothing_of_the_service_is_open_but_its_health(url: str, path: str) -> None:
    assert httpx.get(url + path, trust_env=False).status_code == 401
    assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code in (200, 503)


def test_a_service_that_is_to_stop_is_not_ready(url: str, guard: Guard) -> None:
    guard.draining.begun = True
    try:
        reply = httpx.get(f"{url}/readyz", trust_env=False)
        assert (reply.status_code, reply.json()["status"]) == (503, "stopping")
    finally:
        guard.draining.begun = False
