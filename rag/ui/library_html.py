"""The library page's list of articles and view of one, as HTML. Pure; every text from outside goes through `markup.escape`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rag.article_list import ListedArticle, ListPage, Order
from rag.filters import Facets
from rag.records import Article
from rag.ui.markup import both, escape, safe_url
from rag.ui.shelf import ArticleView, Found

PART: Final = 20_000
"""Characters of an article that are shown at once: a browser lays out so many in a moment, and 300,000 it does not."""

_OPTIONS = 500
_LABEL = 60
_TITLE = 200
_EXCERPT = 160
_PLACES = 10
_TWINS = 20
_COLUMNS: Final[Sequence[tuple[Order, str]]] = (("title", "lib_title"), ("source", "lib_source"), ("date", "lib_date"))


@dataclass(slots=True)
class ListState:
    """What a reader has chosen in the list. It lives on the server; `source` and `category` are values, not tokens.

    Attributes:
        words: searched for in titles, or with `full` in the whole text.
        month: "2021-07", or empty.
    """

    words: str = ""
    full: bool = False
    source: str = ""
    category: str = ""
    month: str = ""
    order: Order = "date"
    descending: bool = True
    page: int = 1


def token(text: str) -> str:
    """What stands for a source or category in a form: hostile text is no value that comes back as it went out."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def nav_html() -> str:
    """The two halves of the page, in the header."""
    return (
        f'<nav class="yj-nav" aria-labelledby="yj-nav-name"><span class="yj-sr" id="yj-nav-name">{both("lib_nav")}</span>'
        f'<a href="#" id="yj-nav-chat" aria-current="page">{both("lib_nav_chat")}</a>'
        f'<a href="#library" id="yj-nav-library">{both("lib_nav_library")}</a></nav>'
    )


def tabs_html() -> str:
    """The parts of the library page."""
    parts = (
        ("articles", "#library", "lib_tab_articles"), ("add", "#library/add", "lib_tab_add"),
        ("statistics", "#library/statistics", "lib_tab_statistics"), ("health", "#library/health", "lib_tab_health"),
    )  # fmt: skip
    links = "".join(f'<a href="{href}" id="yjl-tab-{name}">{both(key)}</a>' for name, href, key in parts)
    return (
        f'<h2 class="yj-sr">{both("lib_nav_library")}</h2><nav class="yjl-tabs" aria-labelledby="yjl-tabs-name">'
        f'<span class="yj-sr" id="yjl-tabs-name">{both("lib_parts")}</span>{links}</nav>'
    )


def frame_html() -> str:
    """What stands still: the question before articles are removed, and what the page's script says when a step fails."""
    return (
        '<dialog id="yjl-confirm" class="yjl-confirm" aria-labelledby="yjl-confirm-title">'
        f'<p id="yjl-confirm-title">{both("lib_confirm", count="<b class=yjl-count></b>")}</p>'
        f'<p class="yj-quiet">{both("lib_confirm_more")}</p>'
        f'<p class="yjl-buttons"><button type="button" class="yjl-button" data-say="no">{both("lib_keep")}</button>'
        f'<button type="button" class="yjl-button yjl-danger" data-say="yes">{both("lib_remove")}</button></p></dialog>'
        f'<p id="yjl-trouble" class="yj-remark" role="alert" hidden>{both("failed")}</p>'
    )


def list_html(
    state: ListState, facets: Facets, months: Sequence[tuple[str, int]], page: ListPage, *, edit: bool
) -> str:
    """The list: what it is searched and filtered by, a page of it, and the way to the other pages."""
    rows = "".join(_row(line, "", edit=edit) for line in page.rows)
    return (
        f'<div class="yjl-list">{_form(state, facets, months)}{_chosen(edit)}'
        f'<p class="yjl-found" role="status">{both("lib_found", count=f"{page.total:,}")}</p>'
        f"{_table(rows, state, edit=edit)}{_pager(page) if page.pages > 1 else ''}</div>"
    )


def found_html(
    state: ListState, facets: Facets, months: Sequence[tuple[str, int]], found: Sequence[Found], *, edit: bool
) -> str:
    """The list as the library's own search finds it: the best first, each with the passage that it was found by."""
    rows = "".join(_row(one.line, one.excerpt, edit=edit) for one in found)
    return (
        f'<div class="yjl-list">{_form(state, facets, months)}{_chosen(edit)}'
        f'<p class="yjl-found" role="status">{both("lib_found_full", count=str(len(found)))}</p>'
        f"{_table(rows, None, edit=edit)}</div>"
    )


