"""The report: summary files, and a page that is whole in itself and shows hostile text as text."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.report import SUMMARY, format_value, write_report
from eval.run import CASES, run_cases
from rag.errors import ReadError
from tests.eval.scripted_door import ScriptedDoor, answer
from tests.eval.test_eval_run import CASES_OF_SET, QUOTE, RIGHT, SCRIPT, SET, TEXTS, WRONG, config

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A finished run in which a statement, an error and an article's title are hostile."""
    script = {
        RIGHT.question: answer(RIGHT.question, QUOTE, said=f"12.5亿元，6.3%{HOSTILE}"),
        WRONG.question: ValueError(HOSTILE),
    }
    run_cases(ScriptedDoor(SCRIPT | script), SET, TEXTS, tmp_path, config())
    return tmp_path


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_files_and_figures(out):
    summary = write_report(out)
    assert json.loads((out / SUMMARY).read_text(encoding="utf-8")) == summary
    assert summary["config"]["set"] == "tiny"
    assert summary["counts"]["errors"] == 1
    assert summary["made"]["embedder"] == "hashing"
    table = (out / "summary.md").read_text(encoding="utf-8")
    assert "| 答案正确率 | 50.0% | 0.0 – 100.0 | 2 |" in table
    assert "| 首字 p50（秒） | – | – | 0 |" in table
    assert "| 数字 | 2 | 0 | 50.0% |" in table
    assert "1 题运行出错，未计入任何指标" in table


def test_the_page_is_whole_and_hostile_text_is_text(out):
    write_report(out)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    parser = Elements()
    parser.feed(page)
    tags = [tag for tag, _ in parser.found]
    assert tags.count("script") == 1
    assert not {"img", "link", "iframe", "object", "a"} & set(tags)
    for tag, attributes in parser.found:
        assert not {"src", "href", "style", "srcset"} & attributes.keys(), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    policy = next(a["content"] for tag, a in parser.found if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert re.fullmatch(r"default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'", policy)
    assert tags.count("details") == len(CASES_OF_SET)
    assert tags.count("svg") >= 3


def test_evidence_is_marked_inside_its_passage(out):
    write_report(out)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"<mark>{QUOTE}</mark>另有新闻。</blockquote>" in page


def test_a_report_can_be_made_again(out):
    first = write_report(out)
    before = (out / "report.html").read_bytes()
    assert write_report(out) == first
    assert (out / "report.html").read_bytes() == before


def test_an_unfinished_run_says_so(out):
    lines = (out / CASES).read_text(encoding="utf-8").splitlines(keepends=True)
    (out / CASES).write_text("".join(lines[:3]), encoding="utf-8")
    write_report(out)
    assert "还有 1 题没有做" in (out / "summary.md").read_text(encoding="utf-8")


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(ReadError, match=re.escape(CASES)):
        write_report(tmp_path)


def test_how_values_are_shown():
    estimate = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 4}
    assert format_value("correct", estimate) == ("50.0%", "25.0 – 75.0")
    assert format_value("latency_p50", estimate) == ("0.500", "0.250 – 0.750")
    assert format_value("correct", {"value": None, "low": None, "high": None, "n": 0}) == ("–", "–")


@pytest.mark.browser
def test_the_page_filters_in_a_browser(out):
    import shutil

    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no browser: apt-get install chromium fonts-noto-cjk")
    write_report(out)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 400, "height": 800})
        requests: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto((out / "report.html").as_uri())
        assert page.inner_text("#shown") == "显示 4 / 4 题"
        page.select_option("#result", "passed")
        assert page.inner_text("#shown") == "显示 2 / 4 题"
        page.fill("#words", "大学")
        assert page.inner_text("#shown") == "显示 1 / 4 题"
        page.select_option("#result", "")
        page.fill("#words", "")
        page.click("summary >> nth=0")
        assert page.inner_text("mark >> nth=0") == QUOTE
        width = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert width <= 400, "the page does not scroll sideways on a phone"
    assert complaints == []
    assert requests == [(out / "report.html").as_uri()]
