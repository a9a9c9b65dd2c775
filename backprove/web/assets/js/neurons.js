// @ts-check
/**
 * The neurons: buttons above the canvas, each with its symbol and its number.
 *
 * One of them is in the tab order; the arrows go from neuron to neuron. Biases are small buttons
 * at their neuron. A folded group is a button that opens into a strip of its neurons.
 */
import { LEVELS, colourOf, levelOf } from "./colours.js";
import { asNumber, firstAt, place, short } from "./values.js";
import { h } from "./elements.js";
import { STRIP } from "./layout.js";
import { symbol } from "./symbols.js";

/** @typedef {import("./layout.js").Neuron} Neuron */

const COUNT = new Intl.NumberFormat("en");

export const KINDS = {
  input: "input", hidden: "hidden neuron", sum: "output sum", output: "output", loss: "loss", target: "target",
  constant: "constant", quantity: "quantity",
};

export class Neurons {
  /** @type {Map<string, {neuron: Neuron, element: any, value: any, where: any, bias: any}>} */
  all = new Map();
  /** Neurons inside open strips, by id. */
  /** @type {Map<string, any>} */
  inStrips = new Map();

  /** @param {HTMLElement} layer */
  constructor(layer) {
    this.layer = layer;
  }

  /**
   * @param {import("./layout.js").Placement} placement
   * @param {(name: string) => string|null} symbolOf  MathML of a quantity's name
   */
  build(placement, symbolOf) {
    this.all.clear();
    this.inStrips.clear();
    const elements = placement.neurons.flatMap((neuron) => this.#made(neuron, symbolOf));
    this.layer.replaceChildren(...elements);
    const first = placement.neurons[0];
    if (first) this.rove(first.id);
  }

  #made(neuron, symbolOf) {
    if (neuron.block) return [this.#block(neuron, symbolOf)];
    const value = h("span", { class: "neuron-value" });
    const element = h("button", {
      type: "button", tabindex: -1, "data-id": neuron.id,
      class: `neuron kind-${neuron.group.kind}${neuron.small ? " small" : ""}`,
    }, h("span", { class: "neuron-symbol" }, symbolFor(neuron, symbolOf)), value, beside(neuron, symbolOf));
    stand(element, neuron);
    element.style.setProperty("--radius", `${neuron.w}px`);
    const bias = this.#bias(neuron);
    this.all.set(neuron.id, { neuron, element, value, where: place(lastOf(neuron)), bias });
    return bias ? [element, bias.element] : [element];
  }

  #bias(neuron) {
    const component = neuron.group.neurons[neuron.index]?.bias ?? null;
    if (component === null) return null;
    const element = h("button", {
      type: "button", class: "bias", tabindex: -1, "data-bias": component, "data-of": neuron.id,
    });
    const size = Math.max(3, neuron.w * 0.27);
    stand(element, { x: neuron.x - neuron.w * 0.8, y: neuron.y + neuron.h * 0.8, w: size, h: size });
    return { element, component, where: place(component) };
  }

  #block(neuron, symbolOf) {
    const { group } = neuron;
    const words = sizeOf(group);
    const button = h("button", {
      type: "button", tabindex: -1, "data-id": neuron.id, class: "block-button",
      "aria-expanded": String(neuron.open), "aria-disabled": group.size === null ? "true" : null,
      "aria-label": `${group.name}, ${KINDS[group.kind]}s, ${words}, folded. ${neuron.open ? "Close" : "Open"}`,
    },
    h("span", { class: "neuron-symbol" }, symbol(symbolOf(group.name), group.name)),
    neuron.open ? null : h("span", { class: "block-dots", "aria-hidden": "true" }),
    h("span", { class: "block-size" }, neuron.open ? "close" : words));
    const element = h("div", { class: `block kind-${group.kind}${neuron.open ? " open" : ""}` }, button,
      neuron.open ? this.#strip(neuron) : null);
    stand(element, neuron);
    this.all.set(neuron.id, { neuron, element: button, value: null, where: place(neuron.id), bias: null });
    return element;
  }

