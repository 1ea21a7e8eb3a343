// Knows how alerts are listed and shown one by one. Does not know how they arrive.

import { get } from "./api.js";
import { arrange, fill, h, icon, say } from "./dom.js";
import { store } from "./store.js";
import { ago, because, kindOf, lately, moment, span, standing, subjectOf, titleOf } from "./words.js";

const SHOWN = 80;

/** An alert's picture, or what is known of it: on its way, or lost. */
export function snapshot(alert, large = false) {
  const id = alert.evidence?.snapshot;
  const frame = h("div", { class: large ? "shot shot-large" : "shot" });
  if (id && alert.snapshot_ready) {
    const what = `${kindOf(alert).word}, ${titleOf(alert.camera)}`;
    const image = h("img", {
      src: `/api/v1/evidence/${id}`,
      alt: large ? `Snapshot: ${what}` : "",
      loading: "lazy",
      decoding: "async",
    });
    image.addEventListener("error", () => fill(frame, icon("image", large ? 30 : 20)), { once: true });
    frame.append(image);
  } else {
    frame.append(icon(kindOf(alert).icon, large ? 30 : 20));
    if (large) frame.append(h("span", {}, id ? "The snapshot is on its way" : "No snapshot"));
  }
  return frame;
}

function pill(alert) {
  const stand = standing(alert);
  const tone = stand.live ? `pill-live tone-${kindOf(alert).tone}` : "";
  return h(
    "span",
    { class: `pill ${tone}` },
    stand.live ? h("span", { class: "pulse", "aria-hidden": "true" }) : null,
    stand.word,
  );
}

function card(alert) {
  const kind = kindOf(alert);
  const subject = subjectOf(alert);
  return h(
    "a",
    {
      class: `alert${standing(alert).live ? " is-live" : ""} tone-${kind.tone}`,
      href: `#/alerts/${alert.id}`,
      dataset: { alert: alert.id, kind: alert.kind },
    },
    snapshot(alert),
    h(
      "span",
      { class: "alert-words" },
      h(
        "span",
        { class: "alert-head" },
        h("span", { class: "alert-sign" }, icon(kind.icon, 15)),
        h("span", { class: "alert-kind" }, kind.word),
        h(
          "time",
          { class: "alert-when", dateTime: alert.opened_at, title: moment(alert.opened_at) },
          lately(alert.opened_at),
        ),
      ),
      h("span", { class: "alert-who" }, [subject, titleOf(alert.camera)].filter(Boolean).join(" · ")),
      h("span", { class: "alert-state" }, pill(alert)),
    ),
  );
}

/** The live list: newest first, every change in place. */
export class AlertList {
  constructor(signal, { camera = null, wide = false } = {}) {
    this.camera = camera;
    this.active = false;
    this.cards = new Map(); // id → {alert, element}
    this.items = h("div", { class: "alert-items" });
    this.link = h("span", { class: "link-state", role: "status" });
    this.count = h("span", { class: "count" });
    this.heard = h("div", { class: "hidden", "aria-live": "polite" });
    const all = this.#choice("All", false);
    const now = this.#choice("Active", true);
    this.element = h(
      "aside",
      { class: wide ? "alerts alerts-wide" : "alerts", "aria-label": "Alerts" },
      h("header", { class: "alerts-head" }, h(wide ? "h1" : "h2", {}, "Alerts", this.count), this.link),
      h("div", { class: "choices", role: "group", "aria-label": "Which alerts" }, all, now),
      this.items,
      this.heard,
    );
    store.on("alerts", (event) => this.draw(event.detail), signal);
    store.on("connected", () => this.draw(), signal);
    store.on("reach", () => this.draw(), signal);
    const timer = setInterval(() => this.#times(), 5000);
    signal.addEventListener("abort", () => clearInterval(timer));
    this.draw();
  }

  #choice(word, active) {
    const button = h(
      "button",
      { type: "button", class: "choice", "aria-pressed": String(this.active === active) },
      word,
    );
    button.addEventListener("click", () => {
      this.active = active;
      for (const other of button.parentElement.children)
        other.setAttribute("aria-pressed", String(other === button));
      this.draw();
    });
    return button;
  }

