"""Numbers, units and dates as Chinese news writes them: find, compare, normalise. The base of the number check.

What is reported, and what is not:
- A quantity is its number with its unit (400.69亿元, 360余家); hedges around it (超过, 以上) are flags, not part of the span.
- Chinese numerals count only with a unit, a scale (万, 亿, 千亿级) or 百分之/分之: 三一重工, 一汽, 百度, 万一 are words.
- 一 with a counting word (一家公司) is an article, not a count; neither are lone 几 and 第一 (第一时间), except after 排名.
- Addresses, telephone numbers, list numbers and citation marks are skipped.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from rag.dates import DIGITS, SCALES, TRIGGERS, DateSpan, chinese_integer, fold, match_date

Kind = Literal["amount", "percent", "point", "multiple", "period", "date", "time", "ordinal", "score", "code"]
Bound = Literal["", "over", "under"]
Direction = Literal["", "up", "down"]
Expectation = Literal[
    "number", "money", "percent", "date", "person", "place", "count", "list", "yesno", "reason", "other"
]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity, date or code in a text.

    Attributes:
        start: offset of its first character.
        end: offset after its last character.
        text: `source[start:end]`, exactly.
        kind: amount (money, counts, measures, bare numbers), percent, point (百分点), multiple (倍, 翻番), period (3年),
            date, time (value: minutes since midnight), ordinal (第21届), score (3:0) or code (5G, 600519, “965”).
        value: with scales applied (亿 is 10**8), in `unit`; (low, high) of a range or (first, second) of a score; None for
            dates, codes and vague amounts (数十人).
        unit: canonical: 元, 美元, %, 百分点, 人, 家, 吨, 平方公里, 年, …; empty for bare numbers.
        approx: the text hedges (约, 近, 余, 多, 左右, 超, 突破, 不到, 以上, 千亿级).
        bound: the hedge says on which side the truth lies: over (超过, 余, 以上) or under (近, 不到, 以内).
        direction: the quantity is a rise (增长6.3%) or a fall (下降6.3%); empty for levels.
        planned: a plan or forecast stands before it in the sentence (预计, 力争, 或将).
        span: the days of a date; None for everything else.
        step: size of one unit in the last digit that is written (0.01亿 for 400.69亿); what about rounds to.
    """

    start: int
    end: int
    text: str
    kind: Kind
    value: Decimal | tuple[Decimal, Decimal] | None = None
    unit: str = ""
    approx: bool = False
    bound: Bound = ""
    direction: Direction = ""
    planned: bool = False
    span: DateSpan | None = None
    step: Decimal = Decimal(0)


# --- Units ---------------------------------------------------------------------------------------------------------

_MONEY: Final = {
    "元": "元 块钱 块 圆 人民币 RMB CNY 圆整 元整",
    "美元": "美元 美金 USD 美圆",
    "港元": "港元 港币 港圆 HKD",
    "欧元": "欧元 EUR",
    "日元": "日元 日圆 JPY",
    "英镑": "英镑 GBP",
    "韩元": "韩元 韩圆 韩币",
    "卢布": "卢布",
    "澳元": "澳元 澳币",
    "加元": "加元 加币",
    "新台币": "新台币 台币",
    "新加坡元": "新加坡元 新元 新币",
    "瑞士法郎": "瑞士法郎 瑞郎",
    "卢比": "卢比 印度卢比",
    "泰铢": "泰铢",
    "越南盾": "越南盾",
    "林吉特": "林吉特",
    "比特币": "比特币 BTC",
}
_COUNTED: Final = {
    "人": "人 名 位 口",
    "家": "家 户 间 所",
    "个": "个 项 款 种 类 件 大 只 条 座 处 支 道 组 批 宗",
}
_SINGLE: Final = (
    "台 辆 架 艘 部 套 股 手 单 笔 份 张 本 册 篇 首 幅 集 章 株 棵 头 匹 枚 块地 栋 幢 层 楼 期 场 届 起 例 床 次 轮 局 步 强 倍 点 "
    "级 桶 盎司 人次 万人次 岁 周岁 周年 页 行 句 字 词 段 节 颗 粒 把 副 门 根 瓶 杯 箱 袋 包 票 席 度 名额 分 角 字节 像素 元素 顿 "
    "艘次 架次 班次 车次 标箱 车位 床位 席位 机位 时区 步骤 战 胜 负 平 连胜 连败 篮板 助攻 球 红牌 黄牌 金 银 铜 星 环 卷 帧 排 班 队 国 省 "
    "市 县 区 镇 乡 村 州 校 院 店 站 馆 厂 库 线 路 号线 城 地 方 面 档 折 重 双 对 针 剂 剂次 针次 滴 斤 担 两 平 倍速 代 人份 人/天 圈 杆 "
    "英里 英尺 英寸 海里 寸 尺 丈 里 亩 毫米汞柱 马力 摄氏度 ℃ °C ° 华氏度 分贝 伏 安 瓦 千瓦 兆瓦 吉瓦 千瓦时 kWh kwh KWh kW KW MW GW TW "
    "Wh mAh GB MB TB KB PB G流量 Hz kHz MHz GHz nm μm um mm cm dm km m² ㎡ km² kg mg ml mL Gbps Mbps bps fps 帧/秒 卡 大卡 千卡 焦耳 帕 千帕 兆帕 "
    "克 千克 公斤 毫克 微克 吨 万吨级 公吨 磅 克拉 升 毫升 公升 立方米 立方 立方厘米 立方公里 平方米 平方公里 平方千米 平方 平米 公顷 公亩 "
    "公里 千米 米 厘米 毫米 纳米 微米 光年 毫秒 微秒 赫兹 兆赫 兆 英亩 平方英里 平方厘米 坪 元/吨 TEU L"
)
_PERIOD: Final = {
    "年": "年 载 年时间",
    "个月": "个月 月 个多月",
    "周": "周 个星期 星期 个礼拜",
    "天": "天 日 昼夜",
    "个季度": "个季度 季度",
    "小时": "小时 个小时 钟头 个钟头 h",
    "分钟": "分钟 分种",
    "秒": "秒 秒钟",
    "工作日": "个工作日 工作日",
    "交易日": "个交易日 交易日",
    "世纪": "个世纪",
    "学年": "学年 个学年",
}
_CANONICAL: Final[dict[str, str]] = {u: u for u in _SINGLE.split()}
for _table in (_MONEY, _PERIOD):
    for _name, _spellings in _table.items():
        _CANONICAL |= dict.fromkeys(_spellings.split(), _name)
