"""A LangChain chat model over transformers: a folder of safetensors weights, or a GGUF file, on GPU or CPU.

On a CPU a GGUF file is unpacked to 4 bytes a weight and is slow there; llama.cpp is the better engine for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from rag.errors import ChatModelError, ModelError

_NO_LIMIT = 1_000_000
"""Tokenizers that know no limit announce one beyond this; so does no real model."""


class TransformersChat(BaseChatModel):
    """A causal language model with a chat template. Requests are served one after another.

    `context` is the window in tokens, prompt and answer together. Make one with `load_transformers`.
    """

    name_or_path: str
    context: int
    max_tokens: int = 512

    _model: Any = PrivateAttr(default=None)
    _tokenizer: Any = PrivateAttr(default=None)
    _turn: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "transformers"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"name_or_path": self.name_or_path, "context": self.context}

    def get_token_ids(self, text: str) -> list[int]:
        """The text in the model's own tokens, without special ones; `get_num_tokens` counts these."""
        return [int(token) for token in self._tokenizer(text, add_special_tokens=False)["input_ids"]]

    def close(self) -> None:
        """Let go of the weights; the object cannot be used afterwards."""
        self._model = None

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Pieces of text as they are decoded. Keyword arguments: max_tokens, temperature.

        A piece ends where no later token can change it: Chinese characters may be split over several tokens.
        """
        from transformers import StoppingCriteriaList, StopStringCriteria, TextIteratorStreamer

        if self._model is None:
            raise ModelError(f"模型已关闭：{self.name_or_path}", "请重新加载")
        prompt = self._prompt(messages)
        limit = min(kwargs.get("max_tokens") or self.max_tokens, self.context - prompt["input_ids"].shape[1])
        if limit <= 0:
            raise ChatModelError(
                f"问题与资料一共太长，超过了模型的窗口（{self.context} 词元）",
                "请减小 context_tokens 或缩短问题",
                kind="context",
            )
        temperature = kwargs.get("temperature") or 0.0
        closed = threading.Event()
        criteria: list[Any] = [_stop_when(closed)]
        if stop:
            criteria.append(StopStringCriteria(tokenizer=self._tokenizer, stop_strings=stop))
        streamer = TextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)
        failure: list[Exception] = []
        produced: list[int] = []

        def generate() -> None:
            try:
                # Every sampling number is said here: a model's own generation_config asks for sampling more often than not.
                output = self._model.generate(
                    **prompt,
                    max_new_tokens=limit,
                    do_sample=temperature > 0,
                    **({"temperature": temperature} if temperature > 0 else _GREEDY),
                    stopping_criteria=StoppingCriteriaList(criteria),
                    streamer=streamer,
                    pad_token_id=self._pad_token(),
                )
                produced.append(output.shape[1] - prompt["input_ids"].shape[1])
            except Exception as error:  # noqa: BLE001 - travels to the thread that reads
                failure.append(error)
                streamer.end()

        with self._turn:
            worker = threading.Thread(target=generate, name="youju-transformers", daemon=True)
            worker.start()
            try:
                torn = ""  # half a character, if the answer ends here
                for text in streamer:
                    whole = (torn + text).rstrip("\ufffd")
                    torn = (torn + text)[len(whole) :]
                    if whole:
                        yield _chunk(whole, run_manager)
            finally:
                closed.set()
                worker.join()
        if failure:
            raise ChatModelError(
                f"本机模型出错（{type(failure[0]).__name__}）：{str(failure[0])[:200]}",
                "可换一个模型，或减小 context_tokens",
            ) from failure[0]
        finish = "length" if produced and produced[0] >= limit else "stop"
        last = AIMessageChunk(content="", response_metadata={"finish_reason": finish}, chunk_position="last")
        yield ChatGenerationChunk(message=last, generation_info={"finish_reason": finish})

    def _prompt(self, messages: list[BaseMessage]) -> Any:
        ids = self._tokenizer.apply_chat_template(
            convert_to_openai_messages(messages),
            add_generation_prompt=True,
            enable_thinking=False,  # templates without the switch ignore it
            return_tensors="pt",
            return_dict=True,
        )
        return ids.to(self._model.device)

    def _pad_token(self) -> int | None:
        pad = self._tokenizer.pad_token_id
        return int(pad) if pad is not None else self._tokenizer.eos_token_id


_GREEDY = {"temperature": None, "top_p": None, "top_k": None, "min_p": None, "repetition_penalty": 1.0}


def _stop_when(closed: threading.Event) -> Any:
    """A stopping criterion of transformers that ends the generation when the event is set."""
    import torch
    from transformers import StoppingCriteria

    class Closed(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            return torch.full((input_ids.shape[0],), closed.is_set(), device=input_ids.device, dtype=torch.bool)

    return Closed()


def _chunk(text: str, run_manager: CallbackManagerForLLMRun | None) -> ChatGenerationChunk:
    chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
    if run_manager:
        run_manager.on_llm_new_token(text, chunk=chunk)
    return chunk


def load_transformers(path: Path, *, threads: int = 0, max_tokens: int = 512) -> TransformersChat:
    """Load a model that is on this machine; nothing is downloaded and no code of the model's authors is run.

    A GPU is used where there is one, in bfloat16 (float16 on Apple's); a CPU computes in float32, in which reading the prompt is
    six times faster than in bfloat16.

    Args:
        path: a folder with config.json, tokenizer and safetensors weights, or a GGUF file (the `gguf` package reads it).
        threads: threads for the CPU, 0 leaves torch's own choice.

    Raises:
        ModelError: a file is missing or damaged, the architecture is unknown, the memory does not suffice.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    if threads > 0:
        torch.set_num_threads(threads)
    place, extra = (path, {}) if path.is_dir() else (path.parent, {"gguf_file": path.name})
    device, dtype = _device_and_dtype()
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False, **extra)
        model = AutoModelForCausalLM.from_pretrained(
            place, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=dtype, **extra
        )
    except ImportError as error:
        raise ModelError(
            f"transformers 缺少运行这个模型的软件包：{path}（{error}）", "运行 pip install 'youju[gguf]'"
        ) from None
    except Exception as error:  # noqa: BLE001 - its readers of damaged files raise whatever comes, struct.error for one
        raise ModelError(
            f"transformers 加载不了模型：{path}（{type(error).__name__}：{str(error)[:200]}）",
            "请检查文件是否完整、内存是否够用，或换一个模型",
        ) from None
    finally:
        if bars:
            logging.enable_progress_bar()
    if not tokenizer.chat_template:
        raise ModelError(f"模型没有对话模板，多半不是对话模型：{path}", "请换一个 Instruct 或 Chat 模型")
    model.to(device).eval()
    limits = [getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length]
    window = min((int(limit) for limit in limits if limit and limit < _NO_LIMIT), default=4096)
    chat = TransformersChat(name_or_path=str(path), context=window, max_tokens=max_tokens)
    chat._model, chat._tokenizer = model, tokenizer
    return chat


def _device_and_dtype() -> tuple[str, Any]:
    import torch

    if torch.cuda.is_available():
        return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if torch.backends.mps.is_available():
        return "mps", torch.float16
    return "cpu", torch.float32
