"""Evaluation sets in other people's formats: read as they are published, without a conversion beforehand.

SQuAD-like JSON (CMRC2018, DRCD, DuReader), RGB's JSON lines, CRUD-RAG's question answering, folders in the layout of BEIR and MTEB,
and a table (CSV or Excel) of one's own with question, answer and source over a folder of articles.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.datasets import MAX_FACT_CHARS, Case, EvalSet, Gold, digest_cases, digest_files, distinct
from rag.errors import ReadError
from rag.reading import read_articles
from rag.reading.decode import decode_bytes
from rag.records import Article

_COLUMNS = {
    "question": ("question", "query", "问题", "提问"),
    "answer": ("answer", "answers", "答案", "参考答案", "回答"),
    "source": ("source", "article", "title", "url", "出处", "来源", "文章", "标题"),
    "type": ("type", "类型"),
}
_NO_ANSWER = frozenset({"", "无", "无答案", "不可回答", "资料中没有", "资料中没有相关信息", "n/a"})


def load_json(path: Path) -> EvalSet:
    """A published JSON or JSON Lines file, known by its keys.

    Raises:
        ReadError: it is none of the formats that are known.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
        data = _parse(content)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReadError(
            f"读不了评测集 {path}：{error}", "请给出 UTF-8 的 JSON 或 JSON Lines", reason="malformed"
        ) from None
    pairs = next(
        (list(read(data)) for knows, read in _READERS if _is(knows, data)),
        None,
    )
    if not pairs:
        raise ReadError(
            f"不认识的评测集格式：{path}",
            "能读 SQuAD（CMRC2018、DRCD、DuReader）、RGB、CRUD-RAG，或 corpus.jsonl 与 queries.jsonl 的文件夹",
            reason="format",
        )
    articles, first = distinct(article for found, _ in pairs for article in found)
    cases = tuple(_renamed(case, first) for _, case in pairs if case is not None)
    return EvalSet(
        path.stem, cases, hashlib.sha256(content.encode()).hexdigest(), digest_cases(cases), articles=articles
    )


def load_beir(folder: Path) -> EvalSet:
    """A folder of corpus.jsonl (_id, title, text), queries.jsonl (_id, text) and qrels/*.tsv; only judged queries are asked.

    There are no answers: such a set measures retrieval.
    """
    articles, first = distinct(
        _article(str(row["_id"]), str(row.get("title") or ""), str(row["text"]))
        for row in _lines(folder / "corpus.jsonl")
    )
    qrels = sorted((folder / "qrels").glob("*.tsv"))
    chosen = next((path for path in qrels if path.stem == "test"), qrels[0] if qrels else None)
    if chosen is None:
        raise ReadError(f"评测集缺少 {folder / 'qrels'}/*.tsv", "BEIR 的评测集要有 qrels", reason="missing")
    gold: dict[str, list[str]] = {}
    for row in csv.reader(chosen.read_text(encoding="utf-8").splitlines(), delimiter="\t"):
        if len(row) >= 3 and row[-1].lstrip("-").isdigit() and int(row[-1]) > 0:
            query, document = (row[0], row[1]) if len(row) == 3 else (row[0], row[2])
            gold.setdefault(query, []).append(first.get(document, document))
    cases = tuple(
        Case(
            str(row["_id"]),
            "question",
            str(row["text"]),
            gold=tuple(Gold(key) for key in dict.fromkeys(gold[str(row["_id"])])),
        )
        for row in _lines(folder / "queries.jsonl")
        if str(row["_id"]) in gold
    )
    digest = hashlib.sha256((folder / "corpus.jsonl").read_bytes()).hexdigest()
    return EvalSet(folder.resolve().name, cases, digest, digest_cases(cases), articles=articles)