_CANONICAL |= {u: u for spellings in _COUNTED.values() for u in spellings.split()} | {
    "名": "人",
    "位": "人",
    "口": "人",
}
_CANONICAL |= {
    "千克": "公斤", "kg": "公斤", "公吨": "吨", "平米": "平方米", "平方": "平方米", "㎡": "平方米", "m²": "平方米", "km²": "平方公里",
    "平方千米": "平方公里", "千米": "公里", "km": "公里", "cm": "厘米", "mm": "毫米", "nm": "纳米", "μm": "微米", "um": "微米",
    "立方": "立方米", "公升": "升", "L": "升", "mL": "毫升", "ml": "毫升", "°C": "℃", "摄氏度": "℃", "周岁": "岁", "kW": "千瓦",
    "KW": "千瓦", "MW": "兆瓦", "GW": "吉瓦", "kWh": "千瓦时", "kwh": "千瓦时", "KWh": "千瓦时", "mg": "毫克", "赫兹": "Hz", "大卡": "千卡",
}  # fmt: skip
CURRENCIES: Final = frozenset(_MONEY)
"""Canonical currency units; the first, 元, is the renminbi."""

_PERIODS: Final = frozenset(_PERIOD)
_COUNTERS: Final = {u: group for group, spellings in _COUNTED.items() for u in spellings.split()} | {
    u: u for u in "台 辆 架 艘 部 套 份 张 本 册 篇 首 幅 集 章 株 棵 头 匹 枚 栋 幢 期 场 届 起 例 床 次 轮 局 强 支 国 省 市 县 区 镇 村 "
    "店 站 馆 厂 城 人次 席 单 笔 股 手 剂 针 剂次 艘次 架次 名额 席位 车位 床位 桶 城 校 院".split()
}  # fmt: skip
# Exact conversions: unit -> (base, how many of the base).
_BASE: Final[dict[str, tuple[str, Decimal]]] = {
    unit: (base, Decimal(factor))
    for unit, base, factor in (
        ("吨", "克", "1000000"), ("公斤", "克", "1000"), ("斤", "克", "500"), ("毫克", "克", "0.001"),
        ("公里", "米", "1000"), ("厘米", "米", "0.01"), ("毫米", "米", "0.001"), ("里", "米", "500"),
        ("微米", "米", "0.000001"), ("纳米", "米", "0.000000001"), ("平方公里", "平方米", "1000000"), ("公顷", "平方米", "10000"),
        ("毫升", "升", "0.001"), ("千瓦", "瓦", "1000"), ("兆瓦", "瓦", "1000000"), ("吉瓦", "瓦", "1000000000"),
        ("千瓦时", "度", "1"), ("千卡", "卡", "1000"), ("年", "个月", "12"), ("个季度", "个月", "3"), ("周", "天", "7"),
        ("小时", "秒", "3600"), ("分钟", "秒", "60"), ("角", "元", "0.1"),
    )
}  # fmt: skip

# --- Grammar -------------------------------------------------------------------------------------------------------

_CN: Final = "零〇一二两三四五六七八九十百千万亿"
_UNITS: Final = "|".join(sorted((re.escape(u) for u in _CANONICAL), key=len, reverse=True))
# After a Chinese numeral the unit must be one that hardly ever makes a word of it (三地, 四方, 十分, 三角, 一级, 五星 are words).
_SAFE: Final = [
    u
    for u in _CANONICAL
    if u not in set(
        "角 分 点 级 线 路 地 方 面 道 重 里 平 星 金 银 铜 环 球 号线 度 手 口 行 节 卡 安 伏 两 担 卷 排 班 档 双 市 区 城 州 国 院 校 站 队 字 "
        "句 步 楼 战 胜 负 处 载 省 县 乡 镇 村 店 厂 馆 库 ° h 块 门 包 单 折 圈 寸 尺 丈 针 票 席 首 本 组 月 对 头 代".split()
    )
]  # fmt: skip
_SAFE_UNITS: Final = "|".join(sorted((re.escape(u) for u in _SAFE), key=len, reverse=True))
_SCALE: Final = r"(?:万亿|[十百千]亿|[百千十]万(?!科)|亿(?!纬|联|晶|嘉)|万(?!科|达|华化|向|豪)|千(?![瓦米克卡帕里])|百(?![分度威])|兆(?![瓦赫帕]))"
_HALF_MORE: Final = r"(?P<half>半(?=[，。、；,;以左上\s）)]|$))?"


def _tail(units: str) -> str:
    """What may follow a number: more (余, 多), unit, currency, per-unit, half (两年半), order of magnitude (千亿级)."""
    return (
        rf"(?P<more>余|多)?\s?(?:个(?P<mid>半|多)(?P<midunit>月|小时|星期|世纪|钟头)"
        rf"|(?P<unit>%|‰|个?百分点|个?基点|BPs?|bps|{units})(?:人民币)?(?P<per>/(?:{_UNITS}))?)?{_HALF_MORE}(?P<level>级别?|规模)?"
    )


