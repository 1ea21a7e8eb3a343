// Knows how the browser's own camera gives a picture or a short video. Does not know what it shows.

import { h, icon, say } from "./dom.js";

const RECORD_S = 5;
const TYPES = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];
const REASONS = {
  NotAllowedError: "This browser may not use the camera. Allow it in the address bar, then try again.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "Another program uses the camera. Close it, then try again.",
};

export const stamp = () => new Date().toTimeString().slice(0, 8).replaceAll(":", "");

/** The camera's panel; `take(file)` gets each picture and video, `watch(stream)` the camera itself. */
export function cameraPanel(signal, { take, watch }) {
  let stream = null;
  const video = h("video", { autoplay: true, muted: true, playsInline: true, "aria-label": "Your camera" });
  const note = h("p", { class: "problem", role: "alert", hidden: true });
  const still = h("button", { type: "button", class: "button" }, icon("image", 18), "Take a picture");
  const words = h("span", {}, `Record ${RECORD_S} s`);
  const watching = h("button", { type: "button", class: "button primary wide" }, icon("scan", 18), "Analyze live");
  const record = h("button", { type: "button", class: "button" }, icon("film", 18), words);
  const live = h("div", { class: "camera-live", hidden: true }, video, h("div", { class: "camera-tools-row" }, still, record), watching);
  const open = h("button", { type: "button", class: "button wide camera-open" }, icon("camera", 18), "Use this device's camera");

  const fail = (text) => {
    say(note, text);
    note.hidden = !text;
  };
  const close = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
    live.hidden = true;
    open.lastChild.textContent = "Use this device's camera";
  };
  const begin = async () => {
    fail("");
    if (!window.isSecureContext || !navigator.mediaDevices)
      return fail("Browsers lend a camera over HTTPS only, or on the machine itself.");
    try {
      const wanted = { width: { ideal: 1280 }, height: { ideal: 720 } };
      stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    } catch (error) {
      return fail(REASONS[error.name] ?? "The camera cannot be opened.");
    }
    if (signal.aborted) return close();
    video.srcObject = stream;
    live.hidden = false;
    open.lastChild.textContent = "Close the camera";
  };
  const photograph = () => {
    if (!video.videoWidth) return;
    const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => take(new File([blob], `camera-${stamp()}.jpg`, { type: blob.type })), "image/jpeg", 0.95);
  };
  const film = () => {
    const type = TYPES.find((one) => window.MediaRecorder?.isTypeSupported(one));
    if (!type) return fail("This browser cannot record video.");
    const parts = [];
    const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 4_000_000 });
    recorder.ondataavailable = (event) => event.data.size && parts.push(event.data);
    recorder.onstop = () => {
      clearInterval(ticking);
      record.disabled = still.disabled = false;
      say(words, `Record ${RECORD_S} s`);
      const ending = type.includes("mp4") ? "mp4" : "webm";
      if (parts.length) take(new File(parts, `camera-${stamp()}.${ending}`, { type: type.split(";")[0] }));
    };
    let left_s = RECORD_S;
    record.disabled = still.disabled = true;
    say(words, `Recording, ${left_s} s`);
    const ticking = setInterval(() => {
      left_s -= 1;
      say(words, `Recording, ${left_s} s`);
      if (left_s <= 0 && recorder.state !== "inactive") recorder.stop();
    }, 1000);
    recorder.start(500);
  };
  open.addEventListener("click", () => (stream ? close() : begin()));
  still.addEventListener("click", photograph);
  watching.addEventListener("click", () => stream && watch(stream));
  record.addEventListener("click", film);
  signal.addEventListener("abort", close);
  return { element: h("div", { class: "camera-panel" }, open, live, note), begin };
}
