"""Ask every case of a set through the user's door and write down what came: resumable, one row a case.

A row of cases.jsonl: id, type, question, history, answerable, key_facts, forbidden, references, gold (article, quote,
places of the quote), answer (`Answer.to_dict()`, null if the case raised), metrics (null if it raised), seconds (wall time),
first_token (seconds from the question to the LLM's first piece of text, null without one), tokens (of the LLM's prompts and
completions, null if it was not asked), fallback (an LLM was asked
for and the answer is extractive), error (null, or kind and message).
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from eval.datasets import Case, EvalSet
from eval.drafts import KeptDrafts
from eval.scoring import gold_rows, score_answer
from eval.tokens import TokenMeter
from rag import Answer, Event, Settings, Token, Turn, __version__
from rag.errors import ModelError, ReadError, SettingsError

CASES = "cases.jsonl"
CONFIG = "run.json"
_SETTINGS = (
    "embedder",
    "chunk_tokens",
    "top_k",
    "dense_weight",
    "llm",
    "llm_engine",
    "llm_max_tokens",
    "context_tokens",
    "llm_timeout",
    "api_model",
)
_PACKAGES = ("youju", "sentence-transformers", "transformers", "torch", "faiss-cpu", "tantivy", "xllamacpp", "numpy")


class Door(Protocol):
    """What a run needs of a library: `rag.Library` is one."""

    def events(self, question: str, history: Sequence[Turn] = ()) -> Iterator[Event]:
        """Answer a question after the exchanges of `history`, as a stream that ends with its `Answer`."""


def describe_run(eval_set: EvalSet, settings: Settings, *, limit: int | None, seed: int) -> dict[str, Any]:
    """What decides the results of a run, as JSON: the questions and articles by digest, the settings, the version."""
    chosen = {name: getattr(settings, name) for name in _SETTINGS}
    place = urlsplit(settings.api_base_url)
    chosen["api_host"] = f"{place.hostname}:{place.port}" if place.port else place.hostname or ""
    return {
        "set": eval_set.name,
        "articles_digest": eval_set.digest,
        "cases_digest": eval_set.cases_digest,
        "cases": len(eval_set.cases),
        "limit": limit,
        "seed": seed,
        "settings": chosen,
        "version": __version__,
    }


def describe_machine() -> dict[str, Any]:
    """Where the run took place: versions and processor, for the reader of its latencies."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def run_cases(
    library: Door,
    eval_set: EvalSet,
    texts: Mapping[str, str],
    out: Path,
    config: Mapping[str, Any],
    on_case: Callable[[int, int], None] | None = None,
    meter: TokenMeter | None = None,
    kept: KeptDrafts | None = None,
) -> list[dict[str, Any]]:
    """Ask what `out` does not hold yet; return all rows in the order of the set.

    A case that raises is a row with its error; the next run of the same command asks it again. The first question is
    asked once before the clock runs, so that loading models is nobody's latency.

    Args:
        library: asked through its events, as the chat page does.
        texts: the clean text of every article by its key, for the places of the gold quotes.
        out: folder of cases.jsonl and run.json; made when missing.
        config: see `describe_run`; kept in run.json.
        on_case: called with cases done and cases in all.
        meter: listens to the library's LLM.
        kept: stands before it; an answer made of a draft that was kept has no time.

    Raises:
        SettingsError: `out` holds a run of another configuration.
        ModelError: a model that the settings ask for cannot be used.
    """
    claim_folder(out, config)
    rows = finished_rows(out / CASES)
    todo = [case for case in eval_set.cases if case.id not in rows]
    made = next((row["answer"]["provenance"] for row in rows.values()), None)
    if todo:
        _warm_up(library, todo[0])
        if meter:
            meter.take()
    total = len(eval_set.cases)
    with (out / CASES).open("a", encoding="utf-8") as file:
        for case in todo:
            row = _ask(library, case, gold_rows(case, texts), eval_set.key_of, config)
            row["tokens"] = meter.take() if meter else None
            if kept and kept.take_reused():
                row["seconds"] = row["first_token"] = None
            if row["answer"] is not None:
                made = _same_make(made, row["answer"]["provenance"], out)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            rows[case.id] = row
            if on_case:
                on_case(len(rows), total)
    return [rows[case.id] for case in eval_set.cases]


def note_resources(out: Path, library: Path, prices: tuple[float, float] | None = None) -> None:
    """Add to run.json what the run took: peak memory of this process and size of the library's folder, in units of 10^6 bytes;
    and what a million tokens of prompt and of completion cost, where that is known."""
    path = out / CONFIG
    content = json.loads(path.read_text(encoding="utf-8"))
    size = sum(file.stat().st_size for file in library.rglob("*") if file.is_file())
    content["resources"] = {"peak_mb": peak_mb(), "library_mb": round(size / 1e6, 1)}
    if prices:
        content["prices"] = list(prices)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