_ASCII_NUMBER: Final = re.compile(
    rf"(?P<num>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?)\s?(?P<inner>余|多|几)?(?P<scale>{_SCALE})?{_tail(_UNITS)}"
)
_CN_RUN: Final = re.compile(rf"[{_CN}几数]+")
_CN_REST: Final = re.compile(
    rf"(?P<point>点[零〇一二三四五六七八九]+(?=[百千万亿%倍个元]|$))?(?P<inner>余|多)?(?P<scale>[百千万亿]+)?{_tail(_SAFE_UNITS)}"
)
_PERCENT_OF: Final = re.compile(
    rf"(?P<neg>负)?(?P<base>百|千|万)分之(?P<num>\d+(?:\.\d+)?|[{_CN}]+(?:点[零〇一二三四五六七八九]+)?)(?P<more>多|余|几)?"
)
_FRACTION: Final = re.compile(rf"(?P<den>\d+|[{_CN}]+)分之(?P<num>\d+|[{_CN}]+)")
_TENTHS: Final = re.compile(
    r"(?P<num>\d(?:\.\d)?|[一两二三四五六七八九十]{1,2})成(?P<rest>[一二三四五六七八九半])?(?!功|为|立|员|长|本|交|果|年|绩|都|分|效|人|品|名|型|熟|份|像|就|语|千|排|套|群)"
)
_HALF_PERIOD: Final = re.compile(r"半(?P<unit>年(?!报|线|度)|个月|个世纪|小时|个小时|个?世纪|天(?!下))")
_GENERATION: Final = re.compile(r"[5-90]0后(?!卫|期|来)")
_TIMES: Final = re.compile(r"翻(?:了)?(?P<n>[一两二三四五六七八九\d])?(?P<w>番|倍)")
_ORDINAL: Final = re.compile(
    rf"(?P<head>第|首)(?P<num>\d+|[{_CN}]+)?(?P<unit>届|届次|期|次|批|名|位|季|轮|集|场|代|章|条|款|号|个|家|版|站|步|层|强|世纪|天|年|台|例|座|艘|部|架|站)?"
)
_RANKED: Final = re.compile(
    r"(?:排名|排行|排在|位列|位居|居|列|名列|跃居|升至|降至|全国|全省|全市|全球|世界)[到至了]?$"
)
_CENTURY: Final = re.compile(r"(?P<num>\d{1,2}|[一二]?十[一二三四五六七八九]?)世纪")
_SCORE: Final = re.compile(
    r"(?P<a>\d{1,3})\s?(?P<sep>:|比)\s?(?P<b>\d{1,3})(?![\d:.%万亿])|(?P<c>[零一二两三四五六七八九十])比(?P<d>[零一二两三四五六七八九十])(?![\w])"
)
_DAYTIME: Final = (
    r"(?:凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|晚间|深夜|午后|夜间|昨晚|今晚|今晨|当晚|当天|晚|早|午)"
)
_CLOCK: Final = re.compile(
    r"(?P<h>[01]?\d|2[0-4]):(?P<m>[0-5]\d)(?::[0-5]\d)?(?![\d:])"
    r"|(?P<h2>[01]?\d|2[0-4]|[一二两三四五六七八九十]{1,3})(?P<word>时|点)(?!候|代|间|速|尚|装|常|刻|期|针|评|名|击|点|数|心|火|燃|赞)"
    r"(?:(?P<m2>[0-5]?\d|[一二三四五]?十?[一二三四五六七八九]?)分(?![之钟])|(?P<half>半)|(?P<oclock>钟|整|许))?"
)
_CODE: Final = re.compile(r"\d[\dA-Za-z]*(?:[-.][\dA-Za-z]+)*")
_BEFORE_CODE: Final = re.compile(r"(?<![A-Za-z])(?:[A-Za-z][A-Za-z0-9]*[-.]?|[A-Za-z]{2,}\s)$")
_CURRENCY_BEFORE: Final = re.compile(r"(US\$|HK\$|RMB|USD|CNY|EUR|HKD|JPY|GBP|[$¥€£]|人民币|港币|美元|美金)\s?$")
_SKIP: Final = re.compile(
    r"https?://[!-~]+|www\.[!-~]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.[\w.]{1,64}|(?<![\d.])1[3-9]\d{9}(?!\d)"
    r"|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)|(?<!\d)[48]00-\d{3,4}-\d{3,4}(?!\d)|[\[【(（]\d{1,2}(?:[,，、-]\d{1,2}){0,9}[\]】)）]"
    r"|(?m:^[ \t\u3000]{0,8}\d{1,2}[、.．)）](?!\d))",
    re.ASCII,
)
_HEDGES: Final = (
    ("over", r"超过了?|超出|突破了?|超|逾|高于|多于|大于|不低于|不少于|至少|起码|站上|跨越|跨过|迈上|迈过|冲破|破"),
    ("under", r"不到|不足|将近|接近|逼近|(?<![最附临])近|低于|少于|小于|不超过|不高于|不多于|至多|最多"),
    ("", r"约为|约合|大约|大概|约|估计"),
)  # fmt: skip
_HEDGE: Final = re.compile(
    "(?:" + "|".join(f"(?P<h{i}>{p})" for i, (_, p) in enumerate(_HEDGES)) + r")(?:人民币|[$¥€£]|US\$)?\s?$"
)
_AFTER: Final = re.compile(
    r"(?P<over>以上|有余|之多|开外)|(?P<under>以下|以内|之内)|(?P<about>左右|上下)|(?P<more>多(?!家|个|名|种|项|次|元化|数|年)|余)"
)
_UP: Final = "增长|上涨|上升|提高|提升|增加|扩大|上浮|上调|攀升|增幅|涨幅|增速|回升|走高|反弹|多增|高出|涨|升|增"
_DOWN: Final = "下降|下跌|减少|降低|回落|下滑|缩减|收窄|下调|下浮|萎缩|跌幅|降幅|减幅|缩水|走低|少增|跌|降|减"
_DIRECTION: Final = re.compile(
    rf"(?:(?P<up>{_UP})|(?P<down>{_DOWN}))(?:了|约|近|超过?|逾|达到?|为|突破|大约|幅度?|分别|不到|不足|至少|将近|接近|高达|速|率|比例|[：:]|\s)*$"
)
_PLAN: Final = re.compile("预计|预期|预测|有望|力争|或将|计划|目标|争取|拟(?!合)|料将|将(?!近|军|士|领|来)|规划")
_SENTENCE: Final = re.compile("[。！？；!?;\n]")
_JOIN: Final = re.compile(r"\s?(?:-{1,2}|~|至|到)\s?")
_ALSO: Final = re.compile(r"、|和|及|与|以及|，|,")
_TRIGGER: Final = re.compile(rf"[0-9{_CN}几数上半翻第首负{re.escape(TRIGGERS)}]")
_VAGUE: Final = re.compile(r"(?:数|上|几|十几|[二三四五六七八九]十几)(?P<order>[十百千万亿]*)")
_PAIR: Final = re.compile(
    r"(?P<head>[一二两三四五六七八九十百千]*[十百千万亿])?(?P<a>[一二两三四五六七八])(?P<b>[二两三四五六七八九])(?P<scale>[十百千万亿]*)"
)
_ORDERS: Final = {
    "十亿": 9,
    "百亿": 10,
    "千亿": 11,
    "万亿": 12,
    "十万亿": 13,
    "百万": 6,
    "千万": 7,
    "亿": 8,
    "十万": 5,
    "百": 2,
    "千": 3,
    "万": 4,
}
_IDIOM: Final = re.compile(
    r"万一|三一(?=重工|集团|国际)|一[时旦些起定样直般切度汽带]|百分百|千万(?=[别不要记])|百万(?=富翁|雄师)|五粮|一家[人子]"
)
_CONGRESS: Final = re.compile("(?:十[五六七八九]|二十)大(?=[报精召以代会后开期胜闭，。、提的以将]|$)")
_LEADS: Final = re.compile(rf"\s?[至到~-]\s?(?=[0-9{_CN}])")

# --- Reading -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """A quantity while it is being read. `factor` is its written scale; `pending` means: drop unless a range takes it."""

    start: int
    end: int
    kind: Kind
    value: Decimal | tuple[Decimal, Decimal] | None = None
    unit: str = ""
    approx: bool = False
    bound: Bound = ""
    direction: Direction = ""
    span: DateSpan | None = None
    step: Decimal = Decimal(0)
    factor: Decimal = Decimal(1)
    pending: bool = False


