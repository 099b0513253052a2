"""Writes the graph of a BERT text encoder that takes its weights, by offset, from the `model.safetensors` beside it.

Used only by `embeddings.build_zh_small`; needs `onnx`. Input "ids": int64, shape (tokens,), one text with its special tokens.
Output "vector": float32, shape (hidden,), the mean over the tokens at length 1. There is no batch dimension: one text a run needs no
padding, and a text's vector cannot depend on its neighbours.

The matrices are multiplied in 8 bits. Each output's weights are rounded to -63..63 (127 would overflow the 16-bit sums of processors
without VNNI instructions); of the activations each token's row is brought to -1..1 first, as one scale for all of them would drown the
small ones (LLM.int8(), Dettmers et al. 2022, arXiv 2208.07339). onnxruntime computes the rounded weights once, when it loads the graph:
the file holds the half-precision ones only.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_WEIGHTS = "model.safetensors"
_ADAPTER = "reader.safetensors"
_MICROSOFT = "com.microsoft"  # onnxruntime's own operators: attention, and products in 8 bits
_LARGEST_WEIGHT = 63.0
_TINY = 1e-12


def write_graph(folder: Path, *, layers: int, heads: int, epsilon: float) -> None:
    """Write `folder/model.onnx` over `folder/model.safetensors` (names of Hugging Face's BertModel).

    Args:
        folder: a folder that holds the weights.
        layers: encoder layers.
        heads: attention heads.
        epsilon: of every layer norm.
    """
    graph = _Graph(folder, (_WEIGHTS,), epsilon)
    state = _encoder(graph, layers, heads)
    mean = graph.node("ReduceMean", [state, graph.integers(0)], keepdims=0)
    graph.node("LpNormalization", [mean], output="vector", axis=0, p=2)
    graph.write(folder / "model.onnx", "vector", [graph.hidden])


def write_reader_graph(folder: Path, *, layers: int, heads: int, epsilon: float) -> None:
    """Write `folder/reader.onnx` over the same weights and `folder/reader.safetensors`, which holds what differs.

    To each matrix W of the encoder comes B A (LoRA, Hu et al. 2021, arXiv 2106.09685; `<name>.b`, `<name>.a`). Output "scores":
    float32, shape (tokens, outputs of `head`): the linear layer `head` over each token.
    """
    graph = _Graph(folder, (_WEIGHTS, _ADAPTER), epsilon)
    state = _encoder(graph, layers, heads)
    matrix = graph.node("Transpose", [graph.floats("head.weight")], perm=[1, 0])
    graph.node("Add", [graph.node("MatMul", [state, matrix]), "head.bias"], output="scores")
    graph.write(folder / "reader.onnx", "scores", ["tokens", graph.rows_of("head.weight")])


def _encoder(graph: _Graph, layers: int, heads: int) -> str:
    """The state of each token after the last layer, shape (tokens, hidden), from the input "ids"."""
    words = graph.node("Gather", ["embeddings.word_embeddings.weight", "ids"])
    length = graph.node("Shape", ["ids"])
    positions = graph.node(
        "Slice", ["embeddings.position_embeddings.weight", graph.integers(0), length, graph.integers(0)]
    )
    types = graph.node(
        "Slice", ["embeddings.token_type_embeddings.weight", graph.integers(0), graph.integers(1), graph.integers(0)]
    )
    state = graph.node("Add", [graph.floats(words), positions])
    state = graph.norm(graph.node("Add", [state, types]), "embeddings.LayerNorm")
    for layer in range(layers):
        prefix = f"encoder.layer.{layer}"
        rows = graph.rows(state)
        projected = [graph.dense(rows, f"{prefix}.attention.self.{name}") for name in ("query", "key", "value")]
        batched = [graph.node("Unsqueeze", [value, graph.integers(0)]) for value in projected]
        attended = graph.node("MultiHeadAttention", batched, domain=_MICROSOFT, num_heads=heads)
        rows = graph.rows(graph.node("Squeeze", [attended, graph.integers(0)]))
        attended = graph.dense(rows, f"{prefix}.attention.output.dense")
        state = graph.norm(graph.node("Add", [attended, state]), f"{prefix}.attention.output.LayerNorm")
        inner = graph.node("Gelu", [graph.dense(graph.rows(state), f"{prefix}.intermediate.dense")])
        outer = graph.dense(graph.rows(inner), f"{prefix}.output.dense")
        state = graph.norm(graph.node("Add", [outer, state]), f"{prefix}.output.LayerNorm")
    return state


class _Graph:
    """Collects nodes, naming their outputs by number, and the weights that they mention."""

    def __init__(self, folder: Path, files: Sequence[str], epsilon: float) -> None:
        self._entries: dict[str, Any] = {}
        for name in files:
            with (folder / name).open("rb") as file:
                (size,) = struct.unpack("<Q", file.read(8))
                found: dict[str, Any] = json.loads(file.read(size))
            found.pop("__metadata__", None)
            self._entries |= {key: entry | {"file": name, "start": 8 + size} for key, entry in found.items()}
        self._epsilon = epsilon
        self.hidden = int(self._entries["embeddings.word_embeddings.weight"]["shape"][1])
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}

    def node(self, operator: str, inputs: list[str], output: str = "", domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        for name in inputs:
            if name in self._entries and name not in self.initializers:
                self.initializers[name] = self._external(name)
        output = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def rows(self, state: str) -> tuple[str, str]:
        """The state with each row's largest value at 1, and those values; shapes (tokens, width) and (tokens, 1)."""
        largest = self.node("ReduceMax", [self.node("Abs", [state]), self.integers(1)], keepdims=1)
        largest = self.node("Max", [largest, self.number(_TINY)])
        return self.node("Div", [state, largest]), largest

    def dense(self, rows: tuple[str, str], name: str) -> str:
        """`state @ weight.T + bias` in 8 bits, from what `rows` gives of the state."""
        from onnx import TensorProto

        state, largest = rows
        # onnxruntime computes what depends on constants alone when it loads the graph
        matrix = self.floats(f"{name}.weight")
        if f"{name}.a" in self._entries:
            added = self.node("MatMul", [self.floats(f"{name}.b"), self.floats(f"{name}.a")])
            matrix = self.node("Add", [matrix, added])
        matrix = self.node("Transpose", [matrix], perm=[1, 0])
        scale = self.node("ReduceMax", [self.node("Abs", [matrix]), self.integers(0)], keepdims=0)
        scale = self.node("Max", [self.node("Div", [scale, self.number(_LARGEST_WEIGHT)]), self.number(_TINY)])
        matrix = self.node("Cast", [self.node("Round", [self.node("Div", [matrix, scale])])], to=TensorProto.INT8)
        product = self.node("DynamicQuantizeMatMul", [state, matrix, scale], domain=_MICROSOFT)
        return self.node("Add", [self.node("Mul", [product, largest]), f"{name}.bias"])

    def floats(self, value: str) -> str:
        from onnx import TensorProto

        return self.node("Cast", [value], to=TensorProto.FLOAT)

    def rows_of(self, name: str) -> int:
        return int(self._entries[name]["shape"][0])

    def norm(self, state: str, name: str) -> str:
        return self.node("LayerNormalization", [state, f"{name}.weight", f"{name}.bias"], epsilon=self._epsilon)

    def number(self, value: float) -> str:
        from onnx import TensorProto, helper

        name = f"n{value:g}"
        self.initializers.setdefault(name, helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        return name

    def integers(self, *values: int) -> str:
        from onnx import TensorProto, helper

        name = f"i{'_'.join(map(str, values))}"
        self.initializers.setdefault(name, helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def _external(self, name: str) -> Any:
        from onnx import TensorProto

        entry = self._entries[name]
        first, last = entry["data_offsets"]
        kind = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}[entry["dtype"]]
        tensor = TensorProto(name=name, data_type=kind, dims=entry["shape"], data_location=TensorProto.EXTERNAL)
        place = (("location", entry["file"]), ("offset", entry["start"] + first), ("length", last - first))
        for key, value in place:
            item = tensor.external_data.add()
            item.key, item.value = key, str(value)
        return tensor

    def write(self, path: Path, output: str, shape: list[Any]) -> None:
        from onnx import TensorProto, helper

        model = helper.make_model(
            helper.make_graph(
                self.nodes,
                "text-encoder",
                [helper.make_tensor_value_info("ids", TensorProto.INT64, ["tokens"])],
                [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
                list(self.initializers.values()),
            ),
            opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(_MICROSOFT, 1)],
            ir_version=9,
            producer_name="youju",
        )
        path.write_bytes(model.SerializeToString(deterministic=True))
