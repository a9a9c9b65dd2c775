// @ts-check
// What each column of a CSV gives a network: what is usual, what is wrong with a choice, and which
// network would fit.

import { fitting } from "./datasets.js";

/**
 * @typedef {import("./csv.js").Column} Column
 *
 * @typedef {object} Place  an input or a target
 * @property {"input"|"target"} kind
 * @property {string} name
 * @property {number[]} shape
 * @property {number} size  numbers a sample
 * @property {boolean} given  whether the text has a value, for all samples where no column gives one
 */

const MOST_WORDS = 12; // that are inputs without being asked for

/** Names that say of a column that it is to be learned. */
const TOLD = ["target", "class", "label"];

/** The inputs and targets of a network; those of any, where there is none. @returns {Place[]} */
export function placesOf(/** @type {any} */ network) {
  const quantities = network?.quantities ?? [
    { name: "x", kind: "input", shape: [NaN], value: null }, { name: "y", kind: "target", shape: [], value: null }];
  return quantities.filter((/** @type {any} */ { kind }) => kind === "input" || kind === "target")
    .map((/** @type {any} */ { name, kind, shape, value }) => ({
      name, kind, shape,
      size: shape.reduce((/** @type {number} */ all, /** @type {number} */ size) => all * size, 1),
      given: kind === "input" && value !== null && value !== undefined,
    }));
}

/** A place's number of this rank, from 1, as the network names it: x[3], or x[1,3]. */
export function partOf(/** @type {Place} */ { name, shape }, /** @type {number} */ rank) {
  let left = rank - 1;
  const indices = [...shape].reverse().map((size) => {
    const index = (left % size) + 1;
    left = Math.floor(left / size);
    return index;
  });
  return shape.length ? `${name}[${indices.reverse().join(",")}]` : name;
}

/**
 * The place that each column gives, by name, "" for none. Columns that are called as a place are its
 * own. Of the others one that is called so, else the last that may be learned, is the target; the
 * numbers are inputs, and words too where the network takes as many numbers as that makes, or where
 * there is nothing else.
 * @param {Column[]} columns @param {Place[]} places
 * @returns {string[]}
 */
export function usual(columns, places) {
  const gives = columns.map(() => "");
  const free = () => columns.map((_, at) => at).filter((at) => gives[at] === "");
  const take = (/** @type {Place} */ { name }, /** @type {number[]} */ found) => {
    for (const at of found) gives[at] = name;
  };
  const open = (/** @type {string} */ kind) => places.filter((place) => place.kind === kind && !gives.includes(place.name));
  for (const place of [...open("target"), ...open("input")]) take(place, free().filter(called(place, columns)));
  const targets = open("target");
  const last = targets.length === 1 ? [toldBy(columns, free())] : free().slice(-targets.length);
  targets.forEach((place, at) => take(place, last.slice(at, at + 1)));
  const inputs = open("input");
  const numbers = free().filter((at) => !columns[at].words);
  const useful = free().filter((at) => !columns[at].words || columns[at].width > 1);
  const few = useful.filter((at) => columns[at].width <= MOST_WORDS);
  const all = (/** @type {number[]} */ found) => widthOf(found.map((at) => columns[at]));
  if (inputs.length === 1) {
    const [{ size }] = inputs;
    const fits = [numbers, few, useful].find((found) => all(found) === size);
    take(inputs[0], fits ?? (numbers.length ? numbers : few));
  } else inputs.forEach((place) => take(place, numbers.splice(0, place.size)));
  return gives;
}

/** How many numbers a sample has in columns that give an input. */
export function widthOf(/** @type {Column[]} */ columns) {
  return columns.reduce((sum, { width }) => sum + width, 0);
}

/**
 * What columns need of a network.
 * @param {Column[]} inputs @param {Column[]} targets
 */
export function needOf(inputs, targets) {
  const classes = targets.length === 1 ? targets[0].classes : 0;
  const kind = /** @type {"classes"|"regression"} */ (classes ? "classes" : "regression");
  return { inputs: widthOf(inputs), targets: targets.length, kind, classes };
}

/**
 * A builder of a network that columns fit once it is there; null where none does.
 * @param {Column[]} columns  in the order that is chosen
 * @param {Map<Column, string>} gives @param {Place[]} places
 * @param {boolean} byHand  whether what they give stays
 */
