"""Which source sentence carries which sentence of an answer, and what of it nothing carries. Code owns the citations.

What a model writes is hostile input: its marks are taken out, its sentences are aligned to source sentences by their words,
and their numbers, dates and names must stand in what they are aligned to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from rag.anchors import Anchor, find_anchors, speaks_of
from rag.bindings import misplaced, owners
from rag.injections import evidence_spans, evidence_text, inert_label
from rag.quantities import Quantity, find_quantities
from rag.quantity_drafts import MEASURED
from rag.quantity_match import missing_quantities, same_quantity
from rag.question_types import meets_expectation, question_expects
from rag.records import SHANGHAI, Article, Citation, Statement, Support
from rag.relevance import Candidate, Sentence, sentence_at
from rag.sentences import split_sentences
from rag.table_rows import larger_elsewhere
from rag.told_days import misread_days, with_days, without_days
from rag.told_time import fits_time
from rag.words import bigrams, search_form

SUPPORTED = 0.6
"""Share of a statement's character bigrams that the cited sentences must hold for it to count as supported."""

PARTIAL = 0.4
"""The same for partial support; below it a statement is unsupported. `python -m eval run` shows what other values cost."""

_SECOND = 0.12
"""A second sentence is cited when it holds this much more of the statement than the first alone."""

_OFF_TOPIC = 0.3
"""A cited sentence whose `names` or `period` feature is below this speaks of something else than was asked."""

_SPEAKS = 0.3
"""How far a source sentence must be able to speak of a name (see `rag.anchors.speaks_of`)."""

_FOREIGN = 0.34
"""Share of a clause's bigrams that the cited articles must hold."""

_THING = 3
_NAMED_BEFORE = 0.9
"""See `rag.told_time.fits_time`: the time was named last before the sentence."""

_CLAUSE = re.compile(r"[，；。！？!?\n]+|[,;：:]+(?!\d)")
_EXACT = re.compile(r"(?<!\d)(?:\d{3,4}-\d{3,8}(?:-\d{3,4})?|1[3-9]\d{9})(?!\d)|(?<=[为是])零")
"""Telephone numbers, and a nought in words: no quantities, and nothing that may be put another way."""
_CONNECTIVE = re.compile(
    r"\s*(?:根据|依据|据|按照|按|因此|所以|其中|此外|另外|同时|总之|综上|具体|也就是|换句话|答案|截至|分别|即|不一样|不同)"
)
_MARK = re.compile(r"[\[【［〔(（]\s*(?:资料|来源|引用)?\s*\d{1,4}(?:\s*[-–—~,，、;；]\s*\d{1,4})*\s*[\]】］〕)）]")
_EMPTY_MARK = re.compile(r"[\[【［](?:\s|编号|资料)*[\]】］]")
_REFUSAL = re.compile(
    r"(资料|文中|文章|上述|提供的?内容)[^。]{0,12}(没有|未|无|不包含)[^。]{0,8}(相关|提及|提到|给出|说明|信息|涉及|包含|找到)"
)
_MARKDOWN = re.compile(r"^\s*(?:#{1,6}\s+|[-*•]\s+|\d{1,2}[.、)]\s+|>\s*)|\*\*|`", re.MULTILINE)


_IMAGE = re.compile(r"!\[[^\[\]\n]*\](?:\([^()\n]*\)|\[[^\[\]\n]*\])")
_LINK = re.compile(r"\[([^\[\]\n]*)\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)")
_LINK_TARGET = re.compile(r"^\s*\[[^\[\]\n]+\]:\s*\S+.*$", re.MULTILINE)
_HTML = re.compile(
    r"<!--.*?(?:-->|$)|</?[a-z][a-z0-9-]*(?:[\s/][^<>]*)?>|<((?:https?|mailto|javascript|data):[^<>\s]*)>",
    re.IGNORECASE | re.DOTALL,
)
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_ADDRESS = re.compile(
    r"(?<![A-Za-z])(?:https?:|ftp:|javascript:|data:|mailto:|//(?=[\w-]+\.)|www\.)[A-Za-z0-9._~:/?#@!$&'*+,;=%()\[\]{}<>|-]*",
    re.IGNORECASE,
)


