"""What an answer rests on, as cards: the quote, where it was published, and the way into the whole article."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rag.records import Article, Citation, Hit
from rag.ui.article_view import Place, address, place_of
from rag.ui.markup import both, escape, safe_url, said

_LONGEST_QUOTE: Final = 2_000
_LONGEST_TITLE: Final = 200
_MOST_ALSO: Final = 5


class Cards:
    """The source cards of one answer, in the order in which they are first asked for.

    The page's script shows a copy of them in the source panel, and takes the words of the popover from them.
    """

    def __init__(self, uid: str, hits: Sequence[Hit] = ()) -> None:
        self._uid = uid
        self._also: dict[str, tuple[Article, ...]] = {}
        for hit in hits:
            self._also.setdefault(hit.article.id, hit.also)
        self._ids: dict[tuple[int, str, int, int], str] = {}
        self._html: list[str] = []

    def cite(self, citation: Citation) -> str:
        """Id of the quote in the card of a citation."""
        return self._card(citation.number, citation.article, citation.start, citation.end)

    def near(self, hit: Hit) -> str:
        """Id of the card of a passage that was near, though it answers nothing: no sentence of it is marked as proof."""
        return self._card(0, hit.article, hit.chunk.start, hit.chunk.end)

    def html(self) -> str:
        """The cards."""
        return "".join(self._html)

    def _card(self, number: int, article: Article, start: int, end: int) -> str:
        key = (number, article.id, start, end)
        if key not in self._ids:
            self._ids[key] = f"yj-{self._uid}-{len(self._ids) + 1}"
            self._html.append(_card(key, self._ids[key], article, self._also.get(article.id, ())))
        return self._ids[key]


def where(article: Article) -> str:
    """Who published an article, and when."""
    date = f"<time>{article.date}</time>" if article.date else f"<span>{both('no_date')}</span>"
    source = f"<span>{escape(article.source, 60)}</span>" if article.source else ""
    return f'<span class="yj-where">{source}{date}</span>'


def opens(article: Article, label: str, *places: Place, near: bool = False) -> str:
    """A link that opens an article in the panel, at the first of the places; the others follow it there.

    Args:
        label: HTML.
        near: the places are not what an answer rests on, and are not marked as if they were.
    """
    kind = "near" if near else "at"
    return f'<a class="yj-open" href="#yj-{kind}?{escape(address(article, *places))}">{label}</a>'


def _card(key: tuple[int, str, int, int], target: str, article: Article, also: Sequence[Article]) -> str:
    number, _, start, end = key
    tag = "mark" if number else "span"
    quote = article.text[start : min(end, start + _LONGEST_QUOTE)].strip("\n")
    cut = "…" if end - start > _LONGEST_QUOTE else ""
    shown_number = f'<span class="yj-n">{number}</span>' if number else ""
    url = safe_url(article.url)
    link = f'<a class="yj-original" href="{url}" target="_blank" rel="noopener noreferrer">{both("original")}</a>'
    way_in = opens(article, both("read_article"), place_of(article, start, end), near=not number)
    return (
        f'<article class="yj-card"><header>{shown_number}<div class="yj-card-head">'
        f'<h3 lang="zh">{escape(article.title, _LONGEST_TITLE)}</h3>{where(article)}</div></header>'
        f'<p class="yj-passage"><{tag} class="yj-quote" lang="zh" id="{target}">{said(quote)}{cut}</{tag}></p>'
        f'{_also(also)}<p class="yj-card-foot">{way_in}{link if url else ""}</p></article>'
    )


def _also(articles: Sequence[Article]) -> str:
    """The articles that tell the same in nearly the same words, which the one quoted stands for."""
    if not articles:
        return ""
    rows = "".join(
        f"<li>{opens(article, escape(article.title, 80))}{where(article)}</li>" for article in articles[:_MOST_ALSO]
    )
    more = "<li>…</li>" if len(articles) > _MOST_ALSO else ""
    return f'<div class="yj-also"><p>{both("also_in")}</p><ul>{rows}{more}</ul></div>'
