"""Follow-ups become questions that stand alone: “那汉阳区呢？” after a question on 武昌区 asks the same of 汉阳区."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.earlier_question import (
    ASKS,
    GENERIC,
    METRIC,
    TIME,
    answered_name,
    fits,
    head,
    informative,
    members,
    names,
    statement,
    subject,
    tagged,
    topic,
    without_metric,
)
from rag.records import Turn
from rag.small_talk import small_talk
from rag.swaps import PARTS, swap
from rag.words import topic_words

_CHANGE = re.compile(
    r"^(?:换一?个(?:话题|问题)|说点(?:儿)?别的|聊点别的|不(?:聊|说|谈)这个了|(?:再)?问(?:一)?个别的|再问一个别的|换个方向)[，,：:。！\s]*"
)
_ASIDE = re.compile(
    r"^(?:另外|此外|对了|顺便(?:问(?:一)?下|问问|说一句)?|还有(?:一)?个问题|再问(?:一)?(?:下|个)?(?:问题)?|请问|那么请问|那请问|我想(?:问|知道)(?:一下)?|还想问(?:一下)?)[，,：:\s]*"
)
_LEAD = re.compile(r"^(?:那么|以及|而且|然后|接着|还有(?=\w{2,}呢)|那(?![个里些位家次天时边种款台届场]))[，,\s]*")
_TAIL = re.compile(r"(?:呢|吗|啊|呀|吧|嘛)?[？?。！!\s]*$")
_CORRECTS = re.compile(
    r"^(?:(?:不对|不是的?|错了|弄错了|说错了|搞错了|不)[，,。\s]*)*(?:我(?:是|要|想)?(?:问的|说的|指的|的意思)?是?(?:问|说|指)?的?(?:是)?|应该是|是)(?=\S)"
)
_CORRECTION = re.compile(
    r"^(?:不对|不是|错了|弄错了|搞错了|说错了|不，|不,|我(?:是说|是问|问的是|说的是|指的是|要问的是|想问的是|的意思是)|应该是)"
)
_PERSON = re.compile(r"他们|她们|他|她|此人|这个人|这位(?:\w{2,3}(?=[是在的有今]))?|那位")
_NOUN = "国家|区|市|县|省|镇|村|州|国|城市|地方|公司|企业|集团|银行|机构|单位|学校|大学|校|学院|院|医院|馆|项目|队|球队|产品|手机|芯片|电影|影片|片子|书|工程|大桥|桥|景区|平台|案件|案|药|车|车型|机型|活动|比赛|事故|部门|机关|法院|协会|中心|局|厅"
_THING = re.compile(
    rf"它们|它|其(?=[^他中实余]|中文)|该(?P<a>{_NOUN})|[这那](?:家|座|位|款|部|所|项|起|支|场|条|本|个|次)(?P<b>{_NOUN})?|那里|那边|那儿|这里"
)
_THOSE = re.compile(r"[前后]者|第[一二三四五]个(?:部门|城市|项目|公司|地区)?|最后一个|[前后]一[个家条位座所款]")
_CONTINUES = re.compile(
    r"^(?:具体|因为(?:什么|啥)|为什么|为何|为啥|是?什么原因|原因|是?怎么回事|怎么会|还有(?!\w{0,2}多少)|(?:是?从|到)什么时候|依据|理由|谁接(?:任|班|替)|后来|结果|然后|有什么影响|这样做)"
)
_RELATIVE = re.compile(
    r"同比|环比|比(?:上|去|前)|占|比重|增速|增幅|增长|涨幅|涨了?|跌|下降|降|增加|减少|人均|其中|平均|排名|排第|只有|目标|完成"
)
_NAMES_ONE = re.compile(r"谁|哪(?:个|国|家|所|座|位|支|部)|叫什么")
_BACK = re.compile(r"[他她它]|这(?:家|个|所|座|位|支|部)|那(?:个|家|里|所|座|位|支|部)|该")
_EVENT = re.compile(r"[这那]次|[这那]场|[这那]起")
_STOP = re.compile(r"[？?。！!；;](?=.)")
_LONG = 60


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question after its history.

    Attributes:
        text: the standalone question, by the rules.
        leans: whether it takes anything from the history.
        unsure: whether the rules may well be wrong, so that a model had better be asked; also of a bare question that they left as it is.
    """

    text: str
    leans: bool = False
    unsure: bool = False


