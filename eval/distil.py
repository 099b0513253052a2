"""Trains a faster passage encoder: some layers of zh-small, so that zh-small's own question vectors find the same passages.

Questions are short and one at a time, passages are many: only these need speed. So the teacher's vectors of questions stay as they
are, and the student learns, for a handful of neighbouring passages at once, to be as near to each question as the teacher's passage
is (Kullback-Leibler divergence of the two distributions over the passages) and to lie where the teacher's does (squared distance).
Written with torch alone; a graph for onnxruntime needs the package onnx.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embeddings.catalogue import ZH_SMALL
from embeddings.zh_small import FOLDER, ZhSmall
from rag.errors import LibraryError
from rag.ingest import passage_text
from rag.records import Article
from rag.sentences import split_sentences
from rag.store import Store, open_store
from rag.words import search_form

if TYPE_CHECKING:
    import torch

_LONGEST = 256
"""Tokens of a passage that are read; chunks have 128 and a title."""
_PASSAGES = 64
_QUESTIONS = 192
_AT_ONCE = 16
_NEIGHBOURS = 24
_TEMPERATURE = 0.015
_DISTANCE, _DIVERGENCE = 10.0, 5.0
_RATE, _WARM_UP = 4e-4, 0.02

OnStep = Callable[[float, float, float], None]
"""Told of progress: minutes gone, mean squared distance, divergence (both running means)."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is learned from, by article: passages with the teacher's vectors, and the teacher's vectors of questions.

    Attributes:
        passages: texts as they are embedded.
        vectors: the teacher's, shape (passages, dim); questions: shape (questions, dim).
        of_article: for each article the rows of its passages and of its questions.
    """

    passages: list[str]
    vectors: NDArray[np.float32]
    questions: NDArray[np.float32]
    of_article: list[tuple[list[int], list[int]]]


def gather_material(library: Path, seed: int = 0, on_step: Callable[[int, int], None] | None = None) -> Material:
    """The passages of a library made by zh-small with their vectors; as questions each title, and one sentence of each passage.

    Raises:
        LibraryError: the library was made by another embedder.
    """
    store = open_store(library)
    try:
        if store.meta().get("embedder") != ZH_SMALL.name:
            raise LibraryError(f"{library} 不是用 {ZH_SMALL.name} 建的知识库", "请换一个知识库")
        return _material(store, random.Random(seed), on_step)  # noqa: S311 - a draw that can be repeated
    finally:
        store.close()


def _material(store: Store, draw: random.Random, on_step: Callable[[int, int], None] | None) -> Material:
    passages: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    asked: list[str] = []
    of_article: list[tuple[list[int], list[int]]] = []
    for article in store.articles():
        chunks = store.chunks_of(article.id)
        rows = list(range(len(passages), len(passages) + len(chunks)))
        passages += [passage_text(article.title, chunk.text) for chunk, _ in chunks]
        vectors += [vector for _, vector in chunks]
        own = list(_questions(article, [chunk.text for chunk, _ in chunks], draw))
        of_article.append((rows, list(range(len(asked), len(asked) + len(own)))))
        asked += own
    teacher = ZhSmall()
    blocks = []
    for start in range(0, len(asked), 1024):
        blocks.append(teacher.encode_queries(asked[start : start + 1024]))
        if on_step:
            on_step(min(start + 1024, len(asked)), len(asked))
    return Material(passages, np.stack(vectors), np.concatenate(blocks), [rows for rows in of_article if rows[0]])


def _questions(article: Article, texts: Sequence[str], draw: random.Random) -> list[str]:
    found = [article.title] if article.title else []
    for text in texts:
        sentences = [text[s.start : s.end].strip() for s in split_sentences(text)]
        short = [sentence for sentence in sentences if 8 <= len(sentence) <= 60]
        found += draw.sample(short, min(1, len(short)))
    return [search_form(question) for question in found]


def distil(
    material: Material,
    layers: Sequence[int],
    out: Path,
    *,
    minutes: float,
    threads: int = 1,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> None:
    """Train and write a model folder in the form of sentence-transformers, and its graph where onnx is installed.

    Args:
        layers: of zh-small's twelve, numbered from 0; the student starts with them.
        out: folder to write; it must not exist.
        minutes: how long to train.
        threads: for torch.
    """
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    student = _student(layers)
    _train(student, material, random.Random(seed), minutes, on_step)  # noqa: S311 - a draw that can be repeated
    _write(student, len(layers), out)


def _student(layers: Sequence[int]) -> torch.nn.Module:
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig.from_pretrained(FOLDER)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    teacher = BertModel.from_pretrained(FOLDER, config=config, dtype=torch.float32, add_pooling_layer=False)
    config.num_hidden_layers = len(layers)
    student = BertModel(config, add_pooling_layer=False)
    weights = teacher.state_dict()
    for name in list(weights):
        if name.startswith("encoder.layer."):
            weights.pop(name)
    for own, source in enumerate(layers):
        for name, tensor in teacher.encoder.layer[source].state_dict().items():
            weights[f"encoder.layer.{own}.{name}"] = tensor
    student.load_state_dict(weights)
    for parameter in student.embeddings.parameters():
        parameter.requires_grad = False
    return student


def _train(
    student: torch.nn.Module, material: Material, draw: random.Random, minutes: float, on_step: OnStep | None
) -> None:
    import torch
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokens = [
        encoding.ids[:_LONGEST]
        for encoding in tokenizer.encode_batch_fast([ZH_SMALL.passage_prefix + text for text in material.passages])
    ]
    neighbours = _neighbours(material)
    vectors = torch.from_numpy(material.vectors)
    questions = torch.from_numpy(material.questions)
    optimizer = torch.optim.AdamW([p for p in student.parameters() if p.requires_grad], lr=_RATE, betas=(0.9, 0.98))
    started = time.monotonic()
    running: tuple[float, float] | None = None
    student.train()
    while (share := (time.monotonic() - started) / 60 / minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, share / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * share)) + 1e-6
        rows, asked = _batch(material, neighbours, draw)
        rows.sort(key=lambda row: len(tokens[row]))
        made = torch.cat([_encode(student, [tokens[row] for row in part]) for part in _parts(rows)])
        wanted = vectors[rows]
        probes = torch.cat([questions[asked], wanted])
        distance = ((made - wanted) ** 2).sum(1).mean()
        divergence = torch.nn.functional.kl_div(
            (probes @ made.T / _TEMPERATURE).log_softmax(1), (probes @ wanted.T / _TEMPERATURE).log_softmax(1),
            log_target=True, reduction="none",
        ).sum(1).mean()  # fmt: skip
        optimizer.zero_grad()
        (_DISTANCE * distance + _DIVERGENCE * divergence).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        now = distance.item(), divergence.item()
        running = now if running is None else (0.98 * running[0] + 0.02 * now[0], 0.98 * running[1] + 0.02 * now[1])
        if on_step:
            on_step((time.monotonic() - started) / 60, *running)


def _parts(rows: Sequence[int]) -> list[Sequence[int]]:
    return [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]


def _encode(student: torch.nn.Module, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
    import torch

    length = max(map(len, tokens))
    ids = torch.ones((len(tokens), length), dtype=torch.long)
    mask = torch.zeros((len(tokens), length), dtype=torch.long)
    for row, own in enumerate(tokens):
        ids[row, : len(own)] = torch.tensor(own)
        mask[row, : len(own)] = 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        state = student(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    mean = (state * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(mean, dim=1)


def _neighbours(material: Material) -> NDArray[np.int64]:
    """For each article those whose passages lie nearest on the whole, itself first; shape (articles, up to 25)."""
    centres = np.stack([material.vectors[rows].mean(0) for rows, _ in material.of_article])
    centres -= centres.mean(0)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True) + 1e-9
    few = min(_NEIGHBOURS + 1, len(centres))
    nearest = []
    for start in range(0, len(centres), 1000):
        cosines = centres[start : start + 1000] @ centres.T
        nearest.append(np.argsort(-cosines, axis=1)[:, :few])
    return np.concatenate(nearest)


def _batch(material: Material, neighbours: NDArray[np.int64], draw: random.Random) -> tuple[list[int], list[int]]:
    """Passages of a few articles that are hard to tell apart, and questions about them."""
    rows: list[int] = []
    asked: list[int] = []
    for _ in range(_PASSAGES):
        first = draw.randrange(len(neighbours))
        others = list(neighbours[first][1:])
        for article in [first, *draw.sample(others, min(4, len(others)))]:
            passages, questions = material.of_article[article]
            rows += draw.sample(passages, min(3, len(passages)))
            asked += questions
        if len(rows) >= _PASSAGES:
            break
    rows = list(dict.fromkeys(rows))[:_PASSAGES]
    return rows, draw.sample(asked, min(len(asked), _QUESTIONS))


def _write(student: Any, layers: int, out: Path) -> None:
    import torch
    from safetensors.torch import save_file

    shutil.copytree(FOLDER, out, ignore=shutil.ignore_patterns("model.*", "MODEL_CARD.md"))
    weights = {name: tensor.contiguous() for name, tensor in student.state_dict().items()}
    for name, tensor in weights.items():  # as in zh-small: the large matrices in half precision
        if tensor.dim() == 2 and "position" not in name and "token_type" not in name:
            weights[name] = tensor.to(torch.float16)
    save_file(weights, str(out / "model.safetensors"), metadata={"format": "pt"})
    config = json.loads((out / "config.json").read_text(encoding="utf-8")) | {"num_hidden_layers": layers}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    try:
        from embeddings.onnx_graph import write_graph

        write_graph(out, layers=layers, heads=config["num_attention_heads"], epsilon=config["layer_norm_eps"])
    except ImportError:
        pass  # sentence-transformers reads the folder all the same
