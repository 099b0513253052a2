"""The command line as a person runs it: real processes, real files, exit codes, no tracebacks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.openai_server import openai_server

POST = """
---
title: '武汉_965_产业集群'
author: 青石日报
date: Fri, 02 Jul 2021 11:59:33 GMT
---
<div><p>原标题：武汉“965”产业集群</p>
<p>武昌区介绍，金融业是重要支柱产业。2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。</p></div>
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`youju` in a process of its own, in an empty folder, with a library there."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("YOUJU_")}
        clean |= {"YOUJU_LIBRARY": str(tmp_path / "库"), "YOUJU_MODELS": str(tmp_path / "models"), "YOUJU_THREADS": "1"}
        result = subprocess.run(
            [sys.executable, "-m", "rag.cli", *arguments],
            cwd=tmp_path, env=clean | {"YOUJU_LLM": "none", "LC_ALL": "C"} | environment,
            capture_output=True, encoding="utf-8", timeout=300, check=False,
        )  # fmt: skip
        assert "Traceback" not in result.stderr, result.stderr
        return result

    return run


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "文章" / "武汉_965_产业集群.md"
    path.parent.mkdir()
    path.write_text(POST, encoding="utf-8")
    return path


@pytest.mark.model
def test_add_ask_list_check_remove(run: Run, article: Path) -> None:
    added = run("add", str(article.parent))
    assert added.returncode == 0, added.stderr
    assert "新加入" in added.stdout

    asked = run("ask", "--json", "武昌区2020年金融产业增加值是多少？")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    citation = answer["statements"][0]["citations"][0]
    assert citation["quote"] == "2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。"
    assert citation["title"] == "武汉“965”产业集群"
    assert citation["published_at"] == "2021-07-02T19:59:33+08:00"
    assert answer["provenance"]["embedder"] == "zh-small"

    refused = run("ask", "洪山区2025年的地区生产总值目标是多少？")
    assert refused.returncode == 0
    assert refused.stdout.startswith("资料中没有相关信息")

    listed = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [row["title"] for row in listed] == ["武汉“965”产业集群"]
    assert run("check").returncode == 0
    found = json.loads(run("search", "--json", "金融产业").stdout)
    assert found[0]["rank"] == 1
    assert {"dense", "keyword"} <= found[0]["why"].keys()

    assert run("remove", "0000000000000000").returncode == 1
    removed = run("remove", listed[0]["id"])
    assert (removed.returncode, removed.stdout) == (0, "移除了 1 篇文章。\n")


