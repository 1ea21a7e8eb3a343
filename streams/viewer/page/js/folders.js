// Knows which files lie in a folder that was dropped or chosen. Does not know what for.

const ENDINGS = /\.(avif|avi|bmp|gif|jfif|jpe?g|m4v|mkv|mov|mp4|mpe?g|png|tiff?|ts|webm|webp)$/i;

const visible = (name) => !name.startsWith(".");

/** Of a folder's files those that may be pictures or videos; hidden ones are not meant. */
export function seen(files) {
  const shown = files.filter((file) => (file.webkitRelativePath || file.name).split("/").every(visible));
  return shown.filter((file) => /^(image|video)\//.test(file.type) || ENDINGS.test(file.name));
}

/** What was dropped: files, and folders' entries. To be asked within the event, not after it. */
export function dropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.());
  const files = items.filter((_, place) => !entries[place]?.isDirectory).map((item) => item.getAsFile());
  return { files, folders: entries.filter((entry) => entry?.isDirectory) };
}

/** The pictures and videos in a folder and its folders, by name; no more than `most`. */
export async function within(folder, most) {
  const found = [];
  for (const entry of await entries(folder)) {
    if (found.length >= most) break;
    if (!visible(entry.name)) continue;
    if (entry.isDirectory) found.push(...(await within(entry, most - found.length)));
    else found.push(...seen([await opened(entry)]));
  }
  return found.slice(0, most);
}

const opened = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function entries(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    all.push(...some);
  }
  return all.sort((one, other) => one.name.localeCompare(other.name));
}
