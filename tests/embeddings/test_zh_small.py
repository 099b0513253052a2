"""The built-in model: its files, its vectors, and that sentence-transformers gets nearly the same from the same folder."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embeddings import Embedder, EmbeddingError, load_embedder
from embeddings.catalogue import READER_FILES, ZH_SMALL, ZH_SMALL_FILES
from embeddings.embedder import Matrix
from embeddings.zh_small import FOLDER, ZhSmall

CARD = (FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")
MODEL_FILES = sorted(
    path.relative_to(FOLDER).as_posix()
    for path in FOLDER.rglob("*")
    if path.is_file() and path.name not in ("MODEL_CARD.md", "READER_CARD.md", *READER_FILES)
)

TEXTS = [
    "今年前三季度，全市小麦总产量达到四百二十万吨，比去年同期增长6.3%。",
    "会议由市长主持。",
    "ＡＢＣ　全角１２３，“引号”——破折号……",
    "The committee met on Tuesday; GDP grew 5.2% year on year, 北京时间20:30。",
    "臺灣與香港的經濟體系，龍門陣。𠮷野家 ゆっくり Ωμέγα Привет 😀 ㎡",
    "很长的文章。" * 300,
    "一",
]


def cosines(first: Matrix, second: Matrix) -> Matrix:
    return np.asarray((first * second).sum(axis=1), dtype=np.float32)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("zh-small", threads=1)


@pytest.mark.parametrize("name", MODEL_FILES)
def test_the_card_gives_the_checksum_of_every_file(name: str) -> None:
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
    assert f"`{name}` | {(FOLDER / name).stat().st_size:,} | `{digest}`" in CARD


def test_the_catalogue_knows_the_files_that_decide_the_vectors() -> None:
    found = {
        name: ((FOLDER / name).stat().st_size, hashlib.sha256((FOLDER / name).read_bytes()).hexdigest())
        for name in ("model.safetensors", "model.onnx", "tokenizer.json")
    }
    assert found == ZH_SMALL_FILES


def test_it_fits_the_repository() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 70_000_000
    own = sum((FOLDER / name).stat().st_size for name in MODEL_FILES)
    assert round(own / 1e6) == ZH_SMALL.megabytes


def test_the_folder_states_the_prefixes_of_the_catalogue() -> None:
    prompts = json.loads((FOLDER / "config_sentence_transformers.json").read_text(encoding="utf-8"))["prompts"]
    assert (prompts["query"], prompts["document"]) == (ZH_SMALL.query_prefix, ZH_SMALL.passage_prefix)


@pytest.mark.model
class TestVectors:
    def test_prefixes_are_single_words_to_the_model(self, embedder: Embedder) -> None:
        """The uncut tokenizer's pieces of "query:" and "passage:"; the model was trained to see these."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
        assert tokenizer.encode("query: 天气").tokens == ["<s>", "▁que", "ry", ":", "▁", "天气", "</s>"]
        assert tokenizer.encode("passage: 天气").tokens == ["<s>", "▁passage", ":", "▁", "天气", "</s>"]

    def test_max_tokens_leaves_room_for_the_prefix(self, embedder: Embedder) -> None:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
        longest = "麦" * 5000
        while embedder.count_tokens([longest])[0] > embedder.max_tokens:
            longest = longest[: len(longest) * 9 // 10]
        padded = longest + "麦" * (embedder.max_tokens - embedder.count_tokens([longest])[0])
        assert embedder.count_tokens([padded]) == [embedder.max_tokens]
        assert len(tokenizer.encode(ZH_SMALL.passage_prefix + padded)) == ZH_SMALL.max_tokens

    def test_sentence_transformers_gives_the_same_vectors(self, embedder: Embedder) -> None:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(FOLDER), device="cpu", local_files_only=True)
        passages = model.encode(TEXTS, prompt_name="document", show_progress_bar=False)
        assert cosines(embedder.encode_passages(TEXTS), passages).min() >= 0.998
        queries = model.encode_query(TEXTS, show_progress_bar=False)
        assert cosines(embedder.encode_queries(TEXTS), queries).min() >= 0.998

    def test_the_way_over_a_graphics_card_gives_the_same_vectors(self, embedder: Embedder) -> None:
        from embeddings.sentence_transformer import SentenceTransformerEmbedder

        other = SentenceTransformerEmbedder("zh-small", FOLDER, device="cpu", threads=1)
        assert (other.dim, other.max_tokens) == (embedder.dim, embedder.max_tokens)
        assert other.count_tokens(TEXTS) == embedder.count_tokens(TEXTS)
        assert cosines(embedder.encode_passages(TEXTS), other.encode_passages(TEXTS)).min() >= 0.998

    def test_threads_change_nothing(self, embedder: Embedder) -> None:
        np.testing.assert_array_equal(embedder.encode_passages(TEXTS), ZhSmall(threads=3).encode_passages(TEXTS))

    def test_a_paraphrase_is_nearer_than_another_subject(self, embedder: Embedder) -> None:
        query = embedder.encode_queries(["今年粮食收成怎么样？"])[0]
        passages = ["全市小麦总产量比去年增长百分之六。", "该球员将缺席下一场比赛。", "新的地铁线路下月开通。"]
        scores = embedder.encode_passages(passages) @ query
        assert scores.argmax() == 0, dict(zip(passages, scores.tolist(), strict=True))
        assert scores[0] > scores[1:].max() + 0.02

    def test_traditional_script_is_close_to_simplified(self, embedder: Embedder) -> None:
        simplified, traditional, other = embedder.encode_passages(
            [
                "台湾与香港的经济发展报告显示，出口总额继续增长。",
                "臺灣與香港的經濟發展報告顯示，出口總額繼續增長。",
                "医生建议感冒患者多喝水、多休息，按时服药。",
            ]
        )
        assert simplified @ traditional > 0.95
        assert simplified @ traditional > simplified @ other + 0.1

    def test_rare_and_traditional_characters_are_known(self) -> None:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
        for text in ("臺灣體製龍鳳龜鬱龢", "囍喆堃淼犇鑫", "100㎡、25℃、№5、①②③", "Ωμέγα Привет ゆっくり ㄅㄆㄇ"):
            encoding = tokenizer.encode(text)
            assert tokenizer.token_to_id("<unk>") not in encoding.ids, list(
                zip(encoding.tokens, encoding.ids, strict=True)
            )


