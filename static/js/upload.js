// Files of a form with data-upload: dropped or chosen, their SHA-256 while one looks, and how much of them has been sent.
// The server compares the digests with what arrived. Without this script the same form is sent by the browser itself.
"use strict";
(() => {
  const HASHER = document.currentScript?.dataset.hasher;
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const size = (bytes) => {
    const step = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
    return `${step ? (bytes / 1000 ** step).toFixed(1) : bytes} ${units[step]}`;
  };
  const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

  // digests, one file after the other, in a thread of their own

  let hasher = null, jobs = 0;
  const waiting = new Map();
  const digestOf = (file, told) => new Promise((done, failed) => {
    if (!hasher) {
      hasher = new Worker(HASHER);
      hasher.onmessage = ({ data }) => {
        const job = waiting.get(data.id);
        if (data.failed) job.failed(new Error("unreadable"));
        else if (data.digest) job.done(data.digest);
        else job.told(data.read);
        if (data.failed || data.digest) waiting.delete(data.id);
      };
    }
    waiting.set(++jobs, { done, failed, told });
    hasher.postMessage({ id: jobs, file });
  });

  // one field with its list of chosen files

  class Field {
    constructor(input) {
      this.input = input;
      this.chosen = [];
      this.list = make("ul", "uploads");
      this.list.setAttribute("aria-label", "Chosen files");
      input.after(this.list);
      input.addEventListener("change", () => this.show());
      const zone = input.closest(".field") ?? input.parentElement;
      zone.classList.add("drop");
      const over = (event) => {
        if (![...event.dataTransfer.types].includes("Files")) return;
        event.preventDefault();
        zone.classList.toggle("drop-over", event.type === "dragover");
      };
      zone.addEventListener("dragover", over);
      zone.addEventListener("dragleave", over);
      zone.addEventListener("drop", (event) => {
        over(event);
        this.take([...event.dataTransfer.files]);
      });
      this.show();
    }

    take(files) {
      const kept = new DataTransfer();
      for (const file of this.input.multiple ? [...this.input.files, ...files] : files.slice(0, 1)) kept.items.add(file);
      this.input.files = kept.files;
      this.show();
    }

    show() {
      this.chosen = [...this.input.files].map((file) => {
        const line = make("li", ""), facts = make("p", "lr"), state = make("span", "meta", "Reading"), bar = make("progress", "");
        facts.append(make("span", "", file.name), make("span", "meta nowrap", size(file.size)));
        bar.max = Math.max(file.size, 1);
        bar.value = 0;
        bar.setAttribute("aria-label", file.name);
        line.append(facts, bar, state);
        const one = { file, bar, state, line, digest: null };
        one.hashed = digestOf(file, (read) => { bar.value = read; }).then((digest) => {
          one.digest = digest;
          bar.value = bar.max;
          const code = make("code", "digest digest-full", `sha256:${digest.match(/.{8}/g).join(" ")}`);
          state.replaceChildren(code);
        });
        one.hashed.catch(() => {
          state.textContent = "This file can not be read. Choose it again.";
          state.className = "field-msg";
          bar.remove();
        });
        return one;
      });
      this.list.replaceChildren(...this.chosen.map((one) => one.line));
    }
  }

  // the form as it is sent

  class Sending {
    constructor(form) {
      this.form = form;
      this.fields = [...form.querySelectorAll('input[type="file"]')].map((input) => new Field(input));
      this.status = make("p", "meta");
      this.status.setAttribute("role", "status");
      form.append(this.status);
      form.addEventListener("submit", (event) => {
        if (!this.files().length) return;
        event.preventDefault();
        this.send(event.submitter);
      });
    }

    files() {
      return this.fields.flatMap((field) => field.chosen);
    }

    async send(button) {
      if (this.busy) return;
      this.busy = true;
      this.status.textContent = "Reading the files before they are sent.";
      try {
        await Promise.all(this.files().map((one) => one.hashed));
      } catch {
        this.stop("One file can not be read any more. Nothing was sent. Choose it again.");
        return;
      }
      const body = new FormData(this.form, button);
      for (const field of this.fields) {
        for (const one of field.chosen) body.append(`${field.input.name}-sha256`, one.digest);
      }
      this.post(body);
    }

    post(body) {
      const asked = new XMLHttpRequest(), began = Date.now(), leaving = (event) => event.preventDefault();
      for (const one of this.files()) one.bar.value = 0;
      addEventListener("beforeunload", leaving);
      asked.open("POST", this.form.action);
      asked.setRequestHeader("HX-Request", "true");
      asked.setRequestHeader("Accept", "text/html");
      asked.upload.onprogress = (event) => this.tell(event, began);
      asked.upload.onload = () => { this.status.textContent = "All sent. It is being sealed and registered."; };
      asked.onerror = asked.onabort = () => {
        removeEventListener("beforeunload", leaving);
        this.stop("The connection broke. Nothing was stored. The files are still chosen: send them again.");
      };
      asked.onload = () => {
        removeEventListener("beforeunload", leaving);
        const next = asked.getResponseHeader("HX-Redirect");
        if (next) location.assign(next);
        else this.answered(asked.responseText);
      };
      asked.send(body);
    }

    tell(event, began) {
      let rest = event.loaded;
      for (const one of this.files()) {
        one.bar.value = Math.min(rest, one.bar.max);
        rest = Math.max(0, rest - one.file.size);
      }
      const seconds = Math.round(((Date.now() - began) / event.loaded) * (event.total - event.loaded) / 1000);
      this.status.textContent = `${size(event.loaded)} of ${size(event.total)} sent. About ${seconds} ${seconds === 1 ? "second" : "seconds"} left. Stay on this page.`;
    }

    stop(words) {
      this.busy = false;
      this.status.textContent = "";
      const banner = make("div", "banner banner-bad"), said = make("span", "", words);
      banner.setAttribute("role", "alert");
      banner.tabIndex = -1;
      banner.append(said);
      this.form.querySelector(".banner-bad")?.remove();
      this.form.prepend(banner);
      banner.focus();
    }

    // a page that says what to put right takes this one's place; the chosen files stay chosen
    answered(text) {
      const answer = new DOMParser().parseFromString(text, "text/html"), main = document.getElementById("main"), next = answer.getElementById("main");
      if (!next) {
        this.stop("The answer can not be shown. Load the page again.");
        return;
      }
      for (const { input } of this.fields) {
        const other = next.querySelector(`input[type="file"][name="${CSS.escape(input.name)}"]`);
        if (other) {
          for (const name of ["aria-describedby", "aria-invalid"]) other.hasAttribute(name) ? input.setAttribute(name, other.getAttribute(name)) : input.removeAttribute(name);
          other.replaceWith(document.adoptNode(input));
        }
      }
      document.title = answer.title;
      main.replaceChildren(...[...next.childNodes].map((node) => document.adoptNode(node)));
      begin();
      const alarm = main.querySelector('[role="alert"]') ?? main.querySelector("h1");
      if (alarm) {
        alarm.tabIndex = -1;
        alarm.focus();
      }
    }
  }

  const begin = () => document.querySelectorAll("form[data-upload]").forEach((form) => new Sending(form));
  begin();
})();