def find_quantities(text: str, *, reference: date | None = None) -> list[Quantity]:
    """Every quantity, date and code of a text, from left to right, without overlaps.

    Args:
        text: any text; hostile input costs linear time.
        reference: the day on which the text was published (Asia/Shanghai), which resolves 今年, 昨日, 7月2日.

    Returns:
        Quantities with `text[q.start:q.end] == q.text`.
    """
    folded = fold(text)
    drafts: list[_Draft] = []
    skips = [m.span() for m in _SKIP.finditer(folded)]
    skips.reverse()
    position = 0
    while trigger := _TRIGGER.search(folded, position):
        position = trigger.start()
        while skips and skips[-1][1] <= position:
            skips.pop()
        if skips and skips[-1][0] <= position:
            position = skips[-1][1]
            continue
        last = drafts[-1] if drafts else None
        draft, position = _read(folded, position, last, reference)
        if draft is None:
            continue
        if last and _join(folded, last, draft):
            continue
        if last and last.pending:
            drafts.pop()
        if draft.kind in ("amount", "percent", "point", "multiple", "period"):
            _hedge(folded, draft, drafts[-1] if drafts else None)
        drafts.append(draft)
    if drafts and drafts[-1].pending:
        drafts.pop()
    plans = [m.start() for m in _PLAN.finditer(folded)] if drafts else []
    stops = [m.start() for m in _SENTENCE.finditer(folded)] if plans else []
    return [
        Quantity(
            d.start, d.end, text[d.start : d.end], d.kind, d.value, d.unit, d.approx, d.bound, d.direction,
            _is_planned(d.start, plans, stops), d.span, d.step,
        )
        for d in drafts
    ]  # fmt: skip


def _is_planned(start: int, plans: list[int], stops: list[int]) -> bool:
    """Whether a word of planning stands before `start` in its sentence."""
    before = bisect_right(plans, start)
    if not before:
        return False
    stop = bisect_right(stops, start)
    return not stop or plans[before - 1] > stops[stop - 1]


def _read(folded: str, at: int, last: _Draft | None, reference: date | None) -> tuple[_Draft | None, int]:
    """What begins at a trigger character, and where to go on."""
    char = folded[at]
    digit = "0" <= char <= "9"
    floor = last.end if last else 0
    if digit and at > floor and folded[at - 1].isascii() and (code := _code_before(folded, at, floor)):
        return code, code.end
    year = None
    if last and last.span and last.span.start and folded[last.end : at] in ("、", "和", "及", "与"):
        year = last.span.start.year
    if found := match_date(folded, at, reference=reference, year=year):
        end, span = found
        return _Draft(at, end, "date", span=span), end
    if char in "第首":
        return _ordinal(folded, at)
    if char == "半":
        m = _HALF_PERIOD.match(folded, at)
        return (_Draft(at, m.end(), "period", Decimal("0.5"), _kind(m["unit"])[1]), m.end()) if m else (None, at + 1)
    if char == "翻":
        return _doubled(folded, at)
    if char in "百千万负" and (m := _PERCENT_OF.match(folded, at)):
        return _percent_of(m)
    numeral = digit or char in _CN
    if numeral:
        if (m := _FRACTION.match(folded, at)) and (draft := _fraction(m)):
            return draft, m.end()
        if (m := _CLOCK.match(folded, at)) and (draft := _clock(folded, m, last)):
            return draft, m.end()
        if m := _SCORE.match(folded, at):
            pair = _plain(m["a"] or m["c"]), _plain(m["b"] or m["d"])
            return _Draft(at, m.end(), "score", pair), m.end()
        if m := _CENTURY.match(folded, at):
            return _Draft(at, m.end(), "ordinal", _plain(m["num"]), "世纪"), m.end()
        if (m := _TENTHS.match(folded, at)) and (draft := _tenths(m)):
            return draft, m.end()
        if m := _GENERATION.match(folded, at):
            return _Draft(at, m.end(), "code"), m.end()
    if digit:
        return _ascii(folded, at, floor)
    if char in _CN or char in "几数上":
        return _chinese(folded, at)
    return None, at + 1


def _plain(numeral: str) -> Decimal:
    """The value of digits (with separators) or of a valid Chinese integer; 0 for anything else."""
    if numeral[0].isascii():
        return Decimal(numeral.replace(",", ""))
    return Decimal(chinese_integer(numeral) or 0)


def _code_before(folded: str, at: int, floor: int) -> _Draft | None:
    """A code whose letters stand before its digits: sz002032, G107, COVID-19, iPhone 12."""
    before = folded[max(floor, at - 16) : at]
    if _CURRENCY_BEFORE.search(before):
        return None
    head = _BEFORE_CODE.search(before)
    code = _CODE.match(folded, at) if head else None
    if head is None or code is None:
        return None
    if head[0].endswith(" ") and (
        "." in code[0] or len(code[0]) > 3 or folded[code.end() : code.end() + 1] in _AFTER_AMOUNT
    ):
        return None
    start = at - len(head[0])
    return _Draft(start, code.end(), "code")


_AFTER_AMOUNT: Final = frozenset("%万亿,.") | {u[0] for u in _CANONICAL}


def _ordinal(folded: str, at: int) -> tuple[_Draft | None, int]:
    m = _ORDINAL.match(folded, at)
    if m is None:
        return None, at + 1
    numeral, unit = m["num"], m["unit"] or ""
    if m["head"] == "首":
        if numeral or unit not in (
            "届",
            "次",
            "批",
            "位",
            "家",
            "个",
            "期",
            "轮",
            "款",
            "例",
            "台",
            "座",
            "艘",
            "部",
            "架",
        ):
            return None, at + 1
        return _Draft(at, m.end(), "ordinal", Decimal(1), unit), m.end()
    if not numeral or not (value := _plain(numeral)):
        return None, m.end()
    if not unit and not _RANKED.search(folded[max(0, at - 5) : at]):
        return None, m.end()
    return _Draft(at, m.end(), "ordinal", value, "位" if unit == "名" else unit), m.end()


def _doubled(folded: str, at: int) -> tuple[_Draft | None, int]:
    m = _TIMES.match(folded, at)
    if m is None:
        return None, at + 1
    count = int(_plain(m["n"] or "1"))
    value = Decimal(2) ** count if m["w"] == "番" else Decimal(max(count, 2))
    return _Draft(at, m.end(), "multiple", value, "倍", direction="up"), m.end()


def _decimal(numeral: str) -> Decimal | None:
    """二十六点八, 一百二十万, 6.3 or 1,100 as a Decimal."""
    if numeral[0].isascii():
        return Decimal(numeral.replace(",", ""))
    whole, _, fraction = numeral.partition("点")
    value = chinese_integer(whole)
    if value is None:
        return Decimal({"百": 100, "千": 1000}[whole]) if whole in ("百", "千") else None
    return Decimal(f"{value}.{''.join(str(DIGITS[c]) for c in fraction)}") if fraction else Decimal(value)


def _percent_of(m: re.Match[str]) -> tuple[_Draft | None, int]:
    value = _decimal(m["num"])
    if value is None:
        return None, m.end()
    divisor = SCALES[m["base"]] // 100
    step = Decimal(1).scaleb(value.as_tuple().exponent) / divisor  # type: ignore[arg-type]
    value = (-value if m["neg"] else value) / divisor
    more = bool(m["more"])
    return _Draft(m.start(), m.end(), "percent", value, "%", more, "over" if more else "", step=step), m.end()


