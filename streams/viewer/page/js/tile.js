// Knows how one camera looks on the wall: picture, state, who is there. Does not know the grid.

import { h, icon, say } from "./dom.js";
import { Screen } from "./screen.js";
import { store } from "./store.js";
import { MODES, PURPOSES, awaited, figure, stateOf, titleOf } from "./words.js";

/** One camera on the wall, or alone. */
export class Tile {
  constructor(camera, { large = false } = {}) {
    this.camera = camera;
    this.large = large;
    this.playing = false;
    this.wait = null; // what its picture waits for
    this.#build();
    this.screen = new Screen(camera.id, this.video, this.canvas, {
      state: (name) => this.#played(name),
      tracks: (tracks) => this.#count(tracks),
      wait: (wait) => this.#waits(wait),
    });
    this.update();
  }

  #build() {
    const title = titleOf(this.camera.id);
    this.video = h("video", {
      autoplay: true,
      muted: true,
      playsInline: true,
      tabIndex: -1,
      "aria-label": `Live picture of ${title}`,
    });
    this.canvas = h("canvas", { class: "overlay", "aria-hidden": "true" });
    this.note = h("div", { class: "notice-title" });
    this.why = h("div", { class: "notice-text" });
    this.when = h("div", { class: "notice-text quiet" });
    this.spinner = h("div", { class: "spinner", "aria-hidden": "true" });
    this.sign = h("div", { class: "notice-sign" }, icon("camera", 26));
    this.notice = h(
      "div",
      { class: "notice", role: "status" },
      this.spinner,
      this.sign,
      this.note,
      this.why,
      this.when,
    );
    this.dot = h("span", { class: "dot", "aria-hidden": "true" });
    this.state = h("span", { class: "tile-state" });
    this.facts = h("span", { class: "tile-facts" });
    const link = h("a", { class: "tile-title", href: `#/camera/${this.camera.id}` }, title);
    const open = h(
      "a",
      { class: "tile-open", href: `#/camera/${this.camera.id}`, "aria-label": `Open ${title}` },
      icon("expand", 16),
    );
    this.element = h(
      "article",
      {
        class: `tile${this.large ? " tile-large" : ""}`,
        "aria-label": title,
        dataset: { camera: this.camera.id },
      },
      h("div", { class: "picture" }, this.video, this.canvas, this.notice),
      h(
        "footer",
        { class: "tile-foot" },
        h("span", { class: "tile-live" }, this.dot, this.state),
        link,
        this.facts,
      ),
      this.large ? null : open,
    );
  }

  /** Follow the camera's state: play what is live, say what is not. */
  update() {
    const status = store.stateOf(this.camera.id);
    const live = status?.state === "live";
    if (live && !this.screen.running) this.screen.start();
    const gone = status && ["stopped", "waiting"].includes(status.state);
    if (gone && this.screen.running) this.screen.stop();
    if (gone) this.playing = false;
    this.#show(status, live);
  }

  stop() {
    this.screen.stop();
  }

  #waits(wait) {
    this.wait = awaited(wait);
    this.#show(store.stateOf(this.camera.id), true);
  }

  #played(name) {
    this.playing = name === "playing";
    this.wait = null;
    this.#show(store.stateOf(this.camera.id), true);
  }

  #count(tracks) {
    this.people = tracks.length;
    this.#facts(store.stateOf(this.camera.id));
  }

  #show(status, live) {
    const state = stateOf(status?.state);
    const settled = live && this.playing && store.reachable;
    const stalled = status?.state === "stalled";
    this.element.classList.toggle("is-playing", settled);
    this.dot.className = `dot ${settled ? "dot-live" : `dot-${state.tone === "live" ? "wait" : state.tone}`}`;
    say(this.state, settled ? "Live" : live ? "Joining" : state.word);
    this.notice.hidden = settled;
    const busy = live || !status || status.state === "connecting";
    this.spinner.hidden = !busy;
    this.sign.hidden = busy;
    const waiting = this.camera.kind === "whip" && status?.state === "waiting";
    const words = live ? "Joining the live picture" : waiting ? "Nobody lends this camera yet" : state.word;
    say(this.note, store.reachable ? words : "The gateway does not answer");
    const lend = waiting && "Open its link on the device whose camera should be watched";
    const down = !live && (lend || status?.reason || (stalled && "No picture arrives"));
    const reason = live ? this.wait?.why : down;
    say(this.why, (!store.reachable && "Reconnecting by itself") || reason || "");
    const next = status?.next_try_s;
    const retry = next > 0 ? `Next try in ${Math.ceil(next)} s` : "";
    say(this.when, store.reachable ? (live ? (this.wait?.when ?? "") : retry) : "");
    this.#facts(status);
  }

  #facts(status) {
    const parts = [];
    if (this.playing && this.people) parts.push(this.people === 1 ? "1 person" : `${this.people} people`);
    if (this.large && status?.width) parts.push(`${status.width}×${status.height}`);
    if (this.large && status?.latency_ms?.p95) parts.push(`${figure(status.latency_ms.p95)} ms to boxes`);
    if (this.camera.purpose !== "none") parts.push(PURPOSES[this.camera.purpose]);
    if (status?.reduced) parts.push(MODES[status.reduced] ?? status.reduced);
    say(this.facts, parts.join(" · "));
  }
}
