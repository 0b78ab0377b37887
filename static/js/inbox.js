// One box that ticks all tips of the page, ranges by Shift and click. Without this script each is ticked by itself.
"use strict";
document.querySelector(".desk-inbox tr[aria-current]")?.scrollIntoView({ block: "nearest" }); // the open tip stays in sight beside its row
(() => {
  const head = document.querySelector(".inbox thead th");
  const boxes = [...document.querySelectorAll('.inbox input[name="tip"]')];
  if (!head || !boxes.length) return;
  const all = document.createElement("input");
  all.type = "checkbox";
  const words = document.createElement("span");
  words.textContent = `Select all ${boxes.length}`;
  const label = document.createElement("label");
  label.className = "tick";
  label.append(all, words);
  const said = document.createElement("span");
  said.className = "meta";
  said.setAttribute("role", "status");
  document.querySelector('.bar select[name="act"]')?.closest(".row").append(said);
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    said.textContent = ticked ? `${ticked} ticked` : "";
  };
  let last = null;
  const range = (from, to, value) => {
    const [first, end] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
    if (first >= 0) boxes.slice(first, end + 1).forEach((box) => { box.checked = value; });
  };
  boxes.forEach((box) => box.addEventListener("click", (event) => {
    if (event.shiftKey && last) range(last, box, box.checked);
    last = box;
    show();
  }));
  // a label passes its click on without the Shift that was held
  document.querySelectorAll(".inbox tbody .tick").forEach((tick) => tick.addEventListener("click", (event) => {
    if (!event.shiftKey || event.target.matches("input")) return;
    event.preventDefault();
    const box = tick.querySelector("input");
    box.checked = !box.checked;
    if (last) range(last, box, box.checked);
    last = box;
    show();
  }));
  all.addEventListener("change", () => { boxes.forEach((box) => { box.checked = all.checked; }); show(); });
  boxes.forEach((box) => box.addEventListener("change", show));
  head.replaceChildren(label);
  show();
})();
