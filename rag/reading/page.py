"""The article in a saved web page: the part that holds the sentences, not the links, and what stands around it of date and source.

As Readability (Arc90, 2010) does: a paragraph counts for the element it stands in, and half for that element's parent. What counts
in a paragraph are its characters outside links, and only where there is Chinese sentence punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from selectolax.lexbor import LexborNode

from rag.reading.lines import Line

_PUNCTUATION = re.compile(r"[，。！？；：、”]|[,.!?;](?=\s|$)")
_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:comments?|foot(?:er)?|copyright|side(?:bar)?|recommend\w*|relat(?:e|ed|ive)|hot-?news|rank\w*|share\w*|tool-?bar|"
    r"bread-?crumbs?|crumbs?|nav|menu|advert\w*|ads?|login|popup|dialog|statement|declare|disclaim\w*|reply|tooltip)(?:$|[\s_-])",
    re.IGNORECASE,
)
_REPLIES = re.compile(
    r"(?:^|[\s_-])(?:comments?|reply|recommend\w*|relat(?:e|ed|ive)|hot-?news|rank\w*)(?:$|[\s_-])", re.IGNORECASE
)
_UNSEEN = frozenset(
    "script style template head svg iframe object embed audio video canvas map button select textarea noframes noscript".split()
)
_FURNITURE_TAGS = frozenset({"nav", "footer", "aside", "form"})
_INLINE = frozenset(
    "a abbr b bdi bdo big cite code del dfn em font i ins kbd label mark q ruby s samp small span strike strong sub sup time tt u var br "
    "wbr img".split()
)
_ENOUGH = 60
"""Characters of sentences below which a page has no part that could be called its article."""
_MOST, _NEARLY_ALL = 0.75, 0.95
_SHARE = 0.3


class _Part:
    __slots__ = ("all", "children", "furniture", "links", "mass", "node", "own", "parent", "punctuated", "score")

    def __init__(self, node: LexborNode, parent: _Part | None) -> None:
        self.node, self.parent = node, parent
        self.children: list[_Part] = []
        self.own = self.links = 0  # characters of its own paragraphs, outside and inside links
        self.punctuated = False
        self.furniture = parent is not None and _is_furniture(node)
        self.all = self.mass = self.score = 0.0
        if parent is not None:
            parent.children.append(self)

    @property
    def value(self) -> float:
        """What its own paragraphs count."""
        return float(self.own) if self.punctuated and self.own > self.links else 0.0


def main_parts(root: LexborNode) -> tuple[list[LexborNode], frozenset[int]]:
    """Where to read.

    Returns:
        The elements that hold the article, in their order (the root alone where nothing stands out), and the `mem_id` of
        those to leave out: comments, recommendations and the like, known by their names.
    """
    parts = _parts(root)
    for part in reversed(parts):
        part.all += part.value
        if part.parent is not None:
            part.parent.all += part.all
    for part in parts:  # whole pages stand in a form, or in a box named after what it also holds
        part.furniture = part.furniture and part.all < parts[0].all * (
            _NEARLY_ALL if _REPLIES.search(_names(part.node)) else _MOST
        )
    for part in reversed(parts):
        part.mass += part.value
        part.score += part.value
        if part.parent is not None and not part.furniture:
            part.parent.mass += part.mass
            part.parent.score += part.value
            if part.parent.parent is not None and not part.parent.furniture:
                part.parent.parent.score += part.value / 2
    skipped = frozenset(part.node.mem_id for part in parts if part.furniture)
    inside: list[_Part] = []  # of no furniture; a part's parent is judged before it
    for part in parts:
        part.furniture = part.furniture or (part.parent is not None and part.parent.furniture)
        if not part.furniture:
            inside.append(part)
    best = max(inside, key=lambda part: part.score)
    if best.score < _ENOUGH:
        return [root], skipped
    return [part.node for part in _with_siblings(best)], skipped


def _parts(root: LexborNode) -> list[_Part]:
    """Every block of the page, each after its parent, without recursion."""
    top = _Part(root, None)
    parts = [top]
    stack = [(root, top, False)]
    while stack:
        node, part, linked = stack.pop()
        child = node.child
        while child is not None:
            if child.is_text_node:
                text = (child.text_content or "").strip()
                if linked:
                    part.links += len(text)
                else:
                    part.own += len(text)
                    part.punctuated = part.punctuated or _PUNCTUATION.search(text) is not None
            elif child.is_element_node:
                tag = child.tag or ""
                if tag in _INLINE:
                    stack.append((child, part, linked or tag == "a"))
                elif tag not in _UNSEEN:
                    parts.append(_Part(child, part))
                    stack.append((child, parts[-1], linked))
            child = child.next
    return parts


def _is_furniture(node: LexborNode) -> bool:
    if node.tag in _FURNITURE_TAGS:
        return True
    return _FURNITURE.search(_names(node)) is not None


def _names(node: LexborNode) -> str:
    attributes = node.attributes
    return f"{attributes.get('class') or ''} {attributes.get('id') or ''}"


def _with_siblings(best: _Part) -> list[_Part]:
    """The best part and those beside it that hold a good share of sentences, too: articles are laid out in several boxes."""
    if best.parent is None:
        return [best]
    return [
        part
        for part in best.parent.children
        if part is best or (not part.furniture and part.mass >= _SHARE * best.mass)
    ]


_DAY = r"(?:19|20)\d\d[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}日?"
_MOMENT = re.compile(rf"({_DAY})(?:T|\s{{0,3}})(\d{{1,2}}[:：]\d\d(?:[:：]\d\d)?)")
_DATED = re.compile(rf"(?:^|发布|时间|日期|更新|来源|[\s:：|(（\[])({_DAY})(?:$|[\s|)）\]]|来源|作者|星期|周)")
_SOURCE = re.compile(
    r"(?:来源|来自|稿源)\s*[:：|｜]\s*([^\s，。：:|｜/（()）]{2,20}?)(?=\s|举报|作者|编辑|责编|记者|字号|发布|时间|浏览|$|[|｜/（(])"
)
_SENTENCE = re.compile(r"[，。；！？]")
_HEAD = 15
_INFO = 60
_LONGEST_TITLE = 200
# Possessive: what a line says of itself decides once, or a line of digits would be tried in every way of cutting it up.
_BUTTONS = re.compile(
    r"(?:字号|字体|[大中小]号?|分享(?:到|至)?|打印|收藏|关闭|保存|复制链接|评论|点赞|举报|阅读|返回|首页|我要(?:评论|跟帖)|已输入\d+字|展开全文|阅读全文|"
    r"微信|微博|QQ空间|繁|简|[Aa][+-]?|[\s|/:：·,，、+-]|\d|[（(]\d*(?:人参与)?[)）])++|扫一扫.{0,12}"
)
_WORD = re.compile(r"[^\W\d]")
_AFTER = re.compile(
    r"(?:(?:相关|热门|精彩|更多|最新|推荐|延伸|往期)(?:新闻|阅读|报道|文章|推荐|链接|资讯|专题|回顾|内容|评论)|(?:网友|全部|最热|最新|热门|精彩)?(?:评论|跟帖)|"
    r"(?:我要|发表|查看)(?:评论|跟帖))\s*(?:[（(]\d*[）)])?[:：>»]*|文章关键词[:：].*|关键词\s*[:：>»].*|-*\s*THE END\s*-*"
)
_RECOMMENDED = re.compile(r"(?:为[您你]推荐|猜[您你]喜欢|(?:相关|热门)推荐)[:：>»]?")
_WRITTEN = re.compile(r'"(?:datePublished|pubDate|publishTime|publish_time)"\s*:\s*"([^"<>]{8,40})"')
_SITE_NAME = re.compile(r"\s*+[-_|–—]++\s*+[^-_|–—]{2,20}$")


def published_in_scripts(source: str) -> str:
    """The publication date that a page states in its structured data, as it stands there; empty if it does not."""
    found = _WRITTEN.search(source)
    return found[1] if found else ""


def trim(lines: Sequence[Line], before: Sequence[Line], title: str) -> tuple[list[Line], str, str]:
    """Take off what stands around an article in its part of the page.

    Args:
        lines: the part.
        before: what the page shows before it.
        title: the page's.

    Returns:
        The article's lines, and the date and the source that the page shows at its head, each empty where it shows none.
    """
    above = [line.text for line in before[-_HEAD:]]
    dated = any(_MOMENT.search(text) or _DATED.search(text) for text in above if len(text) <= 2 * _INFO)
    first = _start(lines, title[:_LONGEST_TITLE], dated)
    around = [*above, *(line.text for line in lines[: max(first, 3)])]
    info = [text for text in around if len(text) <= 2 * _INFO]
    end = _end(lines, first)
    headline = [line for line in lines[:first] if line.kind == "heading"]  # whoever takes the article apart may want it
    kept = [*headline[-1:], *lines[first:end]]
    return kept, _first(_MOMENT, info, 0) or _first(_DATED, info, 1), _first(_SOURCE, info, 1)


def _start(lines: Sequence[Line], title: str, dated: bool) -> int:
    """Where the text begins: after the headline, the line of date and source, and the buttons that stand above it.

    Nothing is passed over that reads like a sentence, and a day that stands alone only once: a chronicle has many.
    """
    wanted = {_letters(title), _letters(_SITE_NAME.sub("", title))} - {""}
    first = 0
    for number, line in enumerate(lines[:_HEAD]):
        if _letters(line.text[: 2 * _LONGEST_TITLE]) in wanted:
            first = number + 1
        elif _reads_like_text(line.text):
            break
    for number in range(first, min(first + 6, len(lines))):
        text = lines[number].text
        if _reads_like_text(text):
            break
        day = _DATED.search(text) is not None
        if _MOMENT.search(text) or _SOURCE.search(text) or _is_button(text) or (day and not dated):
            first = number + 1
            dated = dated or day
        elif dated:
            break
    return first if first < len(lines) else 0


def _end(lines: Sequence[Line], first: int) -> int:
    """Where the text ends: before a label under which other news or replies stand, and the buttons above it."""
    sentences = [len(line.text) if _SENTENCE.search(line.text) else 0 for line in lines]
    left, above = sum(sentences[first:]), 0
    end = len(lines)
    for number in range(first, len(lines)):
        text = lines[number].text
        if len(text) <= _INFO and (
            (_AFTER.fullmatch(text) and left * 2 <= above) or (_RECOMMENDED.fullmatch(text) and above)
        ):
            end = number
            break
        above += sentences[number]
        left -= sentences[number]
    while end > first + 1 and _is_button(lines[end - 1].text):
        end -= 1
    return end


def _reads_like_text(text: str) -> bool:
    return len(text) > _INFO or text.endswith(("。", "！", "？", "：", "”"))


def _is_button(text: str) -> bool:
    """Whether a line is nothing but what one clicks on; a number alone is text."""
    return len(text) <= _INFO and _WORD.search(text) is not None and _BUTTONS.fullmatch(text) is not None


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _first(pattern: re.Pattern[str], texts: Sequence[str], group: int) -> str:
    found = next(filter(None, map(pattern.search, reversed(texts))), None)
    return (f"{found[1]} {found[2]}" if group == 0 else found[1]) if found else ""
