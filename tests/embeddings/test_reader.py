"""zh-reader, the real one: where the answer stands, and near misses."""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from embeddings import EmbeddingError
from embeddings.catalogue import READER_FILES
from embeddings.reader import LEAST, PassageReader, load_reader
from embeddings.zh_small import FOLDER

pytestmark = pytest.mark.model

HEAD = "望川镇茶叶 2021-07-02"
SENTENCES = ["望川镇去年茶叶产量为320.5吨,比上年增加一成。", "镇上还修了两座桥。", "镇长介绍了情况。"]


@pytest.fixture(scope="module")
def reader() -> PassageReader:
    return PassageReader(1)


def test_the_files_are_those_of_the_catalogue() -> None:
    for name, (size, digest) in READER_FILES.items():
        data = (FOLDER / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, digest), name
        assert f"`{name}` | {size:,} | `{digest}`" in (FOLDER / "READER_CARD.md").read_text(encoding="utf-8")


def test_the_sentence_with_the_answer_is_found(reader: PassageReader) -> None:
    (reading,) = reader.read("望川镇茶叶产量是多少?", [(HEAD, SENTENCES)])
    assert reading.margins[0] > 0 > max(reading.margins[1:])
    assert reading.answered > 0
    assert "320.5吨" in reading.answers[0]
    assert all(answer in sentence for answer, sentence in zip(reading.answers, SENTENCES, strict=True))


@pytest.mark.parametrize("question", ["望川镇粮食产量是多少?", "青石镇茶叶产量是多少?", "望川镇2015年茶叶产量是多少?"])
def test_near_misses_are_told(reader: PassageReader, question: str) -> None:
    (reading,) = reader.read(question, [(HEAD, SENTENCES)])
    assert max(reading.margins) < 0
    assert reading.answered < 0


def test_a_passage_is_read_by_itself(reader: PassageReader) -> None:
    passages = [(HEAD, SENTENCES), ("天气", ["青石区今天有小雨。"]), (HEAD, SENTENCES[:1])]
    together = reader.read("望川镇茶叶产量是多少?", passages)
    alone = [reader.read("望川镇茶叶产量是多少?", [passage])[0] for passage in passages]
    assert together == alone
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda p: reader.read("望川镇茶叶产量是多少?", [p])[0], passages * 4)) == alone * 4


def test_what_cannot_be_read_to_its_end(reader: PassageReader) -> None:
    (reading,) = reader.read("问" * 3000, [("", ["长" * 5000, "末句。"])])
    assert len(reading.margins) == 2
    assert reading.margins[1] == LEAST
    assert reading.answers[1] == ""
    (empty,) = reader.read("", [("", [])])
    assert empty.margins == ()
    (odd,) = reader.read("?", [("标题", ["", " ", "\n"])])
    assert len(odd.margins) == 3
    assert reader.read("望川镇茶叶产量是多少?", []) == []


def test_damaged_files_are_told(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "model"))
    (folder / "reader.safetensors").write_bytes(b"short")
    with pytest.raises(EmbeddingError, match=r"reader\.safetensors"):
        PassageReader(1, folder)


def test_it_is_loaded_once() -> None:
    assert load_reader(1) is load_reader(1)
