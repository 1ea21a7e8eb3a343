// Knows what the page has learnt: session, cameras, status, names, alerts. Draws nothing.

import { Away, get } from "./api.js";
import { wait_ms } from "./backoff.js";

const ALERTS_KEPT = 200;
const STATUS_EVERY_MS = 2000;

/** What the page knows; views listen by name and read the fields. */
class Store extends EventTarget {
  session = null;
  cameras = new Map();
  status = null;
  names = new Map();
  alerts = new Map(); // id → newest revision, newest opened first when listed
  connected = false; // whether alerts arrive by themselves
  reachable = true;
  loaded = false;

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }

  on(what, listener, signal) {
    this.addEventListener(what, listener, { signal });
  }

  /** Forget everything: the next key may see less. */
  forget() {
    this.session = null;
    this.cameras = new Map();
    this.status = null;
    this.names = new Map();
    this.alerts.clear();
    this.loaded = false;
  }

  can(role) {
    const order = ["viewer", "operator", "admin"];
    return order.indexOf(this.session?.role) >= order.indexOf(role);
  }

  listed() {
    const order = (a, b) => (a.opened_at < b.opened_at ? 1 : a.opened_at > b.opened_at ? -1 : 0);
    return [...this.alerts.values()].sort(order);
  }

  /** Take a revision in unless a newer one is known; the oldest alerts beyond the bound go. */
  take(alert) {
    const known = this.alerts.get(alert.id);
    if (known && known.revision > alert.revision) return;
    const ready =
      alert.snapshot_ready || (known?.snapshot_ready && known.evidence.snapshot === alert.evidence.snapshot);
    this.alerts.set(alert.id, { ...alert, snapshot_ready: Boolean(ready) });
    if (this.alerts.size > ALERTS_KEPT) this.alerts.delete(this.listed().at(-1).id);
    this.tell("alerts", alert);
  }

  snapshotReady(id, snapshot) {
    const known = this.alerts.get(id);
    if (!known || known.evidence.snapshot !== snapshot) return;
    this.alerts.set(id, { ...known, snapshot_ready: true });
    this.tell("alerts", known);
  }

  async loadCameras() {
    const { cameras } = await get("/cameras");
    this.cameras = new Map(cameras.map((camera) => [camera.id, camera]));
    this.loaded = true;
    // The list tells each camera's state too: so pictures need not wait for the first status.
    this.status ??= { cameras: cameras.map(({ id, status }) => ({ id, ...status })), workers: [] };
    this.tell("cameras");
    this.tell("status");
  }

  async loadNames() {
    const { names } = await get("/people/names");
    this.names = new Map(Object.entries(names));
    this.tell("names");
  }

  async loadStatus() {
    const status = await get("/status");
    const before = new Set(this.cameras.keys());
    this.status = status;
    this.#reach(true);
    const same = status.cameras.length === before.size && status.cameras.every((c) => before.has(c.id));
    if (!same) await this.loadCameras();
    this.tell("status");
  }

  stateOf(camera) {
    return this.status?.cameras.find((one) => one.id === camera) ?? null;
  }

  #reach(reachable) {
    if (this.reachable === reachable) return;
    this.reachable = reachable;
    this.tell("reach");
  }

  /** Ask for the status again and again; the next question waits for the last answer. */
  async follow(signal) {
    let missed = 0;
    while (!signal.aborted) {
      try {
        await this.loadStatus();
        missed = 0;
      } catch (error) {
        missed += 1;
        if (error instanceof Away || error.status === 503) this.#reach(false);
      }
      const rest_ms = missed ? wait_ms(missed, { first_ms: 1000, most_ms: 5000 }) : STATUS_EVERY_MS;
      await new Promise((resolve) => setTimeout(resolve, rest_ms));
    }
  }

  /** Ask for the names once more when a box shows somebody enrolled since; at most every 3 s. */
  missName() {
    const now = performance.now();
    if (now - (this.askedNames ?? -1e9) < 3000) return;
    this.askedNames = now;
    this.loadNames().catch(() => {});
  }
}

export const store = new Store();

/** Listen to alerts (server-sent events) from a cursor on, and begin again when cut off. */
export function listen(since, signal) {
  let cursor = since;
  let attempt = 0;
  const open = () => {
    if (signal.aborted) return;
    const source = new EventSource(`/api/v1/alerts/stream?since=${encodeURIComponent(cursor)}`);
    const state = (connected) => {
      store.connected = connected;
      store.tell("connected");
    };
    source.onopen = () => {
      attempt = 0;
      state(true);
    };
    source.addEventListener("alert", (event) => {
      cursor = event.lastEventId || cursor;
      store.take(JSON.parse(event.data));
    });
    source.addEventListener("snapshot", (event) => {
      const { id, snapshot } = JSON.parse(event.data);
      store.snapshotReady(id, snapshot);
    });
    source.onerror = () => {
      source.close();
      state(false);
      setTimeout(open, wait_ms(attempt++));
    };
    signal.addEventListener("abort", () => source.close(), { once: true });
  };
  open();
}
