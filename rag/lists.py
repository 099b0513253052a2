"""Answers that are lists: every source sentence that carries items, and of a draft's items those that no source has, and those it left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.enumerations import Enumeration, find_enumerations
from rag.evidence import Citations
from rag.extractive import extract, quote
from rag.injections import evidence_spans
from rag.records import Statement
from rag.relevance import Candidate, sentence_at
from rag.sentences import is_row
from rag.table_rows import CELL, TOTAL, extreme_row, tables
from rag.told_days import asks_about_time
from rag.words import bigrams, search_form, topic_words

_LOOKED_AT = 3
"""A table of which a row is among this many best sentences is looked through for its largest figure."""
_MOST = 20
"""Sentences of a list at most."""

_CARRIES = 0.5
"""A further sentence of the article belongs to the list with at least this share of the best one's score ..."""
_PARALLEL = 0.25
"""... and this share of its bigrams in the best one: 判处甲…, 判处乙…."""

_SENTENCE = 0.9
"""Share of the bigrams of a whole sentence that a text must hold to say it; a name must stand in it as it is."""
_LONGEST_ITEM = 15
_AGAIN = re.compile(r"([^、，。；;\s]{2,30})(?:、\1)+(?=[、，。；;等]|$)")
"""An item that is repeated: small models fill a list with one name."""
_GENERIC = re.compile(r"(?<=..)(?:产业|行业|企业|公司|集团|地区|城市|市|县|区)$")

_NUMBERED = re.compile(r"^\s*(?:第?(\d{1,2})[、.．)）](?!\d)|[（(](\d{1,2})[)）])\s*\S")
_FIRST_N = re.compile(r"前([两三四五六七八九十]|\d{1,2})[名位个家强大]")
_NUMBERS = {n: i for i, n in enumerate("零一二三四五六七八九十")} | {"两": 2}
_COUNT = re.compile(
    r"(?<!第)(?<![\d.一二三四五六七八九十百千万])([两三四五六七八九十]|\d{1,2})[个家位名所宗场条项支座种款区市县部件起篇本人]"
)
_OVERVIEW = re.compile(r"消息|新闻|条|要点|措施|举措|步骤|内容|事项|建议|问题|议题|亮点|看点")


@dataclass(frozen=True, slots=True)
class _Item:
    """A sentence of the list. `members` are the things it adds to the list, empty where it is quoted as it stands."""

    candidate: Candidate
    members: tuple[str, ...] = ()


def quote_list(question: str, candidates: Sequence[Candidate], citations: Citations) -> tuple[Statement, ...]:
    """The list without any LLM: every sentence that carries items, in the order of the article; empty for no candidates."""
    years = asks_about_time(question)
    return tuple(quote(item.candidate, citations, years=years) for item in _items(question, candidates))


def extreme(question: str, candidates: Sequence[Candidate]) -> Candidate | None:
    """The table row that holds the most or the least of what is asked, where one of the best sentences is a row of that table."""
    for candidate in candidates[:_LOOKED_AT]:
        sentence = candidate.sentence
        if is_row(sentence.text) and (place := extreme_row(question, sentence.article.text, sentence.start)):
            return _beside(candidate, *place)
    return None


def check_items(statement: Statement) -> Statement:
    """The statement of a draft, unsupported where an item that it enumerates stands in none of the sentences it cites; each item once."""
    statement = replace(statement, text=_AGAIN.sub(r"\1", statement.text))
    told = " ".join(citation.quote for citation in statement.citations)
    items = [item for found in find_enumerations(statement.text) for item in found.items]
    alone = re.split(r"[：:]", statement.text)[-1].strip("。；;，, ")
    if not items and len(alone) <= _LONGEST_ITEM:
        items = [alone]  # a line of the list
    invented = [item for item in items if not _names(told, item)]
    if statement.support == "unsupported" or not invented:
        return statement
    return Statement(statement.text, (), "unsupported", f"所引原文中没有列出：{'、'.join(invented)}")


def complete_set(question: str, candidates: Sequence[Candidate]) -> bool:
    """Whether the sources hold the list as a set of its own: a table, a numbering, an enumeration with at least two items."""
    return sum(len(item.members) for item in _items(question, candidates)) > 1


