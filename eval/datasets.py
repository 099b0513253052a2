"""Evaluation sets: questions with gold that names articles and quotes, never chunks.

Three kinds. *shipped*: the sample articles and questions under eval/data. *seed*: the shipped questions about the
project's seed article, which cannot be shipped itself, asked over a folder that the user names. *A folder* with
corpus.jsonl (id, title, text) and queries.jsonl (id, question, answers, positive_ids, answerable), the layout of
CMRC2018, DuReader, RGB and CRUD-RAG after conversion; its gold names whole articles.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from eval.citations import locate
from eval.metrics import contains_fact
from rag.errors import ReadError
from rag.records import Article, Turn

DATA = Path(__file__).parent / "data"
MAX_FACT_CHARS = 30
"""Accepted answers of a corpus folder up to this length are key facts; longer ones are for F1 and ROUGE-L only."""

CaseType = Literal[
    "fact",
    "number",
    "date",
    "multi",
    "list",
    "comparison",
    "summary",
    "table",
    "conflict",
    "relative_date",
    "unanswerable",
    "follow_up",
    "hostile",
    "traditional",
    "refers_seed",
]


@dataclass(frozen=True, slots=True)
class Gold:
    """Where the answer stands: an article by its key, and a substring of its clean text ("" for the whole article)."""

    article: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One question and what a right answer is.

    Attributes:
        type: the kind of question, for breakdowns.
        history: finished exchanges before it.
        answerable: whether the articles hold the answer; if not, a refusal is right.
        key_facts: what a right answer must state; each fact with its accepted wordings.
        forbidden: what a right answer must not state (the neighbour's number, an instruction hidden in an article).
        gold: where it stands.
        references: whole answers for exact match, F1 and ROUGE-L; each is right by itself.
    """

    id: str
    type: str
    question: str
    history: tuple[Turn, ...] = ()
    answerable: bool = True
    key_facts: tuple[tuple[str, ...], ...] = ()
    forbidden: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def gold_articles(self) -> frozenset[str]:
        """Keys of the gold articles."""
        return frozenset(gold.article for gold in self.gold)


@dataclass(frozen=True, slots=True)
class EvalSet:
    """Cases and the articles they are asked over: either files under `folder` or `articles` ready-made.

    `digest` is over the articles, `cases_digest` over the questions (sha256, hex). An article's key is its path below
    `folder` (with forward slashes), or its id in corpus.jsonl.
    """

    name: str
    cases: tuple[Case, ...]
    digest: str
    cases_digest: str
    folder: Path | None = None
    articles: tuple[Article, ...] = ()

    def key_of(self, article_path: str) -> str:
        """The key of a library's article from its `path`."""
        if self.folder is None:
            return article_path
        root = self.folder if self.folder.is_dir() else self.folder.parent
        path = Path(article_path).resolve()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else article_path

    def sample(self, limit: int | None, seed: int) -> EvalSet:
        """The same set with `limit` cases drawn at random by `seed`, in their old order; without a limit, all."""
        if limit is None or limit >= len(self.cases):
            return self
        chosen = sorted(random.Random(seed).sample(range(len(self.cases)), limit))  # noqa: S311 - no secret
        return replace(self, cases=tuple(self.cases[i] for i in chosen))


def load_shipped(data: Path = DATA) -> EvalSet:
    """The shipped set, or another folder of the same layout: articles/** and questions_*.jsonl."""
    files = _question_files(data)
    cases = tuple(_case(question) for question in _questions(files) if not question.seed)
    folder = (data / "articles").resolve()
    return EvalSet("shipped", cases, digest_files(folder), digest_cases(cases), folder=folder)


def load_seed(articles: Path, data: Path = DATA) -> EvalSet:
    """The shipped questions about the seed article over the user's `articles` (a folder or a file).

    Only key facts are judged: gold quotes are dropped, because the files are the user's.
    """
    if not articles.exists():
        raise ReadError(f"找不到文章：{articles}", "请检查 --articles 的路径", reason="missing")
    questions = [question for question in _questions(_question_files(data)) if question.seed]
    cases = tuple(replace(_case(question), gold=()) for question in questions)
    folder = articles.resolve()
    return EvalSet("seed", cases, digest_files(folder), digest_cases(cases), folder=folder)