export function fittingFor(columns, gives, places, byHand) {
  const kinds = new Map(places.map(({ name, kind }) => [name, kind]));
  const chosen = columns.map((column) => kinds.get(gives.get(column) ?? "") ?? "");
  const common = placesOf(null);
  const others = usual(columns, common).map((name) => common.find((place) => place.name === name)?.kind ?? "");
  for (const told of byHand ? [chosen] : [chosen, others]) {
    const of = (/** @type {string} */ kind) => columns.filter((_, at) => told[at] === kind);
    const need = needOf(of("input"), of("target"));
    const outputs = need.kind === "regression" ? need.targets : need.classes === 2 ? 1 : need.classes;
    const builder = fitting(need);
    const [x, y] = common;
    const made = [{ ...x, shape: [need.inputs], size: need.inputs }, { ...y, shape: [outputs], size: outputs }];
    const then = byHand ? told.map((kind) => (kind === "input" ? x.name : kind && y.name)) : usual(columns, made);
    if (builder && !wrongWith(columns, (column) => then[columns.indexOf(column)], made)) return builder;
  }
  return null;
}

/** Which columns are called as a place is: x, or x1 … xn; none where they are not as many as it takes. */
function called(/** @type {Place} */ { name, kind, size }, /** @type {Column[]} */ columns) {
  const alone = size === 1 || kind === "target"; // one column of labels gives all of a target
  if (alone && columns.some((column) => column.name === name)) return (/** @type {number} */ at) => columns[at].name === name;
  const pattern = new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}[_[]?\\d+\\]?$`);
  const numbered = columns.filter((column) => pattern.test(column.name));
  const all = size > 1 && numbered.length === size;
  return (/** @type {number} */ at) => all && numbered.includes(columns[at]);
}

function toldBy(/** @type {Column[]} */ columns, /** @type {number[]} */ free) {
  const learnable = free.filter((at) => columns[at].learnable);
  return free.find((at) => TOLD.includes(columns[at].name.toLowerCase())) ?? (learnable.length ? learnable : free).at(-1);
}

/**
 * What is wrong with what the columns give, in a sentence; "" where nothing.
 * @param {Column[]} columns  in the order that is chosen
 * @param {(column: Column) => string} gives @param {Place[]} places
 */
export function wrongWith(columns, gives, places) {
  for (const place of places) {
    const from = columns.filter((column) => gives(column) === place.name);
    const words = place.kind === "input" ? wrongInput(place, from) : wrongTarget(place, from);
    if (words) return words;
  }
  return "";
}

/** @param {Place} place @param {Column[]} from */
function wrongInput({ name, size, given }, from) {
  const width = widthOf(from);
  if (from.length ? width === size : given) return "";
  if (!from.length) return `No column gives the input ${name}, which takes ${count(size, "number")}.`;
  const words = from.filter(({ oneHot }) => oneHot).map((column) => `${count(column.width, column.words ? "word" : "value")} of ${column.name}`);
  const some = width <= size ? "" : words.length ? ": leave some out, or take another network" : `: leave ${width - size} out, or take another network`;
  const told = words.length ? `, ${count(width, "number")} with one for each of the ${words.join(" and the ")},` : "";
  return `${count(from.length, "column")}${told} ${from.length === 1 ? "gives" : "give"} the input ${name}, which takes ${count(size, "number")}${some}.`;
}

/** @param {Place} place @param {Column[]} from */
function wrongTarget({ name, size }, from) {
  if (!from.length) return `No column gives the target ${name}: choose the one to learn.`;
  if (from.length > 1) {
    if (from.length !== size) return `${count(from.length, "column")} give the target ${name}, which takes ${count(size, "number")}.`;
    const words = from.find((column) => column.words);
    return words ? `The column ${words.name} holds words: alone it can be a target’s labels, beside others it cannot.` : "";
  }
  const [column] = from;
  const labels = [...column.labels];
  if (labels.length < 2) return `The column ${column.name} says the same in every row: there is nothing to learn.`;
  if (size === 1) {
    return !column.words || labels.length === 2 ? ""
      : `The column ${column.name} has ${count(labels.length, "label")}, which take as many outputs; this network has one.`;
  }
  const places = labels.every((label) => /^\d+$/.test(label) && Number(label) < size);
  if (places || labels.length === size) return "";
  return column.classes
    ? `There are ${column.classes} classes in the column ${column.name}, which take as many outputs; this network has ${size}.`
    : `The column ${column.name} holds one number a sample, and this network has ${size} outputs.`;
}

/** @param {number} number @param {string} what */
function count(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}
