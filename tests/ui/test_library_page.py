"""The library page in a real browser: everything that can be clicked, wide and narrow, light and dark, inert and offline."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from filelock import FileLock

from tests.model_hub import ModelHub, model_hub
from tests.ui.fake_backend import HOSTILE
from tests.ui.library_site import ARTICLES, COPY, LONG, MODEL, TEA, Site, library_site
from tests.ui.test_chat_page import CONTRAST

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    # Gradio sums up its queue with pandas now and then, in ways that pandas is about to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

PATIENCE = 20_000
ROWS = "#yjl-articles tbody tr"
TITLES = "#yjl-articles tbody th a"
WEIGHTS = bytes(range(256)) * 4_000
OpenPage = Callable[..., "Page"]
POST = "---\ntitle: {title}\ndate: 2021-07-02\nsource: 上传者\n---\n{title}。这里写的是它的正文，说的是{title}的来龙去脉。\n"


FORGED_BUTTON = """asked => {
  const button = document.createElement("button");
  Object.assign(button.dataset, asked);
  document.getElementById("yj-library").append(button);
  button.click();
}"""
FORGED_REMOVAL = """id => {
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
  Object.assign(box.dataset, { do: "choose", id });
  document.getElementById("yj-library").append(box);
  box.dispatchEvent(new Event("change", { bubbles: true }));
  const button = document.createElement("button");
  button.dataset.do = "ask-remove";
  document.getElementById("yj-library").append(button);
  button.click();
}"""


@pytest.fixture(scope="module")
def hub() -> Iterator[ModelHub]:
    with model_hub({MODEL.repo: {MODEL.file: WEIGHTS}}) as hub:
        yield hub


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, hub: ModelHub) -> Iterator[Site]:
    with library_site(tmp_path_factory.mktemp("site"), hub=hub.url) as site:
        yield site


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[OpenPage]:
    """Opens pages that fail the test on a dialog, a request to another host, or an error in the console."""
    contexts: list[Any] = []
    trouble: list[str] = []

    def check(url: str) -> None:
        if not url.startswith((site.live.url, "data:", "blob:")):
            trouble.append(f"request {url}")

    def open_page(part: str = "", width: int = 1280, scheme: str = "light", locale: str = "zh-CN") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 860}, locale=locale, reduced_motion="reduce",
            color_scheme=scheme,  # type: ignore[arg-type]
        )  # fmt: skip
        contexts.append(context)
        page: Page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: check(request.url))
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(f"{site.live.url}/#library{part}")
        page.wait_for_selector(".yj-status")
        page.wait_for_selector(
            {"": ROWS, "/add": "#yjl-files", "/statistics": ".yjl-figure", "/health": ".yjl-models"}[part],
            state="attached",
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    for job in site.shelf.jobs.all():
        job.cancel()
    eventually(lambda: not any(job.active for job in site.shelf.jobs.all()))
    for job in site.shelf.jobs.all():
        site.shelf.jobs.forget(job.id)
    site.edit = True
    assert trouble == []


def eventually(happened: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def titles(page: Page) -> list[str]:
    return page.locator(TITLES).all_inner_texts()


def wait_for_count(page: Page, count: int) -> None:
    page.wait_for_function(
        "count => document.querySelector('.yjl-found .yj-zh')?.textContent.includes(` ${count} `)", arg=f"{count:,}"
    )


def search(page: Page, words: str, count: int) -> None:
    page.fill("[name=words]", words)
    page.press("[name=words]", "Enter")
    wait_for_count(page, count)


def no_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "(() => { const box = document.getElementById('yj-library'); return box.scrollWidth <= box.clientWidth + 1; })()"
    )


# -- the list --------------------------------------------------------------------------------------------------------


def test_search_filter_sort_and_page(open_page: OpenPage) -> None:
    page = open_page()
    assert len(titles(page)) == 50
    assert titles(page)[:2] == [COPY.title, TEA.title]  # the newest first
    search(page, "茶叶", 2)
    assert titles(page) == [COPY.title, TEA.title]
    search(page, "茶葉 轉載", 1)
    page.click("[data-do=clear]")
    wait_for_count(page, len(ARTICLES))

    page.select_option("[name=source]", label="港口周刊 (60)")
    wait_for_count(page, 60)
    page.select_option("[name=month]", label="2022-02 (10)")
    wait_for_count(page, 10)
    page.select_option("[name=category]", label="经济/铁路 (60)")
    wait_for_count(page, 10)
    page.click("[data-do=clear]")
    wait_for_count(page, len(ARTICLES))

    page.click("[data-order=title]")
    page.wait_for_selector("th[aria-sort=ascending] [data-order=title]")
    ascending = titles(page)
    assert ascending == sorted(ascending)
    page.click("[data-order=title]")
    page.wait_for_selector("th[aria-sort=descending] [data-order=title]")
    assert titles(page) == sorted(titles(page), reverse=True)

    first = titles(page)
    page.click("button[data-page='2']")
    page.wait_for_function(
        "first => document.querySelector('#yjl-articles tbody th a').textContent !== first", arg=first[0]
    )
    assert not set(first) & set(titles(page))
    page.fill(".yjl-pager [name=page]", "3")
    page.press(".yjl-pager [name=page]", "Enter")
    page.wait_for_function("rows => document.querySelectorAll(rows).length === 24", arg=ROWS)


def test_the_last_click_wins_however_quick(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(
        """async () => {
          const source = document.querySelector("[name=source]");
          for (let round = 0; round < 5; round += 1) {
            source.selectedIndex = 1 + (round % 2);
            source.dispatchEvent(new Event("change", { bubbles: true }));
            document.querySelector("[data-order=title]").click();
          }
          document.querySelector("[data-do=clear]").click();
        }"""
    )
    page.wait_for_timeout(3_000)
    wait_for_count(page, len(ARTICLES))
    assert page.get_attribute("th:has([data-order=date])", "aria-sort") == "descending"


def test_the_full_text_is_searched_by_the_librarys_own_search(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("[name=words]", "茶农收入增加")
    page.check("[name=full]")
    page.wait_for_selector(".yjl-excerpt")
    assert set(titles(page)[:2]) == {TEA.title, COPY.title}
    assert "茶农收入" in page.inner_text(".yjl-excerpt >> nth=0")


def test_the_keyboard_is_enough(open_page: OpenPage) -> None:
    page = open_page()
    page.focus("[name=words]")
    page.keyboard.type("茶叶")
    page.keyboard.press("Enter")
    wait_for_count(page, 2)
    page.focus("#yjl-articles [data-do=choose] >> nth=0")
    page.keyboard.press("Space")
    assert page.is_visible(".yjl-chosen")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#yjl-article h2")
    page.wait_for_function("document.activeElement.tagName === 'H2'")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.textContent.includes('转载')")
    assert page.is_checked("#yjl-articles [data-do=choose] >> nth=0")


# -- one article -----------------------------------------------------------------------------------------------------


def test_an_article_says_what_is_known_of_it(open_page: OpenPage) -> None:
    page = open_page()
    page.click(f"text={TEA.title} >> nth=0") if titles(page)[0] == TEA.title else page.click(f"{TITLES} >> nth=1")
    page.wait_for_selector(".yjl-text p")
    told = page.inner_text(".yjl-article")
    for part in (
        TEA.title,
        "青石日报",
        "2023-04-05",
        "农业/茶叶",
        "张三",
        "茶叶/东湖.md",
        "3 个片段",
        COPY.title,
        TEA.text,
    ):
        assert part in told
    assert page.get_attribute(".yjl-article dl a[target=_blank]", "href") == TEA.url
    page.click(f".yjl-article dl li a:has-text('{COPY.title}')")
    page.wait_for_function("title => document.querySelector('#yjl-article h2').textContent === title", arg=COPY.title)
    page.go_back()
    page.wait_for_function("title => document.querySelector('#yjl-article h2').textContent === title", arg=TEA.title)
    page.click(".yjl-back")
    page.wait_for_selector(ROWS)


def test_hostile_articles_are_inert(open_page: OpenPage) -> None:
    page = open_page()
    search(page, "alert", 1)
    assert page.inner_text(TITLES) == HOSTILE
    page.click(TITLES)
    page.wait_for_selector(".yjl-text p")
    assert page.inner_text("#yjl-article h2") == HOSTILE
    assert HOSTILE in page.inner_text(".yjl-text")
    assert page.locator("#yj-library").locator("img, script, [onerror], a[href^=javascript]").count() == 0
    page.click("#yjl-tab-statistics")
    page.wait_for_selector(".yjl-figure")
    assert page.locator("#yj-library").locator("img, script, [onerror]").count() == 0


def test_three_hundred_thousand_characters_do_not_freeze_the_page(open_page: OpenPage) -> None:
    assert len(LONG.text) > 280_000
    page = open_page()
    search(page, "三十万字", 1)
    started = time.monotonic()
    page.click(TITLES)
    page.wait_for_selector(".yjl-text p")
    assert time.monotonic() - started < 3
    assert (
        page.evaluate(
            "(async () => { const t = performance.now(); await new Promise(requestAnimationFrame); return performance.now() - t; })()"
        )
        < 500
    )
    parts = int(page.inner_text(".yjl-pager > span >> nth=0").split("/")[1].split()[0])
    assert parts > 10
    page.click("[data-do=part][data-part='2'] >> nth=0")
    page.wait_for_function("document.querySelector('.yjl-pager').textContent.includes('2 /')")
    assert page.locator(".yjl-text p").count() > 50


def test_an_article_that_is_gone_says_so(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("location.hash = '#library/article/0000000000000000'")
    page.wait_for_function("document.querySelector('#yjl-article h2')?.textContent.includes('没有这篇文章')")


# -- uploads ---------------------------------------------------------------------------------------------------------


def files(*named: tuple[str, str | bytes]) -> Any:
    return [
        {"name": name, "mimeType": "text/plain", "buffer": content if isinstance(content, bytes) else content.encode()}
        for name, content in named
    ]


def outcome(page: Page) -> str:
    page.wait_for_selector(".yjl-job-done .yjl-counts")
    return page.inner_text("#yjl-jobs .yjl-job >> nth=0")


def test_files_become_articles_and_the_report_says_what_became_of_each(open_page: OpenPage, site: Site) -> None:
    page = open_page("/add")
    assert "200 MB" in page.inner_text(".yjl-upload")
    bad = POST.format(title="不算")
    page.set_input_files(
        "#yjl-files",
        files(
            ("公路通车.md", POST.format(title="公路通车")), ("再来一份.md", POST.format(title="公路通车")),
            ("没有字.md", "---\ntitle: 没有字\n---\n"), ("坏的.pdf", b"%PDF-1.7 nonsense"), ("程序.exe", bad),
            ("<script>alert(1)</script>.md", POST.format(title="怪名字一")),
            ("甲\u202edm.md", POST.format(title="怪名字二")), ("长" * 80 + ".md", POST.format(title="怪名字三")),
        ),
    )  # fmt: skip
    told = outcome(page)
    for part in ("新加入 4", "与另一篇相同 1", "没有可读的文字 1", "失败 2", "程序.exe", "不认识的格式"):
        assert part in told
    page.click("summary:has-text('新加入')")
    assert "<script>alert(1)<" in page.inner_text("#yjl-jobs .yjl-job >> nth=0").replace("/script", "")
    found = {article.title for article in site.library.articles()}
    assert {"公路通车", "怪名字一", "怪名字二", "怪名字三"} <= found
    assert "不算" not in found

    address = page.get_attribute("a:has-text('打开完整报告')", "href")
    report = httpx.get(f"{site.live.url}/{address}", trust_env=False)
    assert report.status_code == 200
    assert "公路通车.md" in report.text
    assert "<script>alert" not in report.text

    page.set_input_files("#yjl-files", files(("公路通车.md", POST.format(title="公路通车"))))
    page.wait_for_function("document.querySelectorAll('#yjl-jobs .yjl-job').length === 2")
    page.wait_for_function("document.querySelector('.yjl-job .yjl-counts')?.textContent.includes('没有变化')")
    page.click("[data-do=forget] >> nth=0")
    page.wait_for_function("document.querySelectorAll('#yjl-jobs .yjl-job').length === 1")


def test_a_folder_with_an_archive(open_page: OpenPage, site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "新闻"
    (folder / "2021").mkdir(parents=True)
    (folder / "2021" / "甲.md").write_text(POST.format(title="文件夹里的甲"), encoding="utf-8")
    (folder / "乙.txt").write_text(
        "文件夹里的乙\n\n这是文件夹里的乙，说的是另一件事情，与甲没有关系。", encoding="utf-8"
    )
    with zipfile.ZipFile(folder / "丙.zip", "w") as archive:
        archive.writestr("../../里面.md", POST.format(title="压缩包里的丙"))
    page = open_page("/add")
    page.set_input_files("#yjl-folder", folder)
    assert "新加入" in outcome(page)
    found = {article.title: article for article in site.library.articles()}
    assert {"文件夹里的甲", "文件夹里的乙"} <= found.keys()
    places = [place.path for place in site.library.store.locations(found["文件夹里的甲"].id)]
    assert [place.rpartition("upload://")[2].partition("/")[2] for place in places] == ["新闻/2021/甲.md"]


def test_too_many_files_are_told_before_a_byte_is_sent(open_page: OpenPage, site: Site) -> None:
    header = {"x-youju-upload": "1"}
    with httpx.Client(base_url=site.live.url, trust_env=False) as client:
        many = client.post("/library/uploads", json=[["a.md", 5]] * 5_001, headers=header)
        large = client.post("/library/uploads", json=[["a.zip", 150_000_000]] * 20, headers=header)
        nothing = client.post("/library/uploads", json=[], headers=header)
        odd = client.post("/library/uploads", content=b'{"a": 1', headers=header)
    assert [reply.status_code for reply in (many, large, nothing, odd)] == [422] * 4
    assert "一次最多上传 5,000 个文件" in many.json()["message"]
    assert "一次最多上传 2,000 MB" in large.json()["message"]


@contextmanager
def somebody_else_writes(site: Site) -> Iterator[None]:
    with FileLock(site.library.path / "write.lock"):
        yield


def test_an_upload_waits_while_somebody_else_writes(open_page: OpenPage, site: Site) -> None:
    page = open_page("/add")
    with somebody_else_writes(site):
        page.set_input_files("#yjl-files", files(("等一等.md", POST.format(title="等一等"))))
        page.wait_for_selector(".yjl-job-waiting")
        told = page.inner_text(".yjl-job-waiting")
        assert "另一个程序正在写入知识库" in told
        assert "已上传的不会丢" in told
    assert "新加入 1" in outcome(page)


def test_an_upload_can_be_cancelled(open_page: OpenPage, site: Site) -> None:
    page = open_page("/add")
    before = site.library.counts()[0]
    with somebody_else_writes(site):
        page.set_input_files("#yjl-files", files(("不要了.md", POST.format(title="不要了"))))
        page.wait_for_selector(".yjl-job-waiting")
        page.click(".yjl-job-waiting [data-do=cancel]")
        page.wait_for_selector(".yjl-job-cancelled")
    assert site.library.counts()[0] == before


def test_an_answer_goes_on_while_the_library_is_looked_at(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    page.click("#yj-nav-chat")
    page.fill("#yj-question textarea", "缓缓地说吞吐量是多少？")
    page.press("#yj-question textarea", "Enter")
    page.wait_for_selector(".yj-draft")
    page.click("#yj-nav-library")
    search(page, "茶叶", 2)
    assert not page.is_visible("#yj-chat")
    page.click("#yj-nav-chat")
    page.wait_for_selector(".yj-final")
    assert page.locator(".yj-q").count() == 1
    assert page.get_attribute("#yj-nav-chat", "aria-current") == "page"


# -- removing, checking, models --------------------------------------------------------------------------------------


def test_chosen_articles_are_removed_after_a_question(open_page: OpenPage, site: Site) -> None:
    page = open_page()
    total = site.library.counts()[0]
    search(page, "第11", 10)
    page.check("[data-do=choose-page]")
    page.uncheck(f"{ROWS} >> nth=0 >> [data-do=choose]")
    assert "9" in page.inner_text(".yjl-chosen .yjl-count >> nth=0")
    page.click("[data-do=ask-remove]")
    assert "移除 9 篇文章" in page.inner_text("#yjl-confirm")
    page.click("[data-say=no]")
    assert site.library.counts()[0] == total
    page.click("[data-do=ask-remove]")
    page.click("[data-say=yes]")
    page.wait_for_function("document.querySelector('.yjl-job-done')?.textContent.includes('移除了 9 篇')")
    wait_for_count(page, 1)
    assert site.library.counts()[0] == total - 9


def test_the_check_says_what_it_found(open_page: OpenPage, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "会消失.md"
    file.write_text(POST.format(title="会消失的文章"), encoding="utf-8")
    site.library.add([file])
    file.unlink()
    page = open_page("/health")
    page.click("[data-do=check]")
    page.wait_for_selector(".yjl-job-done [data-do=ask-vanished]")
    told = page.inner_text("#yjl-jobs .yjl-job >> nth=0")
    assert "完好" in told
    assert "有 1 个原文件已不在" in told
    page.click("[data-do=ask-vanished]")
    page.click("[data-say=yes]")
    page.wait_for_function("document.querySelector('.yjl-job-done')?.textContent.includes('移除了 1 篇')")


def test_a_damaged_library_is_told(open_page: OpenPage, site: Site) -> None:
    with site.library.store.transaction() as db:
        db.execute("UPDATE articles SET title = title || '！' WHERE id = ?", (TEA.id,))
    try:
        page = open_page("/health")
        page.click("[data-do=check]")
        page.wait_for_function("document.querySelector('.yjl-job-done')?.textContent.includes('有问题')")
        assert "移除后重新加入" in page.inner_text("#yjl-jobs .yjl-job >> nth=0")
    finally:
        with site.library.store.transaction() as db:
            db.execute("UPDATE articles SET title = ? WHERE id = ?", (TEA.title, TEA.id))


def test_statistics_and_doctor(open_page: OpenPage) -> None:
    page = open_page("/statistics")
    assert page.locator(".yjl-figure").count() == 4
    assert page.locator(".yjl-figure svg rect").count() > 12
    page.click(".yjl-figure summary >> nth=0")
    assert "2022-02" in page.inner_text(".yjl-figure table >> nth=0")
    page.click("#yjl-tab-health")
    page.wait_for_selector(".yjl-doctor")
    assert "知识库" in page.inner_text(".yjl-doctor")


def test_a_model_is_fetched_and_used(open_page: OpenPage, site: Site, hub: ModelHub) -> None:
    page = open_page("/health")
    assert hub.asked == []  # nothing is fetched unless somebody asks for it
    told = page.inner_text("#yjl-models")
    assert "Apache-2.0" in told
    assert hub.url in told
    assert "未下载" in told
    page.click("[data-do=fetch]")
    page.wait_for_selector("[data-do=use][data-llm*='tiny-1b']")
    assert (site.library.settings.models / MODEL.file).read_bytes() == WEIGHTS
    page.click("[data-do=use][data-llm*='tiny-1b']")
    page.wait_for_function(
        "[...document.querySelectorAll('#yjl-models tr')].some(r => r.textContent.includes('tiny-1b') && r.querySelector('.yjl-used'))"
    )
    page.click("[data-do=use][data-llm=none]")
    page.wait_for_function("document.querySelector('#yjl-models tbody tr .yjl-used') !== null")
    assert [Path(llm).stem for llm in site.switch.used] == ["tiny-1b", "none"]


# -- who may ---------------------------------------------------------------------------------------------------------


def test_readers_see_and_change_nothing(open_page: OpenPage, site: Site) -> None:
    site.edit = False
    before = site.library.counts()
    page = open_page()
    assert page.locator("[data-do=choose]").count() == 0
    for part in ("add", "health"):
        page.click(f"#yjl-tab-{part}")
        page.wait_for_function(
            "part => document.getElementById(`yjl-${part}`).textContent.includes('只有编辑')", arg=part
        )
    assert page.locator("#yjl-files, [data-do=check], [data-do=fetch]").count() == 0
    # what the page does not offer can still be asked for by hand
    for asked in (
        {"do": "check"}, {"do": "finish"}, {"do": "fetch", "name": MODEL.name}, {"do": "use", "llm": "none"}, {"do": "remove-vanished"},
    ):  # fmt: skip
        page.evaluate(FORGED_BUTTON, asked)
    page.evaluate(FORGED_REMOVAL, TEA.id)
    page.click("[data-say=yes]")
    time.sleep(1)
    assert site.shelf.jobs.all() == []
    assert site.library.counts() == before
    header = {"x-youju-upload": "1"}
    assert (
        httpx.post(f"{site.live.url}/library/uploads", json=[["a.md", 5]], headers=header, trust_env=False).status_code
        == 403
    )
    assert httpx.get(f"{site.live.url}/library/reports/1", trust_env=False).status_code == 404


def test_no_other_site_can_upload(site: Site) -> None:
    with httpx.Client(base_url=site.live.url, trust_env=False) as client:
        assert client.post("/library/uploads", json=[["a.md", 5]]).status_code == 403
        cross = {"x-youju-upload": "1", "sec-fetch-site": "cross-site"}
        assert client.post("/library/uploads", json=[["a.md", 5]], headers=cross).status_code == 403
        # and Gradio's own door is as shut as before
        assert client.post("/gradio_api/upload", files={"files": ("a.txt", b"x" * 100)}).status_code >= 400


# -- the look --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_every_part_can_be_read_at_every_width(open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page("", width, scheme)
    seen = 0
    for part, there in (
        ("articles", ROWS),
        ("add", ".yjl-upload"),
        ("statistics", ".yjl-figure"),
        ("health", ".yjl-models"),
    ):
        page.click(f"#yjl-tab-{part}")
        page.wait_for_selector(there)
        no_sideways(page)
        contrast = page.evaluate(CONTRAST)
        assert contrast["poor"] == []
        seen += contrast["seen"]
    assert seen > 100
    page.click("#yjl-tab-articles")
    page.click(f"{TITLES} >> nth=1")
    page.wait_for_selector(".yjl-text p")
    no_sideways(page)
    assert page.evaluate(CONTRAST)["poor"] == []


def test_english(open_page: OpenPage) -> None:
    page = open_page("", locale="en-US")
    assert "articles" in page.inner_text(".yjl-found")
    page.click("#yjl-tab-add")
    page.wait_for_selector(".yjl-upload")
    assert "At most 5,000 files" in page.inner_text(".yjl-upload")
    assert "一次最多" not in page.inner_text(".yjl-upload")


def test_uploads_at_once_are_added_one_after_the_other(site: Site) -> None:
    def send(number: int) -> None:
        content = POST.format(title=f"同时上传的第{number}篇").encode()
        with httpx.Client(
            base_url=site.live.url, trust_env=False, headers={"x-youju-upload": "1"}, timeout=30
        ) as client:
            begun = client.post("/library/uploads", json=[[f"同名{number}.md", len(content)]]).json()
            assert client.put(f"/library/uploads/{begun['id']}/0", content=content).status_code == 200
            assert client.post(f"/library/uploads/{begun['id']}/finish").status_code == 200

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: len(site.shelf.jobs.all()) >= 4 and not any(job.active for job in site.shelf.jobs.all()))
    found = {article.title for article in site.library.articles()}
    assert {f"同时上传的第{number}篇" for number in range(4)} <= found
