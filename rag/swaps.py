"""One thing of a question replaced by another: the year, the place, the company, the measure that a follow-up names."""

from __future__ import annotations

import re

from rag.anchors import ORG_ENDINGS, PLACE_ENDINGS, Anchor
from rag.earlier_question import ASKS, METRIC, TIME, head, metric, names, subject, tagged, topic, without_metric
from rag.words import topic_words

_FILLER = re.compile(
    r"^(?:同期的?|换成|换做|换到|换|改成|如果是|要是|若是|只看|单看|光看|至于|说到|上一届|上届|下一届|同样(?:是|的)?|对手|竞争对手|它的对手|再往前\w{0,2}[，,]|往后\w{0,2}[，,]|那)"
)
_YEAR = re.compile(
    r"(?<!\d)(?:19|20)\d\d年?(?!\d)|[一二][零〇一二三四五六七八九]{3}年|(?<![\d年])\d\d年|今年|去年|前年|明年|后年|十[一二三四五]五(?:期间)?"
)
_PART = re.compile(r"全年|[上下]半年|(?:第?[一二三四]|前[二三])季度|Q[1-4]|[上本这下]周|[春暑]运|(?:昨|今|明|前)天")
_MONTH = re.compile(r"(?<!\d)(?:1[0-2]|[1-9])月(?:份|\d{1,2}日)?|[上下]个?月|本月|这个月")
_ORDINAL = re.compile(r"第[一二三四五六七八九十\d]+(?:名|届|集|个|期|批|季|轮|场)?|冠军|亚军|季军|[一二三]等奖")
PARTS = ("院区", "校区", "厂区", "园区", "分行", "支行", "分公司", "航站楼", "车间", "分店", "市场", "方面", "业务", "类", "类的", "行业", "部门")  # fmt: skip
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_OPPOSITES = (
    ("男子", "女子"),
    ("男", "女"),
    ("城市", "农村"),
    ("城镇", "农村"),
    ("进口", "出口"),
    ("国内", "国际"),
    ("白天", "夜间"),
)
_TITLE = re.compile(
    r"^.*(?:案|的|中|里|在|和|选手|院士|市长|教授|演员|导演|歌手|作家|球员|运动员|队员|被告人?|主播)(?=[\w·]{2,8}$)"
)
_ACCUSED = re.compile(r"案|选手|院士|市长|教授|运动员|队员|球员")
_ASIDE = re.compile(r"(?:那|这)(?:家|个|座|边|款|位|所)$")
_QUOTED = re.compile(r"[“《「][^”》」]{1,20}[”》」]")
_MEASURES = frozenset(("gdp", "cpi", "ppi"))


def swap(core: str, previous: str, *, fragment: bool) -> str:
    """The question before with what the follow-up names in the place of its like; empty where there is nothing of the kind.

    Args:
        core: the follow-up without 那 and 呢.
        fragment: it names something and asks nothing of its own; otherwise what else it says must be said before, too.
    """
    narrows = re.match(r"(?:只看|单看|光看|光是|光|仅|单论)(?=\w{2})", core)
    core = _FILLER.sub("", core[narrows.end() :] if narrows else core).strip("，,：: ")
    rest = core if fragment else ASKS.sub("", core)
    result, rest, swaps = _times(rest, previous)
    rest = _ASIDE.sub("", re.sub(r"[的了]$", "", rest.strip("，,、：: 的")))
    if swaps and not topic_words(rest):
        return result
    if not rest or len(rest) > 16:
        return ""
    if not fragment:
        return _in_full(core, rest, result, previous)
    if narrows and not names(rest, "place", "org"):
        return _inserted(rest, result)
    for way in (_ordinals, _quotes, _codes, _opposites, _metrics, _people, _anchors, _endings, _subjects):
        if found := way(rest, result):
            return found
    return _inserted(rest, result)


def _times(rest: str, previous: str) -> tuple[str, str, int]:
    result, swaps = previous, 0
    for pattern in (_YEAR, _PART, _MONTH):
        new = pattern.search(rest)
        if not new:
            continue
        rest = rest.replace(new[0], "", 1)
        old = pattern.search(result)
        if old:
            text = new[0] + ("年" if old[0].endswith("年") and new[0].isdigit() else "")
            result = result.replace(old[0], text, 1)
        else:
            result = new[0] + result
        swaps += 1
    return result, rest, swaps


