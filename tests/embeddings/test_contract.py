"""What every embedder promises, run over the shipped fake, the built-in model and a sentence-transformers folder."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from embeddings import Embedder, HashingEmbedder, load_embedder
from tests.embeddings.tiny import make_tiny_model

TEXTS = ["今年小麦产量增长。", "天气晴。", "市政府会议在三月二日召开，" * 3, "", "天气晴。"]


class EmbedderContract:
    """Subclasses give the fixture `embedder`."""

    def test_passages_are_unit_rows_in_order(self, embedder: Embedder) -> None:
        matrix = embedder.encode_passages(TEXTS[:3])
        assert matrix.shape == (3, embedder.dim)
        assert matrix.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1.0, atol=1e-5)
        for text, row in zip(TEXTS, matrix, strict=False):
            np.testing.assert_allclose(embedder.encode_passages([text])[0], row, atol=1e-5)

    def test_the_company_of_other_texts_changes_nothing(self, embedder: Embedder) -> None:
        alone = embedder.encode_passages([TEXTS[1]])[0]
        among = embedder.encode_passages([TEXTS[2]] * 40 + [TEXTS[1]] + [TEXTS[0]] * 30)[40]
        np.testing.assert_allclose(alone, among, atol=1e-5)

    def test_equal_texts_get_equal_vectors(self, embedder: Embedder) -> None:
        matrix = embedder.encode_passages(TEXTS)
        np.testing.assert_allclose(matrix[1], matrix[4], atol=1e-6)

    def test_nothing_gives_an_empty_matrix(self, embedder: Embedder) -> None:
        assert embedder.encode_passages([]).shape == (0, embedder.dim)
        assert embedder.encode_queries([]).shape == (0, embedder.dim)
        assert embedder.count_tokens([]) == []

    def test_progress_adds_up(self, embedder: Embedder) -> None:
        steps: list[int] = []
        embedder.encode_passages(["天气晴。"] * 70, steps.append)
        assert sum(steps) == 70

    def test_tokens_are_counted_for_each_text(self, embedder: Embedder) -> None:
        counts = embedder.count_tokens(["", "天气", "天气晴。" * 50])
        assert counts[0] == 0
        assert 0 < counts[1] < counts[2]
        assert counts[2] > 60, "a text beyond the limit is counted whole"

    def test_a_text_beyond_the_limit_is_cut_not_refused(self, embedder: Embedder) -> None:
        assert np.isfinite(embedder.encode_passages(["天气晴，" * 2000])).all()

    def test_langchain_names_give_the_same_vectors(self, embedder: Embedder) -> None:
        np.testing.assert_allclose(embedder.embed_documents(TEXTS[:2]), embedder.encode_passages(TEXTS[:2]), atol=1e-6)
        np.testing.assert_allclose(embedder.embed_query(TEXTS[0]), embedder.encode_queries(TEXTS[:1])[0], atol=1e-6)

    def test_says_what_an_index_must_know(self, embedder: Embedder) -> None:
        assert embedder.name
        assert embedder.max_tokens > 0
        assert len(embedder.fingerprint) == 16
        assert int(embedder.fingerprint, 16) >= 0

    def test_several_threads_get_the_right_vectors(self, embedder: Embedder) -> None:
        texts = [f"三月{day}日，天气晴。" for day in "一二三四五六七八九十"]
        expected = embedder.encode_queries(texts)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda text: embedder.encode_queries([text])[0], texts * 3))
        np.testing.assert_allclose(found, np.tile(expected, (3, 1)), atol=1e-5)


class TestHashing(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashingEmbedder()

    def test_another_seed_is_another_model(self) -> None:
        assert HashingEmbedder(seed=1).fingerprint != HashingEmbedder().fingerprint


@pytest.fixture(scope="module")
def zh_small() -> Embedder:
    return load_embedder("zh-small", threads=1)


@pytest.mark.model
class TestZhSmall(EmbedderContract):
    @pytest.fixture
    def embedder(self, zh_small: Embedder) -> Embedder:
        return zh_small


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", prompts={"query": "问：", "document": "答："})
    return load_embedder(str(folder), threads=1)


@pytest.mark.model
class TestFolder(EmbedderContract):
    @pytest.fixture
    def embedder(self, tiny: Embedder) -> Embedder:
        return tiny


def test_the_door() -> None:
    import embeddings

    assert set(embeddings.__all__) == {
        "CATALOGUE",
        "Embedder",
        "EmbedderEntry",
        "EmbeddingError",
        "HashingEmbedder",
        "find_entry",
        "load_embedder",
        "PassageReader",
        "Reranker",
        "load_reranker",
    }
    assert all(hasattr(embeddings, name) for name in embeddings.__all__)


@pytest.mark.parametrize(
    "statement", ["import embeddings", "from embeddings import load_embedder; load_embedder('zh-small')"]
)
def test_the_door_opens_without_the_heavy_libraries(statement: str, fresh_python: Callable[[str], str]) -> None:
    heavy = "{'torch', 'transformers', 'sentence_transformers', 'onnxruntime', 'tokenizers'}"
    assert fresh_python(f"import sys; {statement}; print(sorted({heavy} & set(sys.modules)))") == "[]"


@pytest.mark.model
def test_a_question_needs_neither_torch_nor_sentence_transformers(fresh_python: Callable[[str], str]) -> None:
    code = (
        "import sys; from embeddings import load_embedder\n"
        "load_embedder('zh-small', threads=1).encode_queries(['小麦产量'])\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    assert fresh_python(code) == "[]"


def test_tiny_model_seed_decides_its_weights(tmp_path: Path) -> None:
    first, again, other = (
        (make_tiny_model(tmp_path / name, seed=seed) / "model.safetensors").read_bytes()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again
    assert first != other
