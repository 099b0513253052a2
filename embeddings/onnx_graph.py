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
from pathlib import Path
from typing import Any

_WEIGHTS = "model.safetensors"
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
    from onnx import TensorProto, helper

    graph = _Graph(folder / _WEIGHTS, epsilon)
    words = graph.node("Gather", ["embeddings.word_embeddings.weight", "ids"])
    length = graph.node("Shape", ["ids"])
    positions = graph.node(
        "Slice", ["embeddings.position_embeddings.weight", graph.integers(0), length, graph.integers(0)]
    )
    types = graph.node(
        "Slice", ["embeddings.token_type_embeddings.weight", graph.integers(0), graph.integers(1), graph.integers(0)]
    )
    state = graph.node("Add", [graph.node("Cast", [words], to=TensorProto.FLOAT), positions])
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
    mean = graph.node("ReduceMean", [state, graph.integers(0)], keepdims=0)
    graph.node("LpNormalization", [mean], output="vector", axis=0, p=2)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "text-encoder",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, ["tokens"])],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [graph.hidden])],
            list(graph.initializers.values()),
        ),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(_MICROSOFT, 1)],
        ir_version=9,
        producer_name="youju",
    )
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))


class _Graph:
    """Collects nodes, naming their outputs by number, and the weights that they mention."""

    def __init__(self, weights: Path, epsilon: float) -> None:
        with weights.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            self._entries: dict[str, Any] = json.loads(file.read(size))
        self._start = 8 + size
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
        matrix = self.node("Transpose", [self.node("Cast", [f"{name}.weight"], to=TensorProto.FLOAT)], perm=[1, 0])
        scale = self.node("ReduceMax", [self.node("Abs", [matrix]), self.integers(0)], keepdims=0)
        scale = self.node("Max", [self.node("Div", [scale, self.number(_LARGEST_WEIGHT)]), self.number(_TINY)])
        matrix = self.node("Cast", [self.node("Round", [self.node("Div", [matrix, scale])])], to=TensorProto.INT8)
        product = self.node("DynamicQuantizeMatMul", [state, matrix, scale], domain=_MICROSOFT)
        return self.node("Add", [self.node("Mul", [product, largest]), f"{name}.bias"])

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
        for key, value in (("location", _WEIGHTS), ("offset", self._start + first), ("length", last - first)):
            item = tensor.external_data.add()
            item.key, item.value = key, str(value)
        return tensor
