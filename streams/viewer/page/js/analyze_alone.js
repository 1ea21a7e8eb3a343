// Knows the page that `ostiary analyze --show` opens: analyses alone, with no server behind it.

import { analyzeView } from "./analyze.js";
import { get } from "./api.js";
import { fill, h, mark } from "./dom.js";
import { keyFromAddress, signIn } from "./login.js";
import { store } from "./store.js";

const root = document.getElementById("app");
const brand = () => h("div", { class: "brand" }, mark(28), h("span", {}, "Ostiary"));

function refuse(text) {
  fill(
    root,
    brand(),
    h("div", { class: "empty", role: "alert" }, h("h1", {}, "Not opened"), h("p", {}, text)),
  );
}

async function start() {
  try {
    const key = keyFromAddress();
    if (key) await signIn(key);
    const session = await get("/session");
    if (!session.signed_in) return refuse("Open the address that ostiary analyze --show printed.");
    store.session = session;
    const life = new AbortController();
    const webcam = new URLSearchParams(location.search).has("webcam");
    fill(root, brand(), analyzeView(life.signal, { webcam, alone: true }));
  } catch (error) {
    if (!("status" in error)) throw error;
    refuse(error.status ? error.message : "ostiary analyze --show has ended. Start it again.");
  }
}

window.addEventListener("hashchange", start);
start();
