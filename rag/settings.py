"""What a user can set, and where each value came from: defaults < youju.toml < YOUJU_* environment < command line.

Secrets (`YOUJU_API_KEY`) come from the environment only and never appear in `describe()`, in logs or in errors.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from rag.errors import SettingsError

CONFIG_NAME = "youju.toml"
ENV_PREFIX = "YOUJU_"
COLUMN_FIELDS = ("title", "text", "source", "category", "author", "url", "date", "id")
"""What a column of a table can hold."""

_SECRET = ("api_key", "index_token", "token")
_SHORTEST_TOKEN = 20


_HOST = re.compile(r"[\w.-]{1,253}")


def _listed(value: str) -> list[str]:
    return [part for part in (part.strip() for part in value.split(",")) if part]


def _data_dir() -> Path:
    return Path(platformdirs.user_data_dir("youju", appauthor=False))


class Settings(BaseSettings):
    """Every setting, with its default. Names are the keys of youju.toml and, upper-cased after YOUJU_, of the environment.

    Build it with `load_settings`, which turns mistakes into a `SettingsError`.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, validate_default=True)

    library: Path = Field(default_factory=lambda: _data_dir() / "library", description="知识库所在文件夹")
    models: Path = Field(default_factory=lambda: _data_dir() / "models", description="下载的模型所在文件夹")

    embedder: str = Field("zh-small", description="向量模型：zh-small（内置）、模型库名称或文件夹")
    chunk_tokens: int = Field(128, ge=32, le=8192, description="每个片段的最大长度（以向量模型的词元计）")

    columns: str = Field("", description="表格（CSV、JSON Lines）的列名对应，如 text=正文,title=标题；为空时自动辨认")
    fetch: bool = Field(False, description="允许 youju add 从网址取文章（默认不联网）")

    top_k: int = Field(10, ge=1, le=100, description="检索返回的片段数")
    dense_weight: float = Field(0.6, ge=0.0, le=1.0, description="混合检索中向量分数的权重，其余归关键词")

    reranker: str = Field("", description="重排模型（交叉编码器）：模型库名称或文件夹；为空时不重排")

    llm: str = Field("auto", description="大模型：auto、none、api、模型名称、GGUF 文件或 transformers 文件夹")
    llm_engine: Literal["auto", "llama.cpp", "transformers"] = Field("auto", description="运行本地模型的引擎")
    llm_max_tokens: int = Field(512, ge=16, le=8192, description="一次回答最多生成的词元数")
    context_tokens: int = Field(0, ge=0, le=200_000, description="交给大模型的资料最多多少词元，0 为自动")
    llm_timeout: float = Field(120.0, gt=0, le=3600, description="等待大模型的秒数")

    reader: Literal["zh-reader", ""] = Field(
        "zh-reader", description="阅读模型：zh-reader（内置）逐句判断答案在不在里面；留空不用，快一些，准确率低不少"
    )
    api_base_url: str = Field("", description="OpenAI 兼容接口的地址，如 https://api.deepseek.com/v1")
    api_model: str = Field("", description="接口上的模型名称，如 deepseek-chat")
    api_key: SecretStr = Field(SecretStr(""), description="接口密钥（只从环境变量读取）")

    index_token: SecretStr = Field(SecretStr(""), description="Milvus 的口令（用户名:密码或密钥；只从环境变量读取）")

    threads: int = Field(0, ge=0, le=256, description="本机模型（向量与大模型）的线程数，0 为自动")
    hub: str = Field("", description="模型下载站（镜像）地址；为空时用 Hugging Face")

    host: str = Field("127.0.0.1", description="网页服务监听的地址")
    port: int = Field(7860, ge=0, le=65535, description="网页服务监听的端口")

    allowed_hosts: str = Field(
        "", description="别人打开有据用的域名（逗号隔开），如 youju.example.org；本机名称与 IP 地址不用写"
    )
    trusted_proxies: str = Field(
        "", description="前面的反向代理的 IP 地址或网段（逗号隔开），只信它们的 X-Forwarded-* 头"
    )
    token: SecretStr = Field(SecretStr(""), description="登录与接口通用的令牌，持有者可以增删文章（只从环境变量读取）")
    requests_per_minute: int = Field(600, ge=0, le=100_000, description="有账户时，每位读者每分钟的请求数，0 为不限")
    questions_per_minute: int = Field(
        30, ge=0, le=10_000, description="有账户时，每位读者每分钟的提问与检索数，0 为不限"
    )
    log: str = Field("", description="请求日志（每行一个 JSON）：空为不写，- 为标准错误，其余为文件")
    log_questions: bool = Field(False, description="日志里可以有问题原文与出错信息（默认没有）")
    shutdown_seconds: float = Field(20.0, ge=0, le=600, description="收到停止信号后，等正在进行的回答多少秒")

    @field_validator("library", "models", mode="after")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("api_base_url", "hub", mode="after")
    @classmethod
    def _http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("地址须以 http:// 或 https:// 开头")
        return value.rstrip("/")

    @field_validator("columns", mode="after")
    @classmethod
    def _pairs(cls, value: str) -> str:
        for pair in filter(None, value.split(",")):
            field, _, column = pair.partition("=")
            if field.strip() not in COLUMN_FIELDS or not column.strip():
                raise ValueError(f"“{pair}”要写成 名称=列名，用逗号隔开；名称可以是 {'、'.join(COLUMN_FIELDS)}")
        return value

    @field_validator("token", mode="after")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < _SHORTEST_TOKEN:
            raise ValueError(f"令牌至少 {_SHORTEST_TOKEN} 个字符，可以用 openssl rand -hex 32 生成")
        return value

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _networks(cls, value: str) -> str:
        for proxy in _listed(value):
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError(f"“{proxy}”不是 IP 地址或网段（如 127.0.0.1、10.0.0.0/8）") from None
        return value

    @field_validator("allowed_hosts", mode="after")
    @classmethod
    def _names(cls, value: str) -> str:
        for host in _listed(value):
            if not _HOST.fullmatch(host):
                raise ValueError(f"“{host}”不是域名；只写域名本身，不带 https:// 与端口")
        return value

    @property
    def host_names(self) -> tuple[str, ...]:
        """The setting `allowed_hosts`, name by name, in lower case."""
        return tuple(host.lower() for host in _listed(self.allowed_hosts))

    @property
    def proxy_addresses(self) -> tuple[str, ...]:
        """The setting `trusted_proxies`, one by one."""
        return tuple(_listed(self.trusted_proxies))

    @property
    def column_names(self) -> dict[str, str]:
        """The setting `columns` by field: {"text": "正文"}."""
        pairs = (pair.partition("=") for pair in self.columns.split(",") if pair)
        return {field.strip(): column.strip() for field, _, column in pairs}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order that `load_settings` relies on; it passes the file's values itself."""
        return (init_settings, env_settings)


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One line of `youju settings`: name, value as text, where it came from, what it means."""

    name: str
    value: str
    origin: str
    description: str


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings in force.

    Args:
        config: a youju.toml; without it, `./youju.toml` where it exists.
        overrides: values from the command line or the Python API; None means "not given".

    Raises:
        SettingsError: an unknown key, a value out of range, an unreadable file, or a secret in the file.
    """
    return _load(config, overrides)[0]


