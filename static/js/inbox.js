// One box that ticks all tips of the page. Without this script each is ticked by itself.
"use strict";
(() => {
  const head = document.querySelector(".inbox thead th");
  const boxes = [...document.querySelectorAll('.inbox input[name="tip"]')];
  if (!head || boxes.length < 2) return;
  const all = document.createElement("input");
  all.type = "checkbox";
  const words = document.createElement("span");
  words.textContent = `Select all ${boxes.length}`;
  const label = document.createElement("label");
  label.className = "tick";
  label.append(all, words);
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
  boxes.forEach((box) => box.addEventListener("change", show));
  head.replaceChildren(label);
  show();
})();
