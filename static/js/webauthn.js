// Asks a security key or passkey and puts its answer into the form that asked:
// <form data-webauthn="get|create" data-options="JSON" data-origin="the address that keys are bound to">.
// The answer goes into the field named "credential", or into the one marked data-webauthn-into.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));
const WHY = {
  InvalidStateError: "This key is added already. Take another one, or use it to sign in.",
  NotAllowedError: "No key of yours answered in time. Try again, or use another way.",
};

async function ask(kind, options) {
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  if (kind === "create") {
    publicKey.user = { ...options.user, id: bytes(options.user.id) };
    publicKey.excludeCredentials = named(options.excludeCredentials);
    return navigator.credentials.create({ publicKey });
  }
  publicKey.allowCredentials = named(options.allowCredentials);
  return navigator.credentials.get({ publicKey });
}

function answer(credential) {
  const { response } = credential;
  const said = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) said[name] = text(response[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: said, clientExtensionResults: {} });
}

// why no key can be asked here at all; null where one can
function hindrance(form) {
  const { origin } = form.dataset;
  if (location.origin !== origin) return `Security keys work where the console is opened as ${origin}, and here it is ${location.origin}.`;
  if (!window.PublicKeyCredential) return "This browser knows no security keys. Use another way.";
  return null;
}

for (const form of document.querySelectorAll("form[data-webauthn]")) {
  const into = form.querySelector("[data-webauthn-into]") || form.elements.credential;
  const said = form.querySelector("[data-webauthn-said]");
  const button = form.querySelector("[data-webauthn-go]");
  const why = hindrance(form);
  if (why) {
    said.textContent = why;
    button.disabled = true;
    continue;
  }
  // an answer counts once: a browser that goes back brings the used one back with the page
  window.addEventListener("pageshow", () => { into.value = ""; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true; // a browser refuses a second question while the first is open
    said.textContent = "Touch the key when it blinks.";
    try {
      into.value = answer(await ask(form.dataset.webauthn, JSON.parse(form.dataset.options)));
    } catch (error) {
      said.textContent = WHY[error.name] || "The key could not be asked. Try again, or use another way.";
      button.disabled = false;
      button.focus();
      return;
    }
    form.submit();
  });
}
