"""`/metrics`: what a Prometheus server collects. Labels are routes, modes and outcomes; never what somebody asked."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from rag.library import Library
from rag.records import Answer, Event, Mode

METRICS_TYPE: Final = CONTENT_TYPE_LATEST
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """The figures of one service."""

    def __init__(self, library: Library) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "youju_requests", "Requests answered", ["route", "method", "status"], registry=self._registry
        )
        self._request_seconds = Histogram(
            "youju_request_seconds", "Seconds until a response is sent whole", ["route"],
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._answers = Counter("youju_answers", "Questions to the API", ["mode", "outcome"], registry=self._registry)
        self._answer_seconds = Histogram(
            "youju_answer_seconds", "Seconds from a question to its checked answer", ["mode", "by"],
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._registry.register(_State(library))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; `route` is the pattern of its address."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    async def observed(self, events: AsyncGenerator[Event], mode: Mode) -> AsyncGenerator[Event]:
        """The same events, and the answer or its failure counted."""
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Answer):
                        outcome = "refused" if event.refused else "replied" if event.is_reply else "answered"
                        by = "llm" if event.provenance.llm else "extract"
                        self._answer_seconds.labels(mode, by).observe(time.perf_counter() - started)
                    yield event
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._answers.labels(mode, outcome).inc()


class _State(Collector):
    """What the library and its LLM are like at the moment they are asked."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def collect(self) -> Iterable[Any]:
        articles, chunks = self._library.counts()
        queue = self._library.llm_queue
        for name, meaning, value in (
            ("youju_articles", "Articles in the library", articles),
            ("youju_chunks", "Passages in the library", chunks),
            ("youju_llm_loaded", "1 when there is an LLM to ask", int(queue is not None)),
            ("youju_llm_busy", "Questions that the LLM is answering", queue.busy if queue else 0),
            ("youju_llm_waiting", "Questions that wait for the LLM", queue.waiting if queue else 0),
        ):
            yield GaugeMetricFamily(name, meaning, value)


class CountRequests:
    """ASGI middleware that counts every request by the pattern of its route; those of the page together as "page"."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def noted(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "") or "page"
            self._metrics.request(route, scope["method"], status, time.perf_counter() - started)
