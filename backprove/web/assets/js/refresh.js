// @ts-check
/**
 * Keeps `network` and `numbers` true to the text, the values, the seed and the notation.
 *
 * The last good network stays while the text has a mistake. Values that were edited survive a
 * change of the text where the quantity is still there with the same shape and the text did not
 * itself give it another value; so does the selection where its component is still there.
 */
import { ask, isAborted } from "./api.js";
import { sentence } from "./elements.js";
import { GIVEN, given } from "./state.js";

export function keepUpToDate(store) {
  store.on(["text", "seed", "view"], (state, { changed, before, why }) => {
    if (why === "network" || why === "open") return; // It came with its answer.
    const moved = changed.includes("text") || changed.includes("seed")
      || state.view.notation !== before.view.notation;
    const asked = state.network?.asked;
    const same = asked?.text === state.text && asked.seed === state.seed
      && asked.notation === state.view.notation;
    if (moved && same) store.set({ error: null }, "network");
    else if (moved) readNetwork(store);
  });
  store.on(["values", "eta", "network"], () => readNumbers(store));
}

const EMPTY = {
  message: "The text is empty",
  suggestion: "Write a network, or choose an example. Until then the last one is shown.",
};

/** Reads the text that stands in the editor. */
async function readNetwork(store) {
  const { text, seed, view } = store.get();
  if (!text.trim()) {
    store.set({ error: asError(EMPTY) }, "network");
    return;
  }
  await answered(store, { text, seed, notation: view.notation }, (network) => {
    const { values, selection, network: old } = store.get();
    return {
      network,
      values: surviving(values, network.quantities, old?.quantities ?? []),
      selection: isThere(selection, network) ? selection : firstQuestion(network),
    };
  }, "network");
}

/**
 * Puts another network, and how it is looked at, in place of all that is shown, at once when its
 * answer is there. What is not named begins anew; the view keeps its other settings.
 * @param {import("./state.js").Store} store
 * @param {{text: string, values?: object, seed?: number, eta?: number|null, view?: object, selection?: string|null, panel?: string, network?: any}} wanted
 *   network: the answer, where it is there already
 * @returns {Promise<boolean>}  whether the text could be read; if not, it stands in the editor
 */
export async function open(store, { text, values = {}, seed = 0, eta = store.get().eta, view = {}, selection = null, panel, network: ready = null }) {
  const shown = { values, seed, eta, view: known({ ...store.get().view, ...view }, store), ...(panel ? { panel } : {}) };
  const read = await answered(store, { text, seed, notation: shown.view.notation }, (network) => {
    if (isBuilder(text)) network.asked.text = network.text; // From here on, the text it stands for.
    return {
      network,
      ...shown,
      text: network.asked.text,
      values: surviving(values, network.quantities, []),
      selection: isThere(selection, network) ? selection : firstQuestion(network),
    };
  }, "open", ready);
  if (read === false) store.set({ ...shown, text, selection }, "open");
  return read === true;
}

/** A view in a notation that there is; else in the file's own names, and said so. */
function known(view, store) {
  const { choices } = store.get();
  if (!choices || choices.notations.some(({ name }) => name === view.notation)) return view;
  store.set({ status: `There is no notation ${view.notation} here.` }, "network");
  return { ...view, notation: "as-written" };
}

/**
 * Asks for a network and changes the store by what `made` makes of it, or by the mistake.
 * @param {"network"|"open"} why  the text was changed, or another state takes the place of all
 * @param {any} [ready]  the answer, where it is there already
 * @returns {Promise<boolean|null>}  null where a newer request came
 */
async function answered(store, asked, made, why, ready = null) {
  try {
    const network = ready ?? await ask("network", { ...asked, values: {} });
    network.asked = asked;
    store.set({ error: null, ...made(network) }, why);
    return true;
  } catch (problem) {
    if (isAborted(problem)) return null;
    store.set({ error: asError(problem) }, "network");
    return false;
  }
}

const MOST_ANSWERS = 8;

/** The last answers and what was asked: values that are taken back have theirs at once. @type {any[]} */
let answers = [];
let turns = 0;

async function readNumbers(store) {
  const state = store.get();
  if (!state.network || state.network.open.length) {
    store.set({ numbers: null, numbersError: null }, "numbers");
    return;
  }
  const turn = ++turns;
  const { values, seed, eta } = state;
  const { text } = state.network.asked;
  const same = answers.find((one) => one.values === values && one.text === text && one.seed === seed && one.eta === eta);
  if (same) {
    store.set({ numbers: same.numbers, numbersError: null }, "numbers");
    return;
  }
  try {
    const numbers = await ask("numbers", { ...given(state), ...(eta === null ? {} : { eta }) });
    answers = [{ values, text, seed, eta, numbers }, ...answers].slice(0, MOST_ANSWERS);
    if (turn === turns) store.set({ numbers, numbersError: null }, "numbers");
  } catch (problem) {
    if (isAborted(problem) || turn !== turns) return;
    store.set({ numbers: null, numbersError: asError(problem), status: sentence(problem.message) }, "numbers");
  }
}

function asError({ message, suggestion = null, line = null, column = null, excerpt = null }) {
  return { message, suggestion, line, column, excerpt };
}

/** Whether a text is a builder and not a file: one word before a colon, on one line. */
export function isBuilder(text) {
  return /^\s*(mlp|neuron|linear|logistic|softmax):\S*\s*$/.test(text);
}

/** The edited values that still fit; the same object where all do. */
export function surviving(values, quantities, before) {
  const now = new Map(quantities.map((quantity) => [quantity.name, quantity]));
  const then = new Map(before.map((quantity) => [quantity.name, quantity]));
  const fits = ([name, value]) => {
    const quantity = now.get(name);
    if (!quantity || !GIVEN.has(quantity.kind) || quantity.shape.join() !== shapeOf(value).join()) return false;
    const old = then.get(name);
    return !old || JSON.stringify(old.value) === JSON.stringify(quantity.value);
  };
  const kept = Object.entries(values).filter(fits);
  return kept.length === Object.keys(values).length ? values : Object.fromEntries(kept);
}

/** @returns {number[]} the lengths of nested lists; [] for a number */
export function shapeOf(value) {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}

/** Whether a component ("w2[1,2]") or a name is still in the network. */
function isThere(selection, network) {
  if (!selection) return false;
  const [, name, inner] = /^([^[]+)(?:\[(.*)\])?$/.exec(selection) ?? [];
  const quantity = network.quantities.find((one) => one.name === name);
  if (!quantity) return false;
  if (inner === undefined) return true;
  const indices = inner.split(",");
  return indices.length === quantity.shape.length
    && indices.every((index, axis) => isIndex(index.trim(), quantity.shape[axis]));
}

/** Whether an index is a letter or a whole number, and not beyond a length that is one. */
function isIndex(index, length) {
  if (!/^\d+$/.test(index)) return /^[a-z]\w*$/i.test(index);
  return Number(index) >= 1 && !(Number(index) > length);
}

/** What to ask about first: the last layer's first weight, whose derivation is the shortest. */
function firstQuestion(network) {
  const weights = network.quantities.filter(({ kind }) => kind === "weight");
  const last = weights.at(-1);
  if (!last) return null;
  const plain = network.symbolic || !last.shape.length;
  return plain ? last.name : `${last.name}[${last.shape.map(() => 1).join(",")}]`;
}
