"""Which articles a question is asked of: by day of publication, source, category or article."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rag.errors import SettingsError
from rag.records import SHANGHAI, Article


@dataclass(frozen=True, slots=True)
class Filters:
    """What articles must be like to be searched; an empty one lets everything through.

    Attributes:
        after: first day of publication, in Asia/Shanghai.
        before: last day of publication.
        sources: one of these, as `Article.source` spells them.
        categories: in one of these, each a path such as "金融" or "金融/东澜财经"; what is below it counts.
        articles: one of these ids.

    An article without a date is left out where a day is asked for.
    """

    after: date | None = None
    before: date | None = None
    sources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.after or self.before or self.sources or self.categories or self.articles)

    def accepts(self, article: Article) -> bool:
        """Whether an article is let through."""
        day = article.published_at.astimezone(SHANGHAI).date() if article.published_at else None
        if self.after and (day is None or day < self.after):
            return False
        if self.before and (day is None or day > self.before):
            return False
        if self.sources and article.source not in self.sources:
            return False
        if self.articles and article.id not in self.articles:
            return False
        return not self.categories or any(
            article.category[: len(path)] == path for path in map(category_path, self.categories)
        )

    def describe(self) -> str:
        """What people read: 2022-05-01 至 2022-05-31，来源 青石日报; empty for none."""
        parts = []
        if self.after or self.before:
            first, last = (day.isoformat() if day else "" for day in (self.after, self.before))
            parts.append(first if first == last else f"{first} 至 {last}".strip())
        if self.sources:
            parts.append(f"来源 {'、'.join(self.sources)}")
        if self.categories:
            parts.append(f"分类 {'、'.join(self.categories)}")
        if self.articles:
            parts.append(f"{len(self.articles)} 篇指定的文章")
        return "，".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """JSON form; only what is set."""
        fields = {
            "after": self.after and self.after.isoformat(), "before": self.before and self.before.isoformat(),
            "sources": list(self.sources), "categories": list(self.categories), "articles": list(self.articles),
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Filters:
        """The filters that `to_dict` wrote."""
        after, before = (date.fromisoformat(fields[name]) if name in fields else None for name in ("after", "before"))
        sources, categories, articles = (tuple(fields.get(name, ())) for name in ("sources", "categories", "articles"))
        return cls(after, before, sources, categories, articles)


@dataclass(frozen=True, slots=True)
class Facets:
    """What a collection can be filtered by: sources and category paths with their number of articles, first and last day."""

    sources: Mapping[str, int]
    categories: Mapping[str, int]
    first: date | None
    last: date | None


def category_path(text: str) -> tuple[str, ...]:
    """金融/东澜财经 as ("金融", "东澜财经")."""
    return tuple(part.strip() for part in text.split("/") if part.strip())


def day_number(moment: datetime | None) -> int:
    """Day of publication in Asia/Shanghai as a proleptic Gregorian ordinal, as indexes keep it; 0 for none."""
    return moment.astimezone(SHANGHAI).toordinal() if moment else 0


def facet_terms(source: str, category: Sequence[str], article_id: str) -> list[str]:
    """What an article can be filtered by, as indexes keep it: s:source, a:id, and c:path for its category and all above it."""
    paths = ["/".join(category[: i + 1]) for i in range(len(category))]
    return [f"s:{source}", f"a:{article_id}", *(f"c:{path}" for path in paths)]


def wanted_terms(filters: Filters) -> list[list[str]]:
    """The terms (see `facet_terms`) that filters ask for: one of each list must be there."""
    paths = ["/".join(category_path(value)) for value in filters.categories]
    groups = (("s", filters.sources), ("c", paths), ("a", filters.articles))
    return [[f"{mark}:{value}" for value in values] for mark, values in groups if values]


_FIRST, _LAST = date(1, 1, 2), date(9999, 12, 30)


def first_moment(day: date, *, following: bool = False) -> datetime:
    """When a day (or the one `following` it) begins in Asia/Shanghai, in UTC; the ends of the calendar give way by a day."""
    day = min(max(day, _FIRST), _LAST) + timedelta(days=following)
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def parse_day(text: str, *, last: bool = False) -> date:
    """2022-05-01, 2022-05 or 2022 as a day: the first of that time, or its last one.

    Raises:
        SettingsError: it is none of these.
    """
    for form in ("%Y-%m-%d", "%Y-%m", "%Y"):
        try:
            day = datetime.strptime(text.strip(), form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
        if last and form != "%Y-%m-%d":
            month = day.month if form == "%Y-%m" else 12
            return day.replace(month=month, day=monthrange(day.year, month)[1])
        return day
    raise SettingsError(f"看不懂日期：{text}", "请写成 2022-05-01、2022-05 或 2022")
