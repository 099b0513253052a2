"""How clean and how whole the reader's text is, against articles labelled by hand line by line.

The labels name lines by digest, so that they can be shipped while the articles cannot. What a line is comes from a rendering that
shares no code with the reader: whatever the reader loses before it cleans shows up as lost, too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal, TypeAlias

from rag.reading import read_articles
from rag.records import Article

LABELS = Path(__file__).parent / "data" / "cleaning_labels.jsonl"

Label: TypeAlias = Literal["text", "boilerplate", "either"]
"""What a line is: the article's own words; what is not (advertisement, footer, script, link list); or a credit, caption or
disclaimer, which a reader may keep or lift into the metadata."""

_BLOCKS = frozenset(
    "address article aside blockquote body br center dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main "
    "nav ol p pre section table td th tr ul caption option".split()
)
_FRONT_MATTER = re.compile(r"\s*---[ \t]*\r?\n.*?\r?\n---[ \t]*\r?\n", re.DOTALL)
_SOUND_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_SOUND_SCRIPT = re.compile(r"<(script|style)\b[^<>]*>(?:(?!<p[\s>]).)*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_AFTER_SENTENCE = re.compile(r"(?<=。)\s")  # flattened posts have their footer in the last line of text
_NOT_TEXT = re.compile(r"[^\w%‰.,，。]+|[\ufffd\u3000]")
_CLAUSE = re.compile(r"[。！？；，、：:,;|｜\s]+")
_TELLING = 10
"""Parts of boilerplate this long are looked for everywhere; what is shorter must be a line of its own."""


class _Renderer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        first, *rest = data.split("\n\n")
        self.lines[-1] += first
        self.lines += rest


def reference_lines(source: str) -> list[str]:
    """The visible lines of a post: its body without front matter, tags, sound comments and sound scripts, nothing else left out."""
    body = _FRONT_MATTER.sub("", source, count=1)
    body = _SOUND_SCRIPT.sub("", _SOUND_COMMENT.sub("", body)).replace("<!--", "\n")
    renderer = _Renderer()
    renderer.feed(body)
    renderer.close()
    return [line for raw in renderer.lines for line in _AFTER_SENTENCE.split(" ".join(raw.split())) if _core(line)]


def line_digest(line: str) -> str:
    """12 hex digits of the SHA-256 of the line's letters and figures."""
    return hashlib.sha256(_core(line).encode()).hexdigest()[:12]


def _core(text: str) -> str:
    return _NOT_TEXT.sub("", text)


@dataclass(frozen=True, slots=True)
class Cleanness:
    """Characters (letters and figures) over all labelled articles: own text in the sources, of it lost; text kept, of it boilerplate.

    `lost_lines` and `left_lines` are what is wrong, as (file, line), for people who mend the reader.
    """

    articles: int
    own: int
    lost: int
    kept: int
    left: int
    lost_lines: tuple[tuple[str, str], ...]
    left_lines: tuple[tuple[str, str], ...]

    @property
    def lost_share(self) -> float:
        """Real text lost, as a share of the articles' own text."""
        return self.lost / self.own if self.own else 0.0

    @property
    def left_share(self) -> float:
        """Boilerplate left, as a share of the text kept."""
        return self.left / self.kept if self.kept else 0.0

    def to_dict(self) -> dict[str, object]:
        """All of it, for JSON."""
        return {**asdict(self), "lost_share": self.lost_share, "left_share": self.left_share}


def measure(articles: Iterable[tuple[str, str, Article, Mapping[str, Label]]]) -> Cleanness:
    """Compare cleaned articles with their labels.

    Args:
        articles: for each its name, its source as text, what the reader made of it, and the label of each line that is not the
            article's own text, by `line_digest`.
    """
    count = own = lost = kept = left = 0
    lost_lines: list[tuple[str, str]] = []
    left_lines: list[tuple[str, str]] = []
    for name, source, article, labels in articles:
        count += 1
        said = "\n".join((article.text, article.title, *article.metadata.values()))
        whole = _core(said)
        text = _core(article.text)
        lines = {_core(line) for line in article.text.split("\n")}
        kept += len(text)
        for line in reference_lines(source):
            core = _core(line)
            label = labels.get(line_digest(line), "text")
            if label == "text":
                own += len(core)
                gone = 0 if core in whole else sum(len(p) for p in map(_core, _CLAUSE.split(line)) if p not in whole)
                if gone:
                    lost += gone
                    lost_lines.append((name, line))
            elif label == "boilerplate":
                still = len(core) if core in lines else sum(len(part) for part in _telling_parts(line) if part in text)
                if still:
                    left += still
                    left_lines.append((name, line))
    return Cleanness(count, own, lost, kept, left, tuple(lost_lines), tuple(left_lines))


def _telling_parts(line: str) -> list[str]:
    """What of a line of boilerplate can be looked for in the middle of text: its longer clauses and words."""
    return [part for part in map(_core, _CLAUSE.split(line)) if len(part) >= _TELLING]


def load_labels(path: Path = LABELS) -> dict[str, dict[str, Label]]:
    """The labels by digest of the file (see `file_digest`), each by digest of the line."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {row["file"]: row["lines"] for row in rows}


def file_digest(data: bytes) -> str:
    """16 hex digits of the SHA-256 of a file."""
    return hashlib.sha256(data).hexdigest()[:16]


def find_labelled(folders: Sequence[Path], labels: Mapping[str, object]) -> dict[str, Path]:
    """Where the labelled files lie, by their digest."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.md")):
            digest = file_digest(path.read_bytes())
            if digest in labels:
                found.setdefault(digest, path)
    return found


def measure_labelled(folders: Sequence[Path]) -> Cleanness:
    """Read the labelled articles that lie in these folders, and compare. One that cannot be read counts as lost."""
    labels = load_labels()
    rows = []
    for digest, path in find_labelled(folders, labels).items():
        article = next((reading.article for reading in read_articles(path)), None)
        source = path.read_bytes().decode("utf-8", "replace")
        rows.append((path.name, source, article or Article(id="", title="", text=""), labels[digest]))
    return measure(rows)


def markdown(cleanness: Cleanness) -> str:
    """The figures as a line of Markdown."""
    if not cleanness.articles:
        return "这些文件夹里没有手工标注过的文章。\n"
    return (
        f"手工标注的 {cleanness.articles} 篇：正文 {cleanness.own:,} 字，丢失 {cleanness.lost:,} 字（{cleanness.lost_share:.2%}）；"
        f"留下 {cleanness.kept:,} 字，其中杂质 {cleanness.left:,} 字（{cleanness.left_share:.2%}）。\n"
    )
