"""What readers said of answers, as an evaluation set: a folder that `python -m eval run --set FOLDER` reads.

What a judgement tells becomes what a right answer must or must not say; what it does not tell is left open, and what the reader wrote
stands beside the question (`said`), for a person to complete it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from rag.answer_forms import answer_form
from rag.chat_records import REASONS, Feedback, RatedExchange
from rag.errors import LibraryError
from rag.quantities import find_quantities
from rag.question_types import QUANTITY_TYPES, meets_expectation, question_expects
from rag.records import Answer, Article

QUESTIONS: Final = "questions_feedback.jsonl"
CORPUS: Final = "corpus.jsonl"
REASON_NAMES: Final = dict(zip(REASONS, ("数字不对", "出处不对", "没答到", "资料里其实有", "其他"), strict=True))
_REMEMBERED = 4
"""Exchanges before it that go with a follow-up."""


def describe(feedback: Feedback) -> str:
    """What a reader said, for people: 有问题：数字不对；应为400.69亿元."""
    told = "、".join(REASON_NAMES[reason] for reason in feedback.reasons if reason in REASON_NAMES)
    parts = [part for part in (told, " ".join(feedback.comment.split())) if part]
    verdict = "答得对" if feedback.verdict == "up" else "有问题"
    return f"{verdict}：{'；'.join(parts)}" if parts else verdict


def write_feedback(folder: Path, rated: Iterable[RatedExchange], articles: Iterable[Article]) -> int:
    """Write the set.

    Args:
        folder: made when missing; one that holds a set is not written over.
        articles: what the questions are to be asked over, normally the whole library. Articles that answers cited and that are no
            longer among them are added as they were.

    Returns:
        The number of questions.

    Raises:
        LibraryError: there is a set already, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any((folder / name).exists() for name in (QUESTIONS, CORPUS)):
            raise LibraryError(f"{folder} 里已有评测集", "请换一个文件夹，或先把它移走")
        found = list(rated)
        texts: dict[str, str] = {}
        with (folder / CORPUS).open("w", encoding="utf-8") as file:
            for article in articles:
                texts[article.id] = article.text
                _line(file, {"id": article.id, "title": article.title, "text": article.text})
            for article in _cited(found):
                if article.id not in texts:
                    texts[article.id] = article.text
                    _line(file, {"id": article.id, "title": article.title, "text": article.text})
        with (folder / QUESTIONS).open("w", encoding="utf-8") as file:
            for exchange in found:
                _line(file, to_question(exchange, texts))
    except OSError as error:
        raise LibraryError(f"评测集写不了：{folder}（{error.strerror}）", "请检查文件夹的权限与磁盘空间") from None
    return len(found)


def to_question(rated: RatedExchange, texts: dict[str, str]) -> dict[str, Any]:
    """One line of the set, in the form of the shipped questions and `said`.

    Args:
        texts: the articles of the set by id; a quote that is no longer in its article leaves the article alone as gold.
    """
    exchange, feedback = rated.exchange, rated.feedback
    answer = exchange.answer
    assert answer is not None
    right = feedback.verdict == "up"
    answerable = not (answer.refused and (right or "is_in_articles" not in feedback.reasons))
    before = [
        {"question": e.question, "answer": e.answer.text}
        for e in rated.before
        if e.answer is not None and not e.answer.is_reply
    ][-_REMEMBERED:]
    row: dict[str, Any] = {
        "id": f"fb-{exchange.id}",
        "type": _type(answer, answerable=answerable, follows=bool(before)),
        "question": exchange.question,
        "history": before,
        "answerable": answerable,
        "key_facts": [],
        "forbidden": [],
        "gold": [],
        "answer": "",
        "said": describe(feedback),
    }
    if right and not answer.refused:
        row["key_facts"] = [[figure] for figure in _figures(answer)]
        row["answer"] = "".join(s.text for s in answer.shown)
    elif "wrong_figure" in feedback.reasons and len(figures := _figures(answer)) == 1:
        row["forbidden"] = figures  # of several figures it is not known which one is wrong
    if right or ("wrong_figure" in feedback.reasons and "wrong_source" not in feedback.reasons):
        row["gold"] = list(_gold(answer, texts))
    return row


def _type(answer: Answer, *, answerable: bool, follows: bool) -> str:
    if not answerable:
        return "unanswerable"
    if follows and answer.standalone_question != answer.question:
        return "follow_up"
    question = answer.standalone_question or answer.question
    form = answer_form(question)
    if form in ("list", "comparison", "summary"):
        return form
    expects = question_expects(question)
    return "date" if expects == "date" else "number" if expects in QUANTITY_TYPES else "fact"


def _figures(answer: Answer) -> list[str]:
    """The figures of an answer that are of the type asked for and not in the question itself, each once."""
    question = answer.standalone_question or answer.question
    expects = question_expects(question)
    return list(
        dict.fromkeys(
            quantity.text
            for statement in answer.shown
            for quantity in find_quantities(statement.text)
            if meets_expectation(expects, quantity) and quantity.text not in question
        )
    )


def _gold(answer: Answer, texts: dict[str, str]) -> Iterator[dict[str, str]]:
    seen = set()
    for statement in answer.shown:
        for citation in statement.citations:
            key = (citation.article.id, citation.quote)
            if key not in seen:
                seen.add(key)
                there = citation.quote in texts.get(citation.article.id, "")
                yield {"article": citation.article.id, "quote": citation.quote if there else ""}


def _cited(rated: Iterable[RatedExchange]) -> Iterator[Article]:
    for exchange in rated:
        if exchange.exchange.answer is not None:
            yield from (c.article for s in exchange.exchange.answer.statements for c in s.citations)


def _line(file: Any, row: dict[str, Any]) -> None:
    file.write(json.dumps(row, ensure_ascii=False) + "\n")
