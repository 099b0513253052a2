"""Which rows are headers: a wrong label would give a number a wrong meaning."""

from __future__ import annotations

from rag.reading.tables import Cell, table_lines


def lines(*rows: list[str], header_rows: int = 0) -> list[str]:
    return [line.text for line in table_lines([[Cell(text) for text in row] for row in rows], header_rows)]


def test_unmarked_words_above_numbers_of_one_kind_are_labels() -> None:
    assert lines(["城市", "增速"], ["甲市", "6.3%"], ["乙市", "5.1%"]) == [
        "| 城市：甲市 | 增速：6.3% |",
        "| 城市：乙市 | 增速：5.1% |",
    ]


def test_years_are_labels() -> None:
    assert lines(["", "2023年", "2024年"], ["产值", "3亿元", "4亿元"], ["利润", "1亿元", "2亿元"]) == [
        "| 产值 | 2023年：3亿元 | 2024年：4亿元 |",
        "| 利润 | 2023年：1亿元 | 2024年：2亿元 |",
    ]


def test_names_and_values_are_not_taken_for_header_and_rows() -> None:
    assert lines(["公司名称", "某某公司"], ["注册资本", "5000万元"], ["员工", "300人"]) == [
        "| 公司名称 | 某某公司 |",
        "| 注册资本 | 5000万元 |",
        "| 员工 | 300人 |",
    ]


def test_a_table_of_words_has_no_header() -> None:
    assert lines(["甲", "乙"], ["丙", "丁"]) == ["| 甲 | 乙 |", "| 丙 | 丁 |"]


def test_declared_header_is_believed() -> None:
    assert lines(["甲", "乙"], ["丙", "丁"], header_rows=1) == ["| 甲：丙 | 乙：丁 |"]


def test_two_header_rows_are_joined() -> None:
    rows = [
        [Cell("区", True, rowspan=2), Cell("产值", True, colspan=2)],
        [Cell("一季度", True), Cell("二季度", True)],
        [Cell("甲区"), Cell("1亿元"), Cell("2亿元")],
    ]
    assert [line.text for line in table_lines(rows)] == ["| 区：甲区 | 产值 一季度：1亿元 | 产值 二季度：2亿元 |"]


def test_one_cell_across_is_a_title() -> None:
    rows = [[Cell("各区情况", colspan=2)], [Cell("区", True), Cell("人", True)], [Cell("甲"), Cell("3")]]
    assert [(line.text, line.kind) for line in table_lines(rows)] == [
        ("各区情况", "text"),
        ("| 区：甲 | 人：3 |", "row"),
    ]


def test_bars_and_line_ends_cannot_break_a_row() -> None:
    assert lines(["a|b", "c\nd"], ["e", "f"]) == ["| a｜b | c d |", "| e | f |"]


def test_absurd_spans_are_bounded() -> None:
    rows = [[Cell("x", rowspan=10**9, colspan=10**9)] for _ in range(300)]
    assert len(table_lines(rows)) <= 300
