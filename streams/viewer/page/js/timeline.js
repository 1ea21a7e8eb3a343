// Knows which boxes belong to a picture's RTP time. Does not know how they are drawn.

export const TICKS_PER_S = 90_000;
const WRAP = 2 ** 32;

/** The value congruent to `rtp` modulo 2^32 that lies nearest to `near`. */
export function unwrap(rtp, near) {
  const turns = Math.round((near - rtp) / WRAP);
  return rtp + turns * WRAP;
}

/** Linear interpolation of two boxes [x1, y1, x2, y2]; `part` in 0..1. */
export function between(first, second, part) {
  return first.map((side, index) => side + (second[index] - side) * part);
}

const visible = (track) => track.state !== "lost" && track.state !== "ended";

/**
 * The observations of one camera's stream, by RTP time.
 *
 * A picture between two observations gets interpolated boxes; a picture after the newest keeps
 * its boxes for `hideAfter_s`, because an old box on a new picture is a lie. Bounded: beyond
 * `limit` observations the oldest goes.
 */
export class Timeline {
  constructor({ hideAfter_s = 1.0, limit = 240 } = {}) {
    this.hideAfter = hideAfter_s * TICKS_PER_S;
    this.limit = limit;
    this.entries = []; // {time, tracks}, by time
    this.newest = 0;
    this.dropped = 0;
  }

  /** Take one observation in; returns its unwrapped time. */
  add(rtp, tracks) {
    const time = this.entries.length ? unwrap(rtp, this.newest) : rtp;
    const entry = { time, tracks: tracks.filter(visible) };
    let at = this.entries.length;
    while (at > 0 && this.entries[at - 1].time > time) at -= 1;
    const repeat = at > 0 && this.entries[at - 1].time === time;
    this.entries.splice(repeat ? at - 1 : at, repeat ? 1 : 0, entry);
    this.newest = Math.max(this.newest, time);
    if (this.entries.length > this.limit) {
      this.entries.shift();
      this.dropped += 1;
    }
    return time;
  }

  clear() {
    this.entries = [];
  }

  /** The tracks for a picture, each with its box at that very time. */
  at(rtp) {
    if (!this.entries.length) return { tracks: [], age_ms: null };
    const time = unwrap(rtp, this.newest);
    const next = this.entries.findIndex((entry) => entry.time > time);
    const after = next === -1 ? null : this.entries[next];
    const before = this.entries[next === -1 ? this.entries.length - 1 : next - 1] ?? null;
    const old = before === null || time - before.time > this.hideAfter;
    if (old) return { tracks: [], age_ms: before && (time - before.time) / 90 };
    const age_ms = (time - before.time) / 90;
    if (after === null || after.time - before.time > this.hideAfter) {
      return { tracks: before.tracks, age_ms };
    }
    return { tracks: meet(before, after, time), age_ms };
  }
}

/** Tracks at `time`, between two observations; one seen in only one of them counts half-way. */
function meet(before, after, time) {
  const part = (time - before.time) / (after.time - before.time);
  const later = new Map(after.tracks.map((track) => [track.id, track]));
  const tracks = [];
  for (const track of before.tracks) {
    const next = later.get(track.id);
    later.delete(track.id);
    if (next) tracks.push({ ...track, box: between(track.box, next.box, part) });
    else if (part < 0.5) tracks.push(track);
  }
  if (part >= 0.5) tracks.push(...later.values());
  return tracks;
}
