// Knows how somebody signs in with a key. Does not know what the key allows.

import { post } from "./api.js";
import { complain, field, submit } from "./dialog.js";
import { h, mark } from "./dom.js";

/** The key of `#key=...`, cut out of the address at once so that no history keeps it. */
export function keyFromAddress() {
  const found = /^#key=(.+)$/.exec(location.hash);
  if (!found) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return decodeURIComponent(found[1]);
}

export const signIn = (key) => post("/session", { key });

/** The sign-in page; `done(session)` when the key was right. */
export function loginView(done, first) {
  const input = h("input", {
    type: "password",
    name: "key",
    autocomplete: "current-password",
    required: true,
    spellcheck: false,
    autocapitalize: "off",
    placeholder: "ost_…",
  });
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "button primary wide" }, "Sign in");
  const form = h(
    "form",
    {
      class: "login-card",
      onsubmit: async (event) => {
        event.preventDefault();
        const session = await submit(button, problem, () => signIn(input.value.trim()));
        if (session) done(session);
        else input.select();
      },
    },
    h("div", { class: "login-mark" }, mark(44)),
    h("h1", {}, "Ostiary"),
    h("p", { class: "quiet" }, "Sign in to see your cameras."),
    field(
      "Access key",
      input,
      "It was printed when Ostiary first started, or made for you by an administrator.",
    ),
    problem,
    button,
  );
  if (first) complain(problem, first);
  setTimeout(() => input.focus());
  return h("main", { class: "login" }, form);
}
