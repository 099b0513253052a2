"""Greetings, thanks and questions about Youju itself: a short honest reply, without searching and without citations."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.version import VERSION
from rag.words import search_form

_TAIL = r"[呀啊哦哈呢吧嘛啦哟\s,.。，!！?？~～…、:：;；]*+"
_YOU = r"(?:你|您|你们|youju|有据)"

_GREETING = r"(?:你|您|大家|各位)?(?:早上好|早安|上午好|中午好|下午好|晚上好|晚安|好|早)|hello|hi|hey|嗨|哈[喽啰罗]|喂|在吗|在不在|有人吗"
_THANKS = r"(?:非常|十分|太|多)?(?:谢谢?|感谢|谢了|多谢)(?:了|你|您|啦)*|辛苦了?|thanks?(?: you)?|thx"
_PRAISE = r"(?:好的?|嗯+|哦+|行|可以|明白|知道|收到|了解|懂)了?|ok(?:ay)?|(?:真|太|很|好)?(?:棒|厉害|不错|聪明)了?|赞"
_FAREWELL = r"(?:再见|拜拜|回见|回头见|bye|goodbye|88|下次见|走了)(?:了)?"
_WHO = rf"{_YOU}(?:到底|究竟)?(?:是|叫)(?:谁|什么|啥|什么名字|啥名字|哪位|哪个|什么(?:东西|模型|系统|机器人|软件))|{_YOU}(?:是)?(?:不是)?(?:机器人|真人|人工智能|ai|chatgpt|gpt)[吗么]?|(?:介绍|说说)(?:一下)?{_YOU}(?:自己)?|{_YOU}(?:自我)?介绍(?:一下)?(?:自己)?|who are you"
_WHAT = rf"{_YOU}(?:都|究竟|到底)?(?:会|能|可以)(?:干|做|帮我|为我|回答)?(?:做|干)?(?:什么|啥|些什么|哪些(?:事|问题)?)(?:事|问题|呢)?|(?:怎么|如何)(?:使用?|用){_YOU}|{_YOU}(?:怎么|如何)(?:使用?|用)|{_YOU}有(?:什么|啥|哪些)(?:用|功能|本事)|(?:使用)?帮助|help"
_FEELING = r"(?:我)?(?:今天|最近|现在|这几天)?(?:心情|感觉)?(?:有点儿?|有些|很|好|真|太|不太|非常)*(?:好|开心|难过|无聊|郁闷|烦|累|低落|糟糕?|难受|孤单)了?"
_MOOD = rf"(?:陪|跟|和)我(?:聊|说)(?:会儿?|一会儿?|聊|说|几句)?(?:天|话)?|我(?:今天|最近|现在|这几天)?(?:心情|感觉)?(?:有点儿?|有些|很|好|真|太|不太|非常)+(?:开心|难过|无聊|郁闷|烦|累|低落|难受|孤单)了?|{_YOU}(?:吃饭|吃|睡|累|开心|高兴)(?:了)?[吗么]?|{_YOU}(?:今天)?(?:过得|最近)?(?:好[吗么]|怎么样|还好[吗么]|开心[吗么])"


def _greet(articles: int) -> str:
    return f"你好！我是有据。想知道什么，直接问：我只根据知识库里的 {articles:,} 篇文章回答，每句话都标出原文。"


def _thank(articles: int) -> str:
    return "不客气。还想知道什么，接着问就好。"


def _nod(articles: int) -> str:
    return "好的。还想知道什么，接着问就好。"


def _leave(articles: int) -> str:
    return "再见！"


def _introduce(articles: int) -> str:
    return (
        f"我是有据（Youju {VERSION}），一个只根据你的文章回答问题的程序：每句话都标出原文，数字逐个核对，资料里没有的就说没有。"
        f"知识库里现在有 {articles:,} 篇文章。"
    )


def _explain(articles: int) -> str:
    return (
        f"我能根据知识库里的 {articles:,} 篇文章回答事实问题，如“武昌区2020年金融产业增加值是多少？”：每句话都标出原文，可以追问，也可以限定日期、来源和栏目。"
        "资料之外的事我不知道，也不会编。"
    )


def _decline(articles: int) -> str:
    return "我不会闲聊，只会根据知识库里的文章回答问题。想知道什么，直接问就好。"


_REPLIES: tuple[tuple[str, Callable[[int], str]], ...] = (
    (_WHO, _introduce),
    (_WHAT, _explain),
    (_MOOD, _decline),
    (_THANKS, _thank),
    (_FAREWELL, _leave),
    (_GREETING, _greet),
    (_PRAISE, _nod),
)
_ASIDES = tuple(
    re.compile(rf"(?:{pattern}){_TAIL}")
    for pattern in (_GREETING, _THANKS, _PRAISE, _FEELING, "请问|那个|我想问一?下?")
)
_PATTERNS = tuple((re.compile(rf"(?:{pattern}){_TAIL}"), reply) for pattern, reply in _REPLIES)
_LONGEST = 40
_MOST_ASIDES = 3


def small_talk(message: str, articles: int) -> str:
    """The reply to a message that is small talk and nothing else, in Chinese; an empty string for a question.

    Args:
        message: as the user wrote it. A greeting before a question (你好，武昌……是多少？) leaves it a question.
        articles: how many the library has, for the reply.
    """
    plain = re.sub(r"\s+", " ", search_form(message)).strip()
    if not plain or len(plain) > _LONGEST:
        return ""
    reply = _find(plain, _MOST_ASIDES)
    return reply(articles) if reply else ""


def _find(plain: str, asides: int) -> Callable[[int], str] | None:
    """Which reply a message gets, with up to so many asides before what it says (你好，谢谢，你是谁？); none for a question.

    The asides are taken off one by one: in one expression their repetition would take exponential time.
    """
    whole = next((reply for pattern, reply in _PATTERNS if pattern.fullmatch(plain)), None)
    if whole or not asides:
        return whole
    rests = {plain[match.end() :] for pattern in _ASIDES if (match := pattern.match(plain))} - {plain}
    return next((found for rest in rests if (found := _find(rest, asides - 1))), None)
