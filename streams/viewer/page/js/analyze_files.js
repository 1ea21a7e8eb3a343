// Knows the files that wait to be analysed: chosen, dropped, left out. Sends nothing.

import { fill, h, icon } from "./dom.js";
import { dropped, seen, within } from "./folders.js";

const spell = (s) => (s === 3600 ? "an hour" : `${Math.max(1, Math.round(s / 60))} min`);
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

/** The files that wait to be sent. */
export class Files {
  constructor(options, changed) {
    this.options = options;
    this.changed = changed;
    this.all = [];
    this.nothing = null; // why a folder gave nothing
    this.input = h("input", {
      type: "file",
      accept: "image/*,video/*",
      multiple: true,
      class: "file",
      "aria-label": "Pictures or videos",
      onchange: () => this.add(this.input.files),
    });
    this.list = h("ul", { class: "photos" });
    this.problem = h("div", { class: "problem", role: "alert", hidden: true });
    this.folder = h("input", {
      type: "file",
      webkitdirectory: true,
      hidden: true,
      "aria-label": "A folder",
      onchange: () => this.addFolder(seen([...this.folder.files]).slice(0, options.files + 1)),
    });
    const choose = h("button", { type: "button", class: "link-button", onclick: () => this.folder.click() }, "choose a folder");
    this.drop = h(
      "div",
      { class: "drop" },
      icon("scan", 28),
      h("p", {}, h("strong", {}, "Choose pictures or videos"), " or drop them"),
      h("p", { class: "hint" }, `${megabytes(options.upload_bytes)} at once. Erased after ${spell(options.keep_s)}.`),
      this.input,
    );
    this.drop.addEventListener("dragover", (event) => event.preventDefault());
    this.drop.addEventListener("drop", async (event) => {
      event.preventDefault();
      const { files, folders } = dropped(event.dataTransfer);
      this.add(files);
      for (const folder of folders) await this.addFolder(within(folder, options.files + 1));
    });
    const row = h("p", { class: "hint" }, "Or ", choose, ", with all that lies in it.", this.folder);
    this.element = h("div", { class: "stack" }, this.drop, row, this.list, this.problem);
  }

  /** Add what lies in a folder: files, or the promise of them. */
  async addFolder(reading) {
    let files = [];
    this.nothing = "There is no picture or video in this folder.";
    try {
      files = await reading;
    } catch {
      this.nothing = "This folder cannot be read.";
    }
    this.folder.value = "";
    this.add(files);
  }

  add(files) {
    if (files.length) this.nothing = null;
    this.all.push(...files);
    this.input.value = "";
    this.draw();
  }

  take() {
    const taken = this.all;
    this.all = [];
    this.draw();
    return taken;
  }

  wrong() {
    const bytes = this.all.reduce((sum, file) => sum + file.size, 0);
    const { upload_bytes: most, files } = this.options;
    if (bytes > most) return `These are ${megabytes(bytes)}; at most ${megabytes(most)} are taken at once.`;
    return this.all.length > files ? `At most ${files} files are taken at once.` : null;
  }

  draw() {
    const row = (file) =>
      h(
        "li",
        { class: "staged" },
        icon(file.type.startsWith("video") ? "film" : "image", 18),
        h("span", { class: "photo-name" }, file.name),
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": `Leave out ${file.name}`,
            onclick: () => {
              this.all = this.all.filter((other) => other !== file);
              this.draw();
            },
          },
          icon("close", 16),
        ),
      );
    fill(this.list, ...this.all.map(row));
    const wrong = this.wrong() ?? this.nothing;
    fill(this.problem, wrong ?? "");
    this.problem.hidden = !wrong;
    this.changed();
  }
}
