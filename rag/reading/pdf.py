"""PDF files to articles: text in reading order without running headers, paragraphs put together again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rag.errors import ReadError
from rag.reading.assembly import assemble
from rag.reading.front_matter import FrontMatter
from rag.reading.lines import Line, tidy, unify_line_ends
from rag.reading.readings import Alive
from rag.records import Article

_MAX_PAGES = 5_000
_EDGE = 2
"""Lines at the top and the bottom of a page among which running headers and page numbers are looked for."""
_ENOUGH_PAGES = 3
_DIGITS = re.compile(r"\d+|[一二三四五六七八九十百]+(?=\s*页)")
_PAGE_NUMBER = re.compile(r"[-—–·\s第]*\d{1,4}[-—–·\s页]*(?:/\s*(?:共\s*)?\d{1,4}\s*页?)?|[ivxlc]{1,6}")
_ENDS = re.compile(r"[。！？!?；;：:…”’」』]$|[A-Za-z)]\.$")
_STARTS_ANEW = re.compile(
    r"[　\t ]{2,}|第[一二三四五六七八九十百\d]{1,4}[章节篇条]|[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十\d]{1,3}[)）]|"
    r"\d{1,2}[.、．]\s?(?=\D)|[•●■◆▲▪-]\s"
)
_CUT_NUMBER = re.compile(r"\d[.,]?$")
_WIDE = re.compile(r"[\u2e80-\u9fff\uff01-\uff5e\u3000-\u303f“”‘’…—]")
_TOOL_TITLE = re.compile(
    r"(?:about:|https?:|file:|microsoft (?:word|powerpoint|excel)|untitled|无标题|文档\s*\d*|document\s*\d*|slide \d|幻灯片|演示文稿)|"
    r".*\.(?:docx?|pptx?|xlsx?|wps|indd|pdf|qxd|ai|html?|tmp)\s*$|[\d_.\-\s]+$",
    re.IGNORECASE,
)
_PDF_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(?:(Z)|([+-]\d\d)'?(\d\d)?)?")


def read_pdf(data: bytes, path: str, alive: Alive) -> Article:
    """A PDF as one article.

    PDFium (through pypdfium2) reads the text: on a page printed by a browser pypdf took 27 times as long and gave radicals
    (U+2F49) where characters (月) stand. That PDFium is native code is no danger here: files are read in a process of their own.
    The date at which a PDF was made is not the date of the news in it; it is kept as metadata "created" only.

    Raises:
        ReadError: "encrypted", "malformed", or "no-text" for scanned pages.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise ReadError(f"PDF 有密码：{path}", "请先另存为没有密码的 PDF", reason="encrypted") from None
        raise ReadError(f"PDF 打不开：{path}（{error}）", "请检查文件是否完整", reason="malformed") from None
    try:
        count = len(document)
        if count > _MAX_PAGES:
            raise ReadError(f"PDF 超过 {_MAX_PAGES} 页：{path}", "请拆成几个文件", reason="too-large")
        pages = []
        for index in range(count):
            pages.append(_page_lines(document, index))
            alive()
        about = document.get_metadata_dict()
    except pypdfium2.PdfiumError as error:
        raise ReadError(f"PDF 读到一半坏了：{path}（{error}）", "请检查文件是否完整", reason="malformed") from None
    finally:
        document.close()
    if not any(map(len, pages)):
        raise ReadError(f"PDF 里没有文字（{count} 页图像）：{path}", "请先用文字识别（OCR）软件处理", reason="no-text")
    lines = [Line(text) for text in paragraphs(without_running_lines(pages))]
    return assemble(lines, _about(about), path=path, markup=False, images=0, link="")


def _page_lines(document: Any, index: int) -> list[str]:
    page = document[index]
    try:
        text = page.get_textpage().get_text_bounded()
    finally:
        page.close()
    # U+FFFE is PDFium's mark of a hyphen at a line end.
    lines = unify_line_ends(text.replace("\r\n", "\n").replace("\ufffe", "-")).split("\n")
    return [line.rstrip() for line in lines if line.strip()]


def without_running_lines(pages: Sequence[Sequence[str]]) -> list[list[str]]:
    """The pages' lines without headers, footers and page numbers: what recurs at the edges but for its figures."""
    recurring: set[str] = set()
    if len(pages) >= _ENOUGH_PAGES:
        seen = Counter(key for page in pages for key in {_key(line) for line in (*page[:_EDGE], *page[-_EDGE:])})
        recurring = {key for key, count in seen.items() if count * 2 > len(pages)}
    kept = []
    for page in pages:
        lines = list(page)
        for _ in range(_EDGE):
            if lines and _is_running(lines[0], recurring):
                del lines[0]
            if lines and _is_running(lines[-1], recurring):
                del lines[-1]
        kept.append(lines)
    return kept


def _is_running(line: str, recurring: set[str]) -> bool:
    return _key(line) in recurring or _PAGE_NUMBER.fullmatch(line.strip()) is not None


def _key(line: str) -> str:
    return _DIGITS.sub("0", "".join(line.split()))


def paragraphs(pages: Sequence[Sequence[str]]) -> list[str]:
    """Lines put together to paragraphs, over page ends too.

    A line goes on in the next one if it is about as long as the lines here are and does not end a sentence, unless the next
    one begins like a paragraph, a heading or an item. A paragraph that is cut in two so still ends with a whole sentence.
    """
    lines = [line for page in pages for line in page]
    full = _usual_width(lines)
    joined: list[str] = []
    goes_on = False
    for line in lines:
        text = tidy(line)
        if not text:
            continue
        if joined and goes_on and not _STARTS_ANEW.match(line):
            joined[-1] = _join(joined[-1], text)
        else:
            joined.append(text)
        width = _width(line)
        goes_on = width >= 0.85 * full and _ENDS.search(text) is None
    return joined


def _join(first: str, second: str) -> str:
    if first.endswith("-") and len(first) > 1 and first[-2].isalpha() and first[-2].isascii() and second[:1].islower():
        return first[:-1] + second
    if _CUT_NUMBER.search(first) and second[0].isdigit():
        return first + second
    if _WIDE.match(first[-1]) or _WIDE.match(second[0]):
        return first + second
    return f"{first} {second}"


def _usual_width(lines: Sequence[str]) -> float:
    """The width that most running lines reach: the ninth decile."""
    widths = sorted(map(_width, lines))
    return widths[len(widths) * 9 // 10] if widths else 0


def _width(line: str) -> int:
    return sum(2 if _WIDE.match(character) else 1 for character in line.strip())


def _about(about: dict[str, str]) -> FrontMatter:
    """What the document says of itself, where it is not only what a program put there."""
    fields: dict[str, tuple[str, ...]] = {}
    title = tidy(about.get("Title", ""))
    if 2 <= len(title) <= 200 and not _TOOL_TITLE.match(title) and "\ufffd" not in title:
        fields["title"] = (title,)
    author = tidy(about.get("Author", ""))
    if 2 <= len(author) <= 60 and not re.fullmatch(
        r"(?i)admin\w*|user\w*|微软\w*|microsoft.*|pc|dell|lenovo|hp|\W+", author
    ):
        fields["author"] = (author,)
    match = _PDF_DATE.match(about.get("CreationDate", ""))
    if match:
        year, month, day, hour, minute, second, utc, offset, minutes = match.groups()
        zone = "Z" if utc else f"{offset}:{minutes or '00'}" if offset else ""
        fields["created"] = (f"{year}-{month}-{day} {hour or '00'}:{minute or '00'}:{second or '00'}{zone}",)
    return FrontMatter(fields, "")
