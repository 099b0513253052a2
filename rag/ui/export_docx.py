"""A conversation as a Word document. Import it late: python-docx brings lxml."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any, Final

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from rag.ui.export import Block, Grid, Run, one_line

_FONT: Final = "Microsoft YaHei"
_STYLES: Final = {
    "title": "Title",
    "question": "Heading 1",
    "label": "Heading 3",
    "item": "List Bullet",
    "quote": "Quote",
}
_NOT_XML: Final = re.compile("[\ufffe\uffff]")
_QUIET: Final = RGBColor(0x56, 0x62, 0x66)
_GREEN: Final = RGBColor(0x0B, 0x63, 0x55)


def to_docx(title: str, blocks: Sequence[Block | Grid]) -> bytes:
    """The blocks as a .docx file; every text is text, links are those of safe addresses."""
    document: Any = Document()
    document.core_properties.title = _text(title)[:255]
    document.core_properties.author = "有据"
    for style in document.styles:
        if style.type == WD_STYLE_TYPE.PARAGRAPH:  # Word takes Han characters from a font of their own
            style.font.name = _FONT
            style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _FONT)
    for block in blocks:
        if isinstance(block, Grid):
            _add_table(document, block)
        else:
            _add_runs(document.add_paragraph(style=_STYLES.get(block.kind)), block.runs)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _add_table(document: Any, grid: Grid) -> None:
    table = document.add_table(rows=0, cols=len(grid.rows[0]), style="Table Grid")
    for row in grid.rows:
        for cell, runs in zip(table.add_row().cells, row, strict=True):
            _add_runs(cell.paragraphs[0], runs)
    document.add_paragraph()


def _add_runs(paragraph: Any, runs: Sequence[Run]) -> None:
    for run in runs:
        if run.url:
            _add_link(paragraph, run)
            continue
        made = paragraph.add_run(_text(run.text))
        match run.style:
            case "strong":
                made.bold = True
            case "mark":
                made.font.superscript, made.font.color.rgb = True, _GREEN
            case "strike":
                made.font.strike = True
            case "quiet":
                made.font.size, made.font.color.rgb = Pt(9), _QUIET


def _add_link(paragraph: Any, run: Run) -> None:
    """python-docx reads links but does not write them: a relationship to the address, and a run inside w:hyperlink."""
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), paragraph.part.relate_to(run.url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    made = paragraph.add_run(_text(run.text))
    made.font.underline, made.font.color.rgb = True, _GREEN
    link.append(made._r)
    paragraph._p.append(link)


def _text(text: str) -> str:
    return _NOT_XML.sub("", one_line(text))
