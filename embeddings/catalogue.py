"""Known embedding models and what must be said to them: a wrong prefix raises no error, it only finds the wrong passages.

Prefixes are exact, down to the last space. Sources: the model cards of intfloat/multilingual-e5-* ("Each input text should start with
query: or passage:"), of BAAI/bge-*-zh-v1.5 (an instruction for short questions, none for passages) and bge-m3 (none), and the prompts in
config_sentence_transformers.json of Qwen/Qwen3-Embedding-0.6B and google/embeddinggemma-300m.
"""

from __future__ import annotations

from dataclasses import dataclass

_E5_QUERY, _E5_PASSAGE = "query: ", "passage: "
_BGE_ZH_QUERY = "为这个句子生成表示以用于检索相关文章："
_QWEN_QUERY = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
_GEMMA_QUERY, _GEMMA_PASSAGE = "task: search result | query: ", "title: none | text: "


@dataclass(frozen=True, slots=True)
class EmbedderEntry:
    """What is known of an embedding model before it is loaded.

    Attributes:
        name: "zh-small", or owner/name on the hub.
        query_prefix: put before every question.
        passage_prefix: put before every passage.
        dim: length of the vectors.
        max_tokens: the model's limit, prefix and special tokens included.
        licence: SPDX identifier where there is one.
        megabytes: size of the download in units of 10^6 bytes, rounded.
    """

    name: str
    query_prefix: str
    passage_prefix: str
    dim: int
    max_tokens: int
    licence: str
    megabytes: int


CATALOGUE: tuple[EmbedderEntry, ...] = (
    EmbedderEntry("zh-small", _E5_QUERY, _E5_PASSAGE, 384, 512, "MIT", 68),
    EmbedderEntry("BAAI/bge-small-zh-v1.5", _BGE_ZH_QUERY, "", 512, 512, "MIT", 96),
    EmbedderEntry("BAAI/bge-large-zh-v1.5", _BGE_ZH_QUERY, "", 1024, 512, "MIT", 1300),
    EmbedderEntry("BAAI/bge-m3", "", "", 1024, 8192, "MIT", 2270),
    EmbedderEntry("Qwen/Qwen3-Embedding-0.6B", _QWEN_QUERY, "", 1024, 32768, "Apache-2.0", 1190),
    EmbedderEntry("intfloat/multilingual-e5-small", _E5_QUERY, _E5_PASSAGE, 384, 512, "MIT", 471),
    EmbedderEntry("intfloat/multilingual-e5-large", _E5_QUERY, _E5_PASSAGE, 1024, 512, "MIT", 2240),
    EmbedderEntry("google/embeddinggemma-300m", _GEMMA_QUERY, _GEMMA_PASSAGE, 768, 2048, "Gemma", 1210),
)
"""The built-in model first."""

ZH_SMALL = CATALOGUE[0]

ZH_SMALL_FILES: dict[str, tuple[int, str]] = {
    "model.safetensors": (
        66_857_504,
        "cd6fa3d934c9eb95933a040a13c1e930e882f28eba895e0ece914388d3c86a14",
    ),
    "model.onnx": (
        71_344,
        "cb4db366729414130ade828673396e045528778efda51c39c5f83e05ba3d7c0e",
    ),
    "tokenizer.json": (
        1_212_585,
        "e7dee39dac56441fbbc543af643c3b7d4e1fc929177086d0cd358cf77b9b42b9",
    ),
}
"""Of each file that decides the built-in model's vectors: bytes and sha256."""

READER_FILES: dict[str, tuple[int, str]] = {
    "reader.safetensors": (1_598_932, "8c7fb76add1ec81496adc81da60fc450a8cd7471a175e49ad1426abecb1a465a"),
    "reader.onnx": (102_514, "7c1e55b1bf3ccd1f5974d42456ba9ec30abc1567b6a074183b1fdf2b7a426d31"),
}
"""The same for what zh-reader has beside them."""


def find_entry(name: str) -> EmbedderEntry | None:
    """The entry of a model, by its name or by that of a folder it was copied to.

    "BAAI/bge-m3", "/models/BAAI--bge-m3" and "bge-m3" are the same model; None for one that is not in the catalogue.
    """
    last = name.replace("\\", "/").rstrip("/").split("/")[-1].split("--")[-1].casefold()
    return next((entry for entry in CATALOGUE if entry.name.split("/")[-1].casefold() == last), None)
