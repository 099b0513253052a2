"""What is special to Chinese news pages: advertisements, footers, credits and scripts among the lines of an article.

A pattern here matches a whole line (spaces left out), never the middle of a sentence. In doubt a line stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.reading.lines import Line, tidy

_SPACE = re.compile(r"[\s\u3000\u200b\ufeff]+")

_ADVERTISEMENTS = re.compile(
    "|".join(
        (
            # Sina and portals
            r"海量资讯、精准解读，尽在新浪财经APP",
            r"[^。]{0,20}(?:福利|十大金股)[^。]{0,40}点击查看[>》＞]*",
            r"(?:新浪财经|炒股)[^。]{0,30}(?:开户|看)[^。]{0,30}(?:点击|扫码)[^。]{0,20}[>》＞]*",
            r"炒股就看金麒麟分析师研报，权威，专业，及时，全面，助您挖掘潜力主题机会！",
            # links to elsewhere
            r"[（(【\[]?(?:点击)?(?:阅读|查看|文章)?原文(?:链接)?[）)】\]]?[>》＞]*",
            r"(?:查看|展开|阅读)(?:全文|更多)[>》＞]*|收起(?:全文)?|跳转微信打开|查看评论|原文链接[:：]?",
            r"平台地址[:：](?:https?://\S+)?",
            r"点击(?:上方|下方)[^。]{0,20}(?:关注|查看|收听|购买|订阅)[^。]{0,10}",
            # players, readers and shares
            r"视频加载中[，,]?(?:请稍[候后])?[.。…]*|(?:自动播放)?正在加载[.。…]*|自动播放(?: play 向前 向后)?",
            r"您的浏览器不支持[^。]{0,30}[。.]?|你的器材不支持播放多媒體材料",
            r"<?内嵌内容，请前往机核查看>?",
            r"⭐?(?:点赞|在看|分享|收藏|转发|关注|评论)(?:[、，|/·]?(?:点赞|在看|分享|收藏|转发|关注|评论))*(?:一键三连)?⭐?",
            r"⭐?(?:点亮)?星标[^。]{0,24}[⭐！]|觉得好看，请点“在看”",
            r"\[?\d*张?图片\]?",
            # calls to follow and to install
            r"(?:请|微信|欢迎|可)?(?:长按|扫描|扫码|扫一扫|识别)[^。！？，]{0,12}二维码"
            r"(?:[，,]?[^。！？，]{0,6}(?:关注|下载|加入|进群|收听|收看|查看|了解|咨询|订阅|购买|报名)[^。！？]{0,20})?[。！]?",
            r"#?欢迎关注[^。]{0,30}(?:公众号|微信)[^。]{0,60}[。！]?",
            r"本文来自华尔街见闻，欢迎下载APP查看更多",
            r"下载虎嗅APP，第一时间获取深度独到的商业科技资讯，连接更多创新人群与线下活动",
            r"(?:更多|想了解更多)[^。]{0,30}(?:请)?(?:下载|打开|关注)[^。]{0,20}(?:APP|App|客户端|公众号)[^。]{0,20}[。！]?",
            r"(?:获取更多RSS[:：]?)?(?:https?://feedx\.(?:net|site|best|co)/?)+|获取更多RSS[:：]?",
            r"[^。]{0,12}尽在[^。，]{1,12}(?:APP|App|app|客户端|公众号)|(?:打开|下载)[^。，]{1,12}(?:APP|App|app|客户端)[，,]?[^。]{0,24}[。！]?",
            r"点击上方[^。]{0,8}(?:蓝字|名片)[^。]{0,10}|(?:关注|点赞关注)[^。，]{0,14}(?:获取更多资讯|视频号|公众号)[^。]{0,10}[，。！]?|(?:观看|查看)更多精彩(?:视频|内容)",
            r"点亮星标[，,]锁定[^。]{0,16}推送[！!]?|喜欢(?:今天|本文|这篇)[^。]{0,10}点赞[^。]{0,6}[!！。]?|阅读原文[，,]?[^。]{0,12}",
            r"(?:新会员|非会员)[^\n]{0,30}(?:订阅|阅读|登录)[^\n]{0,40}|加入[^。，]{1,10}会员[^。]{0,20}|(?:全文共|本文约?)\d+字[^。]{0,16}",
            r"[<（(【\[—–-]*(?:全文完|本文完|完|end|END|End)[>）)】\]—–-]*|[<（(【\[](?:推广|广告|福利|赞助)[>）)】\]]",
            r"阅读(?:量|数)?[:：]?(?:\d+(?:\.\d+)?万?\+?|10万\+)|字号[:：]?(?:[大中小超][\s|]*){2,4}|(?:分享到|分享至)[:：]?(?:微信|微博|朋友圈|QQ|[\s、])*",
            r"[（(]?(?:本文)?(?:责任)?校对[:：]?[^。，]{2,8}[）)]?|领\d+元[^。]{0,10}红包[^。]{0,10}",
            r"推荐进入财新数据库，可随时查阅[^\n]{0,60}",
            r"爱范儿[|｜·]*(?:原文链接)?·查看评论·新浪微博",
            # rights and disclaimers
            r"[^。，]{0,12}版权所有[，,]?(?:未经(?:书面)?(?:授权|许可)[^。]{0,20})?[。]?",
            r"(?:注|声明|版权声明|转载声明)[:：](?:本文系|转载此文|本文版权|未经授权|本文转载)[^\n]{0,120}",
            r"[*※]?本文内容为作者(?:提供|观点)[^。]{0,6}不代表[^。]{0,16}(?:立场|观点)。?",
            r"[*＊（(]?(?:(?:图片|圖片|图像|圖像|题图|封面|头图|配图)(?:素材)?(?:来源|來源|来自|源自)?|图源|图|图片、资料来源)[:：，,/｜|]"
            r"[^。\n]{0,24}(?:视觉中国|网络|ICphoto|ICPhoto|ICPHOTO|CFP|VCG|GettyImages|Reuters|图库|受访者(?:供图|提供)?|官方|unsplash|Unsplash|pixabay|企业)[）)]?",
            r"Copyright©?[\d-]{4,9}by\S{3,40}allrightsreserved\.?",
            r"©\S{2,12}",
            r"本文[系为由][^。]{0,30}原创[^。]{0,20}转载[^。]{0,40}。?",
            r"[*※]?(?:免责|风险)(?:声明|提示)[:：]?(?:[^\n]*(?:不构成|仅供参考|不代表|需谨慎|自担|自负)[^\n]*)?",
            r"(?:注[:：]|[*※])?本文[^。]{0,40}不构成[^。]{0,20}(?:建议|依据)[^。]*。?|本文(?:内容)?仅代表作者(?:个人)?(?:看法|观点)。?",
            r"市场有风险，投资需谨慎。[^\n]{0,200}",
            # shopping notes
            r"(?:京东|天猫|淘宝)[^。]{0,16}红包[^。]{0,60}。?",
            r"广告声明：文内含有的对外跳转链接[^\n]*",
        )
    )
)

_LINKS = re.compile(
    r"[【\[]?(?:推荐阅读|往期(?:精选)?(?:推荐|回顾)?|精选推荐|往期精选推荐|延伸阅读|相关阅读|更多阅读|阅读更多|相关报道|热门推荐|猜你喜欢|热点视频|更多精彩)[】\]]?[:：]?"
)
_MAX_LINKS = 16
_LONGEST_LINK = 60
_DAY = r"\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}日?(?:\s*\d{1,2}[:：]\d{2}(?:[:：]\d{2})?)?"
_DATELINE = re.compile(
    rf"(?:发布时间|发布日期|时间|日期)?[:：]?\s*({_DAY})\s*(?:(?:星期|周)[一二三四五六日天])?\s*(?:来源[:：|｜]\s*([^\s，。]{{2,20}}))?"
    r"(?:\s*(?:作者|编辑|责编|字号|浏览)[:：]?\s*[^\s，。]{1,20})*"
)
_SOURCE_DATELINE = re.compile(
    rf"(?:文章)?来源[:：|｜]\s*([^\s，。]{{2,20}})\s+(?:发布时间|发布日期|时间|日期)?[:：]?\s*({_DAY})(?:\s*(?:作者|编辑|责编)[:：]\s*[^\s，。]{{1,20}})*"
)
_HEAD_LINES = 3
_NAMES = r"[\u4e00-\u9fffA-Za-z·]{2,10}(?:[、，,\s/]{1,2}[\u4e00-\u9fffA-Za-z·]{2,10}){0,7}"
_CREDITS = re.compile(
    rf"(?:(?:编导|配音|版式设计|美编|总?监制|主编|策划|统筹|剪辑|排版|终审|审校|责任校对|制片人?|制作|出品)\s*[:：/|｜丨]\s*{_NAMES}\s*)+"
)
_WRITTEN_BY = re.compile(
    r"(?:文|作者|整理|撰文|采写|编译|文字|(?:\S{0,8})记者)\s*[|｜丨/]\s*([^。！？?!，；]{2,30})|(?:作者|撰文|采写|整理)[:：]\s*([^。！？?!，；]{2,30})|"
    rf"(?:新华社|本报|人民日报|中新社)记者[:：]?\s*({_NAMES})?"
)
_EDITOR = re.compile(r"(?:责任编辑|责编|本文编辑|编辑)\s*[:：|｜丨/]\s*(.{1,30})")
_ORIGINAL_TITLE = re.compile(r"原标题[:：]\s*([^。]{1,80})")
_PUBLISHED_BY = re.compile(r"▌?(?:文章|本文)来源[:：](.{1,40})")
_SOURCE_LINE = re.compile(r"(?:来源|转自)[:：|｜]([^，。；]{1,30})")
_BRACKETED = re.compile(r"[（(\[【]([^（(\[【）)\]】]+)[）)\]】]?")
_BYLINE = re.compile(r"原创\s*(\S.{0,30}?)\s*(\d{4}-\d\d-\d\d \d\d:\d\d)(?:\s+\S{2,8})?")
_REPORTERS = re.compile(
    r"[（(](?:本报|本台|新华社|[\u4e00-\u9fff]{2,8})?(?:记者|通讯员|作者)[:：]?\s*"
    r"([\u4e00-\u9fff·]{1,8}(?:[，,、\s]{1,2}[\u4e00-\u9fff·]{1,8}){0,9})[）)]"
)
_NO_NAME = re.compile(r"[为系均是单曾现]|.*(?:记者|单位|报道|摄影|大学|学院|研究|编辑)")

# Machine data that the feed of people.com.cn glues to the end of the last paragraph, up to its own end mark.
_PAPER_PROPERTIES = re.compile(
    r"\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d[^\n]{0,400}?https?://paper\.people\.com\.cn/[^\n]{0,600}?/enpproperty-->"
)
_PAPER_TITLE = re.compile(r"\.html\d{3,8} ([^\n]{2,200}?) ?/enpproperty-->")
_TWICE_ESCAPED = re.compile(r"&(amp|nbsp|quot|ldquo|rdquo|hellip|mdash|middot|#39|#34);")
_PLAIN = {
    "amp": "&", "nbsp": " ", "quot": '"', "ldquo": "“", "rdquo": "”", "hellip": "…", "mdash": "—", "middot": "·", "#39": "'", "#34": '"',
}  # fmt: skip

_COMMENT_REST = re.compile(r"(?:\]?(?:article_adlist)?\s*-->\s*)+|<!--\s*")
_SCRIPT = re.compile(
    r"document\.(?:write|getElement|cookie|createElement|location)|window\.\w|getElementsBy|\.innerHTML|console\.log\(|"
    r"addEventListener\(|function\s*\w*\s*\([\w\s,]*\)\s*\{|updateMetaRmrb\(|\bvar\s+\w+\s*=|\.(?:indexOf|substring)\(|\$\(['\"]"
)
_SCRIPT_PART = re.compile(r"[\s{}();,]*|//.*|.*[;{}]|\}?\s*else\b.*|(?:if|for|while|return|var|let|const)\b[\s(].*")
_STYLE = re.compile(
    r"[.#@]?[\w-]+(?:[\s,>.#:][\w\s,>.#:()-]*)?\{[^{}]*(?:\}.*)?|[\w-]+\s*:\s*[^;：，。]{1,60};.*\}?|\}"
)
_STYLE_SIGN = re.compile(r"[.#@]?[\w-]{1,60}[^{}，。]{0,80}\{\s*(?:[\w-]+\s*:[^{}]*|)(?:\}|$)")
_LOOKED_AT = 20_000
_REPEATED = 10  # a line of this length that follows itself is a slip of the page, not of the author
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The lines that stay, and what the others said.

    Attributes:
        lines: in their order.
        original_title: what stands after “原标题：”.
        titles: other places at which the page repeats its own title.
        metadata: editor, reporters, original_source, byline; only what was found.
        dropped: how many lines went.
    """

    lines: tuple[Line, ...]
    original_title: str = ""
    titles: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    dropped: int = 0


