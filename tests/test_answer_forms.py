"""Which form of answer a question wants, with near misses of each form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer_forms import answer_form, named_titles, summary_topic

SUMMARIES = [
    "总结一下《望川镇茶叶》", "概括一下台风“青禾”造成的影响", "请用三句话总结这起事故", "帮我概括这篇报道", "简要总结渡轮搁浅事故的几篇报道",
    "梳理一下出行平台故障的来龙去脉", "这篇文章主要讲了什么？", "《望川镇茶叶》主要讲了什么？", "议会选举的报道主要讲了什么？", "这篇报道讲了什么？",
    "请给出光子芯片研制报道的要点", "这篇新闻的主要内容是什么？", "介绍一下第三批集中供地的情况", "介绍一下望川镇", "台风事件的来龙去脉", "归纳一下各区的规划",
    "把望川马拉松的报道总结一下", "写一段关于长者食堂的摘要", "请概述远山重工的年报", "能不能帮我梳理一下这件事的经过？", "请总结2024年临澜市的经济情况。",
    "《青石日报》的这篇报道大概说了些什么？", "說說這次地鐵開通的情況", "请简单介绍一下望川镇的茶产业",
]  # fmt: skip
COMPARISONS = [
    "比较一下望川市2023年和2024年的地区生产总值", "对比青石区和北屿区的增加值", "临澜和云汐2024年的GDP，哪个更高？", "青石区和北屿区谁的增速更快？", "2023年和2024年的净利润分别是多少？",
    "望川银行和远山银行2024年的净利润各多少？", "标准版和Pro版有什么区别？", "标准版和专业版的区别", "澄湖区和北屿区的总量相差多少？", "和2023年相比，2024年的营业收入如何？",
    "临澜2024年的GDP比云汐多多少？", "两款机器人的续航哪款更长？", "A公司与B公司的营收差距有多大？", "哪个区的增速更高，青石区还是北屿区？", "青石县2023年和2024年的茶叶产量怎么变的？",
    "三个市2024年的零售总额各是多少，对比一下", "这两家银行的不良贷款率哪个更低？", "望川镇和西岭镇，谁的茶叶更多？", "标准版和专业版的价格有哪些不同？", "栖江银行與遠山銀行哪家利潤更高？",
]  # fmt: skip
LISTS = [
    "有哪些企业参加？", "汉阳要支持哪几家龙头企业？", "积分榜前五名是哪几支球队？", "列出四个沿海港口", "请列举受影响的城市", "四名被告人分别是谁？", "这次人事调整涉及哪几个人？", "伤员送到了哪几家医院？",
    "早报里有哪些消息？请都列出来。", "青山区区长和汉阳区副区长各是谁？", "前三名是谁？", "获奖名单", "园区里都有谁入驻？", "这家医院有什么科室？", "第三批供地成交的是哪几宗地块？", "四校都是哪四所？",
    "套餐包括什么？", "哪3家企业中标？", "公布了哪些数据？", "名單上有哪些人？",
]  # fmt: skip
ORDINARY = [
    "武昌区2020年金融产业增加值是多少？", "总结会什么时候开？", "会议总结了几条经验？", "年终总结大会在哪里举行？", "他比较喜欢哪一首歌？", "市场占比是多少？", "同比增长多少？", "青石区占全市的比重是多少？",
    "哪一年开通？", "是谁提出的？", "项目什么时候完工？", "哪几年下降了？", "为什么有哪些企业退出？", "这次调整的原因是什么？", "地铁比原计划早开通吗？", "比赛在哪里举行？", "3比0是哪场比赛的比分？",
    "对比赛结果不满的是谁？", "介绍信要盖什么章？", "摘要是谁写的？", "望川镇的特产是什么？", "要点一份外卖吗？", "", "？？？", "谁是区长？", "这本书的作者是谁？", "净利润同比下降了多少？", "天空为什么是蓝色的？",
]  # fmt: skip


@pytest.mark.parametrize("question", SUMMARIES)
def test_summaries(question: str) -> None:
    assert answer_form(question) == "summary"


@pytest.mark.parametrize("question", COMPARISONS)
def test_comparisons(question: str) -> None:
    assert answer_form(question) == "comparison"


@pytest.mark.parametrize("question", LISTS)
def test_lists(question: str) -> None:
    assert answer_form(question) == "list"


@pytest.mark.parametrize("question", ORDINARY)
def test_what_looks_like_one_and_is_none(question: str) -> None:
    assert answer_form(question) == "ordinary"


@given(st.text(alphabet="总结比较哪些分别和与相比主要讲了什么《》，？?的 2024年", max_size=80))
def test_any_text_has_a_form_and_a_topic(question: str) -> None:
    assert answer_form(question) in ("ordinary", "list", "comparison", "summary")
    assert summary_topic(question) or not question.strip()


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("概括一下台风“青禾”造成的影响", "台风“青禾”造成的影响"),
        ("梳理一下出行平台故障的来龙去脉", "出行平台故障"),
        ("请给出光子芯片研制报道的要点", "光子芯片研制"),
        ("议会选举的报道主要讲了什么？", "议会选举"),
        ("介绍一下第三批集中供地的情况", "第三批集中供地"),
        ("总结一下", "总结一下"),
    ],
)
def test_the_topic_is_what_the_question_is_about(question: str, topic: str) -> None:
    assert summary_topic(question) == topic


def test_titles() -> None:
    assert named_titles("比较《望川镇茶叶》和《西岭镇粮食》") == ["望川镇茶叶", "西岭镇粮食"]
