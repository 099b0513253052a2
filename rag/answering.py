"""A question becomes an answer: retrieve, judge, refuse or draft, check every sentence. The one pipeline behind every door."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import zip_longest

from rag.answer_forms import summary_topic
from rag.chat_models import ChatModel, stream_text
from rag.collection import Collection
from rag.comparisons import comparison_parts
from rag.errors import ChatModelError
from rag.filters import Filters
from rag.gate import refusal_reason
from rag.llm_queue import Place
from rag.long_answers import is_summary
from rag.parts import leans_on_answer, with_answer
from rag.prompting import build_messages, named, prompt_of
from rag.records import Answer, Event, Hit, Provenance, Retrieved, Token, Turn, Waiting
from rag.relevance import Candidate, rank_sentences, sure_answer
from rag.retrieval import ALL, Scope, choose_scope, retrieve
from rag.rewriting import stand_alone_events
from rag.small_talk import small_talk
from rag.summaries import judge_summary
from rag.verdicts import EXTRACTS_FOLLOW, Verdict, extracts, merged, verify_draft
from rag.version import VERSION

_JUDGED_HITS = 5
_LOCAL_CONTEXT = 330
_API_CONTEXT = 3000
_LONGEST_QUESTION = 2000
_LONGEST_REWRITE = 30.0
"""Seconds that an LLM has for a follow-up before the rules' question is taken."""


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
    client: str = "",
) -> Iterator[Event]:
    """Answer one question as a stream: one `Retrieved`, the draft's `Token`s (with an LLM), one `Answer`; see `Event`.

    Args:
        question: as the user wrote it; more than 2,000 characters are cut.
        history: the finished turns before it, oldest first.
        chat: the LLM; None for an extractive answer.
        notice: why there is no LLM, without a full stop, for the answer's provenance.
        filters: which articles are searched; without them, what the question itself says of the day it asks for.
        passages: answer from these instead of searching; they need not be in the collection.
        client: who asks, for a fair share of the LLM; empty for the program itself.

    Nothing of an LLM's failure is raised: the extractive answer comes instead, with a notice. So it does when too many wait for the
    LLM. Small talk gets a reply at once, an `Answer` without anything before it. Closing the generator frees the LLM.
    """
    with chat.queue.place(client) if chat else nullcontext() as place:
        yield from _events(collection, question, history, chat, place, notice, filters, passages)


def _events(
    collection: Collection,
    question: str,
    history: Sequence[Turn],
    chat: ChatModel | None,
    place: Place | None,
    notice: str,
    filters: Filters | None,
    passages: Sequence[Hit] | None,
) -> Iterator[Event]:
    clock = _Clock()
    question = question.encode("utf-8", "replace").decode("utf-8").strip()[:_LONGEST_QUESTION]  # no lone surrogates
    if reply := small_talk(question, collection.counts()[0]):
        yield _reply(collection, question, reply, clock)
        return
    settings = collection.settings
    rewritten = yield from stand_alone_events(
        question, history, chat, place, timeout=min(settings.llm_timeout, _LONGEST_REWRITE)
    )
    alone = rewritten.text
    if rewritten.prompt:
        clock.lap("rewrite")
    scope = Scope(filters or ALL) if passages is not None else choose_scope(collection, alone, filters)
    summary = is_summary(alone)
    parts = [alone] if summary else comparison_parts(alone)
    found: list[tuple[Hit, ...]] = []
    judged: list[list[Candidate]] = []
    reasons: list[str] = []
    for i, part in enumerate(parts):
        if i and leans_on_answer(part) and (known := sure_answer(judged[i - 1])):
            parts[i] = part = with_answer(part, known)  # 这家公司 is the one that answers the part before
        sought = summary_topic(part) if summary else part
        found.append(tuple(passages) if passages is not None else _search(collection, sought, scope))
        clock.lap("retrieve")
        if i == 0:
            yield Retrieved(found[0], alone, scope.filters.describe(), scope.notice)
        if summary:
            candidates, reason = judge_summary(collection, part, found[i])
        else:
            candidates = rank_sentences(collection, part, found[i][:_JUDGED_HITS])
            reason = refusal_reason(part, candidates)
        judged.append(candidates)
        reasons.append(reason)
        clock.lap("judge")
    hits = _in_turns(found, max(settings.top_k, _JUDGED_HITS * len(parts)))
    judged = [_at_ranks(candidates, hits) for candidates in judged]
    hits = _with_judgement(hits, [candidate for candidates in judged for candidate in candidates])
    told = [i for i, reason in enumerate(reasons) if not reason]
    untold = "".join(f"关于“{parts[i]}”：{reason}" for i, reason in enumerate(reasons) if reason)
    refused = f"{notice}。" if notice else ""
    if collection.counts()[0] == 0:
        verdict = Verdict((), "知识库还是空的，请先用 youju add 加入文章。", notice=refused)
    elif scope.filters and not hits:
        verdict = Verdict(
            (), f"资料中没有相关信息：没有文章符合筛选条件（{scope.filters.describe()}）。", notice=refused
        )
    elif not told:
        verdict = Verdict((), reasons[0], notice=refused)
    elif chat is None or place is None:
        verdict = Verdict(
            extracts([(parts[i], judged[i]) for i in told]), notice=f"{notice}{EXTRACTS_FOLLOW}" if notice else ""
        )
    else:
        verdict = yield from _with_llm(
            chat, place, collection, alone, hits, [(parts[i], judged[i]) for i in told], clock
        )
    if untold and verdict.statements:
        verdict = replace(verdict, notice="".join((verdict.notice, untold)))
    clock.lap("verify")
    if place is not None:
        place.leave()  # one that asked the LLM only for the question
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
            prompts=",".join(filter(None, (named(prompt_of(alone)), rewritten.prompt))),
            library=f"{collection.path.name}@{collection.store.generation()}",
            version=VERSION,
            notice=verdict.notice,
        ),
        scope=scope.filters.describe(),
    )


