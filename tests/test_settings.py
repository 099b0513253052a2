"""Settings: four sources in order, mistakes named with their origin, secrets only from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import Settings, describe_settings, load_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "youju.toml"
    path.write_text('top_k = 7\nembedder = "from-file"\nllm = "from-file"\n', encoding="utf-8")
    return path


def test_command_line_beats_environment_beats_file_beats_default(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOUJU_EMBEDDER", "from-env")
    monkeypatch.setenv("YOUJU_LLM", "from-env")
    settings = load_settings(config, llm="from-cli", library=None)
    assert (settings.top_k, settings.embedder, settings.llm) == (7, "from-env", "from-cli")
    assert settings.chunk_tokens == Settings.model_fields["chunk_tokens"].default
    origins = {row.name: row.origin for row in describe_settings(config, llm="from-cli")}
    assert origins["top_k"] == str(config)
    assert origins["embedder"] == "环境变量 YOUJU_EMBEDDER"
    assert (origins["llm"], origins["port"]) == ("命令行", "默认")


def test_an_unknown_key_names_the_key_and_the_file(tmp_path: Path) -> None:
    path = tmp_path / "youju.toml"
    path.write_text("topk = 3\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="没有名为 topk 的设置") as caught:
        load_settings(path)
    assert str(path) in str(caught.value)


def test_a_value_out_of_range_names_the_setting_and_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOUJU_TOP_K", "0")
    with pytest.raises(SettingsError, match="top_k 的值不对（环境变量 YOUJU_TOP_K）"):
        load_settings()


@pytest.mark.parametrize("text", ["top_k = ", "top_k 3", "=", "llm = none"])
def test_broken_toml_is_a_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "youju.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="配置文件读不懂"):
        load_settings(path)


def test_a_missing_file_is_an_error_only_when_it_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings().top_k == 10
    with pytest.raises(SettingsError, match="找不到配置文件"):
        load_settings(tmp_path / "none.toml")


def test_the_key_comes_from_the_environment_only_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "youju.toml"
    path.write_text('api_key = "sk-secret"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="YOUJU_API_KEY") as caught:
        load_settings(path)
    assert "sk-secret" not in str(caught.value)
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("YOUJU_API_KEY", "sk-secret")
    settings = load_settings()
    assert settings.api_key.get_secret_value() == "sk-secret"
    assert "sk-secret" not in repr(settings) + repr(describe_settings())


def test_addresses_must_be_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOUJU_API_BASE_URL", "file:///etc/passwd")
    with pytest.raises(SettingsError, match="api_base_url"):
        load_settings()
