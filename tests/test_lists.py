"""Lists: all items, none invented, none left out of a draft."""

from __future__ import annotations

import pytest

from rag.library import Library
from rag.lists import check_items
from rag.records import Citation, Statement
from tests.chats import ask, scripted
from tests.conftest import make_article

TABLE = "\n".join(
    (
        "青石联赛积分榜如下。",
        *(
            f"| 名次：{i} | 球队：{team} | 积分：{40 - i}分 |"
            for i, team in enumerate(("望川队", "西岭队", "南屏队", "北山队"), 1)
        ),
        "| 名次：合计 | 球队：合计 | 积分：150分 |",
        "青石联赛下周继续进行。",
    )
)
NUMBERED = "以下是青石早报值得关注的三条消息。\n1、望川大桥通车\n大桥全长320米。\n2、西岭粮库建成\n粮库可存粮2万吨。\n3、南屏学校招生\n计划招生300人。"
CHAIN = "青石区法院判处甲某有期徒刑九年；判处乙某有期徒刑四年；判处丙某有期徒刑三年。案件去年开庭。"
HOSPITAL = "启用后，青石医院的心脏外科、血液肿瘤科和康复科整体迁入新院区。新院区共有床位860张。"


def quotes(library: Library, question: str) -> list[str]:
    _, answer = ask(library, None, question)
    return [s.citations[0].quote for s in answer.statements]


def test_every_row_of_the_table_but_the_total(library: Library) -> None:
    library.add_articles([make_article("青石联赛积分榜", TABLE)])
    found = quotes(library, "青石联赛积分榜上有哪几支球队？")
    rows = [q for q in found if q.startswith("|")]
    assert [row.split("球队：")[1][:3] for row in rows] == ["望川队", "西岭队", "南屏队", "北山队"]
    assert len(found) == len(set(found))


def test_only_as_many_rows_as_are_asked_for(library: Library) -> None:
    library.add_articles([make_article("青石联赛积分榜", TABLE)])
    rows = [q for q in quotes(library, "青石联赛积分榜前两名是哪些球队？") if q.startswith("|")]
    assert len(rows) == 2
    assert "西岭队" in rows[1]


def test_every_numbered_line(library: Library) -> None:
    library.add_articles([make_article("青石早报", NUMBERED)])
    found = quotes(library, "青石早报有哪些值得关注的消息？")
    assert [q for q in found if q[0].isdigit()] == ["1、望川大桥通车", "2、西岭粮库建成", "3、南屏学校招生"]


def test_clauses_between_semicolons_belong_together(library: Library) -> None:
    library.add_articles([make_article("青石区法院宣判", CHAIN)])
    found = quotes(library, "青石区法院判处了哪三名被告人？")
    assert found[:3] == ["青石区法院判处甲某有期徒刑九年；", "判处乙某有期徒刑四年；", "判处丙某有期徒刑三年。"]


def test_an_enumeration_is_a_complete_set(library: Library) -> None:
    library.add_articles([make_article("青石医院新院区", HOSPITAL)])
    assert quotes(library, "青石医院有哪些科室迁入新院区？") == [
        "启用后，青石医院的心脏外科、血液肿瘤科和康复科整体迁入新院区。"
    ]


@pytest.fixture
def hospital(library: Library) -> Library:
    library.add_articles([make_article("青石医院新院区", HOSPITAL)])
    return library


def test_an_invented_item_is_flagged(hospital: Library) -> None:
    draft = "青石医院的心脏外科、血液肿瘤科、康复科和眼科整体迁入新院区。"
    _, answer = ask(hospital, scripted(draft), "青石医院有哪些科室迁入新院区？")
    assert not any("眼科" in s.text and s.support != "unsupported" for s in answer.statements)


