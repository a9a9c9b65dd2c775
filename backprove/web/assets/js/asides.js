// @ts-check
/**
 * The ways of weights into neurons that are no edges: a penalty on a weight in the loss.
 *
 * One is a dashed line from the weight's own edge, drawn while the weight is pointed at or
 * selected, or a path takes it; all the time the neuron says which weights it holds.
 */
import { trace } from "./curves.js";
import { Way, pointed } from "./pointing.js";

/** A name alone means all of its components: beyond so many they are not drawn. */
const MOST = 40;
/** How far a line rises on its way, as a share of it; and keeps above what it passes. */
const RISE = 0.16;
const AIR = 10;

/** @typedef {{curve: number[], lit: boolean}} Line */

export class Asides {
  /** @type {Map<string, string[]>} neurons by component */
  #ends = new Map();
  /** @type {Map<string, string[]>} components by name */
  #ofName = new Map();

  /** @param {any} diagram @param {import("./edges.js").Edges} edges */
  constructor(diagram, edges) {
    this.edges = edges;
    for (const { component, to } of diagram.asides ?? []) {
      this.#ends.set(component, [...(this.#ends.get(component) ?? []), to]);
      const { name } = pointed(component);
      if (!this.#ofName.has(name)) this.#ofName.set(name, []);
      this.#ofName.get(name)?.push(component);
    }
  }

  /** Those that a state shows. @param {any} state @returns {Line[]} */
  shown({ highlight, selection }) {
    if (!this.#ends.size) return [];
    if (highlight instanceof Way) {
      return highlight.steps.flatMap(({ from, to }) => this.#lines([from], true, to));
    }
    const lit = this.#lines([...highlight], true);
    return lit.length || selection === null ? lit : this.#lines([selection], false);
  }

  /** From these components or names, only to the neuron of `to` where one is given. */
  #lines(components, lit, to = null) {
    const found = [];
    const meant = components.flatMap((q) => {
      const { adjoint, name, indices } = pointed(q);
      if (adjoint) return [];
      return indices === null ? this.#ofName.get(name) ?? [] : [`${name}${indices}`];
    });
    for (const component of new Set(meant)) {
      const ends = this.#ends.get(component) ?? [];
      if (!ends.length) continue;
      const from = this.#startOf(component);
      for (const id of ends) {
        const neuron = this.edges.placement.byId.get(id);
        const isMeant = neuron && (to === null || to === id || neuron.components.includes(to));
        if (from && isMeant) found.push({ curve: lineTo(from, neuron, this.edges.placement.neurons), lit });
        if (found.length > MOST) return [];
      }
    }
    return found;
  }

  /** Where a weight stands: the middle of its first edge, or a bias at its neuron. */
  #startOf(component) {
    const edge = this.edges.all.find((one) => one.component === component);
    if (edge) return this.edges.middle(edge);
    const neuron = this.edges.placement.neurons.find(({ group, index }) => group.neurons[index]?.bias === component);
    return neuron ? { x: neuron.x - neuron.w * 0.8, y: neuron.y + neuron.h * 0.8 } : null;
  }
}

/** An arc over what lies between, down onto the neuron. */
function lineTo(from, neuron, neurons) {
  const end = { x: neuron.x, y: neuron.y - neuron.h };
  const across = end.x - from.x;
  const passed = neurons.filter(({ x, w }) => x + w > from.x && x < end.x - w).map(({ y, h }) => y - h - AIR);
  const apex = Math.max(-AIR, Math.min(Math.min(from.y, end.y) - RISE * Math.abs(across), ...passed));
  const top = (apex - (from.y + end.y) / 8) / 0.75; // the middle of a cubic curve lies there
  return [from.x, from.y, from.x + 0.35 * across, top, end.x - 0.1 * across, top, end.x, end.y];
}

/**
 * @param {CanvasRenderingContext2D} canvas  in units of the world
 * @param {Line[]} lines @param {import("./colours.js").Theme} theme @param {number} pixel
 */
export function drawAsides(canvas, lines, theme, pixel) {
  for (const { curve, lit } of lines) {
    const path = new Path2D();
    trace(path, curve);
    canvas.globalAlpha = 1;
    if (lit) {
      canvas.strokeStyle = theme.lit;
      canvas.lineWidth = 8 * pixel;
      canvas.stroke(path);
    }
    canvas.strokeStyle = theme.soft;
    canvas.lineWidth = 1.6 * pixel;
    canvas.setLineDash([5 * pixel, 4 * pixel]);
    canvas.stroke(path);
    canvas.setLineDash([]);
  }
}
