// Knows how a camera is watched while it is analysed: a picture goes, its boxes come. Keeps nothing.

import { Away, remove, show } from "./api.js";
import { bars, TONES } from "./analyze_results.js";
import { fill, h, icon, say } from "./dom.js";
import { drawTracks, wipe } from "./overlay.js";

const LONGEST_PX = 1280;
const QUALITY = 0.85;
const AGAIN_MS = 300;
const CHARTS = 4;
const SMOOTH = 0.15; // how much the last picture counts in what is said of the rate

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const said = (ms) => {
  const rate = Math.round(1000 / ms);
  return `${rate} picture${rate === 1 ? "" : "s"} a second, each seen after ${Math.round(ms)} ms`;
};
const look = (track) => {
  const [first, ...others] = track.lines;
  const said = track.named ? others : track.lines;
  return {
    tone: track.tone,
    tentative: track.tentative,
    title: track.named ? first : null,
    mask: said[0] ?? null,
    expression: said.slice(1).join(" ") || null,
  };
};

/** One camera's live picture with what is seen in it, for the analysis `id`. */
export class Live {
  constructor(id, stream, signal) {
    this.id = id;
    this.stream = stream;
    this.begun = this.stopping = this.ended = false;
    this.video = h("video", { autoplay: true, muted: true, playsInline: true, "aria-label": "Your camera, analysed" });
    this.video.srcObject = stream;
    this.overlay = h("canvas", { "aria-hidden": "true" });
    this.words = h("p", { class: "quiet" }, "The networks are made ready");
    const stop = h("button", { type: "button", class: "button primary", onclick: () => this.stop() }, icon("save", 16), "Stop and keep");
    this.charts = h("div", { class: "charts" });
    this.numbers = new Map(); // of people, by their tracks, in the order in which they came
    this.element = h(
      "div",
      { class: "live-view" },
      h("div", { class: "live-picture" }, this.video, this.overlay),
      h("div", { class: "live-foot" }, this.words, stop),
      this.charts,
    );
    signal.addEventListener("abort", () => this.end());
  }

  /** Show pictures until it ends; the next goes when the last is answered. */
  async begin() {
    if (this.begun) return;
    this.begun = true;
    const canvas = document.createElement("canvas");
    let begun = null; // the first picture waits until the networks are ready
    let mean = null;
    while (!this.ended && !this.stopping && this.stream.active) {
      const from = performance.now();
      const answer = await this.#answer(canvas, begun === null ? 0 : (from - begun) / 1000);
      if (this.ended) return;
      if (!answer) {
        await pause(AGAIN_MS);
        continue;
      }
      this.#draw(answer);
      const took = performance.now() - from;
      if (begun === null) begun = performance.now();
      else say(this.words, said((mean = mean === null ? took : mean + SMOOTH * (took - mean))));
    }
    if (!this.ended) await this.#keep();
  }

  /** Take no more pictures; what was seen becomes the analysis' results. */
  stop() {
    this.stopping = true;
    say(this.words, "Keeping what was seen");
    if (!this.begun) this.#keep();
  }

  async #keep() {
    this.end();
    await remove(`/analyses/${this.id}/camera`).catch((error) => {
      if (!("status" in error)) throw error;
    });
  }

  end() {
    this.ended = true;
    this.video.srcObject = null;
    wipe(this.overlay);
  }

  async #answer(canvas, at) {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return null;
    const scale = Math.min(1, LONGEST_PX / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    try {
      return await show(`/analyses/${this.id}/camera/pictures?at_s=${at.toFixed(3)}`, blob);
    } catch (error) {
      if (!("status" in error)) throw error;
      const passing = error instanceof Away || [409, 429, 504].includes(error.status);
      if (!passing) this.end();
      return null;
    }
  }

  #draw({ width, height, tracks, words }) {
    drawTracks(this.overlay, { width, height }, tracks, look);
    const name = ({ id }) => {
      if (!this.numbers.has(id)) this.numbers.set(id, this.numbers.size + 1);
      return `Person ${this.numbers.get(id)}`;
    };
    const sure = tracks.filter((track) => !track.tentative).slice(0, CHARTS);
    fill(
      this.charts,
      ...sure.map((track) =>
        h(
          "section",
          { class: "chart is-plain", "aria-label": name(track) },
          h(
            "div",
            { class: "chart-words" },
            h("h4", {}, track.named ? track.lines[0] : name(track)),
            bars("Mask", track.mask, words.mask, TONES),
            bars("Expression", track.expression, words.expression),
          ),
        ),
      ),
    );
  }
}
