// @ts-check
/** What the pointer is on: the card beside an edge, a neuron or a bias, and the same in words. */
import { asNumber, firstAt, place, short } from "./values.js";
import { valueOf } from "./edges.js";
import { h } from "./elements.js";
import { KINDS, lastOf } from "./neurons.js";
import { symbol } from "./symbols.js";

/**
 * @typedef {ReturnType<typeof import("./values.js").sources>} Sources
 * @typedef {{component: string|null, title: string, rows: {what: string, value: string}[], note?: string}} Card
 */

/** The weight, its gradient, and what the edge adds: weight times what comes in. @returns {Card} */
export function edgeCard(edge, from) {
  const { component, where } = edge;
  const into = edge.from.components.length ? lastOf(edge.from) : edge.from.id;
  const ends = `${edge.from.id} → ${edge.to.id}`;
  if (component === null || where === null) {
    return { component: null, title: ends, rows: rows([["passes", short(firstAt(from.values, place(into)))]]) };
  }
  const weight = firstAt(from.values, where);
  const input = firstAt(from.values, place(into));
  const product = asNumber(weight) * asNumber(input);
  const passed = valueOf(edge, "factor", from);
  return {
    component,
    title: ends,
    rows: rows([
      ["value", short(weight)],
      ["gradient", short(firstAt(from.gradients, where))],
      ["value × input", Number.isNaN(product) ? "" : `${short(weight)} × ${bracketed(input)} = ${short(product)}`],
      ["passed back", Number.isNaN(passed) ? "" : short(passed)],
    ]),
  };
}

function bracketed(value) {
  return asNumber(value) < 0 ? `(${short(value)})` : short(value);
}

/** The numbers of a neuron's quantities, with what reaches it from the loss. @returns {Card} */
export function neuronCard({ id, group, components }, from) {
  if (group.kind === "loss") {
    return { component: id, title: "loss", rows: rows([["value", short(firstAt(from.values, place(id)))]]), note: from.corners.get(id) };
  }
  return {
    component: id,
    title: KINDS[group.kind],
    rows: rows(components.flatMap((component) => {
      const where = place(component);
      const adjoint = firstAt([...from.adjoints, ...from.gradients], where);
      return [[component, short(firstAt(from.values, where))], [`∂${from.loss}/∂${component}`, short(adjoint)]];
    })),
    note: components.map((component) => from.corners.get(component)).find(Boolean),
  };
}

/** @returns {Card} */
export function biasCard(component, from) {
  const where = place(component);
  return {
    component,
    title: "bias",
    rows: rows([["value", short(firstAt(from.values, where))], ["gradient", short(firstAt(from.gradients, where))]]),
  };
}

/** @returns {{what: string, value: string}[]} those that have a value */
function rows(pairs) {
  return pairs.filter(([, value]) => value !== "").map(([what, value]) => ({ what, value }));
}

/** "w2[1,2], h2[2] → h3[1]: value 0.35, gradient 0.012" for a screen reader. */
export function inWords({ component, title, rows: told }) {
  const head = component === null ? title : `${component}, ${title}`;
  const numbers = told.map(({ what, value }) => `${what} ${value}`).join(", ");
  return (numbers ? `${head}: ${numbers}` : head).replaceAll("→", "to").replaceAll("×", "times").replaceAll("−", "minus ");
}

export class Tip {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
  }

  /**
   * @param {Card} card @param {{x: number, y: number}} point  of the stage
   * @param {{width: number, height: number}} stage @param {(name: string) => string|null} symbolOf
   * @param {number} [clear]  pixels to keep free around the point
   */
  show(card, point, stage, symbolOf, clear = 14) {
    const { component } = card;
    const name = component === null ? null : component.split("[")[0];
    this.element.replaceChildren(
      h("div", { class: "tip-head" },
        name === null ? null : h("span", { class: "tip-symbol" }, symbol(symbolOf(name), component ?? "")),
        h("span", { class: "tip-title" }, card.title)),
      h("dl", {}, ...card.rows.flatMap(({ what, value }) => [
        h("dt", {}, what), h("dd", {}, value),
      ])),
      card.note ? h("p", { class: "tip-note" }, card.note) : "",
    );
    this.element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const below = point.y + clear + height < stage.height;
    const y = below ? point.y + clear : Math.max(4, point.y - clear - height);
    const x = Math.max(4, Math.min(stage.width - width - 4, point.x + 10));
    this.element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  hide() {
    this.element.hidden = true;
  }
}

