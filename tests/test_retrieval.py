"""Fusion, its arithmetic, and the folding of reposts."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings import HashingEmbedder
from rag import open_library
from rag.errors import ModelError
from rag.library import Library
from rag.retrieval import fuse, rerank
from tests.conftest import make_article
from tests.embeddings.tiny import make_tiny_reranker


def test_fusion_is_a_weighted_sum_of_min_max_scores() -> None:
    # dense: 0.9 -> 1, 0.8 -> 0.5, 0.7 -> 0; keyword: 10 -> 1, 4 -> 0; weight 0.6 / 0.4
    fused = fuse({1: 0.9, 2: 0.8, 3: 0.7}, {2: 10.0, 4: 4.0}, 0.6)
    assert fused == {1: pytest.approx(0.6), 2: pytest.approx(0.3 + 0.4), 3: 0.0, 4: 0.0}


def test_equal_scores_of_a_leg_all_count_in_full() -> None:
    assert fuse({1: 0.5, 2: 0.5}, {}, 1.0) == {1: 1.0, 2: 1.0}
    assert fuse({}, {}, 0.5) == {}


STORY = "远棹重工今天宣布，公司中标海上风电安装船项目，合同金额12.6亿元，预计两年内交付首条船，届时将提供三百个岗位。"


def test_reposts_are_folded_into_one_hit_that_names_them(library: Library) -> None:
    library.add_articles(
        [
            make_article("远棹重工中标", STORY, path="a.md"),
            make_article("远棹重工中标风电安装船", STORY + "（转载）", path="b.md"),
            make_article("栖江银行年报", "栖江银行全年净利润52.17亿元，同比增长6.8%。", path="c.md"),
        ]
    )
    hits = library.search("远棹重工中标金额", 5)
    assert len(hits) == 2
    assert len(hits[0].also) == 1
    assert {hits[0].article.path, hits[0].also[0].path} == {"a.md", "b.md"}
    assert [hit.rank for hit in hits] == [1, 2]


def test_a_correction_is_not_folded_away(library: Library) -> None:
    library.add_articles(
        [
            make_article("远棹重工中标", STORY, path="a.md"),
            make_article("更正", STORY.replace("12.6", "16.2"), path="b.md"),
        ]
    )
    assert len(library.search("远棹重工中标金额", 5)) == 2


def test_each_leg_alone_and_both_tell_their_scores(library: Library) -> None:
    library.add_articles([make_article("甲", STORY, path="a.md"), make_article("乙", "今天天气晴。", path="b.md")])
    assert set(library.search("中标金额", 2, dense_weight=1.0)[0].why) == {"dense"}
    assert set(library.search("中标金额", 2, dense_weight=0.0)[0].why) == {"keyword"}
    assert set(library.search("中标金额", 2)[0].why) == {"dense", "keyword"}
    assert len(library.search("中标金额", 2, dense_weight=0.0)) == 1


@pytest.mark.parametrize("question", ["", "   ", "\n"])
def test_an_empty_question_finds_nothing(library: Library, question: str) -> None:
    library.add_articles([make_article("甲", STORY)])
    assert library.search(question) == []


def test_a_hit_is_a_slice_of_its_article(library: Library) -> None:
    library.add_articles([make_article("长文", "\n".join(f"第{i}段。" + STORY for i in range(30)))])
    for hit in library.search("远棹重工", 10):
        assert hit.article.text[hit.chunk.start : hit.chunk.end] == hit.chunk.text


TRADITIONAL = "武漢市武昌區去年全區金融產業增加值達400.69億元，比前年增長6.3%，居全省各城區之首。"


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("武昌区金融产业增加值是多少？", TRADITIONAL),
        ("武昌區金融產業增加值是多少？", TRADITIONAL),
        ("臺灣的軟體產業產值是多少？", "台湾软体产业去年的产值为3200亿元新台币。"),
        ("台湾的软体产业产值是多少？", "台湾软体产业去年的产值为3200亿元新台币。"),
    ],
)
@pytest.mark.parametrize("dense_weight", [0.0, 0.6, 1.0])
def test_either_script_finds_the_other_and_the_quote_keeps_its_own(
    library: Library, question: str, found: str, dense_weight: float
) -> None:
    library.add_articles(
        [
            make_article("金融產業增加值", TRADITIONAL, path="a.md"),
            make_article("软体产业", "台湾软体产业去年的产值为3200亿元新台币。", path="b.md"),
            make_article("天气", "今天白天晴到多云，最高气温28度。", path="c.md"),
            make_article("球赛", "主队以三比一战胜客队，门将扑出一记点球。", path="d.md"),
        ]
    )
    hit = library.search(question, 3, dense_weight=dense_weight)[0]
    assert hit.chunk.text == found
    assert hit.article.text[hit.chunk.start : hit.chunk.end] == found


def test_a_reranker_moves_what_it_has_read_and_nothing_else() -> None:
    fused = {1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6}
    mixed = rerank(fused, {1: -4.0, 2: 2.0, 3: 5.0}, weight=0.5)
    assert mixed[1] == pytest.approx(0.45)
    assert mixed[2] == pytest.approx(0.4 + 0.5 * 6 / 9)
    assert mixed[3] == pytest.approx(0.35 + 0.5)
    assert mixed[4] < min(mixed[1], mixed[2], mixed[3]), "what was not read stays behind"
    assert rerank(fused, {}) == fused
    assert sorted(rerank(fused, dict.fromkeys(fused, 1.0)), key=lambda i: -fused[i]) == [1, 2, 3, 4]


@pytest.mark.model
def test_a_cross_encoder_by_folder(tmp_path: Path) -> None:
    folder = make_tiny_reranker(tmp_path / "reranker")
    texts = [
        "远棹重工中标",
        "小麦产量三万",
        "政府会议中标金额",
        "天气晴",
        "金额年年增长",
        "区县问答中标",
        "粮食增长",
        "重工",
    ]
    articles = [make_article(f"第{i}号", text * (i % 3 + 1), path=f"{i}.md") for i, text in enumerate(texts)]
    with open_library(tmp_path / "lib", embedder=HashingEmbedder(), llm="none") as plain:
        plain.add_articles(articles)
        before = plain.search("远棹重工中标金额", 8)
    with open_library(
        tmp_path / "lib", embedder=HashingEmbedder(), llm="none", reranker=str(folder), threads=1
    ) as library:
        hits = library.search("远棹重工中标金额", 8)
        assert {hit.chunk.id for hit in hits} == {hit.chunk.id for hit in before}
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        low, high = (limit(hit.why["rerank"] for hit in hits) for limit in (min, max))
        assert low < high
        score = {hit.chunk.id: hit.score for hit in before}
        for hit in hits:
            assert 0 <= hit.score <= 1
        assert (
            hits[0].chunk.id
            == max(
                (hit for hit in hits), key=lambda h: score[h.chunk.id] + (h.why["rerank"] - low) / (high - low)
            ).chunk.id
        )


def test_a_reranker_that_is_not_here_is_named(tmp_path: Path) -> None:
    with open_library(
        tmp_path / "lib", embedder=HashingEmbedder(), llm="none", reranker="某/没有", models=tmp_path
    ) as library:
        library.add_articles([make_article("甲", STORY, path="a.md")])
        with pytest.raises(ModelError, match=r"重排模型 某/没有.*youju models fetch 某/没有"):
            library.search("中标金额", 2)