def _fraction(m: re.Match[str]) -> _Draft | None:
    low, high = _plain(m["den"]), _plain(m["num"])
    if not low or not high:
        return None
    return _Draft(m.start(), m.end(), "percent", high * 100 / low, "%")


def _tenths(m: re.Match[str]) -> _Draft | None:
    numeral = m["num"]
    if numeral[0].isascii():
        value: Decimal | tuple[Decimal, Decimal] = Decimal(numeral) * 10
    elif len(numeral) == 2 and "十" not in numeral:
        value = DIGITS[numeral[0]] * Decimal(10), DIGITS[numeral[1]] * Decimal(10)
        return _Draft(m.start(), m.end(), "percent", value, "%", True, step=Decimal(10))
    else:
        value = _plain(numeral) * 10
    step = Decimal(10)
    if m["rest"]:
        value += 5 if m["rest"] == "半" else DIGITS[m["rest"]]
        step = Decimal(1)
    return _Draft(m.start(), m.end(), "percent", value, "%", step=step)


_LATE: Final = ("下午", "傍晚", "晚上", "晚间", "深夜", "午后", "夜间", "昨晚", "今晚", "当晚", "晚")
_DAYTIME_BEFORE: Final = re.compile(rf"(?P<part>{_DAYTIME})\s?$")


def _clock(folded: str, m: re.Match[str], last: _Draft | None) -> _Draft | None:
    """11:59, 上午9时30分, 晚8点半; N点 is a time only with a part of the day, a minute or a date before it."""
    part = _DAYTIME_BEFORE.search(folded[max(0, m.start() - 3) : m.start()])
    if m["h"]:
        hour, minute = int(m["h"]), int(m["m"])
    else:
        after_date = last is not None and last.kind in ("date", "time") and m.start() - last.end <= 1
        sure = part or m["half"] or m["oclock"] or m["m2"] or after_date
        if not sure and not (m["word"] == "时" and m["h2"].isdecimal()):
            return None
        hour = int(_plain(m["h2"]))
        minute = 30 if m["half"] else int(_plain(m["m2"])) if m["m2"] else 0
    if part and part["part"] in _LATE and hour < 12:
        hour += 12
    if hour > 24 or minute > 59:
        return None
    return _Draft(m.start(), m.end(), "time", Decimal(hour * 60 + minute), "分", approx=bool(m["oclock"] == "许"))


def _scale(text: str) -> Decimal:
    factor = 1
    for c in text:
        factor *= SCALES.get(c, 10**12)
    return Decimal(factor)


def _kind(unit: str) -> tuple[Kind, str, Decimal]:
    """Kind, canonical unit and factor of a written unit."""
    if unit in ("%", "‰"):
        return "percent", "%", Decimal(1) if unit == "%" else Decimal("0.1")
    if unit.endswith("百分点"):
        return "point", "百分点", Decimal(1)
    if unit.endswith("基点") or unit in ("BP", "BPs", "bps"):
        return "point", "百分点", Decimal("0.01")
    canonical = _CANONICAL.get(unit, unit)
    if canonical in _PERIODS:
        return "period", canonical, Decimal(1)
    return ("multiple" if canonical == "倍" else "amount"), canonical, Decimal(1)


def _measured(m: re.Match[str], start: int, value: Decimal, step: Decimal, more: bool) -> _Draft:
    """A draft from a number and the groups of `_tail`."""
    kind, unit, factor = _kind(m["unit"] or "")
    level = bool(m["level"])
    if m["midunit"]:
        kind, unit, _ = _kind("个" + m["midunit"])
        more = more or m["mid"] == "多"
        if m["mid"] == "半":
            value += Decimal("0.5")
    scale = m["scale"] or ""
    if unit == "级" and (scale or value >= 10**8):
        unit, level = "", True
    if m["half"] and kind in ("period", "multiple"):
        value += Decimal("0.5")
    if m["per"]:
        unit += m["per"]
    more = more or bool(m["more"])
    scaled = _scale(scale) * factor
    return _Draft(
        start,
        m.end(),
        kind,
        value * scaled,
        unit,
        more or level,
        "over" if more else "",
        step=step * scaled,
        factor=scaled,
    )


_QUOTES: Final = {"“": "”", '"': '"', "「": "」", "『": "』", "‘": "’"}
_FIGURE: Final = re.compile(r"(?:图|表|附件|附表)\s?$")


def _ascii(folded: str, at: int, floor: int) -> tuple[_Draft | None, int]:
    m = _ASCII_NUMBER.match(folded, at)
    assert m is not None  # the caller saw a digit
    number, end = m["num"], m.end()
    before, after = folded[max(floor, at - 8) : at], folded[end : end + 1]
    bare = m.end("num") == len(m[0].rstrip()) + at
    unit = m["unit"] or ""
    if bare:
        end = m.end("num")
        after = folded[end : end + 1]
    if (bare or (unit.isascii() and unit.isalpha())) and after.isascii() and after.isalpha():
        code = _CODE.match(folded, at)
        assert code is not None
        return _Draft(at, code.end(), "code"), code.end()
    if bare:
        currency = _CURRENCY_BEFORE.search(before)
        if after == "号":
            return _Draft(at, end + 1, "ordinal", Decimal(number.replace(",", "")), "号"), end + 1
        if not currency and number.isdecimal():
            quoted = at > 0 and after != "" and _QUOTES.get(folded[at - 1]) == after
            listed = len(number) == 6 and number[0] in "03689" and not _HEDGE.search(before)
            if quoted or listed or (number[0] == "0" and len(number) > 1) or _FIGURE.search(before):
                return _Draft(at, end, "code"), end
            if (
                len(number) == 4
                and number[:2] in ("19", "20")
                and not _HEDGE.search(before)
                and after not in (".", "-")
            ):
                year = int(number)
                return _Draft(at, end, "date", span=DateSpan("year", date(year, 1, 1), date(year, 12, 31))), end
    if m["inner"] == "几":
        return _Draft(at, end, _kind(unit)[0], None, _kind(unit)[1], True), end
    value = Decimal(number.replace(",", ""))
    step = Decimal(1).scaleb(value.as_tuple().exponent)  # type: ignore[arg-type]
    if m["inner"]:  # 400多亿, 360余家: the hedge is as coarse as the last digit that is not 0
        step = _coarse(value)
    draft = _measured(m, at, value, step, bool(m["inner"]))
    draft.end = end
    if currency := _CURRENCY_BEFORE.search(before):
        draft.start = at - len(currency[0])
        if not draft.unit or draft.unit == "元":
            draft.unit = _SYMBOLS.get(currency[1]) or _CANONICAL[currency[1]]
    elif _MINUS.search(folded, max(0, at - 2), at):
        draft.start = at - 1
        draft.value = -draft.value if isinstance(draft.value, Decimal) else draft.value
    return draft, end


