"""What zh-reader learns from: questions with a passage, where in it the answer stands, and passages in which it does not.

Three kinds. *Written*: questions written for this by hand on articles of a collected pile, half of them near misses that their article
does not answer (`data/reader_questions.jsonl`; the articles themselves are not here). *Asked*: a set's own questions with short answers. *Gaps*: a clause of the library's own news with one figure, day or
organisation taken out and asked for; the years that words mean are written out, everyday words put for official ones and words left out,
because people do not ask in the article's words. For each question there are passages that do not answer it (what retrieval finds
nearest), and for a gap, where it can be made, a near miss: the same clause with another year, name or metric, on the same passage.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.datasets import EvalSet
from rag import Filters, Hit, Library
from rag.anchors import find_anchors
from rag.records import Article, Chunk
from rag.relevance import read_form, sentences_of
from rag.sentences import split_sentences
from rag.words import search_form

Passage = tuple[str, str]
"""What stands above it (title and day) and its text, in search form."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question, the passage that answers it, the answer as it stands there (once), passages that do not, and a near miss or "".

    Without an answer nothing answers the question, and `passage` is empty.
    """

    question: str
    passage: Passage
    answer: str
    others: tuple[Passage, ...]
    near_miss: str = ""


@dataclass(frozen=True, slots=True)
class WrittenQuestion:
    """A question on an article, by its id. The answer is `text[at : at + length]` of it, and none where `length` is 0.

    `check`: the first six hex digits of the answer's SHA-256, since a text that is read otherwise than it was has it elsewhere.
    """

    article: str
    question: str
    at: int = 0
    length: int = 0
    check: str = ""

    def answer_in(self, article: Article) -> str:
        """The answer as it stands in the article; empty where there is none, or not there any more."""
        answer = article.text[self.at : self.at + self.length]
        return answer if hashlib.sha256(answer.encode()).hexdigest().startswith(self.check) else ""


OnStep = Callable[[int, int], None]


def is_held_out(article: str) -> bool:
    """Whether questions on an article of a public set are kept for measuring: half of the articles, by the key's SHA-256."""
    return hashlib.sha256(article.encode()).digest()[0] % 2 == 1


def training_half(eval_set: EvalSet) -> EvalSet:
    """A set with those questions only that may be learned from."""
    return replace(
        eval_set,
        cases=tuple(c for c in eval_set.cases if c.gold_articles and not is_held_out(min(c.gold_articles))),
    )


_HITS = 14
_KEPT = 9
_OF_ONE_ARTICLE = 4
_COMMON_NAME = 4

_UNITS = (
    "万亿元|亿元|万元|元|亿美元|万美元|美元|亿港元|港元|%|个百分点|亿人次|万人次|人次|万人|亿人|人|万名|名|万家|家|个|项|万吨|亿吨|吨|公里|千米|"
    "万平方米|平方米|平方公里|倍|万亩|亩|万辆|辆|万台|台|件|万套|套|户|座|次|岁|例|米|公斤|亿千瓦时|万千瓦|千瓦|天|年|小时|分钟|篇|部|只|股|亿股|万股|手|点"
)
_NUMBER = re.compile(
    rf"(?:约|超过?|近|逾|达)?(?<![\d.,年月日\-a-z/])\d[\d,]*(?:\.\d+)?(?:{_UNITS})(?:以上|左右|多)?(?![月日号\d])"
)
_DAY = re.compile(
    r"(?<!电)(?:\d{4}年)?\d{1,2}月\d{1,2}日|\d{4}年(?:\d{1,2}月)?(?:底|末|初)?"
    r"|昨[日天晚夜]|今[日天]|前天|[上下本]周[一二三四五六日]"
)
_UNIT = re.compile(r"^(?:约|超过?|近|逾|达)?[\d,.]+(.*?)(?:以上|左右|多)?$")
_LEAD = re.compile(
    r"^(?:其中|此外|同时|而|但|并且?|另外|据悉|目前|截至目前|不过|因此|对此|随后|据了解|记者了解到|值得注意的是|数据显示|与此同时|当前|据介绍|公告显示|公告称|另一方面)[,:]?"
)
_VERB = re.compile(
    r"(?:分别|合计|共计|总计|预计|将|已|累计|约|共|近|超|超过|突破|不低于|不超过|高达|达到|达|为|是|至|到|有|实现|完成|仅|仅为|逾|只有)+$"
)
_PERIOD = re.compile(r"上半年|下半年|季度|\d月|全年|月末|年末|今年|去年|本年|同期|以来|当日|当月")
_NO_QUESTION = re.compile(r"记者|[天日]电|讯 |年代|电 |\|")
_METRICS = (
    "营业收入 净利润 归母净利润 销售额 产量 销量 出口额 进口额 投资额 增加值 总产值 融资额 注册资本 市值 营收 毛利率 研发投入 成交额 用户数 员工人数 交易金额 总资产 "
    "订单量 同比增速 装机容量 票房 客流量 均价 首付比例 利率 持股比例 募资总额 中标金额"
).split()
_EVERYDAY = tuple(
    pair.split(">")
    for pair in (
        "地区生产总值>GDP 地区生产总值>经济总量 国内生产总值>GDP 归属于上市公司股东的净利润>净利润 归母净利润>净利润 净利润>利润 净利润>净赚 净利润>赚的钱 营业收入>营收 "
        "营业收入>收入 营收>收入 同比增长>增长了 同比增长>比上年同期涨了 同比增长>涨了 同比下降>降了 同比下降>比上年同期少了 环比增长>比上个月涨了 实现> 完成> 累计> 合计> "
        "总计> 预计> 目前> 公司>企业 居民>老百姓 启动>开始 举行>举办 召开>开 发布>公布 公布>发布 宣布>公布 表示>说 建成>建好 总投资>投资 总投资>一共要花 全长>长 游客>旅客 "
        "消费者>顾客 上涨>涨 下跌>跌 增加>多 减少>少 死亡>遇难 受伤>伤 持续>前后 售价>卖 共有>一共有 全国>国内 首次>头一回 约> 超过> 截至> 占比>比例 招聘>招 招生>招 "
        "注册资本>注册资金 收购>买下 减持>卖出 增持>买进 裁员>裁掉 成立>创办 担任>当 出任>当 获得>拿到 夺得>拿下 开通>通车 投入使用>启用 启用>开始用"
    ).split()
)


