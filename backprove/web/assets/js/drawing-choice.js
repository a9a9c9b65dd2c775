// @ts-check
/**
 * What of the drawing is pointed at, with its card beside it, and what a choice selects.
 *
 * The pointer (drawing-pointer.js) and the keyboard (drawing-keys.js) both come here.
 */
import { expect } from "./ahead.js";
import { lastOf } from "./neurons.js";
import { Tip, biasCard, edgeCard, inWords, neuronCard } from "./tips.js";
import { sources } from "./values.js";

/** A neuron, a bias or a cell of a strip. */
export const CHOICES = "[data-id], [data-bias], [data-cell]";

export class Choice {
  /** The edge that the pointer or the key `e` is on. @type {import("./edges.js").Edge|null} */
  edge = null;
  /** What this drawing lit, and so may put out. */
  #lit = null;

  /** @param {import("./drawing.js").Drawing} drawing */
  constructor(drawing) {
    this.drawing = drawing;
    this.store = drawing.store;
    this.tip = new Tip(drawing.tipElement);
  }

  get #from() {
    return sources(this.store.get());
  }

  // ------------------------------------------------------------------------ pointed at

  /** @param {string[]} components */
  #highlight(components) {
    const now = this.store.get().highlight;
    if (now.size === components.length && components.every((one) => now.has(one))) return;
    if (!components.length && now !== this.#lit) return; // another part's is not ours to take away
    this.#lit = new Set(components);
    this.store.set({ highlight: this.#lit }, "drawing");
  }

  pointAtNothing() {
    this.edge = null;
    this.expect(null);
    this.tip.hide();
    this.drawing.stage.classList.remove("on-edge");
    this.#highlight([]);
  }

  /** The pointer or the keyboard is on a neuron, a bias or a cell of a strip. */
  pointAt(button, byKeys) {
    const { neurons, camera, view } = this.drawing;
    this.edge = null;
    this.expect(this.#meant(button.dataset));
    const { id, bias, cell } = button.dataset;
    if (bias) return this.#tell(biasCard(bias, this.#from), button, [bias]);
    if (cell) {
      const { components, group } = neurons.inStrips.get(cell);
      return this.#tell(neuronCard({ id: cell, components, group }, this.#from), button, components);
    }
    const { neuron } = neurons.all.get(id);
    if (byKeys && camera.reveal(neuron, view)) this.drawing.ask(false);
    if (neuron.block) return this.pointAtNothing();
    this.#tell(neuronCard(neuron, this.#from), button, neuron.group.kind === "loss" ? [id] : neuron.components);
  }

  #tell(card, button, components) {
    this.#highlight(components);
    const box = button.getBoundingClientRect();
    const stage = this.drawing.stage.getBoundingClientRect();
    const point = { x: box.right - stage.left - 4, y: (box.top + box.bottom) / 2 - stage.top };
    this.tip.show(card, point, this.drawing.view, this.drawing.symbolOf, box.height / 2 + 6);
  }

  /** @param {import("./edges.js").Edge} edge @param {{x: number, y: number}} point  of the stage */
  pointAtEdge(edge, point) {
    this.edge = edge;
    this.expect(edge.component);
    this.#highlight(edge.component === null ? [edge.from.id, edge.to.id] : [edge.component]);
    this.tip.show(edgeCard(edge, this.#from), point, this.drawing.view, this.drawing.symbolOf);
  }

  edgeInWords(edge) {
    return inWords(edgeCard(edge, this.#from));
  }

  // ------------------------------------------------------------------------ chosen

  select(component) {
    this.store.set({ selection: component }, "drawing");
    this.drawing.say(`${component} selected`);
  }

  /** Chooses what a button of the drawing stands for. */
  chooseButton(data) {
    const component = this.#meant(data);
    if (component === null) this.toggle(this.drawing.neurons.all.get(data.id).neuron);
    else this.select(component);
  }

  /** The component that a button of the drawing selects; null where it opens or closes a group. */
  #meant({ id, bias, cell }) {
    const { neurons } = this.drawing;
    if (bias) return bias;
    if (cell) return this.#nextOf({ id: cell, ...neurons.inStrips.get(cell) });
    const { neuron } = neurons.all.get(id);
    return neuron.block ? null : this.#nextOf(neuron);
  }

  /** The activation; chosen again, the quantities that it is made of, one after another. */
  #nextOf(neuron) {
    const first = lastOf(neuron);
    const list = neuron.group.kind === "loss" ? [first] : [...neuron.components].reverse();
    const at = list.indexOf(this.store.get().selection);
    return list[(at + 1) % list.length] ?? first;
  }

  /** The answer to a click may be asked for already. @param {string|null} component */
  expect(component, atOnce = false) {
    expect(this.store, component, atOnce);
  }

  /** A button or an edge is pressed: a click mostly follows. */
  pressed(button, edge) {
    this.expect(button ? this.#meant(button.dataset) : edge?.component ?? null, true);
  }

  chooseEdge(edge) {
    if (edge.component === null) this.drawing.say(`${this.edgeInWords(edge)}. There is no weight on it.`);
    else this.select(edge.component);
  }

  chooseBias(id) {
    const bias = this.drawing.neurons.all.get(id)?.bias;
    if (bias) this.select(bias.component);
    else this.drawing.say(`${id} has no bias`);
  }

  /** Opens or closes a folded group. */
  toggle({ id, group, open }) {
    if (group.size === null) return;
    const { opened, neurons } = this.drawing;
    if (open) opened.delete(id);
    else opened.add(id);
    this.drawing.place();
    const { element } = neurons.all.get(id) ?? {};
    const cell = element?.closest(".block.open")?.querySelector("[data-cell]");
    focus(open ? element : cell ?? element);
    this.drawing.say(open ? `${id} closed` : `${id} open: ${neurons.inStrips.size} neurons to choose from`);
  }
}

/** Moves the focus; a strip scrolls, the drawing does not. @param {any} element */
export function focus(element) {
  element?.focus({ preventScroll: !element.dataset.cell });
}
