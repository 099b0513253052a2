"""What type of answer a question asks for, and whether a quantity is of that type."""

from __future__ import annotations

import re
from typing import Final, Literal

from rag.numerals import fold
from rag.quantities import Quantity
from rag.units import COUNTERS, CURRENCIES, alternatives

Expectation = Literal[
    "number", "money", "percent", "date", "person", "place", "count", "list", "yesno", "reason", "other"
]
QUANTITY_TYPES: Final = frozenset[Expectation]({"number", "money", "percent", "date", "count"})
"""The types that are quantities: what `meets_expectation` can be true for."""

_MONEY_WORDS: Final = "金额|收入|营收|营业额|利润|净利|市值|产值|增加值|总值|GDP|资产|负债|投资|融资|售价|价格|单价|票价|股价|票房|预算|费用|成本|薪|工资|存款|贷款|余额|罚款|奖金|租金|房价|估值|募资|销售额|交易额|成交额|总额|出口额|进口额|价值|多少钱|花了|报价|关税额|基金规模"
_RATE_WORDS: Final = "增长率?|增速|增幅|涨幅|跌幅|降幅|同比|环比|下降|上升|上涨|下跌|占比?|比例|比重|率|提高|降低|减少|增加(?!值)|涨了?|跌了?|百分比|份额|毛利率|利率"
_UNITS_ASKED: Final = alternatives(u for u in COUNTERS if u != "大")
_QUESTION_WORDS: Final[tuple[tuple[Expectation, str], ...]] = (
    ("percent", r"百分之(?:几|多少)|(?:几|多少)个?百分点|多少%|几成|多大比例|多大比重"),
    ("money", rf"多少钱|(?:多少|几|多少?个?)[十百千万亿]*(?:{alternatives(CURRENCIES)})|价格是|售价是|值多少|什么价"),
    ("date", r"什么时候|什么时间|何时|何日|何年|哪一?[天年月日]|哪个(?:月|季度|年份|时间)|几[月号日]|星期几|周几|几点|哪几年|多会儿|时间是|日期是|什么日子"),
    ("yesno", r"是否|是不是|有没有|能否|可否|会不会|能不能|要不要|[吗嘛么][?？]?$|对不对|属实"),
    ("reason", r"为什么|为何|缘何|怎么会|何以|(?:什么|哪些|主要|何种)?原因(?:是|有|$)|为啥|出于什么"),
    ("person", r"谁|哪一?位|何人|哪个人|(?:叫|是)什么名字|姓甚|哪[几些]位"),
    ("place", r"哪里|哪儿|何处|何地|什么地方|在哪(?!一?[天年月日次届])|哪个?(?:城市|省|市|国家|地区|区|县|国|地方|镇|村|街道|大学|机场|港口)|哪座|哪国|哪省|哪市|哪地|位于什么"),
    ("count", rf"(?:多少|几)[十百千万亿]*个?(?:{_UNITS_ASKED})|多少[^，。？?是为]{{1,4}}(?:人|企业|公司|学校|城市|国家)"),
    ("list", r"哪些|哪[几两三四五六七八九]|分别(?:是|有|为)|列出|列举|有什么|包括什么|包含什么|有何|都有"),
    ("number", r"多少|几[个岁度倍]|几|多大|多高|多长|多重|多远|多深|多宽|多久|多快|第几"),
)  # fmt: skip
_ASKS: Final = tuple((name, re.compile(pattern)) for name, pattern in _QUESTION_WORDS)
_TOPIC: Final = re.compile(rf"(?P<rate>{_RATE_WORDS})|(?P<money>{_MONEY_WORDS})")
_CLAUSE: Final = re.compile("[，,。？?；;]")


def question_expects(question: str) -> Expectation:
    """The coarse type of answer a question asks for, from its first question word: 多少, 几家, 何时, 谁, 哪里, 哪些 …

    A bare 多少 is percent after a rate (同比增长多少), money after a sum (增加值是多少), else number; how and what are other.
    """
    text = fold(question).strip()
    hits = [(m.start(), order, name) for order, (name, p) in enumerate(_ASKS) if (m := p.search(text))]
    if not hits:
        return "other"
    start, _, name = min(hits)
    if name != "number":
        return name
    if not text.startswith(("多少", "几", "多大"), start):
        return "number"
    topics = list(_TOPIC.finditer(_CLAUSE.split(text[:start])[-1]))
    return "number" if not topics else "percent" if topics[-1]["rate"] else "money"


def meets_expectation(expected: Expectation, quantity: Quantity) -> bool:
    """Whether a quantity is of the type that `question_expects` names; False for the types that are not quantities."""
    match expected:
        case "money":
            unit = quantity.unit.partition("/")[0]
            return quantity.kind == "amount" and (unit in CURRENCIES or (not unit and "亿" in quantity.text))
        case "percent":
            return quantity.kind in ("percent", "point", "multiple")
        case "date":
            return quantity.kind in ("date", "time", "period")
        case "count":
            return quantity.kind == "amount" and quantity.unit in COUNTERS
        case "number":
            return quantity.kind not in ("date", "time", "code")
        case _:
            return False
