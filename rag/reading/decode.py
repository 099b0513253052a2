"""Bytes to text: UTF-8, UTF-16, and GB18030 and Big5 strictly judged; anything else is a clear error, never garbage."""

from __future__ import annotations

import codecs
import re

from rag.errors import ReadError
from rag.reading.lines import unify_line_ends

_SAMPLE = 64_000
_HAN = re.compile(r"[\u3400-\u9fff]")
_ODD = re.compile(r"[\ue000-\uf8ff\u0080-\u009f\ufffd\U000f0000-\U0010ffff]")
# The characters that carry running Chinese text, in both scripts. Measured on the news pile they make up 35-60% of
# all ideographs of an article; in Big5, Shift-JIS or Latin-1 read as GB18030 they are a few percent at most.
_COMMON = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学"
    "法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外"
    "天政四日那社事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情"
    "者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手"
    "期根论运农指几九区强放决西被做必战先回则任取据处市元亿万报记"
    "這為個國時來們對會發動過說產種後學經進電裡現實兩體機當點從業應開還關線內數樣與間氣變條沒結問無軍並題黨員總設長頭資"
    "邊級圖統較將組見計別論運農幾區強決戰則據處億萬報記"
)
_ENOUGH_COMMON = 0.15
_FEW = 12
# The characters of everyday use, for texts too short for frequencies: level 1 of GB2312 (3,755) and of Big5 (5,401).
_LEVEL_ONE = frozenset(
    bytes((lead, trail)).decode("gb2312", "ignore") for lead in range(0xB0, 0xD8) for trail in range(0xA1, 0xFF)
)
_BIG5_LEVEL_ONE = frozenset(
    bytes((lead, trail)).decode("big5", "ignore")
    for lead in range(0xA4, 0xC7)
    for trail in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
)
_PLAIN = frozenset("\n\r\t\ufeff\u3000，。、；：？！“”‘’（）《》〈〉【】「」『』—…·～％")
_MOSTLY = 0.8
_DAMAGED = 1000
"""One damaged character in so many is a slip of some program on the way; more is another encoding."""
_REPLACED = re.compile("\ufffd+")
_ENOUGH_WIDE = 20


def decode_bytes(data: bytes, name: str) -> str:
    """The text of a file, with "\\n" line ends and without control characters.

    Args:
        data: the whole file.
        name: how to call the file in an error.

    Raises:
        ReadError: reason "empty", "binary" or "encoding".
    """
    if not data.strip():
        raise ReadError(f"文件是空的：{name}", "请删去空文件，或重新下载它", reason="empty")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return unify_line_ends(_utf16(data, name))
    if b"\0" in data:
        text = _unmarked_utf16(data)
        if text is None:
            raise ReadError(f"不是文本文件：{name}", "只能读文本，请检查文件的后缀", reason="binary")
        return unify_line_ends(text)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = _damaged_utf8(data) or _national(data, name)
    return unify_line_ends(text)


def _utf16(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError:
        raise _unknown(data, name) from None


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 without a byte order mark: its line ends and spaces hold the NULs that no other text has."""
    everyday = _LEVEL_ONE | _BIG5_LEVEL_ONE
    best, best_share = None, _MOSTLY
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        share = sum(" " <= c <= "~" or c in everyday or c in _PLAIN for c in text) / len(text)
        if "\0" not in text and share > best_share and _reads_as_chinese(text, everyday):
            best, best_share = text, share
    return best


def _damaged_utf8(data: bytes) -> str | None:
    """UTF-8 in which a few bytes were lost or spoilt; they become U+FFFD, and the article says so."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    damaged = len(_REPLACED.findall(text)) - data.count("\ufffd".encode())  # one spoilt byte leaves up to three
    wide = sum(character > "\u07ff" and character != "\ufffd" for character in text)
    return text if damaged <= max(1, len(text) // _DAMAGED) and wide >= _ENOUGH_WIDE else None


def _national(data: bytes, name: str) -> str:
    for encoding, everyday in (("gb18030", _LEVEL_ONE), ("big5hkscs", _BIG5_LEVEL_ONE)):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _reads_as_chinese(text, everyday):
            return text
    raise _unknown(data, name)


def _reads_as_chinese(text: str, everyday: frozenset[str]) -> bool:
    """Whether decoded text is Chinese and not another encoding taken for it: almost any bytes decode as something."""
    odd = len(_ODD.findall(text))
    han = _HAN.findall(text)
    if not han or odd > len(text) // 500:
        return False
    if len(han) < _FEW:
        return odd == 0 and all(character in everyday for character in han)
    return sum(character in _COMMON for character in han) >= _ENOUGH_COMMON * len(han)


def _unknown(data: bytes, name: str) -> ReadError:
    from charset_normalizer import from_bytes  # 40 ms; needed for this message only

    sample = data[:_SAMPLE]
    if sum(byte < 9 or 13 < byte < 32 for byte in sample) > len(sample) // 50:
        return ReadError(f"不是文本文件：{name}", "只能读文本", reason="binary")
    guess = from_bytes(sample).best()
    looks = f"（看起来像 {guess.encoding}）" if guess is not None else ""
    return ReadError(
        f"文字编码无法辨认：{name}{looks}",
        "请另存为 UTF-8；能直接读的是 UTF-8、UTF-16、GB18030 和 Big5",
        reason="encoding",
    )