def load_folder(folder: Path) -> EvalSet:
    """A folder with corpus.jsonl and queries.jsonl.

    `answers` are wordings of one key fact; those longer than `MAX_FACT_CHARS` are references only. The type of a case
    is its `type` or `task`; a query marked `"standalone": false` is of type "not_standalone", since it asks about
    something that it does not name.
    """
    corpus, queries = folder / "corpus.jsonl", folder / "queries.jsonl"
    if corpus.is_file() and not queries.is_file() and list(folder.glob("questions_*.jsonl")):
        return _load_own(folder, corpus)
    for path in (corpus, queries):
        if not path.is_file():
            raise ReadError(
                f"不是评测集：缺少 {path}", "评测集文件夹要有 corpus.jsonl 和 queries.jsonl", reason="missing"
            )
    articles, first = distinct(_article(document) for document in read_records(corpus, _Document))
    cases = tuple(_query_case(query, first) for query in read_records(queries, _Query))
    digest = hashlib.sha256(corpus.read_bytes()).hexdigest()
    return EvalSet(folder.resolve().name, cases, digest, digest_cases(cases), articles=articles)


def _load_own(folder: Path, corpus: Path) -> EvalSet:
    """What `python -m eval make-set` writes: a corpus, and questions with quotes as in the shipped set."""
    articles, first = distinct(_article(document) for document in read_records(corpus, _Document))
    cases = []
    for question in _questions(_question_files(folder)):
        case = _case(question)
        gold = tuple(replace(g, article=first.get(g.article, g.article)) for g in case.gold)
        cases.append(replace(case, gold=gold))
    digest = hashlib.sha256(corpus.read_bytes()).hexdigest()
    return EvalSet(folder.resolve().name, tuple(cases), digest, digest_cases(cases), articles=articles)


def check_set(eval_set: EvalSet, texts: Mapping[str, str]) -> list[str]:
    """What is wrong with a set, one Chinese line a problem; an empty list when it is sound.

    Args:
        texts: the clean text of every article by its key, as the library reads it.
    """
    problems = [f"题号重复：{case_id}" for case_id in _repeated([case.id for case in eval_set.cases])]
    for case in eval_set.cases:
        if case.answerable and not case.gold:
            problems.append(f"{case.id}：可回答的问题没有出处（gold）")
        if case.answerable and not (case.key_facts or case.references):
            problems.append(f"{case.id}：可回答的问题没有要点（key_facts）")
        if not case.answerable and case.key_facts:
            problems.append(f"{case.id}：不可回答的问题不应有要点（key_facts）")
        for gold in case.gold:
            if gold.article not in texts:
                problems.append(f"{case.id}：没有这篇文章：{gold.article}")
            elif gold.quote and not locate(texts[gold.article], gold.quote):
                problems.append(f"{case.id}：文章 {gold.article} 里找不到原文：{gold.quote}")
        problems += [
            f"{case.id}：参考答案自己含有禁止出现的内容" for r in case.references if contains_fact(r, case.forbidden)
        ]
        if case.references and case.key_facts and eval_set.folder is not None:
            problems += [
                f"{case.id}：参考答案缺少要点 {'/'.join(fact)}"
                for fact in case.key_facts
                if not contains_fact(case.references[0], fact)
            ]
    return problems


def read_texts(eval_set: EvalSet) -> dict[str, str]:
    """The clean text of every article of a set by its key, read the way the library reads it."""
    if eval_set.folder is None:
        return {article.path: article.text for article in eval_set.articles}
    from rag.reading import read_file

    paths = sorted(path for path in eval_set.folder.rglob("*") if path.is_file())
    return {eval_set.key_of(str(path)): read_file(path).text for path in paths}


Model = TypeVar("Model", bound=BaseModel)


class _Exchange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    question: str
    answer: str


class _GoldQuote(BaseModel):
    model_config = ConfigDict(extra="forbid")
    article: str
    quote: str


class _Question(BaseModel):
    """One line of questions_*.jsonl."""

    model_config = ConfigDict(extra="forbid")
    id: str
    type: CaseType
    question: str
    history: list[_Exchange] = []
    answerable: bool
    key_facts: list[list[str]] = []
    forbidden: list[str] = []
    gold: list[_GoldQuote] = []
    answer: str = ""
    seed: bool = False
    said: str = ""  # what a reader said of the answer they got (`youju feedback export`), for people


