"""A question becomes an answer: retrieve, judge, refuse or draft, check every sentence. The one pipeline behind every door."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from prompts import Message, load_prompt
from rag.chat_models import ChatModel, stream_text
from rag.collection import Collection
from rag.conversation import standalone_question
from rag.errors import ChatModelError
from rag.evidence import Citations, check_statement, draft_sentences, is_refusal
from rag.extractive import extract
from rag.filters import Filters
from rag.gate import REFUSAL, refusal_reason
from rag.records import Answer, Event, Hit, Provenance, Retrieved, Statement, Token, Turn
from rag.relevance import Candidate, rank_sentences
from rag.retrieval import ALL, Scope, choose_scope, retrieve
from rag.told_days import asks_about_time, with_days
from rag.version import VERSION

_JUDGED_HITS = 5
_LOCAL_CONTEXT = 700
_API_CONTEXT = 3000
_LONGEST_QUESTION = 2000


@dataclass(frozen=True, slots=True)
class _Verdict:
    """How an answer ends: its statements, or a refusal with its reason; `notice` tells of anything that went wrong."""

    statements: tuple[Statement, ...]
    reason: str = ""
    llm: str = ""
    notice: str = ""


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self.timings: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.timings[stage] = self.timings.get(stage, 0.0) + now - self._last
        self._last = now
        self.timings["total"] = now - self._start


def answer_events(
    collection: Collection,
    question: str,
    history: Sequence[Turn] = (),
    chat: ChatModel | None = None,
    notice: str = "",
    filters: Filters | None = None,
    passages: Sequence[Hit] | None = None,
) -> Iterator[Event]:
    """Answer one question as a stream: one `Retrieved`, the draft's `Token`s (with an LLM), one `Answer`.

    Args:
        question: as the user wrote it; more than 2,000 characters are cut.
        history: the finished turns before it, oldest first.
        chat: the LLM; None for an extractive answer.
        notice: why there is no LLM, for the answer's provenance.
        filters: which articles are searched; without them, what the question itself says of the day it asks for.
        passages: answer from these instead of searching; they need not be in the collection.

    Nothing of an LLM's failure is raised: the extractive answer comes instead, with a notice.
    """
    clock = _Clock()
    question = question.encode("utf-8", "replace").decode("utf-8").strip()[:_LONGEST_QUESTION]  # no lone surrogates
    alone = standalone_question(question, history)
    settings = collection.settings
    scope = Scope(filters or ALL) if passages is not None else choose_scope(collection, alone, filters)
    if passages is None:
        passages = retrieve(
            collection,
            alone,
            settings.top_k,
            dense_weight=settings.dense_weight,
            filters=scope.filters,
            period=scope.period,
        )
    hits = tuple(passages)
    clock.lap("retrieve")
    yield Retrieved(hits, alone, scope.filters.describe(), scope.notice)
    candidates = rank_sentences(collection, alone, hits[:_JUDGED_HITS])
    hits = _with_judgement(hits, candidates)
    clock.lap("judge")
    if collection.counts()[0] == 0:
        verdict = _Verdict((), "知识库还是空的，请先用 youju add 加入文章。", notice=notice)
    elif scope.filters and not hits:
        verdict = _Verdict(
            (), f"资料中没有相关信息：没有文章符合筛选条件（{scope.filters.describe()}）。", notice=notice
        )
    elif reason := refusal_reason(alone, candidates):
        verdict = _Verdict((), reason, notice=notice)
    elif chat is None:
        verdict = _Verdict(extract(alone, candidates), notice=notice)
    else:
        verdict = yield from _with_llm(chat, collection, alone, hits, candidates, clock)
    clock.lap("verify")
    yield Answer(
        question=question,
        standalone_question=alone,
        statements=verdict.statements,
        hits=hits,
        refused=not verdict.statements,
        reason=verdict.reason,
        timings=dict(clock.timings),
        provenance=Provenance(
            embedder=collection.embedder.name,
            llm=verdict.llm,
            prompts=f"answer@{load_prompt('answer').digest}",
            library=f"{collection.path.name}@{collection.store.generation()}",
            version=VERSION,
            notice=verdict.notice,
        ),
        scope=scope.filters.describe(),
    )


def _with_judgement(hits: Sequence[Hit], candidates: Sequence[Candidate]) -> tuple[Hit, ...]:
    """The hits with the score of their best sentence, 0 to 1, in `why["sentence"]`; those that were not judged as they were."""
    best: dict[int, float] = {}
    for candidate in candidates:
        rank = candidate.sentence.hit.rank
        best[rank] = max(best.get(rank, 0.0), candidate.score)
    return tuple(replace(hit, why={**hit.why, "sentence": best[hit.rank]}) if hit.rank in best else hit for hit in hits)


def _with_llm(
    chat: ChatModel,
    collection: Collection,
    question: str,
    hits: Sequence[Hit],
    candidates: Sequence[Candidate],
    clock: _Clock,
) -> Generator[Token, None, _Verdict]:
    settings = collection.settings
    budget = settings.context_tokens or (_LOCAL_CONTEXT if chat.local else _API_CONTEXT)
    messages = build_messages(chat, question, hits, candidates, budget)
    pieces: list[str] = []
    try:
        for text in stream_text(chat, messages, timeout=settings.llm_timeout, max_tokens=settings.llm_max_tokens):
            if not pieces:
                clock.lap("first_token")
            pieces.append(text)
            yield Token(text)
    except ChatModelError as error:
        clock.lap("generate")
        return _Verdict(extract(question, candidates), notice=f"大模型没有答完（{error.message}），以下是原文摘录。")
    clock.lap("generate")
    return verify_draft("".join(pieces), candidates, chat.name)


def verify_draft(draft: str, candidates: Sequence[Candidate], llm: str) -> _Verdict:
    """The checked statements of a draft; a draft that refuses, or of which nothing holds, ends in a refusal or an extract."""
    if is_refusal(draft):
        return _Verdict((), REFUSAL, llm)
    citations = Citations()
    statements = tuple(check_statement(text, candidates, citations) for text in draft_sentences(draft))
    if any(s.support != "unsupported" for s in statements):
        return _Verdict(statements, llm=llm)
    return _Verdict((), REFUSAL, llm, "大模型的回答没有一句能在资料中找到依据，已不予采用。")


def build_messages(
    chat: ChatModel, question: str, hits: Sequence[Hit], candidates: Sequence[Candidate], budget: int
) -> list[BaseMessage]:
    """The prompt: passages in the order of their best sentence, as many as the budget (in the LLM's tokens) holds, at least one."""
    order = list(dict.fromkeys(c.sentence.hit.rank for c in candidates))
    by_rank = {hit.rank: hit for hit in hits}
    ranked = [by_rank[rank] for rank in order] + [hit for hit in hits if hit.rank not in order]
    passages: list[str] = []
    spent = 0
    years = asks_about_time(question)
    for hit in ranked:
        article = hit.article
        about = "，".join(part for part in (article.source, article.date) if part)
        text = with_days(hit.chunk.text.strip(), article, years=years)  # so that the LLM need not count days
        passage = f"[{len(passages) + 1}]《{article.title}》（{about}）\n{text}"
        cost = chat.count_tokens(passage)
        if passages and spent + cost > budget:
            break
        passages.append(passage)
        spent += cost
    filled = load_prompt("answer").fill(passages="\n".join(passages), question=question)
    return [_langchain(message) for message in filled]


def _langchain(message: Message) -> BaseMessage:
    match message.role:
        case "system":
            return SystemMessage(message.text)
        case "user":
            return HumanMessage(message.text)
        case "assistant":
            return AIMessage(message.text)
