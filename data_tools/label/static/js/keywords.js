// The keywords to choose from, and the one that is chosen.

export class Keywords {
  constructor(labels, names) {
    this._labels = labels;
    this._box = document.querySelector("#keywords");
    this.names = [...names];
    this.current = names[0] ?? "keyword";
    labels.addEventListener("open", () => this._addFound());
    labels.addEventListener("select", () => this.draw());
    labels.addEventListener("change", () => this._addFound());
    this.draw();
  }

  choose(index) {
    const name = this.names[index];
    if (name === undefined) return;
    this.current = name;
    const { selected } = this._labels;
    if (selected && selected.label !== name) this._labels.update(selected.id, { label: name });
    this.draw();
  }

  _addFound() {
    const found = new Set(this._labels.regions.map((region) => region.label));
    this.names = [...new Set([...this.names, ...found])];
    this.draw();
  }

  draw() {
    const buttons = this.names.map((name, index) => {
      const button = document.createElement("button");
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", name === this.current);
      button.append(name);
      if (index < 9) {
        const key = document.createElement("kbd");
        key.textContent = index + 1;
        button.append(key);
      }
      button.addEventListener("click", () => this.choose(index));
      return button;
    });
    this._box.replaceChildren(...buttons);
  }
}