  draw(news) {
    const all = store.listed().filter((alert) => !this.camera || alert.camera === this.camera);
    const live = all.filter((alert) => standing(alert).live);
    const shown = (this.active ? live : all).slice(0, SHOWN);
    this.count.hidden = !live.length;
    say(this.count, `${live.length} active`);
    this.link.className = `link-state ${store.connected ? "is-on" : ""}`;
    say(this.link, store.connected ? "Live" : "Reconnecting…");
    const elements = shown.map((alert) => this.#card(alert));
    arrange(this.items, elements.length ? elements : [this.#empty()]);
    this.drawn = true;
    if (news?.state === "opened") say(this.heard, `${kindOf(news).word}, ${titleOf(news.camera)}`);
  }

  #card(alert) {
    const known = this.cards.get(alert.id);
    if (known?.alert === alert) return known.element;
    const element = card(alert);
    if (!known && this.drawn && alert.state === "opened") element.classList.add("is-new");
    this.cards.set(alert.id, { alert, element });
    if (this.cards.size > 400) this.cards.delete(this.cards.keys().next().value);
    return element;
  }

  #empty() {
    const words = this.active
      ? ["Nothing needs attention", "Every alert has been settled or has ended."]
      : ["No alerts", "When a rule is broken before a camera, it shows here within a second."];
    return h(
      "div",
      { class: "empty small" },
      h("div", { class: "empty-sign" }, icon("check", 24)),
      h("h3", {}, words[0]),
      h("p", {}, words[1]),
    );
  }

  #times() {
    for (const time of this.items.querySelectorAll("time")) say(time, lately(time.dateTime));
  }
}

export function alertsView(signal) {
  return h("div", { class: "page page-alerts" }, new AlertList(signal, { wide: true }).element);
}

function fact(word, ...value) {
  return [h("dt", {}, word), h("dd", {}, ...value)];
}

function meter(alert) {
  const { score, threshold } = alert.evidence;
  const element = h(
    "div",
    {
      class: `meter tone-${kindOf(alert).tone}`,
      role: "img",
      "aria-label": `Score ${Math.round(score * 100)} percent, ${Math.round(threshold * 100)} needed`,
    },
    h("span", { class: "meter-fill" }),
    h("span", { class: "meter-mark" }),
  );
  element.style.setProperty("--score", String(Math.min(1, Math.max(0, score))));
  element.style.setProperty("--mark", String(Math.min(1, Math.max(0, threshold))));
  return element;
}

function facts(alert) {
  const { votes, score, threshold, models } = alert.evidence;
  const over = standing(alert).word !== "Active";
  const why = because(alert);
  return h(
    "dl",
    { class: "facts" },
    ...fact("Person", subjectOf(alert) ?? "–"),
    ...fact("Camera", h("a", { href: `#/camera/${alert.camera}` }, titleOf(alert.camera))),
    ...fact("Opened", moment(alert.opened_at)),
    ...fact(
      over ? "Last seen" : "Seen",
      `${moment(alert.seen_at)} (${span(alert.opened_at, alert.seen_at)})`,
    ),
    ...(why ? fact("Reason", why) : []),
    ...fact("Severity", alert.severity.charAt(0).toUpperCase() + alert.severity.slice(1)),
    ...fact(
      "Certainty",
      meter(alert),
      h(
        "span",
        { class: "quiet" },
        `${Math.round(score * 100)} % from ${votes} views; ${Math.round(threshold * 100)} % needed`,
      ),
    ),
    ...fact("Models", Object.values(models).join(", ") || "–"),
    ...fact(
      "Identity",
      h("code", {}, alert.id),
      h("span", { class: "quiet" }, ` revision ${alert.revision}`),
    ),
  );
}

/** One alert, in a dialog over whatever was shown. */
export async function showAlert(id, signal) {
  const body = h(
    "div",
    { class: "sheet-body" },
    h("div", { class: "loading" }, h("div", { class: "spinner" })),
  );
  const close = h(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => dialog.close() },
    icon("close"),
  );
  const title = h("h2", {}, "Alert");
  const dialog = h(
    "dialog",
    { class: "sheet", "aria-label": "Alert" },
    h("header", { class: "sheet-head" }, title, close),
    body,
  );
  const draw = (alert) => {
    say(title, kindOf(alert).word);
    fill(
      body,
      snapshot(alert, true),
      h("div", { class: "sheet-state" }, pill(alert), h("span", { class: "quiet" }, ago(alert.opened_at))),
      facts(alert),
    );
  };
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (!signal.aborted && location.hash.startsWith("#/alerts/"))
      history.length > 1 ? history.back() : (location.hash = "#/wall");
  });
  signal.addEventListener("abort", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  store.on("alerts", () => store.alerts.has(id) && draw(store.alerts.get(id)), signal);
  if (store.alerts.has(id)) return draw(store.alerts.get(id));
  try {
    draw(await get(`/alerts/${id}`));
  } catch (error) {
    fill(
      body,
      h(
        "div",
        { class: "empty small" },
        h("h3", {}, "This alert cannot be shown"),
        h("p", {}, error.message),
      ),
    );
  }
}
