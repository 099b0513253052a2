"""Follow-ups against a hand-written set: does the standalone question hold what it must, and nothing of what it must not?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eval.metrics import normalize
from rag.chat_models import load_chat_model
from rag.conversation import standalone_question
from rag.errors import ReadError
from rag.records import Turn
from rag.rewriting import stand_alone
from rag.settings import Settings

SET: Final = Path(__file__).parent / "data" / "conversations.jsonl"

KINDS: Final = {
    "place": "换地方", "company": "换公司、机构", "person": "换人", "year": "换年份", "month": "换月份、季度", "metric": "换指标",
    "ellipsis": "省略", "pronoun": "代词", "ordinal": "前者、第二个", "why": "为什么、具体哪天", "narrowing": "缩小范围",
    "topic_cue": "换话题（有提示）", "topic": "换话题（无提示）", "independent": "只是像追问", "unheard": "没听过的名字、数字", "correction": "更正",
}  # fmt: skip
_LONGEST = 100

Resolve = Callable[[str, Sequence[Turn]], str]
"""A follow-up with the turns before it, oldest first, to the question that stands alone."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A question after one to three turns; `must` are strings that its standalone form has to contain, `must_not` those of another topic."""

    id: str
    kind: str
    history: tuple[Turn, ...]
    question: str
    must: tuple[str, ...]
    must_not: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        """Whether no rule was written after the case: a third of those that were there first (v…), chosen by the hash of the id, and
        all that were written last (g…). Those between (f…) were counted once and then looked at.
        """
        return self.id.startswith("g") or (
            self.id.startswith("v") and int(hashlib.sha256(self.id.encode()).hexdigest(), 16) % 3 == 0
        )


def load_conversations(path: Path = SET) -> list[Conversation]:
    """The cases of a file.

    Raises:
        ReadError: it cannot be read, or a line is no case.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [_case(json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadError(f"追问集 {path} 读不了：{error}", "请对照 eval/data/README.md", reason="malformed") from None


def _case(row: dict[str, Any]) -> Conversation:
    if row["kind"] not in KINDS:
        raise ValueError(f"kind {row['kind']}")
    history = tuple(Turn(turn["question"], turn["answer"]) for turn in row["history"])
    return Conversation(
        row["id"], row["kind"], history, row["question"], tuple(row["must"]), tuple(row.get("must_not", ()))
    )


def is_right(case: Conversation, standalone: str) -> bool:
    """Whether it is one question of reasonable length with all that it must contain and nothing of what it must not."""
    plain = normalize(standalone)
    return (
        "\n" not in standalone
        and len(standalone) <= _LONGEST
        and all(normalize(part) in plain for part in case.must)
        and not any(normalize(part) in plain for part in case.must_not)
    )


def measure(cases: Sequence[Conversation], resolve: Resolve, on_step: Callable[[], None] = lambda: None) -> list[str]:
    """The standalone question of each case."""
    found = []
    for case in cases:
        found.append(resolve(case.question, case.history))
        on_step()
    return found


def compare(
    cases: Sequence[Conversation], settings: Settings, on_step: Callable[[], None] = lambda: None
) -> dict[str, list[str]]:
    """The standalone questions by the rules and, where the settings name an LLM, with it, as the product asks it.

    Raises:
        ModelError: the LLM cannot be loaded.
    """
    found = {"规则": measure(cases, standalone_question)}
    chat = load_chat_model(settings)
    if chat is None:
        return found
    try:
        found[f"规则＋{chat.name}"] = measure(
            cases,
            lambda question, turns: stand_alone(question, turns, chat, timeout=settings.llm_timeout).text,
            on_step,
        )
    finally:
        chat.close()
    return found


def details(cases: Sequence[Conversation], ways: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Every case with what each way made of it, for JSON."""
    return [
        {
            "id": case.id,
            "kind": case.kind,
            "held_out": case.held_out,
            "question": case.question,
            "found": {way: {"text": found[i], "right": is_right(case, found[i])} for way, found in ways.items()},
        }
        for i, case in enumerate(cases)
    ]


def markdown(cases: Sequence[Conversation], ways: Mapping[str, Sequence[str]]) -> str:
    """A table: cases by kind, then the tuned part, the held-out part and all; one column for each way.

    Args:
        ways: what the column is called, to the standalone questions of `cases`.
    """
    groups: list[tuple[str, list[int]]] = [
        (name, [i for i, case in enumerate(cases) if case.kind == kind]) for kind, name in KINDS.items()
    ]
    groups += [
        ("写规则时看过的", [i for i, case in enumerate(cases) if not case.held_out]),
        ("留出的", [i for i, case in enumerate(cases) if case.held_out]),
        ("全部", list(range(len(cases)))),
    ]
    lines = ["| 类型 | 题数 | " + " | ".join(ways) + " |", "|---|---:|" + "---:|" * len(ways)]
    for name, members in groups:
        cells = [_share(cases, found, members) for found in ways.values()]
        lines.append(f"| {name} | {len(members)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _share(cases: Sequence[Conversation], found: Sequence[str], members: Sequence[int]) -> str:
    if not members:
        return "—"
    right = sum(is_right(cases[i], found[i]) for i in members)
    return f"{right}（{right / len(members):.0%}）"
