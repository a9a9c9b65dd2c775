// @ts-check
/**
 * The edges: their numbers, which of them are drawn, how, and which one is under the pointer.
 *
 * One canvas holds them all. At most 2,000 are drawn, the largest in absolute value; the rest of
 * each family is a band with its count. Edges of one width and colour are one path, built when
 * numbers change, so that moving the camera strokes some thirty paths and no more.
 */
import { LEVELS, colourOf, levelOf } from "./colours.js";
import { asNumber, firstAt, place, short } from "./values.js";
import { route } from "./layout.js";

export const DRAWN = 2000;
/** Edges with their number written beside them: more would be a thicket. */
const NUMBERED = 40;
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
 *
 * @typedef {object} Band   edges that are not drawn one by one
 * @property {{x: number, top: number, bottom: number}} from
 * @property {{x: number, top: number, bottom: number}} to
 * @property {number|null} count  null where a size has no number
 * @property {boolean} whole  none of the family is drawn
 */

export class Edges {
  /** @type {Edge[]} */
  all = [];
  /** @type {Edge[]} */
  drawn = [];
  /** @type {Band[]} */
  bands = [];
  /** The largest number in absolute value, finite. */
  largest = 0;
  /** Whether any edge has a number. */
  numbered = false;
  /** @type {Float64Array} */
  values = new Float64Array(0);
  /** @type {Map<string, Edge[]>} */
  ofNeuron = new Map();
  /** @type {Map<number, Path2D>} */
  #paths = new Map();
  /** @type {Map<number, number[]>|null} */
  #cells = null;
  #labels = null;

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
    this.bands = this.#bandsOf();
    this.#paths = this.#pathsOf();
    this.#cells = null;
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

