"""An LLM as judge of a finished run: one word an answer, beside the measures that need no LLM, never instead of them.

Judges err, and favour what reads like their own writing (Zheng et al. 2023, Judging LLM-as-a-Judge with MT-Bench and Chatbot
Arena). So their agreement with the key-fact measure is reported with every verdict's sum.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import convert_to_messages

from eval.run import finished_rows
from eval.statistics import mean_estimate
from prompts import load_prompt
from rag.chat_models import ChatModel, stream_text
from rag.errors import SettingsError

VERDICTS = "judge.jsonl"
_LONGEST = 1200
"""Characters of an answer or of a gold quote that the judge reads."""
_WORDS = {"答对": 1.0, "正确": 1.0, "答错": 0.0, "错误": 0.0, "不正确": 0.0}


def judge_rows(
    rows: Sequence[Mapping[str, Any]],
    chat: ChatModel,
    out: Path,
    *,
    timeout: float = 120.0,
    max_tokens: int = 512,
    on_verdict: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Let the judge read every answer to an answerable question that was not refused, and keep its verdicts in `out`.

    Resumable: verdicts that are there are not asked for again.

    Args:
        timeout: seconds without any sign of life of the judge.
        max_tokens: the longest reply; reasoning models need room.

    Returns:
        One object a case: id, verdict (1, 0, or null where the judge said neither), said (its words), judge, prompt.

    Raises:
        SettingsError: `out` holds verdicts of another judge or prompt.
        ChatModelError: the judge cannot be reached.
    """
    prompt = load_prompt("judge")
    made = {"judge": chat.name, "prompt": f"judge@{prompt.digest}"}
    path = out / VERDICTS
    done = finished_rows(path)
    if any({key: row[key] for key in made} != made for row in done.values()):
        raise SettingsError(
            f"{path} 里是另一个裁判或另一版提示词的判定", f"请删去它，或换回 {next(iter(done.values()))['judge']}"
        )
    todo = [row for row in judged_cases(rows) if row["id"] not in done]
    total = len(done) + len(todo)
    with path.open("a", encoding="utf-8") as file:
        for row in todo:
            messages = prompt.fill(
                question=row["question"], gold=_gold(row)[:_LONGEST], answer=row["answer"]["text"][:_LONGEST]
            )
            asked = convert_to_messages([(m.role, m.text) for m in messages])
            said = "".join(stream_text(chat, asked, timeout=timeout, max_tokens=max_tokens)).strip()
            done[row["id"]] = {"id": row["id"], "verdict": read_verdict(said), "said": said[:100], **made}
            file.write(json.dumps(done[row["id"]], ensure_ascii=False) + "\n")
            file.flush()
            if on_verdict:
                on_verdict(len(done), total)
    return list(done.values())


def judged_cases(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows that a judge can judge: answered, answerable, with something to hold the answer against."""
    return [
        row
        for row in rows
        if row["error"] is None and row["answerable"] and not row["answer"]["refused"] and _gold(row)
    ]


def read_verdict(said: str) -> float | None:
    """1 for right, 0 for wrong, None where the words are neither, or both."""
    found = {value for word, value in _WORDS.items() if word in said.replace("不正确", "错误")}
    return found.pop() if len(found) == 1 else None


def summarize_verdicts(
    rows: Sequence[Mapping[str, Any]], verdicts: Sequence[Mapping[str, Any]], *, seed: int = 0
) -> dict[str, Any]:
    """What the judge said on the whole, and how far it agrees with the key-fact measure (`correct`) where both judged.

    `right`: share of right answers among those judged. `agreement`: share of equal verdicts. `kappa`: agreement beyond
    chance, (p_o - p_e) / (1 - p_e) (Cohen 1960, A Coefficient of Agreement for Nominal Scales); None where chance is certain.
    """
    by_id = {row["id"]: row for row in rows}
    told = [v for v in verdicts if v["id"] in by_id]
    pairs = [
        (float(v["verdict"]), float(correct))
        for v in told
        if v["verdict"] is not None and (correct := by_id[v["id"]]["metrics"].get("correct")) is not None
    ]
    return {
        "judge": told[0]["judge"] if told else "",
        "prompt": told[0]["prompt"] if told else "",
        "undecided": sum(v["verdict"] is None for v in told),
        "right": mean_estimate([v["verdict"] for v in told], seed=seed).to_dict(),
        "agreement": mean_estimate([float(a == b) for a, b in pairs], seed=seed).to_dict(),
        "kappa": kappa(pairs),
        "disagree": [
            v["id"]
            for v in told
            if v["verdict"] is not None and by_id[v["id"]]["metrics"].get("correct") == 1 - v["verdict"]
        ],
    }


def kappa(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Cohen's kappa of two raters who say 0 or 1."""
    if not pairs:
        return None
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    first, second = sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n
    chance = first * second + (1 - first) * (1 - second)
    return None if chance == 1.0 else round((observed - chance) / (1 - chance), 6)


def _gold(row: Mapping[str, Any]) -> str:
    """The right answer as a person would write it: key facts with their wordings, else the shortest reference."""
    if row["key_facts"]:
        return "；".join(" 或 ".join(wordings) for wordings in row["key_facts"])
    return min(row["references"], key=len, default="")
