"""What the service is sent: one model for each request, with limits and a description of each field for the docs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rag.filters import Filters, parse_day
from rag.records import Mode, Turn

LONGEST_QUESTION = 2_000
_LONGEST_TEXT = 100_000
_MOST_CHOICES = 100

Question = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_QUESTION),
    Field(description="问题，最多 2,000 字"),
]
Day = Annotated[str, Field(max_length=10, description="日期：2022-05-01、2022-05 或 2022")]
Choices = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=_MOST_CHOICES)]


class FiltersForm(BaseModel):
    """哪些文章在检索范围内；都不给时由问题里的“昨天”“上周”等推断。"""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[Day | None, Field(description="只查这一天及以后发表的：2022-05-01、2022-05 或 2022")] = None
    before: Annotated[Day | None, Field(description="只查这一天及以前发表的")] = None
    sources: Annotated[Choices, Field(description="只查这些来源")] = []
    categories: Annotated[Choices, Field(description="只查这些分类，如 金融 或 金融/宏观")] = []
    articles: Annotated[Choices, Field(description="只查这些文章（编号）")] = []
    inferred: Annotated[bool, Field(description="没有给出范围时，是否从问题里的“昨天”“上周”推断发表日期")] = True

    def filters(self) -> Filters | None:
        """The filters asked for; None where they leave it to the question.

        Raises:
            SettingsError: a day cannot be read.
        """
        filters = Filters(
            after=parse_day(self.after) if self.after else None,
            before=parse_day(self.before, last=True) if self.before else None,
            sources=tuple(self.sources),
            categories=tuple(self.categories),
            articles=tuple(self.articles),
        )
        return filters if filters or not self.inferred else None


class TurnForm(BaseModel):
    """一轮已经结束的对话。"""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(max_length=LONGEST_QUESTION, description="那一轮的问题")]
    answer: Annotated[str, Field(max_length=_LONGEST_TEXT, description="那一轮的回答")] = ""


class AskForm(BaseModel):
    """一个问题。"""

    model_config = ConfigDict(extra="forbid")

    question: Question
    history: Annotated[list[TurnForm], Field(max_length=100)] = Field(
        [], description="前面的对话，先问的在前，用于追问"
    )
    filters: Annotated[FiltersForm, Field(description="检索范围")] = FiltersForm()
    mode: Annotated[Mode, Field(description="auto：有大模型就用大模型；extractive：只摘录原文，不问大模型")] = "auto"

    def turns(self) -> tuple[Turn, ...]:
        """The conversation before it."""
        return tuple(Turn(turn.question, turn.answer) for turn in self.history)


class PartForm(BaseModel):
    """一条消息的一部分；只接受文字。"""

    type: str
    text: Annotated[str, Field(max_length=_LONGEST_TEXT)] = ""


class MessageForm(BaseModel):
    """对话里的一条消息，OpenAI 的格式。"""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: (
        Annotated[str, Field(max_length=_LONGEST_TEXT)] | Annotated[list[PartForm], Field(max_length=100)] | None
    ) = None

    @property
    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """流式输出的选项。"""

    include_usage: Annotated[bool | None, Field(description="最后再发一块用量统计")] = False


class FormatForm(BaseModel):
    """回答的格式；只有 text。"""

    type: str = "text"


class ChatForm(BaseModel):
    """OpenAI 的 chat completions 请求。没有列出的参数（temperature、max_tokens……）可以给，不起作用。"""

    model: Annotated[str, Field(max_length=200, description="youju 或 youju-extractive")]
    messages: Annotated[list[MessageForm], Field(min_length=1, max_length=400)] = Field(
        description="对话；最后一条是用户的问题，前面的用于追问；system 消息不起作用"
    )
    stream: Annotated[bool | None, Field(description="是否以 SSE 分块返回")] = False
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1, description="只能是 1")] | None = None
    response_format: FormatForm | None = None
    filters: Annotated[FiltersForm, Field(description="检索范围（有据自己的参数）")] = FiltersForm()
