// Knows how the results of an analysis look: annotated files, charts, what can be saved.

import { h, icon } from "./dom.js";

export const TONES = { worn: "worn", missing: "missing", incorrect: "incorrect" };

const path = (job, name) => `/api/v1/analyses/${job.id}/results/${name}`;
const plain = (name) => name.replace(/\.[^.]*$/, "");

function saveLink(job, name, as, word) {
  return h(
    "a",
    { class: "button small", href: path(job, name), download: as, "aria-label": `Save ${as}` },
    icon("save", 16),
    word,
  );
}

/** A face's own picture, from base64. */
function viewOf(face, text) {
  const image = h("img", { class: "chart-view", alt: text, width: 72, height: 72 });
  if (!face.view) return image;
  const bytes = Uint8Array.from(atob(face.view), (one) => one.charCodeAt(0));
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  return image;
}

function bar(word, share, tone) {
  const percent = share >= 0.995 ? "> 99 %" : `${Math.round(share * 100)} %`;
  const fill = h("span", { class: "bar-fill" });
  fill.style.setProperty("--share", share);
  return h(
    "li",
    { class: `bar ${tone ? `tone-${tone}` : ""}` },
    h("span", { class: "bar-word" }, word),
    h("span", { class: "bar-track", "aria-hidden": "true" }, fill),
    h("span", { class: "bar-share" }, percent),
  );
}

/** The bars of one face: the likeliest first, as people read. */
export function bars(title, shares, words, tones) {
  const found = Object.entries(shares).sort((a, b) => b[1] - a[1]);
  if (!found.length) return null;
  return h(
    "ul",
    { class: "bars", "aria-label": title },
    ...found.map(([label, share]) => bar(words[label] ?? label, share, tones?.[label])),
  );
}

/** What a film came to; of a photograph the bars say it all. */
function standing(file, face) {
  if (file.kind === "photograph") return null;
  return h("span", { class: "quiet" }, ` · ${face.words.join(" · ") || "not decided"}`);
}

const when = (face) => (face.last_s > face.first_s ? `${face.first_s}–${face.last_s} s` : `${face.first_s} s`);

function chartOf(file, face, number, words) {
  const name = face.person ?? (file.kind === "photograph" ? `Face ${number}` : `Person ${number}`);
  const note =
    file.kind === "photograph" ? null : `${when(face)} · mean of ${face.looks} pictures`;
  return h(
    "section",
    { class: "chart", "aria-label": `${name} of ${file.name}` },
    viewOf(face, name),
    h(
      "div",
      { class: "chart-words" },
      h("h4", {}, name, standing(file, face)),
      note ? h("p", { class: "quiet chart-note" }, note) : null,
      face.unused_because ? h("p", { class: "chart-note warn" }, `Not a good view: ${face.unused_because}`) : null,
      bars("Mask", face.mask, words.mask, TONES),
      bars("Expression", face.expression, words.expression),
    ),
  );
}

function mediumOf(job, file) {
  const src = path(job, file.saved);
  if (file.saved.endsWith(".mp4"))
    return h("video", {
      src,
      controls: true,
      muted: true,
      loop: true,
      playsInline: true,
      preload: "metadata",
      "aria-label": `${file.name}, annotated`,
    });
  const link = { href: src, target: "_blank", rel: "noopener", "aria-label": `${file.name} in full` };
  return h("a", link, h("img", { src, alt: `${file.name}, annotated`, loading: "lazy" }));
}

function countOf(file) {
  const people = file.faces.length + file.more;
  const what = file.kind === "photograph" ? ["face", "faces"] : ["person", "people"];
  const found = people ? `${people} ${people === 1 ? what[0] : what[1]}` : "No face was found";
  return file.kind === "photograph"
    ? `${found} · ${file.width}×${file.height}`
    : `${found} · ${file.seconds.toFixed(1)} s, ${file.pictures} pictures`;
}

function resultOf(job, file, words) {
  const suffix = file.saved.slice(file.saved.lastIndexOf("."));
  return h(
    "article",
    { class: "result" },
    h("div", { class: "result-medium" }, mediumOf(job, file)),
    h(
      "div",
      { class: "result-head" },
      h("div", {}, h("h3", { title: file.name }, file.name), h("p", { class: "quiet" }, countOf(file))),
      saveLink(job, file.saved, `${plain(file.name)}-annotated${suffix}`, "Save"),
    ),
    h("div", { class: "charts" }, ...file.faces.map((face, index) => chartOf(file, face, index + 1, words))),
    file.more ? h("p", { class: "quiet" }, `${file.more} more are in the report.`) : null,
  );
}

/** What came of an analysis: problems in a line each, files as a grid, the reports. */
export function resultsOf(job, found) {
  const title = plain(job.files[0]?.name ?? "analysis");
  const problems = job.problems.map((one) => h("li", {}, h("strong", {}, one.name), `: ${one.message}`));
  return [
    found.files.length || problems.length ? null : h("p", { class: "quiet" }, "Nothing was shown."),
    problems.length ? h("ul", { class: "problem job-problems" }, ...problems) : null,
    found.files.length
      ? h(
          "div",
          { class: found.files.length > 1 ? "results is-many" : "results" },
          ...found.files.map((file) => resultOf(job, file, found.words)),
        )
      : null,
    found.files.length
      ? h(
          "footer",
          { class: "job-foot" },
          h("span", { class: "quiet" }, "Report"),
          saveLink(job, "report.csv", `${title}-report.csv`, "CSV"),
          saveLink(job, "report.jsonl", `${title}-report.jsonl`, "JSON Lines"),
        )
      : null,
  ].filter(Boolean);
}