_SYMBOLS: Final = {"US$": "美元", "$": "美元", "HK$": "港元", "¥": "元", "€": "欧元", "£": "英镑"}
_MINUS: Final = re.compile(r"(?:(?:^|[^\w%)）.-])-|[\u4e00-\u9fff]-(?<![月日年号时分天元亿万千百家个吨倍岁成]-)|负)$")


def _coarse(value: Decimal) -> Decimal:
    """One unit in the last place that is not 0: 360 -> 10, 400 -> 100, 2.5 -> 0.1."""
    return Decimal(1).scaleb(value.normalize().as_tuple().exponent) if value else Decimal(1)  # type: ignore[arg-type]


def _chinese(folded: str, at: int) -> tuple[_Draft | None, int]:
    """A Chinese numeral with its unit or scale."""
    if m := _CONGRESS.match(folded, at):
        return _Draft(at, m.end(), "code"), m.end()
    if folded.startswith("一半", at) and (at == 0 or folded[at - 1] not in _CN):
        return _Draft(at, at + 2, "percent", Decimal(50), "%"), at + 2
    if m := _IDIOM.match(folded, at):
        return None, m.end()
    if folded[at] == "上" and folded[at + 1 : at + 2] not in ("百", "千", "万", "亿"):
        return None, at + 1
    if (m := _VAGUE.match(folded, at)) and (m["order"] or "几" in m[0][1:]):
        return _vague(folded, at, m)
    run = _CN_RUN.match(folded, at)
    if run is None or len(run[0]) > 40:
        return None, run.end() if run else at + 1
    numeral = run[0].rstrip("几数零〇") or run[0]
    if folded[at] == "一" and folded[at - 1 : at] in ("统", "唯", "逐", "单", "专") and at:
        return None, at + 1
    if not numeral or numeral[0] in "几数":
        return None, run.end()
    rest = _CN_REST.match(folded, at + len(numeral))
    assert rest is not None  # every part of it is optional
    end = rest.end()
    if numeral in _ORDERS:
        return _order(folded, at, numeral, rest)
    has_unit = bool(rest["unit"] or rest["midunit"])
    big = any(c in "万亿" for c in numeral) or bool(rest["scale"] and set(rest["scale"]) & set("万亿"))
    if (m := _PAIR.fullmatch(numeral)) and (pair := _pair(m)):
        if not (has_unit or big):
            return None, run.end()
        draft = _measured(rest, at, pair[1], Decimal(1), False)
        draft.value, draft.approx = (pair[0] * draft.factor, pair[1] * draft.factor), True
        return draft, end
    if len(numeral) > 1 and all(c in DIGITS for c in numeral):
        return None, run.end()
    whole = chinese_integer(numeral)
    if whole is None:
        return None, run.end()
    value = Decimal(whole)
    step = Decimal(1)
    if rest["point"]:
        fraction = "".join(str(DIGITS[c]) for c in rest["point"][1:])
        value, step = Decimal(f"{whole}.{fraction}"), Decimal(1).scaleb(-len(fraction))
    elif whole:
        step = _coarse(value) if big or rest["inner"] or rest["more"] else Decimal(1)
    if not (has_unit or big):
        if _LEADS.match(folded, run.end()):
            return _Draft(at, run.end(), "amount", value, step=step, pending=True), run.end()
        return None, run.end()
    draft = _measured(rest, at, value, step, bool(rest["inner"]))
    if (
        numeral == "一"
        and not big
        and not rest["midunit"]
        and (draft.unit in _ARTICLES or draft.unit in _COUNTERS)
        and not rest["more"]
    ):
        return None, end
    if rest["unit"] == "大" and (whole > 10 or folded[end : end + 1] in ("学", "会", "小", "家", "于", "爷", "哥")):
        return None, end
    return draft, end


_ARTICLES: Final = frozenset("天 秒 点 克 片 字 个 两 步 层 名额 英寸 年代 周 股".split())


def _pair(m: re.Match[str]) -> tuple[Decimal, Decimal] | None:
    """七八, 十五六, 三四百 as (low, high); only neighbours, and 三五."""
    if DIGITS[m["b"]] - DIGITS[m["a"]] != 1 and m["a"] + m["b"] != "三五":
        return None
    head, scale = m["head"] or "", m["scale"]
    low, high = chinese_integer(head + m["a"] + scale), chinese_integer(head + m["b"] + scale)
    return None if low is None or high is None else (Decimal(low), Decimal(high))


def _vague(folded: str, at: int, m: re.Match[str]) -> tuple[_Draft | None, int]:
    """数十人, 上千家, 几百万, 十几家: no value, but kind and unit."""
    rest = _CN_REST.match(folded, m.end())
    assert rest is not None
    big = set(m["order"]) & set("万亿") or rest["scale"]
    if not (rest["unit"] or rest["midunit"] or big):
        return None, m.end()
    kind, unit, _ = _kind(rest["unit"] or ("个" + rest["midunit"] if rest["midunit"] else ""))
    return _Draft(at, rest.end(), kind, None, unit, True), rest.end()


def _order(folded: str, at: int, numeral: str, rest: re.Match[str]) -> tuple[_Draft | None, int]:
    """千亿, 百亿元规模, 千亿级: an order of magnitude, always approximate. 亿元 needs 以上 or 级 after it."""
    unit = rest["unit"] or ""
    kind, canonical, factor = _kind(unit)
    follows = rest["level"] or unit == "级" or _AFTER.match(folded, rest.end())
    enough = follows or canonical in CURRENCIES or (len(numeral) > 1 and "亿" in numeral) or (unit and unit != "个")
    hedged = _HEDGE.search(folded, max(0, at - 6), at)
    if numeral in ("百", "千", "万"):  # 近千家餐厅; without a hedge it is a figure of speech (百家争鸣)
        enough = hedged and unit and not rest["level"]
    if (not enough and not (numeral == "亿" and hedged)) or (numeral == "亿" and not follows and not hedged):
        return None, rest.end()
    value = Decimal(10) ** _ORDERS[numeral] * factor
    canonical = "" if canonical == "级" else canonical
    return _Draft(at, rest.end(), kind, value, canonical, True, step=value, factor=value), rest.end()


def _join(folded: str, last: _Draft, draft: _Draft) -> bool:
    """Make one range of two drafts (3-5年, 30000万元至40000万元); changes `last` and says whether it did."""
    if not (isinstance(last.value, Decimal) and isinstance(draft.value, Decimal)):
        return False
    if last.kind not in _RANGED or draft.kind not in _RANGED or draft.start - last.end > 3:
        return False
    if (last.unit and last.unit != draft.unit) or not _JOIN.fullmatch(folded, last.end, draft.start):
        return False
    if last.pending and draft.pending:
        return False
    low, high = last.value, draft.value
    if not last.unit and last.factor == 1 and low * draft.factor < high:
        low *= draft.factor
    if low > high and draft.unit and last.unit:
        low, high = high, low  # 亏损6亿元至3亿元
    if not low < high:
        return False
    last.end, last.kind, last.value, last.unit = draft.end, draft.kind, (low, high), draft.unit
    last.step, last.factor, last.pending = draft.step, draft.factor, False
    _hedge(folded, last, None)
    return True


