"""A seeded mutator over every format that is read: what years of crawling, broken disks and enemies make of files."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

from tests.reading.books import docx, epub, paragraph, pdf, zipped

TEA = "东湖镇今年的茶叶产量为320.5吨，同比增长4.1%，全镇十二个村子都添了新茶园。"
POST = f"""---
title: '东湖镇_茶叶_丰收'
categories:
 - 财经
 - 青石日报 - 国内
author: 青石日报
date: Fri, 02 Jul 2021 11:59:33 GMT
---
<div><p>原标题：东湖镇“茶叶”丰收</p><!-- 注 --><p>{TEA}</p><table><tr><th>镇</th><th rowspan=2>吨</th></tr><tr><td>东湖</td></tr></table>
<script>document.write('x')</script><p>责任编辑：王小明</p></div>
"""
FEED = f"<rss version='2.0'><channel><title>青石日报</title><item><title>茶叶</title><description>{TEA}</description></item></channel></rss>"
PAGE = f"<!doctype html><html><head><title>茶叶</title></head><body><nav>首页</nav><article><h1>茶叶</h1><p>{TEA}</p></article></body></html>"
ROW = json.dumps({"title": "茶叶", "text": TEA}, ensure_ascii=False)

SEEDS: dict[str, bytes] = {
    ".md": POST.encode(),
    ".txt": f"茶叶丰收\n\n{TEA}\n{TEA}".encode("gb18030"),
    ".html": PAGE.encode(),
    ".jsonl": "\n".join([ROW] * 5).encode(),
    ".json": f"[{ROW},{ROW}]".encode(),
    ".csv": f'title,text\n茶叶,"{TEA}"\n'.encode("utf-8-sig"),
    ".xml": FEED.encode(),
    ".pdf": pdf([["茶叶丰收", TEA], [TEA]]),
    ".docx": docx(paragraph("茶叶") + paragraph(TEA)),
    ".epub": epub({"1.xhtml": f"<h1>茶叶</h1><p>{TEA * 3}</p>"}),
    ".zip": zipped({"a.md": POST, "b/c.csv": f"text\n{TEA}\n"}),
}

Mutation = Callable[[random.Random, bytes, bytes], bytes]


def _flip(rng: random.Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 20, 200))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _behead(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[rng.randrange(len(data)) :]


def _double(rng: random.Random, data: bytes, other: bytes) -> bytes:
    start = rng.randrange(len(data))
    block = data[start : start + rng.choice((1, 7, 50, 400))]
    return data[:start] + block * rng.choice((2, 10, 500)) + data[start:]


def _splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def _noise(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return rng.randbytes(rng.choice((1, 100, 10_000)))


def _nul(rng: random.Random, data: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + b"\0" * rng.choice((1, 4, 4096)) + data[at:]


def _insert(rng: random.Random, data: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.choice(_POISON) * rng.choice((1, 3, 300)) + data[at:]


_POISON = [
    b"<!--", b"-->", b"<script>", b"</script>", b"<![CDATA[", b"---\n", b"title: [[[[", b"{" * 50, b"[" * 50, b"- - - - ", b"&#0;",
    b"&amp;amp;", b"<table><tr><td colspan=999999>", b"<td rowspan=99999999>", b"<div>", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1b[2J",
    b"|" * 60, b"`" * 20, b"*" * 40, b"_" * 40, b"![](", b"](", b'"', b"'", b"\\", b"\r", b"\x85", "\u2028\u202e\ufffd".encode(),
    "（".encode() * 20, "“".encode() * 20, "。".encode() * 50, b"%PDF-1.7", b"PK\x03\x04", b"stream\n", b"endobj", b"0 0 R",
    b"<!ENTITY a 'b'>", b"<!DOCTYPE x [", b",,,,,,", b'"""', b"date: 99999-99-99\n", b"url: javascript:alert(1)\n",
]  # fmt: skip

MUTATIONS: tuple[Mutation, ...] = (_flip, _flip, _cut, _behead, _double, _splice, _noise, _nul, _insert, _insert)


