// @ts-check
// What there is to learn: which data fit a network, and which network fits data.

/**
 * @typedef {object} Data  what data need of a network
 * @property {string} title
 * @property {number} inputs  numbers a sample
 * @property {"classes"|"regression"} kind
 * @property {number} classes
 * @property {string} [name]
 * @property {number} [targets]  numbers that a sample is told, where that is not one
 * @property {string} [wrong]  of data of one's own: why they do not fit, "" where they do
 * @property {string|null} [other]  of these, a network that they fit
 * @property {string} [gaps]  of these, that rows lack values, "" where none does or these are left out
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
  if (data.wrong !== undefined) return data.wrong || data.gaps || "";
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
 * A builder of a network that fits; null where nothing is to be learned from nothing.
 * @param {Data} data
 */
export function fitting({ name = "", inputs, kind, classes, targets = 1 }) {
  if (!inputs || !targets) return null;
  const hidden = HIDDEN[/** @type {keyof typeof HIDDEN} */ (name)] ?? "8-8";
  if (kind === "regression") return `mlp:${inputs}-${hidden}-${targets},tanh/linear,squared_error`;
  if (classes === 2) return `mlp:${inputs}-${hidden}-1,tanh,binary_cross_entropy`;
  return `mlp:${inputs}-${hidden}-${classes},tanh,cross_entropy`;
}