_RANGED: Final = ("amount", "percent", "point", "multiple", "period")


def _hedge(folded: str, draft: _Draft, previous: _Draft | None) -> None:
    """Read the words around a number: hedges on both sides, rise or fall."""
    before = folded[max(0, draft.start - 12) : draft.start]
    if m := _HEDGE.search(before):
        window = draft.kind == "period" and m[0].strip() == "近"  # 近三年 is a window, not a hedge
        if not window:
            draft.approx = True
            draft.bound = next(bound for i, (bound, _) in enumerate(_HEDGES) if m[f"h{i}"])  # type: ignore[misc]
    if m := _AFTER.match(folded, draft.end):
        if m["over"] or m["under"]:
            draft.approx, draft.bound = True, "over" if m["over"] else "under"
        elif m["about"]:
            draft.approx = True
        elif m["more"] and (draft.kind == "period" or draft.factor > 1 or m[0] == "余"):
            draft.approx, draft.bound = True, "over"
    if m := _DIRECTION.search(before):
        draft.direction = "up" if m["up"] else "down"
    elif (
        previous
        and previous.direction
        and previous.kind == draft.kind
        and _ALSO.fullmatch(folded, previous.end, draft.start)
    ):
        draft.direction = previous.direction


# --- Comparing -----------------------------------------------------------------------------------------------------


def same_quantity(a: Quantity, b: Quantity) -> bool:
    """Whether two mentions say the same, by exact conversion; symmetric.

    - 4.69亿 is 46900万; 百分之六点三 is 6.3%; 6.3% is never 6.3个百分点, 亿元 never 亿美元, 增长 never 下降, 超过 never 不到.
    - Tolerance only where one of them hedges: about 400亿 takes what rounds to it (half of its last digit that is not 0, at
      most 5%); over and under take one such unit on their side. Two exact numbers must be equal.
    - 个 agrees with every counting word, 家 with 户, 人 with 名 and 位. A bare number agrees with a counting word; with
      元, 股, or another measure only when it is written with 万 or 亿 (1.69万亿 - 1.69万亿元), never with foreign money or %.
    - Ranges agree with equal ranges; codes and vague amounts (数十人) as strings; dates as `DateSpan.same`.
    """
    if a.kind == "date" or b.kind == "date":
        return a.span is not None and b.span is not None and a.span.same(b.span)
    if a.kind == "code" or b.kind == "code":
        return fold(a.text).casefold() == fold(b.text).casefold()
    if a.kind != b.kind:
        return False
    if a.kind == "ordinal":
        return a.value == b.value and (a.unit == b.unit or bool({a.unit, b.unit} & {"", "位"}))
    if a.kind in ("score", "time"):
        return a.value == b.value
    if not _units_agree(a, b) or (a.direction and b.direction and a.direction != b.direction):
        return False
    if a.value is None or b.value is None:
        return a.value is b.value and _vague_key(a) == _vague_key(b)
    if isinstance(a.value, tuple) or isinstance(b.value, tuple):
        return _in_base(a) == _in_base(b)
    if a.bound and b.bound and a.bound != b.bound:
        return False
    (x, x_low, x_high), (y, y_low, y_high) = _interval(a), _interval(b)
    return x == y or (
        (a.approx or b.approx) and (not b.approx or y_low <= x <= y_high) and (not a.approx or x_low <= y <= x_high)
    )


def missing_quantities(
    statement: str,
    evidence: str,
    *,
    statement_reference: date | None = None,
    evidence_reference: date | None = None,
    hedges: bool = False,
) -> list[Quantity]:
    """The quantities of a statement that nothing in the evidence carries; empty when all of them are there.

    A statement may be rounder than its evidence when it says so (约400亿 of 400.69亿), never more exact.

    Args:
        statement: a sentence of an answer.
        evidence: the source text that should carry it.
        statement_reference: day against which the statement's relative dates are read; usually the article's.
        evidence_reference: publication day of the evidence (Asia/Shanghai).
        hedges: also demand that the statement is not firmer than its evidence: 达到2000亿元 is missing where the
            evidence says 或将突破2000亿元, and so is 650家 where it says 不到650家.
    """
    given = find_quantities(evidence, reference=evidence_reference)
    claimed = find_quantities(statement, reference=statement_reference)
    return [q for q in claimed if not any(_carries(e, q, hedges=hedges) for e in given)]


def _carries(evidence: Quantity, claim: Quantity, *, hedges: bool) -> bool:
    if not same_quantity(claim, evidence):
        return False
    if evidence.approx and not claim.approx and claim.kind in _RANGED and _in_base(claim)[1] != _in_base(evidence)[1]:
        return False
    if not hedges or claim.kind not in _RANGED:
        return True
    return not (evidence.planned and not claim.planned) and not (evidence.bound and evidence.bound != claim.bound)


def _vague_key(q: Quantity) -> str:
    return fold(q.text).replace("几", "数").replace("上", "数")[:3]


def _in_base(q: Quantity) -> tuple[str, tuple[Decimal, ...]]:
    """The value in the base unit (公里 in 米), as a fall where the text says fall; one element, or two of a range."""
    unit = q.unit.partition("/")[0]
    base, factor = _BASE.get(unit, (unit, Decimal(1)))
    values = q.value if isinstance(q.value, tuple) else () if q.value is None else (q.value,)
    sign = -1 if q.direction == "down" and all(v > 0 for v in values) else 1
    return base, tuple(v * factor * sign for v in values)


def _interval(q: Quantity) -> tuple[Decimal, Decimal, Decimal]:
    """Value, lowest and highest truth that the hedge allows, as magnitudes with the sign of the change, in the base unit."""
    value = _in_base(q)[1][0]
    if not q.approx or not isinstance(q.value, Decimal):
        return value, value, value
    factor = _BASE.get(q.unit.partition("/")[0], (q.unit, Decimal(1)))[1]
    unit = max(q.step, _coarse(q.value)) * factor
    slack = min(unit / 2, abs(value) / 20)
    outward = unit if q.bound else slack
    # A fall of 近6% lies nearer to zero, so "over" and "under" speak of magnitudes.
    low = abs(value) - (min(outward, abs(value) / 10) if q.bound == "under" else 0 if q.bound else slack)
    high = abs(value) + (outward if q.bound == "over" else 0 if q.bound else slack)
    return (value, low, high) if value >= 0 else (value, -high, -low)


