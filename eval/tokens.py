"""What the LLM was sent and what it wrote, in its own tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from rag.chat_models import ChatModel


class TokenMeter(BaseCallbackHandler):
    """A LangChain callback that adds up tokens between two calls of `take`.

    Where the model gives an account (`usage_metadata`) that is taken; otherwise texts are counted as the library counts them:
    by the model's own tokenizer, or for an API by an estimate that is rather too high.
    """

    def __init__(self, count_tokens: Callable[[str], int]) -> None:
        self._count = count_tokens
        self._calls: dict[UUID, tuple[int, int]] = {}

    @classmethod
    def on(cls, chat: ChatModel) -> TokenMeter:
        """A meter that listens to this model from now on."""
        meter = cls(chat.count_tokens)
        chat.model.callbacks = [meter]
        return meter

    def take(self) -> dict[str, int] | None:
        """Tokens of the prompts and of the completions since the last call; None if the model was not asked."""
        calls, self._calls = list(self._calls.values()), {}
        if not calls:
            return None
        return {"prompt": sum(prompt for prompt, _ in calls), "completion": sum(written for _, written in calls)}

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **rest: Any
    ) -> None:
        """Count the prompt."""
        self._calls[run_id] = (self._counted([message.text for chat in messages for message in chat]), 0)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **rest: Any) -> None:
        """Take the model's account, or count what it wrote."""
        messages = [g.message for found in response.generations for g in found if isinstance(g, ChatGeneration)]
        usage = getattr(messages[0], "usage_metadata", None) if messages else None
        if usage:
            self._calls[run_id] = (int(usage["input_tokens"]), int(usage["output_tokens"]))
        else:
            self._calls[run_id] = (self._calls.get(run_id, (0, 0))[0], self._counted([m.text for m in messages]))

    def _counted(self, texts: Sequence[str]) -> int:
        return sum(self._count(str(text)) for text in texts)
