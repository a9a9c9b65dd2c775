// @ts-check
/** Where the labels of edges stand: along their own curve, clear of everything else, or nowhere. */
import { countPlace } from "./bands.js";
import { along } from "./curves.js";
import { FEW } from "./layout.js";
import { short } from "./values.js";

/** Edges that each have a label: more would be a thicket. */
export const LABELLED = FEW;

/**
 * @typedef {import("./edges.js").Edge} Edge
 *
 * @typedef {object} Box   in pixels
 * @property {number} x @property {number} y  the centre
 * @property {number} w @property {number} h  half the width and half the height
 * @property {number} turn  in radians, clockwise
 *
 * @typedef {object} Wanted
 * @property {Edge} edge
 * @property {{w: number, h: number}[]} forms  half sizes, from the fullest to the shortest
 *
 * @typedef {object} Spot
 * @property {Edge} edge @property {number} form
 * @property {number} x @property {number} y @property {number} turn
 */

/** Shares of a curve, the best first: short of the middle, where most curves cross. */
const SHARES = Array.from({ length: 22 }, (_, at) => 0.08 + 0.04 * at).sort(
  (one, other) => Math.abs(one - 0.34) - Math.abs(other - 0.34));
/** Pixels from one point of a curve to the next, as it is looked at here. */
const STEP = 4;
/** Pixels that stay free around a label. */
const AIR = 1.5;
/** The steepest that a label is turned: one on a steeper edge is hard to read. */
const STEEPEST = (66 * Math.PI) / 180;

/** A number with three digits, and with two. @param {number} value @returns {string[]} */
export function numbersOf(value) {
  return [short(value), short(Number(value.toPrecision(2)))];
}

/**
 * A place for each label at which it covers no curve but its own, nothing taken and no other
 * label. First as many as possible get one in their shortest form; then those take a fuller one
 * that have the room. What finds none is left out.
 * @param {Wanted[]} wanted @param {Box[]} taken
 * @param {Edge[]} shown  the edges whose curves are seen
 * @param {number} scale  pixels to a unit of the world
 * @returns {Spot[]}
 */
export function placed(wanted, taken, shown, scale) {
  const curves = shown.map(({ at, curve }) => ({ at, points: pointsOf(curve, scale) }));
  const isFree = (edge, box) => !taken.some((other) => meet(other, box))
    && !curves.some(({ at, points }) => at !== edge.at && passes(points, box));
  const choices = wanted.map(({ edge, forms }) => {
    /** @type {Box[][]} */
    const boxes = [];
    let places = SHARES.map((share) => stand(edge.curve, share, scale));
    for (const form of [...forms].reverse()) { // where a shorter one has no room, a fuller one has none
      places = places.map((place) => ({ ...place, ...form })).filter((box) => isFree(edge, box));
      boxes.unshift(places);
    }
    return { edge, boxes };
  });
  /** @type {Map<number, {edge: Edge, form: number, box: Box}>} */
  const found = new Map();
  const isClear = (box, own) => [...found.values()].every(({ edge, box: other }) => edge === own || !meet(other, box));
  const settle = ({ edge, boxes }, form) => {
    const box = boxes[form].find((one) => isClear(one, edge));
    if (box) found.set(edge.at, { edge, form, box });
    return box !== undefined;
  };
  // Those with the least choice first.
  choices.sort((one, other) => (one.boxes.at(-1)?.length ?? 0) - (other.boxes.at(-1)?.length ?? 0));
  for (const choice of choices) settle(choice, choice.boxes.length - 1);
  for (const choice of choices) {
    for (let form = 0; form < choice.boxes.length - 1; form++) if (settle(choice, form)) break;
  }
  return [...found.values()].map(({ edge, form, box: { x, y, turn } }) => ({ edge, form, x, y, turn }));
}

/**
 * What no label may cover: neurons with their numbers below, and the counts of bands.
 * @param {import("./layout.js").Placement} placement @param {import("./bands.js").Band[]} bands
 * @param {number} scale
 * @returns {Box[]}
 */
export function obstacles({ neurons }, bands, scale) {
  const round = neurons.flatMap(({ x, y, w, h, block }) => {
    const bias = block ? 0 : 0.1 * w;
    const body = { x: (x - bias / 2) * scale, y: y * scale, w: (w + bias / 2) * scale, h: h * scale, turn: 0 };
    const number = { x: x * scale, y: (y + h) * scale + 8, w: 22, h: 8, turn: 0 };
    return block ? [body] : [body, number];
  });
  const counts = bands.map((band) => ({ ...scaled(countPlace(band), scale), w: 50, h: 24, turn: 0 }));
  return [...round, ...counts];
}

function scaled({ x, y }, scale) {
  return { x: x * scale, y: y * scale };
}

/** A point of a curve, and how far a label along it is turned. */
function stand(curve, share, scale) {
  const before = along(curve, share - 0.02);
  const after = along(curve, share + 0.02);
  const turn = Math.atan((after.y - before.y) / (after.x - before.x || 1e-9));
  return { ...scaled(along(curve, share), scale), turn: Math.abs(turn) > STEEPEST ? 0 : turn };
}

/** Points along a curve, x and y in turn. */
function pointsOf(curve, scale) {
  const length = Math.abs(curve[curve.length - 2] - curve[0]) + Math.abs(curve[curve.length - 1] - curve[1]);
  const count = Math.max(8, Math.ceil((1.2 * length * scale) / STEP));
  const points = new Float64Array(2 * count + 2);
  for (let at = 0; at <= count; at++) {
    const { x, y } = along(curve, at / count);
    points[2 * at] = x * scale;
    points[2 * at + 1] = y * scale;
  }
  return points;
}

/** Whether a curve passes a box, by its points. @param {Float64Array} points @param {Box} box */
function passes(points, { x, y, w, h, turn }) {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const reach = w + h + AIR;
  for (let at = 0; at < points.length; at += 2) {
    const dx = points[at] - x;
    const dy = points[at + 1] - y;
    if (dx > reach || dx < -reach || dy > reach || dy < -reach) continue;
    if (Math.abs(dx * cos + dy * sin) < w + AIR && Math.abs(dy * cos - dx * sin) < h + AIR) return true;
  }
  return false;
}

/** Whether two boxes meet: there is no side of either that parts them. @param {Box} one @param {Box} other */
function meet(one, other) {
  const reach = one.w + one.h + other.w + other.h + AIR;
  if (Math.abs(one.x - other.x) > reach || Math.abs(one.y - other.y) > reach) return false;
  return overlap(one, other, one.turn) && overlap(one, other, one.turn + Math.PI / 2)
    && overlap(one, other, other.turn) && overlap(one, other, other.turn + Math.PI / 2);
}

/** Whether their shadows meet in a direction. */
function overlap(one, other, direction) {
  const apart = (one.x - other.x) * Math.cos(direction) + (one.y - other.y) * Math.sin(direction);
  return Math.abs(apart) < shadow(one, direction) + shadow(other, direction) + AIR;
}

/** Half the length of a box's shadow in a direction. */
function shadow({ w, h, turn }, direction) {
  return w * Math.abs(Math.cos(direction - turn)) + h * Math.abs(Math.sin(direction - turn));
}
