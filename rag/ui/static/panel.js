/* The source panel: the cards of an answer, and one whole article scrolled to the sentence that is cited.
   Cards are copies of nodes that the chat has already sanitized; an article comes as JSON and is put in as text nodes. */
(() => {
  "use strict";
  const narrow = window.matchMedia("(max-width: 899px)");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const MOST_MARKED = 100; // sentences of one article; the server takes twice as many
  const MOST_KEPT = 8; // articles that are not asked for again
  const PATIENCE = 20_000; // milliseconds until an article that does not come is given up on

  const { word, questions } = window.youju;
  const byId = (id) => document.getElementById(id);
  const side = () => byId("yj-side");
  const body = () => byId("yj-panel-body");

  let firstWords = null; // what the empty panel says, kept for a new conversation
  let opener = null; // the link that the reader came from
  let chosen = 0; // how many questions had been asked when the reader last opened a source
  let trail = []; // the places that previous and next lead through: { card, article, place, near, quote }
  let at = 0; // which of them is shown
  let asked = 0; // tells a late article from the one that is wanted now
  let drawn = ""; // the article that is drawn: its query, and how its places are marked
  const kept = new Map();

  /* ---- The cards ---- */

  /* Copies an answer's sources into the panel. Copies carry `data-of` where the originals carry an id. */
  function fill(sources) {
    const frame = body();
    if (!frame || !sources) return false;
    firstWords ??= Array.from(frame.childNodes, (node) => node.cloneNode(true));
    if (frame.dataset.of === sources.id) return true;
    frame.replaceChildren(...Array.from(sources.childNodes, (node) => node.cloneNode(true)));
    for (const node of frame.querySelectorAll("[id]")) {
      node.dataset.of = node.id;
      node.removeAttribute("id");
    }
    frame.dataset.of = sources.id;
    frame.scrollTop = 0;
    return true;
  }

  function showCards() {
    asked += 1;
    byId("yj-article").hidden = true;
    byId("yj-back").hidden = true;
    byId("yj-panel-title").hidden = false;
    body().hidden = false;
    for (const node of document.querySelectorAll(".yj-cite.yj-on")) node.classList.remove("yj-on");
  }

  /* The places of the cards, in their order. */
  function cardTrail() {
    const links = body().querySelectorAll(".yj-card-foot a.yj-open");
    return Array.from(links, (link) => ({ ...targets(link)[0], card: link.closest(".yj-card") }));
  }

  /* The places that a link into an article names: #yj-at?id=…&at=…&at=…, or #yj-near for what no answer rests on. */
  function targets(link) {
    const [kind, query] = link.getAttribute("href").slice(1).split("?");
    const wanted = new URLSearchParams(query);
    const places = wanted.getAll("at");
    const [article, near] = [wanted.get("id"), kind === "yj-near"];
    return (places.length ? places : [null]).map((place) => ({ article, place, near, card: null }));
  }

  /* ---- Opening, moving on, closing ---- */

  function openCitation(link) {
    const answer = link.closest(".yj-final");
    const id = link.getAttribute("href").slice(1);
    if (!fill(answer?.querySelector(".yj-sources"))) return;
    const places = cardTrail();
    const first = places.findIndex(({ card }) => card.querySelector(".yj-quote").dataset.of === id);
    if (first >= 0) enter(link, places, first);
  }

  function openLink(link) {
    const card = link.closest(".yj-card-foot")?.parentElement;
    const places = card ? cardTrail() : targets(link);
    enter(link, places, card ? places.findIndex((place) => place.card === card) : 0);
  }

  function enter(link, places, first) {
    chosen = questions();
    if (!side().contains(link)) opener = link;
    trail = places;
    if (narrow.matches && !side().classList.contains("yj-open")) raise();
    show(first);
    byId("yj-article-text").focus({ preventScroll: true });
  }

  function move(step) {
    if (trail[at + step]) show(at + step);
  }

  /* On a phone the panel is a sheet: the page behind it can be neither clicked nor reached by the keyboard. */
  function raise() {
    side().classList.add("yj-open");
    byId("yj-panel").setAttribute("role", "dialog");
    byId("yj-panel").setAttribute("aria-modal", "true");
    setBehind(true);
  }

  function lower() {
    side().classList.remove("yj-open");
    byId("yj-panel").removeAttribute("role");
    byId("yj-panel").removeAttribute("aria-modal");
    setBehind(false);
  }

  function setBehind(behind) {
    for (let node = side(); node?.parentElement && node !== document.body; node = node.parentElement) {
      for (const other of node.parentElement.children) if (other !== node) other.inert = behind;
    }
  }

  function close() {
    const sheet = side()?.classList.contains("yj-open");
    const reading = byId("yj-article")?.hidden === false;
    if (!sheet && !reading) return;
    if (sheet) lower();
    showCards();
    giveBack();
  }

  /* The focus goes back to where the reader came from; the chat may have been drawn anew meanwhile. */
  function giveBack() {
    const href = opener?.getAttribute("href");
    const again = Array.from(document.querySelectorAll("#yj-chat a")).find((a) => a.getAttribute("href") === href);
    const back = opener?.isConnected ? opener : again;
    window.youju.popover.hush(() => (back ?? document.querySelector("#yj-question textarea"))?.focus());
  }

  function backToCards() {
    const card = trail[at]?.card;
    showCards();
    (card?.isConnected ? card.querySelector(".yj-card-foot a.yj-open") : body()).focus();
  }

  /* ---- The article ---- */

  /* Shows the place of this number, with every place of the same article marked. */
  async function show(number) {
    at = number;
    const turn = ++asked;
    const { article, near } = trail[at];
    const places = placesAround(trail[at]);
    const query = new URLSearchParams([["id", article], ...places.map((place) => ["at", place])]).toString();
    reveal();
    if (drawn !== `${near} ${query}`) {
      clear();
      tell("opening");
      const found = await load(query);
      if (turn !== asked) return;
      if (typeof found === "string") {
        tell(found);
        return quoteOfCard();
      }
      draw(found, near);
      drawn = `${near} ${query}`;
    }
    point(places.indexOf(trail[at].place));
  }

  /* The places of an article that are marked together: all of them, or of very many those around one. */
  function placesAround({ article, place }) {
    const all = [...new Set(trail.filter((other) => other.article === article && other.place).map((other) => other.place))];
    const from = Math.max(0, Math.min(all.indexOf(place) - MOST_MARKED / 2, all.length - MOST_MARKED));
    return all.slice(from, from + MOST_MARKED);
  }

  function reveal() {
    byId("yj-article").hidden = false;
    body().hidden = true;
    byId("yj-panel-title").hidden = true;
    byId("yj-back").hidden = false;
    byId("yj-places").hidden = trail.length < 2;
    byId("yj-previous").disabled = at === 0;
    byId("yj-following").disabled = at === trail.length - 1;
    byId("yj-place").textContent = word("place_of", { at: at + 1, all: trail.length });
    const id = trail[at].card?.querySelector(".yj-quote").dataset.of;
    for (const link of document.querySelectorAll("#yj-chat a.yj-cite")) {
      link.classList.toggle("yj-on", Boolean(id) && link.getAttribute("href") === `#${id}`);
    }
  }

  /* The article of a query, or the key of the word that says why there is none. */
  async function load(query) {
    if (kept.has(query)) return kept.get(query);
    let found;
    try {
      const reply = await fetch(`page/article?${query}`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      if (reply.status === 404) return "article_lost";
      if (!reply.ok) return "article_failed";
      found = await reply.json();
    } catch {
      return "article_failed";
    }
    kept.set(query, found);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
    return found;
  }

  function clear() {
    drawn = "";
    const card = trail[at].card;
    byId("yj-article-title").textContent = card?.querySelector("h3").textContent ?? "";
    byId("yj-article-where").replaceChildren(...(card ? [card.querySelector(".yj-where").cloneNode(true)] : []));
    byId("yj-article-text").replaceChildren();
    byId("yj-article-quote").hidden = true;
  }

  /* What the panel says of the article's state; nothing for an empty key. */
  function tell(key) {
    byId("yj-article-state").textContent = key ? word(key) : "";
  }

  /* Where the article is not to be had, what the answer cited is. */
  function quoteOfCard() {
    const quote = trail[at].card?.querySelector(".yj-quote");
    byId("yj-article-quote").hidden = !quote;
    byId("yj-article-quote").textContent = quote?.textContent ?? "";
  }

  function draw(found, near) {
    byId("yj-article-title").textContent = found.title;
    const author = found.author === found.source ? "" : found.author;
    const facts = [found.source, author, found.date || word("no_date"), found.category.join(" / ")];
    const nodes = facts.filter(Boolean).map((text) => element("span", "", text));
    if (/^https?:\/\//i.test(found.url)) {
      const link = element("a", "yj-original", word("original"));
      Object.assign(link, { href: found.url, target: "_blank", rel: "noopener noreferrer" });
      nodes.push(link);
    }
    byId("yj-article-where").replaceChildren(...nodes);
    const page = document.createDocumentFragment();
    for (const line of found.lines) {
      if (!line.cells) {
        page.append(runs(element("p", "yj-line"), line, near));
        continue;
      }
      if (page.lastChild?.className !== "yj-rows") page.append(element("div", "yj-rows"));
      const table = page.lastChild.lastChild ?? page.lastChild.appendChild(document.createElement("table"));
      const row = table.insertRow();
      for (const cell of line.cells) runs(row.insertCell(), cell, near);
    }
    byId("yj-article-text").replaceChildren(page);
    byId("yj-article-text").scrollTop = 0;
  }

  /* Puts pieces of text into a node, those that are part of a place as marks. */
  function runs(node, pieces, near) {
    for (const [text, places] of pieces) {
      if (!places.length) {
        node.append(text);
        continue;
      }
      const mark = element(near ? "span" : "mark", "yj-quote", text);
      mark.dataset.places = places.join(" ");
      node.append(mark);
    }
    return node;
  }

  function element(name, kind, text = "") {
    const node = document.createElement(name);
    if (kind) node.className = kind;
    node.textContent = text;
    return node;
  }

  /* Marks the sentence of this number more strongly than the others, and scrolls it into the upper third. */
  function point(number) {
    const box = byId("yj-article-text");
    for (const node of box.querySelectorAll(".yj-on")) {
      node.classList.remove("yj-on");
      node.removeAttribute("aria-current");
    }
    byId("yj-article-quote").hidden = true;
    const marks = number < 0 ? [] : box.querySelectorAll(`[data-places~="${number}"]`);
    for (const mark of marks) {
      mark.classList.add("yj-on");
      mark.setAttribute("aria-current", "true");
    }
    const gone = number >= 0 && !marks.length;
    tell(gone ? "article_changed" : "");
    if (gone) quoteOfCard();
    const top = marks.length ? marks[0].getBoundingClientRect().top - box.getBoundingClientRect().top : -box.scrollTop;
    const behavior = calm.matches ? "auto" : "smooth";
    box.scrollTo({ top: Math.max(0, box.scrollTop + top - box.clientHeight / 3), behavior });
  }

  /* ---- What the reader does ---- */

  const does = {
    "yj-panel-close": close,
    "yj-back": backToCards,
    "yj-previous": () => move(-1),
    "yj-following": () => move(1),
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.yj-cite, a.yj-open");
    const button = event.target.closest?.("button");
    if (link) {
      event.preventDefault();
      if (event.pointerType === "touch" && window.youju.popover.offer(link)) return;
      if (link.classList.contains("yj-cite")) openCitation(link);
      else openLink(link);
    } else if (button && does[button.id]) {
      does[button.id]();
    } else if (event.target.id === "yj-side") {
      close();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const inside = side()?.contains(document.activeElement);
    if (event.key === "Escape" && !event.defaultPrevented && (inside || document.activeElement === document.body)) close();
    if (!inside || byId("yj-article").hidden) return;
    if (event.key === "ArrowLeft") move(-1);
    if (event.key === "ArrowRight") move(1);
  });

  narrow.addEventListener("change", () => {
    if (side()?.classList.contains("yj-open")) lower();
  });

  window.youju.panel = {
    openCitation,
    /* The newest answer's cards, unless the reader opened a source while it was on its way. */
    newest() {
      const answers = document.querySelectorAll("#yj-chat .yj-final .yj-sources");
      if (chosen === questions() || !answers.length) return;
      fill(answers[answers.length - 1]);
      if (!side().classList.contains("yj-open")) showCards();
    },
    empty() {
      if (side().classList.contains("yj-open")) lower();
      chosen = 0;
      opener = null;
      showCards();
      if (!firstWords) return;
      body().replaceChildren(...firstWords.map((node) => node.cloneNode(true)));
      delete body().dataset.of;
    },
  };
})();
