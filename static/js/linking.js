// At the linking desk: Confirm without a reason goes into the reason first, and Enter there confirms. The server asks for it in any case.
"use strict";
(() => {
  const form = document.querySelector("form.decide");
  const reason = form?.querySelector('input[name="reason"]');
  const confirm = form?.querySelector('button[value="confirm"]');
  if (!reason || !confirm) return;
  confirm.addEventListener("click", (event) => {
    if (reason.value.trim()) return;
    event.preventDefault();
    reason.focus();
  });
  // the first button of a form is what Enter presses, and here that would be Later
  reason.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    confirm.click();
  });
})();
