"""Chat models that answer out of the prompt they are given: by copying, merging, or copying with a fault planted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from rag.anchors import find_anchors, rivals
from rag.chat_models import ChatModel
from tests.chats import FakeChat, chat_model


@dataclass(frozen=True)
class Prompt:
    """What a prompt gives: the question, and the sentences of its passages, those first that share most with the question."""

    question: str
    sentences: tuple[str, ...]
    text: str


Writer = Callable[[Prompt], str]
"""Makes a draft of a prompt."""

Planter = Callable[[str, Prompt], str | None]
"""Makes a false sentence of a true one; None where the sentence has nothing to falsify."""


class PromptChat(FakeChat):
    """A chat model that writes what `write` makes of its prompt."""

    write: Writer

    def pieces(self, messages: list[BaseMessage]) -> Iterator[str]:
        yield self.write(read_prompt(messages))


def prompt_chat(write: Writer) -> ChatModel:
    """The model behind the product's own seam."""
    return chat_model(PromptChat(write=write), "prompt")


def read_prompt(messages: Sequence[BaseMessage]) -> Prompt:
    """The passages and the question of the last message."""
    passages, _, question = str(messages[-1].content).partition("资料：\n")[2].rpartition("\n\n问题：")
    lines = [line for line in passages.split("\n") if not re.match(r"\[\d+\]《", line)]
    sentences = [
        s.strip() for line in lines for s in re.findall(r"[^。！？!?]+[。！？!?]*[”’」』）]*", line) if s.strip()
    ]
    asked = _pairs(question)
    ranked = sorted(dict.fromkeys(sentences), key=lambda s: -len(asked & _pairs(s)))
    return Prompt(question, tuple(ranked), passages)


def _pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


# ---- Honest models ----


def copy(prompt: Prompt) -> str:
    """The sentence that shares most with the question, word for word."""
    return f"{prompt.sentences[0]}[1]"


def merge(prompt: Prompt) -> str:
    """The two best sentences as one; the number of an item in a list (8. 冷空气…) is nothing that a sentence says."""
    first, second = (*prompt.sentences, *prompt.sentences)[:2]
    return f"{first.rstrip('。')}，{re.sub(r'^[0-9]{1,2}[.、] *', '', second)}[1][2]"


# ---- Faults ----

_UNITS = {
    "亿元": "万元", "万元": "亿元", "个百分点": "%", "%": "个百分点", "亿美元": "亿元", "万吨": "吨", "公里": "米", "平方米": "平方公里", "万人": "人",
    "吨": "公斤", "亿千瓦时": "万千瓦时", "万平方米": "平方米", "万辆": "辆", "倍": "%", "元": "万元",
}  # fmt: skip
_RISES = {
    "增长": "下降", "下降": "增长", "上涨": "下跌", "下跌": "上涨", "上升": "下降", "增加": "减少", "减少": "增加", "提高": "降低", "提升": "下降",
}  # fmt: skip
_TIMES = {
    "去年": "今年", "今年": "去年", "上半年": "下半年", "下半年": "上半年", "一季度": "二季度", "三季度": "四季度", "昨日": "今日", "昨天": "今天",
}  # fmt: skip
_HEDGE = r"超过|突破|逾|约|不到|不足|超|近|接近|至少|不低于"
_PLAN = "预计到|预计将|预计|有望|力争|或将|计划|拟"
_FIGURE = re.compile(
    r"(?<![\d.A-Za-z-])(\d[\d,，]*(?:\.\d+)?)(亿元|万元|亿美元|个百分点|%|万吨|吨|公里|平方米|万人|人|家|元|亿千瓦时|万辆|辆|倍|个|亩|岁|米|项|条)"
)


def digit(sentence: str, prompt: Prompt) -> str | None:
    """Another last digit of a figure."""
    for match in _FIGURE.finditer(sentence):
        number = match[1]
        other = f"{number[:-1]}{(int(number[-1]) + 3) % 10}"
        if f"{other}{match[2]}" not in prompt.text and other not in sentence:
            return f"{sentence[: match.start(1)]}{other}{sentence[match.end(1) :]}"
    return None


def unit(sentence: str, prompt: Prompt) -> str | None:
    """Another unit of a figure."""
    for match in _FIGURE.finditer(sentence):
        other = _UNITS.get(match[2])
        if other and f"{match[1]}{other}" not in prompt.text:
            return f"{sentence[: match.start(2)]}{other}{sentence[match.end(2) :]}"
    return None


def year(sentence: str, prompt: Prompt) -> str | None:
    """Another year."""
    for match in re.finditer(r"(?<!\d)20\d\d(?=年)", sentence):
        for step in (-1, 1, -2, 2, 3):
            other = str(int(match[0]) + step)
            if not any(other in said for said in prompt.sentences):
                return f"{sentence[: match.start()]}{other}{sentence[match.end() :]}"
    return None