  #bandsOf() {
    const seen = new Map();
    if (this.drawn.length < this.all.length) {
      for (const { from, to, where } of this.drawn) {
        const key = `${from.group.name}>${to.group.name}>${where?.name ?? null}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    }
    return this.families.flatMap((family) => {
      const shown = this.drawn.length === this.all.length && family.drawn
        ? family.count : seen.get(`${family.from}>${family.to}>${family.weight}`) ?? 0;
      const from = this.#sideOf(family.from, 1);
      const to = this.#sideOf(family.to, -1);
      if ((family.count !== null && shown >= family.count) || !from || !to) return [];
      return [{ from, to, count: family.count === null ? null : family.count - shown, whole: shown === 0 }];
    });
  }

  /** The right (1) or left (-1) side of a group's neurons. */
  #sideOf(name, side) {
    const members = this.placement.neurons.filter(({ group }) => group.name === name);
    if (!members.length) return null;
    const outermost = members.map(({ x, w }) => x + side * w);
    return {
      x: side > 0 ? Math.max(...outermost) : Math.min(...outermost),
      top: Math.min(...members.map(({ y, h }) => y - h)),
      bottom: Math.max(...members.map(({ y, h }) => y + h)),
    };
  }

  #pathsOf() {
    const paths = new Map();
    this.bare = new Path2D();
    this.bareCount = 0;
    for (const edge of this.drawn) {
      const level = this.levelAt(edge);
      if (Number.isNaN(this.values[edge.at])) {
        trace(this.bare, edge.curve);
        this.bareCount += 1;
        continue;
      }
      if (!paths.has(level)) paths.set(level, new Path2D());
      trace(paths.get(level), edge.curve);
    }
    // Small ones first, so that large ones lie on top.
    return new Map([...paths].sort(([one], [other]) => Math.abs(one) - Math.abs(other)));
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
   * Draws onto a canvas whose unit is a pixel of the page.
   * @param {CanvasRenderingContext2D} canvas
   * @param {import("./camera.js").Camera} camera
   * @param {import("./colours.js").Theme} theme
   * @param {{lit: ReadonlySet<Edge>, near: ReadonlySet<Edge>, selected: ReadonlySet<Edge>, dim: number}} look  dim: how opaque the rest stays
   */
  draw(canvas, camera, theme, { lit, near, selected, dim }) {
    canvas.save();
    canvas.translate(camera.x, camera.y);
    canvas.scale(camera.scale, camera.scale);
    canvas.lineCap = "butt";
    const thinnest = 0.6 / camera.scale;
    for (const band of this.bands) drawBand(canvas, band, theme, dim);
    this.#drawBare(canvas, theme, thinnest, dim);
    for (const [level, path] of this.#paths) {
      canvas.globalAlpha = this.#alphaOf(level) * dim;
      canvas.strokeStyle = colourOf(theme, level);
      canvas.lineWidth = Math.max(thinnest, this.widthOf(level));
      canvas.stroke(path);
    }
    for (const edge of near) this.#drawOne(canvas, edge, theme, thinnest, null);
    for (const edge of selected) this.#drawOne(canvas, edge, theme, thinnest, theme.ink);
    for (const edge of lit) this.#drawOne(canvas, edge, theme, thinnest, theme.lit);
    canvas.restore();
    this.#writeNumbers(canvas, camera, theme, { lit, near, selected, dim });
    for (const band of this.bands) writeCount(canvas, band, camera, theme);
  }

  /** Edges without a number: all alike. */
  #drawBare(canvas, theme, thinnest, dim) {
    canvas.globalAlpha = Math.max(0.14, Math.min(0.85, 34 / this.bareCount)) * dim;
    canvas.strokeStyle = `rgb(${theme.zero.join(" ")})`;
    canvas.lineWidth = Math.max(thinnest, PLAIN);
    if (this.bareCount) canvas.stroke(this.bare);
  }

  #plainWidth(edge) {
    return Number.isNaN(this.values[edge.at]) ? PLAIN : this.widthOf(this.levelAt(edge));
  }

  /** Many edges are laid over each other: the small ones step back. */
  #alphaOf(level) {
    const crowd = Math.min(1, Math.max(0, (this.drawn.length - 40) / 600));
    const size = Math.abs(level) / LEVELS;
    return (1 - crowd) * (0.75 + 0.25 * size) + crowd * (0.12 + 0.78 * size ** 1.5);
  }

  #drawOne(canvas, edge, theme, thinnest, halo) {
    const path = new Path2D();
    trace(path, edge.curve);
    const level = this.levelAt(edge);
    const width = Math.max(thinnest * 1.6, this.#plainWidth(edge));
    canvas.globalAlpha = 1;
    if (halo) {
      canvas.strokeStyle = halo;
      canvas.lineWidth = width + 7 * Math.max(1, thinnest);
      canvas.stroke(path);
      if (halo === theme.ink) { // the one selected: an outline
        canvas.strokeStyle = theme.paper;
        canvas.lineWidth = width + 4 * Math.max(1, thinnest);
        canvas.stroke(path);
      }
    }
    canvas.strokeStyle = level === 0 && halo ? theme.soft : colourOf(theme, level);
    canvas.lineWidth = width;
    canvas.stroke(path);
  }

  /** Numbers beside the edges where there are few, and beside those that are lit. */
  #writeNumbers(canvas, camera, theme, { lit, near, selected, dim }) {
    if (!this.numbered || camera.scale * this.placement.radius < 13) return;
    const few = this.drawn.length <= NUMBERED;
    const accented = new Set([...lit, ...selected, ...(near.size <= 24 ? near : [])]);
    const roomy = (edge) => accented.has(edge) || (few && Math.abs(edge.to.x - edge.from.x) * camera.scale > 100);
    const spots = this.#spots((few ? this.drawn : [...accented]).filter(roomy));
    canvas.font = `${Math.max(10, Math.min(13, 11 * camera.scale))}px system-ui, sans-serif`;
    canvas.textAlign = "center";
    canvas.textBaseline = "middle";
    for (const { edge, x, y } of spots) {
      if (Number.isNaN(this.values[edge.at])) continue;
      const spot = camera.toScreen({ x, y });
      const text = short(this.values[edge.at]);
      const half = canvas.measureText(text).width / 2 + 4;
      canvas.globalAlpha = accented.has(edge) || dim > 0.5 ? 1 : dim;
      canvas.fillStyle = theme.paper;
      canvas.beginPath();
      canvas.roundRect(spot.x - half, spot.y - 8, 2 * half, 16, 8);
      canvas.fill();
      canvas.fillStyle = accented.has(edge) ? theme.ink : theme.soft;
      canvas.fillText(text, spot.x, spot.y + 0.5);
    }
    canvas.globalAlpha = 1;
  }

  /** Places along the curves that keep clear of each other; kept while the edges are the same. */
  #spots(edges) {
    const key = edges.map(({ at }) => at).join(",");
    if (this.#labels?.key !== key) this.#labels = { key, spots: spread(edges, this.placement.neurons) };
    return this.#labels.spots;
  }

  // -------------------------------------------------------------------------- pointing

  /**
   * The drawn edge nearest to a point of the world; null beyond `reach`.
   * @param {{x: number, y: number}} point @param {number} reach
   * @returns {Edge|null}
   */
  hit(point, reach) {
    // Cells grow with the drawing, so that a curve passes some forty of them and no more.
    const size = Math.max(32, this.placement.width / 40);
    this.#cells ??= index(this.drawn, size);
    const around = 1 + Math.ceil(reach / size);
    const near = new Set();
    const [column, row] = [Math.floor(point.x / size), Math.floor(point.y / size)];
    for (let dx = -around; dx <= around; dx++) {
      for (let dy = -around; dy <= around; dy++) {
        for (const at of this.#cells.get(cell(column + dx, row + dy)) ?? []) near.add(at);
      }
    }
    let best = null;
    let least = reach;
    for (const at of near) {
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

/** A second edge between the same neurons bows out, so that both are seen. */
function bowed(curve, by) {
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

// ------------------------------------------------------------------------------ spatial index

const cell = (column, row) => column * 65536 + row + 32768;

/** The edges that pass each cell of a grid. */
function index(edges, size) {
  const cells = new Map();
  for (const { at, curve } of edges) {
    let last = NaN;
    for (const { x, y } of sampled(curve, size)) {
      const key = cell(Math.floor(x / size), Math.floor(y / size));
      if (key === last) continue;
      last = key;
      const list = cells.get(key);
      if (list === undefined) cells.set(key, [at]);
      else if (list[list.length - 1] !== at) list.push(at);
    }
  }
  return cells;
}

/** Points along a curve, a cell apart: it is never further from one of their cells than the next. */
function sampled(curve, size) {
  const length = Math.abs(curve[curve.length - 2] - curve[0]) + Math.abs(curve[curve.length - 1] - curve[1]);
  const count = Math.max(6, Math.ceil((1.5 * length) / size));
  return Array.from({ length: count + 1 }, (_, at) => along(curve, at / count));
}

function distanceTo(curve, point) {
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

// ------------------------------------------------------------------------------ labels and bands

const LABEL = { w: 36, h: 14 };

/** For each edge the first of some places on its curve that is free; none where all are taken. */
export function spread(edges, neurons) {
  const taken = neurons.map(({ x, y, w, h }) => ({ x, y, w: w + LABEL.w / 2 - 4, h: h + LABEL.h / 2 }));
  const spots = [];
  for (const edge of edges) {
    for (const share of [0.34, 0.42, 0.27, 0.5, 0.6, 0.7]) {
      const { x, y } = along(edge.curve, share);
      const free = taken.every((other) => Math.abs(other.x - x) >= other.w || Math.abs(other.y - y) >= other.h);
      if (!free) continue;
      taken.push({ x, y, w: LABEL.w, h: LABEL.h });
      spots.push({ edge, x, y });
      break;
    }
  }
  return spots;
}

function drawBand(canvas, { from, to, whole }, theme, dim) {
  const middle = (from.x + to.x) / 2;
  canvas.beginPath();
  canvas.moveTo(from.x, from.top);
  canvas.bezierCurveTo(middle, from.top, middle, to.top, to.x, to.top);
  canvas.lineTo(to.x, to.bottom);
  canvas.bezierCurveTo(middle, to.bottom, middle, from.bottom, from.x, from.bottom);
  canvas.closePath();
  canvas.globalAlpha = (whole ? 0.2 : 0.07) * (0.4 + 0.6 * dim);
  canvas.fillStyle = `rgb(${theme.zero.join(" ")})`;
  canvas.fill();
  canvas.globalAlpha = 1;
}

const COUNT = new Intl.NumberFormat("en");
const FEW = new Intl.NumberFormat("en", { notation: "compact" });

/** What a band says: how many edges it stands for. */
export function countOf({ count, whole }, isShort = false) {
  if (isShort && count !== null) return `${whole ? "" : "+ "}${FEW.format(count)}`;
  if (count === null) return "edges";
  return whole ? `${COUNT.format(count)} edges` : `+ ${COUNT.format(count)} smaller`;
}

/** The point at which a band's count is written. */
export function countPlace({ from, to, whole }) {
  const x = (from.x + to.x) / 2;
  return whole ? { x, y: (from.top + from.bottom + to.top + to.bottom) / 4 } : { x, y: Math.max(from.bottom, to.bottom) };
}

function writeCount(canvas, band, camera, theme) {
  const spot = camera.toScreen(countPlace(band));
  const y = band.whole ? spot.y : spot.y + 12;
  canvas.font = "600 11.5px system-ui, sans-serif";
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  const room = Math.abs(band.to.x - band.from.x) * camera.scale;
  const text = canvas.measureText(countOf(band)).width + 14 > room ? countOf(band, true) : countOf(band);
  const half = canvas.measureText(text).width / 2 + 7;
  canvas.beginPath();
  canvas.roundRect(spot.x - half, y - 10, 2 * half, 20, 10);
  canvas.fillStyle = theme.paper;
  canvas.fill();
  canvas.strokeStyle = theme.line;
  canvas.lineWidth = 1;
  canvas.stroke();
  canvas.fillStyle = theme.soft;
  canvas.fillText(text, spot.x, y);
}