class _Document(BaseModel):
    """One line of corpus.jsonl; other keys are ignored."""

    id: str
    title: str = ""
    text: str


class _Query(BaseModel):
    """One line of queries.jsonl; other keys are ignored."""

    id: str
    question: str
    answers: list[str] = []
    positive_ids: list[str] = []
    answerable: bool = True
    type: str = ""
    task: str = ""
    standalone: bool = True


def _case(question: _Question) -> Case:
    return Case(
        id=question.id,
        type=question.type,
        question=question.question,
        history=tuple(Turn(turn.question, turn.answer) for turn in question.history),
        answerable=question.answerable,
        key_facts=tuple(tuple(fact) for fact in question.key_facts),
        forbidden=tuple(question.forbidden),
        gold=tuple(Gold(gold.article, gold.quote) for gold in question.gold),
        references=(question.answer,) if question.answer and question.answerable else (),
    )


def _query_case(query: _Query, first: Mapping[str, str]) -> Case:
    wordings = tuple(answer for answer in query.answers if 0 < len(answer.strip()) <= MAX_FACT_CHARS)
    kind = (query.type or query.task or "question") if query.standalone else "not_standalone"
    return Case(
        id=query.id,
        type=kind,
        question=query.question,
        answerable=query.answerable,
        key_facts=(wordings,) if wordings and query.answerable else (),
        gold=tuple(Gold(key) for key in dict.fromkeys(first.get(key, key) for key in query.positive_ids)),
        references=tuple(query.answers) if query.answerable else (),
    )


def _article(document: _Document) -> Article:
    """A corpus document as an article: its key is kept in `path`, which hits and citations carry."""
    key = hashlib.sha256(document.id.encode()).hexdigest()
    digest = hashlib.sha256(f"{document.title}\0{document.text}".encode()).hexdigest()
    return Article(id=key[:16], title=document.title, text=document.text, path=document.id, digest=digest)


def distinct(articles: Iterable[Article]) -> tuple[tuple[Article, ...], dict[str, str]]:
    """Articles without repeated content, and for every key the key of the first article with the same content."""
    kept: dict[str, Article] = {}
    first = {article.path: kept.setdefault(article.digest, article).path for article in articles}
    return tuple(kept.values()), first


def _question_files(data: Path) -> list[Path]:
    files = sorted(data.glob("questions_*.jsonl"))
    if not files:
        raise ReadError(
            f"评测集没有问题文件：{data}", "请确认安装完整（eval/data/questions_*.jsonl）", reason="missing"
        )
    return files


def _questions(files: Sequence[Path]) -> list[_Question]:
    return [question for path in files for question in read_records(path, _Question)]


def read_records(path: Path, model: type[Model]) -> Iterator[Model]:
    """The objects of a JSON Lines file; a line that is none is an error that names it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"读不了 {path}：{error}", "请检查文件权限，并存为 UTF-8", reason="unreadable") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield model.model_validate(json.loads(line))
            except (ValidationError, json.JSONDecodeError) as error:
                raise ReadError(
                    f"{path} 第 {number} 行不合格式：{_brief(error)}", "每行须是一个 JSON 对象", reason="malformed"
                ) from None


def _brief(error: ValidationError | json.JSONDecodeError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"不是 JSON（{error.msg}，第 {error.colno} 列）"
    problems = error.errors(include_input=False, include_url=False)
    return "；".join(f"{'.'.join(map(str, problem['loc']))}：{problem['msg']}" for problem in problems)


def _repeated(ids: Sequence[str]) -> list[str]:
    return [case_id for case_id, count in Counter(ids).items() if count > 1]


def digest_files(root: Path) -> str:
    """sha256 over the relative path and the bytes of every file below `root` (or of the one file)."""
    paths = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
    digest = hashlib.sha256()
    for path in paths:
        name = path.relative_to(root).as_posix() if root.is_dir() else path.name
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def digest_cases(cases: Sequence[Case]) -> str:
    """sha256 (hex) over the questions and what a right answer to them is."""
    rows: list[dict[str, Any]] = [asdict(case) for case in cases]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
