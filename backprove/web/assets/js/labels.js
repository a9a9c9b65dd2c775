// @ts-check
/** Where the labels of edges stand: on their own curve, clear of everything else, or nowhere. */
import { countPlace } from "./bands.js";
import { along } from "./curves.js";

/** Edges that each have a label: more would be a thicket. */
export const LABELLED = 40;

/**
 * @typedef {import("./edges.js").Edge} Edge
 *
 * @typedef {object} Box   in pixels
 * @property {number} x @property {number} y  the centre
 * @property {number} w @property {number} h  half the width and half the height
 *
 * @typedef {object} Wanted
 * @property {Edge} edge
 * @property {{w: number, h: number}[]} forms  half sizes, from the fullest to the shortest
 *
 * @typedef {object} Spot
 * @property {Edge} edge @property {number} form @property {number} x @property {number} y
 */

/** Shares of a curve, the best first: short of the middle, where most curves cross. */
const SHARES = Array.from({ length: 22 }, (_, at) => 0.08 + 0.04 * at).sort(
  (one, other) => Math.abs(one - 0.34) - Math.abs(other - 0.34));
/** Pixels from one point of a curve to the next, as it is looked at here. */
const STEP = 4;
/** Pixels that stay free around a label. */
const AIR = 2;

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
  const free = (edge, form) => SHARES.map((share) => scaled(along(edge.curve, share), scale)).filter(
    (spot) => !taken.some((box) => meet(box, { ...spot, ...form }))
      && !curves.some(({ at, points }) => at !== edge.at && passes(points, { ...spot, ...form })));
  const choices = wanted.map(({ edge, forms }) => ({ edge, forms, spots: forms.map((form) => free(edge, form)) }));
  const found = new Map();
  const isClear = (box, own) => [...found.values()].every(({ edge, box: other }) => edge === own || !meet(other, box));
  const settle = ({ edge, forms, spots }, form) => {
    const spot = spots[form].find((one) => isClear({ ...one, ...forms[form] }, edge));
    if (spot) found.set(edge.at, { edge, form, ...spot, box: { ...spot, ...forms[form] } });
    return spot !== undefined;
  };
  // Those with the least choice first.
  choices.sort((one, other) => (one.spots.at(-1)?.length ?? 0) - (other.spots.at(-1)?.length ?? 0));
  for (const choice of choices) settle(choice, choice.forms.length - 1);
  for (const choice of choices) {
    for (let form = 0; form < choice.forms.length - 1; form++) if (settle(choice, form)) break;
  }
  return [...found.values()].map(({ edge, form, x, y }) => ({ edge, form, x, y }));
}

/**
 * What no label may cover: neurons with their numbers below, and the counts of bands.
 * @param {import("./layout.js").Placement} placement @param {import("./bands.js").Band[]} bands
 * @param {number} scale
 * @returns {Box[]}
 */
export function obstacles({ neurons }, bands, scale) {
  const round = neurons.map(({ x, y, w, h, block }) => {
    const below = block ? 0 : 16; // the number
    return {
      x: x * scale, y: y * scale + below / 2,
      w: Math.max(w * scale * 1.1, block ? 0 : 22), h: h * scale + below / 2,
    };
  });
  const counts = bands.map((band) => ({ ...scaled(countPlace(band), scale), w: 50, h: 24 }));
  return [...round, ...counts];
}

function scaled({ x, y }, scale) {
  return { x: x * scale, y: y * scale };
}

function pointsOf(curve, scale) {
  const length = Math.abs(curve[curve.length - 2] - curve[0]) + Math.abs(curve[curve.length - 1] - curve[1]);
  const count = Math.max(8, Math.ceil((1.2 * length * scale) / STEP));
  return Array.from({ length: count + 1 }, (_, at) => scaled(along(curve, at / count), scale));
}

/** @param {Box} one @param {Box} other */
function meet(one, other) {
  return Math.abs(one.x - other.x) < one.w + other.w + AIR && Math.abs(one.y - other.y) < one.h + other.h + AIR;
}

/** Whether a curve passes a box, by its points. */
function passes(points, { x, y, w, h }) {
  return points.some((point) => Math.abs(point.x - x) < w + AIR && Math.abs(point.y - y) < h + AIR);
}
