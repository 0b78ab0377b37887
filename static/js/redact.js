// Puts the brackets around what is selected. Without this script they are typed.
"use strict";
(() => {
  for (const area of document.querySelectorAll("textarea[data-marks]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn";
    button.textContent = "Hide what is selected";
    button.addEventListener("click", () => {
      const { selectionStart: start, selectionEnd: end } = area;
      if (start !== end) area.setRangeText(`[[${area.value.slice(start, end)}]]`, start, end, "end");
      area.focus();
    });
    const acts = document.createElement("div");
    acts.className = "acts";
    acts.append(button);
    area.after(acts);
  }
})();
