// @ts-check
/**
 * Keeps `network` and `numbers` true to the text, the values, the seed and the notation.
 *
 * The last good network stays while the text has a mistake. Values that were edited survive a
 * change of the text where the quantity still exists with the same shape.
 */
import { ask, isAborted } from "./api.js";
import { given } from "./state.js";

export function keepUpToDate(store) {
  store.on(["text", "seed"], () => readNetwork(store));
  store.on("view", (state, { before }) => {
    if (state.view.notation !== before.view.notation) readNetwork(store);
  });
  store.on(["values", "eta", "network"], () => readNumbers(store));
}

async function readNetwork(store) {
  const { text, values, seed, view } = store.get();
  if (!text.trim()) return;
  try {
    const network = await ask("network", { text, values: {}, seed, notation: view.notation });
    network.asked = text;
    const kept = surviving(values, network.quantities);
    store.set({ network, error: null, values: kept }, "network");
  } catch (problem) {
    if (isAborted(problem)) return;
    store.set({ error: asError(problem) }, "network");
  }
}

async function readNumbers(store) {
  const state = store.get();
  if (!state.network || state.network.symbolic) {
    store.set({ numbers: null }, "numbers");
    return;
  }
  try {
    const body = { ...given(state), ...(state.eta === null ? {} : { eta: state.eta }) };
    store.set({ numbers: await ask("numbers", body) }, "numbers");
  } catch (problem) {
    if (isAborted(problem)) return;
    store.set({ numbers: null, status: problem.message }, "numbers");
  }
}

function asError({ message, suggestion = null, line = null, column = null, excerpt = null }) {
  return { message, suggestion, line, column, excerpt };
}

/** The edited values whose quantity is still there with the same shape; the same object if all. */
export function surviving(values, quantities) {
  const shapes = new Map(quantities.map(({ name, shape }) => [name, shape.join(",")]));
  const kept = Object.entries(values).filter(([name, value]) => shapes.get(name) === shapeOf(value).join(","));
  return kept.length === Object.keys(values).length ? values : Object.fromEntries(kept);
}

/** @returns {number[]} the lengths of nested lists; [] for a number */
export function shapeOf(value) {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}
