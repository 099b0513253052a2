/* What the page does without asking the server: open the source of a citation, and stay out of the way of typing.
   Nothing here parses text into markup: the source panel shows copies of nodes that the chat has already sanitized. */
(() => {
  "use strict";
  /* Gradio knows zh-CN and zh-TW; every other Chinese (zh, zh-HK, zh-Hans-CN, zh-SG …) would get English from it. */
  const chinese = /^zh\b/i.test(navigator.language || "zh");
  if (chinese && !["zh-CN", "zh-TW"].includes(navigator.language)) {
    Object.defineProperty(navigator, "language", { value: "zh-CN", configurable: true });
  }
  document.documentElement.lang = chinese ? navigator.language : "en";

  const TROUBLES = ["offline", "failed", "limited", "stopping"];
  const narrow = window.matchMedia("(max-width: 899px)");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let emptyPanel = null; // the panel's first words, kept for a new conversation
  let opener = null; // the citation that the reader came from
  let chosen = 0; // how many questions had been asked when the reader last opened a source

  const side = () => document.getElementById("yj-side");
  const panel = () => document.getElementById("yj-panel");
  const questions = () => document.querySelectorAll("#yj-chat .yj-q").length;
  const body = () => document.getElementById("yj-panel-body");

  /* Copies an answer's sources into the panel. Copies carry `data-of` where the originals carry an id. */
  function fill(sources) {
    const frame = body();
    if (!frame || !sources) return false;
    emptyPanel ??= Array.from(frame.childNodes, (node) => node.cloneNode(true));
    if (frame.dataset.of === sources.id) return true;
    const copies = Array.from(sources.childNodes, (node) => node.cloneNode(true));
    frame.replaceChildren(...copies);
    for (const node of frame.querySelectorAll("[id]")) {
      node.dataset.of = node.id;
      node.removeAttribute("id");
    }
    frame.dataset.of = sources.id;
    frame.scrollTop = 0;
    for (const quote of frame.querySelectorAll(".yj-quote")) show(quote.closest(".yj-passage"), quote, "auto");
    return true;
  }

  /* Scrolls `node` into the upper third of `box`, and nothing else: scrollIntoView would move the whole page. */
  function show(box, node, behavior = calm.matches ? "auto" : "smooth") {
    const top = node.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;
    box.scrollTo({ top: Math.max(0, top - box.clientHeight / 3), behavior });
  }

  function point(link, target) {
    for (const node of document.querySelectorAll(".yj-cite.yj-on")) node.classList.remove("yj-on");
    for (const node of body().querySelectorAll(".yj-on")) node.classList.remove("yj-on");
    link.classList.add("yj-on");
    const mark = Array.from(body().querySelectorAll("[data-of]")).find((node) => node.dataset.of === target);
    if (!mark) return;
    const card = mark.closest(".yj-card");
    mark.classList.add("yj-on");
    card?.classList.add("yj-on");
    show(mark.closest(".yj-passage"), mark, "auto");
    show(body(), mark);
  }

  /* While the sheet is up, the page behind it can be neither clicked nor reached by the keyboard. */
  function setBehind(behind) {
    for (const id of ["yj-header", "yj-talk"]) document.getElementById(id).inert = behind;
  }

  narrow.addEventListener("change", () => close());

  function open(link) {
    const target = link.getAttribute("href").slice(1);
    const sources = link.closest(".yj-final")?.querySelector(".yj-sources");
    if (!fill(sources)) return;
    chosen = questions();
    opener = link;
    if (narrow.matches) {
      side().classList.add("yj-open");
      setBehind(true);
      panel().focus({ preventScroll: true });
    }
    point(link, target);
  }

  function close() {
    if (!side()?.classList.contains("yj-open")) return;
    side().classList.remove("yj-open");
    setBehind(false);
    if (opener?.isConnected) opener.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.yj-cite");
    if (link) {
      event.preventDefault();
      open(link);
    } else if (event.target.closest?.("#yj-panel-close") || event.target.id === "yj-side") {
      close();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });

  /* Gradio reports trouble in hidden toasts, in English. Say it in our words: is the server gone, or did a step fail? */
  async function trouble() {
    const { status, at } = window.youjuRefusal;
    const refused = Date.now() - at < 5000 ? { 429: "limited", 503: "stopping" }[status] : "";
    const alive = await fetch("healthz", { cache: "no-store" }).then((reply) => reply.ok, () => false);
    const cause = alive ? refused || "failed" : "offline";
    for (const key of TROUBLES) document.getElementById(`yj-trouble-${key}`).hidden = key !== cause;
  }

  function calmAgain() {
    for (const key of TROUBLES) document.getElementById(`yj-trouble-${key}`).hidden = true;
  }

  const waiting = setInterval(() => {
    const toasts = document.querySelector(".toast-wrap");
    if (!toasts) return;
    clearInterval(waiting);
    new MutationObserver((changes) => {
      if (changes.some((change) => change.addedNodes.length)) trouble();
    }).observe(toasts, { childList: true });
  }, 200);

  window.youju = {
    answered() {
      calmAgain();
      const answers = document.querySelectorAll("#yj-chat .yj-final .yj-sources");
      const reading = chosen === questions(); // opened while this answer was on its way: leave it
      if (!reading && answers.length) fill(answers[answers.length - 1]);
    },
    cleared() {
      calmAgain();
      close();
      chosen = 0;
      if (!emptyPanel) return;
      body().replaceChildren(...emptyPanel.map((node) => node.cloneNode(true)));
      delete body().dataset.of;
    },
  };
})();