def standalone_question(question: str, history: Sequence[Turn]) -> str:
    """The question with what it takes from the conversation written out; unchanged where it stands alone already.

    Rules, not a model: the same in every mode, in well under a millisecond, and wrong in ways that the user sees (the standalone
    question is shown, and can be changed).
    """
    return resolve(question, history).text


def resolve(question: str, history: Sequence[Turn]) -> Resolved:
    """What the rules make of a question; turns that were small talk are passed over."""
    earlier: list[Turn] = []
    for turn in real_turns(history):
        earlier.append(Turn(_resolve(turn.question, earlier).text, turn.answer))
    return _resolve(question, earlier)


def real_turns(history: Sequence[Turn]) -> list[Turn]:
    """The turns that asked for something: small talk between two questions is no topic."""
    return [turn for turn in history if turn.question.strip() and not small_talk(turn.question, 0)]


def _resolve(question: str, earlier: Sequence[Turn]) -> Resolved:
    question = question.strip()
    if not earlier:
        return Resolved(question)
    previous, said = earlier[-1].question, earlier[-1].answer
    if change := _CHANGE.match(question):
        return Resolved(question[change.end() :] or question)
    if _CORRECTION.match(question) and len(question) <= _LONG:
        return _corrected(question, previous)
    aside = _ASIDE.match(question)
    asked = question[aside.end() :] if aside else question
    core = _TAIL.sub("", _LEAD.sub("", _STOP.split(asked)[0] if len(asked) <= _LONG else asked))
    if not core:
        return Resolved(question)
    if not said.strip() and _NAMES_ONE.search(previous) and _named_from(core) > 0 and _BACK.match(core):
        return Resolved(question)  # it points to an answer that is not known yet
    pointed = _pointed(core, previous, said)
    if pointed != core:
        return Resolved(f"{pointed}？", leans=True, unsure=bool(_EVENT.search(core)))
    bare = re.search(r"呢[？?\s]*$", question) or (len(core) <= 8 and not re.search(r"[吗吧][？?\s]*$", question))
    fragment = not ASKS.search(core) and bool(bare) and not _CONTINUES.match(core)
    for turn in reversed(earlier):
        if swapped := swap(core, turn.question, fragment=fragment):
            return Resolved(swapped, leans=True)
    if not fragment and not _leans(core, previous, sure=bool(aside)):
        thin = not aside and len(topic_words(ASKS.sub("", core))) <= 2
        return Resolved(asked if aside else question, unsure=thin)
    unsure = bool(informative(list(tagged(core)))) or not METRIC.search(ASKS.sub("", core))
    return Resolved(f"{_about(core, previous, said)}{core}？", leans=True, unsure=unsure)


def _leans(core: str, previous: str, *, sure: bool) -> bool:
    """True when a question that asks in full cannot be understood without the one before it.

    Args:
        sure: a word before it says that it begins something new; then only what is bare leans.
    """
    if core.startswith(("这些", "那些", "其中", "同比", "环比", "占全", "比上年")):
        return len(core) <= 20
    if _CONTINUES.match(core):
        return len(core) <= 10
    if re.search(r"[“《「]|[\u4e00-\u9fff]{2}[一二三四五六七八九十]号(?!线)|[A-Za-z]\d", core):
        return False
    known = set(topic_words(previous))
    counts = {word for _, word, tag in tagged(core) if tag[:1] in "mq"}
    bare = ASKS.sub("", core)
    time = TIME.search(bare)
    if time and time.start() >= 2 and bare[: time.start()] not in previous and tagged(bare)[0][2][:1] == "n":
        return False
    own = [a for a in names(bare) if a.kind != "name" or len(a.text) > 2]
    if own:
        return bare.endswith(PARTS) and len(own) == 1 and len(core) <= 12
    words = [
        word
        for word in topic_words(bare)
        if word not in counts and not METRIC.search(word) and word not in GENERIC and word not in known
    ]
    nouns = [word for word in informative(list(tagged(bare))) if word not in known]
    dated = bool(TIME.match(core))  # 今年高考: something of its own has a year of its own
    return len(words) <= 2 and len(nouns) <= 1 and not ((sure or dated) and nouns)


