"""What the service sends: the records of an answer as JSON, and the same as models for the docs. Paths on the server stay there."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rag.records import Answer, Article, Event, Hit, Retrieved, Support, Token, Waiting, iso


class _Shown(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CitationShown(_Shown):
    """一句话的出处：文章正文的 [start:end] 就是 quote，一字不差。"""

    number: int = Field(description="回答里的编号 [n]")
    article_id: str
    title: str
    source: str
    url: str
    published_at: str | None = Field(description="北京时间，ISO 8601")
    start: int = Field(description="在正文中的起点（字符）")
    end: int
    quote: str


class StatementShown(_Shown):
    """回答里的一句话。"""

    text: str
    support: Support = Field(
        description="supported 有据、partial 部分有据、unsupported 未找到依据（不在 text 里）、conflicting 说法不一"
    )
    note: str
    citations: list[CitationShown]


class AlsoShown(_Shown):
    """并入这一段的近似文章。"""

    article_id: str
    title: str


class HitShown(_Shown):
    """检索到的一段。"""

    rank: int
    score: float
    article_id: str
    title: str
    source: str
    published_at: str | None
    start: int
    end: int
    text: str
    why: dict[str, float]
    also: list[AlsoShown]


class ProvenanceShown(_Shown):
    """回答是怎么来的。"""

    embedder: str
    llm: str = Field(description="大模型；空为摘录原文")
    prompts: str
    library: str
    version: str
    notice: str = Field(description="要让用户知道的话，如大模型为什么没有答")


class AnswerShown(_Shown):
    """一个核对过的回答，或者拒答（refused）。"""

    question: str
    standalone_question: str = Field(description="实际检索的问题（追问补全之后）")
    text: str = Field(description="给人看的回答，带编号")
    refused: bool
    reason: str
    scope: str
    statements: list[StatementShown]
    hits: list[HitShown]
    timings: dict[str, float] = Field(description="各步用时，秒")
    provenance: ProvenanceShown


class SearchShown(_Shown):
    """检索的结果。"""

    hits: list[HitShown]
    scope: str = Field(description="检索范围；空为全部")
    notice: str


class ArticleRow(_Shown):
    """列表里的一篇文章。"""

    id: str
    title: str
    source: str
    date: str = Field(description="发表日期（北京时间）；空为不详")
    category: list[str]
    characters: int


class ArticlesShown(_Shown):
    """文章列表的一页。"""

    articles: list[ArticleRow]
    page: int
    pages: int
    total: int


class ArticleShown(_Shown):
    """一篇文章：洗净的正文与它的信息。"""

    id: str
    title: str
    text: str
    source: str
    category: list[str]
    author: str
    url: str
    published_at: str | None
    metadata: dict[str, str]


def without_paths(value: Any) -> Any:
    """JSON without the places of files on this machine, which are nobody's business."""
    if isinstance(value, dict):
        return {name: without_paths(part) for name, part in value.items() if name != "path"}
    return [without_paths(part) for part in value] if isinstance(value, list) else value


def answer_json(answer: Answer) -> dict[str, Any]:
    """See `AnswerShown`."""
    shown: dict[str, Any] = without_paths(answer.to_dict())
    return shown


def hits_json(hits: tuple[Hit, ...] | list[Hit]) -> list[dict[str, Any]]:
    """See `HitShown`."""
    return [without_paths(hit.to_dict()) for hit in hits]


def article_json(article: Article) -> dict[str, Any]:
    """See `ArticleShown`."""
    return {
        "id": article.id,
        "title": article.title,
        "text": article.text,
        "source": article.source,
        "category": list(article.category),
        "author": article.author,
        "url": article.url,
        "published_at": iso(article.published_at),
        "metadata": dict(article.metadata),
    }


def event_json(event: Event) -> tuple[str, dict[str, Any]]:
    """The name and the data of an event, as server-sent events have them."""
    match event:
        case Waiting(ahead=ahead):
            return "waiting", {"ahead": ahead}
        case Retrieved():
            found = {"standalone_question": event.standalone_question, "scope": event.scope, "notice": event.notice}
            return "retrieved", {**found, "hits": hits_json(event.hits)}
        case Token(text=text):
            return "token", {"text": text}
        case Answer():
            return "answer", answer_json(event)