def load_table(path: Path, articles: Path) -> EvalSet:
    """A person's own table over a folder of articles.

    Columns by name, in Chinese or English: question; answer (several wordings separated by "|"; empty, or 资料中没有, for a question that
    must be refused); source (title, address or file name of the article, several separated by "|"); type. Short answers are key
    facts, longer ones references.

    Raises:
        ReadError: no column of questions, or a source that is no article of the folder, with the row's number.
    """
    if not articles.exists():
        raise ReadError(f"找不到文章：{articles}", "请检查 --articles 的路径", reason="missing")
    rows = _table_rows(path)
    if not rows:
        raise ReadError(f"表里没有问题：{path}", "第一行写列名：问题、答案、出处", reason="malformed")
    names = {
        field: next((c for c in rows[0] if c.strip().casefold() in known), "") for field, known in _COLUMNS.items()
    }
    if not names["question"]:
        raise ReadError(
            f"表里找不到问题一列：{path}（有 {'、'.join(rows[0])}）", "请把列名写成 问题、答案、出处", reason="columns"
        )
    folder = articles.resolve()
    known_as = _names_of_articles(folder)
    cases = []
    for number, row in enumerate(rows, 2):
        question, answer, source, kind = (
            str(row.get(names[f], "") or "").strip() for f in ("question", "answer", "source", "type")
        )
        if not question:
            continue
        gold = []
        for name in filter(None, (part.strip() for part in source.split("|"))):
            if name not in known_as:
                raise ReadError(
                    f"{path} 第 {number} 行的出处不是文件夹里的文章：{name}",
                    "请写文章的标题、网址或文件名",
                    reason="missing",
                )
            gold.append(Gold(known_as[name]))
        answers = [part.strip() for part in answer.split("|") if part.strip()]
        answerable = answer.casefold().rstrip("。") not in _NO_ANSWER
        cases.append(
            _case(
                f"{path.stem}-{number}",
                kind or "question",
                question,
                answers if answerable else [],
                gold,
                answerable=answerable,
            )
        )
    made = tuple(cases)
    return EvalSet(path.stem, made, digest_files(folder), digest_cases(made), folder=folder)


def _case(
    case_id: str, kind: str, question: str, answers: Sequence[str], gold: Sequence[Gold], *, answerable: bool = True
) -> Case:
    wordings = tuple(answer for answer in answers if 0 < len(answer) <= MAX_FACT_CHARS)
    facts = (wordings,) if wordings and answerable else ()
    return Case(case_id, kind, question, (), answerable, facts, (), tuple(gold), tuple(answers) if answerable else ())


def _renamed(case: Case, first: Mapping[str, str]) -> Case:
    gold = tuple(dict.fromkeys(Gold(first.get(g.article, g.article), g.quote) for g in case.gold))
    return Case(
        case.id, case.type, case.question, case.history, case.answerable, case.key_facts, case.forbidden, gold, case.references
    )  # fmt: skip


def _article(key: str, title: str, text: str) -> Article:
    digest = hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()
    return Article(id=hashlib.sha256(key.encode()).hexdigest()[:16], title=title, text=text, path=key, digest=digest)


def _keyed(text: str, title: str = "") -> Article:
    """An article that the format gives no key: it is its content."""
    return _article(hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:16], title, text)


Pair = tuple[list[Article], Case | None]
"""Articles and, where they come with one, a question about them."""


def _squad(data: Any) -> Iterator[Pair]:
    """SQuAD 1.1 and 2.0: data[].paragraphs[].qas[]; the gold quote is the sentence's answer span where it stands."""
    for document in data["data"]:
        for paragraph in document["paragraphs"]:
            yield from _passage(
                paragraph["context"],
                str(document.get("title") or paragraph.get("title") or ""),
                paragraph["qas"],
                "question",
                "id",
            )


def _cmrc(data: Any) -> Iterator[Pair]:
    """CMRC2018's first release: [].context_text, [].qas[].query_text."""
    for passage in data:
        yield from _passage(
            passage["context_text"], str(passage.get("title") or ""), passage["qas"], "query_text", "query_id"
        )


def _passage(text: str, title: str, questions: Iterable[Mapping[str, Any]], question: str, key: str) -> Iterator[Pair]:
    article = _keyed(text, title)
    yield [article], None
    for row in questions:
        given = [a["text"] if isinstance(a, dict) else str(a) for a in row.get("answers") or []]
        answers = list(dict.fromkeys(a for a in given if a))
        answerable = bool(answers) and not row.get("is_impossible", False)
        quote = next((a for a in answers if len(a) > 1 and a in text), "")
        gold = [Gold(article.path, quote)] if answerable else []
        yield (
            [],
            _case(
                str(row[key]),
                str(row.get("type") or "question"),
                row[question],
                answers if answerable else [],
                gold,
                answerable=answerable,
            ),
        )