def peak_mb() -> float:
    """Peak resident memory of this process, in units of 10^6 bytes."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return round(float(psutil.Process().memory_info().peak_wset) / 1e6, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a cases.jsonl; a last line that was cut off by a kill is left out.

    Raises:
        ReadError: a line before the last is no row.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"读不了评测结果 {path}：{error}", "请检查 --out 的路径", reason="unreadable") from None
    rows = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            if number == len(lines):  # no line break after it: the writer was killed here
                break
            raise ReadError(f"评测结果 {path} 第 {number} 行坏了", "请删去这一行后继续", reason="malformed") from None
    return rows


def claim_folder(out: Path, config: Mapping[str, Any]) -> None:
    """Make the folder with its run.json, or prove that the one there is of the same configuration.

    Raises:
        SettingsError: it holds a run of another one.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / CONFIG
    if not path.is_file():
        if (out / CASES).is_file():
            raise SettingsError(f"{out} 里有 {CASES} 却没有 {CONFIG}，不知道是哪次评测的", "请换一个 --out")
        content = {"config": config, "machine": describe_machine()}
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["config"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise SettingsError(f"{path} 坏了，不知道是哪次评测的", "请换一个 --out") from None
    now = json.loads(json.dumps(config))
    if before != now:
        names = "、".join(_differences(before, now))
        raise SettingsError(
            f"{out} 里是另一种配置的评测（不同的有：{names}），不能混在一起", "请换一个 --out，或删去它"
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    flat_before, flat_now = ({**c, **c.get("settings", {}), "settings": None} for c in (before, now))
    return sorted(name for name in {*flat_before, *flat_now} if flat_before.get(name) != flat_now.get(name))


def finished_rows(path: Path) -> dict[str, dict[str, Any]]:
    """Rows that stand, by case id. Rows with errors and a torn end are taken out of the file, to be asked again."""
    if not path.is_file():
        return {}
    rows = {row["id"]: row for row in read_rows(path) if row.get("error") is None}
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values())
    if path.read_text(encoding="utf-8") != text:
        fresh = path.with_suffix(".tmp")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    return rows


def _warm_up(library: Door, case: Case) -> None:
    try:
        _timed_answer(library, case)
    except ModelError:
        raise
    except Exception:  # noqa: BLE001, S110 - whatever it is, the case itself will show it in its row
        pass


def _ask(
    library: Door,
    case: Case,
    gold: Sequence[Mapping[str, Any]],
    key_of: Callable[[str], str],
    config: Mapping[str, Any],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": case.id,
        "type": case.type,
        "question": case.question,
        "history": [{"question": turn.question, "answer": turn.answer} for turn in case.history],
        "answerable": case.answerable,
        "key_facts": case.key_facts,
        "forbidden": case.forbidden,
        "references": case.references,
        "gold": gold,
        "answer": None,
        "metrics": None,
        "seconds": None,
        "first_token": None,
        "tokens": None,
        "fallback": False,
        "error": None,
    }
    try:
        answer, row["seconds"], row["first_token"] = _timed_answer(library, case)
    except Exception as error:  # noqa: BLE001 - a case that raises is a row of the report, not the end of the run
        row["error"] = {"kind": type(error).__name__, "message": str(error)}
        return row
    row["answer"] = answer.to_dict()
    row["fallback"] = config["settings"]["llm"] != "none" and bool(answer.statements) and not answer.provenance.llm
    row["metrics"] = score_answer(case, gold, row["answer"], key_of)
    return row


def _timed_answer(library: Door, case: Case) -> tuple[Answer, float, float | None]:
    """The answer, the seconds it took, and the seconds to the first token (None without an LLM)."""
    started = time.perf_counter()
    first_token = None
    answer = None
    for event in library.events(case.question, case.history):
        if isinstance(event, Token) and first_token is None:
            first_token = round(time.perf_counter() - started, 4)
        if isinstance(event, Answer):
            answer = event
    if answer is None:
        raise RuntimeError("the stream of events ended without an answer")
    return answer, round(time.perf_counter() - started, 4), first_token


def _same_make(made: dict[str, Any] | None, now: dict[str, Any], out: Path) -> dict[str, Any]:
    """Refuse rows of another making: under one configuration, prompts or the model behind "auto" may change."""
    if made is None:
        return now
    names = [name for name in ("embedder", "version") if made[name] != now[name]]
    before, after = (dict(part.partition("@")[::2] for part in one["prompts"].split(",")) for one in (made, now))
    if any(before[name] != after[name] for name in before.keys() & after.keys()):  # a prompt is named where it was used
        names.append("prompts")
    now = now | {"prompts": ",".join(f"{name}@{digest}" for name, digest in (before | after).items())}
    if made["llm"] and now["llm"] and made["llm"] != now["llm"]:  # an empty one is a refusal or a fallback
        names.append("llm")
    if names:
        raise SettingsError(f"{out} 里的答案与现在的出自不同的 {'、'.join(names)}，不能混在一起", "请换一个 --out")
    return now if now["llm"] else made | {"prompts": now["prompts"]}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