def _reply(collection: Collection, question: str, reply: str, clock: _Clock) -> Answer:
    """What small talk is answered with: no statement, no citation, and nothing was searched."""
    clock.lap("reply")
    library = f"{collection.path.name}@{collection.store.generation()}"
    made = Provenance(collection.embedder.name, "", named("answer"), library, VERSION)
    return Answer(question, question, (), (), False, reply, dict(clock.timings), made)


def _search(collection: Collection, question: str, scope: Scope) -> tuple[Hit, ...]:
    settings = collection.settings
    return tuple(
        retrieve(
            collection, question, settings.top_k,
            dense_weight=settings.dense_weight, filters=scope.filters, period=scope.period,
        )
    )  # fmt: skip


def _in_turns(found: Sequence[Sequence[Hit]], most: int) -> tuple[Hit, ...]:
    """The hits of several searches, the first of each, the second of each …, each passage once, ranked anew."""
    if len(found) == 1:
        return tuple(found[0])
    merged: dict[tuple[str, int], Hit] = {}
    for hits in zip_longest(*found):
        for hit in hits:
            if hit is not None and len(merged) < most:
                merged.setdefault((hit.article.id, hit.chunk.start), hit)
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(merged.values(), 1))


def _at_ranks(candidates: Sequence[Candidate], hits: Sequence[Hit]) -> list[Candidate]:
    """Candidates of one search with their hits as the merged ones are ranked."""
    merged = {(hit.article.id, hit.chunk.start): hit for hit in hits}
    placed = []
    for candidate in candidates:
        own = candidate.sentence.hit
        hit = merged.get((own.article.id, own.chunk.start), own)
        placed.append(replace(candidate, sentence=replace(candidate.sentence, hit=hit)))
    return placed


def _with_judgement(hits: Sequence[Hit], candidates: Sequence[Candidate]) -> tuple[Hit, ...]:
    """The hits with the score of their best sentence, 0 to 1, in `why["sentence"]`; those that were not judged as they were."""
    best: dict[int, float] = {}
    for candidate in candidates:
        rank = candidate.sentence.hit.rank
        best[rank] = max(best.get(rank, 0.0), candidate.score)
    return tuple(replace(hit, why={**hit.why, "sentence": best[hit.rank]}) if hit.rank in best else hit for hit in hits)


def _with_llm(
    chat: ChatModel,
    place: Place,
    collection: Collection,
    question: str,
    hits: Sequence[Hit],
    judged: Sequence[tuple[str, Sequence[Candidate]]],
    clock: _Clock,
) -> Generator[Waiting | Token, None, Verdict]:
    settings = collection.settings
    candidates = merged([own for _, own in judged])
    budget = settings.context_tokens or (_LOCAL_CONTEXT if chat.local else _API_CONTEXT)
    messages = build_messages(chat, question, () if is_summary(question) else hits, candidates, budget)
    draft = ""
    try:
        yield from place.wait()
        clock.lap("wait")
        for text in stream_text(chat, messages, timeout=settings.llm_timeout, max_tokens=settings.llm_max_tokens):
            if text and not draft:
                clock.lap("first_token")
            draft += text
            yield Token(text)
    except ChatModelError as error:
        clock.lap("generate")
        what = error.message if error.kind == "busy" else f"大模型没有答完（{error.message}）"
        return Verdict(extracts(judged), notice=f"{what}{EXTRACTS_FOLLOW}")
    finally:
        place.leave()  # the next one need not wait until this one is checked
    clock.lap("generate")
    return verify_draft(draft, judged, chat.name, question)
