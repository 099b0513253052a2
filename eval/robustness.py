"""How answers bear noise and false sources: passages are chosen here, not by the retriever.

After RGB (Chen et al. 2024, Benchmarking Large Language Models in Retrieval-Augmented Generation). *Noise*: of five passages a
share tells the answer, the others are what retrieval finds nearest to the question without telling it. With noise alone the
right answer is a refusal. *Counterfactual*: the number that is asked for is another one in the passages; to be right is to say
what the source says, not what the model remembers.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from eval.datasets import Case, EvalSet
from eval.metrics import contains_fact, figures, is_correct
from eval.run import finished_rows
from eval.statistics import mean_estimate
from rag import Answer, Event, Hit, Turn
from rag.conversation import standalone_question

ROWS = "robustness.jsonl"
PASSAGES = 5
NOISE = (0.0, 0.2, 0.4, 0.6, 0.8)
ONLY_NOISE = "noise-1.0"
COUNTERFACTUAL = "counterfactual"
CONDITIONS = (*(f"noise-{share}" for share in NOISE), ONLY_NOISE, COUNTERFACTUAL)
LABELS = {f"noise-{share}": f"噪声 {share:.0%}" for share in NOISE} | {
    ONLY_NOISE: "只有噪声（应拒答）", COUNTERFACTUAL: "来源与常识不符（应照来源）",
}  # fmt: skip
_DEPTH = 60
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Door(Protocol):
    """What is asked: `rag.Library` is one."""

    def search(self, question: str, k: int | None = None) -> list[Hit]:
        """The k best passages."""

    def events(
        self, question: str, history: Sequence[Turn] = (), *, passages: Sequence[Hit] | None = None
    ) -> Iterator[Event]:
        """Answer from these passages."""


def run_robustness(
    library: Door, eval_set: EvalSet, out: Path, *, seed: int = 0, on_row: Callable[[int, int], None] | None = None
) -> list[dict[str, Any]]:
    """Ask every eligible case under every condition; resumable.

    A case is eligible if it stands alone, has key facts, and retrieval finds a passage of its gold articles that tells one. For
    `counterfactual` the fact must hold a number that the question does not name.

    Returns:
        One object a case and condition: id ("case/condition"), condition, passages (how many), answer, refused, right (1 or 0),
        and for `counterfactual` what was put in the place of what.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / ROWS
    done = finished_rows(path)
    cases = [case for case in eval_set.cases if case.answerable and case.key_facts and not case.history]
    with path.open("a", encoding="utf-8") as file:
        for number, case in enumerate(cases, 1):
            if not all(f"{case.id}/{condition}" in done for condition in CONDITIONS):
                for row in _ask(library, case, eval_set, seed, done):
                    done[row["id"]] = row
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    file.flush()
            if on_row:
                on_row(number, len(cases))
    wanted = {case.id for case in cases}
    return [row for row in done.values() if row["id"].rpartition("/")[0] in wanted]


def summarize(rows: Sequence[dict[str, Any]], *, seed: int = 0) -> dict[str, dict[str, float | int | None]]:
    """The share of right answers under each condition, with its interval; fewer cases are eligible for `counterfactual`."""
    shares = {}
    for condition in CONDITIONS:
        values = [row["right"] for row in rows if row["condition"] == condition]
        shares[condition] = mean_estimate(values, seed=seed).to_dict()
    return shares


def markdown(name: str, shares: dict[str, dict[str, float | int | None]]) -> str:
    """A table of the conditions, with a bar for the eye."""
    lines = [f"## 稳健性：{name}", "", "| 条件 | 答对 | 95% 区间 | n | |", "|---|---:|---|---:|---|"]
    for condition, found in shares.items():
        value, low, high = (found[key] for key in ("value", "low", "high"))
        if value is None or low is None or high is None:
            lines.append(f"| {LABELS[condition]} | – | – | 0 | |")
        else:
            bar = "█" * round(20 * value)
            lines.append(f"| {LABELS[condition]} | {value:.1%} | {low:.1%} – {high:.1%} | {found['n']} | {bar} |")
    return "\n".join(lines) + "\n"


