"""A conversation to take along: true to what is shown, and inert in every format."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from docx import Document

from rag.chat_records import SavedExchange
from rag.records import Answer, Provenance, Statement
from rag.ui.export import (
    Block,
    Grid,
    conversation_blocks,
    exchange_blocks,
    file_name,
    texts_of,
    to_html,
    to_html_page,
    to_markdown,
    to_plain,
)
from rag.ui.export_docx import to_docx
from rag.ui.texts import EN, ZH
from tests.ui.fake_backend import (
    GROWTH,
    HARBOUR,
    HOSTILE,
    ROUTES,
    TARGET_STATEMENTS,
    THROUGHPUT_STATEMENTS,
    TRAP,
    cite,
    hit,
)
from tests.ui.test_render_table import OTHER, TEA, compared, said

NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
MADE = Provenance("zh-small", "qwen", "answer@abc", "临江@3", "0.1.0")


def exchange(
    statements: Sequence[Statement] = (), *, reason: str = "", notice: str = "", **more: object
) -> SavedExchange:
    answer = Answer(
        "吞吐量多少？", "临江港吞吐量多少？", tuple(statements), (hit(HARBOUR, 1), hit(TRAP, 2, 8, 40)), bool(reason), reason,
        {}, replace(MADE, notice=notice), "2025-04-08",
    )  # fmt: skip
    return SavedExchange("e1", "吞吐量多少？", 0.0, "answered", answer, **more)  # type: ignore[arg-type]


def in_all_formats(blocks: list[Block | Grid], title: str = "题") -> dict[str, str]:
    """The text that a reader sees in each."""
    document = Document(io.BytesIO(to_docx(title, blocks)))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return {
        "markdown": re.sub(r"\\([^\w\s])", r"\1", to_markdown(blocks)),
        "html": seen(to_html_page(title, blocks, ZH)),
        "plain": to_plain(blocks),
        "docx": "\n".join([*(p.text for p in document.paragraphs), *cells]),
    }


def seen(markup: str) -> str:
    class Text(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.pieces: list[str] = []

        def handle_data(self, data: str) -> None:
            self.pieces.append(data)

    parser = Text()
    parser.feed(markup)
    return "".join(parser.pieces)


def test_every_format_tells_all_that_is_shown() -> None:
    blocks = conversation_blocks("题", [exchange(THROUGHPUT_STATEMENTS, notice="注意这一点", )], ZH, NOW)  # fmt: skip
    for name, text in in_all_formats(blocks).items():
        for words in (
            "吞吐量多少？", "按“临江港吞吐量多少？”检索", "检索范围：2025-04-08", "注意这一点",
            "同比增长6.8%。[1]〔有据〕", "内贸煤炭。[2]〔部分有据：原文只提到三条近洋航线，没有提到内贸煤炭。〕",
            "另有 1 句未找到依据，未采用", "港口因此成为全省第一大港。", "〔未找到依据：资料中没有这一说法。〕",
            "[1] ", "临江港一季度吞吐量公布", "临江日报 · 2025-04-08", f"“{GROWTH.quote}”", f"“{ROUTES.quote}”",
            HARBOUR.url, "qwen · answer@abc · 临江@3", "由有据导出，2026-11-25 01:00",
        ):  # fmt: skip
            assert words in text.replace("**", "").replace("~~", ""), (name, words)


def test_what_is_struck_is_struck_in_every_format() -> None:
    blocks = exchange_blocks(exchange(THROUGHPUT_STATEMENTS), ZH)
    said = "港口因此成为全省第一大港。"
    assert f"~~{said}~~" in to_markdown(blocks)
    assert f"~~{said}~~" in to_plain(blocks)
    assert f"<del>{said}</del>" in to_html(blocks)
    struck = [r.text for p in Document(io.BytesIO(to_docx("", blocks))).paragraphs for r in p.runs if r.font.strike]
    assert struck == [said]


def test_sources_that_disagree_are_both_listed() -> None:
    text = to_plain(exchange_blocks(exchange(TARGET_STATEMENTS), ZH))
    assert "1.5亿吨。[1][2]〔说法不一：征求意见稿的目标是1.4亿吨。〕" in text
    assert text.count("临江市发布港口三年规划") == 2


def test_a_refusal_keeps_its_reason_and_the_nearest_passages() -> None:
    for name, text in in_all_formats(exchange_blocks(exchange(reason="资料中没有相关信息。"), ZH)).items():
        assert "〔没有答案〕资料中没有相关信息。" in text, name
        assert "最接近的段落" in text
        assert "临江港集团4月8日公布一季度经营数据。" in text
        assert "〔有据〕" not in text


def test_a_comparison_is_a_table() -> None:
    answer = compared(said(1, TEA), said(2, OTHER))
    blocks = exchange_blocks(SavedExchange("e1", answer.question, 0.0, "answered", answer), ZH)
    (grid,) = [block for block in blocks if isinstance(block, Grid)]
    assert len(grid.rows) == 3
    assert re.search(r"^\| .* \|\n\|( --- \|){3}\n\| ", to_markdown(blocks), re.MULTILINE)
    (table,) = Document(io.BytesIO(to_docx("", blocks))).tables
    assert [row.cells[0].text for row in table.rows][1:] == [
        "".join(run.text for run in row[0]) for row in grid.rows[1:]
    ]


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (SavedExchange("e", "问", 0.0, "stopped", draft="写到一半"), ["写到一半", "已停止，以上草稿未经核对"]),
        (SavedExchange("e", "问", 0.0, "stopped"), ["已停止"]),
        (SavedExchange("e", "问", 0.0, "broken", draft="写到一半"), ["写到一半", "回答中途断了，以上草稿未经核对"]),
        (SavedExchange("e", "问", 0.0, "broken"), ["回答中途断了，没有得到结果。"]),
        (SavedExchange("e", "问", 0.0, "failed", error=("大模型没有回答", "请检查密钥")), ["没能完成回答", "大模型没有回答", "请检查密钥"]),
        (SavedExchange("e", "问", 0.0, "failed"), ["没能完成回答", "程序出了意外的错误。"]),
    ],
)  # fmt: skip
def test_what_has_no_answer_says_why(saved: SavedExchange, words: list[str]) -> None:
    for name, text in in_all_formats(conversation_blocks("题", [saved], ZH, NOW)).items():
        for expected in words:
            assert expected in text, name


def test_hostile_text_is_inert_everywhere() -> None:
    trap = cite(1, TRAP, f"这一句是要引用的：{HOSTILE}。")
    nasty = f"# 一级\n- 二\n1. 三\n| a | b |\n<https://evil.example> [链接](https://evil.example) ![](https://evil.example/x.png)\n{HOSTILE}\x00\u202e\ufffe"
    saved = exchange([Statement(nasty, (trap,), "supported", nasty)], notice=nasty)
    saved = replace(saved, question=nasty, notice=nasty)
    blocks = conversation_blocks(nasty, [saved], ZH, NOW)

    page = to_html_page(nasty, blocks, ZH)
    tags = {tag.lower() for tag in re.findall(r"<([a-zA-Z][\w-]*)", page)}
    assert tags <= set("html head meta title style body main h1 h2 h3 p small sup strong del a blockquote".split())
    assert re.findall(r'href="([^"]*)"', page) == [], "javascript: is no link"

    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(to_markdown(blocks))
    kinds = {t.type for t in tokens} | {c.type for t in tokens for c in t.children or ()}
    assert not kinds & {
        "html_block",
        "html_inline",
        "image",
        "link_open",
        "table_open",
        "ordered_list_open",
        "fence",
        "hr",
    }
    assert sum(t.type == "heading_open" and t.tag == "h1" for t in tokens) == 1

    content = to_docx(nasty, blocks)
    document = Document(io.BytesIO(content))
    assert "<script>alert(1)</script>" in "\n".join(p.text for p in document.paragraphs)
    relations = [r.target_ref for r in document.part.rels.values() if r.is_external]
    assert relations == []
    assert "\u202e" not in to_plain(blocks)


def test_only_plain_web_addresses_become_links() -> None:
    content = to_docx("", exchange_blocks(exchange(THROUGHPUT_STATEMENTS), ZH))
    document = Document(io.BytesIO(content))
    assert {r.target_ref for r in document.part.rels.values() if r.is_external} == {HARBOUR.url}
    assert f"<{HARBOUR.url}>" in to_markdown(exchange_blocks(exchange(THROUGHPUT_STATEMENTS), ZH))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("临江港一季度货物吞吐量是多少？", "youju-20261125-临江港一季度货物吞吐量是多少.md"),
        ("../../etc/passwd", "youju-20261125-etc-passwd.md"),
        ("a\x00b\\c:d|e", "youju-20261125-ab-c-d-e.md"),
        ("？？？", "youju-20261125.md"),
        ("\u202etxt.exe", "youju-20261125-txt-exe.md"),
        ("长" * 300, f"youju-20261125-{'长' * 40}.md"),
    ],
)
def test_a_title_never_becomes_a_path(title: str, name: str) -> None:
    assert file_name(title, "md", NOW) == name


def test_the_browsers_language_chooses_the_words() -> None:
    assert texts_of("zh-HK") is ZH
    assert texts_of("en-US") is EN
    assert texts_of("") is EN
    text = to_plain(exchange_blocks(exchange(THROUGHPUT_STATEMENTS), EN))
    assert "〔Supported〕" in text
    assert "有据" not in text
