"""A door that answers from a script: what the run makes of answers can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rag.records import Answer, Article, Chunk, Citation, Event, Hit, Provenance, Retrieved, Statement, Token, Turn

TEXT = "青石区去年金融业增加值为12.5亿元，同比增长6.3%。另有新闻。"
ARTICLE = Article("a" * 16, "青石区年度数据", TEXT, source="青石日报", path="d1")
OTHER = Article("b" * 16, "别处<script>alert(1)</script>", "别处的新闻说了别的事。", path="d2")
PROVENANCE = Provenance("hashing", "", "answer@1", "library@1", "0.1.0", "没有配置大模型")


def hit(article: Article, rank: int) -> Hit:
    return Hit(Chunk(rank, article.id, 0, len(article.text), article.text), article, 1 / rank, rank)


def answer(question: str, quote: str = "", *, said: str = "", provenance: Provenance = PROVENANCE) -> Answer:
    """An answer of one statement that cites `quote`; a refusal without one."""
    hits = (hit(OTHER, 1), hit(ARTICLE, 2))
    if not quote:
        return Answer(question, question, (), hits, True, "资料中没有相关信息。", {"total": 0.01}, provenance)
    start = TEXT.index(quote)
    citation = Citation(1, ARTICLE, start, start + len(quote), quote)
    statement = Statement(said or quote, (citation,), "supported")
    return Answer(question, question, (statement,), hits, False, "", {"total": 0.01}, provenance)


class ScriptedDoor:
    """Answers each question from `script`; an exception in it is raised, an unknown question is refused."""

    def __init__(self, script: Mapping[str, Answer | BaseException]) -> None:
        self.script = script
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []

    def events(self, question: str, history: Sequence[Turn] = ()) -> Iterator[Event]:
        self.asked.append((question, tuple(history)))
        scripted = self.script.get(question) or answer(question)
        if isinstance(scripted, BaseException):
            raise scripted
        yield Retrieved(scripted.hits, question)
        if scripted.provenance.llm:
            yield Token("草")
            yield Token("稿")
        yield scripted