def strip_marks(text: str) -> str:
    """The text without citation marks, Markdown signs, links, images, HTML tags and invisible characters.

    Of a link its words stay. Round brackets count only where they hold nothing but 资料 n.
    """

    def drop(match: re.Match[str]) -> str:
        mark = match[0]
        if mark[0] in "(（" and not re.match(r"[(（]\s*(?:资料|来源|引用)", mark):
            return mark  # （2020） is a year, not a mark
        return ""

    text = _LINK_TARGET.sub("", _HTML.sub(lambda tag: tag[1] or "", _UNSEEN.sub("", text)))
    text = _LINK.sub(lambda link: "" if link[1].strip().isdigit() else link[1], _IMAGE.sub("", text))
    return _EMPTY_MARK.sub("", _MARK.sub(drop, _MARKDOWN.sub("", text)))


def is_refusal(draft: str) -> bool:
    """True when a draft says that the passages do not tell, and says nothing else of substance."""
    plain = strip_marks(draft).strip()
    return not plain or bool(_REFUSAL.search(plain) and len(plain) < 80 and not re.search(r"但|不过|然而", plain))


def draft_sentences(draft: str) -> list[str]:
    """The sentences of a draft without marks, each once, in order; sentences that only refuse are left out."""
    plain = strip_marks(draft)
    sentences = [plain[s.start : s.end].strip() for s in split_sentences(plain)]
    return list(dict.fromkeys(s for s in sentences if re.search(r"\w", s) and not _REFUSAL.search(s)))