def _rgb(data: Any) -> Iterator[Pair]:
    """RGB (Chen et al. 2024): positive passages are gold, negative ones noise. An answer may have several parts with wordings each."""
    for row in data:
        parts = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
        facts = tuple(tuple(map(str, part)) if isinstance(part, list) else (str(part),) for part in parts)
        positive = [_keyed("\n".join(p) if isinstance(p, list) else p) for p in row["positive"]]
        noise = [_keyed(text) for text in row.get("negative") or []]
        fake = row.get("fakeanswer")
        yield [*positive, *noise], Case(
            f"rgb-{row['id']}", "counterfactual" if fake else "noise", row["query"], key_facts=facts,
            forbidden=tuple(map(str, fake)) if isinstance(fake, list) else (str(fake),) if fake else (),
            gold=tuple(Gold(article.path) for article in positive), references=("，".join(wordings[0] for wordings in facts),),
        )  # fmt: skip


def _crud(data: Any) -> Iterator[Pair]:
    """CRUD-RAG (Lyu et al. 2024), question answering over one to three documents: news1..3, questions, answers."""
    for name, rows in data.items():
        if not name.startswith("questanswer"):
            continue
        for row in rows:
            news = [_keyed(row[key]) for key in ("news1", "news2", "news3") if row.get(key)]
            yield (
                news,
                _case(
                    f"{name}-{row['ID']}",
                    name,
                    row["questions"],
                    [row["answers"]],
                    [Gold(article.path) for article in news],
                ),
            )


_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Iterator[Pair]]], ...] = (
    (lambda data: "paragraphs" in data["data"][0], _squad),
    (lambda data: "context_text" in data[0], _cmrc),
    (lambda data: {"query", "positive"} <= data[0].keys(), _rgb),
    (lambda data: any(key.startswith("questanswer") for key in data), _crud),
)


def _is(knows: Callable[[Any], bool], data: Any) -> bool:
    try:
        return bool(knows(data))
    except (KeyError, IndexError, TypeError, AttributeError):
        return False


def _parse(content: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError:
        return [json.loads(line) for line in content.split("\n") if line.strip()]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for line in path.read_text(encoding="utf-8-sig").split("\n"):
            if line.strip():
                yield json.loads(line)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReadError(f"读不了 {path}：{error}", "请检查评测集", reason="malformed") from None


def _table_rows(path: Path) -> list[dict[str, str]]:
    if path.suffix.lower() == ".xlsx":
        try:
            from openpyxl import load_workbook
        except ImportError:
            raise ReadError(
                f"读 Excel 表要用 openpyxl：{path}", "请运行 pip install openpyxl，或另存为 CSV", reason="missing"
            ) from None
        try:
            book = load_workbook(path, read_only=True, data_only=True)
            values = [
                ["" if v is None else str(v) for v in row] for row in book.worksheets[0].iter_rows(values_only=True)
            ]
        except Exception as error:  # noqa: BLE001 - openpyxl raises whatever its zip and XML parsers do
            raise ReadError(
                f"读不了 Excel 表 {path}（{type(error).__name__}）", "请另存为 CSV 再试", reason="malformed"
            ) from None
    else:
        text = decode_bytes(path.read_bytes(), str(path))
        values = list(csv.reader(io.StringIO(text), delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    if not values:
        return []
    return [dict(zip(values[0], row, strict=False)) for row in values[1:] if any(cell.strip() for cell in row)]


def _names_of_articles(folder: Path) -> dict[str, str]:
    """Key of each article by everything that a person may call it: title, address, file name, path."""
    names: dict[str, str] = {}
    root = folder if folder.is_dir() else folder.parent
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else [folder]
    for path in files:
        for reading in read_articles(path):
            if reading.article is None:
                continue
            key = path.relative_to(root).as_posix()
            for name in (reading.article.title, reading.article.url, path.name, path.stem, key):
                if name:
                    names.setdefault(name, key)
    return names
