"""What of an HTML page a reader cannot see: text may be hidden there for machines. And tags that only pretend to be HTML."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

MOST_FADED = 0.8
"""Share of a page's text above which a transparent element is no hidden text but the page, before its script has run."""

_HIDDEN = re.compile(
    r"display\s*:\s*none|font-size\s*:\s*(?:0|1px)(?![\d.])|(?:left|top|text-indent)\s*:\s*-\d{4,}|"
    r"(?<![\w-])(?:max-)?height\s*:\s*0(?![\d.])(?=.*overflow\s*:\s*hidden)|clip\s*:\s*rect\(\s*0",
    re.IGNORECASE,
)
_FADED = re.compile(
    r"visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0+)?(?![\d.])|(?<![\w-])color\s*:\s*transparent", re.IGNORECASE
)
_WHITE = r"(?:#fff(?:fff)?\b|white\b|rgba?\(\s*255\s*,\s*255\s*,\s*255\b)"
_WHITE_TEXT = re.compile(rf"(?<![\w-])color\s*:\s*{_WHITE}", re.IGNORECASE)
_WHITE_GROUND = re.compile(rf"background(?:-color)?\s*:\s*{_WHITE}", re.IGNORECASE)
_WECHAT = "js_content"
_CHAT_TAG = re.compile(
    r"<(/?(?:start_of_turn|end_of_turn|sys|system|assistant|user|human|instructions?|tool_calls?|tool_response|function_calls?))>",
    re.IGNORECASE,
)


def is_hidden(node: LexborNode, most_faded: float) -> bool:
    """Whether an element's own attributes hide it.

    Args:
        most_faded: characters of an element from which on being transparent or white does not hide it.
    """
    attributes = node.attributes
    if "hidden" in attributes:
        return True
    style = attributes.get("style")
    if style is None:
        return False
    if _HIDDEN.search(style):
        return True
    faded = _FADED.search(style) or (_WHITE_TEXT.search(style) and _on_white(node))
    return bool(faded) and attributes.get("id") != _WECHAT and len(node.text()) < most_faded


def keep_chat_tags(source: str) -> str:
    """The source in which tags of chat templates are text, so that it is seen what they are (`rag.injections`)."""
    return _CHAT_TAG.sub(r"&lt;\1&gt;", source)


def _on_white(node: LexborNode) -> bool:
    """Whether nothing around an element can give it a ground on which white could be read.

    A class may give any ground: the style sheet of a mirrored page is not here.
    """
    around: LexborNode | None = node
    while around is not None:
        attributes = around.attributes
        style = attributes.get("style") or ""
        if "background" in style:
            return _WHITE_GROUND.search(style) is not None
        if "bgcolor" in attributes or "background" in attributes or attributes.get("class"):
            return False
        around = around.parent
    return True
