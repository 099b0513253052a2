"""What the LLM is told: the best sentences of what was found, as many as its budget holds, and the question."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage, convert_to_messages

from prompts import load_prompt
from rag.chat_models import ChatModel
from rag.injections import UNTITLED, evidence_text, inert, inert_label
from rag.long_answers import is_summary
from rag.records import Article, Hit
from rag.relevance import Candidate, Sentence
from rag.told_days import asks_about_time, with_days


def prompt_of(question: str) -> str:
    """The prompt that a question is put to the LLM with."""
    return "summary" if is_summary(question) else "answer"


def named(prompt: str) -> str:
    """A prompt as provenance names it."""
    return f"{prompt}@{load_prompt(prompt).digest}"


def build_messages(
    chat: ChatModel, question: str, hits: Sequence[Hit], candidates: Sequence[Candidate], budget: int
) -> list[BaseMessage]:
    """The prompt: the best sentences with what stands around them, article by article, as many as the budget holds.

    Args:
        hits: whole passages that are added where the budget leaves room behind all sentences.
        candidates: best first; at least one goes in.
        budget: in the LLM's tokens.
    """
    years = asks_about_time(question)
    chosen: dict[str, list[Sentence]] = {}
    spent = 0
    for candidate in candidates:
        sentence = candidate.sentence
        cost = chat.count_tokens(with_days(sentence.text, sentence.article, years=years))
        if sentence.article.id not in chosen:
            cost += chat.count_tokens(_heading(1, sentence.article))
        if chosen and spent + cost > budget:
            break
        chosen.setdefault(sentence.article.id, []).append(sentence)
        spent += cost
    passages = []
    for number, sentences in enumerate(chosen.values(), 1):
        sentences.sort(key=lambda s: s.start)
        article = sentences[0].article
        text = with_days(
            "".join(s.text for s in sentences).strip(), article, years=years
        )  # so that the LLM need not count days
        passages.append(f"{_heading(number, article)}\n{inert(text)}")
    if sum(map(len, chosen.values())) == len(candidates):
        judged = {candidate.sentence.hit.rank for candidate in candidates}
        for hit in (hit for hit in hits if hit.rank not in judged):
            told = evidence_text(hit.article.text, hit.chunk.start, hit.chunk.end)
            if not told:
                continue
            text = inert(with_days(told, hit.article, years=years))
            passage = f"{_heading(len(passages) + 1, hit.article)}\n{text}"
            spent += chat.count_tokens(passage)
            if spent > budget:
                break
            passages.append(passage)
    filled = load_prompt(prompt_of(question)).fill(passages="\n".join(passages), question=inert(question))
    return convert_to_messages([(message.role, message.text) for message in filled])


def _heading(number: int, article: Article) -> str:
    about = "，".join(part for part in (inert_label(article.source), article.date) if part)
    return f"[{number}]《{inert_label(article.title) or UNTITLED}》（{about}）"
