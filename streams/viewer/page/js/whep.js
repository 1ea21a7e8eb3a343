// Knows how one camera is played by WHEP (IETF draft) and kept playing. Draws nothing.

import { wait_ms } from "./backoff.js";

const STILL_MS = 5000; // no picture for so long: begin anew
const WATCH_MS = 1000;

/**
 * Plays one camera into a video element, and begins anew when the stream goes away.
 *
 * on.state(name): connecting, playing, waiting. on.boxes(message): one observation.
 * on.begin(): a new connection, so RTP times begin anew. on.wait(wait): the picture begins with
 * the camera's next keyframe; {since_ms, every_ms} of its keyframes, as far as they are known.
 */
export class WhepPlayer {
  constructor(camera, video, on) {
    this.camera = camera;
    this.video = video;
    this.on = on;
    this.attempt = 0;
    this.generation = 0;
    this.timer = null;
    this.connection = null;
    this.session = null;
    this.lowest = false;
    this.target_ms = 0;
    this.watch = null;
  }

  start() {
    if (this.connection || this.timer) return;
    this.#connect();
  }

  /** End for good: the server is told, so that it forgets the session at once. */
  stop() {
    this.generation += 1;
    clearTimeout(this.timer);
    this.timer = null;
    this.#hangUp();
  }

  /** Delay the picture so that its boxes have come: p95 of the observations plus an interval. */
  aim(delay_ms, interval_ms) {
    const wanted = this.lowest ? 0 : Math.min(2000, Math.max(0, delay_ms + interval_ms));
    // Each change makes the picture stretch or squeeze for a moment: only for a real one.
    if (Math.abs(wanted - this.target_ms) < 40 && (wanted === 0) === (this.target_ms === 0)) return;
    this.target_ms = wanted;
    this.#apply();
  }

  setLowest(lowest) {
    this.lowest = lowest;
    this.aim(lowest ? 0 : this.target_ms || 250, 0);
  }

  /** Note that a picture was shown. */
  shown() {
    this.seen_ms = performance.now();
    if (this.attempt) this.attempt = 0;
  }

  #apply() {
    for (const receiver of this.connection?.getReceivers() ?? []) {
      if ("jitterBufferTarget" in receiver) {
        receiver.jitterBufferTarget = this.target_ms || null;
      }
    }
  }

  async #connect() {
    const generation = ++this.generation;
    this.on.state("connecting");
    const connection = new RTCPeerConnection();
    this.connection = connection;
    try {
      await this.#negotiate(connection, generation);
    } catch {
      if (generation === this.generation) this.#again();
    }
  }

  async #negotiate(connection, generation) {
    const boxes = connection.createDataChannel("boxes", { ordered: false, maxRetransmits: 0 });
    boxes.onmessage = (event) => this.#heard(JSON.parse(event.data));
    boxes.onclose = () => {
      if (generation === this.generation) this.#again();
    };
    connection.addTransceiver("video", { direction: "recvonly" });
    connection.ontrack = (event) => {
      this.video.srcObject = event.streams[0] ?? new MediaStream([event.track]);
      this.#apply();
      this.video.play().catch(() => {});
    };
    connection.onconnectionstatechange = () => {
      if (generation !== this.generation) return;
      if (["failed", "closed"].includes(connection.connectionState)) this.#again();
    };
    await connection.setLocalDescription(await connection.createOffer());
    // Posted at once: waiting for candidates costs 300 ms, peer-reflexive ones connect anyway.
    const answer = await fetch(`/api/v1/cameras/${this.camera}/whep`, {
      method: "POST",
      headers: { "content-type": "application/sdp" },
      body: connection.localDescription.sdp,
      signal: AbortSignal.timeout(10_000),
    });
    const session = answer.headers.get("location");
    if (generation !== this.generation) return void forget(session);
    if (answer.status !== 201) throw new Error(`WHEP answered ${answer.status}`);
    this.session = session;
    this.on.begin();
    await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    this.seen_ms = performance.now();
    this.watch = setInterval(() => this.#look(generation), WATCH_MS);
  }

  #heard(message) {
    if (!message.wait) return this.on.boxes(message);
    this.seen_ms = performance.now(); // said every second: nothing is wrong with the connection
    this.on.wait(message.wait);
  }

  #look(generation) {
    if (generation !== this.generation || document.hidden) {
      this.seen_ms = performance.now();
      return;
    }
    if (performance.now() - this.seen_ms > STILL_MS) this.#again();
  }

  #again() {
    this.generation += 1;
    this.#hangUp();
    this.on.state("waiting");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.#connect();
    }, wait_ms(this.attempt));
    this.attempt += 1;
  }

  #hangUp() {
    clearInterval(this.watch);
    this.connection?.close();
    this.connection = null;
    forget(this.session);
    this.session = null;
    this.video.srcObject = null;
  }
}

function forget(session) {
  if (!session) return;
  fetch(session, { method: "DELETE", keepalive: true }).catch(() => {});
}
