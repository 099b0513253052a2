"""How well a sentence answers a question, and when nothing is good enough."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from embeddings import Embedder, load_embedder
from rag.gate import REFUSAL, refusal_reason
from rag.library import Library
from rag.relevance import rank_sentences, sentences_of
from rag.settings import Settings
from tests.conftest import make_article

TEXT = (
    "武昌区介绍，金融业是重要支柱产业。2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。2019年为376.94亿元。\n"
    "汉阳区将设立15亿元母基金，支持苏泊尔等企业建设智慧工厂。"
)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """The built-in model: the weights were learned with it, and say nothing about a fake."""
    return load_embedder("zh-small", threads=1)


@pytest.fixture
def library(settings: Settings, embedder: Embedder) -> Iterator[Library]:
    with Library(settings.model_copy(update={"embedder": embedder.name}), embedder) as library:
        yield library


@pytest.fixture
def filled(library: Library) -> Library:
    library.add_articles([make_article("武汉产业集群：汉阳、武昌规划出炉", TEXT)])
    return library


def best(library: Library, question: str) -> str:
    return rank_sentences(library, question, library.search(question))[0].sentence.text


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("武昌区2020年金融产业增加值是多少？", "2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。"),
        ("武昌区2019年金融产业增加值是多少？", "2019年为376.94亿元。"),
        ("汉阳区要设立多大规模的母基金？", "汉阳区将设立15亿元母基金，支持苏泊尔等企业建设智慧工厂。"),
    ],
)
def test_the_sentence_that_answers_comes_first(filled: Library, question: str, expected: str) -> None:
    assert best(filled, question).strip() == expected


def test_features_are_shares(filled: Library) -> None:
    question = "武昌区2020年金融产业增加值是多少？"
    for candidate in rank_sentences(filled, question, filled.search(question)):
        assert all(0.0 <= value <= 1.0 for value in (candidate.score, *candidate.features.values()))


def test_a_sentence_is_exact_and_comes_once(filled: Library) -> None:
    hits = filled.search("金融产业")
    sentences = sentences_of([*hits, *hits])
    assert "".join(s.text for s in sentences).replace("\n", "") == TEXT.replace("\n", "")
    for s in sentences:
        assert s.article.text[s.start : s.end] == s.text


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("洪山区2025年的地区生产总值目标是多少？", "资料中没有相关信息：没有提到洪山区。"),
        ("武昌区2016年金融产业增加值是多少？", "资料中没有相关信息：资料说的是别的时间。"),
        ("武昌区2020年金融产业增加值是多少？", ""),
    ],
)
def test_the_gate_says_what_is_missing(filled: Library, question: str, reason: str) -> None:
    assert refusal_reason(question, rank_sentences(filled, question, filled.search(question))) == reason


def test_no_candidates_are_refused() -> None:
    assert refusal_reason("多少？", []) == REFUSAL


def test_a_misspelt_name_is_not_refused_for_its_name(library: Library) -> None:
    library.add_articles([make_article("年报", "远棹重工2024年实现营业收入102.35亿元，同比增长12.8%。")])
    question = "远掉重工2024年营业收入多少？"
    assert "没有提到" not in refusal_reason(question, rank_sentences(library, question, library.search(question)))
