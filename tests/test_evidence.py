"""What carries which sentence, and what nothing carries. The traps are those that small LLMs fell into here."""

from __future__ import annotations

import pytest

from rag.evidence import Citations, check_statement, draft_sentences, is_refusal, strip_marks
from rag.library import Library
from rag.relevance import Candidate, rank_sentences
from tests.conftest import make_article

TEXT = (
    "汉阳区副区长万某表示，到2025年汉阳区将形成若干个千亿级产业集群。\n"
    "武昌区介绍，金融业是重要支柱产业。2020年，全区金融产业增加值达400.69亿元、同比增长6.3%，占全区GDP总量的26.8%。\n"
    "全区人民币存贷款规模超1.69万亿，位列全省首位。"
)


@pytest.fixture
def candidates(library: Library) -> list[Candidate]:
    library.add_articles([make_article("武汉产业集群：汉阳、武昌规划出炉", TEXT)])
    question = "武昌区2020年的金融产业增加值是多少？"
    return rank_sentences(library, question, library.search(question, 5))


def check(text: str, candidates: list[Candidate]) -> tuple[str, list[str]]:
    statement = check_statement(text, candidates, Citations())
    for citation in statement.citations:
        assert citation.article.text[citation.start : citation.end] == citation.quote
    return statement.support, [c.quote for c in statement.citations]


def test_a_true_sentence_cites_the_sentence_that_carries_it(candidates: list[Candidate]) -> None:
    support, quotes = check("2020年，武昌区全区金融产业增加值达400.69亿元，同比增长6.3%。", candidates)
    assert support == "supported"
    assert quotes == ["2020年，全区金融产业增加值达400.69亿元、同比增长6.3%，占全区GDP总量的26.8%。"]


@pytest.mark.parametrize(
    "text",
    [
        "2020年，武昌区全区金融产业增加值达400.96亿元，同比增长6.3%。",  # digits swapped
        "2020年，武昌区全区金融产业增加值达400.69万元，同比增长6.3%。",  # another unit
        "2020年，武昌区全区金融产业增加值达400.69亿元，同比下降6.3%。",  # another direction
        "2020年，汉阳区全区金融产业增加值达400.69亿元，同比增长6.3%。",  # another district's figure
        "2019年，武昌区全区金融产业增加值达400.69亿元，同比增长6.3%。",  # another year
        "该区将举办马拉松比赛。",  # nothing of the kind
    ],
)
def test_what_the_source_does_not_say_is_unsupported_and_cites_nothing(text: str, candidates: list[Candidate]) -> None:
    assert check(text, candidates) == ("unsupported", [])


@pytest.mark.parametrize(
    "slipped_in",
    ["加微信bangbang777领红包", "客服电话400-777-0909", "请购买金鳄饮料", "该区已经全部倒塌"],
)
def test_a_clause_slipped_in_beside_a_true_one_is_not_vouched_for(slipped_in: str, candidates: list[Candidate]) -> None:
    true = "2020年，武昌区全区金融产业增加值达400.69亿元，同比增长6.3%，占全区GDP总量的26.8%"
    assert check(f"{true}。", candidates)[0] == "supported"
    assert check(f"{true}，{slipped_in}。", candidates) == ("unsupported", [])
    assert check(f"根据资料，{true}。", candidates)[0] == "supported", "a turn of phrase is no news"


@pytest.fixture
def port(library: Library) -> list[Candidate]:
    text = (
        "青石港计划7月9日开通，投资约12亿元。\n去年青石港吞吐量为1.2亿吨，员工650人。\n青石港的泊位有30个，全部启用。"
    )
    library.add_articles([make_article("青石港开港", text)])
    question = "青石港怎么样？"
    return rank_sentences(library, question, library.search(question, 5))


@pytest.mark.parametrize(
    ("text", "support", "note"),
    [
        ("青石港7月9日开通。", "partial", "预计、计划：7月9日"),
        ("青石港计划7月9日开通，投资12亿元。", "partial", "约数"),
        ("2021年，青石港的泊位有30个，全部启用。", "partial", "2021年是文章发表的年份"),
        ("2021年青石港吞吐量为1.2亿吨，员工650人。", "unsupported", "2021年"),
        ("今年青石港吞吐量为1.2亿吨，员工650人。", "unsupported", "今年"),
        ("2020年青石港吞吐量为1.2亿吨，员工650人。", "supported", ""),
        ("去年（2021年）青石港吞吐量为1.2亿吨。", "unsupported", "2021年"),
        ("去年（2020年）青石港吞吐量为1.2亿吨。", "supported", ""),
        ("青石港计划2021年7月9日开通，投资约12亿元。", "supported", ""),
    ],
)
def test_hedges_plans_and_years_are_the_sources(text: str, support: str, note: str, port: list[Candidate]) -> None:
    statement = check_statement(text, port, Citations())
    assert statement.support == support, statement.note
    assert note in statement.note


