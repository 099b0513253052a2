"""A sentence-transformers folder with random weights: real files, loaded by the real library, in a second."""

import json
from pathlib import Path
from typing import Any

DIM = 16
LENGTH = 24
CHARACTERS = "一二三四五六七八九十年月日市区县政府会议粮食产量小麦增长天气晴雨问答：，。abcdefghij"


def make_tiny_model(folder: Path, *, prompts: dict[str, str] | None = None, seed: int = 0) -> Path:
    """Write a one-layer BERT that knows `CHARACTERS`, with mean pooling; another seed is another model."""
    import torch
    from transformers import BertModel

    config = _tokenizer(folder, LENGTH)
    torch.manual_seed(seed)
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    kinds = ("Transformer", "Pooling")
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": "" if i == 0 else "1_Pooling",
            "type": f"sentence_transformers.models.{kind}",
        }
        for i, kind in enumerate(kinds)
    ]
    files: dict[str, Any] = {
        "modules.json": modules,
        "1_Pooling/config.json": {"word_embedding_dimension": DIM, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": LENGTH, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": prompts or {}, "default_prompt_name": None},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


def make_tiny_reranker(folder: Path, *, labels: int = 1, seed: int = 0) -> Path:
    """Write a one-layer cross-encoder that knows `CHARACTERS`."""
    import torch
    from transformers import BertForSequenceClassification

    config = _tokenizer(folder, 4 * LENGTH)
    config.num_labels, config.initializer_range = labels, 0.5
    torch.manual_seed(seed)
    BertForSequenceClassification(config).save_pretrained(folder, safe_serialization=True)
    return folder


def _tokenizer(folder: Path, length: int) -> Any:
    """Write the tokenizer; returns the configuration of a model that goes with it."""
    from transformers import BertConfig, BertTokenizerFast

    folder.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=length).save_pretrained(folder)
    return BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=DIM,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=length,
    )
