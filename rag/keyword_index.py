"""The keyword leg: BM25 over Chinese words in a Tantivy index on disk, derived from the store and able to catch up with it."""

from __future__ import annotations

import json
import math
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag.durable import write_whole
from rag.filters import Filters, day_number, facet_terms, wanted_terms
from rag.records import IndexedChunk
from rag.words import index_pairs, index_words

_FORMAT = 5
_WRITER_BYTES = 64_000_000
WEIGHTS = {"text": 1.0, "title": 0.5, "text_pairs": 0.5, "title_pairs": 0.25}
"""Weight of each field's BM25; `python -m eval retrieval` measures them."""


class KeywordIndex:
    """BM25 (k1 = 1.2, b = 0.75) over title and text of chunks, each as words and as pairs of characters, keyed by chunk id.

    Args:
        folder: holds the index. Where it is missing, not whole or of another format (or a writer is about to change it), this one is
            empty until `update` makes the folder anew or `reload` finds it whole. Opening writes nothing: another process may.

    `generation` is the store's generation that the index has caught up with, 0 for an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._about = folder / "youju.json"
        self.generation = 0
        found = self._open()
        self._on_disk = found is not None
        self._index: Any = found or self._empty()

    def _open(self) -> Any | None:
        import tantivy

        try:
            about = json.loads(self._about.read_text(encoding="utf-8"))
            if about["format"] != _FORMAT:
                return None
            for name, (size, _) in about["files"].items():
                if (self._folder / name).stat().st_size != size:
                    return None
            index = tantivy.Index.open(str(self._folder))
            index.searcher()
            self.generation = int(about["generation"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return None
        return index

    def _empty(self, folder: Path | None = None) -> Any:
        import tantivy

        schema = tantivy.SchemaBuilder()
        schema.add_integer_field("id", stored=True, indexed=True, fast=True)
        for field in WEIGHTS:
            schema.add_text_field(field, stored=False, tokenizer_name="whitespace", index_option="freq")
        schema.add_integer_field("day", indexed=True, fast=True)
        schema.add_text_field("facets", stored=False, tokenizer_name="raw", index_option="basic")
        self.generation = 0
        return tantivy.Index(schema.build(), path=str(folder) if folder else None)

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    def update(self, added: Iterable[IndexedChunk], removed: Iterable[int], generation: int) -> None:
        """Bring the index to a generation: put chunks, replacing those of the same id, and remove others.

        Only the library's one writer may call this. Doing it twice is harmless.
        """
        import tantivy

        if not self._on_disk:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._index = self._empty(self._folder)
            self._on_disk = True
        writer = self._index.writer(_WRITER_BYTES, 1)
        try:
            for id_ in removed:
                writer.delete_documents_by_term("id", id_)
            title: str | None = None
            fields: dict[str, str] = {}
            for chunk in added:
                if chunk.title != title:  # chunks come article by article
                    title = chunk.title
                    fields = {"title": " ".join(index_words(title)), "title_pairs": " ".join(index_pairs(title))}
                writer.delete_documents_by_term("id", chunk.id)
                own = {"text": " ".join(index_words(chunk.text)), "text_pairs": " ".join(index_pairs(chunk.text))}
                document = tantivy.Document(id=chunk.id, **fields, **own)
                document.add_integer("day", day_number(chunk.published_at))
                for facet in facet_terms(chunk.source, chunk.category, chunk.article_id):
                    document.add_text("facets", facet)
                writer.add_document(document)
            writer.commit()
            writer.wait_merging_threads()
        except BaseException:
            writer = None  # gives Tantivy's own lock back
            raise
        self._index.reload()
        self.generation = generation
        about = {"format": _FORMAT, "generation": generation, "files": self._digests()}
        write_whole(self._about, json.dumps(about).encode())

    def _digests(self) -> dict[str, list[int]]:
        """Length and CRC of the index's files. Tantivy never changes a file once it is written, so known ones are not read again."""
        try:
            known = json.loads(self._about.read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError):
            known = {}
        sizes = {file.name: file.stat().st_size for file in self._segments()}
        return {
            name: known[name] if name in known and known[name][0] == size else [size, self._crc(name)]
            for name, size in sizes.items()
        }

    def _segments(self) -> list[Path]:
        return sorted(file for file in self._folder.iterdir() if "." in file.name[1:] and len(file.stem) == 32)

    def _crc(self, name: str) -> int:
        return zlib.crc32((self._folder / name).read_bytes())

    def damaged(self) -> list[str]:
        """Names of the index's files that are not as they were written; reads all of them."""
        try:
            files = json.loads(self._about.read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError):
            return [self._about.name]
        return [
            name
            for name, (size, crc) in files.items()
            if not (self._folder / name).is_file()
            or (self._folder / name).stat().st_size != size
            or self._crc(name) != crc
        ]

    def reload(self) -> None:
        """See what another process has written since."""
        if not self._on_disk:
            found = self._open()
            if found is not None:
                self._index, self._on_disk = found, True
            return
        try:
            self.generation = int(json.loads(self._about.read_text(encoding="utf-8"))["generation"])
        except (OSError, ValueError, KeyError):
            return
        self._index.reload()

    def search(
        self, words: Sequence[str], k: int, filters: Filters | None = None, *, pairs: Sequence[str] = ()
    ) -> list[tuple[int, float]]:
        """The k best chunks for these words (any of them): (id, weighted sum of BM25), best first; an empty list for no words.

        Args:
            pairs: what `rag.words.query_pairs` makes of the same question.
            filters: only chunks of articles that these let through. Scores are those of the whole collection.
        """
        import tantivy

        if not words or k < 1:
            return []
        schema = self._index.schema
        clauses = []
        for field, weight in WEIGHTS.items():
            for term in pairs if field.endswith("pairs") else words:
                query = tantivy.Query.term_query(schema, field, term, "freq")
                clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(query, weight)))
        query = tantivy.Query.boolean_query(clauses)
        if filters:
            must = [(tantivy.Occur.Must, query)]
            must += [
                (tantivy.Occur.Must, tantivy.Query.const_score_query(q, 0.0)) for q in self._filter_queries(filters)
            ]
            query = tantivy.Query.boolean_query(must)
        searcher = self._index.searcher()
        result = searcher.search(query, limit=k, count=False)
        ids = searcher.fast_field_values("id", [address for _, address in result.hits])
        found = [(int(id_), float(score)) for id_, (score, _) in zip(ids, result.hits, strict=True)]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def _filter_queries(self, filters: Filters) -> Iterator[Any]:
        """One query for each kind of filter; all of them must match."""
        import tantivy

        schema = self._index.schema
        if filters.after or filters.before:
            first = filters.after.toordinal() if filters.after else 1
            last = filters.before.toordinal() if filters.before else None
            yield tantivy.Query.range_query(schema, "day", tantivy.FieldType.Integer, first, last)
        for terms in wanted_terms(filters):
            yield tantivy.Query.term_set_query(schema, "facets", terms)

    def idf(self, words: Sequence[str]) -> dict[str, float]:
        """Rarity of words in the texts: ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25; unknown words are the rarest."""
        searcher = self._index.searcher()
        total = int(searcher.num_docs)
        found = {word: int(searcher.doc_freq("text", word)) for word in words}
        return {word: math.log(1 + (max(total, n) - n + 0.5) / (n + 0.5)) for word, n in found.items()}

    def ids(self) -> set[int]:
        """Every id in the index."""
        import tantivy

        searcher = self._index.searcher()
        total = int(searcher.num_docs)
        if not total:
            return set()
        result = searcher.search(tantivy.Query.all_query(), limit=total, count=False)
        return {int(id_) for id_ in searcher.fast_field_values("id", [address for _, address in result.hits])}