def left_out(
    question: str, statements: Sequence[Statement], candidates: Sequence[Candidate], citations: Citations
) -> tuple[Statement, ...]:
    """The source sentences with items of the list that a draft left out, quoted."""
    years = asks_about_time(question)
    said = " ".join(s.text for s in statements if s.support != "unsupported")
    added = []
    for item in _items(question, candidates):
        missing = [member for member in item.members if not _names(said, member)]
        if missing:
            statement = quote(item.candidate, citations, years=years)
            added.append(replace(statement, note="" if len(item.members) == 1 else f"补充：{'、'.join(missing)}"))
            said += statement.text
    return tuple(added)


def _names(text: str, item: str) -> bool:
    """Whether a text names an item of a list: 沧屏理工学院 is not named by 沧屏大学、东湾理工学院, of which it is put together."""
    own, plain = search_form(item), search_form(text)
    if own in plain or _GENERIC.sub("", own) in plain:
        return True
    grams = bigrams(own)
    return len(own) > _LONGEST_ITEM and len(grams & bigrams(plain)) >= _SENTENCE * len(grams)


def _items(question: str, candidates: Sequence[Candidate]) -> list[_Item]:
    """The sentences of the list: rows of the table or lines of the numbering that the question is about, else sentences with items."""
    if not candidates:
        return []
    best = candidates[0]
    counts = _counts(f"{question}，{best.sentence.text}")
    block = _rows(question, best, counts) or _numbered_lines(question, best, counts)
    if block:
        head = [] if _in_block(best, block) or not _is_sentence(best) else [_Item(best)]
        return [*head, *block][:_MOST]
    enumerated = _best_enumeration(question, best)
    if enumerated:
        others = [c for c in _extracted(question, candidates) if find_enumerations(c.sentence.text)]
        return [_Item(best, enumerated.items), *(_Item(c) for c in others if c is not best)]
    chains = [_chain(best), *(_chain(c) for c in [*_extracted(question, candidates), *_next_ones(best)])]
    chain = next((c for c in chains if len(c) in counts), chains[0] if len(chains[0]) > 1 else [])
    members = {c.sentence.start: (c.sentence.text.strip(),) for c in chain}
    items: dict[tuple[str, int], _Item] = {}
    for candidate in [best, *chain, *_chosen(question, candidates)]:
        key = (candidate.sentence.article.id, candidate.sentence.start)
        items.setdefault(key, _Item(candidate, members.get(key[1], ()) if candidate in chain else ()))
    order = {article: i for i, article in enumerate(dict.fromkeys(article for article, _ in items))}
    return [items[key] for key in sorted(items, key=lambda key: (order[key[0]], key[1]))][:_MOST]


def _counts(text: str) -> set[int]:
    """How many things a question or sentence speaks of: 4 of 哪四所, 6 of 值得关注的6条消息; one is no list."""
    found = {m[1] for m in _COUNT.finditer(search_form(text))}
    return {number for n in found if (number := int(n) if n.isdigit() else _NUMBERS.get(n, 0)) > 1}


def _next_ones(candidate: Candidate) -> list[Candidate]:
    """The two sentences that follow in the article: a count is often told just before its items."""
    text = candidate.sentence.article.text
    spans = [s for s in evidence_spans(text) if s.start > candidate.sentence.start]
    return [_beside(candidate, s.start, s.end) for s in spans[:2]]


