// @ts-check
// What each column of a CSV gives a network: what is usual, and what is wrong with a choice.

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
 * own. Of the others one that is called so, else the last, is the target; the numbers are inputs.
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
  if (inputs.length === 1) take(inputs[0], numbers);
  else inputs.forEach((place) => take(place, numbers.splice(0, place.size)));
  return gives;
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
  return free.find((at) => TOLD.includes(columns[at].name.toLowerCase())) ?? free[free.length - 1];
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
  const words = from.find((column) => column.words);
  if (words) return `The column ${words.name} holds words, and an input takes numbers: leave it out.`;
  if (from.length === size || (!from.length && given)) return "";
  if (!from.length) return `No column gives the input ${name}, which takes ${count(size, "number")}.`;
  const some = from.length > size ? `: leave ${from.length - size} out, or take another network` : "";
  return `${count(from.length, "column")} ${from.length === 1 ? "gives" : "give"} the input ${name}, which takes ${count(size, "number")}${some}.`;
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
