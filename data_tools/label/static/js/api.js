// The server: every answer that is no success becomes one line to show.

export const tab = crypto.randomUUID();

export class ApiError extends Error {
  constructor(line, kind) {
    super(line);
    this.kind = kind; // input, conflict, disk, reader, offline
  }
}

export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError("the program behind this page does not answer; is it still running?", "offline");
  }
  if (response.ok) return response;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // An answer without a line of its own.
  }
  throw new ApiError(body.error ?? `the answer is ${response.status}`, body.kind ?? "input");
}

export async function askJson(path) {
  return (await ask(path)).json();
}

export async function send(path, method, body) {
  const options = { method, headers: { "content-type": "application/json" }, body: JSON.stringify({ tab, ...body }) };
  return (await ask(path, options)).json();
}

// Follows whether this tab may write: true, false, or null while nobody answers.
export function followWriter(onWriter) {
  const events = new EventSource(`api/events?tab=${tab}`);
  events.addEventListener("writer", (event) => onWriter(JSON.parse(event.data)));
  events.addEventListener("error", () => onWriter(null));
  const leave = () => {
    events.close();
    fetch("api/writer", { method: "POST", keepalive: true, body: JSON.stringify({ tab, leave: true }) }).catch(() => {});
  };
  window.addEventListener("pagehide", leave);
  // A page that the browser kept must ask anew what is true now.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
}

export const audioUrl = (index, startS, endS) => `api/files/${index}/audio.wav?start_s=${startS}&end_s=${endS}`;
