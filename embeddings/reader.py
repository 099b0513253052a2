"""zh-reader: reads a question together with a passage and says of each sentence how far the answer seems to stand in it.

The weights are those of zh-small with a small addition (see the model card); `reader.onnx` lies beside them and is run by onnxruntime.
For each token the model gives a score for being the answer's first and last one; the first token of all stands for "not in here"
(as in SQuAD 2.0, Rajpurkar et al. 2018, arXiv 1806.03822). A sentence's margin is the best span within it against that.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.catalogue import READER_FILES, ZH_SMALL_FILES
from embeddings.embedder import EmbeddingError, Matrix
from embeddings.zh_small import FOLDER, available_cores, open_session

LEAST = -20.0
"""Margin of a sentence that lies beyond what is read."""

_QUESTION = 64
_LONGEST = 384
_SPAN = 40
"""Tokens: of the question, of all together, of an answer."""
_START, _END, _SEPARATOR = 0, 2, (2, 2)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one passage.

    Attributes:
        margins: for each sentence, in logits: above 0 the answer is rather in it than not in the passage.
        answers: for each sentence the words in it that would be the answer, as they were given; "" where it is not read.
        answered: logit of the passage answering the question at all.
    """

    margins: tuple[float, ...]
    answers: tuple[str, ...]
    answered: float


class PassageReader:
    """Safe to call from several threads. A passage's reading depends on it and the question alone.

    Args:
        threads: passages read at the same time; 0 for one a core.
        folder: where the model lies.

    Raises:
        EmbeddingError: its files are missing or damaged.
    """

    def __init__(self, threads: int = 0, folder: Path = FOLDER) -> None:
        self._tokenizer, self._session = open_session(folder, "reader.onnx", {**ZH_SMALL_FILES, **READER_FILES})
        self._pool = ThreadPoolExecutor(threads or available_cores(), thread_name_prefix="zh-reader")

    def read(self, question: str, passages: Sequence[tuple[str, Sequence[str]]]) -> list[Reading]:
        """Read each passage with the question.

        Args:
            question: in search form, as passages are embedded.
            passages: of each what stands above it (title and day) and its sentences in order, in search form.
        """
        asked = self._tokenizer.encode(question, add_special_tokens=False).ids[:_QUESTION]
        return list(self._pool.map(lambda passage: self._one(asked, *passage), passages))

    def _one(self, asked: list[int], head: str, sentences: Sequence[str]) -> Reading:
        text = f"{head}\n"
        places = []
        for sentence in sentences:
            places.append((len(text), len(text) + len(sentence)))
            text += sentence
        encoding: Any = self._tokenizer.encode(text, add_special_tokens=False)
        first = len(asked) + 3
        offsets = encoding.offsets[: _LONGEST - first - 1]
        ids = [_START, *asked, *_SEPARATOR, *encoding.ids[: len(offsets)], _END]
        (scores,) = self._session.run(None, {"ids": np.asarray(ids, dtype=np.int64)})
        nothing = float(scores[0, 0] + scores[0, 1])
        margins, answers = [], []
        for start, end in places:
            tokens = [i for i, (begin, stop) in enumerate(offsets) if begin >= start and begin < stop <= end]
            if not tokens:
                margins.append(LEAST)
                answers.append("")
                continue
            best, low, high = _best_span(scores[[first + i for i in tokens]])
            margins.append(best - nothing)
            answers.append(text[offsets[tokens[low]][0] : offsets[tokens[high]][1]])
        return Reading(tuple(margins), tuple(answers), float(scores[0, 2]))


def _best_span(scores: Matrix) -> tuple[float, int, int]:
    """The largest start + end score of a span of up to 40 tokens, its first and its last token; scores: shape (tokens, 3)."""
    starts, ends = scores[:, 0], scores[:, 1]
    best = (-float("inf"), 0, 0)
    for low, start in enumerate(starts):
        high = low + int(ends[low : low + _SPAN].argmax())
        best = max(best, (float(start + ends[high]), low, high))
    return best


@lru_cache(maxsize=4)
def load_reader(threads: int = 0) -> PassageReader:
    """The one reader of this process with so many threads, loaded when first needed.

    Raises:
        EmbeddingError: its files are missing or damaged.
    """
    return PassageReader(threads)


__all__ = ["LEAST", "EmbeddingError", "PassageReader", "Reading", "load_reader"]
