// Knows how a dialog, a question and a passing note look. Does not know what they say.

import { fill, h, icon } from "./dom.js";

/** Open a modal dialog; closes by Escape, its cross, or a click beside it. */
export function openDialog(title, ...content) {
  const close = h(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => dialog.close() },
    icon("close"),
  );
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-label": title },
    h("header", { class: "sheet-head" }, h("h2", {}, title), close),
    h("div", { class: "dialog-body" }, ...content),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask before something that cannot be undone; resolves to whether it was confirmed. */
export function confirmed(title, text, word) {
  return new Promise((resolve) => {
    let answer = false;
    const decide = (value) => () => {
      answer = value;
      dialog.close();
    };
    const dialog = openDialog(
      title,
      h("p", {}, text),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "button", onclick: decide(false) }, "Cancel"),
        h("button", { type: "button", class: "button danger", onclick: decide(true) }, word),
      ),
    );
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/** A note that goes by itself. */
export function toast(text, tone = "") {
  let shelf = document.querySelector(".toasts");
  if (!shelf) {
    shelf = h("div", { class: "toasts", role: "status", "aria-live": "polite", popover: "manual" });
    document.body.append(shelf);
  }
  // Shown anew so that it lies above a dialog that was opened since.
  shelf.hidePopover();
  shelf.showPopover();
  const note = h("div", { class: `toast ${tone}` }, text);
  shelf.append(note);
  setTimeout(() => note.remove(), 5000);
}

/** A labelled field with its hint. */
export function field(label, input, hint) {
  const id = `field-${Math.random().toString(36).slice(2, 9)}`;
  input.id = id;
  const note = hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { htmlFor: id }, label), input, note);
}

/** Show a refusal inside a form: the sentence, and the fields it names. */
export function complain(place, error) {
  const list = Array.isArray(error.detail)
    ? h(
        "ul",
        {},
        ...error.detail.map((one) =>
          h("li", {}, one.field ? `${one.field}: ${one.reason}` : String(one.reason ?? one)),
        ),
      )
    : typeof error.detail === "string"
      ? h("p", {}, error.detail)
      : null;
  fill(place, h("strong", {}, error.message), list);
  place.hidden = false;
}

/** Run a form's work with its button busy; shows a refusal instead of raising it. */
export async function submit(button, place, work) {
  const words = button.textContent;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  place.hidden = true;
  try {
    return await work();
  } catch (error) {
    if (!("status" in error)) throw error;
    complain(place, error);
    return undefined;
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (button.textContent !== words && !button.dataset.kept) button.textContent = words;
  }
}
