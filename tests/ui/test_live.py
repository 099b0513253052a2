"""The page over a real library: extractive at once, the LLM when it is there, the reason when it is not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from embeddings import HashingEmbedder
from rag.library import Library
from rag.records import Answer
from rag.settings import Settings
from rag.ui.live import LiveBackend
from tests.conftest import make_article
from tests.tiny_models import make_gguf, make_qwen_folder

ARTICLE = make_article(
    "武汉产业集群", "武昌区介绍，金融业是重要支柱产业。2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。"
)
QUESTION = "武昌区2020年金融产业增加值是多少？"


def opened(settings: Settings, llm: str) -> tuple[Library, LiveBackend]:
    library = Library(settings.model_copy(update={"llm": llm}), HashingEmbedder())
    library.add_articles([ARTICLE])
    return library, LiveBackend(library)


def answer(backend: LiveBackend) -> Answer:
    last = list(backend.events(QUESTION, ()))[-1]
    assert isinstance(last, Answer)
    return last


def wait_for(backend: LiveBackend, *phases: str) -> None:
    for _ in range(1200):
        if backend.status().phase in phases:
            return
        time.sleep(0.1)
    raise AssertionError(f"still {backend.status()}")


def test_without_an_llm_it_is_extractive_and_says_so(settings: Settings) -> None:
    library, backend = opened(settings, "none")
    with library:
        backend.prepare()
        assert (backend.status().phase, backend.status().articles) == ("extractive", 1)
        assert "400.69亿元" in answer(backend).text


def test_an_llm_that_cannot_be_loaded_is_named_and_answers_stay_extractive(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "坏.gguf").write_bytes(b"GGUF but not really")
    library, backend = opened(settings, str(tmp_path / "坏.gguf"))
    with library:
        backend.prepare()
        wait_for(backend, "failed")
        assert backend.status().detail
        result = answer(backend)
        assert "400.69亿元" in result.text
        assert "大模型用不了" in result.provenance.notice


@pytest.mark.model
def test_it_switches_over_when_the_llm_is_there(settings: Settings, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="pip install 'youju[llama]'")
    gguf = make_gguf(make_qwen_folder(tmp_path / "hf"), tmp_path / "tiny.gguf")
    library, backend = opened(settings, str(gguf))
    with library:
        backend.prepare()
        first = answer(backend)  # whether the model is there by now or not, there is an answer
        assert first.provenance.llm or "400.69亿元" in first.text
        wait_for(backend, "ready")
        assert backend.status().model
        result = answer(backend)
        # A random model talks nonsense: none of it is carried by the article, so none of it is shown as fact.
        assert result.refused or all(s.support == "unsupported" or s.citations for s in result.statements)
        assert result.provenance.llm or result.provenance.notice


def test_the_mode_decides_question_by_question_whether_the_llm_is_asked(settings: Settings) -> None:
    library, backend = opened(settings, "none")
    with library:
        library.use_chat_model(None, "大模型还在准备")
        *_, asked = backend.events(QUESTION, ())
        *_, extracted = backend.events(QUESTION, (), None, "extractive")
        assert isinstance(asked, Answer)
        assert isinstance(extracted, Answer)
        assert asked.text == extracted.text
        assert (asked.provenance.notice, extracted.provenance.notice) == ("大模型还在准备，以下是原文摘录。", "")


@pytest.mark.model
def test_another_llm_takes_over_without_a_restart(settings: Settings, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="pip install 'youju[llama]'")
    first = make_gguf(make_qwen_folder(tmp_path / "hf"), tmp_path / "first.gguf")
    second = tmp_path / "second.gguf"
    second.write_bytes(first.read_bytes())
    library, backend = opened(settings, str(first))
    with library:
        backend.prepare()
        wait_for(backend, "ready")
        before = library.chat_model()[0]
        assert before is not None
        assert before.count_tokens("金融业") > 0

        stream = backend.events(QUESTION, ())  # an answer that is being written while the other one is asked for
        next(stream)
        backend.use(str(second))
        assert backend.status().phase != "ready"
        assert isinstance(list(stream)[-1], Answer)
        wait_for(backend, "ready")
        after = library.chat_model()[0]
        assert after is not None
        assert (before.name, after.name, backend.status().model) == ("first", "second", "second")
        with pytest.raises(Exception, match=r"关|clos"):  # its memory was given back
            before.count_tokens("金融业")

        backend.use(str(tmp_path / "没有.gguf"))
        wait_for(backend, "failed")
        assert "没有这个模型" in backend.status().detail
        backend.use("none")
        wait_for(backend, "extractive")
        assert answer(backend).provenance.llm == ""
        assert "400.69亿元" in answer(backend).text
