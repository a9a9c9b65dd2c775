// @ts-check
/**
 * The labels of the edges: a weight's symbol and its number, as elements above the canvas.
 *
 * They are for the eye: at the keyboard each edge says the same in words. Where there is no room
 * for both, the label is the number alone, with fewer digits if need be; an edge without room for
 * that has its card only.
 */
import { h } from "./elements.js";
import { LABELLED, numbersOf, obstacles, placed } from "./labels.js";
import { symbol } from "./symbols.js";

/** From what a neuron measures on the screen on there are labels, in pixels of its radius. */
const SEEN = 10;
/** Edges of a neuron that is pointed at: beyond so many they are not labelled. */
const NEAR = 24;
/** Half the height of a label, and what it has to the left and right of its words. */
const HALF = 6;
const PADDING = 1;

/**
 * @typedef {object} Label
 * @property {any} element @property {any} number  where its number stands
 * @property {number} symbolWidth @property {number} symbolHeight
 * @property {string[]} texts   its number, from more digits to fewer
 * @property {number[]} widths  of these, the widest so far: a label that learns moves seldom
 */

/** Measures words. */
const pen = document.createElement("canvas").getContext("2d");
let font = "";

export class EdgeLabels {
  element = h("div", { class: "edge-labels", "aria-hidden": "true" });
  /** @type {Map<number, Label>} by the edge's number */
  #made = new Map();
  #key = "";
  /** @type {import("./labels.js").Spot[]} */
  #spots = [];

  /** Forgets the labels of another drawing, or of one whose symbols are now of another size. */
  clear() {
    this.#made.clear();
    this.#key = "";
    this.#spots = [];
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
    for (const edge of labelled) this.#measure(edge, edges.values[edge.at]);
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
      const sign = where === null ? null : h("span", { class: "edge-symbol" }, symbol(symbolOf(where.name), component), "\u00a0=\u00a0");
      const number = h("span", { class: "edge-number" });
      const element = h("span", { class: "edge-label", "data-edge": component }, sign, number);
      this.#made.set(at, { element, number, symbolWidth: 0, symbolHeight: 0, texts: [], widths: [] });
      this.element.append(element);
    }
    for (const edge of fresh) { // measured when all are there: one layout for them all
      const made = this.#of(edge);
      made.symbolWidth = made.element.querySelector(".edge-symbol")?.offsetWidth ?? 0;
      made.symbolHeight = made.element.querySelector("math")?.getBoundingClientRect().height ?? 0;
    }
  }

  #measure(edge, value) {
    const made = this.#of(edge);
    made.texts = numbersOf(value);
    made.widths = made.texts.map((text, at) => Math.max(made.widths[at] ?? 0, widthOf(text, made.number)));
  }

  /** Places them anew where something is of another size than before. */
  #place(labelled, edges, scale, symbols) {
    const forms = labelled.map((edge) => this.#formsOf(edge, symbols));
    const key = JSON.stringify([scale, labelled.map(({ at }) => at), forms]);
    if (key !== this.#key) {
      this.#key = key;
      const few = edges.drawn.length <= LABELLED;
      const wanted = labelled.map((edge, at) => ({ edge, forms: forms[at] }));
      // In a crowd, what does not stand out steps back, and may lie under a label.
      this.#spots = placed(wanted, obstacles(edges.placement, edges.bands, scale), few ? edges.drawn : labelled, scale);
    }
    const unplaced = new Set(labelled);
    for (const { edge, form, x, y, turn } of this.#spots) {
      const { element, number, texts } = this.#of(edge);
      const digits = Math.min(texts.length, forms[labelled.indexOf(edge)].length - form);
      write(number, texts[texts.length - digits]);
      element.classList.add("is-placed");
      element.classList.toggle("is-short", form > 0 || !symbols);
      element.style.height = `${2 * forms[labelled.indexOf(edge)][form].h}px`;
      element.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -50%) rotate(${turn.toFixed(3)}rad)`;
      unplaced.delete(edge);
    }
    for (const edge of unplaced) this.#of(edge).element.classList.remove("is-placed");
  }

  /** The sizes of what it may be, from the fullest: with its symbol, the number alone, fewer digits. */
  #formsOf(edge, symbols) {
    const { symbolWidth, symbolHeight, widths } = this.#of(edge);
    const alone = widths.map((width) => ({ w: width / 2 + PADDING, h: HALF }));
    if (!symbols || !symbolWidth) return alone;
    return [{ w: (symbolWidth + widths[0]) / 2 + PADDING, h: Math.max(HALF, symbolHeight / 2) }, ...alone];
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The width of words as the labels write them. */
function widthOf(text, element) {
  if (!pen) return 6.5 * text.length;
  if (!font) {
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(element);
    pen.font = font = `${fontWeight} ${fontSize} ${fontFamily}`;
  }
  return pen.measureText(text).width;
}
