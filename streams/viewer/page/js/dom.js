// Knows how elements are made and words are escaped (never by markup). Knows no view.

/** Make an element: h("p", {class: "quiet", onclick: f}, "text", child). */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && !name.startsWith("aria") && name !== "list" && name !== "form")
      element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Make `elements` an element's children, moving only what stands elsewhere. */
export function arrange(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, index) => {
    // A moved element begins its animation and its loading anew: those in place are left alone.
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
}

/** Set text only where it changed: screen readers and the layout are left alone otherwise. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const SVG = "http://www.w3.org/2000/svg";
const STROKES = {
  wall: ["M3 5h8v6H3z", "M13 5h8v6h-8z", "M3 13h8v6H3z", "M13 13h8v6h-8z"],
  bell: ["M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15z", "M10 21h4"],
  people: [
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
    "M2.5 20a6.5 6.5 0 0 1 13 0",
    "M16 4.4a3.5 3.5 0 0 1 0 6.4",
    "M18 14.2a6.5 6.5 0 0 1 3.5 5.8",
  ],
  camera: [
    "M4 7h11a1.5 1.5 0 0 1 1.5 1.5v7A1.5 1.5 0 0 1 15 17H4a1.5 1.5 0 0 1-1.5-1.5v-7A1.5 1.5 0 0 1 4 7z",
    "M16.5 11l5-3v8l-5-3z",
  ],
  pulse: ["M3 12h4l3-8 4 16 3-8h4"],
  plus: ["M12 5v14", "M5 12h14"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  expand: ["M4 9V4h5", "M20 9V4h-5", "M4 15v5h5", "M20 15v5h-5"],
  back: ["M15 5l-7 7 7 7"],
  trash: ["M4 7h16", "M9 7V4h6v3", "M6 7l1 13h10l1-13"],
  link: [
    "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1",
    "M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  ],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  alert: ["M12 4l9 16H3z", "M12 10v4", "M12 17v.5"],
  mask: [
    "M6 9c2.300 0 4-1.500 6-1.500S15.700 9 18 9v4c0 3.300-3 5.500-6 5.500S6 16.300 6 13z",
    "M6 10.500L2.500 9",
    "M18 10.500L21.500 9",
    "M9.500 12h5",
    "M9.500 15h5",
  ],
  unknown: [
    "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
    "M4 21a8 8 0 0 1 11-7.4",
    "M18 14.5c1.7 0 2.5 1 2.5 2 0 1.600-2.500 1.600-2.500 3",
    "M18 22v.2",
  ],
  image: ["M4 5h16v14H4z", "M4 16l5-5 4 4 3-3 4 4", "M15.500 9.500v.1"],
  out: ["M14 4h5v16h-5", "M10 8l-4 4 4 4", "M6 12h9"],
  wifi: ["M5 12a10 10 0 0 1 14 0", "M8 15.500a6 6 0 0 1 8 0", "M12 19v.1"],
  clock: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M12 7v5l3.500 2"],
  edit: ["M4 20l1-4L16 5l3 3L8 19z"],
  scan: [
    "M4 8V5.500A1.500 1.500 0 0 1 5.500 4H8",
    "M16 4h2.500A1.500 1.500 0 0 1 20 5.500V8",
    "M20 16v2.500a1.500 1.500 0 0 1-1.500 1.500H16",
    "M8 20H5.500A1.500 1.500 0 0 1 4 18.500V16",
    "M9 10v.1",
    "M15 10v.1",
    "M9 14.500a4.200 4.200 0 0 0 6 0",
  ],
  save: ["M12 4v11", "M7.500 10.500L12 15l4.500-4.500", "M5 19.500h14"],
  film: ["M4 5h16v14H4z", "M10 9l5 3-5 3z"],
};

/** A line icon; decoration only, so hidden from screen readers. */
export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  const fixed = {
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 1.7,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    "aria-hidden": "true",
  };
  for (const [key, value] of Object.entries(fixed)) svg.setAttribute(key, value);
  svg.classList.add("icon");
  for (const d of STROKES[name] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** The door: the product's mark. */
export function mark(size = 28) {
  const svg = document.createElementNS(SVG, "svg");
  const fixed = { viewBox: "0 0 32 32", width: size, height: size, fill: "none", "aria-hidden": "true" };
  for (const [key, value] of Object.entries(fixed)) svg.setAttribute(key, value);
  const parts = [
    ["M6 28V14a10 10 0 0 1 20 0v14", "currentColor", "2.400"],
    ["M3 28h26", "currentColor", "2.400"],
    ["M16 12.200a3.300 3.300 0 1 1 0 6.600 3.300 3.300 0 0 1 0-6.600z", "var(--accent)", "2.400"],
  ];
  for (const [d, stroke, width] of parts) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    path.setAttribute("stroke", stroke);
    path.setAttribute("stroke-width", width);
    path.setAttribute("stroke-linecap", "round");
    svg.append(path);
  }
  return svg;
}
