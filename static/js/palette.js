// Ctrl K: the palette over the page at hand. Its list comes from the server by htmx; here it is opened, walked and followed.
"use strict";
(() => {
  const link = document.querySelector("[data-palette]");
  if (!link) return;
  let dialog = null;
  let asked = "", listed = ""; // the words of the last request, and of the list that is shown
  let entered = false;

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
      if (dialog.querySelector("input[name=words]").value === listed) follow(all[at]);
      else entered = true; // the list is still that of fewer letters, or not there yet
    } else {
      return;
    }
    event.preventDefault();
  };

  // the field is there at once and takes what is typed; the list, and where it comes from, follow
  const fill = (part) => {
    const field = dialog.querySelector("input[name=words]"), typed = field.value, form = field.form;
    const coming = part.querySelector("input[name=words]");
    for (const { name, value } of coming.attributes) if (name !== "value") field.setAttribute(name, value);
    for (const { name, value } of coming.form.attributes) form.setAttribute(name, value);
    for (const one of coming.form.children) if (one !== coming) form.append(document.importNode(one, true));
    dialog.append(...[...part.children].filter((one) => one !== coming.form).map((one) => document.importNode(one, true)));
    const list = dialog.querySelector("ul");
    list.role = "listbox";
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-autocomplete", "list");
    field.addEventListener("htmx:configRequest", (event) => { asked = event.detail.parameters.words; });
    list.addEventListener("htmx:afterSwap", () => {
      listed = asked;
      arrange();
      if (entered && listed === field.value) follow(options()[0]);
    });
    field.value = ""; // htmx asks for what changed since it saw the field first
    htmx.process(dialog);
    arrange();
    field.value = typed;
    if (typed) field.dispatchEvent(new Event("input", { bubbles: true }));
    else if (entered) follow(options()[0]);
  };

  const open = async () => {
    const mine = document.createElement("dialog"), form = document.createElement("form"), field = document.createElement("input");
    mine.className = "palette";
    mine.setAttribute("aria-label", "Go to or do");
    field.type = "text";
    field.name = "words";
    field.autocomplete = "off";
    field.setAttribute("aria-label", "Go to or do");
    form.append(field);
    form.addEventListener("submit", (event) => { if (form.method !== "post") event.preventDefault(); });
    mine.append(form);
    mine.addEventListener("keydown", walk);
    mine.addEventListener("click", (event) => {
      if (event.target === mine) mine.close();
      else if (!event.target.closest("a, button")) follow(event.target.closest('[role="option"]'));
    });
    mine.addEventListener("close", () => { mine.remove(); dialog = null; });
    dialog = mine;
    asked = listed = "";
    entered = false;
    document.body.append(mine);
    mine.showModal();
    field.focus();
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("palette");
    if (dialog !== mine) return; // closed meanwhile
    if (answer.ok && part) fill(part);
    else location.assign(link.href);
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
