"""The frozen records that pass between the rooms. Change one with `dataclasses.replace`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

Support = Literal["supported", "partial", "unsupported", "conflicting"]
"""How well the cited sentences carry a statement: all of it, part of it, none of it, or they disagree."""


@dataclass(frozen=True, slots=True)
class Article:
    """One article as it is stored and quoted.

    Attributes:
        id: 16 hex digits, from the URL where there is one, otherwise from the path.
        title: the true title (from “原标题：” where the file name mangled it).
        text: the clean visible text; paragraphs, headings and table rows are lines. Every quote is a slice of it.
        source: who published it, e.g. "新浪财经".
        category: path from broad to narrow, e.g. ("金融", "新浪财经").
        author: as given by the file; may be empty.
        url: link to the original; empty when the file has none.
        published_at: aware, in UTC; None when the file gives no date that can be true.
        path: where the file was read from.
        digest: sha256 (hex) of title, text and metadata; equal digests mean nothing to do.
        metadata: what else the file said (editor, reporters, …), strings only.
    """

    id: str
    title: str
    text: str
    source: str = ""
    category: tuple[str, ...] = ()
    author: str = ""
    url: str = ""
    published_at: datetime | None = None
    path: str = ""
    digest: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def date(self) -> str:
        """Publication day in Asia/Shanghai as YYYY-MM-DD, or an empty string."""
        return self.published_at.astimezone(SHANGHAI).strftime("%Y-%m-%d") if self.published_at else ""

    @property
    def body_digest(self) -> str:
        """sha256 (hex) of what a reader sees, title and text; two files with the same are one article."""
        return hashlib.sha256(f"{self.title}\0{self.text}".encode()).hexdigest()

    def to_json(self) -> str:
        """The whole article as one line of JSON; `from_json` gives an equal article back."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["published_at"] = self.published_at.astimezone(UTC).isoformat() if self.published_at else None
        fields["metadata"] = dict(self.metadata)
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Article:
        """The article that `to_json` wrote."""
        fields = json.loads(line)
        moment = fields["published_at"]
        fields["published_at"] = datetime.fromisoformat(moment) if moment else None
        fields["category"] = tuple(fields["category"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of an article: `article.text[start:end] == text`, always.

    `id` is the store's row number (-1 before it is stored); `heading` is the nearest heading above it, or empty.
    """

    id: int
    article_id: str
    start: int
    end: int
    text: str
    heading: str = ""


class IndexedChunk(NamedTuple):
    """A chunk as the keyword index takes it, with what its article is filtered by."""

    id: int
    title: str
    text: str
    article_id: str = ""
    published_at: datetime | None = None
    source: str = ""
    category: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk.

    Attributes:
        score: the fused score, 0 to 1 within one search; higher is better.
        rank: 1 for the best.
        why: the raw score of each leg ("dense": cosine, "keyword": BM25), for people and for evaluation; in an answer also
            "sentence", 0 to 1: how well the best sentence of the passage answers, where it was judged.
        also: near-duplicate articles that this hit represents.
    """

    chunk: Chunk
    article: Article
    score: float
    rank: int
    why: Mapping[str, float] = field(default_factory=dict)
    also: tuple[Article, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The public form of a hit, as `youju ask --json` and `youju search --json` print it."""
        return {
            "rank": self.rank,
            "score": round(self.score, 6),
            "article_id": self.article.id,
            "title": self.article.title,
            "path": self.article.path,
            "source": self.article.source,
            "published_at": iso(self.article.published_at),
            "start": self.chunk.start,
            "end": self.chunk.end,
            "text": self.chunk.text,
            "why": {leg: round(score, 6) for leg, score in self.why.items()},
            "also": [{"article_id": a.id, "title": a.title, "path": a.path} for a in self.also],
        }


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact source of a statement: `article.text[start:end] == quote`, byte for byte. `number` starts at 1."""

    number: int
    article: Article
    start: int
    end: int
    quote: str

    def to_dict(self) -> dict[str, Any]:
        """The public form of a citation."""
        return {
            "number": self.number,
            "article_id": self.article.id,
            "title": self.article.title,
            "source": self.article.source,
            "url": self.article.url,
            "published_at": iso(self.article.published_at),
            "path": self.article.path,
            "start": self.start,
            "end": self.end,
            "quote": self.quote,
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer with what carries it.

    `note`, in Chinese: what is wrong with a statement that is not supported; for one that is, what a relative date in it means.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    support: Support = "unsupported"
    note: str = ""

    @property
    def marked(self) -> str:
        """The sentence with its citation marks, e.g. "增长6.3%。[1][2]"."""
        marks = "".join(f"[{number}]" for number in dict.fromkeys(c.number for c in self.citations))
        return f"{self.text}{marks}" + (f"（{self.note}）" if self.note and self.support == "supported" else "")

    def to_dict(self) -> dict[str, Any]:
        """The public form of a statement."""
        return {
            "text": self.text,
            "support": self.support,
            "note": self.note,
            "citations": [c.to_dict() for c in self.citations],
        }


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made an answer. `llm` is empty for an extractive answer; `notice` tells the user why, in Chinese."""

    embedder: str
    llm: str
    prompts: str
    library: str
    version: str
    notice: str = ""

    def to_dict(self) -> dict[str, str]:
        """The public form of the provenance."""
        return {
            "embedder": self.embedder,
            "llm": self.llm,
            "prompts": self.prompts,
            "library": self.library,
            "version": self.version,
            "notice": self.notice,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or a refusal (`refused`, with `reason` in Chinese and the nearest passages in `hits`).

    A reply to small talk is neither: `reason` is what it says, there are no statements and no hits, and `refused` is False.

    `timings` are seconds by stage: retrieve, wait (for the LLM), first_token, generate, verify, total. `scope` says which articles were searched,
    where that is not all of them.
    """

    question: str
    standalone_question: str
    statements: tuple[Statement, ...]
    hits: tuple[Hit, ...]
    refused: bool
    reason: str
    timings: Mapping[str, float]
    provenance: Provenance
    scope: str = ""

    @property
    def shown(self) -> tuple[Statement, ...]:
        """The statements that are the answer: those that something carries."""
        return tuple(s for s in self.statements if s.support != "unsupported")

    @property
    def struck(self) -> tuple[Statement, ...]:
        """The statements of the LLM's draft that nothing carries: no part of the answer, shown only to who asks for them."""
        return tuple(s for s in self.statements if s.support == "unsupported")

    @property
    def text(self) -> str:
        """The answer as people read it, with citation marks and without what is struck; a refusal or a reply to small talk is its reason."""
        return "".join(s.marked for s in self.shown) if self.statements and not self.refused else self.reason

    @property
    def is_reply(self) -> bool:
        """Whether it is a reply to small talk: it claims nothing and cites nothing, and nothing was searched."""
        return not (self.refused or self.statements or self.hits)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation once, in the order of its number."""
        by_number = {c.number: c for s in self.statements for c in s.citations}
        return tuple(by_number[number] for number in sorted(by_number))

    def to_dict(self) -> dict[str, Any]:
        """The object that `youju ask --json` prints; made of JSON types only. `statements` holds the struck ones, too."""
        return {
            "question": self.question,
            "standalone_question": self.standalone_question,
            "text": self.text,
            "refused": self.refused,
            "reason": self.reason,
            "scope": self.scope,
            "statements": [s.to_dict() for s in self.statements],
            "hits": [h.to_dict() for h in self.hits],
            "timings": {stage: round(seconds, 4) for stage, seconds in self.timings.items()},
            "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Retrieved:
    """First event of an answer: what was found, and how it was searched for.

    `scope` says in Chinese which articles were searched, where that is not all of them; `notice` what is to be known of that.
    """

    hits: tuple[Hit, ...]
    standalone_question: str = ""
    scope: str = ""
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Others are using the LLM; `ahead` questions come first. Said again twice a second, until it is this question's turn."""

    ahead: int


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the LLM's draft, as it streams. A draft is not checked; only the final `Answer` is.

    An empty one is a sign of life: the LLM is at work, and has nothing to say yet.
    """

    text: str


Event = Waiting | Retrieved | Token | Answer
"""What an answer streams: one `Retrieved`, any number of `Token`, one `Answer`; small talk only the `Answer`. `Waiting` comes where
others use the LLM, which may be before `Retrieved`: a follow-up that the rules do not understand is put to the LLM first."""


Mode = Literal["auto", "extractive"]
"""How a question is answered: by the LLM where there is one, or by quoting alone, without asking the LLM anything."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One finished exchange of a conversation, as follow-ups need it."""

    question: str
    answer: str


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in Asia/Shanghai, or None."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds") if moment else None
