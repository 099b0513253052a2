"""Encodings: what is text is read as the text it is, what is not is refused with its reason."""

from __future__ import annotations

import pytest

from rag.errors import ReadError
from rag.reading.decode import decode_bytes

NEWS = "本市今年新建公园三十二个，绿地面积比上年增加一百公顷，市民出门走十分钟就能到达最近的一个。"
TRADITIONAL = "市政府說，今年將為老人新建八個活動中心，並在每個區設立電話專線，讓大家有問題的時候可以問。"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_chinese_text_is_read(encoding: str) -> None:
    assert decode_bytes(NEWS.encode(encoding), "a.txt") == NEWS


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_told_by_its_nuls(encoding: str) -> None:
    text = f"题目\n\n{NEWS} 2021\n"
    assert decode_bytes(text.encode(encoding), "a.txt") == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_told_by_its_mark(encoding: str) -> None:
    assert decode_bytes(("\ufeff" + NEWS).encode(encoding), "a.txt").lstrip("\ufeff") == NEWS


def test_traditional_text_in_gbk_is_read() -> None:
    assert decode_bytes(TRADITIONAL.encode("gbk"), "a.txt") == TRADITIONAL


@pytest.mark.parametrize("text", [TRADITIONAL, "各位讀者早安。"])
def test_big5_is_read(text: str) -> None:
    assert decode_bytes(text.encode("big5"), "a.txt") == text


def test_a_few_damaged_bytes_cost_these_characters_only() -> None:
    data = bytearray((NEWS * 60).encode())
    data[1500] = 0xFF
    text = decode_bytes(bytes(data), "a.txt")
    assert 1 <= text.count("\ufffd") <= 3
    assert text.replace("\ufffd", "")[:400] == (NEWS * 60)[:400]


def test_many_damaged_bytes_are_another_encoding() -> None:
    data = bytearray((NEWS * 10).encode())
    for position in range(0, len(data), 40):
        data[position] = 0xFF
    with pytest.raises(ReadError) as caught:
        decode_bytes(bytes(data), "a.txt")
    assert caught.value.reason == "encoding"


def test_short_gb_text_is_read() -> None:
    assert decode_bytes("你好，武汉。".encode("gb18030"), "a.txt") == "你好，武汉。"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("今日は天気がいいので、公園まで散歩に行きました。桜がとてもきれいでした。", "shift_jis"),
        ("Le café de l'été où naît la forêt près de la mère éternelle", "latin-1"),
        ("Мы читали новости о городе и его жителях весь день", "cp1251"),
    ],
)
def test_other_encodings_are_never_indexed_as_garbage(text: str, encoding: str) -> None:
    with pytest.raises(ReadError) as caught:
        decode_bytes(text.encode(encoding), "a.txt")
    assert caught.value.reason == "encoding", caught.value
    assert "a.txt" in caught.value.message


def test_a_character_cut_in_two_at_the_end_is_marked() -> None:
    assert decode_bytes(NEWS.encode()[:-1], "a.txt") == NEWS[:-1] + "\ufffd"


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"text\0text", b"PK\x03\x04\x14\x00"])
def test_binary_is_named_so(data: bytes) -> None:
    with pytest.raises(ReadError) as caught:
        decode_bytes(data, "a.txt")
    assert caught.value.reason == "binary"


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n"])
def test_empty_is_named_so(data: bytes) -> None:
    with pytest.raises(ReadError) as caught:
        decode_bytes(data, "a.txt")
    assert caught.value.reason == "empty"


def test_every_line_end_becomes_one() -> None:
    assert decode_bytes("一\r\n二\r三\u2028四\x07".encode(), "a.txt") == "一\n二\n三\n四"
