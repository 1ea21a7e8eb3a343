// Knows the page by which this device lends its camera. Does not know how it is published.

import { fill, h, icon, mark, say } from "./dom.js";
import { WhipPublisher } from "./whip.js";
import { titleOf } from "./words.js";

const root = document.getElementById("app");
const camera = new URLSearchParams(location.search).get("camera") ?? "";
const token = takeToken();

const WORDS = {
  idle: ["off", "Not lent"],
  connecting: ["wait", "Connecting"],
  live: ["live", "Being watched"],
  waiting: ["bad", "Waiting"],
  failed: ["bad", "Not possible"],
  ended: ["off", "Not lent"],
};

/** The token of `#token=...`, cut out of the address; kept for this tab alone. */
function takeToken() {
  const found = /^#token=(.+)$/.exec(location.hash);
  const kept = `ostiary-token-${camera}`;
  if (found) {
    sessionStorage.setItem(kept, decodeURIComponent(found[1]));
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(kept);
}

function problemAtStart() {
  if (!/^[a-z0-9-]{1,40}$/.test(camera)) return "This link names no camera.";
  if (!token) return "This link has no token. Ask for a new link.";
  if (!window.isSecureContext || !navigator.mediaDevices)
    return "Browsers lend a camera over HTTPS only, or on the machine itself. Set tls.cert and tls.key in Ostiary's configuration.";
  return null;
}

const MEDIA = {
  NotAllowedError: "This browser may not use the camera. Allow it in the address bar, then try again.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "Another program uses the camera. Close it, then try again.",
};

const view = {
  video: h("video", { autoplay: true, muted: true, playsInline: true, "aria-label": "Your camera" }),
  dot: h("span", { class: "dot" }),
  state: h("span", {}),
  note: h("p", { class: "problem", role: "alert", hidden: true }),
  choice: h("select", { "aria-label": "Which camera", hidden: true }),
  button: h("button", { type: "button", class: "button primary" }, "Lend this camera"),
  idle: h(
    "div",
    { class: "notice" },
    h("div", { class: "empty-sign" }, icon("camera", 28)),
    h("div", { class: "notice-title" }, "Your camera is off"),
    h("div", { class: "notice-text" }, "Nothing is sent until you lend it."),
  ),
};

const publisher = new WhipPublisher(camera, token, { state: show });
let stream = null;

function show(name, text = "") {
  const [tone, word] = WORDS[name];
  view.dot.className = `dot dot-${tone}`;
  say(view.state, word);
  view.note.hidden = !text;
  say(view.note, text);
  const on = stream !== null;
  view.idle.hidden = on;
  view.choice.hidden = view.choice.options.length < 2;
  say(view.button, on ? "Stop lending" : "Lend this camera");
  view.button.classList.toggle("primary", !on);
  document.body.dataset.state = name;
}

async function open(device) {
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } };
  if (device) video.deviceId = { exact: device };
  const found = await navigator.mediaDevices.getUserMedia({ video, audio: false });
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(
    (one) => one.kind === "videoinput",
  );
  const used = found.getVideoTracks()[0].getSettings().deviceId;
  const options = cameras.map((one, index) =>
    h("option", { value: one.deviceId, selected: one.deviceId === used }, one.label || `Camera ${index + 1}`),
  );
  fill(view.choice, ...options);
  return found;
}

function close() {
  publisher.stop();
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  view.video.srcObject = null;
}

async function begin(device) {
  view.button.disabled = true;
  try {
    stream = await open(device);
    view.video.srcObject = stream;
    stream.getVideoTracks()[0].addEventListener("ended", end);
    publisher.start(stream);
  } catch (error) {
    show("failed", MEDIA[error.name] ?? "The camera cannot be opened.");
  }
  view.button.disabled = false;
}

function end() {
  close();
  show("ended");
}

view.button.addEventListener("click", () => (stream ? end() : begin()));
view.choice.addEventListener("change", () => {
  close();
  begin(view.choice.value);
});
window.addEventListener("pagehide", () => stream && close());

const problem = problemAtStart();
fill(
  root,
  h("div", { class: "brand" }, mark(28), h("span", {}, "Ostiary")),
  h(
    "section",
    { class: "lend-card" },
    h("div", { class: "picture" }, view.video, view.idle),
    h(
      "div",
      { class: "lend-body" },
      h(
        "div",
        { class: "lend-head" },
        h("h1", {}, camera ? `Lend a camera as “${titleOf(camera)}”` : "Lend a camera"),
        h("p", { class: "state", role: "status" }, view.dot, view.state),
      ),
      h(
        "p",
        { class: "quiet" },
        "While it is lent, Ostiary watches this camera's picture as its operator set it up. Closing this page ends it. No sound is sent.",
      ),
      view.note,
      h("div", { class: "lend-tools" }, view.choice, view.button),
    ),
  ),
);
show("idle", problem ?? "");
view.button.disabled = Boolean(problem);
