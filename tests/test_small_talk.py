"""Small talk gets a short honest reply through every door: nothing searched, nothing cited, nothing refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eval.datasets import Case, EvalSet, load_shipped
from eval.run import describe_run, run_cases
from eval.scoring import declined, summarize
from rag.library import Library
from rag.records import Answer
from rag.settings import Settings
from rag.small_talk import small_talk
from rag.ui.render import answer_html
from rag.ui.session import Session
from tests.chats import ScriptedChat, scripted
from tests.conftest import make_article
from tests.ui.test_render import chinese

CHAT = "你好呀，今天心情不太好，陪我聊会儿天吧"
TEA = make_article("茶叶", "东湖镇茶叶产量为320.5吨。你好，再见，谢谢。")


@pytest.mark.parametrize(
    "message",
    ["你好", "您好！", "hello", "早上好呀", "在吗？", "谢谢啦", "辛苦了", "再见", "你是谁？", "你叫什么名字", "你能做什么？",
     "你是机器人吗", "好的，谢谢", "你好，你是谁？", CHAT, "陪我聊天吧", "我今天好无聊", "ok"],
)  # fmt: skip
def test_small_talk_is_known(message: str) -> None:
    assert small_talk(message, 3)


@pytest.mark.parametrize(
    "question",
    ["你好，武昌区2020年的增加值是多少？", "帮我写一首七言绝句", "Python里怎么读文件", "谢谢侬是谁唱的？", "你好李焕英票房多少？",
     "再见爱人什么时候播？", "早安集团的董事长是谁？", "怎么用？", "为什么？", "他是谁？", "明天天气好吗", "", "那汉阳呢？", "好公司有哪些？"],
)  # fmt: skip
def test_questions_are_not(question: str) -> None:
    assert small_talk(question, 3) == ""


@pytest.mark.parametrize("piece", ["好", "谢", "你好", "好的，", "嗯", "很", "，", "我今天很", "哦了"])
def test_no_message_takes_long(piece: str) -> None:
    started = time.process_time()
    small_talk((piece * 40)[:39] + "x", 1)
    assert time.process_time() - started < 0.5


def test_of_the_shipped_questions_only_the_chat_is() -> None:
    assert [case.id for case in load_shipped().cases if small_talk(case.question, 1)] == ["b140"]


def test_the_pipeline_replies_at_once(library: Library) -> None:
    library.add_articles([TEA])
    chat = scripted("我不该被问到。")
    library.use_chat_model(chat)
    events = list(library.events(CHAT))
    assert len(events) == 1
    answer = events[0]
    assert isinstance(answer, Answer)
    assert answer.is_reply
    assert (answer.refused, answer.statements, answer.hits) == (False, (), ())
    assert answer.text == answer.reason == "我不会闲聊，只会根据知识库里的文章回答问题。想知道什么，直接问就好。"
    assert isinstance(chat.model, ScriptedChat)
    assert chat.model.asked == []
    assert "1 篇文章" in library.ask("你好").text
    told = library.ask("你是谁？").to_dict()
    assert told["text"].startswith("我是有据（Youju")
    assert (told["refused"], told["statements"], told["hits"]) == (False, [], [])
    assert not library.ask("东湖镇茶叶产量是多少？").is_reply


def test_the_page_shows_a_reply_and_nothing_else(library: Library) -> None:
    library.add_articles([TEA])
    html = answer_html(library.ask("谢谢"), "u")
    assert chinese(html) == "不客气。还想知道什么，接着问就好。"
    assert "yj-sources" not in html
    assert "yj-badge" not in html
    session = Session()

    class Door:
        def events(self, *asked):
            return library.events(*asked[:2])

    seen = [chinese(session.messages()[-1]["content"]) for _ in session.ask(Door(), "你好")]  # type: ignore[arg-type]
    assert "正在检索" not in "".join(seen)
    assert seen[-1].startswith("你好！我是有据。")
    assert session.history == ()
    assert session.exchanges[-1].rewritten == ""


def test_a_retriever_finds_nothing_for_it(library: Library) -> None:
    library.add_articles([TEA])
    assert library.as_retriever().invoke("你好") == []
    assert library.as_retriever().invoke("茶叶产量")


def test_the_evaluation_counts_it_as_declined(library: Library, tmp_path: Path) -> None:
    library.add_articles([TEA])
    cases = (
        Case("chat", "unanswerable", CHAT, answerable=False),
        Case("hello", "fact", "你好", key_facts=(("320.5吨",),)),
    )
    config = describe_run(EvalSet("t", cases, "d", "c"), Settings(llm="none"), limit=None, seed=0)
    rows = run_cases(library, EvalSet("t", cases, "d", "c"), {}, tmp_path / "out", config)
    assert [row["metrics"]["passed"] for row in rows] == [1.0, 0.0]
    assert all(declined(row["answer"]) and not row["fallback"] for row in rows)
    assert summarize(rows)["metrics"]["refusal_recall"]["value"] == 1.0


@pytest.mark.model
def test_the_command_line_prints_it(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("YOUJU_")}
    clean |= {"YOUJU_LIBRARY": str(tmp_path / "库"), "YOUJU_LLM": "none", "YOUJU_THREADS": "1"}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "rag.cli", "ask", "你好", *arguments]
        done = subprocess.run(command, env=clean, capture_output=True, encoding="utf-8", timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        assert "原文摘录" not in done.stderr
        return done.stdout

    assert run().splitlines()[0].startswith("你好！我是有据。")
    assert "未找到依据" not in run()
    told = json.loads(run("--json"))
    assert told["refused"] is False
    assert told["statements"] == []
    assert told["text"] == told["reason"]
