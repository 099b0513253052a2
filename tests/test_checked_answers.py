"""Every figure and date shown as supported stands in its quotes, over all shipped questions: a checker of its own says so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from rich.console import Console

from embeddings import Embedder, load_embedder
from embeddings.embedder import Matrix, Progress
from eval.datasets import Case, load_shipped
from eval.libraries import prepared_library
from rag import Library, Settings
from rag.bindings import misplaced
from rag.quantity_match import missing_quantities
from rag.records import SHANGHAI, Answer, Hit
from rag.sentences import split_sentences
from tests.independent_checker import missing, unfounded
from tests.prompt_chats import FAULTS, Planting, Prompt, Writer, copy, merge, prompt_chat

pytestmark = pytest.mark.model
CASES = load_shipped().cases


class Remembering(Embedder):
    """An embedder that works each text out once: the same passages are judged for every model that answers."""

    def __init__(self, inner: Embedder) -> None:
        self.name, self.dim, self.max_tokens = inner.name, inner.dim, inner.max_tokens
        self.fingerprint = inner.fingerprint
        self._inner = inner
        self._known: dict[str, Matrix] = {}

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Matrix:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._inner.encode_passages(new), strict=True))
        if progress:
            progress(len(texts))
        return self._inner.encode_passages([]) if not texts else _stacked([self._known[text] for text in texts])

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return self._inner.encode_queries(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._inner.count_tokens(texts)


def _stacked(rows: Sequence[Matrix]) -> Matrix:
    import numpy as np

    return np.stack(rows)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The library of the shipped set under the built-in embedder, without the reader: it orders sentences, it checks none."""
    settings = Settings.model_validate({"llm": "none", "threads": 1, "reader": ""})
    embedder = Remembering(load_embedder("zh-small", threads=1))
    cache = tmp_path_factory.mktemp("cache")
    with prepared_library(load_shipped(), settings, cache, Console(quiet=True), embedder=embedder) as library:
        yield library


@pytest.fixture(scope="module")
def extracts(shipped: Library) -> dict[str, Answer]:
    """The extractive answer to each question."""
    return {case.id: _ask(shipped, case) for case in CASES}


def _ask(library: Library, case: Case, passages: Sequence[Hit] | None = None) -> Answer:
    answer = list(library.events(case.question, case.history, passages=passages))[-1]
    assert isinstance(answer, Answer)
    return answer


def _drafted(library: Library, extracts: dict[str, Answer], write: Writer) -> Iterator[tuple[Case, Answer]]:
    """What becomes of a model's drafts over the passages that the extractive answers were made of."""
    library.use_chat_model(prompt_chat(write))
    try:
        for case in CASES:
            yield case, _ask(library, case, extracts[case.id].hits)
    finally:
        library.use_chat_model(None)


def test_every_sentence_carries_itself(shipped: Library) -> None:
    wrong = []
    for article in shipped.articles():
        day = article.published_at.astimezone(SHANGHAI).date() if article.published_at else None
        for start, end in split_sentences(article.text):
            text = article.text[start:end]
            given = {"statement_reference": day, "evidence_reference": day}
            if missing_quantities(text, text, hedges=True, strictly=True, **given) or misplaced(text, [text], day):
                wrong.append((article.title, text))
            if found := missing(text, [(text, day)]):
                wrong.append((article.title, found, text))
    assert wrong == []


def test_extractive_answers(extracts: dict[str, Answer]) -> None:
    assert len(extracts) > 300
    assert sum(not answer.refused for answer in extracts.values()) > 200
    assert [(case, wrong) for case, answer in extracts.items() for wrong in unfounded(answer)] == []


def reference(prompt: Prompt) -> str:
    """The answer that a person wrote for the set: right, and in words of its own."""
    written = {case.question: max(case.references, key=len) for case in CASES if case.references}
    return written.get(prompt.question, "资料中没有相关信息。")


@pytest.mark.parametrize("write", [copy, merge, reference])
def test_answers_of_an_honest_model(shipped: Library, extracts: dict[str, Answer], write: Writer) -> None:
    supported = 0
    wrong = []
    for case, answer in _drafted(shipped, extracts, write):
        supported += any(s.support == "supported" for s in answer.shown)
        wrong += [(case.id, found) for found in unfounded(answer)]
    assert wrong == []
    assert supported > 150, "what is right must not be struck"


def test_planted_faults_are_never_shown_as_supported(shipped: Library, extracts: dict[str, Answer]) -> None:
    planting = Planting()
    planted = Counter[str]()
    wrong, believed = [], []
    for case, answer in _drafted(shipped, extracts, planting):
        planted.update(name for name, _ in planting.planted.values())
        wrong += [(case.id, found) for found in unfounded(answer)]
        for statement in answer.shown:
            if statement.support == "supported" and (made := _made(statement.text, planting)):
                believed.append((case.id, *made, statement.text))
    assert wrong == []
    assert planted.keys() == FAULTS.keys(), planted
    assert believed == [], Counter(name for _, name, _, _ in believed)


def _made(text: str, planting: Planting) -> tuple[str, str] | None:
    """The fault and the true sentence of a planted one, also where Youju wrote the day behind 昨日 into it."""
    return planting.planted.get(text) or planting.planted.get(re.sub(r"（\d{4}年[^）]*）", "", text))
