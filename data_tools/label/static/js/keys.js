// The keyboard: one table for what keys do and for the page that lists them.

// [keys, what they do, name of the action, its argument]; a key is written as below in `pressed`.
const TABLE = [
  ["Space", "play or pause", "toggle"],
  ["P", "play the region", "playRegion"],
  ["C", "play around the cursor", "playAround"],
  ["Enter|A", "accept, and on to the next that waits", "decide", "accepted"],
  ["X", "reject, and on to the next that waits", "decide", "rejected"],
  ["N", "next proposal that waits", "jumpWaiting", 1],
  ["Shift+N", "previous proposal that waits", "jumpWaiting", -1],
  ["ArrowDown", "next region", "jump", 1],
  ["ArrowUp", "previous region", "jump", -1],
  ["ArrowRight", "cursor by 0.1 s", "moveCursor", 0.1],
  ["ArrowLeft", "cursor back by 0.1 s", "moveCursor", -0.1],
  ["Shift+ArrowRight", "cursor by 1 s", "moveCursor", 1],
  ["Shift+ArrowLeft", "cursor back by 1 s", "moveCursor", -1],
  ["PageDown", "window on", "page", 0.9],
  ["PageUp", "window back", "page", -0.9],
  ["Home", "start of the file", "toEdge", 0],
  ["End", "end of the file", "toEdge", 1],
  ["I", "new region at the cursor", "insert"],
  ["S", "region starts at the cursor", "edgeHere", "start"],
  ["E", "region ends at the cursor", "edgeHere", "end"],
  ["Alt+ArrowRight", "region later by 10 ms", "nudge", [0.01, 0.01]],
  ["Alt+ArrowLeft", "region earlier by 10 ms", "nudge", [-0.01, -0.01]],
  ["Ctrl+ArrowRight", "end later by 10 ms", "nudge", [0, 0.01]],
  ["Ctrl+ArrowLeft", "end earlier by 10 ms", "nudge", [0, -0.01]],
  ["Ctrl+Shift+ArrowRight", "start later by 10 ms", "nudge", [0.01, 0]],
  ["Ctrl+Shift+ArrowLeft", "start earlier by 10 ms", "nudge", [-0.01, 0]],
  ["Delete|Backspace", "delete the region", "remove"],
  ["Escape", "select nothing", "unselect"],
  ["Ctrl+Z", "undo", "undo"],
  ["Ctrl+Shift+Z|Ctrl+Y", "redo", "redo"],
  ["+|=", "zoom in", "zoom", 0.5],
  ["-", "zoom out", "zoom", 2],
  [".", "next file", "file", 1],
  [",", "previous file", "file", -1],
  ["D", "file is complete, or not", "toggleComplete"],
  ["T", "dark or light", "theme"],
  ["?", "these keys", "help"],
];

function pressed(event) {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const isLetter = /^[A-Z]$|^Arrow/.test(key);
  const parts = [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : "", event.shiftKey && isLetter ? "Shift" : ""];
  return [...parts, key].filter(Boolean).join("+");
}

export function startKeys(actions) {
  const byKey = new Map(TABLE.flatMap(([keys, , name, argument]) => keys.split("|").map((key) => [key, [name, argument]])));
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const name = pressed(event);
    const found = /^[1-9]$/.test(name) ? ["keyword", Number(name) - 1] : byKey.get(name);
    if (!found) return;
    event.preventDefault();
    actions[found[0]](found[1]);
  });
  const list = document.querySelector("#key-list");
  for (const [keys, what] of [...TABLE, ["1 … 9", "keyword of the region and of the next ones"]]) {
    const key = document.createElement("dt");
    key.textContent = keys.replaceAll("|", " or ").replaceAll("Arrow", "");
    const text = document.createElement("dd");
    text.textContent = what;
    list.append(key, text);
  }
}
