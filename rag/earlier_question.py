"""The question before a follow-up, taken apart: what it is about, what it asks for, and whom its answer names."""

from __future__ import annotations

import re
from functools import lru_cache

from rag.anchors import ORG_ENDINGS, PLACE_ENDINGS, Anchor, find_anchors
from rag.words import STOP_WORDS, search_form

_MEASURE = r"(?:亿|万)?(?:家|个|人次|人|名|位|件|条|次|辆|元|只|场|所|座|处|起|套|张|份|公里|吨|种|项|批|块|枚|门|本|部|台|间|岁|倍|天|小时)?"
ASKS = re.compile(
    rf"(?:分别|各|一共|总共|大概|大约|约|共|达到?|又|都|是|为|有|叫|在|由)*(?:哪年几月|几月几[号日]|多少{_MEASURE}|几(?!乎){_MEASURE}|什么时候|何时|什么|为什么|为何|为啥"
    r"|哪(?:一?(?:个|家|些|年|天|里|儿|座|条|所|位|支|本|部|种|项|年度|[一二两三四五六七八九]\w))?|谁|怎么样?|如何|是否|有没有|多[大高长久重远快深宽])"
)
METRIC = re.compile(
    r"(?:率|额|量|值|价|数|收入|支出|利润|营收|面积|全长|长度|高度|库容|票房|人口|投资|床位|身高|体重|学费|电池|能耗|续航|比重|增速|增幅|规模|成绩|密度|浓度|"
    r"分数线|工资|产能|成本|税收|亏损|GDP|CPI|PPI|gdp|cpi|ppi|进口|出口|业务|董事长|总经理|行长|校长|院长|馆长|创始人|主教练|导演|主演|用途|价格|门票|租金|占地|坝高)$"
)
_METRIC_WORDS = frozenset(("gdp", "cpi", "ppi", "app", "pro", "ai", "5g"))
_SMALL = frozenset("的 了 在 是 有 为 被 把 从 将 对 于 到 会 能 要 最高 最多 已 已经 都 共 又 同比 环比".split())
GENERIC = frozenset(
    "总部 城市 公司 企业 学校 地方 时候 时间 原因 人 人数 单位 部门 结果 情况 内容 名字 编号 标准 方式 办法 条件 目的 意义 影响 背景 地点 地址 名称 日期 全长 坝高 层数 年龄 职务 职业 目标 计划 预算".split()
)
"""Nouns that anything can be asked for: a question that holds no other noun leans on the one before it."""
TIME = re.compile(
    r"(?:19|20)\d\d年(?:度|底|末)?|(?<![\d.])(?:19|20)\d\d(?!\d)|[一二][零〇一二三四五六七八九]{3}年|今年|去年|前年|明年|后年|上周|这周|本周|下周"
    r"|[上下]个?月|本月|昨天|今天|明天|前天|(?:1[0-2]|[1-9])月(?:份|\d{1,2}日)?|全年|上半年|下半年|(?:第?[一二三四]|前[二三])季度"
)
_NO_PLACES = (
    "地区",
    "小区",
    "社区",
    "城市",
    "股市",
    "楼市",
    "夜市",
    "超市",
    "景区",
    "校区",
    "院区",
    "园区",
    "城镇",
    "书市",
)
_NAMED = re.compile(r"[“《「]([^”》」]{1,20})[”》」]")
_MARKS = re.compile(r"\[\d+\]")


@lru_cache(maxsize=512)
def tagged(text: str) -> tuple[tuple[int, str, str], ...]:
    """The words of a text as (start, word, part of speech), words as they are written."""
    import rjieba

    found = []
    at = 0
    for word, tag in rjieba.tag(text):
        found.append((at, word, tag))
        at += len(word)
    return tuple(found)


def names(text: str, *kinds: str) -> list[Anchor]:
    """The names in a text, as they are written there; measures such as GDP are none.

    Args:
        kinds: of which kinds (`Anchor.kind`); all, where none is given.
    """
    anchors = find_anchors(text)
    if len(search_form(text)) == len(text):
        written = [(a, text[a.start : a.end]) for a in anchors]
    else:
        written = [(a, a.text) for a in anchors if a.text in text]
    found = [Anchor(a.start, a.end, word, a.core, a.kind, a.rank) for a, word in written]
    found += [
        Anchor(at, at + len(word), word, word[:-1], "place", word[-1]) for at, word, tag in tagged(text)
        if tag == "n" and len(word) > 2 and word[-1] in "市县区省镇" and not word.endswith(_NO_PLACES)
    ]  # fmt: skip
    return sorted(
        (
            a for a in found
            if (not kinds or a.kind in kinds) and a.text.lower() not in _METRIC_WORDS and not METRIC.search(a.text)
        ),
        key=lambda a: a.start,
    )  # fmt: skip


def head(question: str) -> str:
    """What stands before the words that ask: 栖江银行2024年的净利润 of 栖江银行2024年的净利润是多少？"""
    plain = question.rstrip("？?。！! 吗呢")
    asks = ASKS.search(plain)
    return (plain[: asks.start()] if asks else plain).rstrip("，,、 ")


def statement(question: str) -> str:
    """The question without the words that ask: 云栖县关闭了小煤矿 of 云栖县关闭了多少家小煤矿？"""
    plain = question.rstrip("？?。！! 吗呢")
    return ASKS.sub("", plain).strip("，,、 的")


