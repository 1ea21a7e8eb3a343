// Knows the place where people have files of their own analysed. Does not know how that is done.

import { cameraPanel } from "./analyze_camera.js";
import { Files } from "./analyze_files.js";
import { JobCard } from "./analyze_job.js";
import { get } from "./api.js";
import { field } from "./dialog.js";
import { fill, h, icon, say } from "./dom.js";
import { store } from "./store.js";
import { PURPOSES } from "./words.js";

const MODELS = { mask: "Mask model", expression: "Expression model" };

/** What is looked for, with which networks, in which language. */
class Wish {
  constructor(options) {
    this.options = options;
    this.purposes = this.#pick(
      "Look for",
      "purpose",
      options.purposes.map((one) => [one, PURPOSES[one] ?? one]),
      options.first.purpose,
    );
    const languages = Object.entries({ en: "English", zh: "中文" });
    this.languages = this.#pick("Language of the labels", "language", languages, options.first.language);
    this.because = h("input", { name: "because", maxLength: 500, autocomplete: "off" });
    this.becauseRow = field(
      "Why expressions are looked for",
      this.because,
      "Logged with the analysis. Not allowed at work or in education but for medical or safety reasons.",
    );
    this.models = Object.entries(MODELS).map(([task, word]) => {
      const names = options.models[task] ?? [];
      const first = options.first.models[task];
      const select = h(
        "select",
        { name: task },
        ...names.map((name) =>
          h("option", { value: name, selected: name === first || name.split("@")[0] === first }, name),
        ),
      );
      return { task, select, first: names[0], row: field(word, select) };
    });
    this.element = h(
      "div",
      { class: "stack" },
      this.purposes.row,
      this.becauseRow,
      h("div", { class: "models" }, ...this.models.map((one) => one.row)),
      this.languages.row,
    );
    this.#follow();
  }

  #pick(title, name, choices, first) {
    const inputs = choices.map(([value, word]) => {
      const checked = value === first;
      const input = h("input", { type: "radio", name, value, checked, onchange: () => this.#follow() });
      return { input, label: h("label", { class: "option" }, input, h("span", {}, word)) };
    });
    const labels = inputs.map((one) => one.label);
    const row = h(
      "fieldset",
      { class: "field" },
      h("legend", { class: "label" }, title),
      h("div", { class: "options" }, ...labels),
    );
    return { row, value: () => inputs.find((one) => one.input.checked).input.value };
  }

  #follow() {
    const expression = this.purposes?.value() === "expression";
    if (!this.models) return;
    this.becauseRow.hidden = !expression || !this.options.reason_needed;
    this.because.required = !this.becauseRow.hidden;
    for (const one of this.models)
      one.row.hidden = !one.first || (one.task === "expression" && !expression);
  }

  body() {
    const models = this.models
      .filter((one) => !one.row.hidden && one.select.value !== one.first)
      .map((one) => [one.task, one.select.value]);
    return {
      purpose: this.purposes.value(),
      because: this.becauseRow.hidden ? null : this.because.value.trim(),
      language: this.languages.value(),
      models: Object.fromEntries(models),
    };
  }
}

function desk(signal, options, jobs, from) {
  const button = h("button", { type: "submit", class: "button primary wide", disabled: true }, "Analyze");
  const files = new Files(options, () => {
    const count = files.all.length;
    button.disabled = !count || Boolean(files.wrong());
    say(button, count > 1 ? `Analyze ${count} files` : "Analyze");
  });
  const wish = new Wish(options);
  const camera = cameraPanel(signal, {
    take: (file) => files.add([file]),
    watch: (stream) => form.reportValidity() && jobs.watch(wish.body(), stream),
  });
  if (from.webcam) camera.begin();
  const lend = from.alone
    ? null
    : h(
        "p",
        { class: "hint" },
        "To watch this camera live instead, ",
        h("a", { class: "link", href: "#/cameras" }, "add a camera that is lent by a browser"),
        ".",
      );
  const form = h(
    "form",
    {
      class: "desk stack",
      onsubmit: (event) => {
        event.preventDefault();
        jobs.begin(wish.body(), files.take());
      },
    },
    options.nobody ? h("div", { class: "problem", role: "alert" }, `Not possible now: ${options.nobody}`) : null,
    files.element,
    camera.element,
    lend,
    wish.element,
    button,
  );
  return form;
}

/** The analyses of this key, the newest first. */
class JobList {
  constructor(signal) {
    this.signal = signal;
    this.none = h(
      "div",
      { class: "empty" },
      h("div", { class: "empty-sign" }, icon("scan", 34)),
      h("h2", {}, "Nothing analysed yet"),
      h("p", {}, "Results appear here: annotated pictures and videos, and how sure the networks were."),
    );
    this.element = h("div", { class: "jobs" }, this.none);
  }

  #card() {
    const gone = (card) => {
      card.element.remove();
      this.none.hidden = this.element.children.length > 1;
    };
    const card = new JobCard(this.signal, { gone });
    this.none.hidden = true;
    this.element.prepend(card.element);
    return card;
  }

  begin(wish, files) {
    this.#begun((card) => card.begin(wish, files));
  }

  watch(wish, stream) {
    this.#begun((card) => card.watch(wish, stream));
  }

  #begun(begin) {
    const card = this.#card();
    begin(card);
    card.reveal();
  }

  async load() {
    const { analyses } = await get("/analyses");
    if (this.signal.aborted) return;
    for (const one of analyses) if (one.state !== "receiving") this.#card().follow(one.id);
  }
}

function refused(title, text, again) {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, title),
    h("p", {}, text),
    again ? h("button", { type: "button", class: "button", onclick: again }, "Try again") : null,
  );
}

export function analyzeView(signal, from = {}) {
  const body = h("div", { class: "analyze" });
  const load = async () => {
    fill(body, h("div", { class: "loading" }, h("div", { class: "spinner" })));
    try {
      const options = await get("/analyses/options");
      if (signal.aborted) return;
      const jobs = new JobList(signal);
      fill(body, desk(signal, options, jobs, from), jobs.element);
      await jobs.load();
    } catch (error) {
      if (!("status" in error)) throw error;
      fill(body, refused("Analyses cannot be shown", error.message, load));
    }
  };
  if (store.can("operator")) load();
  else fill(body, refused("Analyses are for operators", "This key may watch, but not have files analysed."));
  return h(
    "div",
    { class: "page page-analyze" },
    h(
      "header",
      { class: "page-head" },
      h(
        "div",
        {},
        h("h1", {}, "Analyze"),
        h("p", { class: "quiet" }, "Masks and expressions in pictures and videos of your own."),
      ),
    ),
    body,
  );
}
