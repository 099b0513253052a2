/* The page's language, its words for what Gradio says only in English, what it tells screen readers, and trouble.
   Runs before Gradio's own scripts. The other scripts take `word`, `say` and `tidy` from window.youju. */
(() => {
  "use strict";
  const LATEST = 10_000; // milliseconds until the page is shown whatever is missing

  /* Gradio would speak any of 30 languages; the page speaks three, and Gradio has to speak the same one. */
  const asked = navigator.language || "zh-CN";
  const lang = !/^zh\b/i.test(asked) ? "en" : /^zh-(TW|HK|MO|Hant)\b/i.test(asked) ? "zh-TW" : "zh-CN";
  if (asked !== lang) Object.defineProperty(navigator, "language", { value: lang, configurable: true });
  document.documentElement.lang = lang;
  const theme = new URLSearchParams(location.search).get("__theme");
  const night = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("yj-night", night);
  document.documentElement.classList.add("yj-drawing");
  const shown = { "zh-CN": "yj-zh", "zh-TW": "yj-tw", en: "yj-en" }[lang];
  const TROUBLES = ["offline", "failed", "limited", "stopping"];

  const questions = () => document.querySelectorAll("#yj-chat .yj-q").length;

  /* One of our words in the reader's language, its blanks filled. */
  function word(key, blanks = {}) {
    const words = document.getElementById("yj-words")?.content;
    const text = words?.querySelector(`.yj-word-${key} > .${shown}`)?.textContent ?? "";
    return text.replace(/\{(\w+)\}/g, (blank, name) => blanks[name] ?? blank);
  }

  /* Speaks to a screen reader, once: the chat itself changes many times a second while an answer streams. */
  function say(text) {
    const live = document.getElementById("yj-live");
    if (live) live.textContent = text;
  }

  /* Gradio's own labels are in English, some hold the whole markup of an answer, and its chat would be read aloud with
     every token. */
  function tidy() {
    if (word("title")) document.title = word("title");
    if (log()) set(log(), { "aria-live": "off", "aria-label": word("chat_label") });
    for (const who of ["user", "bot"]) {
      const label = word(who === "user" ? "question_label" : "answer_label");
      for (const message of document.querySelectorAll(`#yj-chat [data-testid=${who}]`)) {
        set(message, { role: "group", "aria-label": label });
      }
    }
    for (const node of document.querySelectorAll("#yj-chat .placeholder-content, #yj-chat .examples")) {
      node.removeAttribute("role");
    }
    for (const example of document.querySelectorAll("#yj-chat .example")) example.removeAttribute("aria-label");
    for (const token of document.querySelectorAll("#yj-main .token-remove")) {
      const name = token.closest(".token")?.textContent.trim() ?? "";
      const label = token.matches(".remove-all") ? word("clear_choices") : word("remove_choice", { name });
      set(token, { title: label, "aria-label": label });
    }
    for (const button of document.querySelectorAll("#yj-chat .scroll-down-button-container button")) {
      set(button, { title: word("scroll_down"), "aria-label": word("scroll_down") });
    }
    for (const list of document.querySelectorAll("[role=listbox]")) set(list, { "aria-label": word("choices") });
    for (const button of document.querySelectorAll("#yj-main .label-wrap")) {
      set(button, { "aria-expanded": String(button.classList.contains("open")) });
    }
  }

  function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value && node.getAttribute(name) !== value) node.setAttribute(name, value);
    }
  }

  /* ---- Where the conversation stands ---- */

  let following = false; // an answer is on its way, and the reader has not gone elsewhere

  const log = () => document.querySelector("#yj-chat [role=log]");

  /* Follows an answer as it grows, until its question would leave the view: one reads from the beginning. */
  function follow() {
    const asked = document.querySelectorAll("#yj-chat .yj-q");
    if (!following || !asked.length) return;
    const box = log();
    const top = asked[asked.length - 1].getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop - 16;
    box.scrollTop = Math.min(top, box.scrollHeight - box.clientHeight);
  }

  for (const gesture of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    document.addEventListener(gesture, ({ target }) => {
      if (log()?.contains(target)) following = false;
    }, { capture: true, passive: true });
  }

  /* What a reader unfolds is scrolled into view, as far as its first line stays. */
  document.addEventListener("toggle", ({ target }) => {
    const box = target.open && target.closest("#yj-chat [role=log]");
    if (!box) return;
    const [inner, outer] = [target.getBoundingClientRect(), box.getBoundingClientRect()];
    box.scrollBy(0, Math.max(0, Math.min(inner.bottom - outer.bottom, inner.top - outer.top) + 16));
  }, true);

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

  /* The answer as it is read aloud: its sentences, without marks, quotes and what was left out. */
  function lastAnswer() {
    const answers = document.querySelectorAll("#yj-chat .yj-final");
    const last = answers[answers.length - 1];
    const rows = last ? last.querySelectorAll(":scope > .yj-s, :scope > .yj-refused > .yj-text") : [];
    return Array.from(rows, (row) => (row.querySelector(".yj-text") ?? row).textContent).join(" ");
  }

  /* The page is shown when all of it is there; or as it is, should something not come. */
  const drawn = setInterval(() => {
    const box = document.querySelector("#yj-question textarea");
    if (!(box && document.querySelector("#yj-status .yj-status")) && performance.now() < LATEST) return;
    clearInterval(drawn);
    document.documentElement.classList.remove("yj-drawing");
    document.getElementById("yj-shell")?.remove();
    if (document.activeElement === document.body) box?.focus();
  }, 30);

  const waiting = setInterval(() => {
    const toasts = document.querySelector(".toast-wrap");
    if (!toasts || !document.getElementById("yj-chat")) return;
    clearInterval(waiting);
    new MutationObserver((changes) => {
      if (changes.some((change) => change.addedNodes.length)) trouble();
    }).observe(toasts, { childList: true });
    let seen = questions();
    let due = false;
    const look = () => {
      due = false;
      tidy();
      if (questions() > seen) {
        following = true;
        say(word("searching"));
      }
      seen = questions();
      follow();
    };
    look();
    new MutationObserver(() => {
      if (!due) requestAnimationFrame(look);
      due = true;
    }).observe(document.getElementById("yj-main"), { childList: true, subtree: true });
    document.addEventListener("click", () => requestAnimationFrame(tidy));
  }, 50);

  window.youju = {
    word,
    say,
    questions,
    answered() {
      calmAgain();
      follow();
      following = false;
      say(`${word("answered")} ${lastAnswer()}`);
      window.youju.panel.newest();
    },
    cleared() {
      calmAgain();
      say("");
      window.youju.panel.empty();
    },
  };
})();
