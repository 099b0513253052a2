"""An evaluation set by the name that a person gives it."""

from __future__ import annotations

from pathlib import Path

from eval.datasets import EvalSet, load_folder, load_seed, load_shipped
from eval.formats import load_beir, load_json, load_table
from rag.errors import ReadError


def load_set(name: str, *, articles: Path | None = None) -> EvalSet:
    """Load "shipped", "seed" (over `articles`), or what `name` is the path of: a folder, a JSON file, a table (over `articles`).

    Raises:
        ReadError: the folder or a line of its files is not an evaluation set.
    """
    if name == "seed":
        if articles is None:
            raise ReadError(
                "评测集 seed 需要文章", "请加 --articles 文件夹（放有种子文章的文件夹或文件）", reason="missing"
            )
        return load_seed(articles)
    place = Path(name)
    if place.suffix.lower() in (".csv", ".tsv", ".xlsx"):
        if articles is None:
            raise ReadError(f"{name} 需要文章", "请加 --articles 文件夹", reason="missing")
        return load_table(place, articles)
    if articles is not None:
        raise ReadError("--articles 只用于 --set seed 和表格", "请去掉 --articles", reason="unsupported")
    if name == "shipped":
        return load_shipped()
    if place.suffix.lower() in (".json", ".jsonl"):
        return load_json(place)
    return load_beir(place) if (place / "qrels").is_dir() else load_folder(place)
