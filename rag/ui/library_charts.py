"""Statistics of a library as HTML: each plot is an SVG of ours, with a table of the same figures for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rag.article_list import LENGTHS, Statistics
from rag.ui.markup import both, escape

_MONTHS: Final = 120
"""Months of the plot, the last ones; the table has them all."""
_BARS: Final = 15
_ROWS: Final = 500
_LABEL: Final = 40
_LEFT: Final = 70
"""Room for the figures at the axis, in the plot's own units."""
_HEIGHT: Final = 160
_WIDTH: Final = 720


def statistics_html(statistics: Statistics) -> str:
    """The figures of the whole, and four plots."""
    figures = (
        ("lib_articles", statistics.articles), ("lib_chunks", statistics.chunks),
        ("lib_characters_all", statistics.characters), ("lib_sources", sum(1 for source in statistics.sources if source)),
    )  # fmt: skip
    whole = "".join(f"<div><dt>{both(key)}</dt><dd>{count:,}</dd></div>" for key, count in figures)
    lengths = [(_length_label(at), count) for at, count in enumerate(statistics.lengths)]
    return (
        f'<div class="yjl-statistics"><dl class="yjl-figures">{whole}</dl>'
        f"{_months(statistics.months)}"
        f"{_bars('lib_by_source', 'lib_source', statistics.sources)}"
        f"{_bars('lib_by_category', 'lib_category', statistics.categories)}"
        f"{_figure('lib_by_length', 'lib_characters', _columns(lengths), lengths)}</div>"
    )


def _months(months: Mapping[str, int]) -> str:
    known = _every_month([month for month in months if month])
    dated = [(month, months.get(month, 0)) for month in known]
    undated = [("", months[""])] if months.get("") else []
    shown = dated[-_MONTHS:]
    listed = [(month, count) for month, count in reversed(dated) if count]
    return _figure("lib_by_month", "lib_month", _columns(shown) if shown else "", [*listed, *undated])


def _every_month(months: Sequence[str]) -> list[str]:
    """Every month from the first to the last one, those without articles too; the last 50 years of them."""
    if not months:
        return []
    first, last = (int(m[:4]) * 12 + int(m[5:7]) - 1 for m in (min(months), max(months)))
    first = max(first, last - 599)
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(first, last + 1)]


def _bars(title: str, column: str, counts: Mapping[str, int]) -> str:
    """Horizontal bars of the most frequent ones: a table whose figures have a length."""
    rows = list(counts.items())
    highest = max((count for _, count in rows), default=0) or 1
    bars = "".join(
        f'<tr><th scope="row">{escape(label, _LABEL) or both("lib_unknown")}</th><td class="yjl-bar">'
        f'<span style="width:{max(0.5, 80 * count / highest):.1f}%"></span>{count:,}</td></tr>'
        for label, count in rows[:_BARS]
    )
    return _figure(title, column, f'<table class="yjl-bars"><tbody>{bars}</tbody></table>' if bars else "", rows)


def _columns(rows: Sequence[tuple[str, int]]) -> str:
    """Upright bars in the order given; every so many of them labelled."""
    highest = max((count for _, count in rows), default=0) or 1
    step = (_WIDTH - _LEFT) / max(1, len(rows))
    every = max(1, -(-len(rows) * 64 // (_WIDTH - _LEFT)))
    parts = []
    for at, (label, count) in enumerate(rows):
        x, height = _LEFT + at * step, round((_HEIGHT - 10) * count / highest, 1)
        parts.append(
            f'<rect x="{x:.1f}" y="{_HEIGHT - height:.1f}" width="{max(1.0, step - 2):.1f}" height="{height}"></rect>'
        )
        if at % every == 0:
            parts.append(
                f'<text x="{x + step / 2 - 1:.1f}" y="{_HEIGHT + 5}" text-anchor="middle">{escape(label)}</text>'
            )
    axis = (
        f'<line x1="{_LEFT}" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}"></line>'
        f'<text class="yjl-axis" x="{_LEFT - 6}" y="16" text-anchor="end">{highest:,}</text>'
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 34}" aria-hidden="true">{"".join(parts)}{axis}</svg>'


def _figure(title: str, column: str, drawing: str, rows: Iterable[tuple[str, int]]) -> str:
    """A plot under its title, with its figures as a table that can be opened."""
    listed = list(rows)
    lines = "".join(
        f'<tr><th scope="row">{escape(label, 80) or both("lib_unknown")}</th><td class="yjl-n">{count:,}</td></tr>'
        for label, count in listed[:_ROWS]
    )
    if len(listed) > _ROWS:
        lines += f'<tr><td colspan="2">{both("lib_more", count=f"{len(listed) - _ROWS:,}")}</td></tr>'
    if not listed:
        return f'<figure class="yjl-figure"><figcaption>{both(title)}</figcaption><p class="yj-quiet">{both("lib_none")}</p></figure>'
    return (
        f'<figure class="yjl-figure"><figcaption>{both(title)}</figcaption>{drawing}'
        f"<details><summary>{both('lib_as_table')}</summary><table class='yjl-table yjl-small'>"
        f'<caption class="yj-sr">{both(title)}</caption><thead><tr><th scope="col">{both(column)}</th>'
        f'<th scope="col" class="yjl-n">{both("lib_articles")}</th></tr></thead><tbody>{lines}</tbody></table></details></figure>'
    )


def _length_label(index: int) -> str:
    if index == 0:
        return f"< {LENGTHS[0]}"
    return f"≥ {LENGTHS[-1]}" if index == len(LENGTHS) else f"{LENGTHS[index - 1]}–{LENGTHS[index]}"
