"""PDF, Word and EPUB: the text in its order, numbers with their labels, and clear words for what cannot be read."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from rag.headings import heading_starts
from rag.reading import read_articles, read_file
from tests.reading.books import cell, docx, epub, paragraph, pdf, zipped

LONG = "东湖镇今年的茶叶产量为320.5吨，同比增长4.1%，全镇十二个村子都添了新茶园，茶农的收入也比去年多。"


def save(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def reasons(path: Path) -> list[str]:
    return [reading.reason for reading in read_articles(path)]


# -- PDF ---------------------------------------------------------------------------------------------------------


def test_a_pdf_becomes_paragraphs_without_running_headers(tmp_path: Path) -> None:
    body = [LONG[:24], LONG[24:47], LONG[47:]]
    pages = [
        [
            "青石日报 2021年7月2日",
            f"西岭镇修通了第{'一二三四'[n]}条公路。",
            *body,
            f"记者从{'东西南北'[n]}岭发回。",
            f"第{n}页",
        ]
        for n in range(4)
    ]
    article = read_file(save(tmp_path, "a.pdf", pdf([["东湖镇茶叶丰收", *pages[0]], *pages[1:]])))
    lines = article.text.split("\n")
    assert article.title == "东湖镇茶叶丰收"
    assert lines.count(LONG) == 4
    assert [line for line in lines if line.startswith("西岭镇")] == [f"西岭镇修通了第{n}条公路。" for n in "一二三四"]
    assert "第2页" not in article.text
    assert article.text.count("青石日报") <= 1  # on the first page it stands below the title
    assert article.published_at is None  # the day on which a PDF was made is no news
    assert article.metadata["created"].startswith("2021-07-02")


def test_a_paragraph_goes_on_over_a_page_end(tmp_path: Path) -> None:
    first = ["茶园" * 11, "东湖镇今年的茶叶产量为三百二十吨，比去年多十三吨，"]
    article = read_file(save(tmp_path, "a.pdf", pdf([first, ["茶农说雨水来得早，头采提前了六天。", "别的一段。"]])))
    assert "比去年多十三吨，茶农说雨水来得早，头采提前了六天。" in article.text


def test_a_title_that_a_program_wrote_is_none(tmp_path: Path) -> None:
    for title in ("Microsoft Word - 文档1.doc", "about:blank", "20210702.indd"):
        article = read_file(save(tmp_path, "某事.pdf", pdf([["东湖镇茶叶丰收", LONG]], title=title)))
        assert article.title == "东湖镇茶叶丰收", title
    assert read_file(save(tmp_path, "b.pdf", pdf([[LONG]], title="茶叶丰收年"))).title == "茶叶丰收年"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pdf([[]]), "no-text"),
        (b"%PDF-1.7\n" + b"x" * 500, "malformed"),
        (pdf([[LONG]])[:300], "malformed"),
        (b"not a pdf", "malformed"),
    ],
)
def test_what_cannot_be_read_of_a_pdf_has_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reasons(save(tmp_path, "a.pdf", content)) == [reason]


# -- Word --------------------------------------------------------------------------------------------------------


def test_a_word_document_keeps_headings_and_merged_tables(tmp_path: Path) -> None:
    down = '<w:vMerge w:val="restart"/>'
    across = '<w:gridSpan w:val="2"/>'
    rows = [
        cell("镇", down) + cell("茶叶产量（吨）", across),
        cell("", "<w:vMerge/>") + cell("2020年") + cell("2021年"),
        cell("东湖镇") + cell("307.9") + cell("320.5"),
        cell("西岭镇") + cell("88.1") + cell("90.3"),
    ]
    table = "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"
    body = paragraph("茶叶丰收", "Heading1") + paragraph(LONG) + paragraph("各镇产量", "Heading1") + table
    core = "<dc:title>东湖镇茶叶丰收</dc:title><dc:creator>王守田</dc:creator><dcterms:created>2021-07-02T03:59:33Z</dcterms:created>"
    article = read_file(save(tmp_path, "a.docx", docx(body, core)))
    assert (article.title, article.author, article.published_at) == ("东湖镇茶叶丰收", "王守田", None)
    assert "| 镇：东湖镇 | 茶叶产量（吨） 2020年：307.9 | 茶叶产量（吨） 2021年：320.5 |" in article.text.split("\n")
    assert article.text.index("各镇产量") in heading_starts(article)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "format"),
        (b"PK\x03\x04 broken", "malformed"),
        (zipped({"word/document.xml": "<w:document"}), "malformed"),
        (docx(paragraph("")), "no-text"),
        (docx(paragraph(LONG), extra={"word/evil.xml": "<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"}), "malformed"),
        (docx(paragraph(LONG), extra={"word/bomb.xml": b"0" * 30_000_000}), "limit"),
    ],
)
def test_what_cannot_be_read_of_a_word_document_has_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reasons(save(tmp_path, "a.docx", content)) == [reason]


# -- EPUB --------------------------------------------------------------------------------------------------------


def test_each_document_of_a_book_is_an_article(tmp_path: Path) -> None:
    book = epub(
        {
            "cover.xhtml": "<h1>青石月刊</h1><img src='c.png'/>",
            "text/1.xhtml": f"<h2>茶叶丰收</h2><p>{LONG}</p>",
            "text/2%20b.xhtml": f"<p>{LONG}又一篇。</p>",
        },
        metadata="<dc:title>青石月刊</dc:title><dc:creator>编辑部</dc:creator><dc:date>2021-07-02</dc:date>",
        nav='<li><a href="text/2%20b.xhtml#x">另一篇的题目</a></li>',
    )
    path = save(tmp_path, "a.epub", book)
    first, second = (reading for reading in read_articles(path))
    assert first.article is not None
    assert second.article is not None
    assert (first.member, first.article.title, first.article.source) == ("OEBPS/text/1.xhtml", "茶叶丰收", "青石月刊")
    assert first.article.date == "2021-07-02"
    assert first.article.path.endswith("a.epub#OEBPS/text/1.xhtml")
    assert LONG in first.article.text
    assert first.article.id != second.article.id


def test_the_contents_of_a_book_give_titles(tmp_path: Path) -> None:
    book = epub({"1.xhtml": f"<p>{LONG}</p>"}, nav='<li><a href="1.xhtml">茶叶的一年</a></li>')
    (reading,) = read_articles(save(tmp_path, "a.epub", book))
    assert reading.article is not None
    assert reading.article.title == "茶叶的一年"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (epub({"1.xhtml": "<img src='1.png'/>"}), "no-text"),
        (zipped({"mimetype": "application/epub+zip"}), "malformed"),
        (epub({"1.xhtml": LONG}, extra={"META-INF/container.xml": "<!DOCTYPE c [<!ENTITY a 'b'>]><c/>"}), "malformed"),
        (
            epub(
                {"1.xhtml": LONG},
                extra={
                    "META-INF/encryption.xml": "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><EncryptedData>"
                    "<EncryptionMethod Algorithm='http://www.w3.org/2001/04/xmlenc#aes128-cbc'/></EncryptedData></encryption>"
                },
            ),
            "encrypted",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_what_cannot_be_read_of_a_book_has_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reasons(save(tmp_path, "a.epub", content)) == [reason]


def test_a_reference_that_climbs_out_of_a_book_stays_in_it(tmp_path: Path) -> None:
    (tmp_path / "secret.xhtml").write_text(LONG, encoding="utf-8")
    path = save(tmp_path, "a.epub", epub({"../../../secret.xhtml": ""}))
    assert "secret" not in "".join(r.article.text for r in read_articles(path) if r.article)
    assert zipfile.ZipFile(io.BytesIO(path.read_bytes())).testzip() is None
