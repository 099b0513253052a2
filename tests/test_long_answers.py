"""Lists, comparisons and summaries over the sample articles, with the models that ship."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eval.datasets import DATA
from rag.comparison_tables import table_of
from rag.library import Library
from rag.settings import Settings

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("samples")
    settings = Settings(
        library=folder / "library",
        models=folder / "models",
        llm="none",
        threads=1,
        embedder="zh-small",
        reader="zh-reader",
    )
    with Library(settings) as library:
        library.add([DATA / "articles" / name for name in ("金融/东澜财经", "体育", "传统媒体", "民生")])
        yield library


def test_a_table_of_two_cities(samples: Library) -> None:
    answer = samples.ask("云汐和宁汐2024年的地区生产总值，哪个更高？")
    table = table_of(answer)
    assert table is not None, answer.text
    assert [(row.label, row.figure) for row in table.rows] == [("云汐", "2308.1亿元"), ("宁汐", "1987.9亿元")]
    assert table.note == "云汐较大，相差 320.2 亿元（2308.1 − 1987.9）。"


def test_all_five_teams(samples: Library) -> None:
    answer = samples.ask("西岭女足联赛本赛季积分榜前五名是哪几支球队？")
    missing = [team for team in ("临澜海雁", "柏陵云豹", "云汐白鲸", "铜麓山雀", "沧屏飞鱼") if team not in answer.text]
    assert not missing, answer.text
    assert "碧砚火鹤" not in answer.text


def test_a_summary_of_what_is_there_and_a_refusal_of_what_is_not(samples: Library) -> None:
    answer = samples.ask("概括一下台风“青禾”登陆造成的影响")
    assert {c.article.title for c in answer.citations} == {"台风“青禾”登陆鹤汀 全省转移21.6万人"}
    assert "21.6万人" in answer.text
    for question in ("总结一下霁川市2025年高铁站建设的进展", "《红楼梦》第五回主要讲了什么？"):
        assert samples.ask(question).refused, question
