"""Each prefix to the letter: a wrong one raises no error, it only finds the wrong passages."""

import pytest

from embeddings import CATALOGUE, find_entry

PREFIXES = {
    "zh-small": ("query: ", "passage: "),
    "BAAI/bge-small-zh-v1.5": ("为这个句子生成表示以用于检索相关文章：", ""),
    "BAAI/bge-large-zh-v1.5": ("为这个句子生成表示以用于检索相关文章：", ""),
    "BAAI/bge-m3": ("", ""),
    "Qwen/Qwen3-Embedding-0.6B": (
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
        "",
    ),
    "intfloat/multilingual-e5-small": ("query: ", "passage: "),
    "intfloat/multilingual-e5-large": ("query: ", "passage: "),
    "google/embeddinggemma-300m": ("task: search result | query: ", "title: none | text: "),
}

FACTS = {
    "zh-small": (384, 512, "MIT"),
    "BAAI/bge-small-zh-v1.5": (512, 512, "MIT"),
    "BAAI/bge-large-zh-v1.5": (1024, 512, "MIT"),
    "BAAI/bge-m3": (1024, 8192, "MIT"),
    "Qwen/Qwen3-Embedding-0.6B": (1024, 32768, "Apache-2.0"),
    "intfloat/multilingual-e5-small": (384, 512, "MIT"),
    "intfloat/multilingual-e5-large": (1024, 512, "MIT"),
    "google/embeddinggemma-300m": (768, 2048, "Gemma"),
}


def test_prefixes() -> None:
    assert {entry.name: (entry.query_prefix, entry.passage_prefix) for entry in CATALOGUE} == PREFIXES


def test_dimension_limit_and_licence() -> None:
    assert {entry.name: (entry.dim, entry.max_tokens, entry.licence) for entry in CATALOGUE} == FACTS
    assert all(0 < entry.megabytes < 3000 for entry in CATALOGUE)


@pytest.mark.parametrize(
    "name", ["BAAI/bge-m3", "bge-m3", "/data/models/BAAI--bge-m3", "C:\\models\\BAAI--bge-m3", "models/BGE-M3/"]
)
def test_a_copied_folder_is_known_by_its_name(name: str) -> None:
    entry = find_entry(name)
    assert entry is not None
    assert entry.name == "BAAI/bge-m3"


@pytest.mark.parametrize("name", ["", "/", "someone/bge-m3-finetuned", "e5"])
def test_others_are_not_known(name: str) -> None:
    assert find_entry(name) is None