def _pointed(core: str, previous: str, said: str) -> str:
    """What points back (它, 该市, 后者, 那次) replaced by what it stands for; unchanged where nothing does."""
    if those := _THOSE.search(core):
        listed = members(previous) if len(members(previous)) > 1 else members(said)
        if len(listed) > 1 and not re.match(r"第[一二三四五]个(?:月|季度|年)", core[those.start() :]):
            at = (
                "一二三四五".find(those[0][1]) if those[0][0] == "第" else 0 if those[0][0] == "前" else len(listed) - 1
            )
            if at < len(listed):
                return core[: those.start()] + listed[at] + core[those.end() :]
    starts = {start for start, _, _ in tagged(core)}
    limit = _named_from(core)
    person = _PERSON.search(core)
    if person and person.start() in starts and person.start() <= limit and not _inside_a_name(core, person):
        return _put(_whom(previous, said), person, core)
    thing = _THING.search(core)
    if thing and thing.start() in starts and thing.start() <= limit and not _inside_a_name(core, thing):
        return _thing(core, thing, previous, said)
    return core


def _named_from(core: str) -> int:
    """Where a question first names something itself: what points back behind it points to that (远棹重工2024年其他这块收入)."""
    own = informative(list(tagged(core)))
    first = [start for start, word, _ in tagged(core) if own and word == own[0]]
    quoted = re.search(r"[“《「]", core)
    return min([*first, *(a.start for a in names(core)), *([quoted.start()] if quoted else []), len(core)])


def _thing(core: str, thing: re.Match[str], previous: str, said: str) -> str:
    """“该市”, “这家公司”, “那次事故”, “那里” replaced by what they stand for."""
    noun = thing["a"] or thing["b"] or ""
    word = thing[0]
    if word[:2] in ("这次", "那次", "这场", "那场", "这起", "那起"):
        if word[:2] == "这次" or (not noun and names(core)):
            return core
        return core[: thing.start()] + head(previous).removesuffix(noun) + core[thing.start() + 2 :]
    if (
        not noun and len(word) == 2 and word[0] in "这那" and word[1] not in "里边儿"
    ):  # 这个夏天, 那位: too little to tell
        return core
    if word in ("那里", "那边", "那儿") and thing.start():
        return core
    return core if word == "这里" else _put(_what(previous, said, noun), thing, core)


def _inside_a_name(core: str, match: re.Match[str]) -> bool:
    """Whether a pronoun is only a piece of a longer word: 吉他, 他克莫司, 该不该."""
    for start, word, tag in tagged(core):
        if start <= match.start() < start + len(word):
            longer = len(word) > len(match[0]) and (tag[:1] == "n" or word in ("其他", "其它", "其余", "其实"))
            return longer or core.startswith("该不该", match.start())
    return False


def _put(name: str, match: re.Match[str], text: str) -> str:
    """The text with the match replaced; the name is taken as it is (it may hold a backslash)."""
    return text[: match.start()] + name + text[match.end() :] if name else text


def _whom(previous: str, said: str) -> str:
    name = answered_name(previous, said)
    if name and re.search(r"谁|哪位|叫什么", previous):
        return name
    people = names(previous, "person") or names(said, "person")
    about = subject(previous)
    if people and people[-1].text in about and len(about) <= len(people[-1].text) + 2:
        return about
    return people[-1].text if people else about


