// Ctrl K: the palette over the page at hand. Its list comes from the server by htmx; here it is opened, walked and followed.
"use strict";
(() => {
  const link = document.querySelector("[data-palette]");
  if (!link) return;
  let dialog = null;

  const options = () => [...dialog.querySelectorAll('[role="option"]')];
  const choose = (one) => {
    for (const other of options()) other.setAttribute("aria-selected", String(other === one));
    const input = dialog.querySelector("input[name=words]");
    if (one) input.setAttribute("aria-activedescendant", one.id);
    else input.removeAttribute("aria-activedescendant");
    one?.scrollIntoView({ block: "nearest" });
  };
  // a list box has options and no links inside: what a line leads to stays hidden in it and is followed by it
  const arrange = () => {
    const list = dialog.querySelector("ul");
    [...list.children].forEach((line, at) => {
      const control = line.querySelector("a, button");
      if (!control || line.role === "option") return;
      line.role = "option";
      line.id = `palette-${at}`;
      line.prepend(...[...control.children].map((part) => part.cloneNode(true)));
      (control.closest("form") ?? control).hidden = true;
    });
    const all = options();
    choose(all[0]);
    dialog.querySelector("[data-palette-said]").textContent = all.length ? `${all.length} found` : list.textContent.trim();
  };
  const follow = (one) => one?.querySelector("a, button")?.click();

  const walk = (event) => {
    const all = options(), at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && all.length) {
      choose(all[(at + by + all.length) % all.length]);
    } else if (event.key === "Enter") {
      follow(all[at]);
    } else {
      return;
    }
    event.preventDefault();
  };

  const open = async () => {
    if (dialog) return;
    dialog = document.createElement("dialog");
    dialog.className = "palette";
    dialog.setAttribute("aria-label", "Go to or do");
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("palette");
    if (!answer.ok || !part) {
      dialog = null;
      location.assign(link.href);
      return;
    }
    dialog.append(...[...part.childNodes].map((node) => document.importNode(node, true)));
    const input = dialog.querySelector("input[name=words]"), list = dialog.querySelector("ul");
    list.role = "listbox";
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-expanded", "true");
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-autocomplete", "list");
    dialog.addEventListener("keydown", walk);
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
      else if (!event.target.closest("a, button")) follow(event.target.closest('[role="option"]'));
    });
    dialog.addEventListener("close", () => { dialog.remove(); dialog = null; });
    list.addEventListener("htmx:afterSwap", arrange);
    document.body.append(dialog);
    htmx.process(dialog);
    arrange();
    dialog.showModal();
    input.focus();
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog) dialog.close();
      else open();
    }
  });
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
})();
