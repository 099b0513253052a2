"""HTML to lines of visible text: block tags end a line, inline tags never split a word or a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag.reading.hidden import MOST_FADED, is_hidden, keep_chat_tags
from rag.reading.lines import Kind, Line, tidy
from rag.reading.page import main_parts, published_in_scripts, trim
from rag.reading.tables import Cell, table_lines

_BLOCKS = frozenset(
    "address article aside blockquote body br center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol p pre section summary table tbody td tfoot th thead "
    "tr ul caption option cxintro cxzt".split()
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BOLD = frozenset({"b", "strong"})
_UNSEEN = frozenset(
    "script style template head svg iframe object embed audio video canvas map button select textarea rp rt "
    "noframes noscript math datalist".split()
)
_PUBLISHED = (
    "article:published_time article:create_at weibo:article:create_at og:release_date apub:time datepublished publishdate pubdate "
    "publish_time firstpublishedtime".split()
)
_LINK_LABELS = frozenset({"阅读原文", "查看原文", "文章原文", "原文链接", "阅读全文", "查看全文", "跳转微信打开"})

_RAW_OPEN = re.compile(r"<(script|style)\b[^<>]*>", re.IGNORECASE)
_RAW_CLOSE = {tag: re.compile(rf"</{tag}\s*>", re.IGNORECASE) for tag in ("script", "style")}
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)\b[^<>]*>")
_SHALLOW = frozenset(
    "area base br col dd dt embed hr img input li link meta option p param source td th tr track wbr".split()
)
_MAX_DEPTH = 4000
_COMMENT_WORD = re.compile(r"[<\n]")
_PARAGRAPH = re.compile(r"<p[\s>]", re.IGNORECASE)
_PAGE = re.compile(r"<(?:!doctype|html|body)\b", re.IGNORECASE)
_STRUCTURE = re.compile(r"<(?:p|br|li|tr|dd|h[1-6]|section|article|blockquote)\b", re.IGNORECASE)
_SPACE_RUN = re.compile(r"[ \t\n]*\n[ \t\n]*|[ \t]{2,}|\t")
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff01-\uff5e\u3000-\u303f“”‘’…—]")
# An indent inside a run of text is where a paragraph began before somebody flattened it.
_INDENT = re.compile(r"(?:(?<=[。！？；：!?;:”」』）)])|(?<=[^\S\u3000]))[^\S\u3000]*\u3000{2,}")
_MAX_HEADING = 30
_NOT_HEADING_END = tuple("。！；，、,;：:…")


@dataclass(frozen=True, slots=True)
class Html:
    """What a piece of HTML says. The page fields are empty for a fragment, such as the body of a mirrored post."""

    lines: tuple[Line, ...]
    images: int = 0
    link: str = ""
    title: str = ""
    published: str = ""
    site: str = ""
    author: str = ""


def read_html(source: str) -> Html:
    """Read a fragment or a whole page. Scripts, styles, comments and hidden elements are left out.

    A comment or script that is never closed ends where it begins, so that it cannot swallow the news after it.
    """
    page = _PAGE.search(source, 0, 4096) is not None
    source = keep_chat_tags(source)
    tree = LexborHTMLParser(_flatten_if_deep(_drop_comments(_drop_raw_text(source))))
    root = tree.body or tree.root
    if root is None:
        return Html(())
    walker = _Walker(newlines_break=_STRUCTURE.search(source) is None, may_hide="style" in source or "hidden" in source)
    walker.most_faded = len(root.text()) * MOST_FADED if walker.may_hide else 0.0
    if not page:
        walker.walk(root)
        return Html(lines=tuple(walker.lines), images=walker.images, link=walker.link)
    meta = _page_meta(tree)
    parts, walker.skipped = main_parts(root)
    before = _before(root, parts[0], walker.skipped)
    for part in parts:
        walker.walk(part)
    lines, published, source_name = trim(walker.lines, before, meta["title"])
    return Html(
        lines=tuple(lines),
        images=walker.images,
        link=meta["link"] or walker.link,
        title=meta["title"],
        published=meta["published"] or published_in_scripts(source) or published,
        site=source_name or meta["site"],
        author=meta["author"],
    )


def _drop_raw_text(source: str) -> str:
    """The source without script and style elements; of one that is left open only the tag goes."""
    kept = []
    position = 0
    never_closed: set[str] = set()
    while (opening := _RAW_OPEN.search(source, position)) is not None:
        tag = opening[1].lower()
        closing = None if tag in never_closed else _RAW_CLOSE[tag].search(source, opening.end())
        if closing is None:
            never_closed.add(tag)
        kept.append(source[position : opening.start()])
        position = opening.end()
        if closing is not None:
            again = _RAW_OPEN.search(source, opening.end(), closing.start())
            if again is None or _PARAGRAPH.search(source, opening.end(), again.start()) is None:
                position = closing.end()
    kept.append(source[position:])
    return "".join(kept)


def _drop_comments(source: str) -> str:
    """The source without comments; one that is left open loses its opening and the word on it, nothing more."""
    kept = []
    position = 0
    end = 0
    while (start := source.find("<!--", position)) >= 0:
        kept.append(source[position:start])
        body = start + 4
        if 0 <= end < body:
            end = source.find("-->", body)
        if end >= 0 and source.find("<!--", body, end) < 0:
            position = end + 3
        else:
            stop = _COMMENT_WORD.search(source, body)
            position = stop.start() if stop else len(source)
    kept.append(source[position:])
    return "".join(kept)


def _flatten_if_deep(source: str) -> str:
    """The source itself, or, if its elements nest absurdly deep, its text with line breaks for the blocks.

    The parser's time grows with the square of the depth (8,000 levels: 0.6 s; 300,000: minutes); real pages have dozens.
    """
    depth = deepest = 0
    for tag in _TAG.finditer(source):
        if tag[2].lower() not in _SHALLOW:
            depth = max(0, depth - 1) if tag[1] else depth + 1
            deepest = max(deepest, depth)
    if deepest <= _MAX_DEPTH:
        return source
    return _TAG.sub(lambda tag: "<br>" if tag[2].lower() in _BLOCKS else "", source)


def _page_meta(tree: LexborHTMLParser) -> dict[str, str]:
    named: dict[str, str] = {}
    for node in tree.css("meta"):
        name = node.attributes.get("property") or node.attributes.get("name") or node.attributes.get("itemprop")
        if name:
            named.setdefault(name.lower(), tidy(node.attributes.get("content") or ""))
    canonical = tree.css_first("link[rel=canonical]")
    headings = [tidy(node.text()) for node in tree.css("h1")]
    element = tree.css_first("title")
    title = (
        named.get("og:title")
        or (headings[0] if len(headings) == 1 else "")
        or (tidy(element.text()) if element else "")
    )
    link = (canonical.attributes.get("href") if canonical else "") or named.get("og:url", "")
    return {
        "title": title,
        "link": link if _is_web_link(link) else "",
        "published": next((named[name] for name in _PUBLISHED if named.get(name)), ""),
        "site": named.get("og:site_name", ""),
        "author": "" if "@" in named.get("author", "") else named.get("author", ""),
    }


def _before(root: LexborNode, part: LexborNode, skipped: frozenset[int]) -> list[Line]:
    """What the page shows before its article: there stand the date and the source of many."""
    walker = _Walker(newlines_break=False, may_hide=True)
    walker.skipped, walker.last = skipped, part.mem_id
    if part.mem_id != root.mem_id:
        walker.walk(root)
    return walker.lines


def _is_web_link(link: str | None) -> bool:
    if not link:
        return False
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _original(link: str) -> str:
    """The address that a link leads to: feeds wrap it in a proxy's, as its parameter. Empty if it is none."""
    if not _is_web_link(link):
        return ""
    inner = [value for key, value in parse_qsl(urlsplit(link).query) if key in ("u", "url") and _is_web_link(value)]
    return inner[0] if inner else link


