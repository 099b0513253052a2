"""Browsers are told apart by a cookie that says nothing; Gradio's handlers can ask whose request it is."""

import asyncio
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest

from rag.service.browser_id import COOKIE, BrowserId, reader_key


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A Gradio page with one event that returns the reader's key, on a real server."""
    import uvicorn
    from fastapi import FastAPI

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Gradio's own imports
        import gradio as gr

    def tell(request: gr.Request) -> str:
        return reader_key(request)

    async def serve() -> None:
        app = FastAPI()
        app.add_middleware(BrowserId)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            with gr.Blocks() as page:
                box = gr.Textbox()
                gr.Button().click(tell, None, box, api_name="tell")
            gr.mount_gradio_app(app, page, path="/", ssr_mode=False)
        server.append(uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)))
        await server[0].serve(sockets=[listener])

    server: list[uvicorn.Server] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        while not server or not server[0].started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server[0].should_exit = True
        thread.join(20)


def told(client: httpx.Client) -> str:
    """What the event returns, through Gradio's queue as a browser uses it."""
    event = client.post("/gradio_api/call/tell", json={"data": []}).json()["event_id"]
    text = client.get(f"/gradio_api/call/tell/{event}").text
    assert "event: complete" in text, text
    return text.split("data: ")[-1].strip().strip('[]"')


def test_two_browsers_have_two_names_that_stay(url: str) -> None:
    names = []
    for _ in range(2):
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as browser:
            reply = browser.get("/")
            cookie = reply.headers["set-cookie"]
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
            assert "set-cookie" not in browser.get("/").headers
            names.append(told(browser))
            assert told(browser) == names[-1]
            assert names[-1].startswith("browser:")
            assert browser.cookies[COOKIE] not in names[-1]
    assert names[0] != names[1]


@pytest.mark.parametrize("value", ["", "short", "x" * 44, "../../etc/passwd", 'a"b', "x" * 42 + "é"])
def test_a_made_up_cookie_is_no_name(url: str, value: str) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as browser:
        browser.headers["cookie"] = f"{COOKIE}={value}".encode().decode("latin-1")
        assert told(browser) == ""
        assert "set-cookie" in browser.get("/").headers


def test_an_account_goes_before_the_browser() -> None:
    state = SimpleNamespace(reader=SimpleNamespace(name="王芳"), browser="x" * 43)
    assert reader_key(SimpleNamespace(state=state)) == "account:王芳"
