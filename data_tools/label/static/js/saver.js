// Saves after each change, one save at a time, and again until it succeeds. What is not saved yet lies in the
// browser's storage as a draft, so that a page that is loaded anew finds it.

import { send } from "./api.js";

const RETRY_MS = 2000;
const RETRIED = new Set(["disk", "offline"]);

const storageKey = (key) => `kws-label-draft:${key}`;
const same = (a, b) => a.complete === b.complete && JSON.stringify(a.regions) === JSON.stringify(b.regions);

export class Saver {
  // onState(state, line): saved, saving, or failed with a line. onConflict(index, line).
  constructor(onState, onConflict) {
    this._onState = onState;
    this._onConflict = onConflict;
    this._files = new Map();
    this._isBusy = false;
  }

  get isClean() {
    return [...this._files.values()].every((file) => !file.pending);
  }

  // Takes a file's revision; returns changes of an earlier page that were not saved, or null.
  open(index, key, found) {
    const known = this._files.get(index);
    if (known?.pending) return { ...known.pending, isFresh: known.revision === found.revision };
    this._files.set(index, { key, revision: found.revision, pending: null });
    const draft = readDraft(key);
    if (!draft) return null;
    if (same(draft, found)) {
      dropDraft(key);
      return null;
    }
    return { ...draft, isFresh: draft.base === found.revision };
  }

  drop(index) {
    const file = this._files.get(index);
    file.pending = null;
    dropDraft(file.key);
  }

  // Saves over what somebody else saved, as the person chose to.
  rebase(index, revision) {
    this._files.get(index).revision = revision;
    this._pump();
  }

  save(index, regions, complete) {
    const file = this._files.get(index);
    file.pending = { regions, complete };
    file.isStuck = false;
    writeDraft(file.key, { base: file.revision, ...file.pending });
    this._pump();
  }

  async _pump() {
    clearTimeout(this._timer);
    if (this._isBusy) return;
    this._isBusy = true;
    try {
      for (let next = this._next(); next; next = this._next()) await this._put(...next);
      if (this.isClean) this._onState("saved", "");
    } catch (error) {
      this._onState("failed", error.message);
      this._timer = setTimeout(() => this._pump(), RETRY_MS);
    } finally {
      this._isBusy = false;
    }
  }

  _next() {
    return [...this._files].find(([, file]) => file.pending && !file.isStuck);
  }

  async _put(index, file) {
    const sent = file.pending;
    this._onState("saving", "");
    try {
      const { revision } = await send(`api/files/${index}/labels`, "PUT", { revision: file.revision, ...sent });
      file.revision = revision;
    } catch (error) {
      if (RETRIED.has(error.kind)) throw error;
      file.isStuck = true;
      this._onState("failed", error.message);
      if (error.kind === "conflict") this._onConflict(index, error.message);
      return;
    }
    if (file.pending === sent) {
      file.pending = null;
      dropDraft(file.key);
    } else {
      writeDraft(file.key, { base: file.revision, ...file.pending });
    }
  }
}

function readDraft(key) {
  try {
    return JSON.parse(localStorage.getItem(storageKey(key)));
  } catch {
    return null;
  }
}

function writeDraft(key, draft) {
  try {
    localStorage.setItem(storageKey(key), JSON.stringify(draft));
  } catch {
    // Storage that is full or switched off: the save itself is on its way.
  }
}

function dropDraft(key) {
  localStorage.removeItem(storageKey(key));
}
