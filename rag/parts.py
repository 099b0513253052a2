"""A question that asks for several things becomes several: 导演是谁？头一周票房多少？ or A和B分别是多少？, each so that it stands alone."""

from __future__ import annotations

import re

from rag.anchors import find_anchors
from rag.conversation import standalone_question
from rag.records import Turn
from rag.words import topic_words

_MOST = 4
_ASKS = re.compile(
    r"多少|几|什么|哪|谁|怎么|为何|为啥|如何|多[大高长久远重快深宽]|是否|何时|涨了还是|升了还是|吗$|[啥]"
)
_ASKS_FOR_ONE = re.compile(r"谁|哪|什么(?:公司|企业|国家|城市|地方|学校|单位|机构)|叫什么")
_REMARK = re.compile(r"\s*[（(][^（）()]*[）)]\s*$")
_END = re.compile(r"[？?；;]")
_AND = r"(?:和|与|跟|及|、)"
_EACH = re.compile(
    rf"^(?P<before>[^，,]*[，,])?(?P<members>[^，,]{{2,60}}?{_AND}[^，,]{{2,40}}?)[，,]?(?P<word>分别|各自|各)(?P<rest>[^，,]+)$"
)
_YEAR = r"(?:19|20)\d\d年(?:度|末|底|全年|上半年|下半年|\d{1,2}月份?)?"
_BACK = re.compile(
    r"(?:那里|那儿|那边)(?:的)?|(?:这|那)(?:一)?(?:家|个|座|所|支|位|款|部)(?:公司|企业|单位|机构|国家|国|城市|地方|学校|大学|医院|银行|球队|队|人|选手|产品|区|县|市|省|镇|村|港)"
    r"|(?:他|她|它)(?=那个)"
)
_SLOT = re.compile(rf"^(?:{_YEAR})")
_YEAR_AT_END = re.compile(rf"{_YEAR}$")


def split_question(question: str) -> list[str]:
    """The questions that a question consists of, at most four; itself alone where it is one.

    Rules, as for follow-ups: a part that leans on the first one is made to stand alone with what the first one is about.
    """
    remark = _REMARK.search(question)
    bare = question[: remark.start()] if remark else question
    clauses = [clause for part in _END.split(bare) if part.strip() for clause in _clauses(part.strip())]
    asked = [clause for i, clause in enumerate(clauses) if i == 0 or _ASKS.search(clause)]
    if len(asked) > 1 and not _ASKS.search(asked[0]):
        return [question]  # what stands first is no question but what the others are about
    parts: list[str] = []
    for clause in asked:
        whole = _alone(clause, parts[0]) if parts else clause
        parts += _members(whole)
    if not 1 < len(parts) <= _MOST:
        return [question]
    note = remark[0].strip() if remark else ""
    return [f"{part.rstrip('？?')}？{note}" for part in parts]


def _clauses(part: str) -> list[str]:
    """Cut at the commas between two clauses that both ask."""
    found = [""]
    for clause in re.split(r"[，,]", part):
        if found[-1] and _ASKS.search(found[-1]) and _ASKS.search(clause):
            found.append(clause)
        else:
            found[-1] = f"{found[-1]}，{clause}" if found[-1] else clause
    return found


def _alone(clause: str, first: str) -> str:
    """A later clause with what it takes from the first; as it is where it leans on what answers the first."""
    if leans_on_answer(clause) and _ASKS_FOR_ONE.search(first):
        return clause
    alone = standalone_question(f"{clause}？", [Turn(f"{first}？", "")]).rstrip("？?")
    if alone != clause and alone.endswith(clause):  # with the verb, too: more to search by, and nobody reads it
        return f"{_about(first)}{clause}"
    if alone != clause or len(topic_words(clause)) > 3 or find_anchors(clause):
        return alone
    return f"{_about(first)}{clause}"


def _about(question: str) -> str:
    """A question up to its first question word: 栖江银行2024全年营收 of 栖江银行2024全年营收多少."""
    match = _ASKS.search(question)
    return re.sub(r"(?:是|为|有|达到?|约)+$", "", question[: match.start()] if match else question)


def _members(question: str) -> list[str]:
    """One question for each member of an enumeration: A行长和B董事长分别叫什么."""
    match = _EACH.match(question)
    if not match:
        return [question]
    members = re.split(_AND, match["members"])
    if not 1 < len(members) <= _MOST or not all(members):
        return [question]
    first, last = members[0], members[-1]
    shared = _shared_start(first)
    tail = _shared_end(first, last)
    before = match["before"] or ""
    found = []
    for i, member in enumerate(members):
        own = member
        if i and (_SLOT.match(member) or not _names(member)):
            own = shared + member
        if i < len(members) - 1 and tail and not own.endswith(tail):
            own += tail
        found.append(f"{before}{own}{match['rest']}")
    return found


def _names(text: str) -> bool:
    return any(anchor.kind in ("place", "org", "person") for anchor in find_anchors(text))


def _shared_start(first: str) -> str:
    """What stands before the first member and counts for all: 荻溪县2025年的 of 荻溪县2025年的油菜."""
    if "的" in first:
        return first[: first.rindex("的") + 1]
    year = list(re.finditer(_YEAR, first))
    if year and not first.endswith(year[-1][0]):
        return first[: year[-1].end()]
    if year:
        return first[: year[-1].start()]
    anchors = [a for a in find_anchors(first) if a.kind in ("place", "org") and a.start == 0]
    return first[: anchors[0].end] if anchors and anchors[0].end < len(first) else ""


def _shared_end(first: str, last: str) -> str:
    """What stands behind the last member and counts for all: 的归母净利润 of 2024年的归母净利润, 2024年的GDP of 云汐2024年的GDP."""
    if _YEAR_AT_END.search(first):
        slot = _SLOT.match(last)
        return last[slot.end() :] if slot else ""
    year = re.search(_YEAR, last)
    return last[year.start() :] if year and not re.search(_YEAR, first) else ""


def leans_on_answer(part: str) -> bool:
    """Whether a part asks about what answers the part before it: 哪家公司造的？这家公司营收多少？"""
    return _BACK.search(part) is not None


def with_answer(part: str, answer: str) -> str:
    """A part with the answer to the part before it written for the words that mean it."""
    match = _BACK.search(part)
    return f"{part[: match.start()]}{answer}{part[match.end() :]}" if match else part
