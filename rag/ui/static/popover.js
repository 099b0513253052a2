/* The quote behind a citation in a small popover: under the mouse, with the keyboard's focus, or at a first tap. */
(() => {
  "use strict";
  const SOON = 120; // milliseconds that the mouse rests on a mark before the popover shows
  const LATER = 220; // and that it may be elsewhere, e.g. on its way into the popover
  const LONGEST = 300; // characters of a quote

  const { word } = window.youju;
  let tip = null;
  let held = null; // the citation that it belongs to
  let timer = 0;
  let hushed = false;

  function make() {
    tip = document.createElement("div");
    tip.id = "yj-tip";
    tip.setAttribute("role", "tooltip");
    tip.hidden = true;
    tip.addEventListener("pointerenter", () => clearTimeout(timer));
    tip.addEventListener("pointerleave", later);
    (document.querySelector(".gradio-container main.contain") ?? document.body).append(tip);
  }

  function part(name, kind, text) {
    const node = document.createElement(name);
    node.className = kind;
    node.textContent = text;
    return node;
  }

  /* Shows the quote of a citation; false where it has none. */
  function show(link, tapped = false) {
    const quote = document.getElementById(link.getAttribute("href").slice(1));
    const card = quote?.closest(".yj-card");
    if (!card) return false;
    if (!tip?.isConnected) make();
    hide();
    const text = quote.textContent;
    const shown = part("p", "yj-tip-quote", text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
    const title = part("p", "yj-tip-title", card.querySelector("h3").textContent);
    tip.replaceChildren(shown, title, card.querySelector(".yj-where").cloneNode(true));
    if (tapped) {
      const button = part("button", "yj-tip-open", word("read_article"));
      button.type = "button";
      button.addEventListener("click", () => {
        hide();
        window.youju.panel.openCitation(link);
      });
      tip.append(button);
    }
    held = link;
    link.setAttribute("aria-describedby", tip.id);
    tip.hidden = false;
    place(link);
    return true;
  }

  /* Above the mark where there is room, else below it; never out of the window. */
  function place(link) {
    const mark = link.getClientRects()[0];
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, mark.left + mark.width / 2 - box.width / 2), innerWidth - box.width - 8);
    const above = mark.top - box.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : Math.min(mark.bottom + 8, innerHeight - box.height - 8)}px`;
  }

  function hide() {
    clearTimeout(timer);
    held?.removeAttribute("aria-describedby");
    held = null;
    if (tip) tip.hidden = true;
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(hide, LATER);
  }

  const citation = (event) => event.target.closest?.("#yj-chat a.yj-cite");

  document.addEventListener("pointerover", (event) => {
    const link = event.pointerType === "mouse" && citation(event);
    if (!link) return;
    clearTimeout(timer);
    if (link !== held) timer = setTimeout(() => show(link), SOON);
  });
  document.addEventListener("pointerout", (event) => {
    if (event.pointerType === "mouse" && citation(event)) later();
  });
  document.addEventListener("focusin", (event) => {
    const link = citation(event);
    if (link && !hushed && link.matches(":focus-visible")) show(link);
    else if (held && !tip.contains(event.target) && link !== held) hide();
  });
  document.addEventListener("pointerdown", (event) => {
    if (held && !tip.contains(event.target) && citation(event) !== held) hide();
  });
  document.addEventListener("click", (event) => {
    if (event.pointerType !== "touch" && citation(event)) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !held) return;
    event.preventDefault(); // it closes the popover and nothing else
    hide();
  }, true);
  document.addEventListener("scroll", () => {
    const mark = held?.getClientRects()[0];
    if (mark && mark.bottom > 0 && mark.top < innerHeight) place(held);
    else if (held) hide();
  }, true);

  window.youju.popover = {
    /* A tap on a mark shows its quote first; the second one, or the popover's button, opens the article. */
    offer(link) {
      if (held === link && tip.querySelector(".yj-tip-open")) {
        hide();
        return false;
      }
      return link.closest("#yj-chat") !== null && link.classList.contains("yj-cite") && show(link, true);
    },
    /* Gives the focus to a mark without the popover. */
    hush(focus) {
      hushed = true;
      focus();
      hushed = false;
    },
  };
})();
