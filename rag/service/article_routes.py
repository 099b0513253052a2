"""`/api/articles`: the list, and one article whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, Response

from rag.article_list import ListQuery, Order, list_page
from rag.filters import Filters
from rag.library import Library
from rag.service.forms import Choices, Day, FiltersForm
from rag.service.problems import RESPONSES, RequestProblem
from rag.service.shown import ArticleShown, ArticlesShown, article_json


def article_routes(library: Library) -> APIRouter:
    """The routes that show articles."""
    router = APIRouter(tags=["文章"], responses=RESPONSES)

    @router.get("/api/articles", summary="文章列表", response_model=None, responses={200: {"model": ArticlesShown}})
    def articles(
        q: Annotated[str, Query(max_length=200, description="标题里的词，空格隔开，都要有；简繁不分")] = "",
        sort: Annotated[Order, Query(description="按日期、标题或来源排")] = "date",
        descending: Annotated[bool, Query(description="新的（大的）在前")] = True,
        page: Annotated[int, Query(ge=1, le=1_000_000, description="第几页")] = 1,
        size: Annotated[int, Query(ge=1, le=200, description="每页几篇")] = 50,
        after: Annotated[Day | None, Query(description="这一天及以后发表的")] = None,
        before: Annotated[Day | None, Query(description="这一天及以前发表的")] = None,
        source: Annotated[Choices, Query(description="这个来源的，可重复")] = [],  # noqa: B006 - FastAPI copies it
        category: Annotated[Choices, Query(description="这个分类的，可重复")] = [],  # noqa: B006
    ) -> Response:
        """知识库里的文章，一页一页地列。"""
        form = FiltersForm(after=after, before=before, sources=source, categories=category)
        query = ListQuery(q, form.filters() or Filters(), sort, descending, page, size)
        found = list_page(library.store, query)
        return JSONResponse(
            {
                "articles": [asdict(row) for row in found.rows],
                "page": found.page,
                "pages": found.pages,
                "total": found.total,
            }
        )

    @router.get(
        "/api/articles/{article_id}", summary="一篇文章", response_model=None, responses={200: {"model": ArticleShown}}
    )
    def article(article_id: Annotated[str, Path(max_length=200, description="文章编号")]) -> Response:
        """洗净的正文与它的信息；引文的起止位置是这份正文的字符位置。"""
        found = library.article(article_id)
        if found is None:
            raise RequestProblem(
                f"没有这篇文章：{article_id}", status=404, kind="not_found_error", param="article_id", code="not_found"
            )
        return JSONResponse(article_json(found))

    return router
