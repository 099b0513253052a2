"""How an answer ends: with source sentences, with the checked sentences of an LLM's draft, or with a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from rag.answer_forms import answer_form
from rag.comparison_tables import figures_of
from rag.conflicts import rivals, told_differently
from rag.evidence import Citations, check_statement, draft_sentences, is_refusal
from rag.extractive import extract, quote
from rag.gate import REFUSAL
from rag.long_answers import Part, add_left_out, check_form, enough_holds, quoted_anyway, quotes_for
from rag.records import Statement
from rag.relevance import Candidate
from rag.told_days import asks_about_time
from rag.words import search_form

EXTRACTS_FOLLOW = "，以下是原文摘录。"
"""What ends a notice that says why the LLM does not answer, where source sentences do."""
_SURE, _SURE_READ = 0.9, 0.6
"""Score of a sentence that is quoted although the LLM says nothing that holds, without and with the reader (whose scores are lower);
`python -m eval run --llm` shows what it costs."""
_ELSEWHERE = 0.3
"""A sentence whose `names` or `period` feature is not above this speaks of something else than was asked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an answer ends: its statements, or a refusal with its reason; `notice` tells of anything that went wrong."""

    statements: tuple[Statement, ...]
    reason: str = ""
    llm: str = ""
    notice: str = ""


def extracts(judged: Sequence[Part]) -> tuple[Statement, ...]:
    """What answers each part, each sentence once."""
    citations = Citations()
    statements = quotes_for(judged, citations)
    return _with_rivals(statements, judged, citations)


def _with_rivals(
    statements: Sequence[Statement], judged: Sequence[Part], citations: Citations
) -> tuple[Statement, ...]:
    """The statements, and behind one whose figure another source gives differently what that source says."""
    told = list(statements)
    figures = figures_of([part for part, _ in judged], [candidates for _, candidates in judged])
    for (part, candidates), own in zip(judged, figures, strict=True):
        answers = {(c.sentence.article.id, c.sentence.start) for c in figures if c and c is not own}
        by_place = {(c.sentence.article.id, c.sentence.start): c for c in candidates}
        for statement in statements:
            cited = [
                (citation, said)
                for citation in statement.citations
                for said in candidates
                if said.sentence.article.id == citation.article.id
                and said.sentence.start <= citation.start < said.sentence.end
            ]
            if not cited or statement.support == "unsupported":
                continue
            citation, said = cited[0]
            if (said.sentence.article.id, said.sentence.start) in answers:
                continue
            for rival in rivals(part, said, list(by_place.values())):
                if (rival.sentence.article.id, rival.sentence.start) in answers:
                    continue  # the other city's figure contradicts nothing
                other = quote(rival, citations, years=asks_about_time(part))
                note = told_differently(citation, other.citations[0])
                same = next(
                    (s for s in told if s.citations and s.citations[0].number == other.citations[0].number), None
                )
                if same is None:
                    told.insert(told.index(statement) + 1, replace(other, note=note))
                elif same is not statement and not same.note and citation.number < other.citations[0].number:
                    told[told.index(same)] = replace(same, note=note)
            break  # what answers best; further sentences only add to it
    return tuple(told)


def merged(judged: Sequence[Sequence[Candidate]]) -> list[Candidate]:
    """The candidates of all parts in turns, each sentence once as the part that it suits best sees it."""
    best: dict[tuple[str, int], Candidate] = {}
    for candidate in (c for own in judged for c in own):
        key = (candidate.sentence.article.id, candidate.sentence.start)
        if key not in best or candidate.score > best[key].score:
            best[key] = candidate
    order = dict.fromkeys(
        (c.sentence.article.id, c.sentence.start) for row in zip_longest(*judged) for c in row if c is not None
    )
    return [best[key] for key in order]


def verify_draft(draft: str, judged: Sequence[Part], llm: str, question: str = "") -> Verdict:
    """The checked statements of a draft; a draft that refuses, or of which nothing holds, ends in a refusal or an extract.

    Args:
        judged: each part of the question with its source sentences, best first.
        question: as a whole; its only part without it.
    """
    question = question or judged[0][0]
    if is_refusal(draft):
        return _overruled(judged, llm)
    citations = Citations()
    candidates = merged([own for _, own in judged])
    statements = tuple(check_statement(text, candidates, citations, question) for text in draft_sentences(draft))
    statements = check_form(judged, statements)
    if enough_holds(question, statements, candidates):
        told = add_left_out(question, judged, statements, citations)
        told += _instead_of_struck(told, judged, citations)
        return Verdict(_with_rivals(told, judged, citations), llm=llm)
    found = _overruled(judged, llm, draft)
    few = "只有一句" if any(s.support != "unsupported" for s in statements) else "没有一句"
    notice = f"大模型的回答{few}能在资料中找到依据，已不予采用" + (EXTRACTS_FOLLOW if found.statements else "。")
    struck = [s for s in statements if s.support == "unsupported"]
    return replace(found, statements=(*found.statements, *struck) if found.statements else (), notice=notice)


def _overruled(judged: Sequence[Part], llm: str, draft: str = "") -> Verdict:
    """A draft that says nothing: the source sentences that surely answer are quoted, else it is a refusal. Small models refuse too often.

    Args:
        draft: what was said in words that nothing carries; where it gives the figures of the sentence that answers best, that is quoted.
    """
    own = [(part, [c for c in candidates if _on_topic(c)]) for part, candidates in judged]
    sure = [
        (part, candidates)
        for part, candidates in own
        if candidates
        and (quoted_anyway(part, candidates) or _is_sure(candidates[0]) or _agrees(draft, part, candidates[0]))
    ]
    if not sure:
        return Verdict((), REFUSAL, llm)
    return Verdict(extracts(sure), llm=llm, notice=f"大模型没有答出来{EXTRACTS_FOLLOW}")


def _instead_of_struck(
    told: Sequence[Statement], judged: Sequence[Part], citations: Citations
) -> tuple[Statement, ...]:
    """Where a sentence of a draft is struck: what surely answers a part of the question and is not cited yet."""
    if all(statement.support != "unsupported" for statement in told):
        return ()
    cited = {(c.article.id, c.start) for statement in told for c in statement.citations}
    added: list[Statement] = []
    for part, candidates in judged:
        best = next((c for c in candidates if _on_topic(c)), None)
        if best is not None and _is_sure(best) and answer_form(part) == "ordinary":
            (statement,) = extract(part, [best], citations)
            if (best.sentence.article.id, statement.citations[0].start) not in cited:
                added.append(statement)
    return tuple(added)


def _agrees(draft: str, question: str, candidate: Candidate) -> bool:
    """Whether a draft answers with what the reader would: the LLM and it have found the same, each for itself."""
    answer = candidate.answer
    return len(answer) > 1 and answer in search_form(draft) and answer not in search_form(question)


def _is_sure(candidate: Candidate) -> bool:
    return candidate.score >= (_SURE_READ if "reader" in candidate.features else _SURE)


def _on_topic(candidate: Candidate) -> bool:
    return min(candidate.features["names"], candidate.features["period"]) > _ELSEWHERE
