// Knows the form by which a camera is added, tried and changed. Does not know the list of cameras.

import { patch, post } from "./api.js";
import { complain, field, openDialog, submit, toast } from "./dialog.js";
import { h, say } from "./dom.js";
import { figure, titleOf } from "./words.js";

function shareLink(camera, token) {
  const url = `${location.origin}/lend?camera=${camera}#token=${token}`;
  const input = h("input", { readOnly: true, value: url, onfocus: () => input.select() });
  const copy = h(
    "button",
    {
      type: "button",
      class: "button primary",
      onclick: async () => {
        await navigator.clipboard.writeText(url);
        say(copy, "Copied");
      },
    },
    "Copy link",
  );
  const open = h("a", { class: "button", href: url, target: "_blank", rel: "noopener" }, "Open here");
  const safe = location.protocol === "https:" || ["localhost", "127.0.0.1"].includes(location.hostname);
  openDialog(
    "Lend a camera",
    h(
      "p",
      {},
      "Open this link on the device whose camera should be watched. It is shown once: keep it like a password.",
    ),
    field("Link", input),
    safe
      ? null
      : h(
          "p",
          { class: "problem" },
          "Browsers lend cameras over HTTPS only: set tls.cert and tls.key, or use this machine.",
        ),
    h("div", { class: "actions" }, open, copy),
  );
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
    this.kind = this.#pick(
      "kind",
      [
        ["rtsp", "Network camera"],
        ["whip", "Lent by a browser"],
      ],
      "rtsp",
    );
    this.purpose = this.#pick(
      "purpose",
      [
        ["none", "Masks only"],
        ["people", "People"],
        ["expression", "Expression"],
      ],
      camera?.purpose ?? "none",
    );
    this.because = text("because", { value: camera?.because ?? "", maxLength: 500 });
    this.masks = this.#switch("Masks are required here", camera?.mask_required);
    this.unknown = this.#switch("Alert about unknown people", camera?.alert_unknown);
    this.unknownRow = h("div", {}, this.unknown.row);
    this.becauseRow = field(
      "Why expressions are watched",
      this.because,
      "Recorded with the camera. Not allowed at work or in education but for medical or safety reasons.",
    );
    this.network = h(
      "div",
      { class: "stack" },
      field("Address", this.url, "A password inside the address is cut out and kept encrypted."),
      field("Sub-stream, to analyse", this.sub, "Optional: a smaller stream costs less to watch."),
      h("div", { class: "pair" }, field("User", this.user), field("Password", this.password)),
    );
    this.#follow();
  }

  #pick(name, options, chosen) {
    const inputs = options.map(([value, word]) =>
      h(
        "label",
        { class: "option" },
        h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => this.#follow() }),
        h("span", {}, word),
      ),
    );
    return h("fieldset", { class: "options" }, h("legend", { class: "hidden" }, name), ...inputs);
  }

  #switch(word, on) {
    const input = h("input", { type: "checkbox", checked: Boolean(on) });
    return {
      input,
      row: h(
        "label",
        { class: "switch" },
        input,
        h("span", { class: "switch-track", "aria-hidden": "true" }),
        word,
      ),
    };
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
    return {
      purpose,
      because: purpose === "expression" ? this.because.value.trim() : null,
      mask_required: this.masks.input.checked,
      alert_unknown: purpose === "people" && this.unknown.input.checked,
    };
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
    return [
      h("div", { class: "field" }, h("span", { class: "label" }, "What it is for"), this.purpose),
      this.becauseRow,
      this.masks.row,
      this.unknownRow,
    ];
  }
}

export function edit(camera, again) {
  const form = new CameraForm(camera);
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "button primary" }, "Save");
  const element = h(
    "form",
    {
      class: "stack",
      onsubmit: async (event) => {
        event.preventDefault();
        const saved = await submit(button, problem, () => patch(`/cameras/${camera.id}`, form.value()));
        if (!saved) return;
        dialog.close();
        toast(`${titleOf(camera.id)} was changed.`, "good");
        again();
      },
    },
    ...form.duties(),
    problem,
    h("div", { class: "actions" }, button),
  );
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

export function add(again) {
  const form = new CameraForm(null);
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const found = h("div", { class: "found", role: "status", hidden: true });
  const button = h("button", { type: "submit", class: "button primary" }, "Add camera");
  const test = h(
    "button",
    { type: "button", class: "button", onclick: () => probe(form, test, found, problem) },
    "Test connection",
  );
  form.kind.addEventListener("change", () => (test.hidden = form.network.hidden));
  const element = h(
    "form",
    {
      class: "stack",
      onsubmit: async (event) => {
        event.preventDefault();
        const camera = await submit(button, problem, () => post("/cameras", form.value()));
        if (!camera) return;
        dialog.close();
        toast(`${titleOf(camera.id)} was added.`, "good");
        if (camera.token) shareLink(camera.id, camera.token);
        again();
      },
    },
    form.kind,
    field("Name", form.id, "Lower-case letters, digits and hyphens."),
    form.network,
    ...form.duties(),
    problem,
    found,
    h("div", { class: "actions" }, test, button),
  );
  const dialog = openDialog("Add a camera", element);
}