  /** The first 200 neurons of a folded group; the rest are counted. */
  #strip({ group }) {
    const shown = Math.min(STRIP, group.size ?? 0);
    const cells = Array.from({ length: shown }, (_, at) => {
      const indices = indicesOf(at, group.shape ?? [group.size]);
      const id = `${group.name}[${indices}]`;
      const element = h("button", { type: "button", class: "cell", tabindex: -1, "data-cell": id }, indices);
      this.inStrips.set(id, { element, where: place(id), components: group.members.map((name) => `${name}[${indices}]`), group });
      return element;
    });
    const rest = (group.size ?? 0) - shown;
    return h("div", { class: "strip", role: "group", "aria-label": `Neurons of ${group.name}` }, ...cells,
      rest > 0 ? h("p", { class: "strip-rest" }, `and ${COUNT.format(rest)} more`) : null);
  }

  /** Shows as much of each neuron as its size on the screen has room for. */
  zoomed(scale) {
    for (const { neuron, element, bias } of this.all.values()) {
      const size = neuron.w * scale * (neuron.small ? 1.25 : 1);
      const detail = size >= 13.5 ? "full" : size >= 8.5 ? "symbol" : "dot";
      if (element.dataset.detail === detail) continue;
      element.dataset.detail = detail;
      if (bias) bias.element.dataset.detail = detail;
    }
  }

  /** The one neuron that Tab reaches. */
  rove(id) {
    for (const { element } of this.all.values()) element.tabIndex = -1;
    const here = this.all.get(id);
    if (here) here.element.tabIndex = 0;
    this.current = here ? id : null;
  }

  /**
   * Writes the numbers: under the neurons, as their tint, into their labels.
   * @param {ReturnType<typeof import("./values.js").sources>} from
   * @param {import("./colours.js").Theme} theme
   */
  update(from, theme) {
    const largest = new Map();
    const numbers = new Map();
    for (const { neuron, where } of this.all.values()) {
      const value = neuron.block ? null : firstAt(from.values, where);
      numbers.set(neuron.id, value);
      const size = Math.abs(asNumber(value));
      if (Number.isFinite(size)) largest.set(neuron.group.name, Math.max(largest.get(neuron.group.name) ?? 1, size));
    }
    for (const one of this.all.values()) {
      if (one.neuron.block) continue;
      const value = numbers.get(one.neuron.id);
      write(one.value, short(value));
      one.value.classList.toggle("wrong", typeof value === "string");
      one.value.classList.toggle("at-corner", cornerOf(one.neuron, from) !== undefined);
      const level = one.neuron.group.kind === "loss" ? 0 : levelOf(asNumber(value), largest.get(one.neuron.group.name) ?? 1);
      tint(one.element, level, theme);
      label(one.element, this.describe(one.neuron.id, from));
      if (one.bias) this.#updateBias(one, from, theme);
    }
    for (const [id, { element, where }] of this.inStrips) {
      const value = firstAt(from.values, where);
      tint(element, levelOf(asNumber(value), 1), theme);
      label(element, value === null ? id : `${id}, ${short(value)}`);
    }
  }

  #updateBias({ bias }, from, theme) {
    const value = firstAt(from.values, bias.where);
    tint(bias.element, levelOf(asNumber(value), 1), theme);
    label(bias.element, value === null ? `bias ${bias.component}` : `bias ${bias.component} = ${short(value)}`);
  }

  /** "h2[1], hidden neuron, 0.735" */
  describe(id, from) {
    const one = this.all.get(id);
    if (!one) return id;
    const value = firstAt(from.values, one.where);
    const { kind, beside: held } = one.neuron.group;
    return [id, KINDS[kind], short(value), held?.length ? `holds ${held.join(" and ")} directly` : "", cornerOf(one.neuron, from)].filter(Boolean).join(", ");
  }

  /**
   * The neuron in a direction: the nearest of the next column, or the next of this one.
   * @param {string} id @param {"ArrowLeft"|"ArrowRight"|"ArrowUp"|"ArrowDown"|"Home"|"End"} key
   * @returns {string|null}
   */
  neighbour(id, key) {
    const here = this.all.get(id)?.neuron;
    if (!here) return null;
    const others = [...this.all.values()].map(({ neuron }) => neuron).filter((neuron) => neuron !== here);
    const same = others.filter(({ x }) => Math.abs(x - here.x) <= here.w);
    const by = (list, size) => list.reduce((best, one) => (best && size(best) <= size(one) ? best : one), null);
    if (key === "ArrowUp" || key === "ArrowDown") {
      const way = key === "ArrowUp" ? -1 : 1;
      return by(same.filter(({ y }) => way * (y - here.y) > 0), ({ y }) => Math.abs(y - here.y))?.id ?? null;
    }
    if (key === "Home" || key === "End") {
      const way = key === "Home" ? 1 : -1;
      return by([...same, here], ({ y }) => way * y)?.id ?? null;
    }
    const way = key === "ArrowLeft" ? -1 : 1;
    const ahead = others.filter(({ x }) => way * (x - here.x) > here.w);
    const column = by(ahead, ({ x }) => way * x);
    const next = ahead.filter(({ x }) => column && Math.abs(x - column.x) <= here.w);
    return by(next, ({ y }) => Math.abs(y - here.y))?.id ?? null;
  }
}

