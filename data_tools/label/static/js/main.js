// Puts the page together: files, saving, and who may write.

import { makeActions } from "./actions.js";
import { askJson, followWriter, send } from "./api.js";
import { Keywords } from "./keywords.js";
import { startKeys } from "./keys.js";
import { Labels } from "./labels.js";
import { banner, FileList, RegionList } from "./lists.js";
import { clock } from "./looks.js";
import { Overview } from "./overview.js";
import { Saver } from "./saver.js";
import { View } from "./view.js";

const POLL_MS = 250;
const $ = (id) => document.querySelector(`#${id}`);

const session = await askJson("api/session");
const labels = new Labels();
const view = new View(labels);
const overview = new Overview(labels, view);
const keywords = new Keywords(labels, session.keywords);
const saver = new Saver(showStatus, onConflict);
let index = 0;
let isOpen = false;
let isWriter = null;

const actions = makeActions({
  labels, view, overview, keywords,
  regionList: new RegionList(labels, (id) => actions.jumpTo(id)),
  openFile: (way) => open(index + way),
});
const fileList = new FileList((wanted) => open(wanted));

function showStatus(state, line) {
  $("status").dataset.state = state;
  $("status").textContent = { saved: "saved", saving: "saving …", failed: "not saved" }[state];
  banner("save", state === "failed" ? `not saved yet: ${line}` : "", { kind: "error" });
}

async function open(wanted) {
  if (wanted < 0 || wanted >= session.files.length) return;
  index = wanted;
  isOpen = false;
  document.body.dataset.file = "opening";
  setReadOnly();
  for (const name of ["file", "draft", "conflict", "notice", "audio"]) banner(name, "");
  $("file-name").textContent = session.files[index].name;
  fileList.draw(session.files, index);
  try {
    const found = await prepared(wanted);
    if (found && wanted === index) await show(found);
  } catch (error) {
    if (wanted !== index) return;
    session.files[index].error = true;
    labels.open({ regions: [], complete: false, duration_s: 0 });
    showVeil("this recording cannot be labelled", null);
    banner("file", error.message, { kind: "error", choices: [["Try again", () => open(wanted)]] });
    fileList.draw(session.files, index);
    document.body.dataset.file = "failed";
  }
}

// Waits until the recording is read; null if another one was opened meanwhile.
async function prepared(wanted) {
  for (;;) {
    const found = await askJson(`api/files/${wanted}`);
    if (wanted !== index) return null;
    if (found.doing === undefined) return found;
    const what = { reading: "reading the recording", listening: `${session.model} listens` }[found.doing] ?? "waiting";
    showVeil(what, found.share);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function show(found) {
  showVeil("", null);
  session.files[index].error = false;
  const draft = saver.open(index, session.files[index].key, found);
  labels.open(found);
  isOpen = true;
  setReadOnly();
  banner("notice", found.notices.join(" · "));
  offerDraft(draft, found.revision);
  const first = labels.waiting[0];
  if (first) labels.select(first.id);
  await Promise.all([overview.open(index), view.open(index, first?.start_s ?? 0)]);
  document.body.dataset.file = "open";
}

function offerDraft(draft, revision) {
  if (!draft || !isWriter) return;
  const use = () => {
    saver.rebase(index, revision);
    labels.restore(draft.regions, draft.complete);
  };
  if (draft.isFresh) return use();
  const line = "changes that could not be saved were found, and the labels were saved elsewhere since";
  banner("draft", line, { choices: [["Use the unsaved ones", use], ["Drop them", () => saver.drop(index)]] });
}

function onConflict(conflicted, line) {
  if (conflicted !== index) return;
  const reload = () => {
    saver.drop(index);
    showStatus("saved", "");
    open(index);
  };
  const keep = async () => saver.rebase(index, (await askJson(`api/files/${index}`)).revision);
  const keepMine = async () => {
    await keep();
    saver.save(index, labels.regions, labels.complete);
  };
  banner("conflict", line, { kind: "error", choices: [["Keep what is here", keepMine], ["Load what is there", reload]] });
}

function showVeil(text, share) {
  $("veil").hidden = !text;
  $("veil-text").textContent = text;
  $("veil-bar").hidden = share === null;
  if (share) $("veil-bar").value = share;
  else $("veil-bar").removeAttribute("value");
}

function setReadOnly() {
  labels.isReadOnly = !isWriter || !isOpen;
  for (const id of ["accept", "reject", "delete", "complete"]) $(id).disabled = labels.isReadOnly;
  document.body.dataset.writer = String(isWriter);
  drawUndo();
  view.drawRegions();
}

function drawUndo() {
  $("undo").disabled = labels.isReadOnly || !labels.canUndo;
  $("redo").disabled = labels.isReadOnly || !labels.canRedo;
  $("complete").checked = labels.complete;
}

let onFirst;
const isTold = new Promise((resolve) => (onFirst = resolve));

followWriter(async (writes) => {
  const isFirst = isWriter === null && onFirst !== null;
  isWriter = writes;
  if (writes === null) {
    banner("writer", "the program behind this page does not answer; is it still running?", { kind: "error" });
  } else if (writes) {
    banner("writer", "");
  } else {
    const line = "these labels are open in another tab; this one only reads";
    const take = () => send("api/writer", "POST", { take: true });
    banner("writer", line, { choices: [["Take over", take]] });
  }
  setReadOnly();
  if (isFirst && writes !== null) {
    onFirst();
    onFirst = null;
  } else if (writes) {
    // Another tab may have saved while this one could not.
    await open(index);
  }
});

labels.addEventListener("change", () => {
  saver.save(index, labels.regions, labels.complete);
  const file = session.files[index];
  file.complete = labels.complete;
  file.accepted = labels.regions.filter((region) => region.state === "accepted").length;
  file.proposed = labels.waiting.length;
  fileList.draw(session.files, index);
  drawUndo();
});
labels.addEventListener("open", drawUndo);
view.addEventListener("drawn", ({ detail }) => labels.add(keywords.current, detail.startS, detail.endS));
view.addEventListener("problem", ({ detail }) => banner("audio", detail, { kind: "error" }));
view.addEventListener("cursor", () => ($("clock").textContent = `${clock(view.cursorS)} of ${clock(labels.durationS)}`));
view.addEventListener("play", () => ($("play").textContent = view.isPlaying ? "❚❚ Pause" : "▶ Play"));
window.addEventListener("beforeunload", (event) => $("status").dataset.state === "failed" && event.preventDefault());

const buttons = {
  "previous-file": ["file", -1], "next-file": ["file", 1], undo: ["undo"], redo: ["redo"], theme: ["theme"], help: ["help"],
  play: ["toggle"], "play-region": ["playRegion"], "play-around": ["playAround"], accept: ["decide", "accepted"],
  reject: ["decide", "rejected"], delete: ["remove"], "zoom-out": ["zoom", 2], "zoom-in": ["zoom", 0.5],
};
for (const [id, [name, argument]] of Object.entries(buttons)) {
  $(id).addEventListener("click", (event) => {
    actions[name](argument);
    // So that Space plays instead of pressing the button again.
    event.currentTarget.blur();
  });
}
$("complete").addEventListener("change", (event) => {
  labels.setComplete(event.currentTarget.checked);
  event.currentTarget.blur();
});
startKeys(actions);
// Drafts are for the tab that may write.
await isTold;
await open(0);