class Citations:
    """Gives each source span its number, from 1, in the order of first use; the same span keeps its number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int, int], int] = {}

    def cite(self, sentence: Sentence) -> Citation:
        """The citation of a sentence; its quote is the sentence without the white space around it."""
        text = sentence.text
        start = sentence.start + len(text) - len(text.lstrip())
        end = sentence.end - (len(text) - len(text.rstrip()))
        number = self._numbers.setdefault((sentence.article.id, start, end), len(self._numbers) + 1)
        return Citation(number, sentence.article, start, end, sentence.article.text[start:end])


@dataclass(frozen=True, slots=True)
class _Alignment:
    """The candidates that hold a statement and its share in them; `further` tell the time that those before them leave unsaid."""

    candidates: tuple[Candidate, ...]
    share: float
    further: tuple[Sentence, ...] = ()

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        return (*(c.sentence for c in self.candidates), *self.further)


def check_statement(text: str, candidates: Sequence[Candidate], citations: Citations, question: str = "") -> Statement:
    """A sentence of a draft with the source sentences that carry it.

    Args:
        text: the sentence, without marks.
        candidates: source sentences, best for the question first.
        citations: numbers the sentences that are cited.
        question: what it answers. Its words may also stand in the title, or before the sentence in its line.

    Returns:
        supported: words, numbers, dates and names all stand in the cited sentences; partial: most of it does; unsupported:
        nothing carries it, or a number, date or name differs (the note says which). Unsupported statements cite nothing.
    """
    text = _without_addresses(text, candidates)
    found = _align(text, candidates, question)
    if not found.sentences or found.share < PARTIAL:
        return Statement(text, (), "unsupported", "资料中找不到与这句话相符的原文")
    day = _day(found.sentences[0].article)
    untold = _missing(text, found.sentences)
    witnesses = {(w.article.id, w.start): w for q in untold if (w := _told_before(q, found.sentences))}
    if witnesses:
        found = replace(found, further=tuple(witnesses.values()))
        untold = _missing(text, found.sentences)
    undated = not any(_years_told(s.text, _day(s.article)) for s in found.sentences)
    missing = [q for q in untold if not (undated and _is_year(q, day))]
    if missing := [*missing, *misread_days(text, day)]:
        return Statement(text, (), "unsupported", f"数字或日期与资料不符：{'、'.join(q.text for q in missing)}")
    days = [_day(s.article) for s in found.sentences]
    elsewhere = misplaced(without_days(text, day), [s.text for s in found.sentences], day, days)
    if elsewhere:
        return Statement(text, (), "unsupported", f"资料中说的是别的：{'、'.join(q.text for q in elsewhere)}")
    if counted := _counted_instead(text, question):
        return Statement(text, (), "unsupported", f"问的是金额，不是{'、'.join(q.text for q in counted)}")
    strangers = _strangers(text, found.sentences)
    if strangers:
        return Statement(text, (), "unsupported", f"资料中这句话说的不是：{'、'.join(strangers)}")
    if all(min(c.features["names"], c.features["period"]) < _OFF_TOPIC for c in found.candidates):
        return Statement(text, (), "unsupported", "所依据的原文说的不是问题所问的对象或时间")
    for sentence in found.sentences:
        if others := _other_things(text, sentence):
            return Statement(text, (), "unsupported", f"资料中这句话说的是别的：{'、'.join(others)}")
        if row := larger_elsewhere(text, sentence.article.text, sentence.start):
            return Statement(text, (), "unsupported", f"表里还有另一行：{row}")
    foreign = _foreign_clauses(text, found.sentences, question)
    if foreign:
        return Statement(text, (), "unsupported", f"资料中没有：{'、'.join(foreign)}")
    note = ""
    if untold:
        note = f"原文这句没有说年份，{untold[0].text}是文章发表的年份"
    elif loose := _missing(text, found.sentences, strictly=True):
        note = f"原文说的是约数，或是预计、计划：{'、'.join(q.text for q in loose)}"
    elif found.share < SUPPORTED:
        note = "与原文的说法不完全一致"
    support: Support = "partial" if note else "supported"
    if len({_day(s.article) for s in found.sentences}) == 1:  # else it is not known from which day 昨日 counts
        text = with_days(text, found.sentences[0].article, years=False)
    return Statement(text, tuple(citations.cite(s) for s in found.sentences), support, note)


def _missing(text: str, sentences: Sequence[Sentence], *, strictly: bool = False) -> list[Quantity]:
    """The quantities and dates of a statement that stand in none of the sentences, both read on the day of the article.

    The year alone is also told by a day or month of that year: 2021年 by 7月2日 in an article of 2021.

    Args:
        strictly: also those that stand there only as about or planned.
    """
    missing: list[Quantity] | None = None
    for sentence in sentences:
        day = _day(sentence.article)
        here = missing_quantities(
            text, sentence.text, statement_reference=day, evidence_reference=day, hedges=True, strictly=strictly
        )
        here = [
            q
            for q in here
            if not (_is_year(q, day) and day and _years_told(sentence.text, day) == {day.year})
            and not _told_more_exactly(q, sentence.text, day)
        ]
        places = {q.start for q in here}
        missing = here if missing is None else [q for q in missing if q.start in places]
    return missing or []


def _told_more_exactly(quantity: Quantity, text: str, day: date | None) -> bool:
    """Whether a text tells a day of a third of a month: 10月下旬 by 10月22日."""
    span = quantity.span
    return (
        span is not None
        and quantity.text.endswith("旬")
        and any(
            q.span is not None and q.span.granularity == "day" and span.contains(q.span)
            for q in find_quantities(text, reference=day)
        )
    )


def _told_before(quantity: Quantity, sentences: Sequence[Sentence]) -> Sentence | None:
    """The sentence in which an article named a time for the last time before one that speaks of it and does not name it."""
    span = quantity.span
    if span is None or span.start is None:
        return None
    for sentence in sentences:
        article, day = sentence.article, _day(sentence.article)
        if fits_time((span,), article.text, sentence.start, sentence.end, article.title, day) < _NAMED_BEFORE:
            continue
        for start, end in reversed(evidence_spans(article.text)):
            if end <= sentence.start and any(
                q.span is not None and q.span.start is not None and q.span.same(span)
                for q in find_quantities(article.text[start:end], reference=day)
            ):
                return sentence_at(sentence.hit, start, end)
    return None


def _counted_instead(text: str, question: str) -> list[Quantity]:
    """The figures of a statement where a sum of money was asked for and all of them count something: 营业额为573万人次."""
    if question_expects(question) != "money":
        return []
    figures = [q for q in find_quantities(text) if q.kind in MEASURED and not text[q.start :].startswith("第")]
    return figures if all(meets_expectation("count", q) for q in figures) else []


def _is_year(quantity: Quantity, day: date | None) -> bool:
    """Whether a quantity is the year of that day, written as a number."""
    span = quantity.span
    if span is None or span.start is None or day is None:
        return False
    return span.granularity == "year" and not span.word and span.start.year == day.year


def _years_told(text: str, day: date | None) -> set[int]:
    """The years of the dates of a sentence, but for 上年 and 去年同期, with which it compares."""
    dates = [q for q in find_quantities(text, reference=day) if not re.search("同期|上年", q.text)]
    return {q.span.start.year for q in dates if q.span is not None and q.span.start is not None}


def _without_addresses(text: str, candidates: Sequence[Candidate]) -> str:
    """The text without addresses that stand in none of the sentences."""
    if not _ADDRESS.search(text):
        return text
    known = "\n".join(c.sentence.text for c in candidates)
    return _ADDRESS.sub(lambda address: address[0] if address[0] in known else "", text)


def _align(text: str, candidates: Sequence[Candidate], question: str) -> _Alignment:
    grams = bigrams(text)
    if not grams or not candidates:
        return _Alignment((), 0.0)
    asked = grams & bigrams(question)
    own = [grams & bigrams(_with_day(c.sentence)) for c in candidates]
    # At equal words the sentence that answers the question better is the source.
    first = max(range(len(candidates)), key=lambda i: (round(len(own[i]) / len(grams), 2), candidates[i].score))
    chosen = [candidates[first]]
    gains = [len((grams - own[first]) & bigrams(c.sentence.text)) / len(grams) for c in candidates]
    second = max(range(len(candidates)), key=lambda i: (round(gains[i], 2), candidates[i].score))
    held = own[first] | asked & bigrams(_head(chosen[0].sentence))
    if gains[second] >= _SECOND and second != first:
        chosen.append(candidates[second])
        held |= own[second]
    return _Alignment(tuple(chosen), len(held) / len(grams))


def _foreign_clauses(text: str, sentences: Sequence[Sentence], question: str) -> list[str]:
    """Clauses of a statement of which next to nothing stands in the question or the articles it cites: what was slipped in beside what is true."""
    clauses = [clause for clause in _CLAUSE.split(text) if clause.strip() and not _CONNECTIVE.match(clause)]
    articles = {s.article.id: s.article for s in sentences}.values()
    told = "\n".join(
        f"{inert_label(a.title)}\n{inert_label(a.source)}\n{a.date}\n{evidence_text(a.text, 0, len(a.text))}"
        for a in articles
    )
    known = bigrams(told) | bigrams(question)
    foreign = []
    for clause in clauses:
        grams = bigrams(clause)
        words = re.sub(r"[\d\W_]", "", clause)
        slipped_in = len(clauses) > 1 and len(words) >= 2 and len(grams & known) < _FOREIGN * len(grams)
        if slipped_in or any(exact[0] not in told for exact in _EXACT.finditer(clause)):
            foreign.append(clause.strip())
    return foreign


def _other_things(text: str, sentence: Sentence) -> list[str]:
    """Things that a source sentence names where the statement names another of their kind, which nobody named there: 混合泳 for 自由泳."""
    told = search_form(f"{_head(sentence)}\n{sentence.text}")
    said = {word for word in _things(text) if word not in told}
    return [
        other
        for other in _things(sentence.text)
        if other not in search_form(text)
        and any(word[-1] == other[-1] and len(word) == len(other) and word[0] != other[0] for word in said)
    ]


def _things(text: str) -> list[str]:
    """Common nouns of three characters or more, in order; in those of two, 额 of 总额 and 金额 tells no two things apart."""
    import rjieba

    return [word for word, tag in rjieba.tag(search_form(text)) if tag in ("n", "nz", "l") and len(word) >= _THING]


def _with_day(sentence: Sentence) -> str:
    """The sentence with the year of its article, which answers often add."""
    day = sentence.article.date
    return f"{sentence.text} {day[:4]}年" if day else sentence.text


def _head(sentence: Sentence) -> str:
    """What is said above a sentence: title, heading, and its line up to it."""
    article = sentence.article
    line = article.text[sentence.line[0] : sentence.start]
    return f"{article.title}\n{sentence.hit.chunk.heading}\n{line}"


def _strangers(text: str, sentences: Sequence[Sentence]) -> list[str]:
    """Names in a statement that none of its source sentences can speak of, or none of those that hold the figure said of them."""
    strangers = [a.text for a in find_anchors(text) if max((_speaks(a, s) for s in sentences), default=0.0) < _SPEAKS]
    if len(sentences) < 2:
        return strangers
    for quantity, names in owners(text, _day(sentences[0].article)):
        holding = [
            s
            for s in sentences
            if any(same_quantity(quantity, q) for q in find_quantities(s.text, reference=_day(s.article)))
        ]
        if holding:
            strangers += [n.text for n in names if max(_speaks(n, s) for s in holding) < _SPEAKS]
    return list(dict.fromkeys(strangers))


def _speaks(anchor: Anchor, sentence: Sentence) -> float:
    article = sentence.article
    whole = f"{article.title}\n{article.source}\n{article.text}"
    return speaks_of(anchor, sentence.text, f"{article.title}\n{article.text[: sentence.start]}", whole)


def _day(article: Article) -> date | None:
    return article.published_at.astimezone(SHANGHAI).date() if article.published_at else None
