"""How the tests about numbers read one quantity and write Chinese numerals."""

from __future__ import annotations

from datetime import date

from rag.quantities import Quantity, find_quantities

REFERENCE = date(2021, 7, 2)  # a Friday
DIGITS = "零一二三四五六七八九"


def only(text: str, reference: date | None = REFERENCE) -> Quantity:
    found = find_quantities(text, reference=reference)
    assert len(found) == 1, [q.text for q in found]
    return found[0]


def chinese(number: int) -> str:
    """The plain Chinese numeral of 0 < number < 10**12; an independent writer for the round trip."""
    for scale, name in ((10**8, "亿"), (10**4, "万")):
        if number >= scale:
            head, rest = divmod(number, scale)
            return chinese(head) + name + ("" if not rest else ("零" if rest < scale // 10 else "") + chinese(rest))
    text, gap = "", False
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // scale % 10
        if digit:
            text += ("零" if gap and text else "") + DIGITS[digit] + name
            gap = False
        else:
            gap = True
    return text