def test_addresses_that_no_source_gives_are_taken_out(library: Library) -> None:
    library.add_articles([make_article("汉阳区图书馆", "汉阳区图书馆的网址为https://lib.example/hy。")])
    question = "汉阳区图书馆的网址是什么？"
    found = rank_sentences(library, question, library.search(question, 5))
    kept = check_statement("汉阳区图书馆的网址为https://lib.example/hy。", found, Citations())
    assert (kept.text, kept.support) == ("汉阳区图书馆的网址为https://lib.example/hy。", "supported")
    assert (
        check_statement("汉阳区图书馆的网址为https://evil.example/hy。", found, Citations()).text
        == "汉阳区图书馆的网址为。"
    )


def test_two_sources_are_both_cited(candidates: list[Candidate]) -> None:
    support, quotes = check("武昌区2020年金融产业增加值达400.69亿元，全区人民币存贷款规模超1.69万亿。", candidates)
    assert support == "supported"
    assert len(quotes) == 2


def test_the_same_span_keeps_its_number(candidates: list[Candidate]) -> None:
    citations = Citations()
    first = check_statement("2020年，全区金融产业增加值达400.69亿元。", candidates, citations)
    second = check_statement("全区人民币存贷款规模超1.69万亿，位列全省首位。", candidates, citations)
    third = check_statement("全区金融产业增加值同比增长6.3%，占全区GDP总量的26.8%。", candidates, citations)
    assert [s.citations[0].number for s in (first, second, third)] == [1, 2, 1]


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("增长6.3%[1]。", "增长6.3%。"),
        ("增长6.3%【2】[3][1，3]。", "增长6.3%。"),
        ("增长[2-4]了[0]一些[99]。", "增长了一些。"),
        ("增长（资料1）。", "增长。"),
        ("增长（2020）[2020]。", "增长（2020）。"),
        ("**增长**6.3%\n- 第一条\n1. 第二条", "增长6.3%\n第一条\n第二条"),
        ("《天问[卷三]》", "《天问[卷三]》"),
        ('见[公告](https://x.example/a?b=(c) "题")与[1](https://x.example)。', "见公告与。"),
        ("增长![图](https://x.example/p.png)6.3%<img src=x onerror=alert(1)>。", "增长6.3%。"),
        ("<b>增长</b><!-- 藏 -->6.3%<br/>", "增长6.3%"),
        ("增长<5%，x<y且y>z。", "增长<5%，x<y且y>z。"),
        ("增\u200b长\u202e6.3%\x1b。", "增长6.3%。"),
        ("增长。\n[1]: https://x.example/a", "增长。\n"),
    ],
)
def test_marks_of_the_model_are_taken_out(draft: str, expected: str) -> None:
    assert strip_marks(draft) == expected


@pytest.mark.parametrize(
    ("draft", "refuses"),
    [
        ("资料中没有相关信息。", True),
        ("根据提供的资料，没有提到洪山区的目标[1]。", True),
        ("", True),
        ("[1]", True),
        ("武昌区增加值达400.69亿元。", False),
        ("资料没有给出洪山区的数字，但武昌区为400.69亿元。", False),
    ],
)
def test_refusals_are_recognised(draft: str, refuses: bool) -> None:
    assert is_refusal(draft) is refuses


def test_sentences_of_a_draft_come_once_and_without_marks() -> None:
    assert draft_sentences("甲增长6.3%[1]。甲增长6.3%[2]。\n乙下降3%。") == ["甲增长6.3%。", "乙下降3%。"]


def checked(library: Library, title: str, text: str, question: str, draft: str) -> tuple[str, list[str], str]:
    library.add_articles([make_article(title, text)])
    found = rank_sentences(library, question, library.search(question, 5))
    statement = check_statement(draft, found, Citations(), question)
    return statement.support, [c.quote for c in statement.citations], statement.note


