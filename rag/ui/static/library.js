/* The library half of the page: which half is shown (by the address), what was clicked, and the sending of uploads.
   The server answers with HTML of ours that Gradio puts in place; nothing here makes markup of text. */
(() => {
  "use strict";
  const HEADERS = { "x-youju-upload": "1" };
  const AT_ONCE = 3; // files that are sent at the same time
  const PATIENCE = 15_000; // milliseconds after which an answer is no longer waited for
  const PARTS = ["articles", "add", "statistics", "health"];
  const chosen = new Set(); // ids of the articles with a tick, on whatever page of the list
  const waiting = []; // what was clicked and is not sent yet
  let send = null;
  let patience = 0; // runs while an answer is being waited for
  let opener = ""; // the article that was opened from the list
  let focus = ""; // what is to be focused once it is there
  let sending = null; // the upload that is on its way

  const element = (id) => document.getElementById(id);

  /* One after the other: two at once could be answered in the wrong order, and the older answer would stay. */
  function act(said) {
    waiting.push(said);
    sendNext();
  }

  function sendNext() {
    if (!send || patience || !waiting.length) return;
    patience = setTimeout(answered, PATIENCE);
    send(waiting.shift());
  }

  function answered() {
    clearTimeout(patience);
    patience = 0;
    sendNext();
  }

  /* ---- Which half, which part ---- */

  function route() {
    const [half, part = "articles", id = ""] = location.hash.slice(1).split("/");
    const inside = half === "library" && Boolean(element("yj-library") || !send);
    document.documentElement.classList.toggle("yj-in-library", inside);
    element("yj-nav-chat")?.toggleAttribute("aria-current", false);
    element("yj-nav-library")?.toggleAttribute("aria-current", false);
    element(inside ? "yj-nav-library" : "yj-nav-chat")?.setAttribute("aria-current", "page");
    if (!inside) return;
    const open = part === "article" || PARTS.includes(part) ? part : "articles";
    document.documentElement.dataset.library = open;
    for (const name of PARTS) {
      const tab = element(`yjl-tab-${name}`);
      const current = name === open || (name === "articles" && open === "article");
      if (current) tab?.setAttribute("aria-current", "page");
      else tab?.removeAttribute("aria-current");
    }
    if (open === "article") {
      opener = id;
      focus = "#yjl-article h2";
      act({ do: "open", part: open, id });
    } else {
      if (open === "articles" && opener) focus = `a[href="#library/article/${CSS.escape(opener)}"]`;
      opener = "";
      act({ do: "open", part: open });
    }
  }

  addEventListener("hashchange", route);

  /* ---- What was clicked ---- */

  function form(node) {
    const said = { do: node.dataset.do };
    for (const field of node.elements) {
      if (field.name) said[field.name] = field.type === "checkbox" ? field.checked : field.value;
    }
    return said;
  }

  function showChosen() {
    for (const box of document.querySelectorAll('#yjl-articles [data-do="choose"]')) box.checked = chosen.has(box.dataset.id);
    const boxes = [...document.querySelectorAll('#yjl-articles [data-do="choose"]')];
    const all = document.querySelector('#yjl-articles [data-do="choose-page"]');
    if (all) {
      all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
      all.indeterminate = !all.checked && boxes.some((box) => box.checked);
    }
    const bar = document.querySelector(".yjl-chosen");
    if (!bar) return;
    bar.hidden = chosen.size === 0;
    for (const count of bar.querySelectorAll(".yjl-count")) count.textContent = chosen.size.toLocaleString();
  }

  /* Asks before articles are removed; `then` runs when the answer is yes. */
  function confirmRemoval(count, then) {
    const dialog = element("yjl-confirm");
    for (const node of dialog.querySelectorAll(".yjl-count")) node.textContent = Number(count).toLocaleString();
    dialog.onclick = (event) => {
      const answer = event.target.closest("[data-say]")?.dataset.say;
      if (answer) dialog.close();
      if (answer === "yes") then();
    };
    dialog.showModal();
  }

  const CLICKS = {
    "ask-remove": () =>
      confirmRemoval(chosen.size, () => {
        act({ do: "remove", ids: [...chosen] });
        chosen.clear();
        showChosen();
      }),
    "ask-vanished": (data) => confirmRemoval(data.count, () => act({ do: "remove-vanished" })),
    "choose-none": () => {
      chosen.clear();
      showChosen();
    },
    part: (data) => {
      focus = "#yjl-article h2";
      act({ do: "part", id: data.id, part_number: data.part });
    },
    "stop-sending": () => sending?.stop(),
  };

  document.addEventListener("click", (event) => {
    const node = event.target.closest?.("#yj-library button[data-do]");
    if (!node) return;
    const { do: what, ...data } = node.dataset;
    if (CLICKS[what]) CLICKS[what](data);
    else act({ do: what, ...data });
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.closest?.("#yj-library")) return;
    event.preventDefault();
    act(form(event.target));
  });

  document.addEventListener("change", (event) => {
    const node = event.target;
    if (!node.closest?.("#yj-library")) return;
    if (node.dataset.do === "choose") {
      if (node.checked) chosen.add(node.dataset.id);
      else chosen.delete(node.dataset.id);
      showChosen();
    } else if (node.dataset.do === "choose-page") {
      for (const box of document.querySelectorAll('#yjl-articles [data-do="choose"]')) {
        if (node.checked) chosen.add(box.dataset.id);
        else chosen.delete(box.dataset.id);
      }
      showChosen();
    } else if (node.matches(".yjl-form select, .yjl-form [type=checkbox]")) {
      act(form(node.form));
    } else if (node.id === "yjl-files" || node.id === "yjl-folder") {
      const files = Array.from(node.files, (file) => [file, file.webkitRelativePath || file.name]);
      node.value = "";
      upload(files);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.documentElement.dataset.library === "article" && !element("yjl-confirm")?.open) {
      if (location.hash.startsWith("#library/article")) location.hash = "#library";
    }
  });

  /* ---- Uploads ---- */

  async function ask(path, method, body) {
    const reply = await fetch(`library/uploads${path}`, { method, body, headers: HEADERS });
    const answer = await reply.json().catch(() => ({}));
    if (!reply.ok) throw Object.assign(new Error(answer.message || ""), { hint: answer.hint || "" });
    return answer;
  }

  function put(path, file, stop, progress) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("PUT", `library/uploads${path}`);
      for (const [name, value] of Object.entries(HEADERS)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => progress(event.loaded);
      request.onload = () => (request.status < 300 ? resolve() : reject(new Error("refused")));
      request.onerror = request.onabort = () => reject(new Error("broken"));
      stop.addEventListener("abort", () => request.abort());
      request.send(file);
    });
  }

  async function upload(files) {
    if (!files.length || sending) return;
    const stop = new AbortController();
    sending = { stop: () => stop.abort() };
    for (const id of ["yjl-refused", "yjl-broken"]) element(id).hidden = true;
    let id = "";
    try {
      const begun = await ask("", "POST", JSON.stringify(files.map(([file, name]) => [name, file.size])));
      id = begun.id;
      const refused = new Set(begun.refused);
      await sendAll(id, files.map(([file], number) => [file, number]).filter(([, number]) => !refused.has(number)), stop.signal);
      await ask(`/${id}/finish`, "POST");
      act({ do: "jobs" });
    } catch (error) {
      if (id) ask(`/${id}`, "DELETE").catch(() => {});
      if (stop.signal.aborted) return;
      const where = element(error.message && error.hint !== undefined ? "yjl-refused" : "yjl-broken");
      if (where.id === "yjl-refused") where.textContent = `${error.message} ${error.hint}`;
      where.hidden = false;
    } finally {
      element("yjl-sending").hidden = true;
      sending = null;
    }
  }

  async function sendAll(id, files, signal) {
    const box = element("yjl-sending");
    const total = files.reduce((sum, [file]) => sum + file.size, 0);
    const loaded = new Map();
    let done = 0;
    const say = () => {
      const bytes = [...loaded.values()].reduce((sum, size) => sum + size, 0);
      box.querySelector("progress").value = total ? Math.min(1, bytes / total) : 1;
      for (const [name, text] of [[".yjl-done", done], [".yjl-total", files.length], [".yjl-mb", (total / 1e6).toFixed(1)]]) {
        for (const node of box.querySelectorAll(name)) node.textContent = text.toLocaleString();
      }
    };
    box.hidden = false;
    say();
    const queue = files.slice();
    const worker = async () => {
      for (let next = queue.shift(); next && !signal.aborted; next = queue.shift()) {
        const [file, number] = next;
        try {
          await put(`/${id}/${number}`, file, signal, (size) => {
            loaded.set(number, size);
            say();
          });
        } catch (error) {
          if (error.message !== "refused") throw error; // a single file that went wrong is in the report
        }
        loaded.set(number, file.size);
        done += 1;
        say();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (signal.aborted) throw new Error("");
  }

  /* Files and folders can be dropped on the form, too. */
  async function dropped(items) {
    const files = [];
    const walk = async (entry) => {
      if (entry.isFile) {
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        files.push([file, entry.fullPath.replace(/^\//, "")]);
      } else if (entry.isDirectory) {
        const reader = entry.createReader();
        for (;;) {
          const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
          if (!entries.length) break;
          for (const inner of entries) await walk(inner);
        }
      }
    };
    const entries = Array.from(items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
    for (const entry of entries) await walk(entry);
    return files;
  }

  document.addEventListener("dragover", (event) => {
    const drop = event.target.closest?.("#yjl-drop");
    element("yjl-drop")?.classList.toggle("yjl-over", Boolean(drop));
    if (drop) event.preventDefault();
  });

  document.addEventListener("drop", (event) => {
    element("yjl-drop")?.classList.remove("yjl-over");
    if (!event.target.closest?.("#yjl-drop")) return;
    event.preventDefault();
    dropped(event.dataTransfer.items).then(upload);
  });

  /* ---- Between Gradio and us ---- */

  const toasts = setInterval(() => {
    const wrap = document.querySelector(".toast-wrap");
    if (!wrap) return;
    clearInterval(toasts);
    new MutationObserver((changes) => {
      const trouble = element("yjl-trouble");
      if (trouble && changes.some((change) => change.addedNodes.length)) trouble.hidden = false;
    }).observe(wrap, { childList: true });
  }, 200);

  window.youjuLibrary = {
    /* Gradio is ready: `trigger` takes what was clicked to the server. */
    connect(trigger) {
      send = trigger;
      waiting.length = 0;
      route();
    },
    /* What was clicked is answered. */
    answered() {
      answered();
      this.shown();
    },
    /* What the server answered is in place, or will be in a moment. */
    shown() {
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          const trouble = element("yjl-trouble");
          if (trouble) trouble.hidden = true;
          showChosen();
          const node = focus && document.querySelector(focus);
          if (node) {
            focus = "";
            node.focus({ preventScroll: true });
            node.closest("#yjl-article") ? element("yj-library").scrollTo(0, 0) : node.scrollIntoView({ block: "center" });
          }
        }),
      );
    },
  };
  route();
})();
