"""Any sentence-transformers model as an embedder: where it is found, what is said to it, how it is told from others."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings import EmbeddingError, load_embedder
from embeddings.embedder import check_matrix
from embeddings.sentence_transformer import SentenceTransformerEmbedder, locate
from tests.embeddings.tiny import DIM, LENGTH, make_tiny_model

PROMPTS = {"query": "问：", "document": "答："}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that names no prompts."""
    return make_tiny_model(tmp_path_factory.mktemp("plain") / "tiny")


@pytest.fixture
def copy(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "tiny"))


def write(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    content = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


class TestLocate:
    def test_a_folder(self, tmp_path: Path) -> None:
        assert locate(str(tmp_path)) == tmp_path

    def test_a_fetched_model(self, tmp_path: Path) -> None:
        (tmp_path / "BAAI--bge-m3").mkdir()
        assert locate("BAAI/bge-m3", tmp_path) == tmp_path / "BAAI--bge-m3"

    def test_a_model_that_is_not_here_says_how_to_get_it(self, tmp_path: Path) -> None:
        with pytest.raises(EmbeddingError, match="youju models fetch someone/no-such-model"):
            load_embedder("someone/no-such-model", models_dir=tmp_path)

    @pytest.mark.parametrize("name", ["./missing", "~/missing-folder/model", "no-such-word", "a/b/c", "../up"])
    def test_a_folder_that_is_not_here(self, name: str) -> None:
        with pytest.raises(EmbeddingError, match="找不到向量模型"):
            locate(name)

    @pytest.mark.parametrize("name", ["a b/c?d", "作者/模型"])
    def test_a_name_that_no_hub_allows(self, name: str) -> None:
        with pytest.raises(EmbeddingError):
            locate(name)


@pytest.mark.model
class TestPrefixes:
    def test_prompts_of_the_model_itself(self, tmp_path: Path) -> None:
        embedder = SentenceTransformerEmbedder("tiny", make_tiny_model(tmp_path / "tiny", prompts=PROMPTS), threads=1)
        assert (embedder.query_prefix, embedder.passage_prefix) == ("问：", "答：")
        assert embedder.max_tokens == LENGTH - 2 - 2, "[CLS], [SEP] and the two characters of the prefix"
        bare = SentenceTransformerEmbedder("tiny", make_tiny_model(tmp_path / "bare"), threads=1)
        np.testing.assert_allclose(embedder.encode_queries(["天气"]), bare.encode_passages(["问：天气"]), atol=1e-6)
        np.testing.assert_allclose(embedder.encode_passages(["天气"]), bare.encode_queries(["答：天气"]), atol=1e-6)

    def test_a_model_without_prompts_gets_none(self, plain: Path) -> None:
        embedder = SentenceTransformerEmbedder("tiny", plain, threads=1)
        assert (embedder.query_prefix, embedder.passage_prefix) == ("", "")
        assert embedder.max_tokens == LENGTH - 2

    def test_a_default_prompt_serves_both(self, copy: Path) -> None:
        write(copy, "config_sentence_transformers.json", prompts={"any": "文："}, default_prompt_name="any")
        embedder = SentenceTransformerEmbedder("tiny", copy, threads=1)
        assert (embedder.query_prefix, embedder.passage_prefix) == ("文：", "文：")

    def test_the_catalogue_comes_first(self, plain: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(plain, tmp_path / "google--embeddinggemma-300m")
        with pytest.raises(EmbeddingError, match=f"{DIM} 维，应为 768 维"):
            load_embedder("google/embeddinggemma-300m", models_dir=tmp_path, threads=1)
        with pytest.raises(EmbeddingError, match="应为 768 维"):
            load_embedder(str(folder), threads=1)

    def test_a_prefix_that_leaves_no_room(self, copy: Path) -> None:
        write(copy, "config_sentence_transformers.json", prompts={"document": "天" * LENGTH})
        with pytest.raises(EmbeddingError, match="放不下前缀"):
            SentenceTransformerEmbedder("tiny", copy, threads=1)


@pytest.mark.model
class TestFingerprint:
    def test_the_same_files_elsewhere_are_the_same_model(self, plain: Path, copy: Path) -> None:
        assert SentenceTransformerEmbedder("a", plain).fingerprint == SentenceTransformerEmbedder("b", copy).fingerprint

    @pytest.mark.parametrize("prompts", [{"query": "问："}, {"document": "问："}, {"query": "问"}])
    def test_prefixes_count(self, plain: Path, copy: Path, prompts: dict[str, str]) -> None:
        before = SentenceTransformerEmbedder("tiny", plain).fingerprint
        write(copy, "config_sentence_transformers.json", prompts=prompts)
        assert SentenceTransformerEmbedder("tiny", copy).fingerprint != before

    def test_weights_count(self, plain: Path, tmp_path: Path) -> None:
        other = make_tiny_model(tmp_path / "other", seed=1)
        assert (
            SentenceTransformerEmbedder("t", plain).fingerprint != SentenceTransformerEmbedder("t", other).fingerprint
        )

    def test_pooling_counts(self, plain: Path, copy: Path) -> None:
        before = SentenceTransformerEmbedder("tiny", plain)
        write(copy, "1_Pooling/config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
        after = SentenceTransformerEmbedder("tiny", copy)
        assert after.fingerprint != before.fingerprint
        assert not np.allclose(after.encode_passages(["天气晴"]), before.encode_passages(["天气晴"]), atol=1e-3)

    def test_length_counts(self, plain: Path, copy: Path) -> None:
        before = SentenceTransformerEmbedder("tiny", plain).fingerprint
        write(copy, "sentence_bert_config.json", max_seq_length=LENGTH - 4)
        assert SentenceTransformerEmbedder("tiny", copy).fingerprint != before

    def test_notes_beside_the_model_do_not_count(self, plain: Path, copy: Path) -> None:
        (copy / "README.md").write_text("# 说明", encoding="utf-8")
        assert SentenceTransformerEmbedder("t", plain).fingerprint == SentenceTransformerEmbedder("t", copy).fingerprint


class TestRefused:
    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(EmbeddingError, match="没有 safetensors"):
            load_embedder(str(tmp_path))

    def test_weights_in_a_pickle(self, copy: Path) -> None:
        (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
        with pytest.raises(EmbeddingError, match="没有 safetensors"):
            load_embedder(str(copy))

    @pytest.mark.model
    def test_code_that_comes_with_the_model_is_not_run(self, copy: Path) -> None:
        (copy / "evil.py").write_text(
            "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
            "from sentence_transformers.models import Normalize as Evil\n",
            encoding="utf-8",
        )
        modules = json.loads((copy / "modules.json").read_text(encoding="utf-8"))
        modules.append({"idx": 2, "name": "2", "path": "", "type": "evil.Evil"})
        (copy / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
        with pytest.raises(EmbeddingError, match="加载失败"):
            load_embedder(str(copy))
        assert not (copy / "ran").exists()

    @pytest.mark.model
    def test_damaged_weights(self, copy: Path) -> None:
        (copy / "model.safetensors").write_bytes(b"\x00" * 100)
        with pytest.raises(EmbeddingError, match="加载失败"):
            load_embedder(str(copy))

    @pytest.mark.model
    def test_weights_that_are_not_numbers(self, copy: Path) -> None:
        from safetensors.numpy import load_file, save_file

        tensors = load_file(copy / "model.safetensors")
        tensors["embeddings.LayerNorm.weight"][:] = np.nan
        save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(EmbeddingError, match="NaN"):
            load_embedder(str(copy)).encode_passages(["天气"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_check_matrix_refuses_what_is_not_finite(value: float) -> None:
    rows = np.zeros((2, 4))
    rows[1, 2] = value
    with pytest.raises(EmbeddingError, match="模型甲 给出了无效的数值"):
        check_matrix(rows, 2, 4, "模型甲")


@pytest.mark.parametrize("shape", [(2, 3), (1, 4), (4,), (2, 4, 1)])
def test_check_matrix_refuses_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(EmbeddingError, match=r"应为 \(2, 4\)"):
        check_matrix(np.zeros(shape), 2, 4, "模型甲")


def test_check_matrix_gives_float32_rows() -> None:
    matrix = check_matrix(np.ones((2, 4), dtype=np.float64).T.copy().T, 2, 4, "模型甲")
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