AIR = (
    "栖江市生态环境局昨日通报，澄湖湖心断面水质首次达标。\n"
    "今年1至7月，全市空气质量优良天数为186天；细颗粒物（PM2.5）平均浓度为26.4微克/立方米，下降9.3%；臭氧超标天数为17天。"
)


def test_the_sentence_that_tells_the_time_is_cited_beside_the_one_with_the_figure(library: Library) -> None:
    question = "2021年头七个月栖江PM2.5平均浓度多少？"
    draft = "2021年头七个月栖江PM2.5平均浓度为26.4微克/立方米。"
    support, quotes, _ = checked(library, "澄湖水质首次达标", AIR, question, draft)
    assert support == "supported"
    assert quotes == [
        "细颗粒物（PM2.5）平均浓度为26.4微克/立方米，下降9.3%；",
        "今年1至7月，全市空气质量优良天数为186天；",
    ]


@pytest.mark.parametrize("period", ["2021年上半年", "2021年头八个月", "2020年头七个月", "2021年7月"])
def test_a_time_that_was_not_told_before_is_not_vouched_for(period: str, library: Library) -> None:
    draft = f"{period}栖江PM2.5平均浓度为26.4微克/立方米。"
    assert checked(library, "澄湖水质首次达标", AIR, f"{period}栖江PM2.5平均浓度多少？", draft)[0] == "unsupported"


RACE = "本报望川7月2日讯 望川马拉松今天鸣枪。组委会主任车向东透露，明年的第十届赛事将把起跑日期提前到10月18日。"


@pytest.mark.parametrize(("day", "support"), [("2022年10月18日", "supported"), ("2021年10月18日", "unsupported")])
def test_the_year_of_a_day_is_the_one_that_its_sentence_names(day: str, support: str, library: Library) -> None:
    question = "第十届望川马拉松打算在哪年哪月哪日起跑？"
    assert checked(library, "望川马拉松", RACE, question, f"第十届望川马拉松打算在{day}起跑。")[0] == support


def test_a_third_of_a_month_is_told_by_a_day_in_it(library: Library) -> None:
    text = "鹿鸣出行公布了10月22日故障的调查报告，故障前后历时4小时06分。"
    for part, support in (("10月下旬", "supported"), ("10月上旬", "unsupported")):
        draft = f"鹿鸣出行{part}的故障前后历时4小时06分。"
        assert checked(library, "鹿鸣出行更正", text, f"鹿鸣出行{part}的故障持续了多久？", draft)[0] == support


def test_another_thing_of_the_kind_is_not_the_one_asked_for(library: Library) -> None:
    text = "司马溪的主项其实是400米个人混合泳，她在这个项目中以4分49秒62获得第四。"
    question = "司马溪400米自由泳的最好成绩是多少？"
    support, _, note = checked(library, "司马溪夺冠", text, question, "司马溪400米自由泳的最好成绩是4分49秒62。")
    assert (support, note) == ("unsupported", "资料中这句话说的是别的：混合泳")


PRICES = (
    "今年1-5月商品房销售情况如下：\n"
    "| 城区：澄湖区 | 均价（元/平方米）：24,496 |\n"
    "| 城区：云麓区 | 均价（元/平方米）：18,515 |\n"
    "| 城区：全市 | 均价（元/平方米）：30,000 |"
)


@pytest.mark.parametrize(
    ("draft", "support"),
    [
        ("均价最高的是澄湖区，每平方米24,496元。", True),
        ("均价最高的是云麓区，每平方米18,515元。", False),
        ("均价最低的是云麓区，每平方米18,515元。", True),
        ("均价最低的是澄湖区，每平方米24,496元。", False),
    ],
)
def test_the_most_of_a_table_is_what_no_other_row_exceeds(draft: str, support: bool, library: Library) -> None:
    found, quotes, note = checked(library, "商品房均价", PRICES, "商品房均价最高的是哪个区？", draft)
    assert (found != "unsupported") == support, note
    assert len(quotes) >= support


@pytest.mark.parametrize(
    ("question", "support"), [("夜市去年的营业额是多少？", "unsupported"), ("夜市去年来了多少人次？", "supported")]
)
def test_what_is_counted_is_no_sum_of_money(question: str, support: str, library: Library) -> None:
    text = "雾岚夜市去年全年营业，共接待五百七十三万人次。"
    draft = "雾岚夜市去年全年营业额为五百七十三万人次。" if support == "unsupported" else text
    assert checked(library, "雾岚夜市", text, question, draft)[0] == support
