// Knows how people are enrolled, listed and removed. Does not know how faces are compared.

import { ask, get, remove } from "./api.js";
import { confirmed, field, openDialog, submit, toast } from "./dialog.js";
import { fill, h, icon } from "./dom.js";
import { store } from "./store.js";
import { ago, verdictOf } from "./words.js";

const PHOTOS = 10;
const PHOTO_BYTES = 8 * 1024 * 1024;

function initials(name) {
  const parts = name.trim().split(/\s+/);
  return ((parts[0]?.[0] ?? "") + (parts.length > 1 ? parts.at(-1)[0] : "")).toUpperCase();
}

function personCard(person, again) {
  const face = h("div", { class: "face" }, h("span", { "aria-hidden": "true" }, initials(person.name)));
  if (person.photos)
    face.append(
      h("img", {
        src: `/api/v1/people/${person.id}/photo`,
        alt: "",
        loading: "lazy",
        onerror: (event) => event.target.remove(),
      }),
    );
  const drop = async () => {
    const text = `${person.name}'s photos, face data and evidence are erased everywhere. This cannot be undone.`;
    if (!(await confirmed(`Remove ${person.name}?`, text, "Remove"))) return;
    try {
      await remove(`/people/${person.id}`);
      toast(`${person.name} was removed.`);
    } catch (error) {
      toast(error.message, "bad");
    }
    again();
  };
  return h(
    "article",
    { class: "person", dataset: { person: person.id } },
    face,
    h(
      "div",
      { class: "person-words" },
      h("h3", {}, person.name),
      h(
        "p",
        { class: "quiet" },
        `${person.photos} ${person.photos === 1 ? "photo" : "photos"} · enrolled ${ago(person.created_at)}`,
      ),
      h("p", { class: "consent" }, icon("check", 14), `Consent: ${person.consent}`),
    ),
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": `Remove ${person.name}`, onclick: drop },
      icon("trash", 18),
    ),
  );
}

function photoRow(photo, drop) {
  const bad = photo.file.size > PHOTO_BYTES;
  photo.words = h(
    "span",
    { class: bad ? "verdict bad" : "verdict quiet" },
    bad ? "Larger than 8 MB" : "Ready",
  );
  return h(
    "li",
    { class: "photo" },
    h("img", { src: photo.url, alt: "" }),
    h("div", {}, h("span", { class: "photo-name" }, photo.file.name), photo.words),
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": `Leave out ${photo.file.name}`, onclick: drop },
      icon("close", 16),
    ),
  );
}

class Photos {
  constructor() {
    this.all = [];
    this.input = h("input", {
      type: "file",
      accept: "image/jpeg,image/png,image/webp",
      multiple: true,
      class: "file",
      onchange: () => this.add(this.input.files),
    });
    this.list = h("ul", { class: "photos" });
    this.drop = h(
      "div",
      { class: "drop" },
      icon("image", 26),
      h("p", {}, h("strong", {}, "Choose photos"), " or drop them here"),
      h("p", { class: "hint" }, "One face in each, looking at the camera. Two to five are best."),
      this.input,
    );
    this.drop.addEventListener("dragover", (event) => event.preventDefault());
    this.drop.addEventListener("drop", (event) => {
      event.preventDefault();
      this.add(event.dataTransfer.files);
    });
    this.input.setAttribute("aria-label", "Photos");
  }

  add(files) {
    for (const file of files) {
      if (this.all.length < PHOTOS) this.all.push({ file, url: URL.createObjectURL(file) });
    }
    this.input.value = "";
    this.draw();
  }

  draw() {
    fill(this.list, ...this.all.map((photo) => photoRow(photo, () => this.leave(photo))));
  }

  leave(photo) {
    URL.revokeObjectURL(photo.url);
    this.all = this.all.filter((other) => other !== photo);
    this.draw();
  }

  judge(verdicts) {
    verdicts.forEach((verdict, index) => {
      const words = this.all[index]?.words;
      if (!words) return;
      words.textContent = verdictOf(verdict);
      words.className = `verdict ${verdict.accepted ? "good" : "bad"}`;
    });
  }
}

function enrol(again) {
  const photos = new Photos();
  const name = h("input", { name: "name", required: true, maxLength: 100, autocomplete: "off" });
  const consent = h("input", {
    name: "consent",
    required: true,
    maxLength: 500,
    autocomplete: "off",
    placeholder: "Signed form, 22 November 2026",
  });
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "button primary" }, "Enrol");
  const cancel = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel");
  const work = async () => {
    button.textContent = "Looking at the photos…";
    const form = new FormData();
    form.append("name", name.value.trim());
    form.append("consent", consent.value.trim());
    for (const { file } of photos.all) form.append("photos", file, file.name);
    return ask("POST", "/people", form);
  };
  const done = (answer) => {
    photos.judge(answer.verdicts);
    for (const control of [name, consent]) control.disabled = true;
    photos.drop.hidden = true;
    photos.list.classList.add("is-judged");
    button.remove();
    cancel.textContent = "Done";
    toast(`${answer.name} is enrolled.`, "good");
    again();
  };
  const form = h(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        const answer = await submit(button, problem, async () => {
          try {
            return await work();
          } catch (error) {
            if (error.detail?.verdicts) photos.judge(error.detail.verdicts);
            throw error;
          }
        });
        if (answer) done(answer);
      },
    },
    field("Name", name),
    field("Consent", consent, "How and when this person agreed. Nobody is recognised without it."),
    photos.drop,
    photos.list,
    problem,
    h("div", { class: "actions" }, cancel, button),
  );
  const dialog = openDialog("Enrol a person", form);
  dialog.addEventListener("close", () => photos.all.forEach((photo) => URL.revokeObjectURL(photo.url)));
}

export function peopleView(signal) {
  const body = h("div", { class: "people" }, h("div", { class: "loading" }, h("div", { class: "spinner" })));
  const load = async () => {
    try {
      const { people } = await get("/people");
      if (signal.aborted) return;
      fill(body, ...(people.length ? people.map((person) => personCard(person, load)) : [nobody()]));
      store.loadNames().catch(() => {});
    } catch (error) {
      fill(
        body,
        h(
          "div",
          { class: "empty" },
          h("h2", {}, "People cannot be shown"),
          h("p", {}, error.message),
          h("button", { type: "button", class: "button", onclick: load }, "Try again"),
        ),
      );
    }
  };
  const nobody = () =>
    h(
      "div",
      { class: "empty" },
      h("div", { class: "empty-sign" }, icon("people", 34)),
      h("h2", {}, "Nobody is enrolled"),
      h("p", {}, "Enrol people who agreed to be recognised; everybody else stays unknown."),
      add(),
    );
  const add = () =>
    h(
      "button",
      { type: "button", class: "button primary", onclick: () => enrol(load) },
      icon("plus", 18),
      "Enrol a person",
    );
  if (!store.can("operator")) {
    fill(
      body,
      h(
        "div",
        { class: "empty" },
        h("h2", {}, "People are kept by operators"),
        h("p", {}, "This key may watch, but not see who is enrolled."),
      ),
    );
  } else load();
  return h(
    "div",
    { class: "page" },
    h(
      "header",
      { class: "page-head" },
      h(
        "div",
        {},
        h("h1", {}, "People"),
        h(
          "p",
          { class: "quiet" },
          "Who is recognised. Only aligned face crops and vectors are kept, encrypted.",
        ),
      ),
      store.can("operator") ? add() : null,
    ),
    body,
  );
}
