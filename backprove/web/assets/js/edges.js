// @ts-check
/**
 * The edges: their curves, their numbers, which of them are drawn, and which is under the pointer.
 *
 * At most 2,000 are drawn, the largest in absolute value; the rest of each family is a band with
 * its count.
 */
import { bandsOf } from "./bands.js";
import { LEVELS, levelOf } from "./colours.js";
import { Nearest, along, bowed, distanceTo, route } from "./curves.js";
import { asNumber, firstAt, place } from "./values.js";

export const DRAWN = 2000;
/** The width of an edge without a number, in units of the world. */
export const PLAIN = 1.4;

/**
 * @typedef {import("./layout.js").Neuron} Neuron
 * @typedef {import("./layout.js").Placement} Placement
 *
 * @typedef {object} Edge
 * @property {number} at  @property {Neuron} from  @property {Neuron} to
 * @property {string|null} component  @property {import("./values.js").Place|null} where
 * @property {import("./values.js").Place} heads  the quantity that the edge adds to
 * @property {import("./values.js").Place|null} tails  what it leaves, where it is the only edge to do so
 * @property {number[]} curve
 */

export class Edges {
  /** @type {Edge[]} */
  all = [];
  /** @type {Edge[]} */
  drawn = [];
  /** @type {import("./bands.js").Band[]}  edges that are not drawn one by one */
  bands = [];
  /** The largest number in absolute value, finite. */
  largest = 0;
  /** Whether any edge has a number. */
  numbered = false;
  /** @type {Float64Array} */
  values = new Float64Array(0);
  /** @type {Map<string, Edge[]>} */
  ofNeuron = new Map();
  /** @type {Nearest|null} */
  #nearest = null;

  /** @param {any} diagram @param {Placement} placement */
  constructor(diagram, placement) {
    this.placement = placement;
    this.families = diagram.families;
    const twins = new Map();
    const leaving = Map.groupBy(diagram.edges, ({ from }) => from);
    for (const { from, to, component } of diagram.edges) {
      const start = placement.byId.get(from);
      const end = placement.byId.get(to);
      if (!start || !end) continue;
      const twin = twins.get(`${from}>${to}`) ?? 0;
      twins.set(`${from}>${to}`, twin + 1);
      const edge = {
        at: this.all.length, from: start, to: end, component,
        where: component === null ? null : place(component),
        heads: place(end.components[0] ?? to),
        tails: leaving.get(from)?.length === 1 ? place(start.components[start.components.length - 1] ?? from) : null,
        curve: bowed(route(placement, start, end, this.all.length), twin * placement.radius * 0.9),
      };
      this.all.push(edge);
      for (const id of [from, to]) {
        if (!this.ofNeuron.has(id)) this.ofNeuron.set(id, []);
        this.ofNeuron.get(id)?.push(edge);
      }
    }
    this.values = new Float64Array(this.all.length);
  }

  /**
   * Takes the numbers anew and chooses what is drawn.
   * @param {"weight"|"gradient"|"factor"} show
   * @param {ReturnType<typeof import("./values.js").sources>} from
   */
  update(show, from) {
    let largest = 0;
    let numbered = false;
    this.all.forEach((edge, at) => {
      const value = valueOf(edge, show, from);
      this.values[at] = value;
      if (Number.isNaN(value)) return;
      numbered = true;
      if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
    });
    this.largest = largest;
    this.numbered = numbered;
    this.drawn = this.#chosen();
    const all = this.drawn.length === this.all.length;
    this.bands = bandsOf(this.families, this.drawn, all, this.placement.neurons);
    this.#nearest = null;
  }

  /** The largest 2,000; all where they are no more. The few without a weight are always drawn. */
  #chosen() {
    if (this.all.length <= DRAWN) return this.all;
    const bare = this.all.reduce((sum, { component }) => sum + (component === null ? 1 : 0), 0);
    const sizes = this.values.map((value, at) => {
      if (bare <= DRAWN / 4 && this.all[at].component === null) return Infinity;
      return Number.isNaN(value) ? -1 : Math.abs(value);
    });
    const least = Float64Array.from(sizes).sort()[sizes.length - DRAWN];
    const chosen = this.all.filter(({ at }) => sizes[at] > least);
    for (const edge of this.all) {
      if (chosen.length >= DRAWN) break;
      if (sizes[edge.at] === least) chosen.push(edge);
    }
    return chosen;
  }

  /** -LEVELS to LEVELS */
  levelAt({ at }) {
    return levelOf(this.values[at], this.largest);
  }

  /** In units of the world. */
  widthOf(level) {
    const thickest = Math.max(2.4, Math.min(7, this.placement.radius * 0.26));
    const size = Math.abs(level) / LEVELS;
    return 0.8 + (thickest - 0.8) * size * size;
  }

  /**
   * The drawn edge nearest to a point of the world; null beyond `reach`.
   * @param {{x: number, y: number}} point @param {number} reach
   * @returns {Edge|null}
   */
  hit(point, reach) {
    this.#nearest ??= new Nearest(this.drawn, this.placement.width);
    let best = null;
    let least = reach;
    for (const at of this.#nearest.around(point, reach)) {
      // Where several lie close together the larger one wins.
      const distance = distanceTo(this.all[at].curve, point) - this.widthOf(this.levelAt(this.all[at])) / 2;
      if (distance < least) [best, least] = [this.all[at], distance];
    }
    return best;
  }

  /** The middle of an edge's curve, for its tooltip. */
  middle(edge) {
    return along(edge.curve, 0.5);
  }
}

/**
 * The number that an edge shows; NaN where there is none. "factor" is what comes back along it:
 * the weight times the adjoint of what it leads to, which is the whole adjoint of a neuron that
 * it alone leaves.
 */
export function valueOf({ where, heads, tails, to }, show, { values, gradients, adjoints }) {
  if (show === "factor") {
    if (tails !== null) return asNumber(firstAt(adjoints, tails));
    if (where === null || to.group.kind === "loss") return NaN;
    return asNumber(firstAt(values, where)) * asNumber(firstAt(adjoints, heads));
  }
  return where === null ? NaN : asNumber(firstAt(show === "gradient" ? gradients : values, where));
}
