// Knows how the gateway is asked and how its refusals read. Does not know what is shown.

export class Refused extends Error {
  constructor(status, body) {
    super(body?.error || "The gateway refused the request.");
    this.status = status;
    this.detail = body?.detail ?? null;
  }
}

export class Away extends Error {
  constructor() {
    super("The gateway does not answer. Trying again…");
    this.status = 0;
  }
}

async function parsed(response) {
  if (response.status === 204) return null;
  const type = response.headers.get("content-type") ?? "";
  return type.includes("json") ? response.json() : response.text();
}

/** Ask the API; `body` is sent as JSON unless it is a form or a file. Raises Refused or Away. */
export async function ask(method, path, body) {
  const form = body instanceof FormData;
  const whole = form || body instanceof Blob;
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: body && !whole ? { "content-type": "application/json" } : {},
      body: body ? (whole ? body : JSON.stringify(body)) : undefined,
      signal: AbortSignal.timeout(whole ? 120_000 : 20_000),
    });
  } catch {
    throw new Away();
  }
  const answer = await parsed(response);
  if (!response.ok) {
    if (response.status === 401 && path !== "/session") {
      window.dispatchEvent(new Event("ostiary:signed-out"));
    }
    throw new Refused(response.status, answer);
  }
  return answer;
}

export const get = (path) => ask("GET", path);
export const post = (path, body) => ask("POST", path, body);
/** Show one picture, a Blob. */
export const show = (path, picture) => ask("POST", path, picture);
export const patch = (path, body) => ask("PATCH", path, body);
export const remove = (path) => ask("DELETE", path);
