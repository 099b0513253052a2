"""Questions from one's own articles: drafts, the review that survives anything, the commands, the page in a real browser."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embeddings import HashingEmbedder
from eval.datasets import check_set, read_texts
from eval.make_set import QUESTIONS, Draft, Review, draft_by_rules, read_reply, write_corpus
from eval.sets import load_set
from rag.library import Library
from rag.settings import Settings
from tests.conftest import make_article
from tests.eval.test_eval_cli import evaluate

TEXT = (
    "青石区统计局介绍，2024年青石区金融业增加值为12.5亿元，同比增长6.3%。其中新增企业约30家。\n"
    "青石区行政服务中心于2024年5月6日搬到东湖路。网友说“<script>alert(1)</script>”。"
)
ARTICLES = [
    make_article("青石区年度数据", TEXT, path="a.md"),
    make_article("空话", "今天天气很好，大家都很高兴。", path="b.md"),
    *(
        make_article(
            f"鹿鸣县第{i}期",
            f"鹿鸣县农业局表示，2023年鹿鸣县小麦产量为{320 + i}.5万吨，比上年增长4.{i}%。",
            path=f"c{i}.md",
        )
        for i in range(9)
    ),
]


def test_rules_ask_for_figures_and_days_that_stand_in_the_sentence() -> None:
    drafts = draft_by_rules(ARTICLES, 50, seed=1)
    assert len(drafts) == 10, "one an article; none where there is nothing to ask"
    texts = {article.path: article.text for article in ARTICLES}
    for draft in drafts:
        assert draft.question.endswith("？")
        if draft.quote:
            assert draft.quote in texts[draft.article]
            assert draft.answer in draft.quote
            assert draft.answer not in draft.question
    assert {draft.type for draft in drafts} <= {"number", "date", "unanswerable"}
    missed = [draft for draft in drafts if not draft.quote]
    assert missed
    assert all("2023年" not in draft.question and "2024年" not in draft.question for draft in missed)
    assert draft_by_rules(ARTICLES, 50, seed=1) == drafts


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("问题：2024年青石区金融业增加值是多少？\n答案：12.5亿元\n原句：2024年青石区金融业增加值为12.5亿元", True),
        ("问题：增加值？\n答案：99亿元\n原句：2024年青石区金融业增加值为12.5亿元", False),
        ("问题：增加值？\n答案：12.5亿元\n原句：这句话文章里没有，12.5亿元", False),
        ("我不能出题。", False),
        ("", False),
    ],
)
def test_an_llms_question_counts_only_with_its_sentence(reply: str, kept: bool) -> None:
    draft = read_reply(reply, ARTICLES[0], "m")
    assert (draft is not None) is kept
    if draft is not None:
        assert draft.quote in TEXT


def drafts() -> list[Draft]:
    return [
        Draft("number", "青石区金融业增加值是多少元？", "12.5亿元", "a.md", TEXT.split("。")[0] + "。"),
        Draft("unanswerable", "2021年青石区金融业增加值是多少元？", "", "a.md", ""),
        Draft(
            "date",
            "青石区行政服务中心哪一天搬的？",
            "2024年5月6日",
            "a.md",
            "青石区行政服务中心于2024年5月6日搬到东湖路。",
        ),
    ]


def test_a_review_keeps_every_decision_and_goes_on(tmp_path: Path) -> None:
    review = Review(drafts(), ARTICLES, tmp_path)
    assert "".join(review.context()) in TEXT
    assert review.accept(" ", "12.5亿元") == "问题不能是空的。"
    assert "要有答案" in review.accept("增加值？", " ")
    assert review.accept("青石区2024年金融业增加值是多少？", "12.5亿元") == ""
    review.drop()
    again = Review(drafts(), ARTICLES, tmp_path)
    assert [draft.type for draft in again.drafts] == ["date"]
    again.accept("青石区行政服务中心哪天搬家？", "2024年5月6日")
    assert again.current is None
    assert again.accept("多一题", "答") == "已经全部看完。"
    rows = [json.loads(line) for line in (tmp_path / QUESTIONS).read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["m001", "m002"]
    assert rows[0]["question"] == "青石区2024年金融业增加值是多少？"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    settings = Settings(
        library=tmp_path / "库", models=tmp_path / "models", llm="none", threads=1, embedder="hashing-512-0"
    )
    with Library(settings, HashingEmbedder()) as library:
        library.add_articles(ARTICLES)
        yield library


def test_the_set_can_be_loaded_and_is_sound(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "集"
    write_corpus(library, out)
    review = Review(drafts(), ARTICLES, out)
    while review.current is not None:
        review.accept(review.current.question, review.current.answer)
    found = load_set(str(out))
    assert (len(found.articles), len(found.cases)) == (len(ARTICLES), 3)
    assert check_set(found, read_texts(found)) == []
    assert [case.answerable for case in found.cases] == [True, False, True]


@pytest.fixture
def real_library(tmp_path: Path) -> Path:
    """A library of the built-in embedder, as the command opens it."""
    folder = tmp_path / "文章"
    folder.mkdir()
    for article in ARTICLES:
        (folder / article.path).write_text(
            f"---\ntitle: {article.title}\ndate: 2025-01-05\n---\n{article.text}\n", encoding="utf-8"
        )
    place = tmp_path / "知识库"
    with Library(Settings(library=place, llm="none", threads=1)) as library:
        assert library.add([folder]).failed == ()
    return place


@pytest.mark.model
def test_the_command_without_a_page(real_library: Path, tmp_path: Path) -> None:
    done = evaluate("make-set", "--library", real_library, "--out", "集", "--limit", "6", "--accept-all", cwd=tmp_path)
    assert (done.returncode, "收下 6 题" in done.stdout) == (0, True), done.stderr
    asked = evaluate("run", "--set", "集", "--out", "结果", "--cache", "缓存", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    assert "| 通过率 |" in asked.stdout
    resources = json.loads((tmp_path / "结果" / "run.json").read_text(encoding="utf-8"))["resources"]
    assert resources["peak_mb"] > 50
    assert resources["library_mb"] > 0


@pytest.mark.model
@pytest.mark.browser
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process")
def test_the_page_in_a_browser(real_library: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no browser: apt-get install chromium fonts-noto-cjk")
    from playwright.sync_api import sync_playwright

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-X",
        "utf8",
        "-m",
        "eval",
        "make-set",
        "--library",
        str(real_library),
        "--out",
        "集",
        "--limit",
        "4",
        "--port",
        str(port),
    ]
    serving = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            foreign: list[str] = []
            page.on(
                "request",
                lambda request: (
                    None
                    if f"127.0.0.1:{port}" in request.url or request.url.startswith("data:")
                    else foreign.append(request.url)
                ),
            )
            for _ in range(240):
                try:
                    page.goto(f"http://127.0.0.1:{port}")
                    break
                except Exception:  # noqa: BLE001 - not there yet
                    assert serving.poll() is None, serving.communicate()[1]
                    page.wait_for_timeout(250)
            page.get_by_text("第 1 / 4 条").wait_for(timeout=30_000)
            assert page.locator("mark").inner_text().strip() or page.locator(".passage").inner_text().strip()
            page.get_by_label("问题").fill("我改过的问题？")
            page.get_by_role("button", name="收下").click()
            page.get_by_text("已收下 1 题").wait_for(timeout=30_000)
            page.get_by_role("button", name="放弃").click()
            page.get_by_text("第 3 / 4 条").wait_for(timeout=30_000)
            browser.close()
    finally:
        serving.send_signal(signal.SIGINT)
        said, _ = serving.communicate(timeout=60)
    assert foreign == []
    rows = [json.loads(line) for line in (tmp_path / "集" / QUESTIONS).read_text(encoding="utf-8").splitlines()]
    assert [row["question"] for row in rows] == ["我改过的问题？"]
    assert "收下 1 题" in said
