"""The written report of `youju add`: what happened to each file, safe against what files say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.add_report import render_report, write_report
from rag.errors import LibraryError
from rag.ingest import AddReport, Row
from rag.library import Library
from tests.test_settle import STORY, post

WriteFile = Callable[..., Path]
EVIL = "</script><img src=x onerror=alert(1)>&\u2028"


def rows_of(page: str) -> list[list[object]]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    return list(json.loads(match[1])["rows"])


def test_every_file_is_in_it_with_what_became_of_it(library: Library, write_file: WriteFile, tmp_path: Path) -> None:
    post(write_file, "首发", STORY, title="茶叶")
    post(write_file, "重复", STORY, title="茶叶")
    post(write_file, "转载", STORY + "本报综合报道。", day=5)
    write_file("空.md", "")
    folder = write_file("坏.pdf", "不是 PDF").parent
    report = library.add([folder], rows=True)
    write_report(tmp_path / "r.html", report, library="库", articles=library.outline())
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    outcomes = {str(row[1]).rsplit("/", 1)[-1]: (row[0], row[7], row[8]) for row in rows_of(page)}
    assert outcomes["首发.md"][0] in ("added", "duplicate")
    assert sorted(outcomes[name][0] for name in ("首发.md", "重复.md")) == ["added", "duplicate"]
    assert outcomes["转载.md"] == ("added", "", "茶叶")
    assert outcomes["空.md"][:2] == ("skipped", "空文件")
    assert outcomes["坏.pdf"][0] == "failed"
    assert "PDF 打不开" in str(outcomes["坏.pdf"][1])
    assert "2021-07" in page
    again = render_report(library.add([folder], rows=True), library="库", articles=library.outline())
    assert [row[0] for row in rows_of(again)].count("unchanged") == 3


def test_nothing_in_a_file_can_become_part_of_the_page() -> None:
    row = Row(EVIL, EVIL, "failed", EVIL, EVIL, EVIL, EVIL, EVIL, 1, 1, EVIL)
    page = render_report(
        AddReport(rows=(row,), notes={EVIL: 1}), library=EVIL, articles=[(EVIL, EVIL, 5), ("2021-07", "", 5000)]
    )
    assert "<img" not in page
    assert page.count("</script>") == 2
    assert rows_of(page)[0][2] == EVIL
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="报告写不出"):
        write_report(tmp_path / "no" / "r.html", AddReport(), library="库", articles=[])
