"""Files that hold several articles: tables, feeds, archives. One bad entry never costs the others."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from rag.reading import Reading, read_articles
from rag.reading.rows import read_rows
from tests.reading.books import epub, zipped

TEA = "东湖镇今年的茶叶产量为320.5吨，同比增长4.1%。"
ROAD = "西岭镇修通了盘山公路，全长18公里。"


def save(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def said(readings: list[Reading]) -> list[tuple[str, str]]:
    """(member, title) of articles, (member, reason) of the others."""
    return [(r.member, r.article.title if r.article else r.reason) for r in readings]


# -- tables ------------------------------------------------------------------------------------------------------

CSV = (
    f"标题,正文,来源,发布时间,链接\n茶叶丰收,{TEA},青石日报,2021-07-02 11:59,https://n.example/1\n公路通车,{ROAD},,,\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "big5hkscs", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_of_articles(tmp_path: Path, encoding: str, delimiter: str) -> None:
    content = CSV.replace(",", delimiter)
    if encoding == "big5hkscs":
        content = (
            content.replace("标题", "標題")
            .replace("来源", "來源")
            .replace("发布时间", "發佈時間")
            .replace("链接", "鏈接")
        )
        content = content.translate(str.maketrans("东镇叶产为长丰报岭盘", "東鎮葉產為長豐報嶺盤"))
    first, second = read_articles(save(tmp_path, "a.csv", content, encoding))
    assert first.article is not None
    assert second.article is not None
    if encoding != "big5hkscs":
        assert (first.article.title, first.article.text, first.article.source) == ("茶叶丰收", TEA, "青石日报")
        assert (second.article.title, second.article.text, second.article.published_at) == ("公路通车", ROAD, None)
    assert (first.article.date, first.article.url) == ("2021-07-02", "https://n.example/1")
    assert first.article.path.endswith("a.csv#1")


def test_cells_may_hold_line_ends_quotes_and_commas(tmp_path: Path) -> None:
    content = f'title,text\n茶叶,"{TEA}\n他说：""雨来得早，头采提前了六天。"""\n'
    (reading,) = read_articles(save(tmp_path, "a.csv", content))
    assert reading.article is not None
    assert reading.article.text == f'{TEA}\n他说："雨来得早，头采提前了六天。"'


def test_json_lines_and_html_in_them(tmp_path: Path) -> None:
    rows = [
        {"id": "n1", "headline": "茶叶丰收", "content": f"<p>{TEA}</p><p>责任编辑：王小明</p>", "tags": ["农业"]},
        {"id": "n2", "headline": "公路通车", "content": ROAD, "categories": ["国内", "交通"]},
    ]
    path = save(tmp_path, "a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n")
    first, second = read_articles(path)
    assert said([first, second]) == [("n1", "茶叶丰收"), ("n2", "公路通车")]
    assert first.article is not None
    assert second.article is not None
    assert first.article.text == TEA
    assert first.article.metadata["editor"] == "王小明"
    assert second.article.category == ("国内", "交通")


@pytest.mark.parametrize("wrap", [False, True])
def test_a_json_array(tmp_path: Path, wrap: bool) -> None:
    rows = [{"title": "茶叶丰收", "text": TEA}, 7, {"title": "公路通车", "text": ROAD}]
    path = save(tmp_path, "a.json", json.dumps({"data": rows, "count": 3} if wrap else rows))
    assert said(list(read_articles(path))) == [("1", "茶叶丰收"), ("2", "malformed"), ("3", "公路通车")]


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = save(tmp_path, "a.csv", f"名,文\n茶叶,{TEA}\n")
    (reading,) = read_articles(path)
    assert reading.reason == "columns"
    assert "名、文" in reading.message
    assert "--columns" in reading.message
    (reading,) = read_articles(path, columns={"text": "文", "title": "名"})
    assert reading.article is not None
    assert (reading.article.title, reading.article.text) == ("茶叶", TEA)


def test_bad_rows_do_not_stop_the_others(tmp_path: Path) -> None:
    lines = ['{"text": "' + TEA + '"}', "{broken", "[1]", '{"text": ""}', "[" * 100_000, '{"text": "' + ROAD + '"}']
    readings = list(read_articles(save(tmp_path, "a.jsonl", "\n".join(lines))))
    assert [r.reason for r in readings] == ["", "malformed", "malformed", "no-text", "malformed", ""]


def test_a_row_that_is_too_long_does_not_stop_the_others() -> None:
    long = b'{"text": "' + b"x" * 21_000_000 + b'"}'
    good = json.dumps({"text": TEA}).encode()
    readings = list(read_rows(io.BytesIO(b"\n".join((good, long, good))), "a.jsonl", ".jsonl", {}))
    assert [r.reason for r in readings] == ["", "too-large", ""]


def test_a_row_put_in_above_leaves_the_identity_of_the_others(tmp_path: Path) -> None:
    before = [r.article.id for r in read_articles(save(tmp_path, "a.csv", f"text\n{TEA}\n{ROAD}\n")) if r.article]
    after = [
        r.article.id
        for r in read_articles(save(tmp_path, "a.csv", f"text\n新来的一行。\n{TEA}\n{ROAD}\n"))
        if r.article
    ]
    assert after[1:] == before


