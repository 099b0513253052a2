"""What the LLM wrote, kept by its prompt: a run over the same prompts is then repeated in seconds, with the checks of today."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from rag.chat_models import ChatModel
from rag.errors import ReadError


class KeptDrafts(BaseChatModel):
    """A chat model in front of another one, which is asked only for what `path` does not hold yet; what it writes is added there.

    The model is asked at temperature 0, so that a kept draft is what it would write again; the time that it took is not.

    Raises:
        ReadError: the file holds something else than drafts.
    """

    inner: BaseChatModel
    path: Path
    _drafts: dict[str, str] = PrivateAttr(default_factory=dict)
    _reused: bool = PrivateAttr(default=False)

    @classmethod
    def before(cls, chat: ChatModel, path: Path) -> tuple[ChatModel, KeptDrafts]:
        """The chat model with its drafts kept in a file, and what keeps them."""
        kept = cls(inner=chat.model, name=chat.name, path=path)
        return replace(chat, model=kept), kept

    def take_reused(self) -> bool:
        """Whether a kept draft was used since the last call: no latency of the model then."""
        reused, self._reused = self._reused, False
        return reused

    def model_post_init(self, context: Any, /) -> None:
        """Read what is kept."""
        super().model_post_init(context)
        if not self.path.is_file():
            return
        try:
            rows = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
            self._drafts = {row["key"]: row["draft"] for row in rows}
        except (OSError, ValueError, KeyError, TypeError):
            raise ReadError(
                f"读不了大模型的草稿 {self.path}", "请换一个 --drafts，或删去它", reason="malformed"
            ) from None

    @property
    def _llm_type(self) -> str:
        return "kept"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **options: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **options))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **options: Any,
    ) -> Iterator[ChatGenerationChunk]:
        asked = json.dumps(
            [self.name, *([message.type, str(message.text)] for message in messages)], ensure_ascii=False
        )
        key = hashlib.sha256(asked.encode()).hexdigest()[:32]
        if key in self._drafts:
            self._reused = True
            yield _chunk(self._drafts[key], "stop")
            return
        said = []
        for part in self.inner.stream(messages, stop=stop, **options):
            said.append(str(part.text))
            yield _chunk(said[-1], part.response_metadata.get("finish_reason", ""))
        self._drafts[key] = "".join(said)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "draft": self._drafts[key]}, ensure_ascii=False) + "\n")


def _chunk(text: str, finish: str) -> ChatGenerationChunk:
    told = {"finish_reason": finish} if finish else {}
    return ChatGenerationChunk(message=AIMessageChunk(content=text, response_metadata=told))
