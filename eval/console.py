"""What the evaluation's commands share: one console for results, one for messages, the usual options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out_console = Console(highlight=False, soft_wrap=True)
err_console = Console(stderr=True, highlight=False)

ConfigOption = Annotated[Path | None, typer.Option("--config", help="配置文件 youju.toml", show_default=False)]
EmbedderOption = Annotated[str | None, typer.Option("--embedder", help="向量模型", show_default=False)]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="只抽这么多题", show_default=False)]
SeedOption = Annotated[int, typer.Option("--seed", help="抽题的随机种子")]
CacheOption = Annotated[Path | None, typer.Option("--cache", help="存放评测知识库的文件夹", show_default="用户缓存")]
