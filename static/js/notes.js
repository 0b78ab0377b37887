// Who else has this page open: told every 20 seconds, only while the page is visible. Without this script the page says who was here when it was loaded.
"use strict";
(() => {
  const BEAT_MS = 20000, WRITING_MS = 60000;
  const line = document.querySelector("[data-presence]");
  const form = document.querySelector("form[data-beat]");
  if (!line || !form) return;
  let typedAt = 0, said = "";

  const beat = async () => {
    if (document.visibilityState !== "visible") return;
    const body = new FormData(form);
    if (Date.now() - typedAt < WRITING_MS) body.set("writing", "y");
    let answer;
    try {
      answer = await fetch(line.dataset.presence, { method: "POST", body, redirect: "error" });
    } catch {
      return; // no network, or signed out: the line stays as it is
    }
    if (!answer.ok) return;
    const words = (await answer.text()).trim();
    if (words !== said) {
      said = words;
      const parsed = new DOMParser().parseFromString(words, "text/html");
      line.replaceChildren(...parsed.body.childNodes);
    }
  };

  document.addEventListener("input", (event) => {
    if (!event.target.closest("form[data-writes]")) return;
    const first = Date.now() - typedAt >= WRITING_MS;
    typedAt = Date.now();
    if (first) beat();
  });
  document.addEventListener("visibilitychange", beat);
  setInterval(beat, BEAT_MS);
  beat();
})();
