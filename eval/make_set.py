"""Questions from a person's own articles: drafted by rules or by an LLM, accepted, mended or dropped by the person.

The set that comes out is a folder of corpus.jsonl (the library's articles) and questions_mine.jsonl, which `--set FOLDER` reads.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.citations import locate
from rag.chat_models import ChatModel
from rag.figure_questions import figure_questions
from rag.library import Library
from rag.records import Article

QUESTIONS = "questions_mine.jsonl"
CORPUS = "corpus.jsonl"
_YEAR = re.compile(r"(?<!\d)(20\d\d)年")
_SHORTEST = 14


@dataclass(frozen=True, slots=True)
class Draft:
    """A question before a person has looked at it.

    Attributes:
        article: the article's path, its key in the set.
        quote: a substring of its text that carries the answer; empty for a question that must be refused.
        made_by: "rules" or the name of the LLM.
    """

    type: str
    question: str
    answer: str
    article: str
    quote: str
    made_by: str = "rules"

    def to_question(self, case_id: str) -> dict[str, Any]:
        """The line of `questions_mine.jsonl`."""
        answerable = bool(self.quote)
        return {
            "id": case_id, "type": self.type, "question": self.question, "answerable": answerable,
            "key_facts": [[self.answer]] if answerable else [], "answer": self.answer if answerable else "",
            "gold": [{"article": self.article, "quote": self.quote}] if answerable else [],
        }  # fmt: skip


def draft_by_rules(articles: Sequence[Article], limit: int, seed: int = 0) -> list[Draft]:
    """Questions for numbers and dates, one an article: the figure of a sentence becomes what is asked for.

    Every fifth asks for the same figure of another year that the article never names: a near miss, to be refused.
    """
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    drafts: list[Draft] = []
    for article in rng.sample(list(articles), len(articles)):
        found = _drafts_of(article)
        if not found:
            continue
        draft = rng.choice(found[:3])
        if len(drafts) % 5 == 4 and (other := _other_year(draft, article)):
            draft = other
        drafts.append(draft)
        if len(drafts) == limit:
            break
    return drafts


def draft_by_llm(
    chat: ChatModel,
    articles: Sequence[Article],
    limit: int,
    seed: int = 0,
    on_draft: Callable[[int, int], None] | None = None,
) -> Iterator[Draft]:
    """Questions that an LLM asks of random passages; what it says is kept only if the sentence it quotes is there and holds the answer."""
    from prompts import load_prompt

    prompt = load_prompt("make_set")
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    made = 0
    for article in rng.sample(list(articles), len(articles)):
        lines = [line for line in article.text.split("\n") if len(line) >= _SHORTEST]
        if not lines:
            continue
        start = rng.randrange(len(lines))
        passage = "\n".join(lines[start : start + 4])[:500]
        messages = prompt.fill(title=article.title, passage=passage, date=article.date or "不详")
        reply = chat.model.invoke([(m.role, m.text) for m in messages])
        draft = read_reply(str(reply.content), article, chat.name)
        if draft is not None:
            made += 1
            if on_draft:
                on_draft(made, limit)
            yield draft
        if made == limit:
            return


def read_reply(reply: str, article: Article, made_by: str) -> Draft | None:
    """The draft in an LLM's reply; None if it keeps to no form, or to no sentence of the article."""
    fields = dict(re.findall(r"^(问题|答案|原句)[:：]\s*(.+?)\s*$", reply, re.MULTILINE))
    if len(fields) < 3 or len(fields["答案"]) > 40:
        return None
    places = locate(article.text, fields["原句"])
    if not places or fields["答案"] not in fields["原句"]:
        return None
    start, end = places[0]
    return Draft("fact", fields["问题"], fields["答案"], article.path, article.text[start:end], made_by)


def write_corpus(library: Library, folder: Path) -> None:
    """The library's articles as the set's corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / CORPUS).open("w", encoding="utf-8") as file:
        for article in library.articles():
            row = {"id": article.path, "title": article.title, "text": article.text}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


class Review:
    """What a person does with the drafts: one after the other, each decision on disk at once. A review goes on where it stopped."""

    def __init__(self, drafts: Sequence[Draft], articles: Sequence[Article], folder: Path) -> None:
        self._texts = {article.path: article for article in articles}
        self._path = folder / QUESTIONS
        self._state = folder / "review.json"
        self.drafts = list(drafts)
        self.at = 0
        self.accepted: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)
        if self._path.is_file():
            lines = self._path.read_text(encoding="utf-8").splitlines()
            self.accepted = [json.loads(line) for line in lines if line.strip()]
        if self._state.is_file():
            seen = set(json.loads(self._state.read_text(encoding="utf-8")))
            self.drafts = [draft for draft in self.drafts if draft.question not in seen]
        self._seen = [row["question"] for row in self.accepted]

    @property
    def current(self) -> Draft | None:
        """The draft to decide on; None when all are done."""
        return self.drafts[self.at] if self.at < len(self.drafts) else None

    def context(self) -> tuple[str, str, str]:
        """Text before the quote, the quote, and text after it; the article's beginning where there is no quote."""
        draft = self.current
        if draft is None or draft.article not in self._texts:
            return "", "", ""
        text = self._texts[draft.article].text
        if not draft.quote:
            return text[:600], "", ""
        start = text.index(draft.quote)
        end = start + len(draft.quote)
        return text[max(0, start - 300) : start], draft.quote, text[end : end + 300]

    def title(self) -> str:
        """The current article's title and day."""
        article = self._texts.get(self.current.article) if self.current else None
        return f"{article.title}（{article.date or '无日期'}）" if article else ""

    def accept(self, question: str, answer: str) -> str:
        """Keep the draft with the person's wording; returns what is wrong with it (Chinese), empty if it was kept."""
        draft = self.current
        if draft is None:
            return "已经全部看完。"
        question, answer = question.strip(), answer.strip()
        if not question:
            return "问题不能是空的。"
        if draft.quote and not answer:
            return "可回答的问题要有答案；如果资料里没有，请改选“不可回答”。"
        kept = replace(draft, question=question, answer=answer)
        self.accepted.append(kept.to_question(f"m{len(self.accepted) + 1:03}"))
        self._next(draft.question)
        return ""

    def drop(self) -> None:
        """Leave the draft out."""
        if self.current is not None:
            self._next(self.current.question)

    def _next(self, seen: str) -> None:
        self.at += 1
        self._seen.append(seen)
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.accepted)
        for path, text in ((self._path, rows), (self._state, json.dumps(self._seen, ensure_ascii=False))):
            fresh = path.with_suffix(".tmp")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)


def _drafts_of(article: Article) -> list[Draft]:
    """The questions of an article, those that stand alone best first."""
    found = sorted(figure_questions(article), key=lambda made: made.stands_alone, reverse=True)
    return [Draft(q.type, q.question, q.answer, article.path, article.text[q.start : q.end]) for q in found]


def _other_year(draft: Draft, article: Article) -> Draft | None:
    year = _YEAR.search(draft.question)
    if year is None:
        return None
    named = set(_YEAR.findall(f"{article.title}{article.text}")) | {article.date[:4]}
    other = next((y for y in (int(year[1]) - 3, int(year[1]) - 4, int(year[1]) + 2) if str(y) not in named), None)
    if other is None:
        return None
    question = f"{draft.question[: year.start()]}{other}年{draft.question[year.end() :]}"
    return Draft("unanswerable", question, "", draft.article, "")
