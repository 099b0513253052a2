"""Why a file gave no article, in words for people."""

from __future__ import annotations

REASONS = {
    "no-text": "没有可读的文字", "empty": "空文件", "encoding": "编码无法辨认", "binary": "不是文本", "format": "不认识的格式",
    "too-large": "太大", "missing": "找不到", "permission": "没有权限", "unreadable": "读不出", "malformed": "内容损坏",
    "timeout": "读得太久", "crash": "读取时崩溃", "name": "文件名不是 UTF-8", "columns": "找不到正文一列", "encrypted": "有密码",
    "empty-folder": "空文件夹", "limit": "超出限制", "nested": "压缩包里的压缩包", "recurring-lines": "去掉了新学到的固定行",
    "url": "网址不对", "private": "内部网络的网址", "redirect": "网址转向", "http-status": "网站回答错误", "network": "网络不通",
    "fetch": "没有允许联网",
}  # fmt: skip
"""By the key of `ReadError.reason`."""


def describe_reason(reason: str) -> str:
    """The reason in Chinese; the key itself for one that is not known."""
    return REASONS.get(reason, reason)
