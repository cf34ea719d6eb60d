// The labels of the open file, with undo. Regions are never changed in place: a change is a new list.

const MIN_S = 0.01;
const MAX_UNDO = 500;

const byTime = (a, b) => a.start_s - b.start_s || a.end_s - b.end_s;
const rounded = (seconds) => Math.round(seconds * 1e6) / 1e6;

export class Labels extends EventTarget {
  constructor() {
    super();
    this.isReadOnly = true;
    this.open({ regions: [], complete: false, duration_s: 0 });
  }

  open(file) {
    this.regions = [...file.regions].sort(byTime);
    this.complete = file.complete;
    this.durationS = file.duration_s;
    this.selectedId = null;
    this._past = [];
    this._future = [];
    this._tell("open");
  }

  get selected() {
    return this.regions.find((region) => region.id === this.selectedId) ?? null;
  }

  get waiting() {
    return this.regions.filter((region) => region.state === "proposed");
  }

  select(id) {
    this.selectedId = id;
    this._tell("select");
  }

  add(label, startS, endS) {
    const id = `p${crypto.randomUUID().slice(0, 13)}`;
    const region = { id, label, source: "person", state: "accepted", score: null, ...this._inside(startS, endS) };
    if (this._change([...this.regions, region])) this.select(id);
  }

  // What a person moves or names is what a person says: a proposal is accepted by it.
  move(id, startS, endS) {
    this._replace(id, { ...this._inside(startS, endS), state: "accepted" });
  }

  update(id, changes) {
    this._replace(id, changes);
  }

  remove(id) {
    const at = this.regions.findIndex((region) => region.id === id);
    if (at < 0 || !this._change(this.regions.filter((region) => region.id !== id))) return;
    this.select((this.regions[at] ?? this.regions[at - 1])?.id ?? null);
  }

  setComplete(complete) {
    this._change(this.regions, complete);
  }

  undo() {
    this._step(this._past, this._future);
  }

  redo() {
    this._step(this._future, this._past);
  }

  get canUndo() {
    return this._past.length > 0;
  }

  get canRedo() {
    return this._future.length > 0;
  }

  // Takes the place of everything, as after a conflict; it can be undone.
  restore(regions, complete) {
    this._change(regions, complete);
  }

  _inside(startS, endS) {
    const start = Math.max(0, Math.min(startS, this.durationS - MIN_S));
    return { start_s: rounded(start), end_s: rounded(Math.min(this.durationS, Math.max(endS, start + MIN_S))) };
  }

  _replace(id, changes) {
    this._change(this.regions.map((region) => (region.id === id ? { ...region, ...changes } : region)));
  }

  _change(regions, complete = this.complete) {
    if (this.isReadOnly) return false;
    this._past.push(this._state());
    if (this._past.length > MAX_UNDO) this._past.shift();
    this._future = [];
    this.regions = [...regions].sort(byTime);
    this.complete = complete;
    this._tell("change");
    return true;
  }

  _step(from, to) {
    if (this.isReadOnly || !from.length) return;
    to.push(this._state());
    Object.assign(this, from.pop());
    this._tell("change");
  }

  _state() {
    return { regions: this.regions, complete: this.complete, selectedId: this.selectedId };
  }

  _tell(type) {
    this.dispatchEvent(new Event(type));
  }
}