def _form(state: ListState, facets: Facets, months: Sequence[tuple[str, int]]) -> str:
    chosen = " checked" if state.full else ""
    return (
        '<form class="yjl-form" data-do="list" role="search">'
        f'<label class="yjl-words"><span>{both("lib_words")}</span>'
        f'<input type="search" name="words" maxlength="200" autocomplete="off" value="{escape(state.words, 200)}"></label>'
        f'<label class="yjl-tick"><input type="checkbox" name="full"{chosen}><span>{both("lib_full")}</span></label>'
        f"{_select('source', 'lib_source', facets.sources.items(), state.source)}"
        f"{_select('category', 'lib_category', facets.categories.items(), state.category)}"
        f"{_select('month', 'lib_month', months, state.month)}"
        f'<span class="yjl-buttons"><button type="submit" class="yjl-button yjl-main">{both("lib_search")}</button>'
        f'<button type="button" class="yjl-button" data-do="clear">{both("lib_clear")}</button></span></form>'
    )


def _select(name: str, key: str, values: Iterable[tuple[str, int]], chosen: str) -> str:
    offered = [(value, count) for value, count in values if value][:_OPTIONS]
    if chosen and chosen not in dict(offered):
        offered.append((chosen, 0))
    options = "".join(
        f'<option value="{token(value)}"{" selected" if value == chosen else ""}>{escape(value, _LABEL)} ({count:,})</option>'
        for value, count in offered
    )
    return (
        f'<label class="yjl-select"><span>{both(key)}</span><select name="{name}">'
        f'<option value=""{"" if chosen else " selected"}>—</option>{options}</select></label>'
    )


def _chosen(edit: bool) -> str:
    if not edit:
        return ""
    return (
        f'<p class="yjl-chosen" hidden><span>{both("lib_chosen", count="<b class=yjl-count></b>")}</span>'
        f'<button type="button" class="yjl-button yjl-danger" data-do="ask-remove">{both("lib_remove")}</button>'
        f'<button type="button" class="yjl-button" data-do="choose-none">{both("lib_choose_none")}</button></p>'
    )


def _table(rows: str, state: ListState | None, *, edit: bool) -> str:
    """The table, with columns that can be sorted by where there is a `state`."""
    if not rows:
        return f'<p class="yj-quiet yjl-none">{both("lib_none")}</p>'
    tick = (
        f'<th scope="col" class="yjl-pick"><label><input type="checkbox" data-do="choose-page">'
        f'<span class="yj-sr">{both("lib_choose_page")}</span></label></th>'
    )
    heads = "".join(_head(order, key, state) for order, key in _COLUMNS)
    return (
        f'<table class="yjl-table"><caption class="yj-sr">{both("lib_tab_articles")}</caption><thead><tr>'
        f"{tick if edit else ''}{heads}"
        f'<th scope="col">{both("lib_category")}</th><th scope="col" class="yjl-n">{both("lib_characters")}</th>'
        f"</tr></thead><tbody>{rows}</tbody></table>"
    )


def _head(order: Order, key: str, state: ListState | None) -> str:
    if state is None:
        return f'<th scope="col">{both(key)}</th>'
    sort = ""
    if state.order == order:
        sort = f' aria-sort="{"descending" if state.descending else "ascending"}"'
    return (
        f'<th scope="col"{sort}><button type="button" class="yjl-sort" data-do="sort" data-order="{order}">'
        f"{both(key)}</button></th>"
    )


def _row(line: ListedArticle, excerpt: str, *, edit: bool) -> str:
    id_, title = escape(line.id), escape(line.title, _TITLE) or both("lib_untitled")
    tick = (
        f'<td class="yjl-pick"><label><input type="checkbox" data-do="choose" data-id="{id_}">'
        f'<span class="yj-sr">{both("lib_choose", title=title)}</span></label></td>'
    )
    passage = f'<span class="yjl-excerpt">{escape(excerpt.strip(), _EXCERPT)}</span>' if excerpt else ""
    return (
        f'<tr>{tick if edit else ""}<th scope="row"><a href="#library/article/{id_}">{title}</a>{passage}</th>'
        f"<td>{escape(line.source, _LABEL)}</td><td>{_date(line.date)}</td>"
        f'<td>{escape("/".join(line.category), _LABEL)}</td><td class="yjl-n">{line.characters:,}</td></tr>'
    )


