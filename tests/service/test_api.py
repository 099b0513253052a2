"""The service's own routes: answers as events and as JSON, search, articles, errors for people, and what keeps it running."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from rag.library import Library
from rag.service.shown import AnswerShown, ArticleShown, ArticlesShown, SearchShown
from tests.chats import QUESTION, scripted
from tests.service.conftest import SECRET_PLACE
from tests.service.live_service import LiveService, server_sent

STREAM = {"accept": "text/event-stream"}
DRAFT = "2020年，武昌区金融产业增加值达400.69亿元。该区还获得了诺贝尔奖。"


def ask(live: LiveService, **body: Any) -> dict[str, Any]:
    response = live.client.post("/api/ask", json={"question": QUESTION, **body})
    assert response.status_code == 200, response.text
    return dict(response.json())


def problem(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] in ("invalid_request_error", "not_found_error", "unavailable_error", "server_error")
    return str(error["message"])


def test_an_answer_as_json_is_what_the_docs_promise(live: LiveService, shelf: Library) -> None:
    answer = AnswerShown.model_validate(ask(live))
    assert "400.69亿元" in answer.text
    citation = answer.statements[0].citations[0]
    article = shelf.article(citation.article_id)
    assert article is not None
    assert article.text[citation.start : citation.end] == citation.quote


def test_an_answer_as_events(live: LiveService, shelf: Library) -> None:
    shelf.use_chat_model(scripted(DRAFT))
    try:
        with live.client.stream("POST", "/api/ask", json={"question": QUESTION}, headers=STREAM) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            events = server_sent(response)
    finally:
        shelf.use_chat_model(None)
    names = [name for name, _ in events]
    assert names == ["retrieved", *["token"] * (len(names) - 2), "answer"]
    assert "".join(json.loads(data)["text"] for name, data in events if name == "token") == DRAFT
    retrieved, answer = json.loads(events[0][1]), AnswerShown.model_validate(json.loads(events[-1][1]))
    assert retrieved["hits"][0]["title"] == "武汉产业集群规划出炉"
    assert answer.text == "2020年，武昌区金融产业增加值达400.69亿元。[1]"
    assert [statement.support for statement in answer.statements] == ["supported", "unsupported"]


def test_the_mode_of_a_question(live: LiveService, shelf: Library) -> None:
    chat = scripted(DRAFT)
    shelf.use_chat_model(chat)
    try:
        assert ask(live, mode="extractive")["provenance"]["llm"] == ""
        assert chat.model.asked == []  # type: ignore[attr-defined]
        assert ask(live)["provenance"]["llm"] == "scripted"
    finally:
        shelf.use_chat_model(None)


def test_history_and_filters(live: LiveService) -> None:
    history = [{"question": QUESTION, "answer": "400.69亿元"}]
    followed = ask(live, question="同比增长多少？", history=history)
    assert followed["standalone_question"] == "武昌区2020年的金融产业增加值同比增长多少？"
    assert "6.3%" in followed["text"]
    elsewhere = ask(live, filters={"sources": ["没有这家报纸"]})
    assert elsewhere["refused"]
    assert "没有文章符合筛选条件" in elsewhere["text"]
    assert ask(live, filters={"after": "2021", "before": "2021-07", "sources": ["青石日报"]})["scope"]


def test_small_talk_has_no_other_event(live: LiveService) -> None:
    with live.client.stream("POST", "/api/ask", json={"question": "你好"}, headers=STREAM) as response:
        assert [name for name, _ in server_sent(response)] == ["answer"]


def test_search(live: LiveService) -> None:
    found = SearchShown.model_validate(live.client.get("/api/search", params={"q": QUESTION, "k": 2}).json())
    assert found.hits[0].title == "武汉产业集群规划出炉"
    assert len(found.hits) == 2
    chosen = live.client.get(
        "/api/search", params={"q": QUESTION, "source": ["青石日报", "别的"], "after": "2021-07"}
    ).json()
    assert {hit["source"] for hit in chosen["hits"]} == {"青石日报"}
    assert chosen["scope"] == "2021-07-01 至，来源 青石日报、别的"


def test_articles(live: LiveService, shelf: Library) -> None:
    listed = ArticlesShown.model_validate(live.client.get("/api/articles", params={"size": 2}).json())
    assert (listed.total, listed.pages, len(listed.articles)) == (3, 2, 2)
    found = live.client.get("/api/articles", params={"q": "產業 规划", "sort": "title", "descending": False}).json()
    assert [row["title"] for row in found["articles"]] == ["武汉产业集群规划出炉"], "in either script"
    article = ArticleShown.model_validate(live.client.get(f"/api/articles/{found['articles'][0]['id']}").json())
    stored = shelf.article(article.id)
    assert stored is not None
    assert article.text == stored.text


def test_where_files_lie_on_the_server_is_not_told(live: LiveService) -> None:
    question = {"question": "临江港完成吞吐量多少？"}
    told = [
        live.client.post("/api/ask", json=question).text,
        live.client.get("/api/search", params={"q": question["question"]}).text,
        live.client.get("/api/articles").text,
        live.client.post(
            "/v1/chat/completions",
            json={"model": "youju", "messages": [{"role": "user", "content": question["question"]}]},
        ).text,
    ]
    assert all("<script>alert(1)</script>" in text for text in told), "as JSON it is data"
    assert not any(SECRET_PLACE in text for text in told)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "请求的内容不是合格的 JSON"),
        (b"[]", "请求的内容应当是 JSON 对象"),
        (b"{}", "参数 question 没有给出"),
        (b'{"question": "  "}', "参数 question 不能为空"),
        (b'{"question": 7}', "参数 question 应当是文字"),
        (json.dumps({"question": "问" * 2001}).encode(), "参数 question 太长，最多 2000 字"),
        (b'{"question": "a", "mode": "llm"}', "参数 mode 只能是 'auto' 或 'extractive'"),
        (b'{"question": "a", "colour": 1}', "没有参数 colour"),
        (json.dumps({"question": "a", "filters": {"after": "昨天"}}).encode(), "看不懂日期：昨天。请写成 2022-05-01、2022-05 或 2022。"),
        (json.dumps({"question": "a", "history": [{"question": "b", "answer": "c", "d": 1}]}).encode(), "没有参数 history.0.d"),
        (json.dumps({"question": "a", "filters": {"sources": ["x"] * 101}}).encode(), "参数 filters.sources 太多，最多 100 项"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_request_is_said_in_chinese(live: LiveService, body: bytes, said: str) -> None:
    response = live.client.post("/api/ask", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert problem(response) == said


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/ask", r'{"question": "\ud800武昌区"}'),
        ("/api/ask", r'{"question": "\u0000\u202e武昌区"}'),
        ("/api/ask", r'{"question": "武昌区", "history": [{"question": "\udfff", "answer": "\ud800"}]}'),
        (
            "/api/ask",
            r'{"question": "武昌区", "filters": {"sources": ["\ud800"], "categories": ["\u0000"], "after": "0001"}}',
        ),
        ("/api/ask", r'{"question": "武昌区", "\ud800": 1}'),
        ("/api/ask", '{"question": ' + "[" * 5000 + "]" * 5000 + "}"),
        ("/api/ask", r'{"question": 1e999}'),
        ("/v1/chat/completions", r'{"model": "\ud800", "messages": [{"role": "user", "content": "a"}]}'),
        ("/v1/chat/completions", r'{"model": "youju", "messages": [{"role": "user", "content": "\ud800"}]}'),
        ("/v1/chat/completions", r'{"model": "youju", "n": 123456789012345678901234567890, "messages": []}'),
    ],
)
def test_hostile_bodies_are_answered_in_good_order(live: LiveService, path: str, body: str) -> None:
    response = live.client.post(path, content=body.encode(), headers={"content-type": "application/json"})
    assert response.status_code in (200, 400, 404), response.text
    response.json()


@pytest.mark.parametrize(
    "address",
    [
        "/api/search?q=%00%ff%fe", "/api/search?q=%ed%a0%80", "/api/articles?q=%00%25_", "/api/articles?after=9999-12-31&before=0001",
        "/api/articles/%ed%a0%80", "/api/articles/..%2f..%2fetc%2fpasswd", "/api/articles?page=999999999999999999999999",
        "/api/articles?page=1000000&size=200", "/api/articles?category=%00&source=%ed%a0%80",
    ],
)  # fmt: skip
def test_hostile_addresses_too(live: LiveService, address: str) -> None:
    response = live.client.get(address)
    assert response.status_code in (200, 400, 404), response.text
    response.json()


def test_addresses_that_are_not_there(live: LiveService) -> None:
    for method, path in (("GET", "/api/nothing"), ("DELETE", "/v1/models"), ("POST", "/api/articles")):
        response = live.client.request(method, path)
        assert response.status_code == 404
        assert problem(response) == "没有这个地址，全部地址见 /docs"
    assert problem(live.client.get("/api/articles/ffff")) == "没有这篇文章：ffff"


def test_what_was_not_meant_to_happen_is_logged_and_not_shown(
    live: LiveService, shelf: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("内部细节")

    monkeypatch.setattr(shelf, "events", broken)
    response = live.client.post("/api/ask", json={"question": QUESTION})
    assert response.status_code == 500
    assert problem(response) == "程序出了意外的错误。详情写在启动有据的那个窗口里。"
    with live.client.stream("POST", "/api/ask", json={"question": QUESTION}, headers=STREAM) as stream:
        assert [name for name, _ in server_sent(stream)] == ["error"]
    assert "内部细节" in caplog.text


def test_metrics_count_by_route_and_mode_and_know_no_question(live: LiveService) -> None:
    ask(live, question="秘密问题是什么？", mode="extractive")
    live.client.get("/api/articles/秘密编号")
    live.client.request("秘密".encode().hex(), "/api/articles")
    text = live.client.get("/metrics").text
    assert re.search(r'youju_answers_total\{mode="extractive",outcome="refused"\} [1-9]', text)
    assert 'youju_requests_total{method="GET",route="/api/articles/{article_id}",status="404"}' in text
    assert 'youju_answer_seconds_bucket{by="extract",le="1.5",mode="auto"}' in text
    assert "youju_articles 3.0" in text
    assert "youju_llm_waiting 0.0" in text
    assert "秘密" not in text
    assert "秘密".encode().hex() not in text


def test_ready_only_when_a_question_need_not_wait(
    live: LiveService, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live.client.get("/healthz").json() == {"status": "ok"}
    assert live.client.get("/readyz").json() == {"status": "ok", "articles": 3, "chunks": shelf.counts()[1]}
    monkeypatch.setattr(shelf, "_warm", False)
    response = live.client.get("/readyz")
    assert (response.status_code, response.json()["reason"]) == (503, "模型还没有载入")


def test_the_docs_name_every_route_and_nothing_from_outside(live: LiveService) -> None:
    schema = live.client.get("/openapi.json").json()
    page = live.client.get("/docs").text
    assert len(schema["paths"]) == 10
    for path in schema["paths"]:
        assert f"<code>{path}</code>" in page
    assert "{rest" not in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert "必须给出" in page
    assert "Successful" not in page
    assert "422" not in page
