"""What is wrong with collected Chinese posts, one by one: a made-up post before and after reading, and how often it occurs in a folder.

The posts are tests, too: tests/eval/test_eval_phenomena.py reads each of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rag.reading import find_files, read_articles


@dataclass(frozen=True, slots=True)
class Phenomenon:
    """One thing that is not the article's own text.

    Attributes:
        name: what it is called in the table.
        before: the body of a post that has it.
        after: the text that is to be read; empty where nothing is left and the post is skipped.
        sign: found in a file that has it; where nothing is left (`after` is empty), in the message about it.
        trace: found in a text from which it was not taken; `sign` where it says nothing else.
        metadata: what is lifted into the article's metadata.
        title: the title that the post must get, if that is the point.
    """

    name: str
    before: str
    after: str
    sign: str
    trace: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    title: str = ""


_NEWS = "江口市去年接待游客120万人次，同比增长6.3%。"
_P = f"<p>{_NEWS}</p>"

TITLE = "江口旅游收入469亿元"
"""The title in the front matter of each made-up post; mirrors lose the decimal point to their file names."""

PHENOMENA: tuple[Phenomenon, ...] = (
    Phenomenon("二维码尾注", f"{_P}<p>长按识别下方二维码，关注我们</p>", _NEWS, r"(?:长按|扫描|扫码|识别)[^。！？<\n]{0,12}二维码", r"(?m)^(?:请|微信|欢迎)?(?:长按|扫描|扫码|识别)[^。！？\n]{0,12}二维码[^。\n]{0,14}$"),
    Phenomenon("新浪财经尾注", f"{_P}<p>海量资讯、精准解读，尽在新浪财经APP</p>", _NEWS, "海量资讯、精准解读，尽在新浪财经APP"),
    Phenomenon("责任编辑", f"{_P}<p>责任编辑：王小明 SF001</p>", _NEWS, r"责任编辑|责编", r"(?m)^[（(【]?(?:责任编辑|责编)[:：].{1,20}$", {"editor": "王小明 SF001"}),
    Phenomenon("客户端广告", f"{_P}<p>更多精彩内容，请下载江口新闻客户端</p>", _NEWS, r"(?:下载|打开)[^。<\n]{0,12}(?:APP|App|客户端)", r"(?m)^[^。\n]{0,20}(?:下载|打开)[^。\n]{0,12}(?:APP|App|客户端)[^。\n]{0,12}$"),
    Phenomenon("红包广告", f"{_P}<p>京东无门槛红包至高 26999 元，每天抽 3 次：点此抽取。</p>", _NEWS, r"(?:京东|天猫|淘宝)[^。<\n]{0,16}红包", r"(?m)^(?:京东|天猫|淘宝)[^。\n]{0,16}红包[^。\n]{0,60}$"),
    Phenomenon("阅读原文", f"{_P}<p>阅读原文</p>", _NEWS, r"(?:阅读|查看)原文|原文链接", r"(?m)^(?:点击)?(?:阅读|查看)原文$|^原文链接$"),
    Phenomenon("版权声明", f"{_P}<p>人 民 网 版 权 所 有 ，未 经 书 面 授 权 禁 止 使 用</p>", _NEWS, r"版\s?权\s?所\s?有", r"(?m)^.{0,20}版\s?权\s?所\s?有.{0,30}$"),
    Phenomenon("网页属性变成正文", f"{_P[:-4]} 2026-01-27 00:00:00:03013580710http://paper.people.com.cn/a.htmlhttp://paper.people.com.cn/b.html11921 江口旅游收入增长 /enpproperty--></p>", _NEWS, "enpproperty"),
    Phenomenon("脚本变成正文", f'{_P}<p>document.write("");</p><p>function update(url) &#123;</p><p>&#125;</p>', _NEWS, r"document\.write|function \w+\([\w, ]*\) ?(?:\{|&#123;)"),
    Phenomenon("HTML 注释", f"{_P}<!--article_adlist[<p>炒股开户</p>]-->", _NEWS, "<!--", "<!--|-->"),
    Phenomenon("没有结尾的注释", f"<!-- 推荐开始 {_P}", _NEWS, r"(?s)<!--(?:(?!-->).)*(?:<!--|\Z)", "<!--|-->"),
    Phenomenon("转义的花括号", f"{_P}<p>function show(a) &#123;</p><p>if (a >= 0) &#123;</p><p>&#125;</p><p>&#125;</p>", _NEWS, "&#12[35];", "[{}]|&#12[35];"),
    Phenomenon("样式变成正文", f"<p>.qr_wrap{{border:1px solid #E6E6E6;padding:8px;}}</p>{_P}", _NEWS, r"(?:<style|[.#][\w-]+\{[\w-]+:)", r"[.#][\w-]+\{[\w-]+:"),
    Phenomenon("样式块", f"<style>.a{{color:red}}</style>{_P}", _NEWS, "<style", r"\{\s*color\s*:"),
    Phenomenon("只有图片", '<p><img src="https://x.cn/1.jpg"></p>', "", "只有 [0-9]+ 张图片"),
    Phenomenon("没有正文", "", "", "没有正文"),
    Phenomenon("播放器占位", f"<p>视频加载中，请稍候...</p><p>自动播放</p>{_P}", _NEWS, "视频加载中"),
    Phenomenon("文章来源", f"{_P}<p>（文章来源：江口日报）</p>", _NEWS, r"[（(](?:文章|本文)?来源[:：]", r"(?m)^[（(](?:文章|本文)来源[:：][^）\n]*[）)]?$", {"original_source": "江口日报"}),
    Phenomenon("原标题", f"<p>原标题：江口旅游收入4.69亿元</p>{_P}", _NEWS, "原标题[:：]", r"(?m)^[（(]?原标题[:：][^。\n]*$", title="江口旅游收入4.69亿元"),
    Phenomenon("误加的股票链接", '<p><span id="stock_0.002493"><a class="keytip" href="https://quote.x.cn/r/0.002493">江口</a></span>市去年接待游客120万人次，同比增长6.3%。</p>', _NEWS, r'id="?stock|(?:realstock|quote\.eastmoney)', r"\]\(https?://"),
    Phenomenon("文末的链接列表", f"{_P}<p>推荐阅读：</p><p>江口开了三家新店</p><p>江口的桥修好了</p>", _NEWS, r"(?:推荐阅读|相关阅读|延伸阅读|往期回顾)"),
    Phenomenon("图片来源", f"<p>图源：视觉中国</p>{_P}", _NEWS, r"(?:图源|图片来源|题图)[:：|｜]", r"(?m)^(?:图源|图片来源|题图)[:：|｜][^。\n]{0,8}(?:视觉中国|网络|图库)$"),
    Phenomenon("免责声明", f"{_P}<p>免责声明：本文仅供参考，不构成投资建议。</p>", _NEWS, r"免责声明|不构成[^。<]{0,10}建议", r"(?m)^(?:免责声明|风险提示)[:：].*(?:仅供参考|不构成).*$"),
    Phenomenon("时间行", f"<p>2026-01-28 10:30 来源：江口日报</p>{_P}", _NEWS, r"(?m)^\s*(?:<[^>]*>\s*)*\d{4}-\d\d-\d\d \d\d:\d\d[^。<\n]{0,30}(?:<|$)", r"\A\d{4}-\d\d-\d\d \d\d:\d\d", {"original_source": "江口日报"}),
    Phenomenon("作者行", f"<p>文｜王小明</p>{_P}", _NEWS, r"(?:文|作者|撰文|采写)\s?[|｜丨]", r"(?m)^(?:文|作者|撰文|采写)\s?[|｜丨]\s?\S{2,10}$", {"byline": "王小明"}),
    Phenomenon("重复转义", "<p>江口市研究（R&amp;amp;D）经费增长6.3%。</p>", "江口市研究（R&D）经费增长6.3%。", "&amp;(?:amp|nbsp|quot|ldquo|rdquo|hellip|mdash);", "&(?:amp|nbsp|quot|ldquo|rdquo|hellip|mdash);"),
    Phenomenon("一段写了两遍", f"{_P}{_P}", _NEWS, r"(?:^|>)\s*([^<>\n]{10,}?)\s*(?:<[^>]*>\s*)+\1\s*<", r"(?m)^(.{10,})\n\1$"),
    Phenomenon("合并单元格的表格", '<table><tr><td rowspan="2">市</td><td colspan="2">产值</td></tr><tr><td>2024</td><td>2025</td></tr><tr><td>江口</td><td>1.2亿</td><td>1.5亿</td></tr></table>', "| 市：江口 | 产值 2024：1.2亿 | 产值 2025：1.5亿 |", r"(?:rowspan|colspan)=\"?[2-9]", r"rowspan|colspan"),
    Phenomenon("零宽与不换行空格、全角数字（原样保留，只在检索时统一）", "<p>江口市去年接待游客１２０万人次\u200b，同比增长\u00a06.3%。</p>", "江口市去年接待游客１２０万人次\u200b，同比增长\u00a06.3%。", "[\u200b\u00a0０-９]"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Count:
    """In how many files of a folder a phenomenon was found, and in how many texts its trace still is."""

    files: int
    left: int

    def to_dict(self) -> dict[str, int]:
        """Both numbers, for JSON."""
        return asdict(self)


def count(folders: Sequence[Path], on_file: Callable[[int, int], None] | None = None) -> tuple[dict[str, Count], int]:
    """Read every file once and look for every phenomenon.

    Returns:
        The counts by name, and the number of files.
    """
    files = [path for path in find_files(folders).files if path.suffix.lower() in (".md", ".html", ".htm")]
    signs = {p.name: (re.compile(p.sign), re.compile(p.trace or p.sign)) for p in PHENOMENA}
    found: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for done, path in enumerate(files, 1):
        raw = path.read_bytes().decode("utf-8", "replace")
        readings = list(read_articles(path))
        texts = [reading.article.text for reading in readings if reading.article]
        messages = "\n".join(reading.message for reading in readings)
        for p in PHENOMENA:
            sign, trace = signs[p.name]
            if sign.search(raw if p.after else messages):
                found[p.name] += 1
                left[p.name] += any(trace.search(text) is not None for text in texts)
        if on_file:
            on_file(done, len(files))
    return {name: Count(found[name], left[name]) for name in signs}, len(files)


def markdown(counts: Mapping[str, Count], files: int) -> str:
    """The table: each phenomenon with its made-up post before and after, the files that have it, and the texts with its trace."""
    rows = [f"| 现象 | 读入前 | 读入后 | {files:,} 个文件里有 | 正文里还剩 |", "|---|---|---|---:|---:|"]
    for p in PHENOMENA:
        count = counts[p.name]
        lifted = "".join(f"（{key}：{value}）" for key, value in p.metadata.items()) + (
            f"（标题：{p.title}）" if p.title else ""
        )
        after = f"{_cell(p.after) or '跳过，并报告'}{lifted}"
        rows.append(f"| {p.name} | {_cell(p.before)} | {after} | {count.files:,} | {count.left:,} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    shown = text.replace(_NEWS, "正文。").replace("\u200b", "\\u200b").replace("\u00a0", "\\u00a0").replace("|", "\\|")
    return f"`{shown.replace(chr(10), ' ⏎ ')}`" if text else ""
