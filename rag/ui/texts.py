"""Every word of the page, in Chinese and in English. The browser's language chooses; Chinese is the original.

Chinese in traditional script, in the words of Taiwan, is made from it by OpenCC.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from rag.ui.chinese import ZH as ZH
from rag.ui.english import EN as EN

_MISTAKES: Final = {
    "斷髮表": "斷發表",
    "賬戶": "帳戶",
    "窗口": "視窗",
    "配置": "設定",
    "專案": "項目",
    "聯網": "連網",
    "“": "「",
    "”": "」",
}
"""What OpenCC takes for other words, or leaves, and how it is to be."""


@cache
def traditional() -> Mapping[str, str]:
    """`ZH` in traditional script and in the words of Taiwan (OpenCC's s2twp)."""
    import opencc

    convert = opencc.OpenCC("s2twp").convert
    return {key: _mended(convert(text)) for key, text in ZH.items()}


def _mended(text: str) -> str:
    for mistake, right in _MISTAKES.items():
        text = text.replace(mistake, right)
    return text
