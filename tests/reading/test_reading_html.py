"""HTML to lines: one small piece of HTML for each thing that pages do."""

from __future__ import annotations

import pytest

from rag.reading.html import read_html
from rag.reading.lines import Line


def texts(source: str) -> list[str]:
    return [line.text for line in read_html(source).lines]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>　　第一段。</p><p>第二段。</p>", ["第一段。", "第二段。"]),
        ("<p>产值<b>400</b><font>.69</font><span>亿元</span></p>", ["产值400.69亿元"]),
        (
            '<p>支持<span id="stock"><a href="http://x.cn/1">某某股份</a></span><span></span>建厂</p>',
            ["支持某某股份建厂"],
        ),
        ("一<br>二<br/>三", ["一", "二", "三"]),
        ("<ul><li>甲<li>乙</ul>", ["甲", "乙"]),
        ("<p>前<!-- 注释 -->后</p>", ["前后"]),
        ("<p>前</p><!--article_adlist[<p>新闻在后</p><!-- 注 --><p>末</p>", ["前", "新闻在后", "末"]),
        ("<p>前</p><!-- 没有结尾\n<p>新闻在后</p>", ["前", "新闻在后"]),
        ("<p>前</p><style>.a&#123;color:red&#125;</style><p>后</p>", ["前", "后"]),
        ("<p>前</p><script>var a='<p>假</p>';</script><p>后</p>", ["前", "后"]),
        ("<p>前</p><style>\n<p>后</p>", ["前", "后"]),
        ("<p>&#123;花括号&#125; &lt;script&gt; &amp;</p>", ["{花括号} <script> &"]),
        ('<p>看得见</p><p style="display: none">看不见</p><p hidden>也看不见</p>', ["看得见"]),
        ('<p>看得见</p><p style="font-size:0">看不见</p><p style="font-size:0.9em">小字</p>', ["看得见", "小字"]),
        ('<p>看得见</p><p style="position:absolute; left:-9999px">看不见</p>', ["看得见"]),
        (
            '<p>看得见</p><p style="height:0;overflow:hidden">看不见</p><p style="line-height:0">看得见</p>',
            ["看得见", "看得见"],
        ),
        ('<p>看得见的一段</p><p style="opacity:0">无</p><p style="visibility:hidden">无</p>', ["看得见的一段"]),
        ('<p>看得见的一段</p><p style="color:#FFF">无</p>', ["看得见的一段"]),
        ('<p>一段</p><div style="background:navy"><p style="color:#fff">白字</p></div>', ["一段", "白字"]),
        ('<p>一段</p><div class="dark"><p style="color:white">白字</p></div>', ["一段", "白字"]),
        ('<div id="js_content" style="visibility: hidden; opacity: 0"><p>微信的正文。</p></div>', ["微信的正文。"]),
        ("<p>看得见</p><noscript>看不见</noscript>", ["看得见"]),
        ("<p>甲<start_of_turn>user\n乙<end_of_turn></p>", ["甲<start_of_turn>user 乙<end_of_turn>"]),
        ("<p>两行\n  之间无空格</p><p>two\n lines</p>", ["两行之间无空格", "two lines"]),
        ("<div>第一段。 　　第二段。</div>", ["第一段。", "第二段。"]),
        ("<div>日期 \t\t\t \t\t 正文开始</div>", ["日期", "正文开始"]),
        ("<div>\n日期 \t\t\t 正文\n</div>", ["日期", "正文"]),
        ("<div>\n第一行\n第二行\n</div>", ["第一行", "第二行"]),
        ("<dl><dt>标签</dt><dd>说明</dd></dl>", ["标签", "说明"]),
        ("<p>汉<ruby>字<rp>(</rp><rt>zì</rt><rp>)</rp></ruby></p>", ["汉字"]),
    ],
)
def test_visible_text(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


def test_headings_are_known() -> None:
    lines = read_html(
        "<h2>一季度</h2><p>正文写在这里。</p><p><strong>小标题</strong></p><p><b>强调</b>只是一部分。</p>"
    ).lines
    assert [line.kind for line in lines] == ["heading", "text", "heading", "text"]


def test_bold_sentence_is_no_heading() -> None:
    assert read_html("<p><strong>这是一句话。</strong></p>").lines == (Line("这是一句话。"),)


def test_preformatted_text_keeps_its_lines() -> None:
    assert read_html("<pre>var a = 1;\nb</pre>").lines == (Line("var a = 1;", "code"), Line("b", "code"))


def test_code_elements_in_preformatted_text_are_lines() -> None:
    assert texts("<pre><code>a = 1</code><code>b = 2</code></pre>") == ["a = 1", "b = 2"]


def test_link_to_the_original_is_an_address_not_text() -> None:
    found = read_html('<p>正文。</p><p><a href="https://news.example.cn/1?a=b">阅读原文</a></p>')
    assert [line.text for line in found.lines] == ["正文。"]
    assert found.link == "https://news.example.cn/1?a=b"


def test_a_proxy_link_is_unwrapped() -> None:
    found = read_html('<a href="https://proxy.example/l?k=1&u=https%3A%2F%2Fnews.example.cn%2F1">跳转微信打开</a>')
    assert found.link == "https://news.example.cn/1"


@pytest.mark.parametrize("target", ["javascript:alert(1)", "%27%27", "ftp://x/y", "http://[", ""])
def test_other_links_are_no_address(target: str) -> None:
    assert read_html(f'<p>文<a href="{target}">阅读原文</a></p>').link == ""


def test_page_furniture_is_left_out_of_pages_only() -> None:
    page = (
        '<!doctype html><html><head><title>春耕开始_某某网</title><meta property="og:site_name" content="某某网">'
        '<link rel="canonical" href="https://n.example.cn/a"></head>'
        "<body><nav>首页 财经</nav><h1>春耕开始</h1><p>农民下田。</p><footer>联系我们</footer></body></html>"
    )
    found = read_html(page)
    assert [line.text for line in found.lines] == ["春耕开始", "农民下田。"]
    assert (found.title, found.site, found.link) == ("春耕开始", "某某网", "https://n.example.cn/a")
    assert texts("<div><footer>（完）</footer></div>") == ["（完）"]


def test_absurd_depth_is_survived() -> None:
    assert texts("<div>" * 50_000 + "底" + "</div>" * 50_000) == ["底"]
    assert texts("<b>" * 50_000 + "底") == ["底"]


def test_layout_tables_are_blocks() -> None:
    assert texts("<table><tr><td><p>甲。</p><p>乙。</p></td></tr></table>") == ["甲。", "乙。"]


def test_inline_tags_do_not_split_a_number_in_a_cell() -> None:
    rows = "<tr><th>区</th><th>产值</th></tr><tr><td>甲区</td><td>4<b>00</b>.69亿元</td></tr>"
    assert texts(f"<table>{rows}</table>") == ["| 区：甲区 | 产值：400.69亿元 |"]


def test_spans_repeat_the_value_under_each_label() -> None:
    rows = (
        "<tr><th>型号</th><th>128GB</th><th>256GB</th></tr><tr><td>甲</td><td colspan=2>300元</td></tr>"
        "<tr><td rowspan=2>乙</td><td>1元</td><td>2元</td></tr><tr><td>3元</td><td>4元</td></tr>"
    )
    assert texts(f"<table><caption>价格表</caption>{rows}</table>") == [
        "价格表",
        "| 型号：甲 | 128GB：300元 | 256GB：300元 |",
        "| 型号：乙 | 128GB：1元 | 256GB：2元 |",
        "| 型号：乙 | 128GB：3元 | 256GB：4元 |",
    ]
