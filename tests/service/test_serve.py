"""`youju serve` as a person starts it: the commands of docs/service.md, and a library that is written to meanwhile."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from rag.library import Library
from rag.settings import Settings
from tests.service.live_service import wait_until

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "eval" / "data" / "articles" / "金融"
ASKED = "武昌区2020年金融产业增加值是多少？"
COMMANDS = re.findall(r"^```bash\n(.*?)^```", (ROOT / "docs" / "service.md").read_text(encoding="utf-8"), re.M | re.S)

pytestmark = pytest.mark.model


def environment() -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("YOUJU_")}
    return env | {"YOUJU_THREADS": "1", "YOUJU_LLM": "none", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of the running program, and its library."""
    place = tmp_path_factory.mktemp("served") / "library"
    with Library(Settings(library=place, llm="none", threads=1)) as library:
        library.add([SAMPLES / "有据样稿"])
    command = [sys.executable, "-X", "utf8", "-m", "rag.cli", "serve", "--library", str(place), "--port", "0"]
    with subprocess.Popen(
        command,
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as program:
        try:
            assert program.stdout is not None
            line = next(line for line in program.stdout if "有据已就绪" in line)
            url = line.split("：")[1].split("（")[0]
            wait_until(lambda: httpx.get(f"{url}/readyz", trust_env=False).is_success)
            yield url, place
            program.send_signal(signal.SIGINT)
            out, err = program.communicate(timeout=20)
            assert (out.strip(), err.strip()) == ("已停止。", "")
        finally:
            program.kill()


@pytest.mark.skipif(not shutil.which("curl") or os.name != "posix", reason="curl and a shell")
@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_the_commands_of_the_docs(served: tuple[str, Path], command: str) -> None:
    url, _ = served
    done = subprocess.run(
        ["bash", "-euc", command.replace("http://127.0.0.1:7860", url).replace("curl ", "curl --noproxy '*' ")],
        capture_output=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    said = done.stdout
    assert '"error"' not in said
    if "-sN" in command:
        assert said.startswith(("data: ", "event: "))
        assert "6.3%" in said
    elif "metrics" in command:
        assert "youju_articles 1.0" in said
    else:
        found = json.dumps(json.loads(said), ensure_ascii=False)
        assert re.search("youju-extractive|400.69亿元|武汉", found)


def test_page_and_api_are_one_process(served: tuple[str, Path]) -> None:
    url, _ = served
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        assert "有据" in client.get("/").text
        for path in ("/", "/api/articles", "/docs"):
            headers = client.get(path).headers
            assert "default-src 'self'" in headers["content-security-policy"]
        assert client.get("/docs").headers["content-type"].startswith("text/html")


def test_answers_go_on_while_the_library_is_written_to(served: tuple[str, Path], tmp_path: Path) -> None:
    url, place = served
    new = tmp_path / "new"
    new.mkdir()
    for number in range(40):
        text = f"# 云岭县第{number}号公告\n\n云岭县第{number}号水库库容为{1000 + number}万立方米。" * 5
        (new / f"{number}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-X", "utf8", "-m", "rag.cli", "add", str(new), "--library", str(place)]
    with (
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
        ThreadPoolExecutor(4) as askers,
        subprocess.Popen(command, env=environment(), cwd=ROOT, stdout=subprocess.DEVNULL) as writer,
    ):
        statuses = set()

        def ask(_: int) -> None:
            reply = client.post("/api/ask", json={"question": ASKED})
            statuses.add(reply.status_code)
            assert "400.69亿元" in reply.json()["text"]
            statuses.add(client.get("/api/search", params={"q": "水库库容"}).status_code)
            statuses.add(client.get("/api/articles").status_code)

        rounds = 0
        while writer.poll() is None:
            list(askers.map(ask, range(4)))
            rounds += 1
        assert writer.returncode == 0
        assert rounds > 1, "it was asked while it was written to"
        assert statuses == {200}
        assert client.get("/api/articles").json()["total"] == 41
        answer = client.post("/api/ask", json={"question": "云岭县第17号水库库容是多少？"}).json()
        assert "1017万立方米" in answer["text"]
