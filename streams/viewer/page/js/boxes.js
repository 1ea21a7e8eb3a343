// Knows how a track reads and where its box and label lie. Does not know a canvas.

export const MASKS = {
  worn: { word: "Mask worn", sign: "✓", tone: "worn" },
  missing: { word: "No mask", sign: "✕", tone: "missing" },
  incorrect: { word: "Mask worn wrongly", sign: "!", tone: "incorrect" },
};

export const EXPRESSIONS = {
  anger: "Angry",
  disgust: "Disgusted",
  fear: "Afraid",
  happiness: "Happy",
  sadness: "Sad",
  surprise: "Surprised",
  neutral: "Neutral",
};

/** Where a picture of `picture` size lies inside an area that shows it whole. */
export function contain(area, picture) {
  const scale = Math.min(area.width / picture.width, area.height / picture.height) || 0;
  const width = picture.width * scale;
  const height = picture.height * scale;
  return { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
}

/** A box in 0..1 of the picture, as {x, y, width, height} on the shown picture `shown`. */
export function place(box, shown) {
  const [x1, y1, x2, y2] = box.map((side) => Math.min(1, Math.max(0, side)));
  return {
    x: shown.x + x1 * shown.width,
    y: shown.y + y1 * shown.height,
    width: (x2 - x1) * shown.width,
    height: (y2 - y1) * shown.height,
  };
}

/** The person's line: a name, "Unknown", "Identifying…", or nothing where nobody asks. */
export function whoLine(who, names) {
  if (!who) return null;
  if (who.knowledge === "known") return names.get(who.person_id) ?? "Enrolled";
  return who.knowledge === "unknown" ? "Unknown" : "Identifying…";
}

/** What a label says, in words: never by colour alone. */
export function describe(track, names) {
  const mask = track.mask?.state ? MASKS[track.mask.state] : null;
  const expression = track.expression?.label ? EXPRESSIONS[track.expression.label] : null;
  const certain = track.mask?.probability;
  return {
    tone: mask?.tone ?? "plain",
    tentative: track.state === "tentative",
    title: whoLine(track.who, names),
    mask: mask && `${mask.sign} ${mask.word}`,
    share: mask && certain ? `${Math.round(certain * 100)} %` : null,
    expression: expression ?? null,
  };
}

const overlap = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/**
 * Find a place for a label of `size` beside a box: above, below, else inside at the top.
 * `taken` holds the labels placed before; `area` is where the picture lies.
 */
export function placeLabel(box, size, area, taken) {
  const x = Math.max(area.x + 2, Math.min(box.x, area.x + area.width - size.width - 2));
  const tries = [
    { x, y: box.y - size.height - 4, ...size },
    { x, y: box.y + box.height + 4, ...size },
    { x, y: Math.max(area.y + 2, box.y + 4), ...size },
  ];
  const inside = tries.filter((spot) => spot.y >= area.y && spot.y + size.height <= area.y + area.height);
  return inside.find((spot) => !taken.some((other) => overlap(spot, other))) ?? inside[0] ?? tries[2];
}
