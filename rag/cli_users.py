"""`youju user`: who may log in."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, closing
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from rag.console import ConfigOption, LibraryOption, err, out, table
from rag.service.accounts import Accounts
from rag.service.readers import Role
from rag.settings import load_settings

app = typer.Typer(help="账户：谁可以登录。", no_args_is_help=True, rich_markup_mode=None)

NameArgument = Annotated[str, typer.Argument(help="名字", show_default=False)]
RoleOption = Annotated[Role, typer.Option("--role", help="reader 只能提问和阅读，editor 还可以增删文章")]

_ROLES = {"reader": "提问和阅读", "editor": "还可以增删文章"}


@app.command()
def add(
    name: NameArgument, role: RoleOption = "reader", library: LibraryOption = None, config: ConfigOption = None
) -> None:
    """建一个账户；密码在终端输入两次，或从标准输入读一行。"""
    with _accounts(config, library) as accounts:
        first = not accounts.any()
        accounts.add(name, _password(), role)
    out.print(f"已建账户 {escape(name)}（{_ROLES[role]}）。")
    if first:
        out.print("从现在起，打开网页和使用接口都要登录。")


@app.command("list")
def list_accounts(library: LibraryOption = None, config: ConfigOption = None) -> None:
    """列出全部账户。"""
    with _accounts(config, library) as opened:
        accounts = opened.listed()
    if not accounts:
        out.print("还没有账户；只在本机使用时不需要登录。")
        return
    rows = table("名字", "权限", "令牌", "建于")
    for account in accounts:
        made = f"{datetime.fromtimestamp(account.made).astimezone():%Y-%m-%d %H:%M}"
        rows.add_row(
            escape(account.name), f"{account.role}（{_ROLES[account.role]}）", "有" if account.has_token else "", made
        )
    out.print(rows)


@app.command()
def remove(name: NameArgument, library: LibraryOption = None, config: ConfigOption = None) -> None:
    """删去一个账户；它的登录与令牌立即失效。"""
    with _accounts(config, library) as accounts:
        accounts.remove(name)
        last = not accounts.any()
    out.print(f"已删去账户 {escape(name)}，它的登录与令牌都已失效。")
    if last:
        out.print("现在没有账户了：在本机使用不再需要登录，对外的服务拒绝一切人。")


@app.command()
def password(name: NameArgument, library: LibraryOption = None, config: ConfigOption = None) -> None:
    """改密码；这个账户的全部登录与令牌立即失效。"""
    with _accounts(config, library) as accounts:
        accounts.set_password(name, _password())
    out.print(f"已改 {escape(name)} 的密码，它的登录与令牌都已失效。")


@app.command()
def role(
    name: NameArgument,
    role: Annotated[Role, typer.Argument(help="reader 或 editor", show_default=False)],
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """改权限。"""
    with _accounts(config, library) as accounts:
        accounts.set_role(name, role)
    out.print(f"{escape(name)} 现在的权限：{_ROLES[role]}。")


@app.command()
def token(name: NameArgument, library: LibraryOption = None, config: ConfigOption = None) -> None:
    """给账户一个接口令牌；只显示这一次，旧的随即失效。"""
    with _accounts(config, library) as accounts:
        made = accounts.make_token(name)
    err.print("令牌只显示这一次，请立即保存；用法：Authorization: Bearer 令牌")
    out.print(made)


def _accounts(config: Path | None, library: Path | None) -> AbstractContextManager[Accounts]:
    return closing(Accounts(load_settings(config, library=library).library))


def _password() -> str:
    """Asked twice and hidden at a terminal; else one line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt("密码", hide_input=True, confirmation_prompt="再输入一次"))
    return sys.stdin.readline().rstrip("\r\n")
