// What keys and buttons do.

import { startTheme } from "./looks.js";

const AROUND_S = 1;
const NEW_S = 0.6;
const CONTEXT_S = 0.15;

export function makeActions({ labels, view, overview, regionList, keywords, openFile }) {
  const autoPlay = document.querySelector("#auto-play");
  const theme = startTheme(() => {
    view.recolour();
    overview.recolour();
  });

  const play = (region) => view.play(Math.max(0, region.start_s - CONTEXT_S), Math.min(labels.durationS, region.end_s + CONTEXT_S));

  async function jumpTo(region) {
    if (!region) return;
    labels.select(region.id);
    if (autoPlay.checked) await play(region);
    else await view.reveal(region.start_s, region.end_s);
  }

  const withSelected = (action) => {
    if (labels.selected) action(labels.selected);
  };

  return {
    jumpTo: (id) => jumpTo(labels.regions.find((region) => region.id === id)),
    toggle: () => view.toggle(),
    playRegion: () => withSelected(play),
    playAround: () => view.play(Math.max(0, view.cursorS - AROUND_S), Math.min(labels.durationS, view.cursorS + AROUND_S)),
    decide: (state) => {
      const { selected } = labels;
      if (!selected) return jumpTo(regionList.next(1, (region) => region.state === "proposed"));
      const next = regionList.next(1, (region) => region.state === "proposed");
      labels.update(selected.id, { state });
      return jumpTo(next);
    },
    jumpWaiting: (way) => jumpTo(regionList.next(way, (region) => region.state === "proposed")),
    jump: (way) => jumpTo(regionList.next(way, () => true)),
    moveCursor: (seconds) => view.setCursor(view.cursorS + seconds),
    page: (share) => view.page(share),
    toEdge: (share) => view.show(share * labels.durationS),
    insert: () => labels.add(keywords.current, view.cursorS, view.cursorS + NEW_S),
    edgeHere: (side) =>
      withSelected(({ id, start_s: startS, end_s: endS }) => {
        if (side === "start" && view.cursorS < endS) labels.move(id, view.cursorS, endS);
        if (side === "end" && view.cursorS > startS) labels.move(id, startS, view.cursorS);
      }),
    nudge: ([byStart, byEnd]) => withSelected((region) => labels.move(region.id, region.start_s + byStart, region.end_s + byEnd)),
    remove: () => withSelected((region) => labels.remove(region.id)),
    unselect: () => labels.select(null),
    undo: () => labels.undo(),
    redo: () => labels.redo(),
    zoom: (factor) => view.zoom(factor),
    file: (way) => openFile(way),
    toggleComplete: () => labels.setComplete(!labels.complete),
    keyword: (index) => keywords.choose(index),
    theme,
    help: () => document.querySelector("#keys").showModal(),
  };
}
