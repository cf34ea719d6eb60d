// The whole recording in one line: its amplitude, its regions, and where the window is.

import WaveSurfer from "../vendor/wavesurfer.esm.js";
import { ask } from "./api.js";
import { colour } from "./looks.js";

const COLOURS = { accepted: "--good", rejected: "--quiet", proposed: "--wait" };

export class Overview {
  constructor(labels, view) {
    this._labels = labels;
    this._view = view;
    this._box = document.querySelector("#overview-box");
    this._marks = document.querySelector("#marks");
    this._shown = document.querySelector("#shown");
    for (const type of ["change", "select", "open"]) labels.addEventListener(type, () => this.draw());
    view.addEventListener("moved", () => this._place());
    new ResizeObserver(() => this.draw()).observe(this._box);
    this._box.addEventListener("click", (event) => {
      const { left, width } = this._box.getBoundingClientRect();
      view.show(((event.clientX - left) / width) * labels.durationS);
    });
  }

  async open(index) {
    const bytes = new Uint8Array(await (await ask(`api/files/${index}/peaks`)).arrayBuffer());
    this._surfer?.destroy();
    this._surfer = WaveSurfer.create({
      container: "#overview", height: 44, interact: false, cursorWidth: 0, normalize: true,
      waveColor: colour("--wave"), progressColor: colour("--wave"),
      peaks: [Float32Array.from(bytes, (byte) => byte / 255)], duration: this._labels.durationS,
    });
    this.draw();
  }

  recolour() {
    this._surfer?.setOptions({ waveColor: colour("--wave"), progressColor: colour("--wave") });
    this.draw();
  }

  draw() {
    const { width, height } = this._box.getBoundingClientRect();
    this._marks.width = width * devicePixelRatio;
    this._marks.height = height * devicePixelRatio;
    const pen = this._marks.getContext("2d");
    pen.scale(devicePixelRatio, devicePixelRatio);
    const scale = width / Math.max(this._labels.durationS, 1e-9);
    for (const region of this._labels.regions) {
      pen.fillStyle = colour(COLOURS[region.state]);
      const x = region.start_s * scale;
      pen.fillRect(x, height - 9, Math.max(2, (region.end_s - region.start_s) * scale), 7);
    }
    this._place();
  }

  _place() {
    const durationS = Math.max(this._labels.durationS, 1e-9);
    this._shown.style.left = `${(this._view.startS / durationS) * 100}%`;
    this._shown.style.width = `${((this._view.endS - this._view.startS) / durationS) * 100}%`;
  }
}
