// The window: a stretch of the recording as waveform and spectrogram, with its regions. All times are the file's.

import WaveSurfer from "../vendor/wavesurfer.esm.js";
import RegionsPlugin from "../vendor/regions.esm.js";
import SpectrogramPlugin from "../vendor/spectrogram.esm.js";
import TimelinePlugin from "../vendor/timeline.esm.js";
import { audioUrl } from "./api.js";
import { clock, colour } from "./looks.js";

const MIN_S = 1;
const MAX_S = 160;
const DECODE_HZ = 16000;
// A region that is being drawn starts this wide, and keeps it at its end whichever way the mouse goes.
const FIRST_PX = 5;
const STATE_COLOURS = { accepted: "--good", rejected: "--quiet", proposed: "--wait" };

export class View extends EventTarget {
  constructor(labels) {
    super();
    this._labels = labels;
    this._shown = new Map();
    this.index = null;
    this.startS = 0;
    this.lengthS = 20;
    this._make();
    labels.addEventListener("change", () => this.drawRegions());
    labels.addEventListener("select", () => this.drawRegions());
  }

  get endS() {
    return Math.min(this.startS + this.lengthS, this._labels.durationS);
  }

  get cursorS() {
    return this._cursorS ?? this.startS;
  }

  get isPlaying() {
    return this._surfer.isPlaying();
  }

  // Opens a file; shows where its first waiting proposal is, or its start.
  async open(index, atS) {
    this.index = index;
    this._loadedKey = null;
    await this.show(atS, Math.min(this.lengthS, MAX_S));
  }

  // Shows a stretch around a time, and puts the cursor there.
  async show(cursorS, lengthS = this.lengthS, startS = null) {
    const durationS = this._labels.durationS;
    this._surfer.pause();
    this.lengthS = Math.min(durationS, Math.max(MIN_S, Math.min(lengthS, MAX_S)));
    const wished = startS ?? cursorS - this.lengthS / 2;
    let start = Math.max(0, Math.min(wished, durationS - this.lengthS));
    // Whole seconds, so that the timeline's marks are whole as well.
    if (this.lengthS >= 5 && start + this.lengthS < durationS) start = Math.floor(start);
    this.startS = start;
    this._cursorS = Math.max(0, Math.min(cursorS, durationS));
    await this._load();
  }

  // Moves the cursor, and the window only if the stretch is not in it.
  async reveal(startS, endS) {
    const isInside = startS >= this.startS && endS <= this.endS;
    if (isInside) this.setCursor(startS);
    else await this.show(startS, Math.max(this.lengthS, 1.5 * (endS - startS)), (startS + endS) / 2 - this.lengthS / 2);
  }

  setCursor(timeS) {
    const time = Math.max(0, Math.min(timeS, this._labels.durationS));
    this._cursorS = time;
    if (time < this.startS || time > this.endS) return this.show(time);
    this._surfer.setTime(time - this.startS);
    this.dispatchEvent(new Event("cursor"));
    return null;
  }

  async zoom(factor) {
    const anchor = this._labels.selected?.start_s ?? this.cursorS;
    await this.show(anchor, this.lengthS * factor);
  }

  async page(share) {
    await this.show(this.startS + this.lengthS / 2 + share * this.lengthS);
  }

  toggle() {
    if (this.isPlaying) return this._surfer.pause();
    this._playsOn = true;
    return this._play(this.cursorS >= this.endS - 0.01 ? this.startS : this.cursorS);
  }

  async play(startS, endS) {
    await this.reveal(startS, endS);
    this._playsOn = false;
    this._play(startS, endS);
  }

  _play(startS, endS) {
    const end = endS === undefined ? undefined : Math.min(endS, this.endS) - this.startS;
    // A browser may refuse sound before the first key or click.
    this._surfer.play(Math.max(0, startS - this.startS), end).catch(() => {});
  }

