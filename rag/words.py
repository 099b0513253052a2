"""Chinese text as search sees it: one script, one width, one case, cut into words. Quotes never come from here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

_INVISIBLE = dict.fromkeys([0x00AD, 0xFEFF, 0xFFFD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060])
_WORD = re.compile(r"\w")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CHINESE_YEAR = re.compile(r"(?<![零〇一二三四五六七八九十])[一二][零〇一二三四五六七八九]{3}(?=年)")
_DIGITS = str.maketrans("零〇一二三四五六七八九", "00123456789")
_RUN = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")

# Words that carry no topic of their own: particles, question words and the verbs of asking. They are left out of keyword
# queries and of coverage, where they would count as evidence for anything.
STOP_WORDS = frozenset(
    "的 了 和 与 及 或 在 是 为 有 被 把 将 对 从 到 由 于 以 向 等 也 都 就 还 又 很 更 最 吗 呢 吧 啊 呀 么 之 其 该 这 那 此 "
    "一个 这个 那个 哪个 哪些 哪 谁 什么 怎么 怎样 如何 为何 为什么 何时 何地 多少 几 是否 有没有 什么样 哪里 哪儿 哪年 哪天 "
    "请问 请 问 一下 告诉 介绍 根据 关于 文中 文章 资料 报道 新闻 提到 据 可以 能 会 要 我 你 他 她 它 我们 你们 他们 "
    "情况 方面 时候 目前 多大 多高 多长 多久 几个 多 个 年 月 日 上 中 下 里 内 后 前 时 并 而 但 让 使 给 用 做 说 称 a the of in is".split()
)


@cache
def _simplifier() -> Any:
    import opencc

    return opencc.OpenCC("t2s")


@lru_cache(maxsize=4096)
def search_form(text: str) -> str:
    """The text in simplified script, half width and lower case, without invisible characters. Lengths may change."""
    plain = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).lower()
    return str(_simplifier().convert(plain)) if any("一" <= c <= "鿿" for c in plain) else plain


def _word_form(text: str) -> str:
    """The search form with numbers as they are searched for: 二〇二〇年 as 2020年, 1,100.9 as 1100.9. Words only, not vectors."""
    plain = _THOUSANDS.sub("", search_form(text))
    return _CHINESE_YEAR.sub(lambda m: m[0].translate(_DIGITS), plain)


def index_words(text: str) -> list[str]:
    """The words of a passage for the keyword index: jieba's search cut, so that 武昌区 is also found as 武昌."""
    import rjieba

    return [word for word in rjieba.cut_for_search(_word_form(text)) if _WORD.search(word)]


def index_pairs(text: str) -> list[str]:
    """The neighbouring characters of a passage in pairs, Latin words and numbers whole: what finds a name that no dictionary knows."""
    pairs: list[str] = []
    for run in _RUN.findall(_word_form(text)):
        pairs += [run] if run.isascii() else [run[i : i + 2] for i in range(max(1, len(run) - 1))]
    return pairs


def query_pairs(text: str) -> list[str]:
    """The pairs of a question as the keyword index knows them, each once, without those that are stop words."""
    return [pair for pair in dict.fromkeys(index_pairs(text)) if pair not in STOP_WORDS]


def topic_words(text: str) -> list[str]:
    """The words of a question that say what it is about, in their order, each once; stop words are left out."""
    import rjieba

    words = (word for word in rjieba.cut(_word_form(text)) if _WORD.search(word) and word not in STOP_WORDS)
    return list(dict.fromkeys(words))


def query_words(text: str) -> list[str]:
    """The words of a question as the keyword index knows them; all words where nothing but stop words is left."""
    words = index_words(text)
    return list(dict.fromkeys(w for w in words if w not in STOP_WORDS)) or list(dict.fromkeys(words))


def bigrams(text: str) -> frozenset[str]:
    """Character bigrams of the search form, within runs of letters and digits."""
    return frozenset(
        run[i : i + 2] for run in re.findall(r"\w+", search_form(text)) for i in range(max(1, len(run) - 1))
    )


def containment(part: Iterable[str], whole: frozenset[str]) -> float:
    """Share of `part` that occurs in `whole`, 0 to 1; 0 for an empty part."""
    items = set(part)
    return len(items & whole) / len(items) if items else 0.0
