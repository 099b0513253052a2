"""Comparisons: the questions that one consists of, and what each of them compares."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer_forms import answer_form
from rag.parts import split_question
from rag.question_types import QUANTITY_TYPES, question_expects

_END = r"[。？?！!\s]*$"
_PLEASE = re.compile(r"^(?:请你?|麻烦你?|能否|帮我|给我|简单|\s)*(?:比较|对比|比一比)(?:一下|下)?")
_MORE = r"(?:多|高|少|低|大|小|快|慢|长|短|重|轻|贵|便宜|强)"
_WHICH = r"(?:个|家|年|座|所|款|支|边|方|项|位|种|区|市|县|省|国|一[个家年款])?"
_TOGETHER = re.compile(
    r"(?<=\w)这?[两二三四](?:个城?市|[个家大]?(?:市|区|县|省|国|行|校|地|港|款|者|家)(?:\w{0,2}(?:公司|银行|企业))?)(?=\d|(?P<more>[上下]半年|[一二三四]季度)|的|，|,|各|分别)"
)
"""三市 of 临澜、云汐、宁汐三市2023年…, which belongs to no single one."""
_TAIL = re.compile(
    r"[，,]?(?:请?(?:比较|对比|比一比)(?:一下|下)?"
    rf"|(?:哪{_WHICH}|谁)(?:的)?(?P<measure>[^，,]{{2,16}}?)?(?:更|比较)?{_MORE}(?:一些|一点)?(?:[，,].*)?"
    r"|(?:有(?:什么|多大)?)?(?:相差|差距|差别|差异|区别|差了?)(?:是|有|为)?(?:多少|多大|几\w*)?"
    r"|相比(?:较|起来)?(?:如何|怎么样|怎样|呢)?|怎么变化?的?|(?:有什么|有何)(?:变化|不同|区别)"
    r"|(?:分别|各自?)?(?:是|为|有)?多少)" + _END
)
_COMPARED = re.compile(r"^[和与跟同](?P<other>[^，,]{2,30}?)(?:相比较?|相较|比起来)[，,]?(?P<one>.+)$")
_MIDDLE = re.compile(
    r"^(?P<one>[^，,]{4,40}?)[和与跟同](?P<other>[^，,]{2,20}?)(?:相比较?|相较|比起来)(?:如何|怎么样|怎样)?(?:[，,].*)?$"
)
_THAN = re.compile(
    rf"^(?P<one>[^，,]{{3,40}}?)比(?P<other>[^，,]{{2,30}}?)(?:{_MORE}|增加|减少|提高|下降|增长)(?:了|出)?(?:多少|几)\S*$"
)
_CHANGE = re.compile(r"(?:增加|减少|提高|下降|增长|变化)了?(?:多少|几\w*)$|(?:如何|怎么样|怎样)$")
_NAME_AND_REST = re.compile(r"^(?P<name>[^的，,]{2,16}?)(?P<rest>(?:(?:19|20)\d\d年|的).+)$")
YEAR = re.compile(r"((?:19|20)\d\d年(?:度|末|底|初|全年|[上下]半年|前?\d{1,2}个?月份?末?)?)")
_ASKED = re.compile(
    r"(?:赚|花|卖|产|要|将|共|分别|各自?)?了?(?:是|为|有|达到?|约)*(?:多少|几|多[高大快长重])(?P<thing>[^\W\d_]{2,12}?)?(?:呢|（.*)?$|"
    r"(?:分别|各自?)?(?:是|为|有|达到?|约)*(?:多少|几|多[高大快长重]).*$"
)
_UNIT = re.compile(r"[十百千万亿个]*(?:元|美元|亩|人|吨|家|平|公|千|标|只|股|个)")


def comparison_parts(question: str) -> list[str]:
    """The questions of a comparison, one for each thing that is compared; of any other question what `split_question` says.

    “A和B的M哪个更高” is asked as “A和B的M分别是多少”, “A的M比B高多少” as “A的M是多少” and the same of B.
    """
    if answer_form(question) != "comparison":
        return split_question(question)
    asked = _TOGETHER.sub(lambda m: "的" if m["more"] else "", question.strip())
    if len(compared(parts := split_question(asked))) > 1:
        return parts
    core = re.sub(_END, "", _PLEASE.sub("", asked))
    for pattern in (_COMPARED, _MIDDLE, _THAN):
        if match := pattern.match(core):
            one, other = _CHANGE.sub("", match["one"]), match["other"]
            found = [_ask(one), _ask(_in_place(one, other))]
            if len(compared(found)) == 2:
                return found
    for _ in range(2):
        core = _TAIL.sub(lambda tail: f"的{tail['measure']}" if tail["measure"] else "", core).rstrip("，,的")
    found = split_question(f"{core}分别是多少？")
    return found if len(compared(found)) > 1 else split_question(question)


def _in_place(one: str, other: str) -> str:
    """The first thing with another year or another name: 云汐2024年的GDP of 临澜2024年的GDP and 云汐."""
    if YEAR.fullmatch(other):
        return YEAR.sub(other, one, count=1)
    match = _NAME_AND_REST.match(one)
    return other if "的" in other or not match else f"{other}{match['rest']}"


def _ask(core: str) -> str:
    return f"{core.rstrip('的，,')}是多少？"


def compared(parts: Sequence[str]) -> list[tuple[str, str]]:
    """The label and the measure of each part: what the parts do not share, and what they share; empty where they are not alike."""
    if len(parts) < 2:
        return []
    asked = [
        _ASKED.sub(
            lambda m: f"的{m['thing']}" if m["thing"] and not _UNIT.match(m["thing"]) else "", part.rstrip("？?")
        )
        for part in parts
    ]
    expected = {question_expects(part) for part in parts}
    if len(expected) > 1 or not expected <= QUANTITY_TYPES - {"date"}:
        return []
    pieces = [_pieces(part) for part in asked]
    tail = 0
    while all(len(p) > tail + 1 for p in pieces) and len({p[-1 - tail] for p in pieces}) == 1:
        tail += 1
    while tail and pieces[0][-tail] != "的" and len(pieces[0][-tail]) == 1:
        tail -= 1  # 镇 of 西岭镇 and 南屏镇 is theirs
    head = 0
    while all(len(p) > tail + head + 1 for p in pieces) and len({p[head] for p in pieces}) == 1:
        head += 1
    measure = "".join(pieces[0][len(pieces[0]) - tail :]) if tail else ""
    labels = ["".join(p[head : len(p) - tail]) for p in pieces]
    if not all(YEAR.fullmatch(label) for label in labels):  # a name is not cut in two: 栖江银行 and 栖江农商行
        keep = max(
            (i + 1 for i in range(head) if pieces[0][i] in ("的", "，", ",") or YEAR.fullmatch(pieces[0][i])),
            default=0,
        )
        labels = ["".join(p[keep : len(p) - tail]) for p in pieces]
    measure = measure.lstrip("的，,")
    labels = [label.strip("的，, ") for label in labels]
    return [(label, measure) for label in labels] if all(labels) and len(set(labels)) == len(labels) and measure else []


def _pieces(text: str) -> list[str]:
    """Words, years whole."""
    import rjieba

    pieces: list[str] = []
    for part in YEAR.split(text):
        pieces += [part] if YEAR.fullmatch(part) else list(rjieba.cut(part))
    return pieces
