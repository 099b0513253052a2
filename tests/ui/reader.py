"""What a reader does with the page in a browser, and what can be seen there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.ui.live_page import SAMPLES

if TYPE_CHECKING:
    from playwright.sync_api import Page

QUESTION = SAMPLES[0]
BOX = "#yj-question textarea"
PEN = "rgb(255, 226, 122)"
PATIENCE = 20_000
OpenPage = Callable[..., "Page"]
"""Opens the page; see the fixture `open_page`."""

CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (css) => (css.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(node).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.querySelector(".gradio-container"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const style = getComputedStyle(node);
    const box = node.getBoundingClientRect();
    if (!walker.currentNode.data.trim() || !node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (box.width < 2 || node.closest(".yj-sr, .sr-only, .toast-wrap, script, style, .yj-logo")) continue;
    seen += 1;
    const [a, b] = [light(parse(style.color)), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([walker.currentNode.data.slice(0, 20), style.color, ground(node).join(), ratio.toFixed(2)]);
  }
  return { seen, poor };
}"""


def ask(page: Page, question: str, *, wait: bool = True) -> None:
    before = page.locator(".yj-final, .yj-error").count()
    page.fill(BOX, question)
    page.press(BOX, "Enter")
    if wait:
        page.wait_for_function(f"document.querySelectorAll('.yj-final, .yj-error').length === {before + 1}")


def lit(page: Page) -> list[list[str]]:
    """Text and background of the sentence that the open article shows as the cited one."""
    page.wait_for_selector("#yj-article-text .yj-quote.yj-on")
    return page.eval_on_selector_all(
        "#yj-article-text .yj-quote.yj-on",
        "nodes => nodes.map(n => [n.textContent, getComputedStyle(n).backgroundColor])",
    )


def place(page: Page, selector: str) -> list[int]:
    """Left and top of the first such element, read in one go: a draft's nodes are replaced with every redraw."""
    found = page.wait_for_function(
        "selector => { const r = document.querySelector(selector)?.getBoundingClientRect();"
        " return r && r.height ? [Math.round(r.x), Math.round(r.y)] : null; }",
        arg=selector,
    )
    return list(found.json_value())
