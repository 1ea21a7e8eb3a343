// Knows how this browser's camera is published by WHIP (RFC 9725). Draws nothing.

import { wait_ms } from "./backoff.js";

/** What can go wrong, in words that say what to do. */
const ANSWERS = {
  401: "This link's token is not valid any more. Ask for a new one.",
  403: "This link's token is not valid for this camera.",
  404: "There is no such camera to lend, or this link is not meant for it.",
  409: "Another device lends this camera already. It must stop first.",
};

/**
 * Publishes a camera's track and begins anew when the connection goes away.
 * on.state(name, text): connecting, live, waiting, ended.
 */
export class WhipPublisher {
  constructor(camera, token, on) {
    this.camera = camera;
    this.token = token;
    this.on = on;
    this.attempt = 0;
    this.generation = 0;
  }

  start(stream) {
    this.stream = stream;
    this.#connect();
  }

  stop() {
    this.generation += 1;
    clearTimeout(this.timer);
    this.#hangUp();
    this.on.state("ended", "");
  }

  async #connect() {
    const generation = ++this.generation;
    this.on.state("connecting", "");
    const connection = new RTCPeerConnection();
    this.connection = connection;
    for (const track of this.stream.getVideoTracks()) {
      const sender = { direction: "sendonly", streams: [this.stream] };
      connection.addTransceiver(track, sender);
    }
    connection.onconnectionstatechange = () => {
      if (generation !== this.generation) return;
      if (connection.connectionState === "connected") {
        this.attempt = 0;
        this.on.state("live", "");
      }
      if (["failed", "closed"].includes(connection.connectionState)) this.#again("The connection was lost.");
    };
    try {
      await this.#negotiate(connection, generation);
    } catch (error) {
      if (generation !== this.generation) return;
      if (error.final) return this.#give(error.message);
      this.#again(error.message);
    }
  }

  async #negotiate(connection, generation) {
    await connection.setLocalDescription(await connection.createOffer());
    let answer;
    try {
      answer = await fetch(`/api/v1/whip/${this.camera}`, {
        method: "POST",
        headers: { "content-type": "application/sdp", authorization: `Bearer ${this.token}` },
        body: connection.localDescription.sdp,
        signal: AbortSignal.timeout(15_000),
      });
    } catch {
      throw new Error("The gateway does not answer.");
    }
    if (answer.status !== 201) {
      const error = new Error(ANSWERS[answer.status] ?? "The gateway could not take the camera just now.");
      error.final = answer.status < 500 && answer.status !== 409 && answer.status !== 429;
      throw error;
    }
    const session = answer.headers.get("location");
    const sdp = await answer.text();
    if (generation !== this.generation) return this.#forget(session);
    this.session = session;
    await connection.setRemoteDescription({ type: "answer", sdp });
  }

  #again(text) {
    this.generation += 1;
    this.#hangUp();
    const wait = wait_ms(this.attempt++, { first_ms: 1000, most_ms: 15_000 });
    this.on.state("waiting", `${text} Next try in ${Math.ceil(wait / 1000)} s.`);
    this.timer = setTimeout(() => this.#connect(), wait);
  }

  #give(text) {
    this.generation += 1;
    this.#hangUp();
    this.on.state("failed", text);
  }

  /** Say goodbye first: a connection that is simply gone looks like a failure to the server. */
  #hangUp() {
    const connection = this.connection;
    const session = this.session;
    this.connection = null;
    this.session = null;
    this.#forget(session).finally(() => connection?.close());
  }

  async #forget(session) {
    if (!session) return;
    const headers = { authorization: `Bearer ${this.token}` };
    await fetch(session, { method: "DELETE", headers, keepalive: true }).catch(() => {});
  }
}
