"""The page where readers log in: plain HTML and one style sheet inside it, no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from rag.ui.texts import EN, ZH, traditional

_STYLE: Final = Path(__file__).parent / "static" / "login.css"


def login_page(
    languages: str, *, names: bool, name: str = "", target: str = "/", problem: str = "", seconds: int = 0
) -> tuple[str, str]:
    """The page, and the content security policy that it needs. See `rag.service.guard_sign_in.LoginPage`."""
    style, digest = _style()
    lang, words = _language(languages)
    said = {"wrong": words["login_wrong" if names else "login_wrong_token"]}
    said["wait"] = words["login_wait"].replace("{seconds}", str(seconds))
    alert = f'<p class="alert" role="alert">{escape(said[problem])}</p>' if problem else ""
    who = (
        f'<label for="name">{words["login_name"]}</label>'
        f'<input id="name" name="name" value="{escape(name)}" autocomplete="username" autocapitalize="none"'
        f' spellcheck="false" maxlength="40" required{"" if name else " autofocus"}>'
    )
    secret = words["login_password" if names else "login_token"]
    html = (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<link rel="icon" href="data:,"><title>{words["login"]} · {words["title"]}</title><style>{style}</style></head><body><main>'
        f'<h1><span class="logo" aria-hidden="true">据</span>{words["title"]}</h1><p class="tagline">{words["tagline"]}</p>{alert}'
        f'<form method="post" action="/login"><input type="hidden" name="next" value="{escape(target)}">'
        f"{who if names else ''}"
        f'<label for="password">{secret}</label><input id="password" name="password" type="password"'
        f' autocomplete="current-password" maxlength="256" required{" autofocus" if name or not names else ""}>'
        f'<button type="submit">{words["login"]}</button></form>'
        f'<p class="help">{words["login_help" if names else "login_help_token"]}</p></main></body></html>'
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return html, policy


@cache
def _style() -> tuple[str, str]:
    style = _STYLE.read_text(encoding="utf-8")
    return style, base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _language(languages: str) -> tuple[str, Mapping[str, str]]:
    """That of the browser's first language, and its words; Chinese for one that says nothing, as in the page itself."""
    first = languages.split(",")[0].partition(";")[0].strip().lower()
    if first and not first.startswith("zh"):
        return "en", EN
    return ("zh-TW", traditional()) if first.endswith(("-tw", "-hk", "-mo")) or "hant" in first else ("zh-CN", ZH)
