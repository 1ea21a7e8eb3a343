// Knows how states, kinds and times read in plain words. Does not know where they are shown.

export const KINDS = {
  unmasked: { word: "No mask", icon: "mask", tone: "missing" },
  mask_incorrect: { word: "Mask worn wrongly", icon: "mask", tone: "incorrect" },
  unknown: { word: "Unknown person", icon: "unknown", tone: "plain" },
  person: { word: "Person seen", icon: "people", tone: "plain" },
  camera_down: { word: "Camera down", icon: "camera", tone: "missing" },
};

const ENDED = {
  recognised: "Recognised since",
  erased: "Person erased",
  handed_over: "Handed over",
  rule_removed: "Rule removed",
  camera_changed: "Camera changed",
};

/** The kind of an alert, for people. */
export function kindOf(alert) {
  return KINDS[alert.kind] ?? { word: alert.kind, icon: "alert", tone: "plain" };
}

/** Whether an alert needs attention now, and in which words. */
export function standing(alert) {
  if (alert.state === "withdrawn") return { word: "Withdrawn", live: false };
  if (alert.state === "closed") return { word: "Ended", live: false };
  if (alert.active) return { word: "Active", live: true };
  const masks = alert.kind === "unmasked" || alert.kind === "mask_incorrect";
  return { word: masks ? "Mask put on" : "Settled", live: false };
}

/** Why an alert ended other than by the person leaving. */
export function because(alert) {
  return alert.reason ? (ENDED[alert.reason] ?? alert.reason) : null;
}

/** Who an alert is about. */
export function subjectOf(alert) {
  if (alert.name) return alert.name;
  if (alert.kind === "camera_down") return null;
  return alert.subject ? "Enrolled person" : "Not identified";
}

export const STATES = {
  connecting: { word: "Connecting", tone: "wait" },
  live: { word: "Live", tone: "live" },
  stalled: { word: "Stalled", tone: "bad" },
  waiting: { word: "Waiting", tone: "bad" },
  stopped: { word: "Stopped", tone: "off" },
};

/** A camera's state, for people. */
export function stateOf(name) {
  return STATES[name] ?? { word: name || "Starting", tone: "wait" };
}

/** How a worker keeps up with a camera, where it is not simply "live". */
export const MODES = {
  catching_up: "Catching up",
  reduced: "Reduced: key pictures only",
  quarantined: "Quarantined",
};

export const PURPOSES = {
  none: "Masks only",
  people: "People",
  expression: "Expression",
};

/** A camera's id as a title: "front-door" reads "Front door". */
export function titleOf(camera) {
  const words = camera.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "now", "12 s ago", "4 min ago", "3 h ago", else the date. */
export function ago(when, now = Date.now()) {
  const s = Math.max(0, Math.round((now - new Date(when).getTime()) / 1000));
  if (s < 3) return "now";
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return new Date(when).toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

/** The same without "ago", where room is scarce. */
export function lately(when, now = Date.now()) {
  return ago(when, now).replace(" ago", "");
}

export function moment(when) {
  const options = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return new Date(when).toLocaleString(undefined, options);
}

export function span(from, to) {
  const s = Math.max(0, Math.round((new Date(to) - new Date(from)) / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

const seconds = (ms) => `${Math.max(1, Math.round(ms / 1000))} s`;

/** Why a picture begins only with the camera's next keyframe, and when that comes. */
export function awaited({ since_ms, every_ms }) {
  const rare = every_ms !== null && every_ms > since_ms;
  return {
    why: rare
      ? `This camera sends a whole picture only every ${seconds(every_ms)}`
      : since_ms === null
        ? "This camera sends whole pictures rarely"
        : `This camera sent its last whole picture ${seconds(since_ms)} ago`,
    when: rare ? `The next one comes in about ${seconds(every_ms - since_ms)}` : "Waiting for the next one",
  };
}

/** What was dropped in all, told as a number or by reason. */
export function total(drops) {
  if (drops === null || drops === undefined || typeof drops === "number") return drops ?? null;
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}

/** A figure with at most one decimal, or a dash where there is none. */
export function figure(value, unit = "") {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const text =
    Math.abs(value) >= 100 ? Math.round(value).toString() : (Math.round(value * 10) / 10).toString();
  return unit ? `${text} ${unit}` : text;
}

export const VERDICTS = {
  no_face: "No face was found",
  several: "More than one face",
  too_small: "The face is too small",
  blurred: "The face is blurred",
  turned: "The face is turned away",
  dark: "Too dark or too bright",
  unlike_the_others: "Unlike the other photos",
  unreadable: "Not a readable picture",
};

export function verdictOf(verdict) {
  if (verdict.accepted) return "Accepted";
  return VERDICTS[verdict.reason] ?? verdict.detail ?? verdict.reason ?? "Not accepted";
}