def _what(previous: str, said: str, noun: str) -> str:
    answered = answered_name(previous, said)
    if noun in ("公司", "企业", "集团") and re.search(r"什么(?:新品|产品|芯片|车型)|叫什么", previous):
        answered = ""
    about = subject(previous)
    if not noun:
        return answered or about
    if answered and not (names(answered, "person") and noun not in ("书", "电影")):
        return answered
    candidates = [a for a in (*reversed(names(said)), *reversed(names(previous))) if a.text.endswith(noun)]
    candidates += [a for a in reversed(names(previous)) if fits(a, noun)]
    if not candidates or not candidates[0].text.endswith(noun):
        ending = re.search(rf"(?:^|[被由向是在，,])([\u4e00-\u9fff]{{2,8}}{noun})", said)
        if ending:
            return ending[1]
    if not candidates:
        return about
    return (
        about
        if candidates[0].text in about and noun not in ("区", "市", "县", "省", "镇", "村")
        else candidates[0].text
    )


def _about(core: str, previous: str, said: str) -> str:
    """What a question without a subject is about: as much of the one before as it does not say itself."""
    if _CONTINUES.match(core) or not topic_words(ASKS.sub("", core)):
        return _unsaid(statement(previous), core)
    if re.search(r"叫什么", previous) and (named := answered_name(previous, said)):
        return head(previous).removesuffix("叫") + named
    first = tagged(core)[0]
    if first[2] == "v" and first[1][0] in previous and not METRIC.search(previous):
        return _unsaid(statement(previous), core)
    if _RELATIVE.match(core):
        return _unsaid(topic(previous), core)
    owns = METRIC.search(ASKS.sub("", core)) or any(tag[:1] == "n" and len(word) > 1 for _, word, tag in tagged(core))
    if not owns and re.search(r"多少|几", core):
        return _unsaid(topic(previous), core)
    if METRIC.search(topic(previous)) or "的" in topic(previous):
        return _unsaid(without_metric(previous, whole=False), core)
    return _unsaid(topic(previous), core)


def _unsaid(about: str, core: str) -> str:
    """Without times and endings that the follow-up says itself (全年净利润 + 四季度净利润: the metric is said once)."""
    for new in TIME.finditer(core):
        kind = new[0][-1]
        about = TIME.sub(lambda old: "" if old[0][-1] == kind else old[0], about)  # noqa: B023 - used at once
    start = max(0, len(about) - 12)
    shared = next((about[i:] for i in range(start, len(about) - 1) if about[i:] in core), "")
    about = about.removesuffix(shared)
    if shared in PARTS and len(tagged(about)) > 1:  # 老院区, after 柏山院区 of the same hospital
        about = about.removesuffix(tagged(about)[-1][1])
    return about.strip("，,、 的")


def _corrected(question: str, previous: str) -> Resolved:
    """“不对，我问的是汉阳区”: the question before with that instead."""
    instead = re.fullmatch(r"不是(?P<old>[^，,]+)[，,](?:而)?是(?P<new>[^，,]+?)[。！!\s]*", question)
    if instead and instead["old"] in previous:
        return Resolved(previous.replace(instead["old"], instead["new"], 1), leans=True)
    core = _TAIL.sub("", _CORRECTS.sub("", question)).strip("，,。 ")
    wrong = re.search(r"[，,]?(?:而)?不是(?P<old>\S+)$", core)
    if wrong:
        core, old = core[: wrong.start()].strip("，, "), wrong["old"]
        if old in previous:
            return Resolved(previous.replace(old, core, 1), leans=True)
    if swapped := swap(core, previous, fragment=not ASKS.search(core)):
        return Resolved(swapped, leans=True, unsure=True)
    return Resolved(f"{_about(core, previous, '')}{core}？", leans=True, unsure=True)