def _units_agree(a: Quantity, b: Quantity) -> bool:
    (unit_a, _, per_a), (unit_b, _, per_b) = a.unit.partition("/"), b.unit.partition("/")
    if per_a and per_b and per_a != per_b:
        return False
    unit_a, unit_b = _BASE.get(unit_a, (unit_a,))[0], _BASE.get(unit_b, (unit_b,))[0]
    if unit_a == unit_b:
        return True
    if unit_a and unit_b:
        groups = _COUNTERS.get(unit_a), _COUNTERS.get(unit_b)
        return None not in groups and (groups[0] == groups[1] or "个" in groups)
    bare, unit = (a, unit_b) if not unit_a else (b, unit_a)
    if unit in _COUNTERS:
        return True
    return any(c in fold(bare.text) for c in "万亿") and unit not in CURRENCIES - {"元"} and unit != "℃"


# --- Rewriting -----------------------------------------------------------------------------------------------------


def normalize_numbers(text: str) -> str:
    """One spelling for every number, for matching answers in the evaluation; idempotent.

    Half-width digits and signs; 百分之六点三 and 3成 become 6.3% and 30%; 两千三百九十二家 and 1,100 become 2392家 and 1100;
    46900万 becomes 469000000; units become canonical (3千米 is 3公里); 第二十一届 becomes 第21届; full dates become
    2021年7月2日. Hedges and words without a number (翻番, 半年, 数十人, 千亿级) stay as they are. Relative dates are not resolved.
    """
    folded = fold(text)
    pieces = []
    position = 0
    for q in find_quantities(text):
        written = folded[q.start : q.end]
        pieces += [folded[position : q.start], _canonical(q, written)]
        position = q.end
    return "".join([*pieces, folded[position:]])


_MORE: Final = re.compile("[余多]")
_ORDER_ONLY: Final = re.compile("[十百千]?[万亿]+(?!分之)|[百千](?!分之)")
_NUMERAL_IN: Final = re.compile(rf"\d+(?:,\d{{3}})*|[{''.join(DIGITS)}十百千]+")


def _canonical(q: Quantity, written: str) -> str:
    if q.kind == "date":
        span = q.span
        if span and span.granularity == "day" and span.start and not span.word and written[0] in "12一二":
            return f"{span.start.year}年{span.start.month}月{span.start.day}日"
        if span and span.granularity == "year" and span.start and not span.word and not written.isdecimal():
            return f"{span.start.year}年" + ("度" if written.endswith("度") else "")
        return written
    if q.kind == "ordinal" and isinstance(q.value, Decimal) and written[0] == "第":
        return f"第{_plain_decimal(q.value)}" + _NUMERAL_IN.sub("", written[1:], count=1)
    if q.kind not in _RANGED or q.value is None or written[0] in "翻半" or _ORDER_ONLY.match(written):
        return written
    if "分之" in written and written[0] not in "百千万负":
        den, _, num = written.partition("分之")
        return f"{_plain(num)}/{_plain(den)}"
    more = _MORE.search(written)
    hedge = more[0] if more else ""
    if isinstance(q.value, tuple):
        return f"{_plain_decimal(q.value[0])}-{_plain_decimal(q.value[1])}{hedge}{q.unit}"
    return f"{_plain_decimal(q.value)}{hedge}{q.unit}"


def _plain_decimal(value: Decimal) -> str:
    """No exponent, no trailing zeros after the point."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- Questions -----------------------------------------------------------------------------------------------------

_MONEY_WORDS: Final = "金额|收入|营收|利润|净利|市值|产值|增加值|总值|GDP|资产|负债|投资|融资|售价|价格|单价|票价|股价|票房|预算|费用|成本|薪|工资|存款|贷款|余额|罚款|奖金|租金|房价|估值|募资|销售额|交易额|成交额|总额|出口额|进口额|价值|多少钱|花了|报价|关税额|基金规模"
_RATE_WORDS: Final = "增长率?|增速|增幅|涨幅|跌幅|降幅|同比|环比|下降|上升|上涨|下跌|占比?|比例|比重|率|提高|降低|减少|增加|涨了?|跌了?|百分比|份额|毛利率|利率"
_UNITS_ASKED: Final = "|".join(sorted((re.escape(u) for u in _COUNTERS if u != "大"), key=len, reverse=True))
_ASKS: Final[tuple[tuple[Expectation, re.Pattern[str]], ...]] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("percent", r"百分之(?:几|多少)|(?:几|多少)个?百分点|多少%|几成|多大比例|多大比重"),
        ("money", rf"多少钱|(?:多少|几|多少?个?)[十百千万亿]*(?:{'|'.join(map(re.escape, _MONEY))})|价格是|售价是|值多少|什么价"),
        ("date", r"什么时候|什么时间|何时|何日|何年|哪一?[天年月日]|哪个(?:月|季度|年份|时间)|几[月号日]|星期几|周几|几点|哪几年|多会儿|时间是|日期是|什么日子"),
        ("yesno", r"是否|是不是|有没有|能否|可否|会不会|能不能|要不要|[吗嘛么][?？]?$|对不对|属实"),
        ("reason", r"为什么|为何|缘何|怎么会|何以|(?:什么|哪些|主要|何种)?原因(?:是|有|$)|为啥|出于什么"),
        ("person", r"谁|哪一?位|何人|哪个人|(?:叫|是)什么名字|姓甚|哪[几些]位"),
        ("place", r"哪里|哪儿|何处|何地|什么地方|在哪|哪个?(?:城市|省|市|国家|地区|区|县|国|地方|镇|村|街道|大学|机场|港口)|哪座|哪国|哪省|哪市|哪地|位于什么"),
        ("count", rf"(?:多少|几)[十百千万亿]*个?(?:{_UNITS_ASKED})|多少[^，。？?是为]{{1,4}}(?:人|企业|公司|学校|城市|国家)"),
        ("list", r"哪些|哪[几两三四五六七八九]|分别(?:是|有|为)|列出|列举|有什么|包括什么|包含什么|有何|都有"),
        ("number", r"多少|几[个岁度倍]|几|多大|多高|多长|多重|多远|多深|多宽|多久|多快|第几"),
    )
)  # fmt: skip
_AMOUNT_ASKED: Final = re.compile(
    rf"(?P<rate>{_RATE_WORDS})[^，,。？?；;]{{0,6}}$|(?P<money>{_MONEY_WORDS})[^，,。？?；;]{{0,8}}$"
)


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
    m = _AMOUNT_ASKED.search(text[:start])
    if m and (text.startswith(("多少", "几"), start) or "多大" in text[start:]):
        return "percent" if m["rate"] else "money"
    return "number"


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
            return quantity.kind == "amount" and quantity.unit in _COUNTERS
        case "number":
            return quantity.kind not in ("date", "time", "code")
        case _:
            return False
