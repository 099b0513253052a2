"""Follow-ups with an LLM's help: asked only where the rules are unsure, and believed only where code can vouch for what it says."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from langchain_core.messages import convert_to_messages

from prompts import load_prompt
from rag.chat_models import ChatModel, stream_text
from rag.conversation import real_turns, resolve
from rag.earlier_question import names
from rag.errors import ChatModelError
from rag.llm_queue import Place
from rag.quantities import find_quantities
from rag.records import Token, Turn, Waiting
from rag.words import STOP_WORDS, search_form, topic_words

_TURNS = 2
_LONGEST_QUESTION = 200
_LONGEST_ANSWER = 100
_LONGEST = 100
_MAX_TOKENS = 80
_ASKED = re.compile(r"[？?]|多少|几|什么|哪|谁|怎|如何|为何|为啥|是否|有没有|多[大高长久重远快深宽]|吗$|[呢么]$")
_LABEL = re.compile(r"^(?:改写后?的?|独立|完整)?(?:的)?(?:问题|追问)?[:：]\s*")
_POINTS = re.compile(r"前者|后者|该(?:市|县|区|省|公司|集团|校|院)|这家|那家|上述")
_SAME = (
    ("为什么", "为何", "为啥", "原因", "怎么回事"),
    ("什么时候", "何时", "哪天", "哪一天", "哪年", "几号"),
    ("谁",),
    ("哪里", "哪儿", "何地"),
)
_ASKS = re.compile("|".join(word for same in _SAME for word in same))
_FILLERS = r"呢|吧|吗|之|发生过|达"
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question that stands alone; `prompt` names what asked the LLM for it (`standalone@…`), empty where the rules made it."""

    text: str
    prompt: str = ""


def stand_alone(
    question: str, history: Sequence[Turn], chat: ChatModel | None = None, *, timeout: float = 120.0
) -> Standalone:
    """The question with what it takes from the conversation written out, by the rules and, where they are unsure, an LLM.

    Args:
        history: the turns before it, oldest first.
        chat: the LLM; None for the rules alone.
        timeout: seconds without a sign of life from the LLM.

    An LLM that fails, is slow, or says what does not stand in the conversation leaves the rules' question; nothing is raised.
    """
    with chat.queue.place() if chat else nullcontext() as place:
        rewriting = stand_alone_events(question, history, chat, place, timeout=timeout)
        while True:
            try:
                next(rewriting)
            except StopIteration as end:
                found: Standalone = end.value
                return found


def stand_alone_events(
    question: str, history: Sequence[Turn], chat: ChatModel | None, place: Place | None, *, timeout: float
) -> Generator[Waiting | Token, None, Standalone]:
    """See `stand_alone`: the same with signs of life, waiting for the LLM's turn at a place that is kept.

    What is yielded are `Waiting` and empty `Token`s; closing the generator stops the LLM.
    """
    history = real_turns(history)
    ruled = resolve(question, history)
    if chat is None or place is None or not ruled.unsure:
        return Standalone(ruled.text)
    prompt = load_prompt("standalone")
    told = "\n".join(
        f"问：{_line(turn.question, _LONGEST_QUESTION)}\n答：{_line(turn.answer, _LONGEST_ANSWER)}"
        for turn in history[-_TURNS:]
    )
    filled = prompt.fill(history=told, question=_line(question, _LONGEST_QUESTION))
    said = ""
    try:
        yield from place.wait()
    except ChatModelError:
        return Standalone(ruled.text)
    try:
        for piece in stream_text(
            chat, convert_to_messages([(m.role, m.text) for m in filled]), timeout=timeout, max_tokens=_MAX_TOKENS
        ):
            said += piece
            yield Token("")
        text = vouched(said, question, history, ruled.text)
    except ChatModelError:
        text = ""
    return Standalone(text or ruled.text, f"standalone@{prompt.digest}")


def vouched(draft: str, question: str, history: Sequence[Turn], ruled: str) -> str:
    """The LLM's question if all of it can stand; empty if not.

    It must be one question on one line, of reasonable length, that points back to nothing. Each word, name and number in it must
    stand in the conversation. It must keep the names, numbers and question words of the follow-up, and whatever else the rules
    found to belong to it: small models lose the year or the place more often than they find what the rules missed.

    Args:
        draft: what the LLM said.
        question: the follow-up.
        history: the turns before it.
        ruled: the rules' standalone question.
    """
    text = _LABEL.sub("", draft.strip()).strip("“”\"'` ")
    if not text or "\n" in text or len(text) > min(_LONGEST, len(question) + _LONGEST_QUESTION // 2):
        return ""
    if not _ASKED.search(text) or _POINTS.search(text) or not text.isprintable() or re.search(r"[？?。！!；;].", text):
        return ""
    turns = history[-_TURNS:]
    known = search_form("\n".join([question, *(f"{t.question}\n{t.answer}" for t in turns)]))
    plain = search_form(text)
    if any(search_form(a.text) not in known for a in names(text)):
        return ""
    if not set(_DIGITS.findall(plain)) <= set(_DIGITS.findall(known)):
        return ""
    if any(search_form(q.text) not in known for q in find_quantities(text)):
        return ""
    if any(word not in known and not _ordinary(word) for word in topic_words(text)):
        return ""
    kept = {search_form(a.text) for a in names(question)} | set(_DIGITS.findall(search_form(question)))
    kept |= {word for word in topic_words(ruled) if not re.fullmatch(_FILLERS, word)}
    if any(piece not in plain for piece in kept):
        return ""
    if any(set(same) & set(_ASKS.findall(question)) and not set(same) & set(_ASKS.findall(text)) for same in _SAME):
        return ""
    return text if text.endswith(("？", "?")) else f"{text}？"


def _ordinary(word: str) -> bool:
    """Whether a word may be new in the LLM's question: it asks or joins, and names nothing."""
    return word in STOP_WORDS or bool(_ASKED.search(word)) or word in ("分别", "具体", "原因", "时间", "发生")


def _line(text: str, longest: int) -> str:
    """A text on one line, cut; the conversation is quoted to the LLM, and must not look like its own lines."""
    return re.sub(r"\s+", " ", text).strip()[:longest]
