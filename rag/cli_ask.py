"""`youju search` and `youju ask`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from rag.console import ConfigOption, EmbedderOption, JsonOption, LibraryOption, LlmOption, err, opened, out
from rag.errors import YoujuError
from rag.filters import Filters, parse_day
from rag.settings import load_settings

if TYPE_CHECKING:
    from rag.explain import Explanation
    from rag.library import Library
    from rag.records import Answer, Turn

AfterOption = Annotated[
    str | None, typer.Option("--after", help="只查这一天及以后发表的：2022-05-01、2022-05 或 2022", show_default=False)
]
BeforeOption = Annotated[str | None, typer.Option("--before", help="只查这一天及以前发表的", show_default=False)]
SourceOption = Annotated[list[str] | None, typer.Option("--source", help="只查这个来源，可重复", show_default=False)]
CategoryOption = Annotated[
    list[str] | None, typer.Option("--category", help="只查这个分类，如 金融 或 金融/宏观，可重复", show_default=False)
]
ArticleOption = Annotated[
    list[str] | None, typer.Option("--article", help="只查这篇文章的编号，可重复", show_default=False)
]
StruckOption = Annotated[bool, typer.Option("--all-statements", help="也列出大模型写了、但资料中找不到依据的句子")]
AllOption = Annotated[bool, typer.Option("--all", help="不从问题里的“昨天”“上周”推断发表日期")]


def _filters(
    after: str | None, before: str | None, sources: list[str] | None, categories: list[str] | None,
    articles: list[str] | None, everything: bool,
) -> Filters | None:  # fmt: skip
    """What the options ask for; None where they leave it to the question."""
    filters = Filters(
        after=parse_day(after) if after else None, before=parse_day(before, last=True) if before else None,
        sources=tuple(sources or ()), categories=tuple(categories or ()), articles=tuple(articles or ()),
    )  # fmt: skip
    return filters if filters or everything else None


def search(
    question: Annotated[str, typer.Argument(help="问题或关键词", show_default=False)],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="条数")] = 10,
    explained: Annotated[bool, typer.Option("--explain", help="说明每一条为什么找到")] = False,
    after: AfterOption = None,
    before: BeforeOption = None,
    source: SourceOption = None,
    category: CategoryOption = None,
    article: ArticleOption = None,
    everything: AllOption = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """只检索，不回答：列出最相关的片段与得分。"""
    from rag.explain import explain

    filters = _filters(after, before, source, category, article, everything)
    settings = load_settings(config, library=library, embedder=embedder)
    with opened(settings) as collection:
        found = explain(collection, question, k, dense_weight=settings.dense_weight, filters=filters)
    if as_json:
        hits = [hit.to_dict() if explained else hit.hit.to_dict() for hit in found.hits]
        print(json.dumps(hits, ensure_ascii=False, indent=2))
        return
    if found.scope.filters:
        err.print(f"检索范围：{escape(found.scope.filters.describe())}（{found.passed} / {found.chunks} 个片段）")
    if found.scope.notice:
        err.print(f"[yellow]{escape(found.scope.notice)}[/yellow]")
    _print_hits(found, explained)


def _print_hits(found: Explanation, explained: bool) -> None:
    for each in found.hits:
        hit = each.hit
        legs = "，".join(f"{_LEGS[leg]} {value:.3f}" for leg, value in hit.why.items())
        out.print(
            f"[bold]{hit.rank}. {escape(hit.article.title)}[/bold] {hit.article.date} [dim]{hit.score:.3f}（{legs}）[/dim]"
        )
        out.print("   " + escape(hit.chunk.text.strip().replace("\n", " ")[:160]))
        if explained:
            places = "，".join(f"{_LEGS[leg]}第 {rank}" for leg, rank in each.ranks.items())
            words = "、".join(each.words) or "无"
            about = "，".join(
                part for part in (hit.article.source, "/".join(hit.article.category), hit.article.id) if part
            )
            out.print(f"   [dim]名次：{places}；共有的词：{escape(words)}；{escape(about)}[/dim]")
            for other in hit.also:
                out.print(f"   [dim]并入的近似文章：{escape(other.title)}（{escape(other.source)} {other.date}）[/dim]")
    if not found.hits:
        out.print("没有找到。")


_LEGS = {"dense": "向量", "keyword": "关键词", "period": "时间", "rerank": "重排"}


def ask(
    question: Annotated[str | None, typer.Argument(help="问题", show_default=False)] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    llm: LlmOption = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
    batch: Annotated[
        Path | None, typer.Option("--batch", help="JSON Lines 文件，每行有 id、question、history", show_default=False)
    ] = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    source: SourceOption = None,
    category: CategoryOption = None,
    article: ArticleOption = None,
    everything: AllOption = False,
    all_statements: StruckOption = False,
) -> None:
    """提问：回答的每句话都带出处。"""
    if (question is None) == (batch is None):
        raise typer.BadParameter("请给出一个问题，或用 --batch 给出问题文件（二者选一）")
    filters = _filters(after, before, source, category, article, everything)
    settings = load_settings(config, library=library, llm=llm, embedder=embedder)
    with opened(settings) as collection:
        if batch is not None:
            if not _ask_batch(collection, batch, filters):
                raise typer.Exit(1)
            return
        assert question is not None
        if as_json:
            print(json.dumps(collection.ask(question, filters=filters).to_dict(), ensure_ascii=False, indent=2))
        else:
            _ask_aloud(collection, question, filters, all_statements)


def _ask_aloud(collection: Library, question: str, filters: Filters | None, all_statements: bool) -> None:
    from rag.records import Answer, Retrieved, Token

    drafting = False
    for event in collection.events(question, filters=filters):
        if isinstance(event, Retrieved):
            if event.scope:
                err.print(f"检索范围：{escape(event.scope)}")
            if event.notice:
                err.print(f"[yellow]{escape(event.notice)}[/yellow]")
        elif isinstance(event, Token) and err.is_terminal:
            if not drafting:
                err.print("[dim]草稿（尚未核对）：[/dim]", end="")
            drafting = True
            err.print(escape(event.text), end="", style="dim")
        elif isinstance(event, Answer):
            if drafting:
                err.print("\n")
            _print_answer(event, all_statements)


def _print_answer(answer: Answer, all_statements: bool) -> None:
    if answer.provenance.notice:
        err.print(f"[yellow]{escape(answer.provenance.notice)}[/yellow]")
    out.print(escape(_in_form(answer)), soft_wrap=True)
    if answer.refused and answer.hits:
        out.print("\n[dim]最接近的文章：[/dim]")
        for hit in answer.hits[:3]:
            out.print(f"[dim]- {escape(hit.article.title)}（{escape(hit.article.source)} {hit.article.date}）[/dim]")
    for citation in answer.citations:
        about = " ".join(
            part for part in (citation.article.source, citation.article.date, citation.article.url) if part
        )
        out.print(
            rf"{chr(10)}\[{citation.number}] [bold]{escape(citation.article.title)}[/bold] [dim]{escape(about)}[/dim]"
        )
        out.print(f"    “{escape(citation.quote)}”")
    if answer.struck and not all_statements:
        err.print(f"\n[dim]另有 {len(answer.struck)} 句未找到依据，未采用（加 --all-statements 显示）[/dim]")
    elif answer.struck:
        out.print("\n[dim]未找到依据，未采用：[/dim]")
        for statement in answer.struck:
            out.print(f"[dim]- [strike]{escape(statement.text)}[/strike]（{escape(statement.note)}）[/dim]")


def _in_form(answer: Answer) -> str:
    """The answer as text; a comparison with its table in Markdown."""
    from rag.comparison_tables import beside, table_of, to_markdown

    table = table_of(answer)
    if table is None:
        return answer.text
    rest = "".join(statement.marked for statement in beside(table, answer))
    return f"{rest}\n\n{to_markdown(table)}".strip()


def _ask_batch(collection: Library, path: Path, filters: Filters | None) -> bool:
    """Answer every line of a file; a line that cannot be answered gives an object with `error`. True when all were."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise YoujuError(f"问题文件读不了：{path}（{error}）", "请给出 UTF-8 编码的 JSON Lines 文件") from None
    fine = True
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        result: dict[str, Any]
        case_id: Any = number
        try:
            case_id, question, history = _case(line, number)
            result = {"id": case_id, **collection.ask(question, history, filters=filters).to_dict()}
        except YoujuError as error:
            fine = False
            result = {"id": case_id, "error": str(error)}
        print(json.dumps(result, ensure_ascii=False), flush=True)
    return fine


def _case(line: str, number: int) -> tuple[Any, str, Sequence[Turn]]:
    from rag.records import Turn

    try:
        case = json.loads(line)
        history = [Turn(str(t["question"]), str(t.get("answer", ""))) for t in case.get("history") or []]
        question = case["question"]
        if not isinstance(question, str) or not question.strip():
            raise ValueError("question")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise YoujuError(
            f"第 {number} 行不是合格的问题", '每行应为 {"id": …, "question": "…", "history": […]}'
        ) from None
    return case.get("id", number), question, history