  _make() {
    this._regions = RegionsPlugin.create();
    this._spectrogram = SpectrogramPlugin.create({
      container: "#spectrogram", height: 150, labels: true, fftSamples: 512, frequencyMax: DECODE_HZ / 2,
      labelsColor: "#fff", labelsHzColor: "#fff", labelsBackground: "rgba(0,0,0,.35)", gainDB: 10, rangeDB: 70,
    });
    const timeline = TimelinePlugin.create({
      height: 20, formatTimeCallback: (seconds) => clock(this.startS + seconds, false),
    });
    this._surfer = WaveSurfer.create({
      container: "#wave", height: 130, sampleRate: DECODE_HZ, cursorWidth: 2, dragToSeek: false, ...waveColours(),
      plugins: [this._regions, timeline, this._spectrogram],
    });
    this._surfer.on("timeupdate", (time) => this._onTime(time));
    this._surfer.on("play", () => this.dispatchEvent(new Event("play")));
    this._surfer.on("pause", () => this.dispatchEvent(new Event("play")));
    this._surfer.on("finish", () => this._playsOn && this._playNext());
    this._surfer.on("interaction", () => this._labels.select(null));
    this._spectrogram.on("click", (share) => this.setCursor(this.startS + share * (this.endS - this.startS)));
    this._regions.on("region-created", (region) => this._onCreated(region));
    this._regions.on("region-updated", (region) => this._onMoved(region));
    this._regions.on("region-clicked", (region, event) => this._onClicked(region, event));
    this._regions.on("region-double-clicked", (region) => {
      const { start_s: startS, end_s: endS } = this._labels.regions.find((one) => one.id === region.id);
      this.play(startS, endS);
    });
    document.querySelector("#view").addEventListener("wheel", (event) => this._onWheel(event), { passive: false });
  }

  recolour() {
    this._surfer.setOptions(waveColours());
    this.drawRegions();
  }

  async _load() {
    const wanted = `${this.index} ${this.startS} ${this.lengthS}`;
    this._wanted = wanted;
    if (this._isLoading) return this._loading;
    this._isLoading = true;
    this._loading = this._loadWanted();
    return this._loading;
  }

  async _loadWanted() {
    document.body.dataset.view = "loading";
    try {
      while (this._loadedKey !== this._wanted) {
        const key = this._wanted;
        this._clearRegions();
        await this._surfer.load(audioUrl(this.index, this.startS, this.startS + this.lengthS));
        this._loadedKey = key;
      }
      this.dispatchEvent(new CustomEvent("problem", { detail: "" }));
    } catch (error) {
      this._loadedKey = null;
      this.dispatchEvent(new CustomEvent("problem", { detail: await this._reason(error) }));
    } finally {
      this._isLoading = false;
    }
    this._surfer.setTime(this.cursorS - this.startS);
    this.drawRegions();
    document.body.dataset.view = "ready";
    this.dispatchEvent(new Event("moved"));
    this.dispatchEvent(new Event("cursor"));
  }

  // The waveform only knows that loading failed; the server says why.
  async _reason(error) {
    try {
      const response = await fetch(audioUrl(this.index, this.startS, this.startS + this.lengthS));
      return response.ok ? error.message : (await response.json()).error;
    } catch {
      return "the program behind this page does not answer; is it still running?";
    }
  }

  drawRegions() {
    if (!this._loadedKey) return;
    const wanted = new Map(this._labels.regions.filter((r) => r.end_s > this.startS && r.start_s < this.endS).map((r) => [r.id, r]));
    for (const [id, shown] of this._shown) {
      if (wanted.get(id) === shown.region && this._look(shown.region) === shown.look) wanted.delete(id);
      else this._hide(id);
    }
    for (const region of wanted.values()) this._draw(region);
    this._stopDrawing?.();
    this._stopDrawing = null;
    if (!this._labels.isReadOnly) {
      this._stopDrawing = this._regions.enableDragSelection({ color: translucent("--good", 30), minLength: 0.01 });
    }
  }

