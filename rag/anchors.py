"""Names that a statement hangs on: places, people, organisations. Which of them a sentence speaks of, even unnamed.

News gives one district's figure in a sentence that does not name the district: "武昌区介绍……全区金融产业增加值达400.69亿元". The
sentence speaks of the last name of that kind before it. A small LLM hands such a figure to the wrong district word for word,
so it is code that asks whether a sentence can speak of what the question asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rag.words import STOP_WORDS, search_form

_KINDS = {"ns": "place", "nr": "person", "nt": "org", "nz": "name", "eng": "name"}
PLACE_ENDINGS = ("区", "市", "县", "省", "镇", "乡", "州", "盟", "旗", "村", "国")
ORG_ENDINGS = (
    "公司", "集团", "银行", "大学", "学院", "医院", "股份", "科技", "重工", "电力", "能源", "证券", "基金", "保险", "法院", "队", "俱乐部", "中学", "小学",
)  # fmt: skip
# Everybody's places: they name no rival ("全国" beside a district is not another district).
_COMMON = frozenset(
    "中国 全国 全市 全省 全区 全县 国内 国际 我国 本市 本区 本省 该市 该区 城区 市区 新区 地区 园区 城市 院区 校区 山区 郊区 库区 景区 大学 中学 小学".split()
)


# The surnames that most people have, and the compound ones: what the tagger takes for a person and bears none of them is some other name.
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常"
    "万顾赖武康贺严尹钱施牛洪龚汤陶黎温莫易樊乔文安殷颜庄章鲁倪庞邢俞翟蓝聂齐向申葛岳柴祝纪甄屠柯裴祁桂卫蒙苗路童翁欧阮闵季房华柳凌焦骆盛费喻宁蔺穆佟池楚商甘栾娄鲍伍解简宫卞艾隋沙冷包"
)
_COMPOUND_SURNAMES = frozenset(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 "
    "子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 左丘 东门 西门 纳兰 第五 梁丘 步六孤".split()
)


# Taken for persons in 2,500 articles of news (the frequent ones): jieba knows 高 and 安 as surnames.
_NO_PERSONS = frozenset(
    "白银 高达 高水平 白宫 卫星 华为 高盛 文明 顾问 彭博社 彭博 许可 高峰 安全性 莫斯科 安卓 沙特 金龙 高通 于本周 杜绝 蓝图 高阶 雷达 张力 顾客 宁德 龙虾 申请书 范畴 祝福 史诗 熊猫 安全感 "
    "黎巴嫩 高带宽 安静 康宁 高端化 田野 周大福 华丽 马拉松 金山 段时间 毛利 许可证 马达 欧佩克 华硕 苏超 温泉 宁静 黄金周 高薪 安抚 武侠 申万 金白银 谢谢 商超 白雪 施政 祝贺 高危 杜比 高开高 "
    "鲁棒性 黄岩岛 黄金珠宝 易主 王储 安保 林肯 向阳 康复 文博 任天堂 安全法 高纯 平均 金牌 黄金 文件 高速 高铁 高校 高温 安全 安装 安排 方案 方面 方式 方向".split()
)
_CODE = re.compile(r"(?=.*[a-z])(?=.*\d)[a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A name in a text. `core` is what must be found elsewhere (汉阳 for 汉阳区); `rank` groups rivals, e.g. "区" or "公司"."""

    start: int
    end: int
    text: str
    core: str
    kind: str
    rank: str


@lru_cache(maxsize=512)
def find_anchors(text: str) -> tuple[Anchor, ...]:
    """The names in a text, in order, with offsets into `search_form(text)`."""
    plain = search_form(text)
    anchors = []
    for start, end, tag in _merged(plain):
        word = plain[start:end]
        kind = _KINDS.get(tag[:2]) or _KINDS.get(tag[:3])
        if kind is None or word in _COMMON or (len(word) < 2 and kind != "person"):
            continue
        rank = next((e for e in (*PLACE_ENDINGS, *ORG_ENDINGS) if word.endswith(e) and len(word) > len(e)), "")
        if rank:
            kind = "org" if rank in ORG_ENDINGS else "place"
        core = word[: -len(rank)] if rank and len(word) - len(rank) >= 2 else word
        anchors.append(Anchor(start, end, word, core, kind, rank or kind))
    return tuple(anchors)


