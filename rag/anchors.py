"""Names that a statement hangs on: places, people, organisations. Which of them a sentence speaks of, even unnamed.

News gives one district's figure in a sentence that does not name the district: "武昌区介绍……全区金融产业增加值达400.69亿元". The
sentence speaks of the last name of that kind before it. A small LLM hands such a figure to the wrong district word for word,
so it is code that asks whether a sentence can speak of what the question asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rag.words import search_form

_KINDS = {"ns": "place", "nr": "person", "nt": "org", "nz": "name", "eng": "name"}
_PLACE_ENDINGS = ("区", "市", "县", "省", "镇", "乡", "州", "盟", "旗", "村", "国")
_ORG_ENDINGS = (
    "公司", "集团", "银行", "大学", "学院", "医院", "股份", "科技", "重工", "电力", "能源", "证券", "基金", "保险", "法院", "队", "俱乐部", "中学", "小学",
)  # fmt: skip
# Everybody's places: they name no rival ("全国" beside a district is not another district).
_COMMON = frozenset(
    "中国 全国 全市 全省 全区 全县 国内 国际 我国 本市 本区 本省 该市 该区 城区 市区 新区 地区 园区".split()
)


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
    import rjieba

    plain = search_form(text)
    tagged = rjieba.tag(plain)
    anchors: list[Anchor] = []
    position = 0
    for i, (word, tag) in enumerate(tagged):
        start, position = position, position + len(word)
        kind = _KINDS.get(tag[:2]) or _KINDS.get(tag[:3])
        if kind is None or word in _COMMON or (len(word) < 2 and kind != "person"):
            continue
        following = tagged[i + 1][0] if i + 1 < len(tagged) else ""
        end = position
        rank = next((e for e in (*_PLACE_ENDINGS, *_ORG_ENDINGS) if word.endswith(e) and len(word) > len(e)), "")
        if not rank and following in (*_PLACE_ENDINGS, *_ORG_ENDINGS):
            rank, end = following, position + len(following)
        if rank in _ORG_ENDINGS:
            kind = "org"
        elif rank:
            kind = "place"
        name = plain[start:end]
        core = name[: -len(rank)] if rank and len(name) - len(rank) >= 2 else name
        anchors.append(Anchor(start, end, name, core, kind, rank or kind))
    return tuple(anchors)


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
        return 1.0
    if core not in search_form(whole):
        return 0.0
    if any(_rivals(anchor, other) for other in find_anchors(sentence)):
        return 0.2
    earlier = search_form(before)
    named = earlier.rfind(core)
    rival = max((a.start for a in find_anchors(before) if _rivals(anchor, a)), default=-1)
    if named > rival:
        return 0.9
    return 0.2 if rival >= 0 else 0.5


def _rivals(a: Anchor, b: Anchor) -> bool:
    return (
        a.kind == b.kind
        and a.core != b.core
        and a.core not in b.core
        and b.core not in a.core
        and _level(a) == _level(b)
    )


def _level(anchor: Anchor) -> str:
    return anchor.rank if anchor.kind == "place" else anchor.kind
