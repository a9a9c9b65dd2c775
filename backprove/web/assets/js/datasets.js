// @ts-check
// What there is to learn: which data fit a network, which network fits data, and a CSV's columns.

/**
 * @typedef {object} Data  what data need of a network
 * @property {string} title
 * @property {number} inputs  numbers a sample
 * @property {"classes"|"regression"} kind
 * @property {number} classes
 * @property {string} [name]
 */

/** Hidden layers that are enough, by data set. */
const HIDDEN = { spirals: "16-16", digits: "32", plane: "8", gaussians: "4" };

/** Why a network with open sizes or functions fits no data. */
const LACKING = "It can learn when that is given:";

/** The data of one's own, in the list of data. */
export const OWN = "own";

/**
 * How many numbers a sample has to give, and to be told; null where sizes are letters.
 * @param {any} network
 */
export function sizesOf(network) {
  if (!network || network.symbolic) return null;
  const count = (/** @type {string} */ kind) => network.quantities
    .filter((/** @type {any} */ one) => one.kind === kind)
    .reduce((/** @type {number} */ sum, /** @type {any} */ one) =>
      sum + one.shape.reduce((/** @type {number} */ all, /** @type {number} */ size) => all * size, 1), 0);
  return { inputs: count("input"), targets: count("target") };
}

/**
 * Why data do not fit a network, in a sentence; "" where they do.
 * @param {any} network
 * @param {Data|null} data
 */
export function misfit(network, data) {
  if (!network) return "There is no network yet: write one in the text, or choose one.";
  if (network.open.length) return LACKING;
  if (!network.trainable) return "This network cannot be trained: it needs weights, inputs, targets, and functions that have numbers.";
  if (!data) return "";
  const { inputs, targets } = /** @type {{inputs: number, targets: number}} */ (sizesOf(network));
  if (inputs !== data.inputs) {
    return `A sample has ${numbers(data.inputs, "input")}, and this network takes ${numbers(inputs, "")}.`;
  }
  if (data.kind === "regression") {
    return targets === 1 ? "" : `A sample has one number to be met, and this network has ${numbers(targets, "target")}.`;
  }
  if (targets === data.classes || (targets === 1 && data.classes === 2)) return "";
  const wanted = data.classes === 2 ? "one output, or two" : `${data.classes} outputs`;
  return `There are ${data.classes} classes, which take ${wanted}; this network has ${targets}.`;
}

/** @param {number} count @param {string} what */
function numbers(count, what) {
  return `${count.toLocaleString("en")}${what ? ` ${what}` : ""}${what && count !== 1 ? "s" : ""}`;
}

/**
 * A builder of a network that fits.
 * @param {Data} data
 */
export function fitting({ name = "", inputs, kind, classes }) {
  const hidden = HIDDEN[/** @type {keyof typeof HIDDEN} */ (name)] ?? "8-8";
  if (kind === "regression") return `mlp:${inputs}-${hidden}-1,tanh/linear,squared_error`;
  if (classes === 2) return `mlp:${inputs}-${hidden}-1,tanh,binary_cross_entropy`;
  return `mlp:${inputs}-${hidden}-${classes},tanh,cross_entropy`;
}

// -- a CSV of one's own ------------------------------------------------------------------------

/**
 * The rows of a CSV: fields between commas, semicolons or tabs, whichever the first line has most.
 * @param {string} text
 * @param {number} most  rows that are read
 * @returns {string[][]}
 */
export function rowsOf(text, most = Infinity) {
  const [first] = text.split(/\r?\n/, 1);
  const count = (/** @type {string} */ mark) => first.split(mark).length;
  const mark = [",", ";", "\t"].reduce((best, one) => (count(one) > count(best) ? one : best));
  /** @type {string[][]} */
  const rows = [];
  let row = /** @type {string[]} */ ([]);
  let field = "";
  let quoted = false;
  const endOfField = () => { row.push(field.trim()); field = ""; };
  const endOfRow = () => {
    endOfField();
    if (row.some((one) => one !== "")) rows.push(row);
    row = [];
  };
  for (let at = text.startsWith("\ufeff") ? 1 : 0; at < text.length && rows.length < most; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[at + 1] === '"') { field += '"'; at += 1; } else quoted = false;
    } else if (letter === '"' && field.trim() === "") { quoted = true; field = ""; }
    else if (letter === mark) endOfField();
    else if (letter === "\n") endOfRow();
    else if (letter !== "\r") field += letter;
  }
  if (rows.length < most && (field || row.length)) endOfRow();
  return rows;
}

/**
 * What a CSV says of itself: its columns, and what learning one of them from the others takes.
 * @param {string} name  of the file
 * @param {string} text
 */
export function ownData(name, text) {
  const [columns = [], ...rows] = rowsOf(text);
  return {
    name, text, columns, rows: rows.length,
    /** @param {string} target @returns {Data} */
    as(target) {
      const at = columns.indexOf(target);
      const labels = new Set(rows.map((row) => row[at] ?? ""));
      const isNumber = [...labels].every((label) => label !== "" && Number.isFinite(Number(label)));
      const isWhole = [...labels].every((label) => /^\d+$/.test(label));
      // Few whole numbers, each seen often, are labels; so 0 and 1 are two classes.
      const areClasses = !isNumber || (isWhole && labels.size <= 10 && labels.size * 5 <= rows.length);
      return {
        title: name, inputs: columns.length - 1,
        kind: areClasses ? "classes" : "regression", classes: areClasses ? labels.size : 0,
      };
    },
  };
}