def _in_full(core: str, rest: str, result: str, previous: str) -> str:
    """A follow-up that asks, such as 荻溪县哪个最高: only where all that it says beside a name was said before."""
    asks = ASKS.search(core)
    if asks is None or asks[0].lstrip("又都是有")[-2:] not in previous:
        return ""
    lead, of, after = rest.partition("的")
    if of and not names(lead) and set(topic_words(after)) <= set(topic_words(previous)):
        return _endings(lead, result)
    own = names(rest)
    if rest.endswith(PARTS) and asks.end() == len(core):
        return _inserted(rest, result)
    if METRIC.search(rest) or not own or own[0].start:
        return ""
    end = 0
    for anchor in own:
        end = anchor.end if anchor.start == end else end
    if not set(topic_words(rest[end:])) <= set(topic_words(previous)):
        return ""
    name = rest if len(rest) <= 8 else rest[:end]
    return _people(name, result) or _anchors(name, result) or _subjects(name, result)


def _opposites(rest: str, result: str) -> str:
    for pair in _OPPOSITES:
        for new, old in (pair, pair[::-1]):
            if new in rest and old in result and len(rest) <= len(new) + 4:
                after = rest.replace(new, "", 1)
                return result.replace(old, new if after and after in result else rest, 1)
    return ""


def _people(rest: str, result: str) -> str:
    """One person for another: the run of characters before the verb, behind a title or 案, 的, 中."""
    person = any(tag[:2] == "nr" for _, _, tag in tagged(rest)) or "·" in rest
    if (
        not re.fullmatch(r"[\w·]{2,8}", rest)
        or METRIC.search(rest)
        or rest.endswith(PARTS)
        or rest[-1] in "区市县省镇乡"
    ):
        return ""
    about = without_metric(result)
    run = re.sub(r"[判拿获任当]$", "", re.split(r"的", _TITLE.sub("", about))[-1])
    run = run if re.fullmatch(r"(?:[\u4e00-\u9fff]{2,4}|[\w]{1,6}·[\w]{1,6})", run) else ""
    known = names(about, "person")
    if known and re.search(r"(?:长|主任|书记|经理|总裁)$", rest):  # 省长, for 副省长 with a name
        return result.replace(about[: known[-1].end], rest, 1)
    common = all(tag in ("n", "vn", "v", "a") and len(word) > 1 for _, word, tag in tagged(run)) if run else True
    if known and "·" not in about:
        last = known[-1].text
        run = last if last in run or common else run
    elif common and not _ACCUSED.search(about):
        run = ""
    if (
        not run
        or not (person or (len(rest) <= 4 and _ACCUSED.search(about)))
        or not (known or _TITLE.match(about) or "·" in run)
    ):
        return ""
    titled = re.sub(r"(?:副?市长|院士|教授|选手)$", "", about.removesuffix(run))
    return result.replace(
        about.removeprefix(titled) if titled != about.removesuffix(run) and len(rest) > 4 else run, rest, 1
    )


def _ordinals(rest: str, result: str) -> str:
    new = re.fullmatch(_ORDINAL, rest)
    old = _ORDINAL.search(result)
    return result.replace(old[0], rest, 1) if new and old and old[0] != rest else ""


def _quotes(rest: str, result: str) -> str:
    old = _QUOTED.findall(result)
    return result.replace(old[-1], rest, 1) if _QUOTED.fullmatch(rest) and old else ""


def _codes(rest: str, result: str) -> str:
    if not _LATIN.fullmatch(rest) or rest.lower() in _MEASURES:
        return ""
    olds = [m[0] for m in _LATIN.finditer(result) if m[0].lower() not in _MEASURES]
    alike = [old for old in olds if any(c.isdigit() for c in old) == any(c.isdigit() for c in rest)] or olds
    return result.replace(alike[-1], rest, 1) if alike else ""


def _anchors(rest: str, result: str) -> str:
    """Names of the same kind and rank; what stands behind the last new name takes the place of the measure."""
    new = names(rest)
    if not new or rest.endswith(PARTS) or METRIC.fullmatch(rest):
        return ""
    olds = names(result)
    left = rest
    swaps = 0
    if len(new) > 1 and new[0].start == 0 and new[-1].end == len(rest) and len({a.kind for a in new}) == 1:
        new = [Anchor(0, len(rest), rest, rest, new[-1].kind, new[-1].rank)]
    for anchor in new:
        whole = (
            rest
            if len(new) == 1 and not METRIC.search(rest) and len(rest) <= 10 and rest.endswith(anchor.text)
            else anchor.text
        )
        alike = [o for o in olds if o.kind == anchor.kind and o.text not in rest]
        old = next((o for o in reversed(alike) if o.rank == anchor.rank), None) or (alike[-1] if alike else None)
        if old is None:
            continue
        others = [o for o in alike if o is not old and o.rank == old.rank and _listed(o, old, result)]
        for other in others:
            result = re.sub(rf"{re.escape(other.text)}(?:和|与|、|及)", "", result, count=1)
        result = _replaced(result, old.text, whole)
        left = left.replace(whole, "", 1)
        swaps += 1
    if others_left := topic_words(left):
        asked = metric(result)
        if swaps and asked and METRIC.search(left):
            return result.replace(asked, left.strip("的"), 1)
        return "" if others_left else result
    return result if swaps else ""


