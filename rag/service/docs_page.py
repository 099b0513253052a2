"""`/openapi.json`, and `/docs`: the same as a page that people read. No script and nothing from outside: it works offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --accent: #0b6e75; }
@media (prefers-color-scheme: dark) { :root { --accent: #6cc7cd; } }
body { font: 16px/1.7 "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", system-ui, sans-serif; max-width: 60rem;
  margin: 0 auto; padding: 1.5rem; overflow-wrap: anywhere; }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
summary { cursor: pointer; padding: .4rem 0; } summary b { color: var(--accent); display: inline-block; min-width: 3.5rem; }
details { border-bottom: 1px solid var(--line); } details > div { padding: 0 0 1rem 1rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; }
code, pre { font: .9em/1.6 ui-monospace, monospace; background: var(--soft); border-radius: .3rem; padding: .1rem .3rem; }
pre { padding: .8rem; overflow-x: auto; } a { color: var(--accent); }
"""


def docs_routes() -> APIRouter:
    """Both routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    def schema(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @router.get("/docs")
    def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(docs_html(request.app.openapi()))

    return router


def docs_html(schema: dict[str, Any]) -> str:
    """The page for an OpenAPI schema."""
    body = "".join(_sections(schema))
    title = escape(schema["info"]["title"])
    return (
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main><h1>{title}</h1>'
        f"<p>{escape(schema['info'].get('description', ''))}</p>"
        f'<p>给程序读的同一份说明：<a href="openapi.json">openapi.json</a></p>{body}</main></body></html>'
    )


def _sections(schema: dict[str, Any]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or [""])[0]
            by_tag.setdefault(tag, []).append(_operation(path, method, operation, schema))
    for tag, operations in by_tag.items():
        yield f"<h2>{escape(tag)}</h2>{''.join(operations)}"
    models = schema.get("components", {}).get("schemas", {})
    if models:
        yield "<h2>数据</h2>"
        for name, model in models.items():
            yield (
                f'<details id="{escape(name)}"><summary><code>{escape(name)}</code> {escape(model.get("description", ""))}'
                f"</summary><div>{_fields(model)}</div></details>"
            )


def _operation(path: str, method: str, operation: dict[str, Any], schema: dict[str, Any]) -> str:
    parts = [f"<p>{escape(operation.get('description', ''))}</p>"]
    if parameters := operation.get("parameters"):
        rows = "".join(
            _row(p["name"], p["schema"], p.get("description", ""), required=p.get("required", False))
            for p in parameters
        )
        parts.append(f"<table>{rows}</table>")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        parts.append(f"<p>请求：{_type(body)}</p>")
    for status, response in operation.get("responses", {}).items():
        kinds = [
            f"<code>{escape(kind)}</code> {_type(content.get('schema', {}))}"
            for kind, content in response.get("content", {}).items()
        ]
        parts.append(
            f"<p><b>{escape(str(status))}</b> {escape(_said(response.get('description', '')))} {'，'.join(kinds)}</p>"
        )
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {escape(operation.get('summary', ''))}"
        f"</summary><div>{''.join(parts)}</div></details>"
    )


def _said(description: str) -> str:
    """FastAPI's own words in ours."""
    return description.replace("Successful Response", "成功")


def _fields(model: dict[str, Any]) -> str:
    required = model.get("required", [])
    rows = (
        _row(name, field, field.get("description", ""), required=name in required)
        for name, field in model.get("properties", {}).items()
    )
    return f"<table>{''.join(rows)}</table>"


def _row(name: str, field: dict[str, Any], meaning: str, *, required: bool) -> str:
    default = (
        f"默认 <code>{escape(json.dumps(field['default'], ensure_ascii=False))}</code>" if "default" in field else ""
    )
    return (
        f"<tr><td><code>{escape(name)}</code></td><td>{_type(field)}</td><td>{'必须给出' if required else default}</td>"
        f"<td>{escape(meaning)}</td></tr>"
    )


def _type(field: dict[str, Any]) -> str:
    """The type of a field, with links to the models it names."""
    if "$ref" in field:
        name = escape(field["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in field:
        return " 或 ".join(f"<code>{escape(str(value))}</code>" for value in field["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in field:
            return " 或 ".join(_type(each) for each in field[several] if each.get("type") != "null")
    if field.get("type") == "array":
        return f"{_type(field.get('items', {}))} 的列表"
    words = {"string": "文字", "integer": "整数", "number": "数", "boolean": "true/false", "object": "对象"}
    return words.get(str(field.get("type")), "")
