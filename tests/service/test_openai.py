"""The official `openai` client against a real server over the sample articles: it streams, reads citations, and gets its errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from rag.library import Library
from rag.settings import Settings
from tests.chats import QUESTION, scripted
from tests.service.live_service import LiveService

SAMPLES = Path(__file__).parents[2] / "eval" / "data" / "articles" / "金融"
ASKED = "武昌区2020年金融产业增加值是多少？"


def client_of(live: LiveService) -> openai.OpenAI:
    import httpx

    return openai.OpenAI(
        base_url=f"{live.url}/v1", api_key="not needed", max_retries=0, http_client=httpx.Client(trust_env=False)
    )


@pytest.fixture(scope="module")
def client(live: LiveService) -> Iterator[openai.OpenAI]:
    with client_of(live) as client:
        yield client


def streamed(client: openai.OpenAI, **request: Any) -> tuple[str, list[dict[str, Any]], list[Any]]:
    """The text that the deltas make, the annotations in them, and all chunks."""
    chunks = list(client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **request))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    annotations = [each for delta in deltas for each in getattr(delta, "annotations", None) or []]
    return "".join(delta.content or "" for delta in deltas), annotations, chunks


def user(*said: str) -> list[dict[str, str]]:
    """A conversation that begins and ends with the user."""
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(said)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    place = tmp_path_factory.mktemp("samples")
    settings = Settings(
        library=place / "library",
        models=place / "models",
        llm="none",
        threads=1,
        embedder="zh-small",
        reader="zh-reader",
    )
    with Library(settings) as library:
        library.add([SAMPLES / "有据样稿"])
        with LiveService(library) as live:
            yield live


@pytest.mark.model
def test_the_openai_client_streams_an_answer_and_reads_its_citations(samples: LiveService) -> None:
    with client_of(samples) as client:
        request: dict[str, Any] = {"model": "youju-extractive", "messages": user(ASKED)}
        text, annotations, chunks = streamed(client, **request)
        assert "400.69亿元" in text
        assert annotations
        for annotation in annotations:
            place, own = annotation["url_citation"], annotation["youju"]
            assert text[place["start_index"] : place["end_index"]] == f"[{own['number']}]"
            article = samples.client.get(own["article_url"]).json()
            assert article["text"][own["start"] : own["end"]] == own["quote"]
            assert text[own["statement_start"] : own["statement_end"]] == own["quote"], "an extract is the quote"
            assert (place["title"], own["support"]) == (article["title"], "supported")
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert chunks[-1].usage.completion_tokens > 10
        whole = client.chat.completions.create(**request)
        assert whole.choices[0].message.content == text
        assert [each.to_dict() for each in whole.choices[0].message.annotations or []] == annotations
        assert whole.usage == chunks[-1].usage
        assert samples.client.post("/api/ask", json={"question": ASKED, "mode": "extractive"}).json()["text"] == text


@pytest.mark.model
def test_follow_ups_come_from_the_messages(samples: LiveService) -> None:
    with client_of(samples) as client:
        messages = [{"role": "system", "content": "你是海盗。"}, *user(ASKED, "400.69亿元[1]", "同比增长多少？")]
        completion = client.chat.completions.create(model="youju", messages=messages)  # type: ignore[arg-type]
        assert "6.3%" in (completion.choices[0].message.content or "")
        assert completion.youju["standalone_question"] == "武昌区2020年金融产业增加值同比增长多少？"  # type: ignore[attr-defined]


def test_an_llm_s_draft_is_not_streamed_only_what_was_checked(
    client: openai.OpenAI, live: LiveService, shelf: Library
) -> None:
    shelf.use_chat_model(scripted("2020年，武昌区金融产业增加值达400.69亿元。该区还获得了诺贝尔奖。"))
    try:
        text, annotations, chunks = streamed(client, model="youju", messages=user(QUESTION))
    finally:
        shelf.use_chat_model(None)
    assert text == "2020年，武昌区金融产业增加值达400.69亿元。[1]"
    assert len(annotations) == 1
    assert not any("诺贝尔" in chunk.to_json() for chunk in chunks)


def test_what_the_user_must_know_comes_first(client: openai.OpenAI, shelf: Library) -> None:
    shelf.use_chat_model(scripted("武昌区2020年", fails_after=3))
    try:
        text, annotations, _ = streamed(client, model="youju", messages=user(QUESTION))
    finally:
        shelf.use_chat_model(None)
    assert text.startswith("（大模型没有答完（大模型出错（ConnectionError）：gone），以下是原文摘录。）\n\n2020年，")
    for annotation in annotations:
        place = annotation["url_citation"]
        assert text[place["start_index"] : place["end_index"]] == f"[{annotation['youju']['number']}]"


def test_a_refusal_and_small_talk(client: openai.OpenAI) -> None:
    text, annotations, chunks = streamed(client, model="youju-extractive", messages=user("火星上有几座港口？"))
    assert (text, annotations) == ("资料中没有相关信息。", [])
    assert chunks[-2].youju["refused"]
    completion = client.chat.completions.create(model="youju-extractive", messages=user("你好"))  # type: ignore[arg-type]
    assert str(completion.choices[0].message.content).startswith("你好！我是有据。")


def test_content_in_parts_and_parameters_that_do_nothing(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": QUESTION[:9]}, {"type": "text", "text": QUESTION[9:]}]
    completion = client.chat.completions.create(
        model="youju-extractive",
        messages=[{"role": "user", "content": parts}],  # type: ignore[misc, list-item]
        temperature=0.7,
        max_tokens=3,
        seed=1,
        user="某人",
    )
    assert "400.69亿元" in str(completion.choices[0].message.content)


def test_our_own_filters_through_the_client(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="youju-extractive",
        messages=user(QUESTION),  # type: ignore[arg-type]
        extra_body={"filters": {"sources": ["没有这家报纸"]}},
    )
    assert "没有文章符合筛选条件" in str(completion.choices[0].message.content)


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["youju", "youju-extractive"]
    assert client.models.retrieve("youju").owned_by == "youju"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-4o")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"messages": [{"role": "assistant", "content": "好"}]}, "最后一条消息应当是用户的问题"),
        ({"messages": [{"role": "system", "content": "好"}]}, "最后一条消息应当是用户的问题"),
        ({"messages": []}, "参数 messages 太少，至少 1 项"),
        ({"messages": user("问" * 2001)}, "问题太长，最多 2000 字"),
        ({"n": 2}, "参数 n 不能大于 1"),
        ({"response_format": {"type": "json_object"}}, "参数 response_format 只能是 text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
            "只接受文字，不接受图片、声音和文件",
        ),
    ],
)
def test_errors_are_openai_s(client: openai.OpenAI, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**({"model": "youju", "messages": user(QUESTION)} | request_))
    assert caught.value.body is not None
    assert caught.value.body["message"] == said  # type: ignore[index]
    assert caught.value.type == "invalid_request_error"


def test_a_failure_in_the_middle_of_a_stream_reaches_the_client(
    client: openai.OpenAI, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("内部细节")

    monkeypatch.setattr(shelf, "events", broken)
    with pytest.raises(openai.APIError, match="程序出了意外的错误") as caught:
        streamed(client, model="youju", messages=user(QUESTION))
    assert "内部细节" not in str(caught.value.body)