def asked_examples(eval_set: EvalSet, library: Library, on_step: OnStep) -> Iterator[Example]:
    """A set's questions whose first key fact stands in a passage of a gold article that retrieval finds."""
    for done, case in enumerate(eval_set.cases, 1):
        on_step(done, len(eval_set.cases))
        if not case.gold_articles or not case.key_facts:
            continue
        fact = search_form(case.key_facts[0][0])
        hits = library.search(case.question, _HITS, filters=Filters())
        in_gold = [hit for hit in hits if eval_set.key_of(hit.article.path) in case.gold_articles]
        right = next((hit for hit in in_gold if fact in search_form(hit.chunk.text)), None)
        wrong = [hit for hit in hits if fact not in search_form(hit.chunk.text)]
        wrong.sort(key=lambda hit: hit not in in_gold)  # passages of the same article are the hardest
        if right is not None and len(wrong) >= 3:
            yield Example(search_form(case.question), _passage(right), fact, tuple(map(_passage, wrong[:_KEPT])))


def gap_examples(library: Library, draw: random.Random, count: int, on_step: OnStep) -> Iterator[Example]:
    """Questions made of the library's own sentences."""
    chunks = [
        (chunk, article)
        for article in library.articles()
        for chunk, _ in library.store.chunks_of(article.id)
    ]  # fmt: skip
    draw.shuffle(chunks)
    names = _known_names({article.id: article for _, article in chunks}.values())
    made = 0
    used: Counter[str] = Counter()
    for chunk, article in chunks:
        if made == count:
            return
        if used[article.id] >= _OF_ONE_ARTICLE:
            continue
        example = _gap(library, chunk, article, names, draw)
        if example is not None:
            used[article.id] += 1
            made += 1
            on_step(made, count)
            yield example


