// After an act that loads its page again the focus is where it was: the same control, else the same row, else the row in its place.
"use strict";
(() => {
  const KEY = "tipline-place", LONGEST_MS = 30000;
  const rows = () => [...document.querySelectorAll("[data-row]")];

  // Only structure is kept, in this tab, until the next page: names of controls and numbers of things, never what was typed.
  const place = (one) => {
    const row = one.closest("[data-row]");
    return { path: location.pathname, at: Date.now(), y: scrollY, id: one.id, action: one.form?.getAttribute("action") ?? "",
      nthControl: one.form ? [...one.form.elements].indexOf(one) : -1,
      row: row?.dataset.row ?? "", nth: row ? rows().indexOf(row) : -1 };
  };
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    const from = document.activeElement?.closest("form, [data-row]") ? document.activeElement : event.submitter ?? event.target;
    sessionStorage.setItem(KEY, JSON.stringify(place(from)));
  });

  const inside = (row) => (row?.matches("a[href], button") ? row : (row?.querySelector("[data-open]") ?? row?.querySelector("a[href], button, input")));
  const found = (was) => {
    if (was.id && document.getElementById(was.id)) return document.getElementById(was.id);
    const same = was.row && rows().find((row) => row.dataset.row === was.row);
    if (same) return inside(same);
    if (was.nth >= 0 && rows().length) return inside(rows()[Math.min(was.nth, rows().length - 1)]);
    const form = [...document.forms].find((one) => was.action && one.getAttribute("action") === was.action);
    return form?.elements[was.nthControl] ?? form?.querySelector("button, input:not([type=hidden]), select, textarea");
  };
  const focus = (one) => {
    if (!one.matches("a[href], button, input, select, textarea, summary, [tabindex]")) one.tabIndex = -1;
    one.focus({ preventScroll: false });
  };

  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  const was = kept && JSON.parse(kept);
  const fresh = was && Date.now() - was.at < LONGEST_MS;
  const restore = () => {
    const alarm = document.querySelector('[role="alert"]'), heading = fresh && document.querySelector("[data-focus]");
    if (alarm) {
      focus(alarm);
    } else if (heading) {
      focus(heading);
    } else if (fresh && was.path === location.pathname && !location.hash) {
      scrollTo(0, was.y);
      const one = found(was);
      if (one) focus(one);
    }
  };
  // the browser goes to the place after # when the page is there, and takes the focus along
  if (location.hash) addEventListener("load", () => setTimeout(restore));
  else addEventListener("DOMContentLoaded", restore); // when the page's other scripts have added what they add
})();
