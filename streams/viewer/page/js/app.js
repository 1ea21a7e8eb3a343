// Knows the page's frame: session, places, navigation. Does not know what a place shows.

import "./hooks.js";
import { alertsView, showAlert } from "./alerts.js";
import { analyzeView } from "./analyze.js";
import { get, remove } from "./api.js";
import { wait_ms } from "./backoff.js";
import { camerasView } from "./cameras.js";
import { fill, h, icon, mark, say } from "./dom.js";
import { keyFromAddress, loginView, signIn } from "./login.js";
import { peopleView } from "./people.js";
import { statusView } from "./status.js";
import { listen, store } from "./store.js";
import { cameraView, wallView } from "./wall.js";
import { standing } from "./words.js";

const PLACES = [
  ["wall", "Wall", "wall", wallView],
  ["alerts", "Alerts", "bell", alertsView],
  ["people", "People", "people", peopleView],
  ["cameras", "Cameras", "camera", camerasView],
  ["analyze", "Analyze", "scan", analyzeView],
  ["status", "Status", "pulse", statusView],
];

const root = document.getElementById("app");
let life = null; // ends with the session
let place = null; // {name, end}

function navigation() {
  const links = PLACES.map(([name, word, sign]) => {
    const badge = name === "alerts" ? h("span", { class: "badge", hidden: true }) : null;
    return h(
      "a",
      { class: "nav-link", href: `#/${name}`, dataset: { place: name } },
      icon(sign),
      h("span", {}, word),
      badge,
    );
  });
  const out = h(
    "button",
    { type: "button", class: "nav-link nav-out", onclick: signOut },
    icon("out"),
    h("span", {}, "Sign out"),
  );
  const brand = h(
    "a",
    { class: "brand", href: "#/wall", "aria-label": "Ostiary" },
    mark(28),
    h("span", {}, "Ostiary"),
  );
  return h(
    "nav",
    { class: "nav", "aria-label": "Places" },
    brand,
    h("div", { class: "nav-links" }, ...links),
    out,
  );
}

function count(nav) {
  const live = store.listed().filter((alert) => standing(alert).live).length;
  const badge = nav.querySelector(".badge");
  badge.hidden = !live;
  say(badge, String(live));
  document.title = live ? `(${live}) Ostiary` : "Ostiary";
}

function show(main, nav) {
  if (location.hash.startsWith("#key=")) return;
  const [name = "wall", id = ""] = location.hash.replace(/^#\/?/, "").split("/");
  if (name === "alerts" && id) {
    if (!place) enter(main, "wall", "");
    place.sheet?.abort();
    place.sheet = new AbortController();
    showAlert(decodeURIComponent(id), place.sheet.signal);
    return;
  }
  place?.sheet?.abort();
  const key = name + id;
  if (place?.key !== key || !place.loaded) enter(main, name || "wall", id);
  const current = name === "camera" ? "wall" : name || "wall";
  for (const link of nav.querySelectorAll("[data-place]")) {
    if (link.dataset.place === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function enter(main, name, id) {
  place?.end.abort();
  const end = new AbortController();
  const view = PLACES.find(([one]) => one === name)?.[3] ?? wallView;
  place = { key: name + id, end, sheet: null, loaded: store.loaded || name !== "camera" };
  fill(main, name === "camera" ? cameraView(end.signal, id) : view(end.signal));
}

/** Load what the page begins with; resolves to the cursor from which alerts are listened to. */
async function load(signal) {
  let attempt = 0;
  while (!signal.aborted) {
    try {
      const [{ alerts, cursor }] = await Promise.all([
        get("/alerts?limit=100"),
        store.loadCameras(),
        store.loadNames(),
      ]);
      for (const alert of alerts) store.alerts.set(alert.id, alert);
      store.tell("alerts");
      return cursor;
    } catch (error) {
      if (error.status === 401 || !("status" in error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait_ms(attempt++)));
    }
  }
  return "0";
}

async function begin(session) {
  life?.abort();
  life = new AbortController();
  const { signal } = life;
  store.session = session;
  const nav = navigation();
  const main = h("main", { class: "main", id: "main", tabIndex: -1 });
  const lost = h(
    "div",
    { class: "banner", role: "alert", hidden: true },
    icon("wifi", 18),
    "The gateway does not answer. Reconnecting by itself…",
  );
  place = null;
  fill(
    root,
    h(
      "a",
      {
        class: "skip",
        href: "#main",
        onclick: (event) => {
          event.preventDefault();
          main.focus();
        },
      },
      "Skip to content",
    ),
    nav,
    h("div", { class: "stage" }, lost, main),
  );
  root.className = "shell";
  window.addEventListener("hashchange", () => show(main, nav), { signal });
  store.on("alerts", () => count(nav), signal);
  store.on("reach", () => (lost.hidden = store.reachable), signal);
  show(main, nav);
  try {
    const cursor = await load(signal);
    if (signal.aborted) return;
    listen(cursor, signal);
    store.follow(signal);
  } catch (error) {
    if (error.status !== 401) throw error;
  }
}

function end(problem) {
  life?.abort();
  place?.end.abort();
  place = null;
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  store.forget();
  root.className = "";
  document.title = "Ostiary";
  fill(root, loginView(begin, problem));
}

async function signOut() {
  await remove("/session").catch(() => {});
  end();
}

/** Sign in with the address's key, if it holds one; resolves to whether it did. */
async function useKey() {
  const key = keyFromAddress();
  if (!key) return false;
  try {
    await begin(await signIn(key));
  } catch (error) {
    if (!("status" in error)) throw error;
    end(error);
  }
  return true;
}

async function start() {
  window.addEventListener("hashchange", useKey);
  if (await useKey()) return;
  let problem = null;
  const found = await get("/session").catch((error) => void (problem = error));
  if (found?.signed_in) return begin(found);
  end(problem);
}

window.addEventListener("ostiary:signed-out", () => life && !life.signal.aborted && end());
start();