def mutated(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many mutated files: suffix and content. The same for the same seed."""
    rng = random.Random(seed)
    suffixes = list(SEEDS)
    for number in range(count):
        suffix = suffixes[number % len(suffixes)]
        data = SEEDS[suffix]
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = rng.choice(MUTATIONS)(rng, data, SEEDS[rng.choice(suffixes)]) or b"x"
        yield suffix, data[:3_000_000]


def monsters() -> Iterator[tuple[str, str, bytes]]:
    """What is made to hurt: name, suffix, content."""
    million = 1_000_000
    yield "one line of 9 MB", ".md", TEA.encode() * (9 * million // len(TEA.encode()))
    yield "one line of 9 MB of text", ".txt", TEA.encode() * (9 * million // len(TEA.encode()))
    yield "one line of 9 MB of page", ".html", b"<p>" + TEA.encode() * (9 * million // len(TEA.encode())) + b"</p>"
    yield "50 MB", ".md", b"x" * (50 * million)
    yield "9 MB of one letter", ".md", b"a" * (9 * million)
    yield "9 MB of spaces", ".txt", b"a" + b" " * (9 * million) + b"b"
    yield "9 MB of line ends", ".md", b"a" + b"\n" * (9 * million) + b"b"
    yield "nested elements", ".html", b"<div>" * 300_000 + TEA.encode()
    yield "nested inline elements", ".md", b"<b>" * 300_000 + TEA.encode()
    yield "nested tables", ".html", b"<table><tr><td>" * 20_000 + TEA.encode()
    yield "nested lists", ".md", b"".join(b" " * i + b"- a\n" for i in range(3000))
    yield "nested quotes", ".md", b">" * 200_000 + TEA.encode()
    yield "a wide table", ".md", b"|a" * 200_000 + b"|\n" + b"|-" * 200_000 + b"|\n" + b"|1" * 200_000 + b"|\n"
    yield "open comments", ".html", b"<!-- " * 200_000 + TEA.encode()
    yield "open scripts", ".html", b"<script>" * 200_000 + TEA.encode()
    yield "open brackets", ".md", ("（“" * 300_000 + TEA).encode()
    yield "open links", ".md", b"[" * 300_000 + TEA.encode() + b"](" * 100_000
    yield "open emphasis", ".md", b"*a " * 300_000 + b"_b " * 300_000 + b"`c " * 300_000
    yield "entities", ".html", b"&amp;" * 2_000_000
    yield "attributes", ".html", b"<p " + b"a=b " * 500_000 + b">" + TEA.encode()
    yield "front matter without end", ".md", b"---\ntitle: a\n" + b"k: v\n" * 400_000
    yield "front matter of brackets", ".md", b"---\ntitle: " + b"[" * 60_000 + b"\n---\n" + TEA.encode()
    yield (
        "front matter of anchors",
        ".md",
        b"---\na: &a [x,x]\n"
        + b"".join(b"b%d: &b%d [*b%d,*b%d]\n" % (i, i, i - 1, i - 1) if i else b"b0: &b0 [*a,*a]\n" for i in range(40))
        + b"---\n"
        + TEA.encode(),
    )
    yield (
        "front matter of keys",
        ".md",
        b"---\n" + b"".join(b"k%d: v\n" % i for i in range(6000)) + b"---\n" + TEA.encode(),
    )
    yield "nested JSON", ".json", b"[" * 2_000_000
    yield "nested JSON lines", ".jsonl", b'{"text":' * 300_000
    yield "a long cell", ".csv", b'text\n"' + b"x" * (25 * million) + b'"\n'
    yield "an open cell", ".csv", b'text\n"' + TEA.encode() * 50_000
    yield "many columns", ".csv", b"text" + b",c" * 300_000 + b"\n" + b"x" + b",1" * 300_000 + b"\n"
    yield "many rows", ".jsonl", (ROW + "\n").encode() * 3000
    yield (
        "a bomb of entities",
        ".xml",
        (
            '<!DOCTYPE l [<!ENTITY a "ha">'
            + "".join(f'<!ENTITY a{i} "{f"&a{i - 1 if i > 1 else chr(0)};" * 10}">' for i in range(1, 9)).replace(
                "\0", ""
            )
            + "]><rss><channel><title>&a8;</title></channel></rss>"
        ).encode(),
    )
    yield "nested XML", ".xml", b"<rss><channel>" + b"<a>" * 200_000
    yield (
        "many items",
        ".xml",
        FEED.replace(
            "</channel>", "<item><title>a</title><description>b</description></item>" * 3000 + "</channel>"
        ).encode(),
    )
    yield "a zip bomb", ".zip", zipped({"a.md": b"\0" * (200 * million)})
    yield (
        "a bomb in a Word document",
        ".docx",
        docx(paragraph(TEA), extra={"word/media/x.png": b"\0" * (200 * million)}),
    )
    yield "a bomb in a book", ".epub", epub({"1.xhtml": "<p>" + "a" * (60 * million) + "</p>"})
    yield "many members", ".zip", zipped({f"{i}.md": "" for i in range(3000)})
    yield (
        "nested Word tables",
        ".docx",
        docx("<w:tbl><w:tr><w:tc>" * 3000 + paragraph(TEA) + "</w:tc></w:tr></w:tbl>" * 3000),
    )
    yield "many pages", ".pdf", pdf([[TEA]] * 500)
    yield "a page that is its own parent", ".pdf", pdf([[TEA]]).replace(b"/Kids [", b"/Kids [1 0 R 8 0 R 8 0 R ")