def _replaced(text: str, old: str, new: str) -> str:
    """The text with a name replaced; where only its beginning was known (鹿鸣 of 鹿鸣出行), with what the new one says again taken out."""
    before, _, after = text.partition(old)
    again = next((new[i:] for i in range(1, len(new) - 1) if after.startswith(new[i:])), "")
    return before + new + after.removeprefix(again)


def _listed(first: Anchor, second: Anchor, text: str) -> bool:
    return bool(re.search(rf"{re.escape(first.text)}(?:和|与|、|及){re.escape(second.text)}", text))


def _metrics(rest: str, result: str) -> str:
    asked = metric(result)
    if not METRIC.search(rest) or not asked or re.match(r"占|同比|环比|人均|其中|增", rest):
        return ""
    if rest in asked:
        return ""
    return result.replace(asked, rest, 1)


def _endings(rest: str, result: str) -> str:
    """What ends alike in the question before: 男子冠军 for 女子冠军, 标准版 for Pro版, 一般摊位 for 转角摊位."""
    new = [word for _, word, _ in tagged(rest)]
    old = tagged(result)
    if len(rest) < 2 or len(new) > 4:
        return ""
    for size in (len(new), len(new) - 1):
        if size < 1:
            continue
        for i in range(len(old) - size, -1, -1):
            span = [word for _, word, _ in old[i : i + size]]
            whole = "".join(span)
            if "的" in span or whole == rest or ASKS.search(whole) or TIME.search(whole) or len(whole) < 2:
                continue
            same = span[-1] == new[-1] if size > 1 else span[-1][-1] == new[-1][-1] and abs(len(whole) - len(rest)) <= 2
            if same and not METRIC.search(rest):
                return result.replace(whole, rest, 1)
    length = len(rest)
    for end in range(len(result), length - 1, -1):
        piece = result[end - length : end]
        if (
            piece[-1] == rest[-1]
            and piece != rest
            and re.fullmatch(r"\w+", piece)
            and "的" not in piece
            and not ASKS.search(piece)
        ):
            return "" if METRIC.search(rest) else result.replace(piece, rest, 1)
    return ""


def _subjects(rest: str, result: str) -> str:
    """A short new name for what the question before is about."""
    about = subject(result)
    if METRIC.search(rest) or not re.fullmatch(r"[\w·-]{2,10}", rest) or rest.endswith(PARTS) or not about:
        return ""
    if about == rest or _is_part(rest):
        return ""
    owner = next((a for a in names(about, "place", "org") if a.start == 0), None)
    known = bool(names(rest, "place", "org", "person")) or (
        len(rest) <= 4 and any(tag[:2] in ("nr", "nz", "ns") for _, _, tag in tagged(rest))
    )
    if owner and not known:  # a part of what the question before is about: 汉阳区大健康产业集群, then 智能制造
        rest_of_it = about.removeprefix(owner.text)
        return result.replace(rest_of_it, rest, 1) if len(rest_of_it) > 1 else ""
    endings = (*ORG_ENDINGS, *PLACE_ENDINGS)
    if about.endswith(endings) and not known and not rest.endswith(endings) and len(tagged(rest)) > 1:
        return ""
    asked = metric(result)
    if asked and not known and len(tagged(rest)) > 1 and len(rest) > 3:
        return result.replace(asked, rest, 1)
    if known or (len(tagged(rest)) == 1 and len(about) <= 6) or result.startswith(about):
        return result.replace(about, rest, 1)
    return ""


def _is_part(rest: str) -> bool:
    """Whether a fragment narrows the question instead of changing its subject: it holds a small word or a common noun."""
    return bool(re.search(r"版$|类$|的|只有|个人|其中|方面", rest))


def _inserted(rest: str, result: str) -> str:
    """The question before with a part named in it: 财政支出教育方面是多少."""
    place = topic(result)
    asks = ASKS.search(result)
    if not asks or not place or re.match(r"占|同比|环比|人均|还有|为什么|具体", rest):
        return ""
    kept = head(result)
    return kept + rest + result[asks.start() :]
