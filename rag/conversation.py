"""Follow-ups become questions that stand alone: “那汉阳区呢？” after a question on 武昌区 asks the same of 汉阳区."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.anchors import Anchor, find_anchors
from rag.records import Turn
from rag.words import topic_words

_LEAD = re.compile(r"^(?:那么|那|还有|另外|此外|再问一下|再问|请问|以及|而|然后|接着)[，,\s]*")
_TAIL = re.compile(r"(?:呢|吗|啊|呀)?[？?。！!\s]*$")
_PERSON = re.compile(r"他们|她们|他|她|此人|这个人|这位\w{0,4}?(?=[是在的有，])")
_THING = re.compile(
    r"它们|它|其(?=[^他中实余])|该(?:区|市|县|省|公司|企业|集团|机构|校|院|项目|队|馆|镇)|这家\w{0,2}公司|这个(?:区|市|县|项目|公司)"
)
_REFERS = re.compile(
    r"^(?:那|还有|另外)|呢[？?]?$|他|她|它|其(?=[^他中实余])|该|这|上述|前者|后者|同期|那次|当时|刚才|上面"
)
_ASKS = re.compile(
    r"(?:分别)?(?:是|为|有|达到?|约|共|一共|总共)*(?:多少|几|什么|哪\w{0,2}|谁|怎么样?|如何|多[大高长久])\w{0,3}[？?。\s]*$"
)
_YEAR = re.compile(r"(?:19|20)\d\d年?|今年|去年|前年|明年|上半年|下半年|[一二三四]季度")
_MONTH = re.compile(r"(?:1[0-2]|[1-9])月(?:份|\d{1,2}日)?")


def standalone_question(question: str, history: Sequence[Turn]) -> str:
    """The question with what it takes from the conversation written out; unchanged where it stands alone already.

    Rules, not a model: the same in every mode, in microseconds, and wrong in ways that the user sees (the standalone question
    is shown).
    """
    previous = ""
    said = ""
    for turn in history:
        previous = _resolve(turn.question, previous, said) if previous else turn.question
        said = turn.answer
    return _resolve(question, previous, said) if previous else question.strip()


def _resolve(question: str, previous: str, said: str) -> str:
    question = question.strip()
    if not _leans(question, previous):
        return question
    core = _TAIL.sub("", _LEAD.sub("", question))
    named = _pronouns(core, previous, said)
    if named != core:  # with its pronoun written out it stands alone
        return f"{named}？"
    swapped = _swap(core, previous)
    if swapped:
        return swapped
    topic = _topic(previous, core)
    return f"{topic}{core}？" if topic else f"{core}？"


def _leans(question: str, previous: str) -> bool:
    """True when a question cannot be understood without the one before it."""
    if _REFERS.search(question):
        return True
    words = topic_words(question)
    return len(words) <= 2 and not find_anchors(question) and bool(find_anchors(previous) or topic_words(previous))


def _pronouns(core: str, previous: str, said: str) -> str:
    """Pronouns replaced by the name they stand for: the last fitting one of the question before, else of its answer."""
    for pattern, kinds in ((_PERSON, {"person"}), (_THING, {"org", "place", "name"})):
        if not pattern.search(core):
            continue
        names = [a.text for a in find_anchors(previous) if a.kind in kinds] or [
            a.text for a in find_anchors(said) if a.kind in kinds
        ]
        if names:
            core = pattern.sub(names[-1], core, count=1)
    return core


def _swap(core: str, previous: str) -> str:
    """The question before with one slot (place, name, year, month) replaced, when the follow-up is nothing but that slot."""
    rest = core
    result = previous
    swaps = 0
    for pattern in (_YEAR, _MONTH):
        new = pattern.search(rest)
        if not new:
            continue
        rest = rest.replace(new[0], "", 1)
        old = pattern.search(result)
        result = result.replace(old[0], new[0], 1) if old else new[0] + result
        swaps += 1
    olds = list(find_anchors(result))
    for anchor in find_anchors(rest):
        old_anchor = next((o for o in reversed(olds) if o.kind == anchor.kind and _same_level(o, anchor)), None)
        old_anchor = old_anchor or next((o for o in reversed(olds) if o.kind == anchor.kind), None)
        if old_anchor is None:
            continue
        rest = rest.replace(anchor.text, "", 1)
        result = result.replace(old_anchor.text, anchor.text, 1)
        swaps += 1
    return result if swaps and not topic_words(rest) else ""


def _same_level(a: Anchor, b: Anchor) -> bool:
    return a.rank == b.rank


def _topic(previous: str, core: str) -> str:
    """What the question before was about, without its question words, and without what the follow-up says itself."""
    topic = _TAIL.sub("", _ASKS.sub("", previous)).rstrip("，,、 的是")
    clause = re.split(r"[，,；;]", topic)[0]
    own = {a.kind for a in find_anchors(core)}
    for anchor in find_anchors(clause):
        if anchor.text in core or anchor.kind in own:
            clause = clause.replace(anchor.text, "", 1)
    if _YEAR.search(core):
        clause = _YEAR.sub("", clause, count=1)
    return clause.strip("，,、 的")
