// Knows how cameras are listed, added, changed and removed. Does not know how they connect.

import { patch, post, remove } from "./api.js";
import { complain, confirmed, field, openDialog, submit, toast } from "./dialog.js";
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

function shareLink(camera, token) {
  const url = `${location.origin}/lend?camera=${camera}#token=${token}`;
  const input = h("input", { readOnly: true, value: url, onfocus: () => input.select() });
  const copy = h("button", { type: "button", class: "button primary", onclick: async () => {
    await navigator.clipboard.writeText(url);
    say(copy, "Copied");
  } }, "Copy link");
  const open = h("a", { class: "button", href: url, target: "_blank", rel: "noopener" }, "Open here");
  const safe = location.protocol === "https:" || ["localhost", "127.0.0.1"].includes(location.hostname);
  openDialog(
    "Lend a camera",
    h("p", {}, "Open this link on the device whose camera should be watched. It is shown once: keep it like a password."),
    field("Link", input),
    safe ? null : h("p", { class: "problem" }, "Browsers lend cameras over HTTPS only: set tls.cert and tls.key, or use this machine."),
    h("div", { class: "actions" }, open, copy),
  );
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
    const stream = status?.width ? `${status.codec} ${status.width}×${status.height}, ${figure(status.rate_hz)}/s` : "";
    say(reason, [status?.reason, next].filter(Boolean).join(" · ") || stream);
  };
  refresh();
  const drop = async () => {
    if (!(await confirmed(`Remove ${titleOf(camera.id)}?`, "It is no longer watched. Alerts that it raised are kept.", "Remove"))) return;
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
    h("div", { class: "camera-words" }, h("h3", {}, h("a", { href: `#/camera/${camera.id}` }, titleOf(camera.id))), h("p", { class: "quiet address" }, camera.kind === "whip" ? "Lent from a browser" : camera.url), chips(camera)),
    h("div", { class: "camera-state" }, h("p", { class: "state" }, dot, word), reason),
    h("div", { class: "camera-tools" }, mine ? h("button", { type: "button", class: "icon-button", "aria-label": `Change ${camera.id}`, onclick: () => edit(camera, again) }, icon("edit", 18)) : null, mine ? h("button", { type: "button", class: "icon-button", "aria-label": `Remove ${camera.id}`, onclick: drop }, icon("trash", 18)) : null),
  );
  return { element, refresh };
}

/** The fields of a camera, and what they hold. */
class CameraForm {
  constructor(camera) {
    this.camera = camera;
    const text = (name, more = {}) => h("input", { name, autocomplete: "off", spellcheck: false, ...more });
    this.id = text("id", { required: true, pattern: "[a-z0-9\\-]{1,40}", placeholder: "front-door" });
    this.url = text("url", { placeholder: "rtsp://192.168.1.20/stream1" });
    this.sub = text("sub_url", { placeholder: "rtsp://192.168.1.20/stream2" });
    this.user = text("username");
    this.password = text("password", { type: "password", autocomplete: "new-password" });
    this.kind = this.#pick("kind", [["rtsp", "Network camera"], ["whip", "Lent by a browser"]], "rtsp");
    this.purpose = this.#pick("purpose", [["none", "Masks only"], ["people", "People"], ["expression", "Expression"]], camera?.purpose ?? "none");
    this.because = text("because", { value: camera?.because ?? "", maxLength: 500 });
    this.masks = this.#switch("Masks are required here", camera?.mask_required);
    this.unknown = this.#switch("Alert about unknown people", camera?.alert_unknown);
    this.unknownRow = h("div", {}, this.unknown.row);
    this.becauseRow = field("Why expressions are watched", this.because, "Recorded with the camera. Not allowed at work or in education but for medical or safety reasons.");
    this.network = h("div", { class: "stack" }, field("Address", this.url, "A password inside the address is cut out and kept encrypted."), field("Sub-stream, to analyse", this.sub, "Optional: a smaller stream costs less to watch."), h("div", { class: "pair" }, field("User", this.user), field("Password", this.password)));
    this.#follow();
  }

  #pick(name, options, chosen) {
    const inputs = options.map(([value, word]) => h("label", { class: "option" }, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => this.#follow() }), h("span", {}, word)));
    return h("fieldset", { class: "options" }, h("legend", { class: "hidden" }, name), ...inputs);
  }

  #switch(word, on) {
    const input = h("input", { type: "checkbox", checked: Boolean(on) });
    return { input, row: h("label", { class: "switch" }, input, h("span", { class: "switch-track", "aria-hidden": "true" }), word) };
  }