@pytest.mark.model
def test_batch_answers_every_line_and_reports_bad_ones(run: Run, article: Path, tmp_path: Path) -> None:
    run("add", str(article))
    batch = tmp_path / "questions.jsonl"
    lines = [
        json.dumps({"id": "a", "question": "武昌区2020年金融产业增加值是多少？"}, ensure_ascii=False),
        "{broken",
        json.dumps({"id": "b", "question": "同比增长多少？", "history": [{"question": "武昌区2020年金融产业增加值是多少？", "answer": "400.69亿元"}]}, ensure_ascii=False),
        json.dumps({"id": "c", "question": ""}),
    ]  # fmt: skip
    batch.write_text("\n".join(lines), encoding="utf-8")
    result = run("ask", "--batch", str(batch))
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 1
    assert [row["id"] for row in rows] == ["a", 2, "b", 4]
    assert "400.69亿元" in rows[0]["text"]
    assert "第 2 行" in rows[1]["error"]
    assert rows[2]["standalone_question"] == "武昌区2020年金融产业增加值同比增长多少？"
    assert "error" in rows[3]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("add", "没有这个文件.md"), 1, "没有这个文件.md"),
        (("ask",), 2, "问题"),
        (("ask", "问", "--batch", "x"), 2, "二者选一"),
        (("ask", "--batch", "没有.jsonl"), 1, "没有.jsonl"),
        (("ask", "问？", "--llm", "no-such-model"), 1, "no-such-model"),
        (("ask", "问？", "--config", "没有.toml"), 1, "没有.toml"),
        (("rebuild",), 1, "这里没有知识库"),
        (("remove",), 2, "vanished"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_mistakes_get_a_sentence_and_an_exit_code(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = run(*arguments)
    assert (result.returncode, says in result.stdout + result.stderr) == (code, True), result.stderr


def test_a_binary_file_is_reported_and_the_exit_code_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "坏.md").write_bytes(b"\x00\x01\x02" * 100)
    result = run("add", "坏.md")
    assert result.returncode == 1
    assert "坏.md" in result.stderr


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are always Unicode here")
def test_a_file_name_that_is_not_utf8_is_reported_and_the_others_go_on(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/\xce\xe4\xba\xba.md", "w", encoding="utf-8") as file:  # 武人 in GBK
        file.write("正文一句话。")
    (folder / "空.md").write_text("", encoding="utf-8")
    result = run("add", str(folder))
    assert result.returncode == 1
    assert "文件名不是有效的 UTF-8" in result.stderr
    assert "跳过" in result.stdout


@pytest.mark.model
def test_a_backup_becomes_the_same_library_elsewhere(run: Run, article: Path, tmp_path: Path) -> None:
    run("add", str(article))
    saved = run("backup", "备份.youju")
    assert (saved.returncode, "已备份 1 篇文章" in saved.stdout) == (0, True), saved.stderr
    assert run("restore", "备份.youju").returncode == 1, "a library that is there must not be overwritten"
    elsewhere = str(tmp_path / "另一处")
    restored = run("restore", "备份.youju", "--library", elsewhere)
    assert (restored.returncode, "已恢复 1 篇文章" in restored.stdout) == (0, True), restored.stderr
    asked = run("ask", "武昌区2020年金融产业增加值是多少？", "--library", elsewhere)
    assert "400.69亿元" in asked.stdout
    assert run("check", "--library", elsewhere).returncode == 0
    assert run("restore", str(article), "--library", str(tmp_path / "第三处")).returncode == 1


@pytest.mark.model
def test_a_table_with_named_columns_and_a_report_of_it(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "稿件.csv"
    table.write_text(
        '编号,稿子,大字,刊发\n1,"远棹重工中标风电安装船，合同金额12.6亿元。",远棹重工中标,2021-07-02\n',
        encoding="utf-8-sig",
    )
    unmapped = run("add", "稿件.csv")
    assert (unmapped.returncode, "--columns" in unmapped.stderr) == (1, True), unmapped.stdout
    columns = "text=稿子,title=大字,date=刊发"
    added = run("add", "稿件.csv", "--columns", columns, "--report", "结果.html")
    assert added.returncode == 0, added.stdout + added.stderr
    (row,) = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert (row["title"], row["date"]) == ("远棹重工中标", "2021-07-02")
    page = (tmp_path / "结果.html").read_text(encoding="utf-8")
    assert "稿件.csv" in page
    assert "<svg" in page
    wrong = run("add", "稿件.csv", "--columns", "body=稿子")
    assert (wrong.returncode, "body" in wrong.stderr) == (1, True)


@pytest.mark.model
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process")
def test_ctrl_c_stops_within_two_seconds_and_keeps_what_is_done(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "许多"
    folder.mkdir()
    for i in range(1500):
        (folder / f"{i:04}.md").write_text(
            f"# 第{i}号公告\n\n" + f"第{i}号公告说，工程全长{i}公里。" * 40, encoding="utf-8"
        )
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("YOUJU_")}
    clean |= {"YOUJU_LIBRARY": str(tmp_path / "库"), "YOUJU_THREADS": "1", "YOUJU_LLM": "none"}
    adding = subprocess.Popen(
        [sys.executable, "-m", "rag.cli", "add", str(folder)], cwd=tmp_path, env=clean,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while run("list", "--json").stdout.count("\n") < 5:  # articles have been stored, many more are to come
        assert time.monotonic() < deadline
        assert adding.poll() is None
    pressed = time.monotonic()
    os.killpg(adding.pid, signal.SIGINT)  # as a terminal does: the readers of files get it, too
    _, said = adding.communicate(timeout=30)
    took = time.monotonic() - pressed
    assert (adding.returncode, "Traceback" in said) == (130, False), said
    assert "已停下" in said
    assert took <= 2.0, f"{took:.1f} s"
    kept = run("list", "--json").stdout.count("\n")
    assert 5 <= kept < 1500
    again = run("add", str(folder))
    assert again.returncode == 0, again.stderr
    assert run("list", "--json").stdout.count("\n") == 1500
    assert run("check").returncode == 0


def test_settings_show_values_and_origins(run: Run) -> None:
    result = run("settings", "--llm", "none", YOUJU_TOP_K="7", YOUJU_API_KEY="sk-secret")
    assert result.returncode == 0
    assert "YOUJU_TOP_K" in result.stdout
    assert "sk-secret" not in result.stdout + result.stderr


def test_an_empty_library_says_what_to_do(run: Run) -> None:
    result = run("ask", "武昌区的金融产业增加值是多少？")
    assert (result.returncode, "youju add" in result.stdout) == (0, True)


def test_help_is_quick_and_chinese(run: Run) -> None:
    result = run("--help")
    assert "把文章加入知识库" in result.stdout


@pytest.mark.model
def test_search_says_why_and_keeps_to_its_filters(run: Run, article: Path) -> None:
    run("add", str(article.parent))
    question = "武昌区2020年金融产业增加值是多少？"
    found = run("search", question, "--explain")
    assert "名次：向量第 1，关键词第 1；共有的词：" in found.stdout
    assert "武昌区" in found.stdout.partition("共有的词：")[2]
    (hit,) = json.loads(run("search", question, "--explain", "--json").stdout)
    assert hit["ranks"] == {"dense": 1, "keyword": 1}
    assert hit["words"]["武昌区"] > 0
    within = run("search", question, "--after", "2021-07", "--before", "2021-07", "--source", "青石日报")
    assert "检索范围：2021-07-01 至 2021-07-31，来源 青石日报（1 / 1 个片段）" in within.stderr
    assert "武汉" in within.stdout
    assert "没有找到" in run("search", question, "--before", "2020").stdout
    refused = run("ask", question, "--category", "体育")
    assert "没有文章符合筛选条件（分类 体育）" in refused.stdout
    assert "400.69亿元" in run("ask", question, "--after", "2021").stdout
    wrong = run("ask", question, "--after", "昨天")
    assert (wrong.returncode, "看不懂日期" in wrong.stderr) == (1, True)
    yesterday = run("ask", f"昨天的消息：{question}")
    assert "发表的文章，已在全部文章中检索" in yesterday.stderr
    assert "发表的文章" not in run("ask", f"昨天的消息：{question}", "--all").stderr


@pytest.mark.model
def test_a_comparison_is_printed_as_a_table_and_not_in_json(run: Run, tmp_path: Path) -> None:
    for name, tonnes in (("望川镇", "320.5"), ("西岭镇", "275")):
        path = tmp_path / "文章" / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}茶叶\n\n{name}2020年茶叶产量为{tonnes}吨。镇上新修了一座桥。\n", encoding="utf-8")
    run("add", str(tmp_path / "文章"))
    question = "望川镇和西岭镇2020年的茶叶产量，哪个更高？"
    shown = run("ask", question).stdout
    assert "| 望川镇 | 320.5吨[1] | 望川镇2020年茶叶产量为320.5吨。 |" in shown
    assert "相差 45.5 吨（320.5 − 275）" in shown
    assert "|" not in json.loads(run("ask", question, "--json").stdout)["text"]


@pytest.mark.model
def test_what_nothing_carries_is_left_out_and_shown_on_demand(run: Run, article: Path) -> None:
    run("add", str(article))
    with openai_server() as server:
        server.reply = "2020年，武昌区金融产业增加值达400.69亿元[1]。武昌区还办了马拉松[1]。"
        llm = {
            "YOUJU_LLM": "api", "YOUJU_API_MODEL": server.model, "YOUJU_API_BASE_URL": server.url, "YOUJU_API_KEY": server.key,
        }  # fmt: skip
        question = ("ask", "武昌区2020年金融产业增加值是多少？")
        asked = run(*question, **llm)
        assert "400.69亿元" in asked.stdout, asked.stderr
        assert "马拉松" not in asked.stdout
        assert "另有 1 句未找到依据，未采用（加 --all-statements 显示）" in asked.stderr
        told = run(*question, "--all-statements", **llm)
    left_out = told.stdout.partition("未找到依据，未采用：")[2]
    assert "- 武昌区还办了马拉松。（" in left_out
    assert "--all-statements" not in told.stderr


@pytest.mark.model
def test_feedback_is_listed_and_exported_as_a_set(run: Run, article: Path, tmp_path: Path) -> None:
    from rag.chat_history import FILE_NAME, ChatHistory
    from rag.chat_records import Feedback, Outcome
    from tests.test_chat_history import answer

    assert "还没有评价" in run("feedback", "list").stdout
    assert run("feedback", "export", "评测").returncode == 1
    assert run("add", str(article.parent)).returncode == 0
    history = ChatHistory(tmp_path / "库" / FILE_NAME)
    diary = history.of("browser:one")
    diary.begin("e1", "临江港吞吐量多少？")
    diary.finish("e1", Outcome("answered", answer("临江港吞吐量多少？")))
    diary.rate("e1", Feedback("down", ("wrong_figure",), "[red]应为别的[/red]"))
    history.close()
    listed = run("feedback", "list")
    assert listed.returncode == 0, listed.stderr
    assert "有问题：数字不对；[red]应为别的[/red]" in listed.stdout.replace("\n", "")
    assert "共 1 条评价" in listed.stdout
    exported = run("feedback", "export", "评测")
    assert exported.returncode == 0, exported.stderr
    assert "已导出 1 题" in exported.stdout
    again = run("feedback", "export", "评测")
    assert (again.returncode, "已有评测集" in again.stderr) == (1, True)
    checked = subprocess.run(
        [sys.executable, "-m", "eval", "run", "--set", "评测", "--out", "结果", "--cache", "缓存"],
        cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=300, check=False,
        env={**os.environ, "YOUJU_THREADS": "1"},
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert (tmp_path / "结果" / "cases.jsonl").is_file()
