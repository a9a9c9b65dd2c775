// @ts-check
/**
 * The labels of the edges: a weight's symbol and its number, as elements above the canvas.
 *
 * They are for the eye: at the keyboard each edge says the same in words. A weight's label without
 * room for both is its number alone; one without room for that is left to the card of the edge.
 */
import { h } from "./elements.js";
import { LABELLED, obstacles, placed } from "./labels.js";
import { symbol } from "./symbols.js";
import { short } from "./values.js";

/** From what a neuron measures on the screen on there are labels, in pixels of its radius. */
const SEEN = 13;
/** Edges of a neuron that is pointed at: beyond so many they are not labelled. */
const NEAR = 24;
/** Half the height of a label, and what it has to the left and right of its words. */
const HALF = 7;
const PADDING = 3;
/** Room for as many digits, so that a label stays where it is while its number changes. */
const DIGITS = "−0.123";

/** Measures words. */
const pen = document.createElement("canvas").getContext("2d");
let font = "";

export class EdgeLabels {
  element = h("div", { class: "edge-labels", "aria-hidden": "true" });
  /** @type {Map<number, {element: any, number: any, symbolWidth: number, numberWidth: number}>} by the edge's number */
  #made = new Map();
  #key = "";

  /** Forgets the labels of another drawing, or of one whose symbols are now of another size. */
  clear() {
    this.#made.clear();
    this.#key = "";
    this.element.replaceChildren();
  }

  /**
   * @param {import("./edges.js").Edges} edges
   * @param {import("./camera.js").Camera} camera
   * @param {import("./painting.js").Look} look
   * @param {{show: string, symbolOf: (name: string) => string|null}} what
   */
  show(edges, camera, look, { show, symbolOf }) {
    const accented = new Set([...look.lit, ...look.selected, ...(look.near.size <= NEAR ? look.near : [])]);
    const labelled = this.#labelled(edges, camera, accented);
    this.#make(labelled, symbolOf);
    for (const edge of labelled) this.#write(edge, edges.values[edge.at]);
    this.#place(labelled, edges, camera.scale, show === "weight");
    this.element.style.transform = `translate(${camera.x}px, ${camera.y}px)`;
    for (const edge of labelled) {
      const { element } = this.#of(edge);
      element.classList.toggle("is-accented", accented.has(edge));
      element.style.opacity = accented.has(edge) || look.dim > 0.5 ? "" : String(look.dim);
    }
  }

  /** All where there are few; else those that stand out. */
  #labelled(edges, camera, accented) {
    if (!edges.numbered || camera.scale * edges.placement.radius < SEEN) return [];
    const few = edges.drawn.length <= LABELLED;
    return (few ? edges.drawn : [...accented]).filter(({ at }) => !Number.isNaN(edges.values[at]));
  }

  #of(edge) {
    const made = this.#made.get(edge.at);
    if (!made) throw new Error(`no label of edge ${edge.at}`);
    return made;
  }

  /** Elements for these edges and no others. */
  #make(labelled, symbolOf) {
    const wanted = new Set(labelled.map(({ at }) => at));
    for (const [at, { element }] of this.#made) {
      if (wanted.has(at)) continue;
      element.remove();
      this.#made.delete(at);
    }
    const fresh = labelled.filter(({ at }) => !this.#made.has(at));
    for (const { at, component, where } of fresh) {
      const sign = where === null ? null : h("span", { class: "edge-symbol" }, symbol(symbolOf(where.name), component), " = ");
      const number = h("span", { class: "edge-number" });
      const element = h("span", { class: "edge-label", "data-edge": component }, sign, number);
      this.#made.set(at, { element, number, symbolWidth: 0, numberWidth: 0 });
      this.element.append(element);
    }
    for (const edge of fresh) { // measured when all are there: one layout for them all
      const made = this.#of(edge);
      made.symbolWidth = made.element.querySelector(".edge-symbol")?.offsetWidth ?? 0;
    }
  }

  #write(edge, value) {
    const made = this.#of(edge);
    const text = short(value);
    if (made.number.textContent === text) return;
    made.number.textContent = text;
    made.numberWidth = Math.max(made.numberWidth || widthOf(DIGITS, made.number), widthOf(text, made.number));
  }

  /** Places them anew where something is of another size than before. */
  #place(labelled, edges, scale, symbols) {
    const sizes = labelled.map((edge) => this.#formsOf(edge, symbols));
    const key = JSON.stringify([scale, symbols, labelled.map(({ at }) => at), sizes]);
    if (key === this.#key) return;
    this.#key = key;
    const few = edges.drawn.length <= LABELLED;
    const wanted = labelled.map((edge, at) => ({ edge, forms: sizes[at] }));
    // In a crowd, what does not stand out steps back, and may lie under a label.
    const spots = placed(wanted, obstacles(edges.placement, edges.bands, scale), few ? edges.drawn : labelled, scale);
    for (const { element } of this.#made.values()) element.classList.remove("is-placed");
    for (const { edge, form, x, y } of spots) {
      const { element } = this.#of(edge);
      element.classList.add("is-placed");
      element.classList.toggle("is-short", !symbols || form > 0);
      element.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -50%)`;
    }
  }

  #formsOf(edge, symbols) {
    const { symbolWidth, numberWidth } = this.#of(edge);
    const alone = { w: numberWidth / 2 + PADDING, h: HALF };
    return symbols && symbolWidth ? [{ w: (symbolWidth + numberWidth) / 2 + PADDING, h: HALF }, alone] : [alone];
  }
}

/** The width of words as the labels write them. */
function widthOf(text, element) {
  if (!pen) return 6.5 * text.length;
  if (!font) pen.font = font = getComputedStyle(element).font;
  return pen.measureText(text).width;
}
