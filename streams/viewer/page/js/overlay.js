// Knows how boxes are drawn on a canvas over a video. Does not know where they come from.

import { contain, place, placeLabel } from "./boxes.js";

const TONES = {
  worn: "#58a6ff",
  missing: "#ff6b61",
  incorrect: "#ffb938",
  plain: "#e8edf2",
};
const CHIP = "rgba(8, 10, 13, 0.84)";
const FONT = "Inter, system-ui, sans-serif";

/** Fit the canvas to its box on screen; returns its size in CSS pixels. */
function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const wide = Math.round(width * ratio);
  const high = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { width, height };
}

function corners(context, box, length) {
  const { x, y, width, height } = box;
  const right = x + width;
  const bottom = y + height;
  context.beginPath();
  for (const [cx, cy, sx, sy] of [
    [x, y, 1, 1],
    [right, y, -1, 1],
    [right, bottom, -1, -1],
    [x, bottom, 1, -1],
  ]) {
    context.moveTo(cx, cy + sy * length);
    context.lineTo(cx, cy);
    context.lineTo(cx + sx * length, cy);
  }
  context.stroke();
}

function strokeBox(context, box, look) {
  context.lineJoin = "round";
  context.lineCap = "round";
  context.globalAlpha = look.tentative ? 0.45 : 1;
  const length = Math.max(6, Math.min(box.width, box.height) * 0.24);
  context.lineWidth = 1;
  context.strokeStyle = "rgba(255, 255, 255, 0.28)";
  context.strokeRect(box.x, box.y, box.width, box.height);
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.lineWidth = 4.5;
  corners(context, box, length);
  context.strokeStyle = TONES[look.tone];
  context.lineWidth = 2.5;
  corners(context, box, length);
  context.globalAlpha = 1;
}

/** The label's lines, widest first measured; small pictures get a smaller face. */
function layLabel(context, look, size_px) {
  const lines = [];
  const strong = `600 ${size_px}px ${FONT}`;
  const plain = `500 ${size_px - 1}px ${FONT}`;
  if (look.title) lines.push({ text: look.title, font: strong, colour: "#ffffff" });
  if (look.mask) lines.push({ text: look.mask, font: plain, colour: TONES[look.tone] });
  if (look.expression) lines.push({ text: look.expression, font: plain, colour: "#d6dee6" });
  let width = 0;
  for (const line of lines) {
    context.font = line.font;
    width = Math.max(width, context.measureText(line.text).width);
  }
  const step = Math.round(size_px * 1.32);
  return { lines, step, width: Math.ceil(width) + 18, height: lines.length * step + 8 };
}

function drawLabel(context, spot, label, look) {
  context.fillStyle = CHIP;
  context.beginPath();
  context.roundRect(spot.x, spot.y, spot.width, spot.height, 5);
  context.fill();
  context.fillStyle = TONES[look.tone];
  context.beginPath();
  context.roundRect(spot.x, spot.y, 3, spot.height, [5, 0, 0, 5]);
  context.fill();
  context.textBaseline = "middle";
  label.lines.forEach((line, index) => {
    context.font = line.font;
    context.fillStyle = line.colour;
    context.fillText(line.text, spot.x + 10, spot.y + 4 + label.step * (index + 0.5));
  });
}

/**
 * Draw the tracks of one picture; `look(track)` says how one reads. Returns what was drawn, for the
 * page's read-only hook.
 */
export function drawTracks(canvas, picture, tracks, look) {
  const area = fit(canvas);
  const shown = contain(area, picture);
  const context = canvas.getContext("2d");
  const size_px = shown.width < 420 ? 11 : shown.width < 900 ? 12.5 : 14;
  const looks = tracks.map(look);
  const placed = tracks.map((track) => place(track.box, shown));
  placed.forEach((box, index) => strokeBox(context, box, looks[index]));
  const taken = [];
  placed.forEach((box, index) => {
    const shape = looks[index];
    if (shape.tentative) return;
    const label = layLabel(context, shape, size_px);
    if (!label.lines.length) return;
    const spot = placeLabel(box, { width: label.width, height: label.height }, shown, taken);
    taken.push(spot);
    drawLabel(context, spot, label, shape);
  });
  return tracks.map((track, index) => ({
    id: track.id,
    box: [...track.box],
    state: track.state,
    tone: looks[index].tone,
    name: looks[index].title,
    mask: track.mask?.state ?? null,
    expression: track.expression?.label ?? null,
  }));
}

/** Wipe the overlay. */
export function wipe(canvas) {
  fit(canvas);
}
