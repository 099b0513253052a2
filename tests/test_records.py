"""The public form of an answer: `youju ask --json` prints exactly this."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import pytest

from rag.records import Answer, Chunk, Citation, Hit, Provenance, Statement
from tests.conftest import make_article

ARTICLE = replace(
    make_article("武昌区金融业", "去年，增加值达400.69亿元。", path="a/b.md"),
    id="0123456789abcdef",
    url="https://example.com/1",
)
CITATION = Citation(1, ARTICLE, 0, len(ARTICLE.text), ARTICLE.text)
HIT = Hit(Chunk(5, ARTICLE.id, 0, 16, ARTICLE.text), ARTICLE, 0.87654321, 1, {"dense": 0.9, "keyword": 12.3456789})
ANSWER = Answer(
    "多少？", "武昌区多少？", (Statement("增加值达400.69亿元。", (CITATION,), "supported"), Statement("编的。")), (HIT,), False, "",
    {"total": 0.123456}, Provenance("zh-small", "", "answer@1", "library@3", "0.1.0"),
)  # fmt: skip


def test_the_object_has_every_field_of_the_contract() -> None:
    made = json.loads(json.dumps(ANSWER.to_dict(), ensure_ascii=False))
    assert made["text"] == "增加值达400.69亿元。[1]", "what nothing carries is no part of the answer"
    assert [s["support"] for s in made["statements"]] == ["supported", "unsupported"]
    assert (made["question"], made["standalone_question"], made["refused"], made["reason"]) == (
        "多少？",
        "武昌区多少？",
        False,
        "",
    )
    assert made["statements"][0] == {
        "text": "增加值达400.69亿元。",
        "support": "supported",
        "note": "",
        "citations": [
            {
                "number": 1, "article_id": "0123456789abcdef", "title": "武昌区金融业", "source": "青石日报",
                "url": "https://example.com/1", "published_at": "2021-07-02T12:00:00+08:00", "path": "a/b.md",
                "start": 0, "end": len(ARTICLE.text), "quote": "去年，增加值达400.69亿元。",
            }
        ],
    }  # fmt: skip
    assert {"rank", "score", "article_id", "title", "path", "start", "end"} <= made["hits"][0].keys()
    assert made["hits"][0]["why"] == {"dense": 0.9, "keyword": 12.345679}
    assert made["timings"] == {"total": 0.1235}
    assert {"embedder", "llm", "prompts", "library", "version"} <= made["provenance"].keys()


def test_a_refusal_reads_as_its_reason() -> None:
    assert replace(ANSWER, statements=(), refused=True, reason="资料中没有相关信息。").text == "资料中没有相关信息。"


def test_each_citation_is_listed_once_in_the_order_of_its_number() -> None:
    second = replace(CITATION, number=2)
    statements = (Statement("乙", (second, CITATION), "supported"), Statement("甲", (CITATION,), "supported"))
    assert [c.number for c in replace(ANSWER, statements=statements).citations] == [1, 2]


def test_a_publication_day_is_the_day_in_shanghai() -> None:
    from datetime import UTC, datetime

    assert replace(ARTICLE, published_at=datetime(2021, 7, 2, 17, 30, tzinfo=UTC)).date == "2021-07-03"
    assert replace(ARTICLE, published_at=None).date == ""


def test_records_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        ARTICLE.title = "别的"  # type: ignore[misc]
