// The lists of regions and of files, and the banners.

import { clock } from "./looks.js";

const STATES = { accepted: "accepted", rejected: "rejected", proposed: "waiting" };

function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

export class RegionList {
  constructor(labels, onJump) {
    this._labels = labels;
    this._list = document.querySelector("#regions");
    this._counts = document.querySelector("#region-counts");
    this._byScore = document.querySelector("#by-score");
    this._byScore.addEventListener("change", () => this.draw());
    for (const type of ["change", "select", "open"]) labels.addEventListener(type, () => this.draw());
    this._list.addEventListener("click", (event) => {
      const row = event.target.closest("li");
      if (row) onJump(row.dataset.id);
    });
  }

  // The regions in the order in which they are gone through.
  get order() {
    if (!this._byScore.checked) return this._labels.regions;
    return [...this._labels.regions].sort((a, b) => (b.score ?? 0) - (a.score ?? 0) || a.start_s - b.start_s);
  }

  // The next region that passes a test after the selected one, around the end; way is 1 or -1.
  next(way, test, fromId = this._labels.selectedId) {
    const order = this.order;
    const at = order.findIndex((region) => region.id === fromId);
    const first = at < 0 ? (way > 0 ? 0 : order.length - 1) : at + way;
    for (let i = 0; i < order.length; i += 1) {
      const region = order[(((first + way * i) % order.length) + order.length) % order.length];
      if (test(region) && region.id !== fromId) return region;
    }
    return null;
  }

  draw() {
    const { regions, waiting, selectedId } = this._labels;
    this._list.replaceChildren(...this.order.map((region) => row(region, region.id === selectedId)));
    this._list.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
    const accepted = regions.filter((region) => region.state === "accepted").length;
    this._counts.textContent = `${accepted} accepted, ${waiting.length} waiting, ${regions.length} in all`;
  }
}

function row(region, isSelected) {
  const element = document.createElement("li");
  element.dataset.id = region.id;
  element.dataset.state = region.state;
  element.setAttribute("aria-current", isSelected);
  element.append(
    span("quiet", clock(region.start_s)),
    span("label", region.label),
    span("quiet", region.score === null ? "" : region.score.toFixed(2)),
    span("state", STATES[region.state]),
  );
  return element;
}

export class FileList {
  constructor(onOpen) {
    this._list = document.querySelector("#files");
    this._list.addEventListener("click", (event) => {
      const row = event.target.closest("li");
      if (row) onOpen(Number(row.dataset.index));
    });
  }

  draw(files, index) {
    this._list.replaceChildren(...files.map((file, i) => fileRow(file, i, i === index)));
    this._list.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
    const done = files.filter((file) => file.complete).length;
    document.querySelector("#file-counts").textContent = `${done} of ${files.length} complete`;
    document.querySelector("#files-bar").value = done / files.length;
    document.querySelector("#file-progress").textContent = `${index + 1} of ${files.length}`;
  }
}

function fileRow(file, index, isOpen) {
  const element = document.createElement("li");
  element.dataset.index = index;
  element.setAttribute("aria-current", isOpen);
  const mark = file.error ? span("wrong", "!") : span("done", file.complete ? "✓" : "");
  const counts = [file.accepted ? `${file.accepted}` : "", file.proposed ? `${file.proposed} waiting` : ""];
  element.append(span("label", file.name), span("quiet", counts.filter(Boolean).join(", ")), mark);
  return element;
}

// One banner for each name; without a line it goes. Choices are [text, action].
export function banner(name, line, { kind = "notice", choices = [] } = {}) {
  const box = document.querySelector("#banners");
  box.querySelector(`[data-name="${name}"]`)?.remove();
  if (!line) return;
  const element = document.createElement("div");
  element.className = "banner";
  element.dataset.name = name;
  element.dataset.kind = kind;
  element.append(span("", line));
  for (const [text, action] of choices) {
    const button = document.createElement("button");
    button.textContent = text;
    button.addEventListener("click", () => {
      element.remove();
      action();
    });
    element.append(button);
  }
  box.append(element);
}
