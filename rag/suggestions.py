"""Questions offered on an empty page: made from the library's own articles, each asked once to see that it gets its answer.

No LLM takes part. They are looked for in the background, one article after another, and kept beside the library until it changes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from rag.anchors import find_anchors
from rag.durable import write_whole
from rag.figure_questions import FigureQuestion, figure_questions
from rag.filters import Filters
from rag.library import Library
from rag.quantities import find_quantities
from rag.records import Answer, Article
from rag.words import search_form

log = logging.getLogger("youju")

WANTED: Final = 4
_FILE = "suggestions.json"
_MADE_BY = 2
"""Goes up when the rules change, so that what is kept is made anew."""
_TRIED = 60
"""Questions that are asked at most; each takes a fraction of a second."""
_LOOKED_AT = 3_000
"""Articles looked into at most."""
_PAUSE = 0.2
"""Seconds between two of them: readers come first."""
_SHORTEST, _LONGEST = 12, 36
_HEAD = 600
"""A figure further down than this is seldom what an article is about."""
_NAMED = 3
"""A year counts two, a name one."""
_ENDS = re.compile(
    r"(?:达到?|至|为|是|共|有|约|实现|完成|占|[率额值量数入资润产价长降涨跌升幅加少重款货付售营积口里模度])(?:了)?(?:百分之多少|多少[^，。]{0,6})？$"
)
_LEANS = re.compile(
    r"[（(“”《【:：、]|近日|日前|昨|今[天日年晚早]|明[天日年]|去年|前年|本[周月年季次届片]|上[周月]|[该此其他她它我你您]|目前|当[地天日时前]|现年|星期|周[一二三四五六日]|这|那|"
    r"什么|怎么|[获据]悉|^据|^根据|数据显示|报道|透露|表示|预计|同期|前\d|上述|一度|盘中|时段|发稿|记者|相比之下|不只|会上"
)


class Suggestions:
    """Finds questions in a thread of its own; `questions` never waits.

    Args:
        library: asked without its LLM.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._found: tuple[str, ...] = ()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def questions(self) -> tuple[str, ...]:
        """What can be offered now; empty until enough are found."""
        return self._found

    def prepare(self) -> None:
        """Begin to look; returns at once."""
        self._thread = threading.Thread(target=self._prepare, name="suggestions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking, and wait until no question is being asked."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)

    def _prepare(self) -> None:
        try:
            self._found = self._kept() or self._made()
        except Exception:  # nobody misses what was never promised
            if not self._stop.is_set():
                log.exception("no questions could be suggested")

    @property
    def _state(self) -> list[object]:
        library = self._library
        return [_MADE_BY, library.store.generation(), library.embedder.fingerprint]

    @property
    def _path(self) -> Path:
        return self._library.path / _FILE

    def _kept(self) -> tuple[str, ...]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return tuple(map(str, kept["questions"])) if kept["state"] == self._state else ()
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def _made(self) -> tuple[str, ...]:
        state, found = self._state, list[str]()
        for article, asked in islice(self._candidates(), _TRIED):
            if self._stop.wait(_PAUSE) or len(found) == WANTED:
                break
            if answers(self._library, article, asked):
                found.append(asked.question)
        if self._stop.is_set():
            return ()
        try:
            write_whole(
                self._path, json.dumps({"state": state, "questions": found}, ensure_ascii=False).encode("utf-8")
            )
        except OSError:
            log.warning("suggested questions could not be kept in %s", self._path)
        return tuple(found)

    def _candidates(self) -> Iterator[tuple[Article, FigureQuestion]]:
        """The best question of one article after another, in an order that only the articles decide: first those that name a year, and
        one of each source; then the others."""
        seen: set[str] = set()
        later: list[tuple[Article, FigureQuestion]] = []
        ids = [id_ for (id_,) in self._library.store.query("SELECT id FROM articles")]
        for id_ in sorted(ids, key=lambda id_: hashlib.sha256(id_.encode()).digest())[:_LOOKED_AT]:
            article = self._library.article(id_)
            asked = best_question(article) if article is not None else None
            if article is None or asked is None:
                continue
            if article.source in seen or asked.stands_alone[0] < _NAMED:
                later.append((article, asked))
            else:
                seen.add(article.source)
                yield article, asked
        yield from sorted(later, key=lambda pair: pair[1].stands_alone[0], reverse=True)


def best_question(article: Article) -> FigureQuestion | None:
    """The question of an article that is understood best without it, and is about what its title says; None where there is none."""
    title = search_form(article.title)
    good = [
        asked
        for asked in figure_questions(article)
        if asked.type == "number"
        and _SHORTEST <= len(asked.question) <= _LONGEST
        and asked.start < _HEAD
        and _one_thing(asked.question)
        and _ENDS.search(asked.question)
        and not _LEANS.search(asked.question)
        and any(
            search_form(a.core) in title for a in find_anchors(asked.question) if a.kind != "person" or len(a.core) > 1
        )
    ]
    return max(good, key=lambda asked: asked.stands_alone, default=None)


def _one_thing(question: str) -> bool:
    """Whether nothing but a time stands before a comma."""
    before, _, rest = question.rpartition("，")
    return (
        "，" not in before
        and all(q.kind == "date" for q in find_quantities(before))
        and (not before or len(before) < len(rest))
    )


def answers(library: Library, article: Article, asked: FigureQuestion) -> bool:
    """Whether the library, asked without its LLM, answers from that article with that figure."""
    for event in library.events(asked.question, filters=Filters(), mode="extractive"):
        if isinstance(event, Answer) and event.shown:
            first = event.shown[0]
            return first.support == "supported" and any(
                c.article.id == article.id and asked.answer in c.quote for c in first.citations
            )
    return False
