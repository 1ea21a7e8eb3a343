// Knows one analysis: how its files are sent, how far it is, how it is cancelled. Draws no results.

import { Away, Refused, get, post, remove } from "./api.js";
import { confirmed, toast } from "./dialog.js";
import { fill, h, icon, say } from "./dom.js";
import { stamp } from "./analyze_camera.js";
import { Live } from "./analyze_live.js";
import { resultsOf } from "./analyze_results.js";

const LOOK_MS = 600;
const ENDED = ["done", "failed", "cancelled"];
const WORDS = {
  receiving: "Sending",
  queued: "Waiting",
  running: "Analysing",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** Send a file as the raw body; `on(share)` while it goes. Raises Refused or Away. */
function send(path, file, on, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/v1${path}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && on(event.loaded);
    request.onload = () =>
      request.status < 400 ? resolve() : reject(new Refused(request.status, request.response));
    request.onerror = () => reject(new Away());
    request.onabort = () => reject(new Refused(499, { error: "cancelled" }));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

const titleOf = (names) =>
  names.length < 2 ? (names[0] ?? "Nothing yet") : `${names[0]} and ${names.length - 1} more`;

/** A card of one analysis; `on.gone(card)` when it is removed. */
export class JobCard {
  constructor(signal, on) {
    this.on = on;
    this.end = new AbortController();
    signal.addEventListener("abort", () => this.end.abort());
    this.id = null;
    this.live = null; // a camera that is watched, else files were sent
    this.state = "receiving";
    this.title = h("h2", { class: "job-title" });
    this.pill = h("span", { class: "pill", role: "status" });
    this.words = h("p", { class: "quiet job-words" });
    this.bar = h("progress", { max: 1, "aria-label": "How far it is" });
    this.drop = h("button", { type: "button", class: "button small", onclick: () => this.#leave() });
    this.problem = h("div", { class: "problem", role: "alert", hidden: true });
    this.body = h("div", { class: "job-body" });
    this.element = h(
      "article",
      { class: "job" },
      h("header", { class: "job-head" }, this.title, this.pill, this.drop),
      this.bar,
      this.words,
      this.problem,
      this.body,
    );
  }

  /** Bring it into sight; where it stands below what was asked, to the top. */
  reveal() {
    const beside = window.matchMedia("(width >= 1040px)").matches;
    this.element.scrollIntoView({ block: beside ? "nearest" : "start", behavior: "smooth" });
  }

  /** Begin a new analysis with files; they are sent one after another. */
  async begin(wish, files) {
    const names = files.map((file) => file.name);
    const whole = files.reduce((sum, file) => sum + file.size, 0) || 1;
    let before = 0;
    await this.#begin(wish, names, async () => {
      for (const [number, file] of files.entries()) {
        const path = `/analyses/${this.id}/files/${number}?name=${encodeURIComponent(file.name)}`;
        const on = (loaded) => this.#show({ state: "receiving", names, share: (before + loaded) / whole });
        await send(path, file, on, this.end.signal);
        before += file.size;
      }
      await post(`/analyses/${this.id}/start`);
    });
  }

  /** Begin a new analysis of a camera, whose pictures go while it runs. */
  async watch(wish, stream) {
    const name = `camera-${stamp()}`;
    await this.#begin(wish, [name], async () => {
      await post(`/analyses/${this.id}/camera?name=${name}`);
      this.live = new Live(this.id, stream, this.end.signal);
      fill(this.body, this.live.element);
      this.reveal();
    });
  }

  async #begin(wish, names, give) {
    this.#show({ state: "receiving", names, share: 0 });
    try {
      this.id = (await post("/analyses", wish)).id;
      this.element.dataset.analysis = this.id;
      await give();
    } catch (error) {
      if (!("status" in error)) throw error;
      if (this.end.signal.aborted) return;
      if (this.id) remove(`/analyses/${this.id}`).catch(() => {});
      return this.#fail(error.message);
    }
    await this.follow(this.id);
  }

  /** Show an analysis that is there already, until it has ended. */
  async follow(id) {
    this.id = id;
    this.element.dataset.analysis = id;
    while (!this.end.signal.aborted) {
      try {
        const job = await get(`/analyses/${id}`);
        if (this.end.signal.aborted) return;
        this.#show({ ...job, names: job.files.map((file) => file.name) });
        if (job.state === "running") this.live?.begin();
        if (ENDED.includes(job.state)) return await this.#ended(job);
      } catch (error) {
        if (!("status" in error)) throw error;
        if (error.status === 404) return this.#fail("It is not kept any more: begin again.");
        if (error.status === 401 || error.status === 403) return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #show({ state, names, share, at, ahead, nobody }) {
    this.state = state;
    this.element.dataset.state = state;
    say(this.title, titleOf(names));
    this.title.title = names.join("\n");
    say(this.pill, this.live && state === "running" ? "Live" : WORDS[state]);
    this.pill.className = `pill pill-${state}`;
    const busy = !ENDED.includes(state);
    this.bar.hidden = !busy || (this.live?.begun ?? false);
    if (share === null || share === undefined || state === "queued" || (state === "running" && !at))
      this.bar.removeAttribute("value");
    else this.bar.value = share;
    say(this.words, this.#said(state, share, at, ahead, nobody));
    this.words.hidden = !this.words.textContent;
    fill(this.drop, icon(busy ? "close" : "trash", 16), busy ? "Cancel" : "Remove");
  }

  #said(state, share, at, ahead, nobody) {
    const percent = share === null || share === undefined ? "" : ` · ${Math.floor(share * 100)} %`;
    if (state === "receiving") return `Sending${percent}`;
    if (state === "queued" && nobody) return `Waiting: ${nobody}`;
    if (state === "queued") return ahead ? `Waiting: ${ahead} before it` : "Waiting for its turn";
    if (state === "running" && this.live) return "";
    if (state === "running") return at ? `${at}${percent}` : "Getting ready";
    return "";
  }

  async #ended(job) {
    if (job.state === "failed") return this.#fail(job.reason ?? "It failed.");
    this.live?.end();
    fill(this.body);
    if (job.state !== "done") return;
    const found = await get(`/analyses/${job.id}/results/faces.json`).catch((error) => {
      if (!("status" in error)) throw error;
      this.#fail(error.message);
    });
    if (found) fill(this.body, ...resultsOf(job, found));
  }

  #fail(text) {
    this.live?.end();
    if (this.live) fill(this.body);
    this.state = "failed";
    this.element.dataset.state = "failed";
    say(this.pill, WORDS.failed);
    this.pill.className = "pill pill-failed";
    this.bar.hidden = this.words.hidden = true;
    fill(this.drop, icon("trash", 16), "Remove");
    fill(this.problem, text);
    this.problem.hidden = false;
  }

  async #leave() {
    const ended = ENDED.includes(this.state);
    if (ended && this.state === "done") {
      const text = "Its annotated files and its report are erased. What you have saved stays.";
      if (!(await confirmed("Remove this analysis?", text, "Remove"))) return;
    }
    this.end.abort();
    try {
      // The first ends what is under way, the second erases what has ended.
      if (this.id) await remove(`/analyses/${this.id}`);
      if (this.id && !ended) await remove(`/analyses/${this.id}`);
    } catch (error) {
      if (!("status" in error)) throw error;
      if (error.status !== 404) toast(error.message, "bad");
    }
    this.on.gone(this);
  }
}