# -- feeds -------------------------------------------------------------------------------------------------------

RSS = f"""<?xml version="1.0" encoding="ENCODING"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>青石日报</title>
<item><title>茶叶丰收 &amp;amp; 收购</title><link>https://n.example/1</link><guid>g1</guid><category>农业</category>
<pubDate>Fri, 02 Jul 2021 11:59:33 +0800</pubDate><description>摘要</description>
<content:encoded><![CDATA[<p>{TEA}</p><table><tr><th>镇</th><th>吨</th></tr><tr><td>东湖</td><td>320.5</td></tr></table>
<script>alert(1)</script>]]></content:encoded></item>
<item><title>图片</title><guid>g2</guid><description>&lt;img src="x.png"&gt;</description></item>
<item><title>公路通车</title><description>{ROAD}</description></item>
</channel></rss>"""
ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>青石日报</title><entry><title>茶叶丰收</title><id>urn:1</id>
<link href="https://n.example/1"/><updated>2021-07-02T11:59:33+08:00</updated><author><name>王守田</name></author>
<content type="html">&lt;p&gt;{TEA}&lt;/p&gt;</content></entry></feed>"""


@pytest.mark.parametrize("encoding", ["utf-8", "gb2312"])
def test_an_rss_file(tmp_path: Path, encoding: str) -> None:
    readings = list(read_articles(save(tmp_path, "a.xml", RSS.replace("ENCODING", encoding), encoding)))
    assert said(readings) == [("g1", "茶叶丰收 & 收购"), ("g2", "no-text"), ("3", "公路通车")]
    article = readings[0].article
    assert article is not None
    assert article.text.split("\n") == [TEA, "| 镇：东湖 | 吨：320.5 |"]
    assert (article.source, article.url, article.date) == ("青石日报", "https://n.example/1", "2021-07-02")
    assert article.category == ("农业",)


def test_an_atom_file(tmp_path: Path) -> None:
    (reading,) = read_articles(save(tmp_path, "a.atom", ATOM))
    assert reading.article is not None
    assert (reading.article.title, reading.article.text, reading.article.author) == ("茶叶丰收", TEA, "王守田")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<?xml version='1.0'?><sitemap><url>a</url></sitemap>", "format"),
        ("<!DOCTYPE rss [<!ENTITY a 'aaaa'>]><rss><channel><title>&a;</title></channel></rss>", "malformed"),
        ("<rss version='2.0'>", "malformed"),
    ],
)
def test_other_xml_is_told(tmp_path: Path, content: str, reason: str) -> None:
    assert [r.reason for r in read_articles(save(tmp_path, "a.xml", content))] == [reason]


# -- archives ----------------------------------------------------------------------------------------------------


def test_an_archive_of_everything(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        "a.zip",
        zipped(
            {
                "b/茶叶.md": f"# 茶叶丰收\n\n{TEA}",
                "b/.hidden.md": TEA,
                "__MACOSX/b/x.md": TEA,
                "c.csv": f"title,text\n公路通车,{ROAD}\n",
                "d.epub": epub({"1.xhtml": f"<h1>书里的</h1><p>{TEA * 2}</p>"}),
                "e.md": b"\x00\x01\x02",
                "f.png": b"x",
                "g.zip": zipped({"x.md": TEA}),
            }
        ),
    )
    assert said(list(read_articles(path))) == [
        ("b/茶叶.md", "茶叶丰收"),
        ("c.csv#1", "公路通车"),
        ("d.epub#OEBPS/1.xhtml", "书里的"),
        ("e.md", "binary"),
        ("g.zip", "nested"),
    ]
    assert [r.article.path.split("a.zip")[1] for r in read_articles(path) if r.article][:2] == [
        "#b/茶叶.md",
        "#c.csv#1",
    ]


def test_names_that_windows_wrote_are_repaired(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("x" * len("新闻/茶叶.md".encode("gb18030")))
        archive.writestr(info, TEA)
    data = out.getvalue().replace(info.filename.encode(), "新闻/茶叶.md".encode("gb18030"))
    assert [r.member for r in read_articles(save(tmp_path, "a.zip", data))] == ["新闻/茶叶.md"]


def test_bombs_and_lies_are_stopped(tmp_path: Path) -> None:
    bomb = zipped({"a.md": b"0" * 60_000_000, "b.md": TEA.encode()})
    assert said(list(read_articles(save(tmp_path, "a.zip", bomb)))) == [("a.md", "limit"), ("b.md", "b")]
    lying = bytearray(zipped({"a.md": b"0" * 3_000_000}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # claims to be ten bytes long
        at = lying.index(signature) + offset
        lying[at : at + 4] = (10).to_bytes(4, "little")
    (reading,) = read_articles(save(tmp_path, "b.zip", bytes(lying)))
    assert reading.reason in ("limit", "malformed")


def test_members_with_a_password_are_told(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.md": TEA}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    assert [r.reason for r in read_articles(save(tmp_path, "a.zip", bytes(data)))] == ["encrypted"]


@pytest.mark.parametrize(("content", "reason"), [(b"PK nothing", "malformed"), (zipped({"a.png": b"x"}), "no-text")])
def test_an_archive_that_gives_nothing_has_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    assert [r.reason for r in read_articles(save(tmp_path, "a.zip", content))] == [reason]
