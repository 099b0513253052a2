"""A pipeline without models: known answers over two made-up articles, in real time, chosen by words of the question."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rag.errors import ChatModelError
from rag.filters import Facets, Filters
from rag.records import (
    Answer,
    Article,
    Chunk,
    Citation,
    Event,
    Hit,
    Mode,
    Provenance,
    Retrieved,
    Statement,
    Token,
    Turn,
)
from rag.ui import UiStatus

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>[1] $$x$$ {{value}} ${value} **b** __i18n__{"a":1}'

HARBOUR = Article(
    id="a1b2c3d4e5f60718",
    title="临江港一季度吞吐量公布",
    text=(
        "临江港集团4月8日公布一季度经营数据。\n"
        "一季度，临江港完成货物吞吐量3,126.5万吨，同比增长6.8%；其中集装箱吞吐量41.2万标箱，同比增长9.1%。"
        "港口方面表示，增长主要来自新开通的三条近洋航线。\n"
        "| 指标 | 数值 | 同比 |\n| 货物吞吐量 | 3,126.5万吨 | 6.8% |\n"
        "二季度，临江港将继续推进智慧码头改造，预计6月底前完成两座泊位的自动化升级。\n"
        + "".join(
            f"第{n}段背景：港区沿江而建，岸线长度与货种结构历年变化不大，腹地经济是主要的货源。\n" for n in range(1, 30)
        )
    ),
    source="临江日报",
    category=("经济", "港口"),
    url="https://news.example.com/port/q1.html",
    published_at=datetime(2025, 4, 7, 17, 30, tzinfo=UTC),
)
PLANS = Article(
    id="0f1e2d3c4b5a6978",
    title="临江市发布港口三年规划",
    text=(
        "记者从市发改委获悉，港口三年规划已经印发。\n"
        "规划提出，到2027年，临江港货物吞吐量达到1.5亿吨。"
        "此前的征求意见稿曾提出1.4亿吨的目标。\n"
        "规划还要求新建两条疏港铁路。"
    ),
    source="江城晚报",
    published_at=datetime(2025, 1, 20, 2, 0, tzinfo=UTC),
)
TRAP = Article(
    id="6666666666666666",
    title=HOSTILE,
    text=f"第一段没有什么。\n这一句是要引用的：{HOSTILE}。\n最后一段。\x00\u202e",
    source="<b>来源</b>",
    url="javascript:alert(3)",
)
REPRINT = replace(HARBOUR, id="00000000deadbeef", title="临江港一季度经营数据（转载）", source="江城晚报", url="")
DEEP = replace(HARBOUR, id="dee9dee9dee9dee9", text="开头一段。\n" * 400 + HARBOUR.text)
MANY = Article("0123456789abcdef", "三百项", "".join(f"第{n}项在此。\n" for n in range(300)), source="清单")
MODEL = "qwen2.5-coder-1.5b-instruct"


def cite(number: int, article: Article, quote: str) -> Citation:
    """A citation of a sentence that really is in the article."""
    start = article.text.index(quote)
    return Citation(number, article, start, start + len(quote), quote)


def hit(article: Article, rank: int, start: int = 0, end: int = 60) -> Hit:
    """A retrieved passage of an article."""
    end = min(end, len(article.text))
    also = (REPRINT,) if article is HARBOUR else ()
    return Hit(Chunk(rank, article.id, start, end, article.text[start:end]), article, 1 / rank, rank, also=also)


GROWTH = cite(
    1, HARBOUR, "一季度，临江港完成货物吞吐量3,126.5万吨，同比增长6.8%；其中集装箱吞吐量41.2万标箱，同比增长9.1%。"
)
ROUTES = cite(2, HARBOUR, "港口方面表示，增长主要来自新开通的三条近洋航线。")
TARGET = cite(1, PLANS, "规划提出，到2027年，临江港货物吞吐量达到1.5亿吨。")
DRAFT_TARGET = cite(2, PLANS, "此前的征求意见稿曾提出1.4亿吨的目标。")

THROUGHPUT_STATEMENTS = (
    Statement("2025年一季度，临江港完成货物吞吐量3,126.5万吨，同比增长6.8%。", (GROWTH,), "supported"),
    Statement("增长主要来自三条新航线和内贸煤炭。", (ROUTES,), "partial", "原文只提到三条近洋航线，没有提到内贸煤炭。"),
    Statement("港口因此成为全省第一大港。", (), "unsupported", "资料中没有这一说法。"),
)
TARGET_STATEMENTS = (
    Statement(
        "规划提出，到2027年货物吞吐量达到1.5亿吨。",
        (TARGET, DRAFT_TARGET),
        "conflicting",
        "征求意见稿的目标是1.4亿吨。",
    ),
)
DEEP_STATEMENTS = (Statement(ROUTES.quote, (cite(1, DEEP, ROUTES.quote),), "supported"),)
MANY_STATEMENTS = tuple(
    Statement(quote, (cite(number, MANY, quote),), "supported") for number, quote in enumerate(MANY.text.split(), 1)
)


class FakeBackend:
    """Answers by what the question contains: 三百 (a list of them), 目标, 深 (a sentence far down in its article), 火星 (refusal), 攻击 (hostile), 那 at the beginning (a follow-up), 昨天 (of one day, unless filters say otherwise), 你好 (small talk), 失败, 崩溃, 缓 (slowly), 慢 (slowly and at length).

    Attributes:
        asked: every question with the history that came with it.
        closed: the questions whose stream was closed before its end.
        articles: the library, by id; a test can lose or change one.
        current: what `status` returns.
        filters: the filters of every question.
        modes: the mode of every question.
    """

    def __init__(self, pace: float = 0.05) -> None:
        self.pace = pace
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []
        self.closed: list[str] = []
        self.filters: list[Filters | None] = []
        self.modes: list[Mode] = []
        self.articles = {article.id: article for article in (HARBOUR, PLANS, TRAP, REPRINT, DEEP, MANY)}
        self.current = UiStatus("临江新闻", 1_286, MODEL, "downloading", 0.43)
        self._lock = threading.Lock()

    def facets(self) -> Facets:
        """Two sources, and a category with one below it."""
        return Facets({"临江日报": 3, "港口周刊": 1}, {"金融": 3, "金融/港口": 1}, None, None)

    def article(self, article_id: str) -> Article | None:
        """One of the made-up articles that has not been lost."""
        return self.articles.get(article_id)

    def status(self) -> UiStatus:
        """The status set by the test."""
        return self.current

    def events(
        self,
        question: str,
        history: Sequence[Turn],
        filters: Filters | None = None,
        mode: Mode = "auto",
        client: str = "",
    ) -> Iterator[Event]:
        """One known answer, streamed at `pace` seconds a piece."""
        with self._lock:
            self.asked.append((question, tuple(history)))
            self.filters.append(filters)
            self.modes.append(mode)
        of_yesterday = filters is None and "昨天" in question
        try:
            follows = bool(history) and question.startswith("那")
            for event in self._events(question, f"临江港{question[1:]}" if follows else question):
                yield replace(event, scope="2025-04-08") if isinstance(event, Answer) and of_yesterday else event
        except GeneratorExit:
            with self._lock:
                self.closed.append(question)
            raise

    def _events(self, question: str, standalone: str) -> Iterator[Event]:
        if question == "你好":
            made = Provenance("zh-small", "", "abc123", "临江新闻", "0.1.0")
            yield Answer(question, question, (), (), False, f"你好！{HOSTILE}", {}, made)
            return
        if "失败" in question:
            raise ChatModelError(f"大模型没有回答：{HOSTILE}", "请检查 YOUJU_API_KEY", kind="auth")
        hits = (hit(HARBOUR, 1), hit(PLANS, 2), hit(TRAP, 3, 8, 40))
        time.sleep(1.0 if "慢" in question else self.pace * 4)
        if "火星" in question:
            yield Retrieved(hits)
            yield self._answer(question, (), hits, standalone=standalone, reason="资料中没有关于火星的内容。")
            return
        statements = THROUGHPUT_STATEMENTS
        notice = ""
        if "目标" in question:
            statements = TARGET_STATEMENTS
        if "三百" in question:
            statements = MANY_STATEMENTS
        if "深" in question:
            statements = DEEP_STATEMENTS
        if "攻击" in question:
            trap = cite(1, TRAP, f"这一句是要引用的：{HOSTILE}。")
            statements = (Statement(f"{HOSTILE}\n第二行", (trap,), "supported", HOSTILE),)
            notice = HOSTILE
        yield Retrieved(hits)
        pace = 0.2 if "慢" in question else 0.15 if "缓" in question else self.pace
        text = "".join(statement.text for statement in statements[:9]) * (8 if "慢" in question else 1)
        for piece in (text[at : at + 3] for at in range(0, len(text), 3)):
            time.sleep(pace)
            yield Token(piece)
        if "崩溃" in question:
            raise RuntimeError(f"内部细节 {HOSTILE}")
        if "抽取" in question:
            notice = "大模型没有按时回答，以下是直接摘录的原文。"
        llm = "" if "抽取" in question else MODEL
        yield self._answer(question, statements, hits, standalone=standalone, notice=notice, llm=llm)

    def _answer(
        self,
        question: str,
        statements: tuple[Statement, ...],
        hits: tuple[Hit, ...],
        *,
        standalone: str,
        reason: str = "",
        notice: str = "",
        llm: str = MODEL,
    ) -> Answer:
        return Answer(
            question=question,
            standalone_question=standalone,
            statements=statements,
            hits=hits,
            refused=bool(reason),
            reason=reason,
            timings={"retrieve": 0.05, "verify": 0.1, "total": 1.2},
            provenance=Provenance("zh-small", llm, "answer@abc123", "临江新闻@7", "0.1.0", notice),
        )
