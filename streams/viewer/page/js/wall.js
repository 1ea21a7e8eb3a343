// Knows the wall: which cameras are shown and how they share the room. Knows no picture.

import { AlertList } from "./alerts.js";
import { fill, h, icon } from "./dom.js";
import { store } from "./store.js";
import { Tile } from "./tile.js";
import { titleOf } from "./words.js";

const GAP_PX = 14;
const FOOT_PX = 48;

/** The number of columns that makes `count` pictures of 16:9 largest in the room given. */
export function columns(count, width, height) {
  let best = { columns: 1, size: 0 };
  for (let number = 1; number <= count; number += 1) {
    const rows = Math.ceil(count / number);
    const across = (width - GAP_PX * (number - 1)) / number;
    const down = (height - GAP_PX * (rows - 1)) / rows - FOOT_PX;
    const size = Math.min(across, (down * 16) / 9);
    if (size > best.size) best = { columns: number, size };
  }
  return best;
}

function empty() {
  const add = store.can("operator")
    ? h("a", { class: "button primary", href: "#/cameras" }, icon("plus", 18), "Add a camera")
    : null;
  return h(
    "div",
    { class: "empty" },
    h("div", { class: "empty-sign" }, icon("camera", 34)),
    h("h2", {}, "No cameras yet"),
    h("p", {}, "Cameras appear here, playing live, as soon as they are added."),
    add,
  );
}

function skeleton() {
  return [1, 2].map(() =>
    h(
      "div",
      { class: "tile skeleton", "aria-hidden": "true" },
      h("div", { class: "picture" }),
      h("div", { class: "tile-foot" }),
    ),
  );
}

export function wallView(signal) {
  const tiles = new Map();
  const grid = h("div", { class: "grid", "aria-label": "Cameras", role: "group" });
  const room = h("div", { class: "room" }, grid);
  const list = new AlertList(signal);
  const view = h(
    "div",
    { class: "wall" },
    h("section", { class: "wall-main" }, h("h1", { class: "hidden" }, "Wall"), room),
    list.element,
  );

  const arrange = () => {
    const count = Math.max(1, tiles.size);
    const tight = window.matchMedia("(max-width: 819px)").matches;
    const style = getComputedStyle(room);
    const width = room.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = room.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const fit = tight ? { columns: 1, size: width } : columns(count, width, height);
    const size = tight ? width : Math.max(Math.min(300, width), fit.size);
    grid.style.setProperty("--columns", String(fit.columns));
    grid.style.setProperty("--tile", `${Math.floor(size)}px`);
  };
  const sync = () => {
    if (!store.loaded) return void fill(grid, ...skeleton());
    for (const [id, tile] of tiles) {
      const now = store.cameras.get(id);
      if (now && now.kind === tile.camera.kind && now.purpose === tile.camera.purpose) continue;
      tile.stop();
      tile.element.remove();
      tiles.delete(id);
    }
    for (const camera of store.cameras.values())
      if (!tiles.has(camera.id)) tiles.set(camera.id, new Tile(camera));
    const shown = [...tiles.values()].map((tile) => tile.element);
    const now = [...grid.children];
    const same = shown.length === now.length && shown.every((element, index) => element === now[index]);
    if (!same || !shown.length) fill(grid, ...(shown.length ? shown : [empty()]));
    grid.classList.toggle("is-empty", !shown.length);
    arrange();
  };
  const observer = new ResizeObserver(arrange);
  observer.observe(room);
  const refresh = () => tiles.forEach((tile) => tile.update());
  store.on("cameras", sync, signal);
  store.on("status", refresh, signal);
  store.on("reach", refresh, signal);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    tiles.forEach((tile) => tile.stop());
  });
  sync();
  return view;
}

/** One camera alone, large, with the choice between boxes that fit and the lowest delay. */
export function cameraView(signal, id) {
  const camera = store.cameras.get(id);
  const back = h("a", { class: "button quiet", href: "#/wall" }, icon("back", 18), "All cameras");
  if (!camera) {
    if (!store.loaded) store.on("cameras", () => window.dispatchEvent(new Event("hashchange")), signal);
    const words = store.loaded ? "There is no such camera, or this key may not see it." : "Loading…";
    return h("div", { class: "page" }, back, h("div", { class: "empty" }, h("p", {}, words)));
  }
  const tile = new Tile(camera, { large: true });
  const lowest = h("input", { type: "checkbox", onchange: () => tile.screen.setLowest(lowest.checked) });
  const choice = h(
    "label",
    { class: "switch", title: "Show each picture as soon as it comes; its boxes may lag behind" },
    lowest,
    h("span", { class: "switch-track", "aria-hidden": "true" }),
    "Lowest delay",
  );
  store.on("status", () => tile.update(), signal);
  store.on("reach", () => tile.update(), signal);
  signal.addEventListener("abort", () => tile.stop());
  const list = new AlertList(signal, { camera: id });
  const head = h("header", { class: "single-head" }, back, h("h1", {}, titleOf(id)), choice);
  return h(
    "div",
    { class: "wall" },
    h("section", { class: "wall-main single" }, head, tile.element),
    list.element,
  );
}