def topic(question: str) -> str:
    """The head without the verb at its end: 云栖县去年 of 云栖县去年接待了多少游客？"""
    found = head(question)
    words = list(tagged(found))
    whole = re.match(r"是|有|什么时候|何时|由|叫|为|哪(?:年|天|一)", question[len(found) :])
    verbs = 0
    while len(words) > 1:
        _, word, tag = words[-1]
        if word not in _SMALL:
            verb = (tag[:1] == "v" and tag != "vn") or tag == "zg"
            verbs += verb
            if whole or METRIC.search(word) or verbs > 1 or not (verb or tag[:1] in "udpcy"):
                break
        words.pop()
    return "".join(word for _, word, _ in words).strip("，,、 的")


def without_metric(question: str, *, whole: bool = True) -> str:
    """The topic without the measure that was asked for: 栖江银行2024年 of 栖江银行2024年的净利润是多少？

    Args:
        whole: also without what the measure is of (金融产业增加值); otherwise only its last word.
    """
    found = topic(question)
    if quoted := list(_NAMED.finditer(found)):
        return found[: quoted[-1].end()]
    owner, of, rest = found.rpartition("的")
    if of and owner and not TIME.search(rest) and METRIC.search(rest):
        return owner
    words = list(tagged(found))
    if len(words) > 1 and METRIC.search(found):
        words.pop()
        while (
            whole and len(words) > 1 and (words[-1][2] in ("vn", "n", "b", "a") and not _part_of_name(words, question))
        ):
            words.pop()
    return "".join(word for _, word, _ in words).strip("，,、 的")


def _part_of_name(words: list[tuple[int, str, str]], question: str) -> bool:
    start = words[-1][0]
    if any(a.start <= start < a.end for a in names(question)) or len(words) == 1:
        return True
    return not any(TIME.search(before) or before == "年" for _, before, _ in words[:-1])


def metric(question: str) -> str:
    """The measure that was asked for: 净利润; empty where the question asks for something else."""
    found = topic(question)
    rest = found[len(without_metric(question)) :].lstrip("的")
    for time in reversed(list(TIME.finditer(rest))):
        rest = rest[time.end() :]
        break
    return rest if rest and rest != found and METRIC.search(rest) else ""


def subject(question: str) -> str:
    """Whom or what a question is about, without times and measures: 栖江银行; the beginning up to a small word or a verb."""
    plain = TIME.split(question.rstrip("？?。 "), maxsplit=1)
    start = plain[0] or (plain[1] if len(plain) > 1 else "")
    found = re.split(r"[，,：:]|的", head(start), maxsplit=1)[0]
    words: list[str] = []
    quoted = [m.span() for m in _NAMED.finditer(found)]
    for at, word, tag in tagged(found):
        if any(start <= at < end for start, end in quoted):
            words.append(word)
            continue
        verb = tag in ("v", "p", "c", "d") and len(word) <= 2 and not any(a.start <= at < a.end for a in names(found))
        if words and verb:
            break
        words.append(word)
    return re.sub(r"(?<=\w\w)\w?了$", "", "".join(words)).strip("，,、 的")


def members(text: str) -> list[str]:
    """What a text enumerates: 青岚市, 霁州市, 云汐市 of 试点有青岚市、霁州市和云汐市。"""
    plain = _MARKS.sub("", text)
    match = re.search(
        r"([^，,。？?：:]{1,24}?(?:、[^，,。？?、]{1,24}?)*(?:和|与|(?<![涉普危])及|以及|跟|、)[^，,。？?、]{1,24})",
        plain,
    )
    if not match:
        return []
    found = [part for part in re.split(r"、|以及|和|与|(?<![涉普危])及|跟", match[1]) if part]
    found[0] = re.sub(r"^.*(?:分别是|是|为|有|包括|涉及|选了|叫)", "", found[0])
    last = re.split(r"谁|哪|的|分别|各|先|更|都|两|三|四|是|等", found[-1], maxsplit=1)[0]
    return [part.strip("“”《》 ") for part in [*found[:-1], last]] if last else []


def answered_name(question: str, answer: str) -> str:
    """The name that answers a question for one (谁, 哪家, 叫什么); empty where it asks for something else."""
    if not re.search(
        r"谁|叫什么|什么名字|哪(?:个|家|支|所|位|座|部|款|本)|什么(?:新品|产品|芯片|车型|展会|活动|节目|比赛|赛事|项目|新?药|奖|平台|软件|机器人)",
        question,
    ):
        return ""
    plain = _MARKS.sub("", answer).strip().rstrip("。.")
    if quoted := _NAMED.search(plain):
        return quoted[0]
    short = re.sub(r"^(?:叫做?|是|为|由)|(?:运营|负责|承建|主持)$", "", plain)
    if re.fullmatch(r"[\w·]{2,12}", short):
        owner = re.search(r"(?:是|叫|为|由)([\w·]{2,10})$", short)
        return owner[1] if owner else short
    people = names(plain, "person") or names(plain, "org", "place")
    return people[-1].text if people else ""


def fits(name: Anchor, noun: str) -> bool:
    """Whether a name can be meant by “this city”, “the company”: its ending or kind goes with the noun."""
    if noun in PLACE_ENDINGS or noun in ("城市", "地方"):
        return name.kind == "place"
    if noun in ("公司", "企业", "集团", "银行", "机构", "单位", "学校", "大学", "校", "院", "馆", "医院", "队", "球队"):
        return name.kind == "org" or name.text.endswith((*ORG_ENDINGS, noun))
    return name.kind in ("org", "place", "name")


def informative(words: list[tuple[int, str, str]]) -> list[str]:
    """The nouns of a question that are neither measures nor of everybody's use."""
    return [
        word for _, word, tag in words
        if tag[:1] in ("n", "e", "j", "t") and len(word) > 1
        and not METRIC.search(word) and not TIME.fullmatch(word) and word not in STOP_WORDS and word not in GENERIC
    ]  # fmt: skip
