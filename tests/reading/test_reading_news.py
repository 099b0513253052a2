"""What is special to Chinese news pages: noise goes, credits are lifted, news stays."""

from __future__ import annotations

import pytest

from rag.reading.lines import Line
from rag.reading.news import Cleaned, clean


def cleaned(*texts: str, markup: bool = True) -> Cleaned:
    return clean([Line(text) for text in texts], markup=markup)


def kept(*texts: str, markup: bool = True) -> list[str]:
    return [line.text for line in cleaned(*texts, markup=markup).lines]


@pytest.mark.parametrize(
    "noise",
    [
        "海量资讯、精准解读，尽在新浪财经APP",
        "股民福利来了！十大金股送给你，带你掘金“黄金坑”！点击查看>>",
        "人 民 网 版 权 所 有 ，未 经 书 面 授 权 禁 止 使 用",
        "Copyright © 1997-2026 by www.people.com.cn all rights reserved",
        "视频加载中，请稍候...",
        "阅读原文",
        "查看全文>>",
        "京东无门槛红包至高 26999 元，每天抽 3 次：点此抽取。",
        "本文来自华尔街见闻，欢迎下载APP查看更多",
        "⭐点赞、转发、在看一键三连⭐",
        "长按识别下方二维码，关注我们",
        "获取更多RSS：",
        "[5 张图片]",
        "-->",
        "注：本文系新闻报道，不构成投资建议，股市有风险，投资需谨慎。",
    ],
)
def test_noise_goes(noise: str) -> None:
    assert kept("新闻第一段。", noise, "新闻第二段。") == ["新闻第一段。", "新闻第二段。"]


@pytest.mark.parametrize(
    "news",
    [
        "春节期间，网友在京东抢到的红包共计3亿元。",
        "记者在新浪财经APP上看到，海量资讯、精准解读，尽在新浪财经APP这句话已经改了。",
        "他扫描二维码以后，发现页面要求填写身份证号码，于是立刻报了警。",
        "编辑部的故事还在继续。",
        "责任编辑制度今年起在全省推广。",
        "来源于太阳的能量",
        "原标题：短片上线。这部短片由五集组成，网友说好看。",
        "分享会今天在武汉举行。",
        "阅读原文有助于理解作者的意思。",
        "该公司称，视频加载中断的问题已经解决。",
        "if (x) 是一种写法；函数 f(x) = x + 1 在课本里。",
    ],
)
def test_news_that_looks_like_noise_stays(news: str) -> None:
    assert kept("新闻第一段。", news) == ["新闻第一段。", news]


def test_credits_are_lifted() -> None:
    found = cleaned("正文。", "责任编辑：王小明 SF001", "（文章来源：某某日报）")
    assert [line.text for line in found.lines] == ["正文。"]
    assert found.metadata == {"editor": "王小明 SF001", "original_source": "某某日报"}


@pytest.mark.parametrize("line", ["编辑 | 李四", "编辑｜李四", "责编：李四", "（编辑：李四）", "【责任编辑:李四】"])
def test_forms_of_the_editor_line(line: str) -> None:
    found = cleaned("正文。", line)
    assert found.metadata == {"editor": "李四"}
    assert len(found.lines) == 1


def test_source_line_is_lifted_and_stays() -> None:
    found = cleaned("正文。", "来源：健康某省")
    assert [line.text for line in found.lines] == ["正文。", "来源：健康某省"]
    assert found.metadata == {"original_source": "健康某省"}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("（作者：张三，李四）", "张三，李四"),
        ("本报武汉7月2日电（记者王五、赵六）今天开会。", "王五、赵六"),
        ("(记者 孙七)", "孙七"),
        ("（作者为某大学教授）", None),
        ("（记者从会上获悉，产值增长6.3%）", None),
    ],
)
def test_reporters_are_lifted_and_stay(line: str, names: str | None) -> None:
    found = cleaned(line)
    assert [kept_line.text for kept_line in found.lines] == [line]
    assert found.metadata.get("reporters") == names


def test_original_title_is_lifted() -> None:
    found = cleaned("原标题：武汉“三五”规划出炉", "正文。")
    assert found.original_title == "武汉“三五”规划出炉"
    assert [line.text for line in found.lines] == ["正文。"]


def test_scripts_that_became_text_go_with_their_braces() -> None:
    assert kept(
        "新闻正文。",
        'document.write("");',
        "// var box = 1;",
        "function update(url) {",
        "if (x >= 0) {",
        "}",
        "}",
    ) == ["新闻正文。"]
    assert kept(".appendQr_wrap{border:1px solid #E6E6E6;padding:8px;}", ".b{float:left;}", "正文。") == ["正文。"]


def test_code_that_the_author_wrote_stays() -> None:
    code = "document.write('x');"
    assert kept("他写道：", code, markup=False) == ["他写道：", code]
    assert [line.text for line in clean([Line(code, "code")], markup=True).lines] == [code]


def test_glued_machine_data_is_cut_off_and_gives_the_title() -> None:
    tail = " 2026-01-27 00:00:00:03013580710http://paper.people.com.cn/a.htmlhttp://paper.people.com.cn/b.html11921 “双节”出行 /enpproperty-->"
    found = cleaned("出行人次增长16.2%。" + tail)
    assert [line.text for line in found.lines] == ["出行人次增长16.2%。"]
    assert found.titles == ("“双节”出行",)


def test_a_paragraph_twice_in_a_row_stands_once() -> None:
    assert kept("这一段写了两遍，是网页的错。", "这一段写了两遍，是网页的错。", "好。", "好。") == [
        "这一段写了两遍，是网页的错。",
        "好。",
        "好。",
    ]


def test_twice_escaped_entities_are_undone_but_never_tags() -> None:
    assert kept("研究（R&amp;D）经费 &lt;b&gt;") == ["研究（R&D）经费 &lt;b&gt;"]