class TestDamage:
    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        return Path(shutil.copytree(FOLDER, tmp_path / "model"))

    @pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "tokenizer.json"])
    def test_a_missing_file_is_named(self, copy: Path, name: str) -> None:
        (copy / name).unlink()
        with pytest.raises(EmbeddingError, match=f"{name} 不存在.*重新安装"):
            ZhSmall(folder=copy).encode_queries(["天气"])

    def test_a_shortened_file_is_named(self, copy: Path) -> None:
        weights = copy / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(EmbeddingError, match=r"model\.safetensors 大小是 1000 字节"):
            ZhSmall(folder=copy).encode_queries(["天气"])

    def test_a_garbled_graph_is_an_error_of_the_model(self, copy: Path) -> None:
        graph = copy / "model.onnx"
        graph.write_bytes(b"\xff" * graph.stat().st_size)
        with pytest.raises(EmbeddingError, match="读不出来"):
            ZhSmall(folder=copy).encode_queries(["天气"])


@pytest.mark.model
def test_the_first_question_is_answered_within_two_seconds_of_work(fresh_python: Callable[[str], str]) -> None:
    code = (
        "import time; from embeddings import load_embedder\n"
        "load_embedder('zh-small', threads=1).encode_queries(['去年小麦产量是多少？']); print(time.process_time())"
    )
    best = min(float(fresh_python(code)) for _ in range(3))
    assert best <= 2.0, (
        f"{best:.2f} s of processor time"
    )  # 0.6 on a recent core; a fifth of it rounds the weights to 8 bits
