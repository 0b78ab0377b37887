// Asks a security key or passkey and puts its answer into the form that asked: <form data-webauthn="get|create" data-options="JSON">.
// The answer goes into the field named "credential", or into the one marked data-webauthn-into.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

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

for (const form of document.querySelectorAll("form[data-webauthn]")) {
  const into = form.querySelector("[data-webauthn-into]") || form.elements.credential;
  const said = form.querySelector("[data-webauthn-said]");
  form.addEventListener("submit", async (event) => {
    if (into.value) return;
    event.preventDefault();
    if (!window.PublicKeyCredential) {
      said.textContent = "This browser knows no security keys. Use your six digits.";
      return;
    }
    said.textContent = "Touch the key when it blinks.";
    try {
      into.value = answer(await ask(form.dataset.webauthn, JSON.parse(form.dataset.options)));
    } catch {
      said.textContent = "The key did not answer. Try again, or use another way.";
      return;
    }
    form.submit();
  });
}