  #chosen(set) {
    return set.querySelector("input:checked").value;
  }

  #follow() {
    if (!this.network) return;
    const whip = this.#chosen(this.kind) === "whip";
    this.network.hidden = whip;
    this.url.required = !whip && !this.camera;
    const purpose = this.#chosen(this.purpose);
    this.becauseRow.hidden = purpose !== "expression";
    this.because.required = purpose === "expression";
    this.unknownRow.hidden = purpose !== "people";
  }

  #duties() {
    const purpose = this.#chosen(this.purpose);
    return { purpose, because: purpose === "expression" ? this.because.value.trim() : null, mask_required: this.masks.input.checked, alert_unknown: purpose === "people" && this.unknown.input.checked };
  }

  address() {
    const found = { url: this.url.value.trim() };
    if (this.user.value) found.username = this.user.value;
    if (this.password.value) found.password = this.password.value;
    return found;
  }

  value() {
    const duties = this.#duties();
    if (this.camera) return duties;
    const id = this.id.value.trim();
    if (this.#chosen(this.kind) === "whip") return { id, kind: "whip", ...duties };
    const sub = this.sub.value.trim();
    return { id, kind: "rtsp", ...this.address(), ...(sub ? { sub_url: sub } : {}), ...duties };
  }

  duties() {
    return [h("div", { class: "field" }, h("span", { class: "label" }, "What it is for"), this.purpose), this.becauseRow, this.masks.row, this.unknownRow];
  }
}

function edit(camera, again) {
  const form = new CameraForm(camera);
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "button primary" }, "Save");
  const element = h("form", { class: "stack", onsubmit: async (event) => {
    event.preventDefault();
    const saved = await submit(button, problem, () => patch(`/cameras/${camera.id}`, form.value()));
    if (!saved) return;
    dialog.close();
    toast(`${titleOf(camera.id)} was changed.`, "good");
    again();
  } }, ...form.duties(), problem, h("div", { class: "actions" }, button));
  const dialog = openDialog(`Change ${titleOf(camera.id)}`, element);
}

async function probe(form, button, found, problem) {
  found.hidden = true;
  const answer = await submit(button, problem, () => post("/cameras/test", form.address()));
  if (!answer) return;
  if (!answer.ok) return void complain(problem, { message: answer.error ?? "No picture arrived." });
  const size = `${answer.codec} ${answer.width}×${answer.height} at ${figure(answer.rate_hz)}/s`;
  say(found, `Connected: ${size}, first picture after ${figure(answer.first_picture_ms)} ms.`);
  found.hidden = false;
}

function add(again) {
  const form = new CameraForm(null);
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const found = h("div", { class: "found", role: "status", hidden: true });
  const button = h("button", { type: "submit", class: "button primary" }, "Add camera");
  const test = h("button", { type: "button", class: "button", onclick: () => probe(form, test, found, problem) }, "Test connection");
  form.kind.addEventListener("change", () => (test.hidden = form.network.hidden));
  const element = h("form", { class: "stack", onsubmit: async (event) => {
    event.preventDefault();
    const camera = await submit(button, problem, () => post("/cameras", form.value()));
    if (!camera) return;
    dialog.close();
    toast(`${titleOf(camera.id)} was added.`, "good");
    if (camera.token) shareLink(camera.id, camera.token);
    again();
  } }, form.kind, field("Name", form.id, "Lower-case letters, digits and hyphens."), form.network, ...form.duties(), problem, found, h("div", { class: "actions" }, test, button));
  const dialog = openDialog("Add a camera", element);
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
  const button = () => h("button", { type: "button", class: "button primary", onclick: () => add(load) }, icon("plus", 18), "Add a camera");
  const none = () => h("div", { class: "empty" }, h("div", { class: "empty-sign" }, icon("camera", 34)), h("h2", {}, "No cameras yet"), h("p", {}, "Add a network camera by its RTSP address, or lend this device's own."), store.can("operator") ? button() : null);
  store.on("cameras", draw, signal);
  store.on("status", () => rows.forEach((one) => one.refresh()), signal);
  draw();
  return h("div", { class: "page" }, h("header", { class: "page-head" }, h("div", {}, h("h1", {}, "Cameras"), h("p", { class: "quiet" }, "What is watched, and for which purpose.")), store.can("operator") ? button() : null), body);
}
