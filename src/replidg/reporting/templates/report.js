(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.remove("no-js");
  const DEFAULTS = { paper: "", kind: "", state: "", q: "", theme: "", at: "" };

  /* The hash is either a place (#alignment_table1a) or a state (#kind=table&q=swad&at=place). */
  const readHash = () => {
    const hash = location.hash.slice(1);
    const state = { ...DEFAULTS };
    if (!hash.includes("=")) return { ...state, at: safeDecode(hash) };
    for (const [key, value] of new URLSearchParams(hash)) if (key in state) state[key] = value;
    return state;
  };
  const safeDecode = (text) => {
    try { return decodeURIComponent(text); } catch { return text; }
  };
  const toHash = (state) => {
    const kept = Object.entries(state).filter(([, value]) => value);
    if (kept.length === 1 && kept[0][0] === "at") return "#" + kept[0][1];
    return kept.length ? "#" + new URLSearchParams(kept) : "";
  };
  const writeHash = (state, push) => {
    const url = location.pathname + location.search + toHash(state);
    try { history[push ? "pushState" : "replaceState"](null, "", url); } catch { /* a viewer that forbids it */ }
  };
  const filtered = (state) => Boolean(state.paper || state.kind || state.state || state.q.trim());

  const remembered = {
    get: () => { try { return localStorage.getItem("replidg-theme") || ""; } catch { return ""; } },
    set: (theme) => { try { localStorage.setItem("replidg-theme", theme); } catch { /* private window */ } },
  };
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const showTheme = (theme) => {
    const known = theme === "light" || theme === "dark";
    if (known) root.dataset.theme = theme; else delete root.dataset.theme;
    /* The class that the style sheet of the tables looks for. */
    root.classList.toggle("dark", known ? theme === "dark" : prefersDark.matches);
    for (const button of document.querySelectorAll("[data-set-theme]"))
      button.setAttribute("aria-pressed", String(button.dataset.setTheme === (known ? theme : "auto")));
  };

  let state = readHash();
  showTheme(state.theme || remembered.get());
  prefersDark.addEventListener("change", () => showTheme(state.theme || remembered.get()));

  const start = () => {
    const form = document.querySelector(".filters");
    const search = document.getElementById("q");
    const reset = form.querySelector("[type=reset]");
    const said = document.getElementById("said");
    const entries = [...document.querySelectorAll("[data-entry]")].map((node) => ({
      node,
      id: node.id,
      paper: node.dataset.paper,
      kind: node.dataset.kind,
      state: node.dataset.state,
      text: (node.dataset.paper + " " + node.id + " " + wordsOf(node)).toLowerCase(),
      link: document.querySelector(`[data-for="${CSS.escape(node.id)}"]`),
    }));
    const matches = (entry, words) =>
      (!state.paper || entry.paper === state.paper) &&
      (!state.kind || entry.kind === state.kind) &&
      (!state.state || entry.state === state.state) &&
      words.every((word) => entry.text.includes(word));

    const apply = () => {
      const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
      const papers = new Set();
      let count = 0;
      for (const entry of entries) {
        const shown = matches(entry, words);
        entry.node.hidden = !shown;
        if (entry.link) entry.link.hidden = !shown;
        if (shown) { count += 1; papers.add(entry.paper); }
      }
      for (const missing of document.querySelectorAll(".tiles .missing")) missing.hidden = filtered(state);
      for (const part of document.querySelectorAll("[data-paper-part]"))
        part.hidden = !papers.has(part.dataset.paperPart);
      document.getElementById("nothing").hidden = count > 0;
      document.getElementById("shown").textContent =
        count === entries.length ? `${count} artefacts` : `${count} of ${entries.length} artefacts`;
      reset.hidden = !filtered(state);
    };
    const fill = () => {
      search.value = state.q;
      for (const name of ["kind", "paper", "state"])
        for (const radio of form.elements[name].length ? form.elements[name] : [form.elements[name]])
          radio.checked = radio.value === state[name];
    };
    const goTo = (id, focus) => {
      const place = id && document.getElementById(id);
      if (!place) return;
      if (place.closest("[hidden]") && filtered(state)) {
        state = { ...state, paper: "", kind: "", state: "", q: "" };
        fill();
        apply();
      }
      place.scrollIntoView();
      if (focus) {
        if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
        place.focus({ preventScroll: true });
      }
    };

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      const data = new FormData(form);
      state = { ...state, at: "" };
      for (const name of ["q", "kind", "paper", "state"]) state[name] = String(data.get(name) || "");
      apply();
      writeHash(state, false);
    });
    form.addEventListener("reset", () => {
      state = { ...state, paper: "", kind: "", state: "", q: "", at: "" };
      setTimeout(() => { fill(); apply(); writeHash(state, false); search.focus(); });
    });
    window.addEventListener("hashchange", () => {
      state = readHash();
      fill();
      apply();
      showTheme(state.theme || remembered.get());
      goTo(state.at, false);
    });
    window.addEventListener("popstate", () => { state = readHash(); fill(); apply(); });

    document.addEventListener("click", (event) => {
      const link = event.target.closest('a[href^="#"]');
      if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
        event.preventDefault();
        const at = safeDecode(link.getAttribute("href").slice(1));
        goTo(at, true);
        state = { ...state, at };
        writeHash(state, true);
      }
      const theme = event.target.closest("[data-set-theme]");
      if (theme) {
        const name = theme.dataset.setTheme;
        remembered.set(name === "auto" ? "" : name);
        state = { ...state, theme: "" };
        showTheme(name);
        writeHash(state, false);
      }
      const copy = event.target.closest("[data-copy]");
      if (copy) copyFrom(copy, copy.dataset.copy, said);
      const save = event.target.closest("[data-save]");
      if (save) savePicture(save);
    });
    /* The tables' own buttons ask for the same. */
    document.addEventListener("copy-text", (event) => copyFrom(event.target, event.detail, said));
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        search.focus();
      }
      if (event.key === "Escape" && event.target === search && search.value) {
        search.value = "";
        form.dispatchEvent(new Event("input"));
      }
    });
    window.addEventListener("beforeprint", () => {
      for (const details of document.querySelectorAll("details:not([open])")) {
        details.open = true;
        details.dataset.printed = "";
      }
    });
    window.addEventListener("afterprint", () => {
      for (const details of document.querySelectorAll("details[data-printed]")) {
        details.open = false;
        delete details.dataset.printed;
      }
    });

    showTheme(state.theme || remembered.get());
    fill();
    apply();
    if (state.at && filtered(state)) goTo(state.at, false);
  };

  /* What a reader sees of an entry, without its buttons. */
  const wordsOf = (node) =>
    [...node.querySelectorAll("header, table, .caption")].map((part) => part.textContent).join(" ");

  const copyFrom = async (button, text, said) => {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      done = copyOldWay(text);
      button.focus();
    }
    const words = button.dataset.words || button.textContent;
    button.dataset.words = words;
    button.textContent = done ? "Copied" : "Not copied";
    button.classList.toggle("done", done);
    said.textContent = done ? "Copied" : "The browser did not allow copying";
    clearTimeout(Number(button.dataset.timer));
    button.dataset.timer = setTimeout(() => {
      button.textContent = words;
      button.classList.remove("done");
      said.textContent = "";
    }, 1600);
  };
  const copyOldWay = (text) => {
    const box = document.createElement("textarea");
    box.value = text;
    box.className = "visually-hidden";
    document.body.append(box);
    box.select();
    let done = false;
    try { done = document.execCommand("copy"); } catch { /* not allowed */ }
    box.remove();
    return done;
  };

  /* The page holds each figure once, as svg; a png is drawn from it at about 300 dpi. */
  const savePicture = (button) => {
    const picture = button.closest("[data-entry]").querySelector("[data-picture]");
    const save = (address) => {
      const link = document.createElement("a");
      link.href = address;
      link.download = `${button.dataset.name}.${button.dataset.save}`;
      link.click();
    };
    if (button.dataset.save === "svg") { save(picture.src); return; }
    const scale = 300 / 96;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.naturalWidth * scale);
    canvas.height = Math.round(picture.naturalHeight * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    save(canvas.toDataURL("image/png"));
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