def time(sentence: str, prompt: Prompt) -> str | None:
    """去年 for 今年, 上半年 for 下半年."""
    return _exchanged(sentence, _TIMES, r"", r"(?!同期)", prompt)


def rise(sentence: str, prompt: Prompt) -> str | None:
    """A fall for a rise."""
    return _exchanged(sentence, _RISES, r"", r"(?=\d+(?:\.\d+)?(?:%|个百分点))", prompt)


def _exchanged(sentence: str, words: Mapping[str, str], before: str, after: str, prompt: Prompt) -> str | None:
    match = re.search(f"{before}(?:{'|'.join(words)}){after}", sentence)
    return f"{sentence[: match.start()]}{words[match[0]]}{sentence[match.end() :]}" if match else None


def hedge(sentence: str, prompt: Prompt) -> str | None:
    """A figure without its 约, 超过, 以上 or 余."""
    if match := re.search(rf"(?:{_HEDGE})(?=\d)", sentence):
        return f"{sentence[: match.start()]}{sentence[match.end() :]}"
    if match := re.search(r"(?<=\d)[余多](?=[万亿家人名个])|(?<=[\d元人家%吨])(?:以上|左右|以下|以内)", sentence):
        return f"{sentence[: match.start()]}{sentence[match.end() :]}"
    return None


def bound(sentence: str, prompt: Prompt) -> str | None:
    """不到 for 超过, or 超过 before an exact figure."""
    for one, other in (("超过", "不到"), ("不到", "超过"), ("突破", "不足"), ("不足", "超过")):
        if match := re.search(rf"(?<!不){one}(?=\d)", sentence):
            return f"{sentence[: match.start()]}{other}{sentence[match.end() :]}"
    if match := re.search(r"(?<=(?<!约)[达为])(?=\d+(?:\.\d+)?(?:亿元|万元|%|万吨|家|人))", sentence):
        return f"{sentence[: match.start()]}超过{sentence[match.start() :]}"
    return None


def plan(sentence: str, prompt: Prompt) -> str | None:
    """A plan or forecast as a fact."""
    match = re.search(rf"(?:{_PLAN})(?=[^。；]*\d)", sentence)
    if match is None:
        return None
    planted = f"{sentence[: match.start()]}{sentence[match.end() :]}"
    rest = planted[: re.search(r"\d", planted[match.start() :]).end() + match.start()]  # type: ignore[union-attr]
    return None if re.search(f"{_PLAN}|目标|预期|预测|规划|争取|将", rest) else planted


def neighbour(sentence: str, prompt: Prompt) -> str | None:
    """A figure of another sentence in place of its own, of the same unit."""
    for match in _FIGURE.finditer(sentence):
        for other in prompt.sentences:
            for figure in _FIGURE.finditer(other):
                if other != sentence and figure[2] == match[2] and figure[0] not in sentence:
                    return f"{sentence[: match.start()]}{figure[0]}{sentence[match.end() :]}"
    return None


def exchange(sentence: str, prompt: Prompt) -> str | None:
    """Two figures of one unit in each other's place."""
    figures = list(_FIGURE.finditer(sentence))
    for i, one in enumerate(figures):
        for other in figures[i + 1 :]:
            middle = sentence[one.end() : other.start()]
            if one[2] == other[2] and one[1] != other[1] and middle != "至":  # 3至2 is the range 2至3
                return f"{sentence[: one.start()]}{other[0]}{middle}{one[0]}{sentence[other.end() :]}"
    return None


def subject(sentence: str, prompt: Prompt) -> str | None:
    """What is said of another place or organisation, said of the one that the question asks for."""
    for asked in find_anchors(prompt.question):
        if asked.kind not in ("place", "org") or asked.text in sentence or asked.core in sentence:
            continue
        for named in find_anchors(sentence):
            if rivals(asked, named) and named.text in sentence and _FIGURE.search(sentence):
                return sentence.replace(named.text, asked.text)
    return None


FAULTS: Mapping[str, Planter] = {
    "digit": digit, "unit": unit, "year": year, "time": time, "rise": rise, "hedge": hedge, "bound": bound, "plan": plan,
    "neighbour": neighbour, "exchange": exchange, "subject": subject,
}  # fmt: skip


class Planting:
    """Writes, for each kind of fault, a sentence of the prompt with it; keeps what it planted."""

    def __init__(self, most: int = 3) -> None:
        self.planted: dict[str, tuple[str, str]] = {}
        self._most = most

    def __call__(self, prompt: Prompt) -> str:
        """The draft; `planted` has each false sentence with its fault and the sentence it was made of."""
        self.planted = {}
        for name, planter in FAULTS.items():
            made = 0
            for sentence in prompt.sentences:
                false = planter(sentence, prompt)
                if false and false not in prompt.text and made < self._most:
                    made += 1
                    self.planted.setdefault(false, (name, sentence))
        return "\n".join(self.planted) or prompt.sentences[0]