class _Walker:
    """Collects lines from a tree, without recursion: hostile pages nest deeper than Python's stack."""

    def __init__(self, *, newlines_break: bool, may_hide: bool) -> None:
        self.lines: list[Line] = []
        self.images = 0
        self.link = ""
        self.skipped: frozenset[int] = frozenset()
        """`mem_id` of elements to leave out."""
        self.last = 0
        """`mem_id` of an element where the walk ends; 0 for none."""
        self._newlines_break = newlines_break
        self.may_hide = may_hide
        self.most_faded = 0.0
        """Characters of an element above which being transparent or white does not hide it."""
        self._buffer: list[str] = []
        self._bold_chars = 0
        self._bold = 0
        self._heading = 0
        self._item = 0
        self._pre = 0

    def walk(self, root: LexborNode) -> None:
        """Visit everything below the node."""
        stack: list[LexborNode | str] = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                self._leave(node)
            elif node.is_text_node:
                self._text(node.text_content or "")
            elif self.last and node.mem_id == self.last:
                break
            elif node.is_element_node and (tag := self._enter(node)):
                stack.append(tag)
                child = node.last_child
                while child is not None:
                    stack.append(child)
                    child = child.prev
        self._end_line()

    def _enter(self, node: LexborNode) -> str:
        """Open an element and say what to close it as; empty if nothing below it is to be visited."""
        tag = node.tag or ""
        if tag == "img":
            self.images += 1
            return ""
        if tag in _UNSEEN or node.mem_id in self.skipped or (self.may_hide and is_hidden(node, self.most_faded)):
            return ""
        if tag in _BLOCKS or (tag == "code" and self._pre):
            self._end_line()
        if tag == "table":
            lines = _read_table(node)
            if lines is not None:
                self.images += len(node.css("img"))
                self.lines.extend(lines)
                return ""
        elif tag == "a":
            if tidy(node.text()) in _LINK_LABELS:
                # Navigation, not news; its target is the address of the original.
                self.link = self.link or _original(node.attributes.get("href") or "")
                return ""
        elif tag == "font" and "strong" in (node.attributes.get("cms-style") or "").lower():
            tag = "strong"
        self._count(tag, 1)
        return tag

    def _leave(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end_line()
        self._count(tag, -1)

    def _count(self, tag: str, step: int) -> None:
        if tag in _BOLD:
            self._bold += step
        elif tag in _HEADINGS:
            self._heading += step
        elif tag == "li":
            self._item += step
        elif tag == "pre":
            self._pre += step

    def _text(self, text: str) -> None:
        pieces = text.split("\n") if self._pre or self._newlines_break else [text]
        if not self._pre and ("\u3000\u3000" in text or "\t\t" in text):
            pieces = [part for piece in pieces for part in _unflatten(piece)]
        self._pieces(pieces)

    def _pieces(self, pieces: list[str]) -> None:
        for index, piece in enumerate(pieces):
            if index:
                self._end_line()
            self._append(piece)

    def _append(self, text: str) -> None:
        self._buffer.append(text)
        if self._bold:
            self._bold_chars += len(text.strip())

    def _end_line(self) -> None:
        if not self._buffer:
            return
        raw = "".join(self._buffer)
        self._buffer.clear()
        bold, self._bold_chars = self._bold_chars, 0
        text = tidy(_SPACE_RUN.sub(_collapse, raw) if not self._pre else raw)
        if text:
            self.lines.append(Line(text, self._kind(text, bold)))

    def _kind(self, text: str, bold: int) -> Kind:
        if self._pre:
            return "code"
        if self._heading:
            # Word processors put whole paragraphs into h3; a heading is short.
            return "heading" if len(text) <= 2 * _MAX_HEADING else "text"
        if self._item:
            return "item"
        if 2 <= len(text) <= _MAX_HEADING and bold >= len(text.replace(" ", "")) and looks_like_heading(text):
            return "heading"
        return "text"


def looks_like_heading(text: str) -> bool:
    """Whether an emphasised line reads as a heading: not a sentence, not a remark in brackets."""
    return not text.endswith(_NOT_HEADING_END) and text[0] not in "（(【[•·●▲△▼"


def _collapse(run: re.Match[str]) -> str:
    """A run of white space as a browser shows it, but no space where a line end fell between two ideographs."""
    if "\n" in run[0]:
        before, after = run.string[max(0, run.start() - 1) : run.start()], run.string[run.end() : run.end() + 1]
        if _WIDE.match(before) and _WIDE.match(after):
            return ""
    return " "


def _unflatten(text: str) -> list[str]:
    """Paragraphs of a text that was once laid out: by ideographic indents, or by tabs that stood for line ends."""
    pieces: list[str] = []
    for part in _INDENT.split(text):
        start = 0
        for run in _SPACE_RUN.finditer(part):
            if run[0].count("\t") >= 2 and "\n" not in run[0]:
                pieces.append(part[start : run.start()])
                start = run.end()
        pieces.append(part[start:])
    return pieces


def _read_table(table: LexborNode) -> list[Line] | None:
    """The lines of a data table; None for one that only lays out a page, which is then read as blocks."""
    if table.css_first("table table") is not None:
        return None
    rows: list[list[Cell]] = []
    head_rows = 0
    lines: list[Line] = []
    for row, section in _table_rows(table):
        cells = [_read_cell(cell) for cell in _elements(row) if cell.tag in ("td", "th")]
        if cells:
            rows.append(cells)
            head_rows += section == "thead" and len(rows) == head_rows + 1
    if max((len(row) for row in rows), default=0) < 2:
        return None
    if any(len(cell.text) > 300 for row in rows for cell in row):
        return None
    caption = table.css_first("caption")
    if caption is not None and tidy(caption.text()):
        lines.append(Line(tidy(_SPACE_RUN.sub(_collapse, caption.text()))))
    return lines + table_lines(rows, head_rows)


def _table_rows(table: LexborNode) -> Iterator[tuple[LexborNode, str]]:
    for part in _elements(table):
        if part.tag == "tr":
            yield part, ""
        elif part.tag in ("thead", "tbody", "tfoot"):
            for row in _elements(part):
                if row.tag == "tr":
                    yield row, part.tag or ""


def _elements(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        if child.is_element_node:
            yield child
        child = child.next


def _read_cell(node: LexborNode) -> Cell:
    inner = _Walker(newlines_break=False, may_hide=True)
    inner.walk(node)
    attributes = node.attributes
    return Cell(
        text=tidy(" ".join(line.text for line in inner.lines)),
        header=node.tag == "th",
        rowspan=_span(attributes.get("rowspan")),
        colspan=_span(attributes.get("colspan")),
    )


def _span(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else 1
