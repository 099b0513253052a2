"""Which form of answer a question wants: sentences, a list of all items, a comparison, or a summary. By rules, of the question alone."""

from __future__ import annotations

import re
from typing import Literal

from rag.words import search_form

Form = Literal["ordinary", "list", "comparison", "summary"]

# Patterns are over the search form: simplified, half width, lower case.
_END = r"[。?!\s]*$"
_PLEASE = r"^(?:请你?|麻烦你?|能不能|能否|可否|可以|帮[我忙]|[给为]我|你来?|再|简[单要短]|扼要|大致|详细|用\S{1,6}?(?:话|字)(?:以内)?|[\s,])*"
_SUM_UP = r"(?:总结|概括|概述|归纳|梳理|综述|小结)"
_SUMMARY = re.compile(
    "|".join(
        (
            rf"{_PLEASE}(?:{_SUM_UP}|摘要)(?!会|大会|报告|表彰|性|[出]?了|的|是|里|中|时)",
            rf"[^?]{{2,60}}{_SUM_UP}(?:一下|下|一遍|出来)?吧?{_END}",
            rf"{_PLEASE}(?:介绍|讲讲|说说|谈谈|讲|说)(?:一下|下)?[^?多几谁哪什为]{{2,60}}(?:情况|经过|进展|过程|概况|背景|内容|事件|报道|文章|新闻|事){_END}",
            rf"{_PLEASE}介绍(?:一下|下)[^?多几谁哪什为]{{2,60}}{_END}",
            r"(?:主要|大概|大致|究竟|到底)(?:都|是)?(?:讲|说|写|报道|谈|介绍)的?了?(?:是|些)?(?:什么|啥|哪些内容|哪些方面)",
            rf"(?:文章|报道|新闻|消息|早报|本文|》)[里中都]*[讲说写]了(?:些|点)?(?:什么|啥){_END}",
            rf"(?:主要内容|核心内容|内容提要|大意|主旨|来龙去脉|前因后果|始末)(?:是什么|有哪些|是啥|如何)?{_END}",
            rf"(?:给|列|提炼|写|提取|整理|做|生成|概括|归纳)[^?]{{0,50}}(?:要点|摘要|概要|提要|综述|小结|总结)(?:出来)?{_END}",
            rf"(?:报道|文章|新闻|》|事件|发布会|会议)的?(?:要点|概要|摘要)(?:是什么|有哪些|是哪些|有什么)?{_END}",
        )
    )
)
_WHICH = r"(?:个|家|年|座|所|款|支|边|方|项|位|里|种|只|区|市|县|省|国|地|一[个家年款])?"
_MORE = r"(?:多|高|少|低|大|小|快|慢|长|短|重|轻|贵|便宜|强|早|晚)"
_COMPARISON = re.compile(
    "|".join(
        (
            rf"{_PLEASE}(?:比较|对比|比一比)(?!赛|快|大|小|高|低|好|多|少|常见|难|容易|严重|突出|明显)",
            rf"[^?]{{4,99}}(?:比较|对比|比一比)(?:一下|下|看看|如何|怎么样|情况)?{_END}",
            r"[和与跟同][^,?]{1,30}(?:相比|相较|比起来)",
            rf"(?:区别|不同|差别|差异|异同)(?:是什么|在哪里?|有哪些|何在)?{_END}",
            rf"哪{_WHICH}\S{{0,4}}?(?:更|比较){_MORE}",
            rf"谁(?:的\S{{1,8}})?更?{_MORE}",
            r"(?:(?:相差|差距)(?:有|是|为)?|(?<![息误偏价温还])差了?)(?:多少|多大|几)",
            rf"[^?,]{{2,40}}比[^?,]{{2,30}}?(?<!占)(?:{_MORE}|增加|减少|提高|下降)(?:了|出)?(?:多少|几)",
            r"(?:(?:19|20)\d\d年\S{0,6}?|[^,?]{2,30})[和与跟、及](?:(?:19|20)\d\d年\S{0,6}?|[^,?]{2,40}?)(?:各自?|分别)[^,?]*(?:多少|多[高大长重快])",
            r"(?:19|20)\d\d年\S{0,4}?[和与跟、及](?:19|20)\d\d年[^,?]*(?:多少|多[高大长重快]|怎么[样变]|如何)",
        )
    )
)
_LIST = re.compile(
    r"哪些|哪(?:[几两三四五六七八九十]|\d+)(?![年月天日号])|(?:有|包括|包含|涉及|都是|分别是)(?:些)?(?:什么|啥)(?!用|关系|意义|作用|好处|影响)"
    r"|列出|列举|罗列|举出|列一[下列]|一一说|分别(?:是|为|叫|由)?(?:谁|哪)|各(?:是|为)谁|名单|有谁|都是谁|前(?:[几三四五六七八九十]|\d+)名"
)
_NOT_LIST = re.compile(r"哪些(?:原因|影响)|为什么|为何|怎么会")


def answer_form(question: str) -> Form:
    """The form of answer that a question wants; "ordinary" for everything that no rule knows.

    Summaries go first (列出要点 is one), then comparisons (有哪些区别), then lists.
    """
    plain = search_form(question).strip()
    if _SUMMARY.search(plain):
        return "summary"
    if _COMPARISON.search(plain):
        return "comparison"
    return "list" if _LIST.search(plain) and not _NOT_LIST.search(plain) else "ordinary"


_TITLE = re.compile(r"《([^《》]{2,120})》")
_END_HERE = r"[。？?！!\s]*$"
_ABOUT = re.compile(
    r"^(?:请你?|麻烦你?|能不能|能否|可否|可以|帮[我忙]|[给为]我|再|简[单要短]|扼要|大致|详细|用\S{1,6}?(?:话|字)(?:以内)?|[\s，,])*"
    r"(?:总结|概括|概述|归纳|梳理|综述|小结|摘要|介绍|讲讲|说说|谈谈|给出|列出|提炼|写出?|做|整理)?(?:一下|下)?(?:关于|有关|围绕)?"
    rf"|的?(?:几篇|多篇)?(?:报道|文章|新闻)?(?:的|里|中)*(?:主要内容|核心内容|要点|摘要|概要|大意|主旨|来龙去脉|前因后果|始末|情况|经过|进展)(?:是什么|有哪些|如何)?{_END_HERE}"
    rf"|的?(?:这篇|几篇|多篇)?(?:报道|文章|新闻)?[里中都]*(?:主要|大概|大致)?(?:都|是)?[讲说写]的?了?(?:是|些)?(?:什么|啥|哪些内容){_END_HERE}"
    rf"|(?:总结|概括|概述|归纳|梳理|综述)(?:一下|下|出来)?{_END_HERE}"
)


def named_titles(question: str) -> list[str]:
    """What stands between 《 and 》 in a question, in order: titles of articles, or of books and films."""
    return _TITLE.findall(question)


def summary_topic(question: str) -> str:
    """What a summary is asked of: 台风青禾 of 概括一下台风青禾的情况; the question itself where nothing is left."""
    topic = question.strip()
    for _ in range(2):
        topic = _ABOUT.sub("", topic).strip("，,、：: \t的")
    return topic if len(topic) >= 2 else question.strip()
