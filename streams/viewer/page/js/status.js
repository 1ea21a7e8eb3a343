// Knows how the system's figures are laid out. Does not know how they are measured.

import { fill, h } from "./dom.js";
import { store } from "./store.js";
import { MODES, figure, stateOf, titleOf, total } from "./words.js";

function card(word, value, note) {
  return h(
    "div",
    { class: "stat" },
    h("p", { class: "stat-word" }, word),
    h("p", { class: "stat-value" }, value),
    h("p", { class: "quiet" }, note),
  );
}

function cards(status) {
  const live = status.cameras.filter((camera) => camera.state === "live").length;
  const seen = status.cameras.reduce((sum, camera) => sum + (camera.analysed_per_s ?? 0), 0);
  const slow = Math.max(0, ...status.cameras.map((camera) => camera.latency_ms?.p95 ?? 0));
  const drops = status.cameras.reduce((sum, camera) => sum + dropped(camera), 0);
  return h(
    "div",
    { class: "stats" },
    card(
      "Cameras live",
      `${live} / ${status.cameras.length}`,
      live === status.cameras.length ? "All connected" : "Some need attention",
    ),
    card("Analysed", figure(seen, "/s"), "pictures, all cameras"),
    card("Latency, p95", slow ? figure(slow, "ms") : "–", "to a picture's boxes, slowest camera"),
    card("Left out", figure(drops), "pictures not analysed, packets not kept"),
    card(
      "Workers",
      String(status.workers.length),
      status.workers.map((worker) => worker.device).join(", ") || "none alive",
    ),
  );
}

const dropped = (camera) =>
  [camera.drops, camera.packets_lost, camera.sub?.packets_lost].reduce(
    (sum, reasons) => sum + (total(reasons) ?? 0),
    0,
  );

const cell = (label, ...value) => h("td", { dataset: { label } }, ...value);

function row(camera) {
  const state = stateOf(camera.state);
  const note = MODES[camera.reduced] ?? camera.reduced ?? camera.analysis;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: `#/camera/${camera.id}` }, titleOf(camera.id))),
    cell(
      "State",
      h("span", { class: "state" }, h("span", { class: `dot dot-${state.tone}` }), state.word),
      camera.reason ? h("span", { class: "quiet reason" }, camera.reason) : null,
    ),
    cell("Picture age", figure(camera.age_ms, "ms")),
    cell(
      "Analysed",
      figure(camera.analysed_per_s, "/s"),
      note ? h("span", { class: "quiet reason" }, note) : null,
    ),
    cell("p50", figure(camera.latency_ms?.p50, "ms")),
    cell("p95", figure(camera.latency_ms?.p95, "ms")),
    cell("Drops", figure(dropped(camera))),
    cell(
      "Stream",
      camera.width ? `${camera.codec} ${camera.width}×${camera.height}, ${figure(camera.rate_hz)}/s` : "–",
    ),
    cell("Worker", camera.worker ?? "–"),
  );
}

function table(status) {
  const heads = ["Camera", "State", "Picture age", "Analysed", "p50", "p95", "Drops", "Stream", "Worker"];
  return h(
    "div",
    { class: "table" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ...heads.map((word) => h("th", { scope: "col" }, word)))),
      h("tbody", {}, ...status.cameras.map(row)),
    ),
  );
}

export function statusView(signal) {
  const body = h("div", {});
  const draw = () => {
    if (!store.status) return void fill(body, h("div", { class: "loading" }, h("div", { class: "spinner" })));
    const none = h("div", { class: "empty small" }, h("p", {}, "No cameras yet."));
    fill(body, cards(store.status), store.status.cameras.length ? table(store.status) : none);
  };
  store.on("status", draw, signal);
  draw();
  return h(
    "div",
    { class: "page" },
    h(
      "header",
      { class: "page-head" },
      h(
        "div",
        {},
        h("h1", {}, "Status"),
        h("p", { class: "quiet" }, "How every camera and worker does, right now."),
      ),
    ),
    body,
  );
}
