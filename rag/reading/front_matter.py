"""Splits YAML front matter from the body; what is broken in it is mended field by field and noted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from rag.reading.lines import storable

# All scalars stay strings, as written: YAML's own guesses turn "0123" into 83 and a date into the wrong time zone.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_MAX_CHARS = 64_000
_MAX_BRACKETS = 64  # deeper flow collections are an attack on the parser's stack, not metadata
_OPEN = re.compile(r"\s*---[ \t]*\n")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_FIELD = re.compile(r"^([A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff .-]{0,40}?)[ \t]*[:：](?:[ \t]+|$)(.*)$", re.MULTILINE)
_ITEM = re.compile(r"^[ \t]*-[ \t]+(.+)$", re.MULTILINE)
_EMPTY = frozenset({"", "~", "null", "Null", "NULL", "none", "None", "[]", "{}"})

Fields = Mapping[str, tuple[str, ...]]
"""Lower-case key to values: none for an empty field, one for a scalar, several for a list."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The fields of a file's front matter, the body after it, and what had to be mended (Chinese, for the report)."""

    fields: Fields
    body: str
    notes: tuple[str, ...] = ()

    def first(self, *keys: str) -> str:
        """The first value of the first of these keys that has one; empty if none has."""
        return next((value for key in keys for value in self.fields.get(key, ())), "")


def split_front_matter(text: str) -> FrontMatter:
    """Split a file into front matter and body; blank lines before the first `---` are allowed.

    A text without front matter, or whose `---` opens no fields, comes back whole as the body.
    """
    opening = _OPEN.match(text)
    if opening is None:
        return FrontMatter({}, text)
    closing = _CLOSE.search(text, opening.end(), opening.end() + _MAX_CHARS)
    block = text[opening.end() : closing.start()] if closing else ""
    first_field = _FIELD.search(block)
    if closing is None or (block.strip() and (first_field is None or block[: first_field.start()].strip(" \n\t#"))):
        return FrontMatter({}, text)
    fields, notes = _parse(block)
    return FrontMatter(fields, text[closing.end() :].removeprefix("\n"), notes)


def _parse(block: str) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    whole = _load(block)
    if isinstance(whole, dict):
        return {str(key).strip().lower(): _values(value) for key, value in whole.items()}, ()
    if not block.strip():
        return {}, ()
    fields: dict[str, tuple[str, ...]] = {}
    broken = []
    starts = [match.start() for match in _FIELD.finditer(block)]
    for start, end in zip(starts, [*starts[1:], len(block)], strict=True):
        part = block[start:end]
        alone = _load(part)
        if isinstance(alone, dict) and len(alone) == 1:
            ((key, value),) = alone.items()
            fields[str(key).strip().lower()] = _values(value)
            continue
        match = _FIELD.match(part)
        assert match is not None
        key = match[1].strip().lower()
        items = tuple(_unquote(item) for item in _ITEM.findall(part[match.end() :]))
        fields[key] = items if items and not match[2].strip() else _values(_unquote(match[2]))
        broken.append(key)
    return fields, (f"文件头不合 YAML 语法，已逐项读取（{'、'.join(broken) or '整体'}）",)


def _load(block: str) -> object:
    """What YAML makes of the block, or None where it makes nothing of it."""
    if block.count("[") + block.count("{") > _MAX_BRACKETS or block.count("- -") > _MAX_BRACKETS:
        return None
    try:
        return yaml.load(block, Loader=_Loader)  # noqa: S506 - BaseLoader builds strings, lists and dicts only
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _values(value: object) -> tuple[str, ...]:
    """Scalars of a field, flattened one level; deeper structures are no metadata of ours."""
    if isinstance(value, list):
        return tuple(text for item in value if isinstance(item, str) for text in _values(item))
    if isinstance(value, str) and value.strip() not in _EMPTY:
        return (storable(value).strip(),)
    return ()


def _unquote(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1].strip()
    return text