def written_questions(path: Path, *, held_out: bool) -> Iterator[WrittenQuestion]:
    """The lines of `data/reader_questions.jsonl`, either those that are learned from or the eighth of the articles kept for measuring."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            question = WrittenQuestion(**json.loads(line))
            if (hashlib.sha256(question.article.encode()).digest()[1] % 8 == 0) == held_out:
                yield question


def written_examples(questions: Sequence[WrittenQuestion], library: Library, on_step: OnStep) -> Iterator[Example]:
    """Of each question that has an answer: the passage with it, others of its article and what retrieval finds without it. Of each near
    miss: the passages of its article that look most like it. Questions on articles that the library does not hold are left out.
    """
    articles = {article.id: article for article in library.articles()}
    for done, question in enumerate(questions, 1):
        on_step(done, len(questions))
        article = articles.get(question.article)
        if article is None:
            continue
        own = [Hit(chunk, article, 0.0, 1) for chunk, _ in library.store.chunks_of(article.id)]
        near = library.search(question.question, 4, filters=Filters(articles=(article.id,)))
        if not question.length:
            yield Example(search_form(question.question), ("", ""), "", tuple(map(_passage, near[:3])))
            continue
        answer, end = question.answer_in(article), question.at + question.length
        right = next((hit for hit in own if hit.chunk.start <= question.at and end <= hit.chunk.end), None)
        if right is None or not answer:
            continue
        core = search_form(answer)
        found = [*near, *library.search(question.question, _HITS, filters=Filters())]
        wrong = {hit.chunk.id: hit for hit in found if core not in search_form(hit.chunk.text)}
        wrong.pop(right.chunk.id, None)
        if len(wrong) >= 2:
            yield Example(
                search_form(question.question),
                _passage(right),
                core,
                tuple(map(_passage, list(wrong.values())[:_KEPT])),
            )


def _passage(hit: Hit) -> Passage:
    head, sentences = read_form(sentences_of([hit]))
    return head, "".join(sentences)


def _head(article: Article) -> str:
    return search_form(f"{article.title} {article.date}".strip())


def _known_names(articles: object) -> dict[str, list[str]]:
    """Places and organisations that several articles name: what a near miss puts in."""
    counted: Counter[tuple[str, str]] = Counter()
    for article in articles:  # type: ignore[attr-defined]
        counted.update({(a.kind, a.text) for a in find_anchors(f"{article.title}\n{article.text[:400]}")})
    known: dict[str, list[str]] = {"place": [], "org": []}
    for (kind, name), times in sorted(counted.items()):
        if kind in known and times >= _COMMON_NAME and len(name) >= 2:
            known[kind].append(name)
    return known


def _gap(
    library: Library, chunk: Chunk, article: Article, names: dict[str, list[str]], draw: random.Random
) -> Example | None:
    text, head = search_form(chunk.text), _head(article)
    found = list(_gaps(text, draw))
    if not found:
        return None
    numbers = [gap for gap in found if gap[0] == "number"]
    kind, sentence, start, end = draw.choice(numbers if numbers and draw.random() < 0.6 else found)
    clause, start, end = _clause(sentence, start, end, draw)
    answer = clause[start:end]
    if not answer or text.count(answer) != 1:
        return None
    question = _LEAD.sub("", _ask(kind, clause, start, end, draw).strip(' "“”‘’()《》·-*#>'))
    if not 8 <= len(question) <= 60 or _NO_QUESTION.search(question):
        return None
    if not any(a.kind in ("place", "org", "person") for a in find_anchors(question)) and draw.random() < 0.85:
        before = [
            a.text
            for a in find_anchors(f"{head}\n{text[: text.find(sentence)]}")
            if a.kind in ("place", "org", "person")
        ]
        if not before:
            return None
        subject = before[-1] if draw.random() < 0.7 else before[0]
        question = (
            subject + draw.choice(("", "的", "")) + re.sub(r"^(?:该?公司|该集团|其|他|她|该[市区县省])", "", question)
        )
    question = _reworded(question, article.date, draw) + draw.choice(("?", "?", ""))
    figure = re.search(r"\d[\d,]*(?:\.\d+)?", answer) if kind == "number" else None
    core = figure[0] if figure else answer
    hits = library.search(question, _HITS, filters=Filters())
    wrong = [hit for hit in hits if hit.chunk.id != chunk.id and core not in search_form(hit.chunk.text)]
    wrong.sort(key=lambda hit: hit.article.id != article.id)
    if len(wrong) < 4:
        return None
    near = _near_miss(question, f"{head}\n{text}", names, draw)
    passage = _passage(Hit(chunk, article, 0.0, 1))
    if passage[1].count(answer) != 1:
        return None
    return Example(search_form(question), passage, answer, tuple(map(_passage, wrong[:_KEPT])), search_form(near))


def _gaps(text: str, draw: random.Random) -> Iterator[tuple[str, str, int, int]]:
    """Figures, days and organisations of a passage: kind, sentence, and where in it."""
    for span in split_sentences(text):
        sentence = text[span.start : span.end]
        if not 10 <= len(sentence) <= 160 or "|" in sentence:
            continue
        for kind, pattern in (("number", _NUMBER), ("day", _DAY)):
            for match in pattern.finditer(sentence):
                if kind == "day" or not re.search(r"\d{4}年$", match[0]):
                    yield kind, sentence, match.start(), match.end()
        for anchor in find_anchors(sentence):
            if anchor.kind == "org" and len(anchor.text) >= 3 and anchor.rank != "org" and draw.random() < 0.4:
                yield "org", sentence, anchor.start, anchor.end


def _clause(sentence: str, start: int, end: int, draw: random.Random) -> tuple[str, int, int]:
    """The clause around a gap, with what stands before it where it is short."""
    cuts = [0, *(i + 1 for i, char in enumerate(sentence) if char in ",;:。!?"), len(sentence)]
    low, high = max(cut for cut in cuts if cut <= start), min(cut for cut in cuts if cut >= end)
    while low and (high - low < 14 or draw.random() < 0.25):
        low = max(cut for cut in cuts if cut < low)
    return sentence[low:high].rstrip(",;:。!?"), start - low, end - low


def _ask(kind: str, clause: str, start: int, end: int, draw: random.Random) -> str:
    before, gap, behind = clause[:start], clause[start:end], clause[end:]
    if kind == "org":
        company = any(word in gap for word in ("公司", "集团", "股份"))
        asked = draw.choice(("哪家公司", "哪家机构", "什么公司") if company else ("哪个机构", "哪家", "哪个单位"))
    elif kind == "day":
        a_day = re.search("[日昨今周天]", gap)
        asked = draw.choice(
            ("什么时候", "哪一天", "何时", "几月几日", "几月几号", "哪天") if a_day else ("什么时候", "哪个月") if "月" in gap else ("哪一年", "什么时候")
        )  # fmt: skip
    else:
        unit = match[1] if (match := _UNIT.match(gap)) else ""
        bare = re.sub(r"^[万亿]+", "", unit) or unit
        if unit == "%":
            asked = draw.choice(("多少", "百分之多少", "多少"))
        elif unit in ("元", "亿元", "万元"):
            asked = draw.choice(("多少元", "多少", "多少亿元" if "亿" in unit else "多少钱", "多少"))
        else:
            asked = draw.choice((f"多少{unit}", f"多少{bare}", f"多少{bare}", "多少"))
        stem = _VERB.sub("", before).rstrip(" ,:")
        if not behind.strip(' ,。)"”') and len(stem) >= 4 and draw.random() < 0.75:
            return stem + draw.choice(("是", "有", "为", "", "达到", "达")) + asked
    return before + asked + behind


def _reworded(question: str, day: str, draw: random.Random) -> str:
    """As people ask: the year that is meant, everyday words, words left out."""
    import rjieba

    if draw.random() < 0.25:
        return question
    year = int(day[:4]) if day else 0
    if year and "今年" in question and draw.random() < 0.7:
        question = question.replace("今年", f"{year}年", 1)
    elif year and "去年" in question and draw.random() < 0.7:
        question = question.replace("去年", f"{year - 1}年", 1)
    elif (
        year
        and not re.search(r"\d{4}年|[今去明]年|昨|上年", question)
        and draw.random() < (0.55 if _PERIOD.search(question) else 0.25)
    ):
        question = f"{year}年{draw.choice(('', ','))}{question}"
    for official, everyday in draw.sample(_EVERYDAY, len(_EVERYDAY)):
        if official in question and draw.random() < 0.45:
            question = question.replace(official, everyday, 1)
    question = re.sub(r"[(（][^()（）]*[)）]", "", question)
    if draw.random() < 0.5:
        question = "".join(
            word
            for word, tag in rjieba.tag(question)
            if not (
                tag[:1] in ("d", "c", "p") and len(word) > 1 and word not in ("什么", "多少") and draw.random() < 0.45
            )
            and not (tag[:1] == "a" and draw.random() < 0.25)
        )
    if draw.random() < 0.12:
        question = draw.choice(("请问", "想知道", "帮我查一下,", "听说", "到底")) + question
    return question


def _near_miss(question: str, passage: str, names: dict[str, list[str]], draw: random.Random) -> str:
    """The question with another year, name or metric, none of which the passage has; empty where there is none to change."""
    for way in draw.sample(("year", "name", "metric", "name"), 4):
        if way == "year" and (years := re.findall(r"20\d\d(?=年)", question)):
            year = draw.choice(years)
            other = str(int(year) + draw.choice((-3, -2, -1, 1, 2)))
            if other not in passage:
                return question.replace(year, other)
        elif way == "name":
            own = [a for a in find_anchors(question) if a.text in names.get(a.kind, ()) and a.text in question]
            for anchor in draw.sample(own, len(own)):
                pool = [name for name in names[anchor.kind] if name not in passage and name[-1] == anchor.text[-1]]
                if pool:
                    return question.replace(anchor.text, draw.choice(pool))
        elif way == "metric" and (own_metrics := [metric for metric in _METRICS if metric in question]):
            pool = [metric for metric in _METRICS if metric not in passage]
            if pool:
                return question.replace(max(own_metrics, key=len), draw.choice(pool))
    return ""