def describe_settings(config: Path | None = None, **overrides: Any) -> list[SettingRow]:
    """The settings in force, each with its origin; secrets are masked."""
    settings, origins = _load(config, overrides)
    rows = []
    for name, info in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            text = "（已设置）" if value.get_secret_value() else "（未设置）"
        else:
            text = str(value)
        rows.append(SettingRow(name, text, origins.get(name, "默认"), info.description or ""))
    return rows


def _load(config: Path | None, overrides: Mapping[str, Any]) -> tuple[Settings, dict[str, str]]:
    path = config if config is not None else Path(CONFIG_NAME)
    from_file = _read_file(path, required=config is not None)
    given = {name: value for name, value in overrides.items() if value is not None}
    from_env = {name for name in Settings.model_fields if f"{ENV_PREFIX}{name}".upper() in _upper_environment()}
    merged = {name: value for name, value in from_file.items() if name not in from_env} | given
    origins = dict.fromkeys(from_file, str(path))
    origins |= {name: f"环境变量 {ENV_PREFIX}{name.upper()}" for name in from_env}
    origins |= dict.fromkeys(given, "命令行")
    try:
        return Settings(**merged), origins
    except ValidationError as error:
        raise _explain(error, origins) from None


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    if not path.is_file():
        if required:
            raise SettingsError(f"找不到配置文件：{path}", "请检查 --config 的路径")
        return {}
    try:
        values = TomlConfigSettingsSource(Settings, path)()
    except (ValueError, OSError) as error:
        raise SettingsError(f"配置文件读不懂：{path}（{error}）", "请按 TOML 格式修改，字符串要加引号") from None
    for name in _SECRET:
        if name in values:
            raise SettingsError(
                f"配置文件 {path} 里不能写 {name}", f"请删去这一行，改用环境变量 {ENV_PREFIX}{name.upper()}"
            )
    return values


def _upper_environment() -> set[str]:
    return {name.upper() for name in os.environ}


def _explain(error: ValidationError, origins: Mapping[str, str]) -> SettingsError:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        where = origins.get(name, "")
        if problem["type"] == "extra_forbidden":
            lines.append(f"没有名为 {name} 的设置（{where}）")
        else:
            lines.append(f"设置 {name} 的值不对（{where}）：{problem['msg'].removeprefix('Value error, ')}")
    return SettingsError("；".join(lines), "运行 youju settings 查看全部设置的名称与含义")
