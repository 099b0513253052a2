"""A run: rows, metrics of each, resuming, and the refusal to mix."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.datasets import Case, EvalSet, Gold
from eval.run import CASES, CONFIG, describe_run, read_rows, run_cases
from eval.scoring import summarize
from rag.errors import ChatModelError, ModelMissing, ReadError, SettingsError
from rag.records import Turn
from rag.settings import Settings
from tests.eval.scripted_door import ARTICLE, OTHER, PROVENANCE, TEXT, ScriptedDoor, answer

QUOTE = "青石区去年金融业增加值为12.5亿元，同比增长6.3%。"
TEXTS = {"d1": TEXT, "d2": OTHER.text}
RIGHT = Case(
    "right",
    "number",
    "增加值？",
    history=(Turn("早？", "早。"),),
    key_facts=(("12.5亿元",), ("6.3%",)),
    gold=(Gold("d1", QUOTE),),
    references=("12.5亿元，增长6.3%",),
)
WRONG = replace(RIGHT, id="wrong", type="fact", question="另有什么？", history=())
REFUSED = replace(RIGHT, id="refused", question="为何拒答？", history=())
NOTHING = Case("nothing", "unanswerable", "大学几所？", answerable=False)
CASES_OF_SET = (RIGHT, WRONG, REFUSED, NOTHING)
SET = EvalSet("tiny", CASES_OF_SET, "digest", "cases", articles=(ARTICLE, OTHER))
SCRIPT = {RIGHT.question: answer(RIGHT.question, QUOTE), WRONG.question: answer(WRONG.question, "另有新闻。")}


def config(**settings: object) -> dict[str, object]:
    return describe_run(SET, Settings.model_validate({"llm": "none", **settings}), limit=None, seed=0)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_rows_carry_question_answer_gold_and_metrics(out):
    door = ScriptedDoor(SCRIPT)
    told = []
    rows = run_cases(door, SET, TEXTS, out, config(), lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert door.asked[0] == door.asked[1] == (RIGHT.question, RIGHT.history), (
        "asked once to warm up, then for the clock"
    )
    assert read_rows(out / CASES) == json.loads(json.dumps(rows))
    right, wrong, refused, nothing = rows
    assert right["gold"] == [{"article": "d1", "quote": QUOTE, "places": [[0, len(QUOTE)]]}]
    assert right["answer"]["statements"][0]["citations"][0]["quote"] == QUOTE
    assert right["seconds"] >= 0
    assert right["first_token"] is None
    expected = {
        "passed": 1.0,
        "correct": 1.0,
        "key_facts": 1.0,
        "exact_match": 0.0,
        "hit@1": 0.0,
        "hit@5": 1.0,
        "mrr@10": 0.5,
        "evidence@10": 1.0,
        "citation_article_precision": 1.0,
        "citation_precision": 1.0,
        "citation_recall": 1.0,
        "supported": 1.0,
    }
    assert {name: right["metrics"][name] for name in expected} == expected
    assert (wrong["metrics"]["correct"], wrong["metrics"]["citation_precision"]) == (0.0, 0.0)
    assert wrong["metrics"]["citation_article_precision"] == 1.0
    assert (refused["metrics"]["passed"], refused["metrics"]["char_f1"]) == (0.0, 0.0)
    assert (refused["metrics"]["citation_recall"], refused["metrics"]["citation_precision"]) == (0.0, None)
    assert nothing["metrics"]["passed"] == 1.0
    assert (nothing["metrics"]["correct"], nothing["metrics"]["hit@1"]) == (None, None)


def test_summary_counts_and_refusals(out):
    summary = summarize(run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, out, config()))
    assert summary["counts"] == {"cases": 4, "errors": 0, "answerable": 3, "refused": 2, "fallbacks": 0}
    metrics = summary["metrics"]
    assert (metrics["passed"]["value"], metrics["passed"]["n"]) == (0.5, 4)
    assert (metrics["correct"]["value"], metrics["correct"]["n"]) == (pytest.approx(1 / 3, abs=1e-6), 3)
    # refused: one rightly, one wrongly; unanswerable: one, refused
    assert metrics["refusal_precision"]["value"] == 0.5
    assert metrics["refusal_recall"]["value"] == 1.0
    assert metrics["refusal_f1"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert metrics["first_token_p50"] == {"value": None, "low": None, "high": None, "n": 0}
    assert summary["by_type"]["number"]["counts"] == {"cases": 2, "errors": 0}
    assert summary["by_type"]["unanswerable"]["metrics"]["passed"]["value"] == 1.0


def test_a_case_that_raises_is_a_row_and_is_asked_again(out):
    broken = SCRIPT | {WRONG.question: ValueError("坏了")}
    rows = run_cases(ScriptedDoor(broken), SET, TEXTS, out, config())
    assert rows[1]["error"] == {"kind": "ValueError", "message": "坏了"}
    assert (rows[1]["answer"], rows[1]["metrics"]) == (None, None)
    summary = summarize(rows)
    assert summary["counts"]["errors"] == 1
    assert summary["metrics"]["correct"]["n"] == 2, "an error takes part in no metric"
    assert summary["by_type"]["fact"]["metrics"]["correct"] == {"value": None, "low": None, "high": None, "n": 0}
    door = ScriptedDoor(SCRIPT)
    again = run_cases(door, SET, TEXTS, out, config())
    assert {question for question, _ in door.asked} == {WRONG.question}
    assert [row["error"] for row in again] == [None] * 4
    assert len(read_rows(out / CASES)) == 4


def test_a_killed_run_goes_on(out):
    whole = run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, out, config())
    lines = (out / CASES).read_text(encoding="utf-8").splitlines(keepends=True)
    (out / CASES).write_text(lines[0] + lines[1] + lines[2][:40], encoding="utf-8")
    door = ScriptedDoor(SCRIPT)
    rows = run_cases(door, SET, TEXTS, out, config())
    assert {question for question, _ in door.asked} == {REFUSED.question, NOTHING.question}
    assert [row["metrics"] for row in rows] == [row["metrics"] for row in whole]
    assert [row["id"] for row in read_rows(out / CASES)] == ["right", "wrong", "refused", "nothing"]


def test_an_interrupt_leaves_what_was_done(out):
    with pytest.raises(KeyboardInterrupt):
        run_cases(ScriptedDoor(SCRIPT | {REFUSED.question: KeyboardInterrupt()}), SET, TEXTS, out, config())
    assert [row["id"] for row in read_rows(out / CASES)] == ["right", "wrong"]


def test_a_finished_run_asks_nothing(out):
    run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, out, config())
    door = ScriptedDoor({})
    assert len(run_cases(door, SET, TEXTS, out, config())) == 4
    assert door.asked == []


def test_another_configuration_is_refused(out):
    run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, out, config())
    with pytest.raises(SettingsError, match="dense_weight、top_k"):
        run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, out, config(top_k=5, dense_weight=0.1))


def test_another_prompt_or_model_is_refused(out):
    run_cases(ScriptedDoor(SCRIPT), replace(SET, cases=CASES_OF_SET[:1]), TEXTS, out, config())
    changed = replace(PROVENANCE, prompts="answer@2")
    script = {WRONG.question: answer(WRONG.question, QUOTE, provenance=changed)}
    with pytest.raises(SettingsError, match="prompts"):
        run_cases(ScriptedDoor(script), SET, TEXTS, out, config())
    assert [row["id"] for row in read_rows(out / CASES)] == ["right"]


def test_results_of_unknown_origin_are_refused(out):
    run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, out, config())
    (out / CONFIG).unlink()
    with pytest.raises(SettingsError, match=CONFIG):
        run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, out, config())


def test_a_missing_model_ends_the_run_before_it_begins(out):
    with pytest.raises(ModelMissing):
        run_cases(ScriptedDoor({RIGHT.question: ModelMissing("没有模型")}), SET, TEXTS, out, config())
    assert not (out / CASES).exists()


def test_an_llm_has_a_first_token_and_its_absence_is_a_fallback(out):
    with_llm = replace(PROVENANCE, llm="qwen", notice="")
    script = {
        RIGHT.question: answer(RIGHT.question, QUOTE, provenance=with_llm),
        WRONG.question: answer(WRONG.question, QUOTE, provenance=replace(PROVENANCE, notice="超时")),
    }
    rows = run_cases(ScriptedDoor(script), SET, TEXTS, out, config(llm="qwen"))
    assert rows[0]["first_token"] is not None
    assert 0 <= rows[0]["first_token"] <= rows[0]["seconds"]
    assert [row["fallback"] for row in rows] == [False, True, False, False], "a refusal is no fallback"


def test_no_secret_is_written_down(out):
    settings = Settings.model_validate(
        {"api_key": "sk-secret", "api_base_url": "https://user:word@example.com:8443/v1"}
    )
    described = json.dumps(describe_run(SET, settings, limit=None, seed=0))
    assert "secret" not in described
    assert "word" not in described
    assert "example.com:8443" in described


def test_a_broken_row_in_the_middle_is_named(out):
    out.mkdir()
    (out / CASES).write_text('{"id": "a"}\n{"id": \n{"id": "b"}\n', encoding="utf-8")
    with pytest.raises(ReadError, match="第 2 行"):
        read_rows(out / CASES)


def test_errors_of_the_llm_are_rows(out):
    script = SCRIPT | {NOTHING.question: ChatModelError("断了", "再试", kind="broken")}
    rows = run_cases(ScriptedDoor(script), SET, TEXTS, out, config())
    assert rows[3]["error"] == {"kind": "ChatModelError", "message": "断了\n→ 再试"}
