"""Readers and editors at the library's own doors, behind the real guard: who logged in decides who may upload."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rag.library import Library
from rag.service.accounts import Accounts
from rag.service.guard import Guard, protect
from rag.ui.login_page import login_page
from rag.ui.shelf import Shelf
from tests.service.guard_fixtures import PASSWORD, log_in
from tests.service.guarded import GuardedApp

ARTICLE = "---\ntitle: 新桥通车\n---\n临江新桥今天通车，全长三千二百米，双向六车道。\n".encode()
OURS = {"x-youju-upload": "1"}


class GuardedLibrary(GuardedApp):
    """The upload routes of a library."""

    def __init__(self, shelf: Shelf, guard: Guard) -> None:
        super().__init__(guard)
        self._shelved = shelf
        self._guarded = guard

    def build(self) -> Any:
        from fastapi import FastAPI

        from rag.ui.upload_routes import upload_routes

        app, shelf = FastAPI(docs_url=None, redoc_url=None, openapi_url=None), self._shelved
        app.include_router(upload_routes(shelf.desk, shelf.may_edit, shelf.deliver, shelf.report_page))
        protect(app, self._guarded, login_page)
        return app


@pytest.fixture
def url(library: Library) -> Iterator[str]:
    accounts = Accounts(library.path)
    accounts.add("reader", PASSWORD, "reader")
    accounts.add("王芳", PASSWORD, "editor")
    with GuardedLibrary(Shelf(library), Guard(accounts=accounts, login=True, requests_per_minute=1)) as live:
        yield live.url
    accounts.close()


def test_an_editor_uploads_and_a_reader_does_not(url: str, library: Library) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=20, headers=OURS) as client:
        assert client.post("/library/uploads", json=[["桥.md", len(ARTICLE)]]).status_code == 401
        log_in(client)
        assert client.post("/library/uploads", json=[["桥.md", len(ARTICLE)]]).status_code == 403
        log_in(client, "王芳")
        begun = client.post("/library/uploads", json=[["桥.md", len(ARTICLE)]])
        assert begun.status_code == 200, begun.text
        place = f"/library/uploads/{begun.json()['id']}"
        assert client.put(f"{place}/0", content=ARTICLE).status_code == 200
        assert client.post(f"{place}/finish").status_code == 200
        deadline = time.monotonic() + 20
        while library.counts()[0] == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [article.title for article in library.articles()] == ["新桥通车"]
        log_in(client)
        assert client.get("/library/reports/1").status_code == 404


def test_a_folder_of_many_files_is_no_flood_of_requests(url: str) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=20, headers=OURS) as client:
        log_in(client, "王芳")
        begun = client.post("/library/uploads", json=[[f"{number}.md", len(ARTICLE)] for number in range(200)]).json()
        sent = {client.put(f"/library/uploads/{begun['id']}/{n}", content=ARTICLE).status_code for n in range(200)}
        assert sent == {200}
        client.delete(f"/library/uploads/{begun['id']}")
