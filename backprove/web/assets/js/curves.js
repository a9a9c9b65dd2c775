// @ts-check
/**
 * The curves of edges: their way between neurons, points along them, and which is near a point.
 *
 * A curve is a start and cubic pieces, [x, y, c1x, c1y, c2x, c2y, x, y, …], in units of the world.
 */

/**
 * @typedef {import("./layout.js").Neuron} Neuron
 * @typedef {import("./layout.js").Placement} Placement
 */

// ---------------------------------------------------------------------------------- routes

/**
 * The curve of an edge: a start and cubic pieces, [x, y, c1x, c1y, c2x, c2y, x, y, …], level at
 * both ends. One that skips columns goes between their neurons.
 * @param {Placement} placement @param {Neuron} from @param {Neuron} to @param {number} at  its number
 * @returns {number[]}
 */
export function route(placement, from, to, at) {
  if (Math.abs(to.x - from.x) < from.w + to.w) return sideways(from, to);
  const way = Math.sign(to.x - from.x);
  const bends = placement.bends?.get(at) ?? between(placement, from, to);
  const curve = [from.x + way * from.w, from.y];
  for (const { x, y } of [...(bends.length > 1 || !placement.bends ? bends : []), { x: to.x - way * to.w, y: to.y }]) {
    const [x0, y0] = curve.slice(-2);
    const level = (x - x0) * placement.bow;
    curve.push(x0 + level, y0, x - level, y, x, y);
  }
  return curve;
}

/** An arc between two neurons of one column. */
function sideways(from, to) {
  const x0 = from.x + from.w;
  const x1 = to.x + to.w;
  const out = Math.max(x0, x1) + 20 + Math.abs(to.y - from.y) * 0.2;
  return [x0, from.y, out, from.y, out, to.y, x1, to.y];
}

/** A free place in each column that the edge passes, nearest to the straight line. */
function between({ neurons, columns }, from, to) {
  const passed = columns.filter(({ x }) => x > from.x + from.w && x < to.x - to.w);
  return passed.flatMap(({ x }) => {
    const inColumn = neurons.filter((neuron) => Math.abs(neuron.x - x) < 1);
    if (!inColumn.length) return [];
    const straight = from.y + ((x - from.x) / (to.x - from.x)) * (to.y - from.y);
    return [{ x, y: freePlace(inColumn, straight) }];
  });
}

const AIR = 7;

/** The height nearest to the wanted one that crosses no neuron of the column. */
function freePlace(neurons, wanted) {
  const spans = neurons.map(({ y, h }) => [y - h - AIR, y + h + AIR]).sort((one, other) => one[0] - other[0]);
  const free = (y) => spans.every(([top, bottom]) => y <= top || y >= bottom);
  const choices = [wanted, ...spans.flat()].filter(free);
  return choices.reduce((best, y) => (Math.abs(y - wanted) < Math.abs(best - wanted) ? y : best), choices[0]);
}

/** A second edge between the same neurons bows out, so that both are seen. */
export function bowed(curve, by) {
  if (by) for (let at = 3; at < curve.length; at += 6) { curve[at] -= by; curve[at + 2] -= by; }
  return curve;
}

/** Adds a curve to a path. */
export function trace(path, curve) {
  path.moveTo(curve[0], curve[1]);
  for (let at = 2; at < curve.length; at += 6) {
    path.bezierCurveTo(curve[at], curve[at + 1], curve[at + 2], curve[at + 3], curve[at + 4], curve[at + 5]);
  }
}

/** The point at a share of a curve's pieces. @returns {{x: number, y: number}} */
export function along(curve, share) {
  const pieces = (curve.length - 2) / 6;
  const piece = Math.min(pieces - 1, Math.floor(share * pieces));
  const t = share * pieces - piece;
  const s = 1 - t;
  const from = piece * 6;
  const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return {
    x: a * curve[from] + b * curve[from + 2] + c * curve[from + 4] + d * curve[from + 6],
    y: a * curve[from + 1] + b * curve[from + 3] + c * curve[from + 5] + d * curve[from + 7],
  };
}

// ---------------------------------------------------------------------------------- nearness

const cell = (column, row) => column * 65536 + row + 32768;

/** Which of many curves is near a point, without a look at each of them. */
export class Nearest {
  /** @type {Map<number, number[]>} the curves that pass each cell of a grid */
  #cells = new Map();

  /**
   * @param {{at: number, curve: number[]}[]} edges
   * @param {number} width  of the drawing
   */
  constructor(edges, width) {
    // Cells grow with the drawing, so that a curve passes some forty of them and no more.
    this.size = Math.max(32, width / 40);
    for (const { at, curve } of edges) {
      let last = NaN;
      for (const { x, y } of sampled(curve, this.size)) {
        const key = cell(Math.floor(x / this.size), Math.floor(y / this.size));
        if (key === last) continue;
        last = key;
        const list = this.#cells.get(key);
        if (list === undefined) this.#cells.set(key, [at]);
        else if (list[list.length - 1] !== at) list.push(at);
      }
    }
  }

  /**
   * Those that may be within reach of a point, by their numbers.
   * @param {{x: number, y: number}} point @param {number} reach
   * @returns {Set<number>}
   */
  around({ x, y }, reach) {
    const wide = 1 + Math.ceil(reach / this.size);
    const found = new Set();
    const [column, row] = [Math.floor(x / this.size), Math.floor(y / this.size)];
    for (let dx = -wide; dx <= wide; dx++) {
      for (let dy = -wide; dy <= wide; dy++) {
        for (const at of this.#cells.get(cell(column + dx, row + dy)) ?? []) found.add(at);
      }
    }
    return found;
  }
}

/** Points along a curve, a cell apart: it is never further from one of their cells than the next. */
function sampled(curve, size) {
  const length = Math.abs(curve[curve.length - 2] - curve[0]) + Math.abs(curve[curve.length - 1] - curve[1]);
  const count = Math.max(6, Math.ceil((1.5 * length) / size));
  return Array.from({ length: count + 1 }, (_, at) => along(curve, at / count));
}

/** How far a point is from a curve. */
export function distanceTo(curve, point) {
  const points = Array.from({ length: 25 }, (_, at) => along(curve, at / 24));
  let least = Infinity;
  for (let at = 1; at < points.length; at++) {
    least = Math.min(least, toSegment(point, points[at - 1], points[at]));
  }
  return least;
}

function toSegment({ x, y }, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy || 1;
  const share = Math.max(0, Math.min(1, ((x - from.x) * dx + (y - from.y) * dy) / length));
  return Math.hypot(x - from.x - share * dx, y - from.y - share * dy);
}
