"""Trains zh-reader (see `embeddings.reader`) from zh-small on what `eval.reader_examples` makes, and writes its files.

All of the encoder but the embeddings is trained, in bf16; afterwards the difference of each matrix from zh-small's is cut to a low rank
by singular values (LoRA's form, Hu et al. 2021), so that the files stay small. The loss is that of SQuAD 2.0's readers: cross-entropy on
the first and on the last token of the answer (both the first token of all where the passage has none), and on whether it is answered.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from embeddings.onnx_graph import write_reader_graph
from embeddings.zh_small import FOLDER
from eval.reader_examples import Example, Passage

_LONGEST, _QUESTION = 256, 64
_QUESTIONS, _AT_ONCE = 8, 8
_RATE, _HEAD_RATE, _WARM_UP = 7e-5, 1e-3, 0.04
_NEAR_MISSES = 0.7
"""Share of the questions that have one for which it is drawn, instead of a third passage that does not answer."""

Input: TypeAlias = tuple[list[int], int, int, int]
"""Token ids, where the passage begins, first and last token of the answer (0, 0 for none)."""

OnStep: TypeAlias = Callable[[float, float, float], None]
"""Told of progress: minutes gone, loss on spans, share of answers found exactly (running means)."""


def train(
    examples: Sequence[Example],
    out: Path,
    *,
    minutes: float,
    threads: int,
    rank: int,
    seed: int,
    on_step: OnStep,
    resume: bool = False,
) -> None:
    """Train and write `out/reader.safetensors` and `out/reader.onnx`, which belong beside zh-small's files.

    Args:
        examples: at least eight.
        out: a folder with zh-small's files.
        minutes: how long to train.
        threads: for torch.
        rank: of the differences that are kept.
        resume: begin with the reader that lies in `out`, not with zh-small.
    """
    import torch
    from tokenizers import Tokenizer
    from transformers import BertModel

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    draw = random.Random(seed)  # noqa: S311 - a draw that can be repeated
    model = BertModel.from_pretrained(FOLDER, dtype=torch.float32, add_pooling_layer=False)
    for parameter in model.embeddings.parameters():
        parameter.requires_grad = False
    head = torch.nn.Linear(model.config.hidden_size, 3)
    torch.nn.init.normal_(head.weight, std=0.02)
    torch.nn.init.zeros_(head.bias)
    if resume:
        _take_up(model, head, out)
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    encoder = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": encoder, "lr": _RATE}, {"params": list(head.parameters()), "lr": _HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    rates = [_RATE, _HEAD_RATE]
    started = time.monotonic()
    running: tuple[float, float] | None = None
    model.train()
    for batch in _batches(examples, tokenizer, draw):
        share = (time.monotonic() - started) / 60 / minutes
        if share >= 1:
            break
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, share / _WARM_UP) * (0.5 * (1 + math.cos(math.pi * share)) + 0.01)
        optimizer.zero_grad()
        loss, found, answers = 0.0, 0, 0
        for part in (batch[start : start + _AT_ONCE] for start in range(0, len(batch), _AT_ONCE)):
            spans, answered, right, wanted = _losses(model, head, part, len(batch))
            (spans + answered).backward()
            loss, found, answers = loss + float(spans.detach()), found + right, answers + wanted
        torch.nn.utils.clip_grad_norm_(encoder, 1.0)
        optimizer.step()
        now = loss, found / max(1, answers)
        running = now if running is None else (0.97 * running[0] + 0.03 * now[0], 0.97 * running[1] + 0.03 * now[1])
        on_step((time.monotonic() - started) / 60, *running)
    write(model.state_dict(), head, out, rank)


def _take_up(model: Any, head: Any, folder: Path) -> None:
    """Put the weights of the reader in a folder into the model: zh-small's with the differences added."""
    from safetensors.torch import load_file

    kept = load_file(str(folder / "reader.safetensors"))
    state = model.state_dict()
    for name, tensor in kept.items():
        if name.startswith("head."):
            getattr(head, name.removeprefix("head.")).data.copy_(tensor)
        elif name.endswith(".b"):
            weight = name[:-1] + "weight"
            state[weight] = state[weight] + tensor.float() @ kept[name[:-1] + "a"].float()
        elif not name.endswith(".a"):
            state[name] = tensor
    model.load_state_dict(state)


def _batches(examples: Sequence[Example], tokenizer: Any, draw: random.Random) -> Iterator[list[Input]]:
    """Without end: eight questions at a time, each with its answer and three passages or questions that have none, by length."""
    while True:
        order = draw.sample(range(len(examples)), len(examples))
        for start in range(0, len(order) - _QUESTIONS + 1, _QUESTIONS):
            batch = [item for i in order[start : start + _QUESTIONS] for item in _inputs(examples[i], tokenizer, draw)]
            if batch:
                yield sorted(batch, key=lambda item: len(item[0]))


