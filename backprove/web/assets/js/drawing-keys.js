// @ts-check
/** The drawing at the keyboard: from neuron to neuron, along edges, into strips, zooming. */
import { CHOICES, focus } from "./drawing-choice.js";

/** Said with the drawing's name, for who does not see it. */
export const KEYS = "Arrow keys go from neuron to neuron, Enter selects, e steps through its edges, b selects its bias, Escape leaves, g goes to a component by its name. Plus, minus and 0 zoom.";

const ARROWS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };

export class Keys {
  /** Edges of the current neuron that `e` steps through. */
  #steps = null;

  /** @param {import("./drawing.js").Drawing} drawing @param {import("./drawing-choice.js").Choice} choice */
  constructor(drawing, choice) {
    this.drawing = drawing;
    this.choice = choice;
    const { stage } = drawing;
    stage.addEventListener("focusin", (event) => this.#come(event));
    stage.addEventListener("focusout", (event) => this.#go(event));
    stage.addEventListener("keydown", (event) => this.#typed(event));
  }

  get #neurons() {
    return this.drawing.neurons;
  }

  #come(event) {
    event.stopPropagation(); // as with the pointer: the drawing answers for itself
    const { target } = event;
    if (target.dataset?.id) this.#neurons.rove(target.dataset.id);
    this.#steps = null;
    const button = target.closest?.(CHOICES);
    if (button && this.drawing.placement && target.matches(":focus-visible")) this.choice.pointAt(button, true);
  }

  #go(event) {
    event.stopPropagation();
    this.#steps = null;
    this.choice.pointAtNothing();
  }

  #typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.drawing.placement) return;
    const { id, cell, of } = event.target.dataset;
    const done = cell ? this.#inStrip(event) : id || of ? this.#atNeuron(event, id ?? of) : this.#atStage(event);
    if (done || this.#zoom(event.key) || this.#name(event.key)) event.preventDefault();
  }

  #name(key) {
    if (key !== "g" && key !== "G") return false;
    focus(this.drawing.root.querySelector(".going input"));
    return true;
  }

  #zoom(key) {
    if (key === "+" || key === "=") this.drawing.zoomBy(1.3);
    else if (key === "-") this.drawing.zoomBy(1 / 1.3);
    else if (key === "0") this.drawing.fit();
    else return false;
    return true;
  }

  #atStage({ key }) {
    if (key in ARROWS) this.drawing.pan(...ARROWS[key]);
    else if (key === "Enter") this.#neurons.all.get(this.#neurons.current)?.element.focus();
    else return false;
    return true;
  }

  #atNeuron({ key }, id) {
    if (key in ARROWS || key === "Home" || key === "End") this.#moveFrom(id, key);
    else if (key === "e" || key === "E") this.#stepEdges(id, key === "E" ? -1 : 1);
    else if (key === "b") this.choice.chooseBias(id);
    else if (key === "Enter" && this.#steps) this.choice.chooseEdge(this.#steps.list[this.#steps.at]);
    else if (key === "Escape") this.#leave();
    else return false;
    return true;
  }

  #moveFrom(id, key) {
    const first = key === "ArrowDown" && this.#neurons.all.get(id)?.element.closest(".block.open")?.querySelector("[data-cell]");
    if (first) return focus(first);
    const next = this.#neurons.neighbour(id, key);
    if (next !== null) focus(this.#neurons.all.get(next)?.element);
  }

  /** First those that come in, then those that leave, from top to bottom. */
  #stepEdges(id, way) {
    const all = this.drawing.edges.ofNeuron.get(id) ?? [];
    if (!all.length) return this.drawing.say(`${id} has no edges that are drawn one by one`);
    const list = this.#steps?.list ?? [...all.filter(({ to }) => to.id === id), ...all.filter(({ from }) => from.id === id)];
    const at = this.#steps ? (this.#steps.at + way + list.length) % list.length : way > 0 ? 0 : list.length - 1;
    const edge = list[at];
    this.choice.pointAtEdge(edge, this.drawing.camera.toScreen(this.drawing.edges.middle(edge)));
    this.#steps = { list, at };
    this.drawing.say(`Edge ${at + 1} of ${list.length}: ${this.choice.edgeInWords(edge)}`);
  }

  /** From an edge to its neuron, from a neuron to the drawing. */
  #leave() {
    if (this.#steps) {
      this.#steps = null;
      this.choice.pointAtNothing();
      this.drawing.say("Back at the neuron");
    } else {
      this.drawing.stage.focus({ preventScroll: true });
    }
  }

  #inStrip({ key, target }) {
    const cells = [...target.parentElement.querySelectorAll("[data-cell]")];
    const perRow = Math.max(1, cells.filter((one) => one.offsetTop === cells[0].offsetTop).length);
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow, Home: -cells.length, End: cells.length };
    if (key in steps) {
      const next = Math.max(0, Math.min(cells.length - 1, cells.indexOf(target) + steps[key]));
      cells[next].focus();
      return true;
    }
    if (key !== "Escape") return false;
    this.choice.toggle(this.#neurons.all.get(target.closest(".block").querySelector("[data-id]").dataset.id).neuron);
    return true;
  }
}
