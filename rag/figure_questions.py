"""Questions made from sentences, without a model: the figure of a sentence becomes what is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from rag.anchors import find_anchors
from rag.quantities import Quantity, find_quantities
from rag.records import Article
from rag.sentences import split_sentences

_YEAR = re.compile(r"(?<!\d)20\d\d年")
_CLAUSE_END = re.compile(r"[，；。！？,;]")
_SHORTEST, _LONGEST = 14, 90
_MOST_FIGURES = 6
_DATELINE = re.compile(r"[日月](?:电|讯|消息)|（[^）]*记者")
_NAMES_NOTHING = re.compile(
    r"^(?:[—·•▲“《(（-]|其中|此外|同时|另外|因此|但|而|该|这|那|他|她|它|上述|对此|不过|目前|截至目前|据介绍)"
)


@dataclass(frozen=True, slots=True)
class FigureQuestion:
    """A question whose answer is known.

    Attributes:
        type: what is asked for.
        answer: the figure, as the sentence writes it.
        start, end: where the sentence stands: `article.text[start:end]`.
    """

    type: Literal["number", "date"]
    question: str
    answer: str
    start: int
    end: int

    @property
    def stands_alone(self) -> tuple[int, int]:
        """How well it can be understood without its article: names and years in it, then its length."""
        return len(find_anchors(self.question)) + 2 * bool(_YEAR.search(self.question)), len(self.question)


def figure_questions(article: Article) -> Iterator[FigureQuestion]:
    """A question for each number and day of an article that a question can be made of, in the order of its text."""
    for place in split_sentences(article.text):
        whole = article.text[place.start : place.end]
        sentence = whole.strip()
        if not _SHORTEST <= len(sentence) <= _LONGEST or sentence.startswith("|") or not sentence.endswith("。"):
            continue
        if _NAMES_NOTHING.match(sentence) or _DATELINE.search(sentence):
            continue
        start = place.start + whole.index(sentence)
        quantities = find_quantities(sentence)
        for quantity in quantities:
            asked = _asked_for(quantity)
            if asked and len(quantities) <= _MOST_FIGURES:
                question = _question(sentence, quantity, asked)
                if question and quantity.text not in question and find_anchors(question):
                    kind: Literal["number", "date"] = "date" if quantity.kind == "date" else "number"
                    yield FigureQuestion(kind, question, quantity.text, start, start + len(sentence))


def _asked_for(quantity: Quantity) -> str:
    """The word that asks for it; empty for what makes no good question."""
    if quantity.approx or quantity.planned or not quantity.text[0].isdigit():
        return ""
    if quantity.kind == "percent":
        return "百分之多少"
    if quantity.kind == "amount" and quantity.unit and isinstance(quantity.value, Decimal) and quantity.value >= 10:
        return f"多少{quantity.unit}" if len(quantity.unit) <= 3 else "多少"
    if quantity.kind == "date" and "月" in quantity.text and quantity.text.endswith("日"):
        return "哪一天"
    return ""


def _question(sentence: str, quantity: Quantity, asked: str) -> str:
    """The sentence up to the end of the figure's clause, with the asking word for the figure."""
    after = _CLAUSE_END.search(sentence, quantity.end)
    tail = sentence[quantity.end : after.start() if after else len(sentence)]
    body = f"{sentence[: quantity.start]}{asked}{tail}".strip().rstrip("。！？；，：:")
    return f"{body}？" if len(body) >= _SHORTEST and body.count("“") == body.count("”") else ""
