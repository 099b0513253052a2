"""Follow-ups become questions that stand alone: “那汉阳区呢？” after a question on 武昌区 asks the same of 汉阳区."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.anchors import ORG_ENDINGS, PLACE_ENDINGS, Anchor, find_anchors
from rag.records import Turn
from rag.words import topic_words

_LEAD = re.compile(
    r"^(?:那么|那(?![个里些位家次天年时边种款台届场])|其中|还有|另外|此外|再问一下|再问|请问|以及|而|然后|接着)[，,\s]*"
)
_TAIL = re.compile(r"(?:呢|吗|啊|呀)?[？?。！!\s]*$")
_STOP = re.compile(r"[？?。！!；;]")
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
_ASKS_WHO = re.compile(r"谁|哪(?:个|家|支|所|位|座)")
_MARKS = re.compile(r"\[\d+\]")
_YEAR = re.compile(r"(?:19|20)\d\d年?|今年|去年|前年|明年")
_PART = re.compile(r"全年|上半年|下半年|(?:第?[一二三四]|前三)季度|Q[1-4]")
_SUBJECT_ENDS = re.compile(r"(?:19|20)\d\d年|今年|去年|前年|的|在|是|有|从|将|为|于|[，,？?]|多少|什么|几|哪|谁")
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
    core = _TAIL.sub("", _LEAD.sub("", _STOP.split(question)[0]))
    named = _pronouns(core, previous, said)
    if named != core:  # with its pronoun written out it stands alone
        return f"{named}？"
    swapped = _swap(core, previous)
    if swapped:
        return swapped
    if not _REFERS.search(question) and len(topic_words(question)) > 2:
        return f"{_subject(previous)}{core}？"
    topic = _topic(previous, core)
    return f"{topic}{core}？" if topic else f"{core}？"


def _leans(question: str, previous: str) -> bool:
    """True when a question cannot be understood without the one before it."""
    if _REFERS.search(question):
        return True
    if any(a.kind != "name" for a in find_anchors(question)) or len(topic_words(question)) > 3:
        return False
    return not set(topic_words(_subject(previous))) & set(topic_words(question))


def _pronouns(core: str, previous: str, said: str) -> str:
    """Pronouns replaced by the name they stand for: the last fitting one of the question before, else of its answer."""
    if _ASKS_WHO.search(previous) and re.fullmatch(r"\w{2,12}[。.]?", strip := _MARKS.sub("", said).strip()):
        name = strip.rstrip("。.")
        return _put(name, _PERSON, core) if _PERSON.search(core) else _put(name, _THING, core)
    for pattern, kinds in ((_PERSON, {"person"}), (_THING, {"org", "place", "name"})):
        if not pattern.search(core):
            continue
        names = [a.text for a in find_anchors(previous) if a.kind in kinds] or [
            a.text for a in find_anchors(said) if a.kind in kinds
        ]
        subject = _subject(previous)
        if (pattern is _THING and not names) or (names and names[-1] in subject and len(subject) <= 10):
            names = [subject]
        if names and names[-1]:
            core = _put(names[-1], pattern, core)
    return core


def _put(name: str, pattern: re.Pattern[str], text: str) -> str:
    """The text with the first match replaced; the name is taken as it is (it may hold a backslash)."""
    match = pattern.search(text)
    return text[: match.start()] + name + text[match.end() :] if match else text


def _swap(core: str, previous: str) -> str:
    """The question before with one slot (place, name, year, month) replaced, when the follow-up is nothing but that slot."""
    rest = core
    result = previous
    swaps = 0
    for pattern in (_YEAR, _PART, _MONTH):
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
    if swaps and not topic_words(rest):
        return result
    endings = (*PLACE_ENDINGS, *ORG_ENDINGS)
    if core.endswith(endings) and re.fullmatch(r"\w{3,12}", core) and not _ASKS.search(core):
        kind = "org" if core.endswith(ORG_ENDINGS) else "place"
        if same := [a for a in find_anchors(previous) if a.kind == kind]:
            return previous.replace(same[-1].text, core, 1)
    sibling = _sibling(core, previous)
    return previous.replace(sibling, core, 1) if sibling else ""


def _sibling(core: str, previous: str) -> str:
    """The name in the question before that a bare name replaces: as long as it, with the same ending (澄湖区 for 云麓区)."""
    if not 2 <= len(core) <= 8 or _ASKS.search(core) or not re.fullmatch(r"\w+", core) or core[-1].isdigit():
        return ""
    for end in range(len(previous), len(core) - 1, -1):
        span = previous[end - len(core) : end]
        if span[-1] == core[-1] and span != core and re.fullmatch(r"\w+", span) and "的" not in span:
            return span
    return ""


def _subject(previous: str) -> str:
    """What a question is about when nothing in it is known as a name: its beginning, up to a time or a small word."""
    return _SUBJECT_ENDS.split(previous, maxsplit=1)[0].strip()


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
    for pattern in (_YEAR, _PART, _MONTH):
        if pattern.search(core):
            clause = pattern.sub("", clause, count=1)
    shared = _shared_ending(clause, core)
    if shared:  # 全年净利润 + 四季度净利润: the metric is said once
        clause = clause[: -len(shared)]
    return clause.strip("，,、 的")


def _shared_ending(clause: str, core: str) -> str:
    """The longest ending (two characters or more) of the clause that the follow-up contains."""
    return next((clause[i:] for i in range(max(0, len(clause) - 12), len(clause) - 1) if clause[i:] in core), "")
