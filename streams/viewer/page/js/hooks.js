// Knows what was drawn lately, for tests and the curious. Read-only from outside.

const KEPT = 400; // pictures of one camera: 16 s at 25/s

const frames = new Map();
const states = new Map();

export function noteFrame(camera, frame) {
  const list = frames.get(camera) ?? [];
  list.push(Object.freeze(frame));
  if (list.length > KEPT) list.shift();
  frames.set(camera, list);
}

export function noteState(camera, state) {
  states.set(camera, state);
}

const copy = (value) => (value === null ? null : JSON.parse(JSON.stringify(value)));

// rtp: the shown picture's RTP time; boxes: what lay on it; messages: the last observations.
Object.defineProperty(window, "ostiary", {
  value: Object.freeze({
    cameras: () => [...states.keys()],
    state: (camera) => states.get(camera) ?? null,
    drawn: (camera) => copy(frames.get(camera)?.at(-1) ?? null),
    frames: (camera) => copy(frames.get(camera) ?? []),
  }),
});