def clean(lines: Sequence[Line], *, markup: bool) -> Cleaned:
    """Take advertisements, footers and credits out of the lines of an article.

    Args:
        lines: the lines as the format's reader found them.
        markup: whether they come from HTML; only there can scripts and styles have become text by mistake. In plain text
            and in preformatted lines code is what the author wrote.
    """
    kept: list[Line] = []
    metadata: dict[str, str] = {}
    titles: list[str] = []
    original_title = ""
    unscripted = _without_scripts(lines) if markup else list(lines)
    for line in _without_links(unscripted):
        text = line.text
        if line.kind in ("row", "code"):
            kept.append(line)
            continue
        if markup:
            titles += _PAPER_TITLE.findall(text)
            text = _PAPER_PROPERTIES.sub("", text)
            for _ in range(2):  # &amp;amp;nbsp; occurs
                text = _TWICE_ESCAPED.sub(lambda match: _PLAIN[match[1]], text)
            text = tidy(text)
        if not text or _is_noise(text):
            continue
        bracketed = _BRACKETED.fullmatch(text)
        credit = bracketed[1] if bracketed else text
        if (match := _ORIGINAL_TITLE.fullmatch(credit)) and not original_title:
            original_title = match[1].strip()
            continue
        if match := _EDITOR.fullmatch(credit):
            _add(metadata, "editor", match[1])
            continue
        if match := _PUBLISHED_BY.fullmatch(credit):
            _add(metadata, "original_source", match[1])
            continue
        if match := _BYLINE.fullmatch(text) or _WRITTEN_BY.fullmatch(credit):
            _add(metadata, "byline", next(filter(None, match.groups()), ""))
            continue
        if _CREDITS.fullmatch(credit):
            _add(metadata, "credits", credit)
            continue
        at_head = len(kept) < _HEAD_LINES and not any(above.text.endswith("。") for above in kept)
        if at_head and "dateline" not in metadata:
            if match := _DATELINE.fullmatch(credit):
                _add(metadata, "dateline", match[1])
                _add(metadata, "original_source", match[2] or "")
                continue
            if match := _SOURCE_DATELINE.fullmatch(credit):
                _add(metadata, "original_source", match[1])
                _add(metadata, "dateline", match[2])
                continue
        if match := _SOURCE_LINE.fullmatch(credit):
            _add(metadata, "original_source", match[1])
        for names in _REPORTERS.findall(text[:200]) + _REPORTERS.findall(text[200:][-200:]):
            if not _NO_NAME.match(names):
                _add(metadata, "reporters", names)
        if kept and text == kept[-1].text and len(text) >= _REPEATED:
            continue
        kept.append(line if text == line.text else Line(text, line.kind))
    return Cleaned(tuple(kept), original_title, tuple(titles), metadata, len(lines) - len(kept))