def _merged(plain: str) -> list[tuple[int, int, str]]:
    """jieba's tagged words with the names put together that its dictionary does not know: (start, end, tag).

    Unknown names fall to pieces of one character (远/棹/重工, 郦知/远, 澄/湖区). Pieces that are no function words are joined, and
    an ending that makes a place or an organisation is joined to the name before it.
    """
    import rjieba

    pieces: list[tuple[int, int, str]] = []
    position = 0
    for word, tag in rjieba.tag(plain):
        start, position = position, position + len(word)
        if not pieces:
            pieces.append((start, position, tag))
            continue
        before_start, before_end, before_tag = pieces[-1]
        before = plain[before_start:before_end]
        joined = (before_start, position, "nz")
        short = position - before_start <= 3
        if before_tag[:2] == "nr" and _loose(word, tag) and short:
            pieces[-1] = (before_start, position, "nr")
        elif (
            (_loose(before, before_tag) and _loose(word, tag) and short)
            or (word in (*PLACE_ENDINGS, *ORG_ENDINGS) and before_tag[:2] in _KINDS)
            or (_loose(before, before_tag) and len(word) == 2 and word.endswith(PLACE_ENDINGS) and word not in _COMMON)
        ):
            pieces[-1] = joined
        else:
            pieces.append((start, position, tag))
    return pieces


def _loose(word: str, tag: str) -> bool:
    """A single character that can be part of an unknown name."""
    return len(word) == 1 and "一" <= word <= "鿿" and tag[:1] in "nagzj" and word not in STOP_WORDS


def speaks_of(anchor: Anchor, sentence: str, before: str, whole: str) -> float:
    """How far a sentence can speak of a name: 1 named in it, 0.9 it is the last of its kind named before, 0.5 named
    elsewhere in the article without a rival in between, 0.2 a rival stands nearer, 0 the article does not know it.

    Args:
        anchor: the name asked for.
        sentence: the sentence.
        before: what stands before it in the article, title first.
        whole: title and text of the article.
    """
    core = anchor.core
    if core in search_form(sentence):
        return 0.2 if _another_of_its_place(anchor, sentence) else 1.0
    if core not in search_form(whole):
        return 0.0
    said_before = find_anchors(before)
    if anchor.kind == anchor.rank:  # 栖江 is what the article calls 栖江市
        anchor = next((a for a in said_before if a.core == core and a.rank != a.kind), anchor)
    if any(rivals(anchor, other) for other in find_anchors(sentence)):
        return 0.2
    earlier = search_form(before)
    named = earlier.rfind(core)
    rival = max((a.start for a in said_before if rivals(anchor, a)), default=-1)
    if named > rival:
        return 0.9
    return 0.2 if rival >= 0 else 0.5


def _another_of_its_place(anchor: Anchor, sentence: str) -> bool:
    """Whether a sentence names only another organisation that is called by the same place: 栖江农商行 or 栖江师范大学, not 栖江银行 or 栖江大学."""
    if anchor.kind != "org" or anchor.rank == anchor.kind:
        return False
    plain = search_form(sentence)
    core, rank = re.escape(anchor.core), re.escape(anchor.rank)
    others = rf"{core}(?!{rank})(?:\w{{1,4}}?{rank}{'|农商行|农信社|农合行' if anchor.rank == '银行' else ''})"
    return len(re.findall(others, plain)) == plain.count(anchor.core)


def rivals(a: Anchor, b: Anchor) -> bool:
    """Whether two names are of one kind and level and not the same: 武昌区 and 汉阳区, but not 武昌区 and 武汉市.

    What the tagger takes for a person but bears no surname (小熊猫, 宕机) is nobody's rival, nor is any other name but a code (X2 and X3).
    """
    return (
        a.kind == b.kind
        and a.core != b.core
        and a.core not in b.core
        and b.core not in a.core
        and _level(a) == _level(b)
        and _tells_apart(a)
        and _tells_apart(b)
    )


def _tells_apart(anchor: Anchor) -> bool:
    if anchor.kind == "person":
        surname = (
            anchor.core[0] in _SURNAMES
            or anchor.core[:2] in _COMPOUND_SURNAMES
            or anchor.core[:3] in _COMPOUND_SURNAMES
        )
        return (surname or "·" in anchor.core) and len(anchor.core) > 1 and anchor.core not in _NO_PERSONS
    return anchor.kind != "name" or bool(_CODE.fullmatch(anchor.core))


def _level(anchor: Anchor) -> str:
    return anchor.rank if anchor.kind == "place" else anchor.kind
