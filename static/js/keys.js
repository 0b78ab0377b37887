// Single keys. What a page offers stands in its markup (docs/architecture.md, "Keys"); all of it can be done without them too.
"use strict";
(() => {
  const page = document.documentElement;
  const SECOND_KEY_MS = 1500, FIELDS = "textarea, select, input:not([type=hidden])";
  let prefix = "", prefixAt = 0, ticked = null, last = null;

  const shown = (part) => {
    const one = part.closest("select") ?? part;
    return one.checkVisibility() || Boolean(one.closest("details:not([open])")?.checkVisibility());
  };
  const typing = (one) => one instanceof HTMLElement
    && (one.isContentEditable || one.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=file])"));

  // rows

  const lists = () => [...document.querySelectorAll("[data-rows]")].filter(shown);
  const rowsOf = (list) => (list ? [...list.querySelectorAll("[data-row]")].filter(shown) : []);
  const currentRow = () => {
    const focused = document.activeElement?.closest("[data-row]");
    if (focused) return focused;
    if (last?.isConnected) return last;
    return document.querySelector("[data-rows] [data-row][aria-current], [data-rows] [data-row]:has([aria-current])");
  };
  const handle = (row) => {
    if (row.matches("a[href], button")) return row;
    const one = row.querySelector("[data-open]") ?? row.querySelector("a[href], button, input, select, [tabindex]");
    if (!one) row.tabIndex = -1; // nothing in it can be acted on: it can still be read
    return one ?? row;
  };

  const step = (by) => {
    const here = currentRow();
    const list = here?.closest("[data-rows]") ?? lists()[0];
    const rows = rowsOf(list);
    const row = here ? rows[rows.indexOf(here) + by] : rows[0];
    if (!row) return false;
    const target = handle(row);
    last = row;
    target.focus();
    row.scrollIntoView({ block: "nearest" });
    if (list.dataset.rows === "follow") target.click();
    return true;
  };

  const boxOf = (row) => row?.querySelector('input[type="checkbox"]');
  const tick = (range) => {
    const row = currentRow(), box = boxOf(row);
    if (!box) return false;
    const rows = rowsOf(row.closest("[data-rows]"));
    const from = rows.indexOf(ticked), to = rows.indexOf(row);
    const between = range && from >= 0 ? rows.slice(Math.min(from, to), Math.max(from, to) + 1) : [row];
    const value = range ? true : !box.checked;
    for (const one of between.map(boxOf)) {
      if (one && one.checked !== value) one.click();
    }
    ticked = row;
    return true;
  };

  // what carries data-key

  const use = (one) => {
    for (let folded = one.closest("details:not([open])"); folded; folded = folded.parentElement.closest("details:not([open])")) folded.open = true;
    if (one.matches("details, summary")) {
      const details = one.closest("details");
      (details.querySelector("input:not([type=hidden]), select, textarea, button, a[href]") ?? details.querySelector("summary")).focus();
    } else if (one.matches("optgroup")) {
      const select = one.closest("select");
      select.value = one.querySelector("option:not([disabled])").value;
      select.focus();
    } else if (one.matches("form")) {
      one.requestSubmit();
    } else if (typing(one)) {
      one.focus();
      one.select?.();
    } else if (!one.disabled) {
      one.focus();
      one.click();
      const place = one.hash && one.pathname === location.pathname && document.getElementById(one.hash.slice(1));
      if (place) (place.matches(FIELDS) ? place : place.querySelector(FIELDS))?.focus(); // a link to a form of this page: into its first field
    }
  };

  const find = (keys) => {
    const all = [...document.querySelectorAll("[data-key]")].filter((one) => one.dataset.key === keys && shown(one));
    const row = currentRow();
    return all.find((one) => row?.contains(one)) ?? all.find((one) => !one.closest("[data-row]"));
  };
  const begins = (key) => [...document.querySelectorAll("[data-key]")].some((one) => one.dataset.key.startsWith(`${key} `));

  const press = (key) => {
    const keys = prefix && Date.now() - prefixAt < SECOND_KEY_MS ? `${prefix} ${key}` : key;
    prefix = "";
    const one = find(keys);
    if (one) {
      use(one);
      return true;
    }
    if (keys === "j" || keys === "k") return step(keys === "j" ? 1 : -1);
    if (keys === "x" || keys === "X") return tick(keys === "X");
    if (begins(key)) {
      prefix = key;
      prefixAt = Date.now();
      return true;
    }
    return false;
  };

  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.key === "Escape" && typing(at) && !at.closest("dialog")) {
      at.blur();
      const row = currentRow();
      if (row) handle(row).focus();
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.key.length !== 1 || event.key === " ") return;
    if (page.dataset.keys === "off" || typing(at) || document.querySelector("dialog[open]")) return;
    if (press(event.key)) event.preventDefault();
  });
  document.addEventListener("focusin", (event) => { last = event.target.closest?.("[data-row]") ?? last; });

  // the sheet of this page; without this script the link leads to the page of all keys

  const wordsOf = (one) => one.dataset.keySays || one.getAttribute("aria-label") || one.label || one.labels?.[0]?.textContent || one.textContent || one.title;
  const sheet = () => {
    const found = new Map();
    if (lists().length) found.set("j k", "next, previous");
    if (document.querySelector('[data-row] input[type="checkbox"]')) found.set("x", "select").set("Shift x", "select up to here");
    for (const one of document.querySelectorAll("[data-key]")) {
      if (shown(one) && !found.has(one.dataset.key)) found.set(one.dataset.key, wordsOf(one).replace(/\s+/g, " ").trim());
    }
    return found;
  };
  const term = (keys) => {
    const dt = document.createElement("dt");
    for (const key of keys.split(" ")) {
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      dt.append(kbd, " ");
    }
    return dt;
  };
  const showSheet = (link) => {
    const dialog = document.createElement("dialog");
    dialog.className = "keys-sheet";
    const heading = document.createElement("h2");
    heading.textContent = "Keys of this page";
    heading.id = "keys-heading";
    dialog.setAttribute("aria-labelledby", heading.id);
    const list = document.createElement("dl");
    list.className = "facts";
    for (const [keys, words] of sheet()) {
      const dd = document.createElement("dd");
      dd.textContent = words;
      list.append(term(keys), dd);
    }
    const form = document.createElement("form");
    form.method = "dialog";
    form.className = "acts";
    const close = document.createElement("button");
    close.className = "btn";
    close.textContent = "Close";
    const all = document.createElement("a");
    all.href = link.href;
    all.textContent = "All keys";
    form.append(close, all);
    dialog.append(heading, list, form);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[data-key="?"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    showSheet(link);
  });
})();