def _extracted(question: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that an ordinary answer would quote."""
    places = {(c.article.id, c.start) for s in extract(question, candidates) for c in s.citations}
    return [
        c
        for c in candidates
        if any(c.sentence.article.id == a and c.sentence.start <= at < c.sentence.end for a, at in places)
    ]


def _chosen(question: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those of an ordinary answer, and what is said in the same way in the article of the best one."""
    best = candidates[0]
    own = bigrams(best.sentence.text)
    parallel = [
        c
        for c in candidates
        if c.sentence.article.id == best.sentence.article.id
        and c.score >= _CARRIES * best.score
        and len(own & (grams := bigrams(c.sentence.text))) >= _PARALLEL * len(grams)
    ]
    return [*_extracted(question, candidates), *parallel]


def _best_enumeration(question: str, candidate: Candidate) -> Enumeration | None:
    """Of the enumerations of a sentence the one in whose clause most of the question's words stand."""
    words = topic_words(question)
    found = find_enumerations(candidate.sentence.text)
    return max(found, key=lambda e: sum(word in search_form(e.clause) for word in words), default=None)


def _chain(candidate: Candidate) -> list[Candidate]:
    """The clauses between semicolons that a sentence is one of: 甲…；乙…；丙…。 They are one enumeration."""
    sentence = candidate.sentence
    text = sentence.article.text
    spans = [s for s in evidence_spans(text) if sentence.line[0] <= s.start < sentence.line[1]]
    at = next((i for i, s in enumerate(spans) if s.start == sentence.start), None)
    if at is None:
        return [candidate]
    first = last = at
    while first and text[spans[first - 1].end - 1] in "；;":
        first -= 1
    while last + 1 < len(spans) and text[spans[last].end - 1] in "；;":
        last += 1
    return [_beside(candidate, s.start, s.end) for s in spans[first : last + 1]]


def _beside(candidate: Candidate, start: int, end: int) -> Candidate:
    """Another sentence of the candidate's article, judged as it is."""
    if start == candidate.sentence.start:
        return candidate
    return replace(candidate, sentence=sentence_at(candidate.sentence.hit, start, end))


def _is_sentence(candidate: Candidate) -> bool:
    return candidate.sentence.text.rstrip()[-1:] in tuple("。；;！!")


def _in_block(candidate: Candidate, block: Sequence[_Item]) -> bool:
    return any(item.candidate.sentence.start == candidate.sentence.start for item in block)


def _rows(question: str, best: Candidate, counts: set[int]) -> list[_Item]:
    """The rows of the table that the question is about: the best sentence's own or the one under it, one with a column that the question
    names, or one with as many rows as are spoken of."""
    article = best.sentence.article
    asked = search_form(question)
    for block in tables(article.text):
        before = article.text[: block[0][0]].rstrip()
        own = any(start == best.sentence.start for start, _ in block) or len(before) == best.sentence.end
        labels = {search_form(m[1]).strip() for m in CELL.finditer(article.text[slice(*block[0])])}
        named = any(len(label) >= 2 and re.split(r"[（(]", label)[0] in asked for label in labels)
        if not own and not named and len(block) not in counts:
            continue
        rows = [place for place in block if "合计" in asked or not TOTAL.search(article.text[slice(*place)])]
        some = [
            p
            for p in rows
            if any(len(v) >= 2 and search_form(v) in asked for v in _values(article.text[slice(*p)])[:2])
        ]
        most = _first_n(question)
        return [
            _Item(_beside(best, *place), tuple(_values(article.text[slice(*place)])[:1]))
            for place in (some or rows)[: most or _MOST]
        ]
    return []


def _values(row: str) -> list[str]:
    """What stands in the cells of a row that are no figures, in order."""
    return [
        m[2]
        for m in CELL.finditer(row)
        if re.search(r"[^\W\d]{2}", m[2]) and not m[2][:1].isdigit() and m[1].strip() != "名次"
    ]


def _first_n(question: str) -> int:
    """The 5 of 前五名; 0 where the question does not say."""
    match = _FIRST_N.search(search_form(question))
    if not match:
        return 0
    return int(match[1]) if match[1].isdigit() else _NUMBERS[match[1]]


def _numbered_lines(question: str, best: Candidate, counts: set[int]) -> list[_Item]:
    """The lines 1、 2、 3、 … of the best sentence's article, where the question asks for all of them."""
    article = best.sentence.article
    lines: list[tuple[int, int]] = []
    for start, end in evidence_spans(article.text):
        number = _NUMBERED.match(article.text[start:end])
        if number and int(number[1] or number[2]) == len(lines) + 1:
            lines.append((start, end))
    if len(lines) < 3:
        return []
    introduced = len(article.text[: lines[0][0]].rstrip()) == best.sentence.end
    if (
        not introduced
        and not _OVERVIEW.search(question)
        and not any(start == best.sentence.start for start, _ in lines)
    ):
        return []
    return [_Item(_beside(best, *place), (_without_number(article.text[slice(*place)]),)) for place in lines]


def _without_number(line: str) -> str:
    return re.sub(r"^\s*[（(]?\d{1,2}[、.．)）]\s*", "", line)
