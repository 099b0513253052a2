"""Many people at one server: each thinks, asks, waits for the whole answer, and thinks again; over real connections on loopback.

The server is a process of its own (`youju serve`), so that what asks takes nothing from it but its share of the processor. Times
between questions are exponential around the mean that is given, as in an open crowd (Poisson arrivals, at most one question each).
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from eval.run import describe_machine
from rag.errors import YoujuError

_READY: Final = re.compile(r"有据已就绪：(http://\S+?)（")
_SAMPLE_EVERY: Final = 2.0
_TIMEOUT: Final = 120.0
_WARM_WITHIN: Final = 180.0


@dataclass(slots=True)
class _Crowd:
    """What the users see: seconds of each answer that came, what went wrong instead, how long all of it took, and the server's processor seconds."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    took: float = 0.0
    processor: float = 0.0


def measure(
    library: Path,
    questions: Sequence[str],
    *,
    users: int,
    seconds: float,
    think: float,
    seed: int = 0,
    on_second: Callable[[float, int, int], None] = lambda elapsed, answers, errors: None,
) -> dict[str, Any]:
    """Start a server over a library, let `users` ask it for a while, stop it.

    Args:
        questions: asked in random order, extractively.
        think: mean seconds between an answer and the next question of the same user.
        on_second: told seconds, answers and errors so far.

    Returns:
        The figures: answers, errors, answers a second, seconds of the server's processor for each, p50 and p95 in seconds, and `memory`, the server's RSS in MB over time.

    Raises:
        YoujuError: the server does not start.
    """
    with _start(library) as server:
        try:
            url = _address(server)
            before = os.getloadavg()[0]
            crowd, memory = asyncio.run(_ask(url, server.pid, questions, users, seconds, think, seed, on_second))
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(20)
            server.kill()
    ordered = sorted(crowd.seconds)
    return {
        "users": users,
        "seconds": seconds,
        "think": think,
        "questions": len(questions),
        "answers": len(ordered),
        "errors": len(crowd.errors),
        "error_kinds": sorted(set(crowd.errors)),
        "per_second": round(len(ordered) / crowd.took, 2),
        "processor_per_answer": round(crowd.processor / max(1, len(ordered)), 3),
        "p50": _quantile(ordered, 0.50),
        "p95": _quantile(ordered, 0.95),
        "longest": round(ordered[-1], 3) if ordered else None,
        "memory": [[round(at, 1), round(mb, 1)] for at, mb in memory],
        "load_before": round(before, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "machine": describe_machine(),
    }


def _start(library: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-X", "utf8", "-m", "rag.cli", "serve", "--llm", "none", "--port", "0"]
    return subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--library", str(library)], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def _address(server: subprocess.Popen[str]) -> str:
    """Where the server is, once it is warm."""
    assert server.stdout is not None
    for line in server.stdout:
        if found := _READY.search(line):
            deadline = time.monotonic() + _WARM_WITHIN
            with httpx.Client(trust_env=False, timeout=10) as client:
                while time.monotonic() < deadline:
                    if client.get(f"{found[1]}/readyz").is_success:
                        return found[1]
                    time.sleep(0.2)
    raise YoujuError("压力测试的服务没有启动", "请看上面的错误信息")


async def _ask(
    url: str,
    pid: int,
    questions: Sequence[str],
    users: int,
    seconds: float,
    think: float,
    seed: int,
    on_second: Callable[[float, int, int], None],
) -> tuple[_Crowd, list[tuple[float, float]]]:
    crowd = _Crowd()
    memory: list[tuple[float, float]] = []
    started = time.monotonic()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=users)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=_TIMEOUT, limits=limits) as client:

        async def user(number: int) -> None:
            dice = random.Random(f"{seed}-{number}")  # noqa: S311 - no secret
            await asyncio.sleep(dice.uniform(0, think))  # they do not all come at the same moment
            while (left := started + seconds - time.monotonic()) > 0:
                await _one(client, dice.choice(questions), crowd)
                await asyncio.sleep(min(max(left, 0), dice.expovariate(1 / think) if think else 0))

        async def watch() -> None:
            while True:
                elapsed = time.monotonic() - started
                with suppress(psutil.Error):
                    memory.append((elapsed, process.memory_info().rss / 1e6))
                on_second(elapsed, len(crowd.seconds), len(crowd.errors))
                await asyncio.sleep(_SAMPLE_EVERY)

        process = psutil.Process(pid)
        spent = sum(process.cpu_times()[:2])
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(user(number) for number in range(users)))  # what is asked is waited for, also at the end
        watching.cancel()
        crowd.processor = sum(process.cpu_times()[:2]) - spent
    crowd.took = time.monotonic() - started
    return crowd, memory


async def _one(client: httpx.AsyncClient, question: str, crowd: _Crowd) -> None:
    began = time.monotonic()
    try:
        reply = await client.post("/api/ask", json={"question": question, "mode": "extractive"})
    except httpx.HTTPError as error:
        crowd.errors.append(type(error).__name__)
        return
    if reply.status_code != httpx.codes.OK or not reply.json()["text"]:
        crowd.errors.append(f"HTTP {reply.status_code}")
        return
    crowd.seconds.append(time.monotonic() - began)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    if len(ordered) < 2:
        return round(ordered[0], 3) if ordered else None
    return round(statistics.quantiles(ordered, n=100, method="inclusive")[round(share * 100) - 1], 3)


def plot(result: dict[str, Any]) -> str:
    """An SVG of the server's memory (RSS, MB) over the seconds of the run."""
    points = result["memory"]
    left, top, width, height = 76, 16, 480, 200
    last = max(at for at, _ in points) or 1.0
    most = 1.1 * max(mb for _, mb in points)

    def place(at: float, mb: float) -> tuple[float, float]:
        return left + width * at / last, top + height * (1 - mb / most)

    grid = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = place(0, share * most)
        grid.append(
            f"<line x1='{left}' x2='{left + width}' y1='{y:.0f}' y2='{y:.0f}' stroke='#d8dce3'/>"
            f"<text x='{left - 6}' y='{y + 4:.0f}' text-anchor='end'>{share * most:,.0f} MB</text>"
        )
    line = " ".join("{:.1f},{:.1f}".format(*place(at, mb)) for at, mb in points)
    about = f"{result['users']} 人，{result['seconds']:g} 秒：服务进程的内存"
    style = "font:12px system-ui,'Noto Sans CJK SC',sans-serif"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {left + width + 30} {top + height + 40}' style=\"{style}\">"
        f"<rect width='100%' height='100%' fill='#fff'/>{''.join(grid)}"
        f"<polyline points='{line}' fill='none' stroke='#1f7a4a' stroke-width='2'/>"
        f"<text x='{left}' y='{top + height + 26}'>{about}</text></svg>\n"
    )
