// Knows how cameras are listed and removed. Does not know how they connect.

import { remove } from "./api.js";
import { add, edit } from "./camera_form.js";
import { confirmed, toast } from "./dialog.js";
import { fill, h, icon, say } from "./dom.js";
import { store } from "./store.js";
import { PURPOSES, figure, stateOf, titleOf } from "./words.js";

function chips(camera) {
  const words = [PURPOSES[camera.purpose]];
  if (camera.mask_required) words.push("Masks required");
  if (camera.alert_unknown) words.push("Unknown alerts");
  if (camera.sub_url) words.push("Sub-stream analysed");
  if (camera.managed_by === "file") words.push("From the configuration file");
  return h("p", { class: "chips" }, ...words.map((word) => h("span", { class: "chip" }, word)));
}

function row(camera, again) {
  const dot = h("span", { class: "dot" });
  const word = h("span", {});
  const reason = h("p", { class: "quiet reason" });
  const refresh = () => {
    const status = store.stateOf(camera.id);
    const state = stateOf(status?.state);
    dot.className = `dot dot-${state.tone}`;
    say(word, state.word);
    const next = status?.next_try_s > 0 ? `next try in ${Math.ceil(status.next_try_s)} s` : "";
    const stream = status?.width
      ? `${status.codec} ${status.width}×${status.height}, ${figure(status.rate_hz)}/s`
      : "";
    say(reason, [status?.reason, next].filter(Boolean).join(" · ") || stream);
  };
  refresh();
  const drop = async () => {
    if (
      !(await confirmed(
        `Remove ${titleOf(camera.id)}?`,
        "It is no longer watched. Alerts that it raised are kept.",
        "Remove",
      ))
    )
      return;
    try {
      await remove(`/cameras/${camera.id}`);
      toast(`${titleOf(camera.id)} was removed.`);
    } catch (error) {
      toast(error.message, "bad");
    }
    again();
  };
  const mine = store.can("operator") && camera.managed_by !== "file";
  const element = h(
    "article",
    { class: "camera", dataset: { camera: camera.id } },
    h(
      "div",
      { class: "camera-words" },
      h("h3", {}, h("a", { href: `#/camera/${camera.id}` }, titleOf(camera.id))),
      h("p", { class: "quiet address" }, camera.kind === "whip" ? "Lent from a browser" : camera.url),
      chips(camera),
    ),
    h("div", { class: "camera-state" }, h("p", { class: "state" }, dot, word), reason),
    h(
      "div",
      { class: "camera-tools" },
      mine
        ? h(
            "button",
            {
              type: "button",
              class: "icon-button",
              "aria-label": `Change ${camera.id}`,
              onclick: () => edit(camera, again),
            },
            icon("edit", 18),
          )
        : null,
      mine
        ? h(
            "button",
            { type: "button", class: "icon-button", "aria-label": `Remove ${camera.id}`, onclick: drop },
            icon("trash", 18),
          )
        : null,
    ),
  );
  return { element, refresh };
}

export function camerasView(signal) {
  let rows = [];
  const body = h("div", { class: "cameras" });
  const draw = () => {
    if (!store.loaded) return void fill(body, h("div", { class: "loading" }, h("div", { class: "spinner" })));
    rows = [...store.cameras.values()].map((camera) => row(camera, load));
    fill(body, ...(rows.length ? rows.map((one) => one.element) : [none()]));
  };
  const load = () => store.loadCameras().catch((error) => toast(error.message, "bad"));
  const button = () =>
    h(
      "button",
      { type: "button", class: "button primary", onclick: () => add(load) },
      icon("plus", 18),
      "Add a camera",
    );
  const none = () =>
    h(
      "div",
      { class: "empty" },
      h("div", { class: "empty-sign" }, icon("camera", 34)),
      h("h2", {}, "No cameras yet"),
      h("p", {}, "Add a network camera by its RTSP address, or lend this device's own."),
      store.can("operator") ? button() : null,
    );
  store.on("cameras", draw, signal);
  store.on("status", () => rows.forEach((one) => one.refresh()), signal);
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
        h("h1", {}, "Cameras"),
        h("p", { class: "quiet" }, "What is watched, and for which purpose."),
      ),
      store.can("operator") ? button() : null,
    ),
    body,
  );
}