def mix(telling: Sequence[Hit], noise: Sequence[Hit], share: float, seed: str) -> list[Hit]:
    """At most five passages of which `share` (0 to 1) is noise, as near as whole passages allow, in random order."""
    silent = round(PASSAGES * share)
    good = list(telling[: PASSAGES - silent]) if share < 1 else []
    if good:
        silent = min(silent, round(len(good) * share / (1 - share)))
    chosen = good + list(noise[:silent])
    random.Random(seed).shuffle(chosen)  # noqa: S311 - no secret
    return [replace(hit, rank=rank, score=1.0) for rank, hit in enumerate(chosen, 1)]


def falsify(case: Case, telling: Sequence[Hit]) -> tuple[Case, list[Hit]] | None:
    """The case and its passages with the number that is asked for replaced by another; None where there is no such number."""
    numbers = [number for number in _NUMBER.findall(case.key_facts[0][0]) if number not in figures(case.question)]
    if not numbers:
        return None
    old = numbers[0]
    new = _other_number(old)
    place = re.compile(rf"(?<![\d.]){re.escape(old)}(?!\d|\.\d)")
    altered = [_rewritten(hit, place, new) for hit in telling if place.search(hit.chunk.text)]
    if not altered:
        return None
    facts = tuple(place.sub(new, wording) for wording in case.key_facts[0] if place.search(wording))
    return replace(case, key_facts=(facts,), forbidden=case.key_facts[0]), altered


def _other_number(number: str) -> str:
    """Every digit three on; the first one never becomes 0, and a year changes in its last digit alone."""
    if re.fullmatch(r"(?:19|20)\d\d", number):
        return f"{number[:3]}{(int(number[3]) + 3) % 10}"
    digits = [str((int(char) + 3) % 10) if char.isdigit() else char for char in number]
    return "".join(["1" if digits[0] == "0" else digits[0], *digits[1:]])


def _rewritten(hit: Hit, place: re.Pattern[str], new: str) -> Hit:
    """The passage as an article of its own that says the new number."""
    text = place.sub(new, hit.chunk.text)
    article = replace(hit.article, text=text, title=place.sub(new, hit.article.title))
    return replace(hit, article=article, chunk=replace(hit.chunk, text=text, start=0, end=len(text)))


def _ask(
    library: Door, case: Case, eval_set: EvalSet, seed: int, done: dict[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    found = library.search(standalone_question(case.question, ()), _DEPTH)
    wordings = [wording for fact in case.key_facts for wording in fact]
    telling, noise = [], []
    for hit in found:
        mine = bool({eval_set.key_of(article.path) for article in (hit.article, *hit.also)} & case.gold_articles)
        tells = contains_fact(hit.chunk.text, wordings)
        if mine and tells:
            telling.append(hit)
        elif not mine and not tells:
            noise.append(hit)
    if not telling:
        return
    for condition in CONDITIONS:
        if f"{case.id}/{condition}" in done:
            continue
        asked, more = case, {}
        if condition == COUNTERFACTUAL:
            false = falsify(case, telling)
            if false is None:
                continue
            asked, altered = false
            passages = mix(altered, noise, 0.6, f"{seed}/{case.id}")
            more = {"instead_of": case.key_facts[0][0], "says": asked.key_facts[0][0]}
        else:
            passages = mix(telling, noise, float(condition.removeprefix("noise-")), f"{seed}/{case.id}")
        answer = _answer(library, asked.question, passages)
        text = "".join(statement.text for statement in answer.shown)
        right = float(answer.refused)
        if condition != ONLY_NOISE:
            right = is_correct(text, asked.key_facts, asked.forbidden, refused=answer.refused) or 0.0
        yield {
            "id": f"{case.id}/{condition}", "condition": condition, "passages": len(passages), "answer": answer.text,
            "refused": answer.refused, "right": right, **more,
        }  # fmt: skip


def _answer(library: Door, question: str, passages: Sequence[Hit]) -> Answer:
    for event in library.events(question, passages=passages):
        if isinstance(event, Answer):
            return event
    raise RuntimeError("the stream of events ended without an answer")