  _look(region) {
    return `${region.id === this._labels.selectedId} ${this._labels.isReadOnly} ${document.documentElement.dataset.theme}`;
  }

  _draw(region) {
    const hasStart = region.start_s >= this.startS;
    const hasEnd = region.end_s <= this.endS;
    const isFree = !this._labels.isReadOnly;
    const isSelected = region.id === this._labels.selectedId;
    const name = STATE_COLOURS[region.state];
    this._isDrawing = true;
    const drawn = this._regions.addRegion({
      id: region.id,
      start: Math.max(region.start_s, this.startS) - this.startS,
      end: Math.min(region.end_s, this.endS) - this.startS,
      content: region.score === null ? region.label : `${region.label} ${region.score.toFixed(2)}`,
      color: translucent(name, isSelected ? 42 : 22),
      drag: isFree && hasStart && hasEnd, resize: isFree, resizeStart: isFree && hasStart, resizeEnd: isFree && hasEnd,
      minLength: 0.01,
    });
    this._isDrawing = false;
    if (drawn.element) drawn.element.style.boxShadow = isSelected ? `inset 0 0 0 2px ${colour(name)}` : "none";
    this._shown.set(region.id, { region, drawn, look: this._look(region) });
  }

  _hide(id) {
    const shown = this._shown.get(id);
    this._shown.delete(id);
    shown.drawn.remove();
  }

  _clearRegions() {
    for (const id of [...this._shown.keys()]) this._hide(id);
  }

  _onCreated(drawn) {
    if (this._isDrawing) return;
    const startS = this.startS + drawn.start;
    const secondsPerPx = this._surfer.getDuration() / this._surfer.getWrapper().clientWidth;
    const endS = this.startS + drawn.end - FIRST_PX * secondsPerPx;
    drawn.remove();
    this.dispatchEvent(new CustomEvent("drawn", { detail: { startS, endS } }));
  }

  _onMoved(drawn) {
    const shown = this._shown.get(drawn.id);
    if (!shown) return;
    const { region } = shown;
    // What lies beyond the window stays where it is.
    const startS = region.start_s < this.startS ? region.start_s : this.startS + drawn.start;
    const endS = region.end_s > this.endS ? region.end_s : this.startS + drawn.end;
    if (Math.abs(startS - region.start_s) < 1e-4 && Math.abs(endS - region.end_s) < 1e-4) return;
    this._labels.selectedId = region.id;
    this._labels.move(region.id, startS, endS);
  }

  _onClicked(drawn, event) {
    event.stopPropagation();
    const region = this._labels.regions.find((one) => one.id === drawn.id);
    if (!region) return;
    this._labels.select(region.id);
    this.setCursor(Math.max(region.start_s, this.startS));
  }

  _onTime(time) {
    if (document.body.dataset.view !== "ready") return;
    this._cursorS = this.startS + time;
    this.dispatchEvent(new Event("cursor"));
  }

  async _playNext() {
    const nextS = this.endS;
    if (nextS >= this._labels.durationS - 0.05) return;
    await this.show(nextS, this.lengthS, nextS);
    this._play(nextS);
  }

  _onWheel(event) {
    event.preventDefault();
    // One step for a gesture, which is many events.
    const now = performance.now();
    if (now - (this._wheelMs ?? 0) < 180) return;
    this._wheelMs = now;
    const way = Math.sign(event.deltaX || event.deltaY);
    if (event.ctrlKey || event.metaKey) this.zoom(way > 0 ? 2 : 0.5);
    else this.page(0.25 * way);
  }
}

const translucent = (name, percent) => `color-mix(in srgb, ${colour(name)} ${percent}%, transparent)`;

function waveColours() {
  return { waveColor: colour("--wave"), progressColor: colour("--wave-played"), cursorColor: colour("--cursor") };
}