def _without_links(lines: Sequence[Line]) -> Sequence[Line]:
    """The lines without a list of links to other articles at their end: its heading, and short lines that are no sentences."""
    for index in range(len(lines) - 1, max(-1, len(lines) - 2 - _MAX_LINKS), -1):
        text = lines[index].text
        if index and _LINKS.fullmatch(_SPACE.sub("", text)):
            return lines[:index]
        titled = text.startswith("《") and text.endswith("》") and len(text) <= 2 * _LONGEST_LINK
        if lines[index].kind in ("row", "code") or (
            not titled and (len(text) > _LONGEST_LINK or text.endswith(("。", "；")))
        ):
            break
    return lines


def _is_noise(text: str) -> bool:
    return _ADVERTISEMENTS.fullmatch(_SPACE.sub("", text)) is not None or _COMMENT_REST.fullmatch(text) is not None


def _add(metadata: dict[str, str], key: str, value: str) -> None:
    """Keep a value once; several are joined by 、."""
    value = tidy(value)
    known = metadata.get(key)
    if value and known is None:
        metadata[key] = value
    elif value and known is not None and value not in known:
        metadata[key] = f"{known}、{value}"


def _without_scripts(lines: Sequence[Line]) -> list[Line]:
    """The lines without JavaScript and CSS that became text. A sure line of code takes the code lines around it with it."""
    sure = [line.kind not in ("row", "code") and _is_code(line.text) for line in lines]
    if not any(sure):
        return list(lines)
    gone = list(sure)
    for order in (range(1, len(lines)), range(len(lines) - 2, -1, -1)):
        for index in order:
            neighbour = index - 1 if order.step > 0 else index + 1
            line = lines[index]
            if gone[neighbour] and line.kind not in ("row", "code") and _is_code_part(line.text):
                gone[index] = True
    return [line for line, out in zip(lines, gone, strict=True) if not out]


def _is_code(text: str) -> bool:
    """A line that can only be code: known calls or a style rule, and hardly any Chinese."""
    if len(_HAN.findall(text)) * 10 > len(text):
        return False
    return _SCRIPT.search(text, 0, _LOOKED_AT) is not None or _STYLE_SIGN.match(text, 0, _LOOKED_AT) is not None


def _is_code_part(text: str) -> bool:
    if len(text) > _LOOKED_AT or len(_HAN.findall(text)) * 10 > len(text):
        return False
    return _SCRIPT_PART.fullmatch(text) is not None or _STYLE.fullmatch(text) is not None