/** What is taken as a derivative at a neuron that is at a corner. */
function cornerOf({ id, components }, { corners }) {
  if (!corners.size) return undefined;
  return corners.get(components.find((one) => corners.has(one)) ?? id);
}

/** The weights that enter a neuron over no edge, above it: "+ w", "+ w1, w2", "+ w1, w2, …". */
function beside({ group }, symbolOf) {
  if (!group.beside?.length) return null;
  const symbols = group.beside.slice(0, 2).flatMap((name, at) => [at ? ",\u00a0" : "", symbol(symbolOf(name), name)]);
  return h("span", { class: "neuron-beside" }, "+\u00a0", ...symbols, group.beside.length > 2 ? ", …" : null);
}

/** The component that a neuron shows and that is asked for first: the activation, or the loss. */
export function lastOf({ id, components, group }) {
  return group.kind === "loss" ? id : components[components.length - 1] ?? id;
}

function symbolFor(neuron, symbolOf) {
  if (neuron.symbol) return symbol(neuron.symbol, "");
  return symbol(symbolOf(neuron.group.name), neuron.id);
}

/** "784 neurons", or "n neurons" where the size has no number. */
export function sizeOf({ size, shape }) {
  return `${size === null ? shape.join(" × ") : COUNT.format(size)} neurons`;
}

/** The 1-based indices of the neuron with this number, "3" or "2,7". */
function indicesOf(at, shape) {
  const indices = [];
  for (const length of [...shape].reverse()) {
    indices.unshift((at % length) + 1);
    at = Math.floor(at / length);
  }
  return indices.join(",");
}

/** Puts an element where it belongs, by its centre and half its size. */
function stand(element, { x, y, w, h: half }) {
  Object.assign(element.style, {
    left: `${x - w}px`, top: `${y - half}px`, width: `${2 * w}px`, height: `${2 * half}px`,
  });
}

function tint(element, level, theme) {
  if (element.dataset.level === `${level}`) return;
  element.dataset.level = `${level}`;
  element.style.setProperty("--tint", colourOf(theme, level));
  element.style.setProperty("--share", String(Math.abs(level) / LEVELS));
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function label(element, words) {
  if (element.getAttribute("aria-label") !== words) element.setAttribute("aria-label", words);
}
