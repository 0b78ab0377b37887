// What was just done stays in sight for 20 seconds, or until it is closed; longer while somebody points at it or has the focus in it.
"use strict";
(() => {
  const SHOWN_MS = 20000;
  for (const toast of document.querySelectorAll(".toast")) {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn btn-bare";
    close.textContent = "Close";
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    const later = () => setTimeout(() => (toast.matches(":hover, :focus-within") ? later() : toast.remove()), SHOWN_MS);
    later();
  }
})();
