"""The page of a comparison: whole in itself, hostile text is text, cases side by side."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eval.compare import compare, marks_of
from eval.compare_page import render
from eval.run import run_cases
from tests.eval.scripted_door import ScriptedDoor, answer
from tests.eval.test_eval_report import HOSTILE, Elements
from tests.eval.test_eval_run import QUOTE, RIGHT, SCRIPT, SET, TEXTS, WRONG, config


@pytest.fixture
def page(tmp_path: Path) -> Path:
    before = run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, tmp_path / "前", config())
    changed = SCRIPT | {
        RIGHT.question: answer(RIGHT.question, "另有新闻。", said=f"12.5亿元{HOSTILE}"),
        WRONG.question: answer(WRONG.question, QUOTE),
    }
    after = run_cases(ScriptedDoor(changed), SET, TEXTS, tmp_path / "后", config())
    path = tmp_path / "compare.html"
    path.write_text(render(compare(before, after), (f"前{HOSTILE}", "后"), (before, after)), encoding="utf-8")
    return path


def test_the_page_is_whole_and_hostile_text_is_text(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert HOSTILE not in text
    parser = Elements()
    parser.feed(text)
    tags = [tag for tag, _ in parser.found]
    assert not {"img", "link", "iframe", "object", "a"} & set(tags)
    assert not any({"src", "href", "style"} & attributes.keys() for _, attributes in parser.found)
    results = [a["data-result"] for tag, a in parser.found if tag == "details"]
    assert results == ["worse", "better", "failed", "passed"], "what changed comes first"
    assert re.search(rf"<mark>{re.escape(QUOTE)}</mark>", text)


def test_a_baseline_without_answers_can_be_compared(tmp_path: Path) -> None:
    after = run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, tmp_path, config())
    before = [marks_of(row) for row in after]
    assert "基线不含答案" in render(compare(before, after), ("基线", "后"), (before, after))


@pytest.mark.browser
def test_it_filters_and_fits_a_phone(page: Path) -> None:
    import shutil

    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no browser: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        view = browser.new_page(viewport={"width": 400, "height": 800})
        complaints: list[str] = []
        view.on("console", lambda message: complaints.append(message.text))
        view.on("dialog", lambda dialog: complaints.append(dialog.message))
        view.goto(page.as_uri())
        assert view.inner_text("#shown") == "显示 4 / 4 题"
        view.select_option("#result", "worse")
        assert view.inner_text("#shown") == "显示 1 / 4 题"
        view.click("summary:visible")
        assert "12.5亿元<script>" in view.inner_text(".two:visible")
        width = view.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert (width <= 400, complaints) == (True, [])
