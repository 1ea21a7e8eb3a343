// Knows how one camera's live picture and its overlay run together. Knows no layout.

import { noteFrame, noteState } from "./hooks.js";
import { describe } from "./boxes.js";
import { drawTracks, wipe } from "./overlay.js";
import { store } from "./store.js";
import { Timeline } from "./timeline.js";
import { WhepPlayer } from "./whep.js";

/**
 * A video, a canvas over it, and the boxes' time line between them.
 * on.state(name): connecting, playing, waiting. on.tracks(list): who is in the picture.
 * on.wait(wait): the picture begins with the camera's next keyframe.
 */
export class Screen {
  constructor(camera, video, canvas, on) {
    this.camera = camera;
    this.video = video;
    this.canvas = canvas;
    this.on = on;
    this.timeline = new Timeline();
    this.delay_ms = null;
    this.running = false;
    this.player = new WhepPlayer(camera, video, {
      state: (name) => this.#state(name),
      boxes: (message) => this.#boxes(message),
      wait: (wait) => this.on.wait(wait),
      begin: () => this.timeline.clear(),
    });
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.player.start();
    this.#next();
  }

  stop() {
    this.running = false;
    this.player.stop();
    wipe(this.canvas);
  }

  setLowest(lowest) {
    this.player.setLowest(lowest);
  }

  #state(name) {
    noteState(this.camera, name);
    if (name !== "playing") wipe(this.canvas);
    this.on.state(name);
  }

  #boxes(message) {
    this.timeline.add(message.rtp, message.tracks);
    this.delay_ms = message.delay_ms;
    this.player.aim(message.delay_ms ?? 0, message.interval_ms ?? 0);
    const missing = message.tracks.some(
      (track) => track.who?.person_id && !store.names.has(track.who.person_id),
    );
    if (missing) store.missName();
    this.on.tracks(message.tracks.filter((track) => track.state === "confirmed"));
  }

  #next() {
    if (!this.running) return;
    this.video.requestVideoFrameCallback((_, picture) => {
      this.#draw(picture);
      this.#next();
    });
  }

  #draw(picture) {
    if (!this.running) return;
    if (!this.playing || this.playing !== this.player.generation) {
      this.playing = this.player.generation;
      this.#state("playing");
    }
    this.player.shown();
    // Without the picture's RTP time (some browsers keep it back) the newest boxes are best.
    const rtp = picture.rtpTimestamp ?? this.timeline.newest;
    const { tracks, age_ms } = this.timeline.at(rtp);
    const size = { width: picture.width, height: picture.height };
    const boxes = drawTracks(this.canvas, size, tracks, (track) => describe(track, store.names));
    noteFrame(this.camera, { rtp, age_ms, boxes, width: size.width, height: size.height });
  }
}
