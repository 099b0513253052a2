/* Clicks on the markup of conversations: which wire of the page takes them to the server, the dialogs on the way, the clipboard, files.
   Nothing here parses text into markup; words in two languages are copies of nodes that the server wrote. */
(() => {
  "use strict";
  const docked = window.matchMedia("(min-width: 1200px)");
  const roomy = window.matchMedia("(min-width: 1440px)");
  const wires = {};
  const send = (name, data) => wires[name]?.(data);
  const main = () => document.getElementById("yj-main");
  const language = () => document.documentElement.lang || "zh";
  const uidOf = (node) => node.closest(".yj-acts")?.id.replace(/^yj-acts-(q-)?/, "") ?? "";
  let subject = ""; // what the open dialog is about: a conversation or an exchange
  let toggler = null; // where the focus was before the drawer was opened

  /* Our words by their key, as nodes in both languages; the style sheet shows one. */
  function words(key) {
    const kept = document.getElementById(`yj-words-${key}`);
    return kept ? Array.from(kept.childNodes, (node) => node.cloneNode(true)) : [];
  }

  /* ---- The side with the conversations: a column where there is room, else a drawer over the page ---- */

  function showHistory(open) {
    const frame = main();
    if (!frame || frame.classList.contains("yj-with-history") === open) return;
    frame.classList.toggle("yj-with-history", open);
    document.getElementById("yj-history-toggle")?.setAttribute("aria-expanded", String(open));
    const drawer = !docked.matches;
    for (const id of ["yj-header", "yj-talk", "yj-side"]) document.getElementById(id).inert = open && drawer;
    if (open && drawer) document.querySelector("#yj-history-search textarea, #yj-history-search input")?.focus();
    if (!open && drawer) toggler?.focus();
  }

  docked.addEventListener("change", () => showHistory(false));

  const opening = setInterval(() => {
    if (!document.getElementById("yj-history-toggle") || !main()) return;
    clearInterval(opening);
    if (roomy.matches) showHistory(true);
  }, 100);

  /* ---- Dialogs ---- */

  function ask(name, about, fill) {
    const dialog = document.getElementById(`yj-${name}`);
    if (!dialog) return;
    subject = about;
    const form = dialog.querySelector("form");
    form.reset();
    fill?.(form);
    dialog.showModal();
  }

  document.addEventListener("submit", (event) => {
    const dialog = event.target.closest("dialog");
    if (!dialog) return;
    const fields = new FormData(event.target);
    switch (dialog.id) {
      case "yj-rename":
        return send("rename", { id: subject, title: fields.get("title") });
      case "yj-delete":
        return send("delete", { id: subject });
      case "yj-pruning":
        return send("prune", {});
      case "yj-judge":
        return send("judge", {
          id: subject,
          verdict: "down",
          reasons: fields.getAll("reason"),
          comment: fields.get("comment"),
        });
    }
  });

  /* ---- The question as it was understood, changed in its place ---- */

  function amend(row, uid) {
    if (row.querySelector(".yj-amending")) return;
    const shown = row.querySelector(".yj-understood-text");
    const form = document.createElement("span");
    const box = document.createElement("input");
    const go = document.createElement("button");
    const cancel = document.createElement("button");
    form.className = "yj-amending";
    box.value = shown.textContent;
    box.maxLength = 2000;
    box.setAttribute("aria-label", document.querySelector("#yj-question textarea")?.placeholder ?? "");
    go.type = cancel.type = "button";
    go.className = "yj-go";
    cancel.className = "yj-cancel";
    go.append(...words("amend_go"));
    cancel.append(...words("cancel"));
    const done = () => {
      form.remove();
      row.classList.remove("yj-open");
    };
    const ask = () => {
      if (!box.value.trim()) return;
      send("amend", { id: uid, question: box.value });
      done();
    };
    go.addEventListener("click", ask);
    cancel.addEventListener("click", done);
    box.addEventListener("keydown", (event) => {
      if (event.isComposing) return; // Enter chooses a word of the input method
      if (event.key === "Enter") ask();
      if (event.key === "Escape") done();
    });
    form.append(box, go, cancel);
    row.append(form);
    row.classList.add("yj-open");
    box.focus();
  }

  /* ---- Clipboard and files ---- */

  async function copy(text, html) {
    if (navigator.clipboard?.write && window.isSecureContext) {
      try {
        const kinds = { "text/plain": text, "text/html": html };
        const blobs = Object.entries(kinds).map(([type, body]) => [type, new Blob([body], { type })]);
        await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
        return true;
      } catch {
        /* not allowed: the older way may be */
      }
    }
    let taken = false;
    const take = (event) => {
      event.clipboardData.setData("text/plain", text);
      event.clipboardData.setData("text/html", html);
      event.preventDefault();
      taken = true;
    };
    document.addEventListener("copy", take, { once: true });
    document.execCommand("copy");
    document.removeEventListener("copy", take);
    return taken;
  }

  function save({ name, type, data }) {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  async function received(parcel) {
    if (!parcel) return;
    const content = JSON.parse(parcel);
    if (content.name) return save(content);
    const done = document.querySelector(`#yj-acts-${CSS.escape(content.id)} .yj-done`);
    const copied = await copy(content.text, content.html);
    done?.replaceChildren(...words(copied ? "copied" : "copy_failed"));
    setTimeout(() => done?.replaceChildren(), 4_000);
  }

  /* ---- Clicks ---- */

  function act(button) {
    const does = (name) => button.classList.contains(`yj-act-${name}`);
    const id = uidOf(button);
    const pressed = button.classList.contains("yj-pressed");
    if (does("copy")) send("copy", { id, language: language() });
    else if (does("retry")) send("again", { id });
    else if (does("widen")) send("again", { id, wide: "yes" });
    else if (does("amend")) amend(button.closest(".yj-understood"), id);
    else if (does("up")) send("judge", { id, verdict: pressed ? "" : "up" });
    else if (does("down") && pressed) send("judge", { id, verdict: "" });
    else if (does("down")) ask("judge", id);
    else if (does("unedit")) send("unedit", {});
    else if (does("edit")) {
      send("edit", { id });
      document.querySelector("#yj-question textarea")?.focus();
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!event.target.closest?.("#yj-export")) document.getElementById("yj-export")?.removeAttribute("open");
    if (event.target.id === "yj-history") showHistory(false); // the dark part beside the drawer
    if (!button) return;
    const item = button.closest(".yj-conv-item");
    const conversation = item?.id.replace("yj-conv-", "");
    const title = item?.querySelector(".yj-conv")?.textContent ?? "";
    if (button.classList.contains("yj-act")) act(button);
    else if (button.id.startsWith("yj-chip-")) send("unfilter", { id: button.id.replace("yj-chip-", "") });
    else if (button.classList.contains("yj-export-as")) {
      send("export", { kind: button.value, language: language() });
      button.closest("details").open = false;
    } else if (button.classList.contains("yj-conv")) send("open", { id: conversation });
    else if (button.classList.contains("yj-conv-rename")) {
      ask("rename", conversation, (form) => (form.elements.title.value = title));
    } else if (button.classList.contains("yj-conv-delete")) {
      ask("delete", conversation, (form) => (form.querySelector(".yj-what").textContent = title));
    } else if (button.classList.contains("yj-prune")) ask("pruning", "");
    else if (button.classList.contains("yj-cancel")) button.closest("dialog")?.close();
    else if (button.id === "yj-history-toggle") {
      toggler = button;
      showHistory(!main().classList.contains("yj-with-history"));
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (!docked.matches && !document.querySelector("dialog[open]")) showHistory(false);
    document.getElementById("yj-export")?.removeAttribute("open");
  });

  Object.assign(window.youju, {
    wires,
    send,
    received,
    opened() {
      window.youju.cleared();
      window.youju.answered();
      if (!docked.matches) showHistory(false);
    },
  });
})();