def _date(day: str) -> str:
    return f"<time>{day}</time>" if day else both("no_date")


def _pager(page: ListPage) -> str:
    def to(number: int, key: str) -> str:
        off = "" if 1 <= number <= page.pages else " disabled"
        return f'<button type="button" class="yjl-button" data-do="page" data-page="{number}"{off}>{both(key)}</button>'

    box = f'<input type="number" name="page" min="1" max="{page.pages}" value="{page.page}" required>'
    return (
        f'<form class="yjl-pager" data-do="page">{to(page.page - 1, "lib_before")}'
        f"<label>{both('lib_page')} {box} / {page.pages:,}</label>"
        f'<button type="submit" class="yjl-button">{both("lib_go")}</button>{to(page.page + 1, "lib_next")}</form>'
    )


# -- one article -----------------------------------------------------------------------------------------------------


def article_html(view: ArticleView | None, part: int = 1) -> str:
    """An article: what is known of it, and a part of its text (`part` from 1; beyond the last one it is the last one)."""
    back = f'<p><a class="yjl-back" href="#library">{both("lib_back")}</a></p>'
    if view is None:
        return f'<div class="yjl-article">{back}<h2 tabindex="-1">{both("lib_gone")}</h2></div>'
    article = view.article
    parts = split(article.text)
    part = min(max(1, part), len(parts))
    title = escape(article.title, _TITLE) or both("lib_untitled")
    lines = "".join(f"<p>{escape(line)}</p>" for line in re.split(r"\s*\n\s*", parts[part - 1]) if line)
    return (
        f'<article class="yjl-article">{back}<h2 tabindex="-1">{title}</h2>{_facts(view)}'
        f"{_parts(article, part, len(parts))}<div class='yjl-text'>{lines}</div>{_parts(article, part, len(parts))}</article>"
    )


def split(text: str) -> list[str]:
    """The text in parts of at most `PART` characters, between lines where there are any; at least one."""
    parts, start = [], 0
    while len(text) - start > PART:
        line = text.rfind("\n", start + PART // 2, start + PART)
        end = line + 1 if line >= 0 else start + PART
        parts.append(text[start:end])
        start = end
    return [*parts, text[start:]]


def _facts(view: ArticleView) -> str:
    article = view.article
    url = safe_url(article.url)
    link = f'<a href="{url}" target="_blank" rel="noopener noreferrer">{both("original")}</a>' if url else ""
    places = "".join(f"<li>{escape(place, 300)}</li>" for place in view.places[:_PLACES] if place)
    if len(view.places) > _PLACES:
        places += f"<li>{both('lib_more', count=str(len(view.places) - _PLACES))}</li>"
    twins = "".join(
        f'<li><a href="#library/article/{escape(twin.id)}">{escape(twin.title, _TITLE) or both("lib_untitled")}</a> '
        f"{escape(twin.source, _LABEL)} {_date(twin.date)}</li>"
        for twin in view.twins[:_TWINS]
    )
    rows = (
        ("lib_source", escape(article.source, _LABEL)), ("lib_date", _date(article.date)),
        ("lib_category", escape("/".join(article.category), 120)), ("lib_author", escape(article.author, 120)),
        ("lib_link", link), ("lib_places", f"<ul>{places}</ul>" if places else ""),
        ("lib_size", both("lib_size_value", characters=f"{len(article.text):,}", chunks=f"{view.chunks:,}")),
        ("lib_twins", f"<ul>{twins}</ul>" if twins else ""),
    )  # fmt: skip
    return "<dl>" + "".join(f"<dt>{both(key)}</dt><dd>{value}</dd>" for key, value in rows if value) + "</dl>"


def _parts(article: Article, part: int, parts: int) -> str:
    if parts == 1:
        return ""

    def to(number: int, key: str) -> str:
        off = "" if 1 <= number <= parts else " disabled"
        return (
            f'<button type="button" class="yjl-button" data-do="part" data-part="{number}" '
            f'data-id="{escape(article.id)}"{off}>{both(key)}</button>'
        )

    where = both("lib_part", part=str(part), parts=str(parts))
    return (
        f'<p class="yjl-pager">{to(part - 1, "lib_part_before")}<span>{where}</span>{to(part + 1, "lib_part_next")}</p>'
    )