def test_an_invented_line_of_a_list_is_flagged(hospital: Library) -> None:
    draft = "青石医院迁入新院区的科室：\n- 心脏外科\n- 血液肿瘤科\n- 整形美容科\n- 康复科"
    _, answer = ask(hospital, scripted(draft), "青石医院有哪些科室迁入新院区？")
    support = {s.text: s.support for s in answer.statements}
    assert support["整形美容科"] == "unsupported"
    assert support["血液肿瘤科"] == "supported"


def test_an_item_put_together_of_two_is_flagged(library: Library) -> None:
    library.add_articles(
        [make_article("沧屏高校", "沧屏市的四所高校是沧屏大学、东湾理工学院、沧屏师范学院和沧屏医学院。")]
    )
    question = "沧屏市的高校是哪四所？"
    for draft in ("沧屏大学\n沧屏理工学院\n沧屏医学院", "四所高校是沧屏大学、沧屏理工学院、沧屏师范学院和沧屏医学院。"):
        _, answer = ask(library, scripted(draft), question)
        assert not any("沧屏理工学院" in s.text and s.support != "unsupported" for s in answer.statements)
        if not answer.refused:
            assert "东湾理工学院" in answer.text


def test_what_a_draft_leaves_out_is_quoted(hospital: Library) -> None:
    _, answer = ask(hospital, scripted("迁入新院区的有青石医院的心脏外科。"), "青石医院有哪些科室迁入新院区？")
    assert answer.statements[-1].citations[0].quote.startswith("启用后")
    assert "血液肿瘤科" in answer.statements[-1].note
    assert "心脏外科" not in answer.statements[-1].note


def test_parallel_clauses_are_not_taken_for_one_another(library: Library) -> None:
    library.add_articles([make_article("青石区法院宣判", CHAIN)])
    draft = "青石区法院判处甲某有期徒刑九年。判处丙某有期徒刑三年。"
    _, answer = ask(library, scripted(draft), "青石区法院判处了哪三名被告人？")
    assert "乙某" in answer.text


def test_one_name_over_and_over_is_one_item(hospital: Library) -> None:
    _, answer = ask(hospital, scripted("心脏外科、心脏外科、心脏外科。"), "青石医院有哪些科室迁入新院区？")
    assert answer.statements[0].text == "心脏外科。"


def test_a_complete_list_is_quoted_although_nothing_of_the_draft_holds(
    hospital: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.long_answers._LIST", 0.1)  # the fake embedder knows no meaning
    for draft in ("眼科、皮肤科、整形科。", "资料中没有相关信息。"):
        _, answer = ask(hospital, scripted(draft), "青石医院有哪些科室迁入新院区？")
        assert "康复科" in answer.text
        assert "以下是原文摘录" in answer.provenance.notice


def test_a_complete_draft_stays_as_it_is(hospital: Library) -> None:
    draft = "青石医院的心脏外科、血液肿瘤科和康复科整体迁入新院区。"
    _, answer = ask(hospital, scripted(draft), "青石医院有哪些科室迁入新院区？")
    assert [s.text for s in answer.statements] == [draft]
    assert answer.statements[0].support == "supported"


def test_items_must_stand_in_what_is_cited() -> None:
    article = make_article("青石医院", HOSPITAL)
    citation = Citation(1, article, 0, 30, article.text[:30])
    good = Statement("迁入的有心脏外科、血液肿瘤科。", (citation,), "supported")
    assert check_items(good) == good
    bad = check_items(Statement("迁入的有心脏外科、眼科。", (citation,), "supported"))
    assert (bad.support, bad.citations) == ("unsupported", ())
    assert "眼科" in bad.note


@pytest.mark.parametrize(("most", "team"), [("最多", "望川队"), ("最少", "北山队")])
def test_the_row_that_holds_the_most_is_the_answer(most: str, team: str, library: Library) -> None:
    library.add_articles([make_article("青石联赛积分榜", TABLE)])
    (row,) = quotes(library, f"青石联赛积分榜上哪支球队积分{most}？")
    assert team in row