def _inputs(example: Example, tokenizer: Any, draw: random.Random) -> list[Input]:
    if not example.answer:
        return _without(tokenizer, [(example.question, passage) for passage in example.others[:3]])
    right = encode(tokenizer, example.question, example.passage, example.answer)
    if right is None:
        return []
    near = example.near_miss and draw.random() < _NEAR_MISSES
    others = draw.sample(example.others, min(2 if near else 3, len(example.others)))
    wrong = [(example.question, other) for other in others]
    if near:
        wrong.append((example.near_miss, example.passage))
    return [right, *_without(tokenizer, wrong)]


def _without(tokenizer: Any, asked: Sequence[tuple[str, Passage]]) -> list[Input]:
    found = [encode(tokenizer, question, passage, "") for question, passage in asked]
    return [item for item in found if item is not None]


def encode(tokenizer: Any, question: str, passage: Passage, answer: str) -> Input | None:
    """One input as `embeddings.reader` builds it; None where the answer does not stand in what is read of the passage."""
    asked = tokenizer.encode(question, add_special_tokens=False).ids[:_QUESTION]
    head, text = passage
    whole = f"{head}\n{text}"
    encoding = tokenizer.encode(whole, add_special_tokens=False)
    first = len(asked) + 3
    room = _LONGEST - first - 1
    ids = [0, *asked, 2, 2, *encoding.ids[:room], 2]
    if not answer:
        return ids, first, 0, 0
    start = whole.find(answer, len(head) + 1)
    if start < 0:
        return None
    end = start + len(answer)
    covered = [i for i, (begin, stop) in enumerate(encoding.offsets[:room]) if begin < end and stop > start]
    return (ids, first, first + covered[0], first + covered[-1]) if covered else None


def _losses(model: Any, head: Any, part: Sequence[Input], count: int) -> tuple[Any, Any, int, int]:
    """Loss on spans and on being answered, each its share of the batch's mean; answers found exactly, and answers in all."""
    import torch

    length = max(len(ids) for ids, *_ in part)
    tokens = torch.ones((len(part), length), dtype=torch.long)
    mask = torch.zeros((len(part), length), dtype=torch.long)
    allowed = torch.zeros((len(part), length), dtype=torch.bool)
    for row, (ids, first, _, _) in enumerate(part):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = 1
        allowed[row, 0] = True
        allowed[row, first : len(ids) - 1] = True
    with torch.autocast("cpu", dtype=torch.bfloat16):
        state = model(input_ids=tokens, attention_mask=mask).last_hidden_state
    scores = head(state.float())
    starts, ends = (scores[..., i].masked_fill(~allowed, -1e4) for i in (0, 1))
    first_of = torch.tensor([item[2] for item in part])
    last_of = torch.tensor([item[3] for item in part])
    answered = (first_of > 0).float()
    cross = torch.nn.functional.cross_entropy
    spans = (cross(starts, first_of, reduction="sum") + cross(ends, last_of, reduction="sum")) / 2 / count
    whether = torch.nn.functional.binary_cross_entropy_with_logits(scores[:, 0, 2], answered, reduction="sum") / count
    exact = (starts.argmax(1) == first_of) & (ends.argmax(1) == last_of) & (first_of > 0)
    return spans, whether, int(exact.sum()), int(answered.sum())


def write(weights: dict[str, Any], head: Any, out: Path, rank: int) -> None:
    """Write the differences of an encoder from zh-small, cut to a rank, and the graph over both.

    Args:
        weights: the state of a BertModel without pooler.
        head: a linear layer with three outputs.
    """
    import torch
    from safetensors.torch import load_file, save_file

    base = load_file(str(FOLDER / "model.safetensors"))
    kept: dict[str, Any] = {}
    for name, tensor in weights.items():
        if not name.startswith("encoder."):
            continue
        if tensor.dim() != 2:
            kept[name] = tensor.float().contiguous()
            continue
        left, sizes, right = torch.linalg.svd(tensor.float() - base[name].float(), full_matrices=False)
        roots = sizes[:rank].sqrt()
        kept[name.removesuffix("weight") + "a"] = (right[:rank] * roots[:, None]).half().contiguous()
        kept[name.removesuffix("weight") + "b"] = (left[:, :rank] * roots).half().contiguous()
    kept["head.weight"] = head.weight.detach().float().contiguous()
    kept["head.bias"] = head.bias.detach().float().contiguous()
    save_file(kept, str(out / "reader.safetensors"), metadata={"format": "pt"})
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    write_reader_graph(
        out,
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        epsilon=config["layer_norm_eps"],
    )
