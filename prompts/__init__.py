"""The prompts, one Markdown file each, with strict placeholders and a digest that travels into every answer.

A prompt file is a chat: each line `# system`, `# user` or `# assistant` begins a message. `{{name}}` is a placeholder.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

__all__ = ["Message", "Prompt", "load_prompt"]

_HEAD = re.compile(r"^# (system|user|assistant)[ \t]*\n", re.MULTILINE)
_SLOT = re.compile(r"\{\{(\w+)\}\}")

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A chat with placeholders. `digest` is the first 12 hex digits of the file's sha256."""

    name: str
    messages: tuple[Message, ...]
    slots: frozenset[str]
    digest: str

    def fill(self, **values: str) -> tuple[Message, ...]:
        """The messages with every placeholder filled in; values are inserted as they are, never read for placeholders.

        Raises:
            KeyError: a placeholder is left without a value, or a value has no placeholder.
        """
        if values.keys() != self.slots:
            raise KeyError(f"prompt {self.name} needs {sorted(self.slots)}, got {sorted(values)}")
        return tuple(Message(m.role, _SLOT.sub(lambda slot: values[slot[1]], m.text)) for m in self.messages)


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt of this name, e.g. "answer" for answer.md.

    Raises:
        FileNotFoundError: there is no such file in the package.
        ValueError: the file does not begin with a message head, or a message is empty.
    """
    source = resources.files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").replace("\r\n", "\n")
    heads = list(_HEAD.finditer(source))
    if not heads or source[: heads[0].start()].strip():
        raise ValueError(f"prompt {name} must begin with '# system', '# user' or '# assistant'")
    ends = [head.start() for head in heads[1:]] + [len(source)]
    messages = []
    for head, end in zip(heads, ends, strict=True):
        text = source[head.end() : end].strip()
        if not text:
            raise ValueError(f"prompt {name} has an empty {head[1]} message")
        role: Role = "system" if head[1] == "system" else "user" if head[1] == "user" else "assistant"
        messages.append(Message(role, text))
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    return Prompt(name, tuple(messages), frozenset(_SLOT.findall(source)), digest)
