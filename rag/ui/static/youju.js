/* What the page does without asking the server: open the source of a citation, and stay out of the way of typing.
   Nothing here parses text into markup: the source panel shows copies of nodes that the chat has already sanitized. */
(() => {
  "use strict";
  const chinese = /^zh\b/i.test(navigator.language || "zh");
  document.documentElement.lang = chinese ? navigator.language || "zh-CN" : "en";

  const narrow = window.matchMedia("(max-width: 899px)");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let emptyPanel = null; // the panel's first words, kept for a new conversation
  let opener = null; // the citation that the reader came from
  let chosen = false; // whether the reader opened a source since the last question

  const panel = () => document.getElementById("yj-panel");
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
    return true;
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
    const frame = body();
    const top = mark.getBoundingClientRect().top - frame.getBoundingClientRect().top + frame.scrollTop;
    const behavior = calm.matches ? "auto" : "smooth";
    frame.scrollTo({ top: Math.max(0, top - frame.clientHeight / 3), behavior });
  }

  function open(link) {
    const target = link.getAttribute("href").slice(1);
    const sources = link.closest(".yj-final")?.querySelector(".yj-sources");
    if (!fill(sources)) return;
    chosen = true;
    opener = link;
    if (narrow.matches) {
      document.body.classList.add("yj-open");
      panel().focus({ preventScroll: true });
    }
    point(link, target);
  }

  function close() {
    if (!document.body.classList.contains("yj-open")) return;
    document.body.classList.remove("yj-open");
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

  /* Enter that picks a word in a Chinese input method must not send the question: Gradio does not look. */
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.stopImmediatePropagation();
    },
    true,
  );

  window.youju = {
    answered() {
      const answers = document.querySelectorAll("#yj-chat .yj-final .yj-sources");
      if (!chosen && answers.length) fill(answers[answers.length - 1]);
      chosen = false;
    },
    cleared() {
      close();
      chosen = false;
      if (!emptyPanel) return;
      body().replaceChildren(...emptyPanel.map((node) => node.cloneNode(true)));
      delete body().dataset.of;
    },
  };
})();
