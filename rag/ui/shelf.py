"""What the library page does with a library: lists, reads, adds, removes, checks, counts, fetches. Knows nothing of Gradio or HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

from rag.add_report import render_report
from rag.article_list import (
    ListedArticle,
    ListPage,
    ListQuery,
    Statistics,
    chunk_count,
    list_page,
    listed,
    months,
    statistics,
)  # fmt: skip
from rag.checking import CheckReport
from rag.doctor import Finding, examine
from rag.errors import LibraryBusy, LibraryError
from rag.filters import Facets, Filters
from rag.hub import hub_of
from rag.ingest import AddReport, Row
from rag.library import Library
from rag.model_catalogue import CATALOGUE, LocalLlm, find_llm, is_fetched, llm_path
from rag.model_files import fetch_llm, list_models
from rag.records import Article
from rag.ui.backend import UiStatus
from rag.ui.editing import may_edit
from rag.ui.jobs import Cancelled, Job, Jobs
from rag.ui.upload_desk import Delivery, Refused, UploadDesk
from rag.uploads import shown

T = TypeVar("T")

FOUND: Final = 100
"""Passages that a search of the full text looks at; the articles they are from are listed."""

REMOVED_AT_ONCE: Final = 10_000


class ModelSwitch(Protocol):
    """What answers questions, as far as the choice of its LLM goes."""

    def use(self, llm: str) -> None:
        """Change to another LLM, named as in the setting `llm`; returns at once."""

    def status(self) -> UiStatus:
        """Which one it is, and whether it is ready."""


@dataclass(frozen=True, slots=True)
class Found:
    """An article that a search of the full text found, with the passage for which it was."""

    line: ListedArticle
    excerpt: str


@dataclass(frozen=True, slots=True)
class ArticleView:
    """An article with what is known of it: number of passages, where it was read, and the others that tell the same story."""

    article: Article
    chunks: int
    places: tuple[str, ...]
    twins: tuple[Article, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """What an upload came to: the report of adding, and the files that never got so far."""

    report: AddReport
    refused: tuple[Refused, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """One for each file or part of one, named as their sender names them."""
        refused = [
            Row(shown(no.name), "", "skipped" if no.reason == "empty" else "failed", no.reason, no.message)
            for no in self.refused
        ]
        rows = [replace(row, path=shown(row.path), message=shown(row.message)) for row in self.report.rows]
        return (*refused, *rows)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """An LLM that can be fetched or used. `llm` is what the setting `llm` would say; sizes in bytes, 0 where not known."""

    llm: str
    name: str
    size: int = 0
    memory: int = 0
    licence: str = ""
    note: str = ""
    fetched: bool = True
    in_use: bool = False


class Shelf:
    """One library behind the page. Safe to use from several threads.

    Args:
        switch: what answers questions; None where its LLM cannot be changed from here.
        editors: whether the sender of a request may change anything.
        catalogue: the LLMs that are offered.
    """

    def __init__(
        self,
        library: Library,
        switch: ModelSwitch | None = None,
        *,
        editors: Callable[[Any], bool] = may_edit,
        catalogue: Sequence[LocalLlm] = CATALOGUE,
    ) -> None:
        self.library = library
        self.may_edit = editors
        self.desk = UploadDesk()
        self.jobs = Jobs()
        self._switch = switch
        self._catalogue = tuple(catalogue)
        self._counted: dict[str, tuple[int, Any]] = {}

    @property
    def busy(self) -> bool:
        """Whether anything is being done whose progress can be watched."""
        status = self.model_status()
        moving = status is not None and status.phase in ("downloading", "loading")
        return moving or any(job.active for job in self.jobs.all())

    # -- reading -------------------------------------------------------------------------------------------------

    def generation(self) -> int:
        """Changes whenever the articles do."""
        return self.library.store.generation()

    def page(self, query: ListQuery) -> ListPage:
        """One page of the list."""
        return list_page(self.library.store, query)

    def search(self, text: str, filters: Filters) -> list[Found]:
        """The articles in which the library's own search finds the text, the best first."""
        excerpts: dict[str, str] = {}
        for hit in self.library.search(text, FOUND, filters=filters or Filters()):
            for article in (hit.article, *hit.also):  # those that tell the same story stand behind it
                excerpts.setdefault(article.id, hit.chunk.text)
        return [Found(line, excerpts[line.id]) for line in listed(self.library.store, list(excerpts))]

    def article(self, article_id: str) -> ArticleView | None:
        """One article, or None where there is none of that id."""
        store = self.library.store
        article = store.article(article_id)
        if article is None:
            return None
        _, members = store.stories([article_id]).get(article_id, ("", ()))
        places = [
            f"{place.path}#{place.member}" if place.member else place.path for place in store.locations(article_id)
        ]
        twins = tuple(member for member in members if member.id != article_id)
        return ArticleView(article, chunk_count(store, article_id), tuple(map(shown, places or [article.path])), twins)

    def statistics(self) -> Statistics:
        """What is in the library, counted once for each of its states."""
        return self._kept("statistics", lambda: statistics(self.library.store))

    def facets(self) -> Facets:
        """What the list can be filtered by."""
        return self._kept("facets", self.library.facets)

    def months(self) -> dict[str, int]:
        """The months that the list can be filtered by, with their number of articles."""
        return self._kept("months", lambda: months(self.library.store))

    def _kept(self, name: str, count: Callable[[], T]) -> T:
        """What was counted, until the articles change."""
        generation = self.generation()
        known = self._counted.get(name)
        if known is None or known[0] != generation:
            known = self._counted[name] = generation, count()
        return cast("T", known[1])

    # -- changing ------------------------------------------------------------------------------------------------

    def deliver(self, delivery: Delivery) -> None:
        """Add what has arrived, as a job; the bytes are thrown away when it ends, however it does."""

        def run(job: Job) -> Added:
            uploads = delivery.uploads()
            try:
                report = AddReport()
                if uploads:
                    report = job.when_free(
                        lambda: self.library.add(
                            [], lambda stage, done, total, _: job.step(stage, done, total), rows=True, uploads=uploads
                        )
                    )
                return Added(report, tuple(delivery.problems()))
            except Cancelled:
                with suppress(LibraryBusy):  # whoever writes now writes what waits, too
                    self.library.withdraw(uploads)
                raise
            finally:
                delivery.throw_away()

        self.jobs.start("add", run, str(len(delivery.names)))

    def finish_waiting(self) -> None:
        """Write what an earlier run read and did not come to write, as a job."""

        def run(job: Job) -> Added:
            add: Callable[[], AddReport] = lambda: self.library.add(  # noqa: E731
                [], lambda stage, done, total, _: job.step(stage, done, total), rows=True
            )
            return Added(job.when_free(add), ())

        self.jobs.start("add", run, "0")

    def remove(self, ids: Sequence[str]) -> None:
        """Remove articles, as a job.

        Raises:
            LibraryError: none or too many were named.
        """
        wanted = list(dict.fromkeys(ids))
        if not 0 < len(wanted) <= REMOVED_AT_ONCE:
            raise LibraryError(f"一次可以移除 1 到 {REMOVED_AT_ONCE:,} 篇文章", "请重新选择")
        self.jobs.start("remove", lambda job: job.when_free(lambda: self.library.remove(wanted)), str(len(wanted)))

    def remove_vanished(self) -> None:
        """Remove the articles none of whose files is there any more, as a job."""
        self.jobs.start("remove", lambda job: job.when_free(lambda: self.library.remove(self.library.vanished())), "0")

    def check(self) -> None:
        """Prove that the library is whole, as a job; damaged indexes are made anew on the way."""
        if self.jobs.running("check") is None:
            self.jobs.start("check", self._check)

    def _check(self, job: Job) -> CheckReport:
        return self.library.check(lambda done, total: job.step("check", done, total))

    def report_page(self, job_id: str) -> str | None:
        """The written report of an upload, as `youju add --report` writes it; None where there is none."""
        job = self.jobs.get(job_id)
        if job is None or not isinstance(job.result, Added):
            return None
        report = replace(job.result.report, rows=job.result.rows)
        return render_report(report, library=self.library.path.name, articles=self.library.outline())

    # -- models --------------------------------------------------------------------------------------------------

    def examine(self) -> list[Finding]:
        """What the doctor finds, with the LLM that is in use now."""
        return examine(self.library.settings)

    @property
    def hub(self) -> str:
        """Where models are fetched from."""
        return hub_of(self.library.settings)

    def model_status(self) -> UiStatus | None:
        """Where the LLM in use stands; None where another one cannot be chosen from here."""
        return self._switch.status() if self._switch else None

    def models(self) -> list[KnownModel]:
        """Every LLM that is known or here, the one that is not one (extractive answers) first."""
        settings = self.library.settings
        status = self.model_status()
        now = status.model if status and status.phase in ("loading", "ready") else ""
        here = {llm_path(llm, settings) for llm in self._catalogue}
        models = [KnownModel("none", "", in_use=bool(status) and not now)]
        if settings.api_base_url and settings.api_model:
            models.append(KnownModel("api", settings.api_model, in_use=now.startswith(f"{settings.api_model}@")))
        for llm in self._catalogue:
            fetched = is_fetched(llm, settings)
            setting = llm.name if find_llm(llm.name) else str(llm_path(llm, settings))
            used = now in (llm.name, Path(llm.file).stem)
            models.append(KnownModel(setting, llm.name, llm.size, llm.memory, llm.licence, llm.note, fetched, used))
        for row in list_models(settings):
            if row.kind == "llm" and row.path and row.path not in here:
                name = row.path.stem if row.path.suffix == ".gguf" else row.name
                models.append(KnownModel(row.name, name, row.size, 0, row.licence, row.note, True, now == name))
        return models

    def fetch(self, name: str) -> None:
        """Fetch an LLM of the catalogue, as a job; what came stays when it is cancelled, and the next one goes on from there.

        Raises:
            LibraryError: it is not in the catalogue.
        """
        llm = next((llm for llm in self._catalogue if llm.name == name), None)
        if llm is None:
            raise LibraryError("没有这个模型", "请刷新本页再试")
        if any(job.active and job.kind == "fetch" and job.about == name for job in self.jobs.all()):
            return

        def run(job: Job) -> str:
            step: Callable[[int, int], None] = lambda done, total: job.step("fetch", done, total)  # noqa: E731
            return str(fetch_llm(llm, self.library.settings, progress=step))

        self.jobs.start("fetch", run, name)

    def use(self, llm: str) -> None:
        """Answer with another LLM from now on, without a restart.

        Raises:
            LibraryError: it is none of `models`, or not here.
        """
        known = next((model for model in self.models() if model.llm == llm), None)
        if known is None or not known.fetched or self._switch is None:
            raise LibraryError("这个模型还不能用", "请先下载它")
        self._switch.use(llm)
