// @ts-check
/**
 * What the page knows: one store, read and changed by every part.
 *
 * The page holds only text, values and a view. Every answer about them is the server's.
 */

/**
 * @typedef {object} View
 * @property {string} style      "chain", "equation" or "dynamic"
 * @property {string|null} zoom  "scalar", "index", "matrix"; null lets the server choose
 * @property {string} notation   "as-written" or a notation's name
 * @property {boolean} numbers   numbers beside the symbols
 * @property {"weight"|"gradient"|"factor"} show  what an edge's width and colour tell
 *
 * @typedef {object} State
 * @property {string} text            the .bp text as it stands in the editor, with or without mistakes
 * @property {object|null} error      {message, suggestion, line, column, excerpt} of that text
 * @property {any} network            the last good answer of /api/network (null before the first)
 * @property {Record<string, any>} values  edited values by name, nested as in the file
 * @property {number} seed
 * @property {any} numbers            the last answer of /api/numbers; null where there is none
 * @property {object|null} numbersError  {message, suggestion} where /api/numbers had no answer
 * @property {number|null} eta        a learning rate: then `numbers` has `updated` and `loss_after`
 * @property {string|null} selection  component asked about: "w2[1,2]", "h2[1]", "J"
 * @property {View} view
 * @property {ReadonlySet<string>} highlight  components pointed at ("w2[1,2]", "∂z2[1]", "w2")
 * @property {string} panel           "derivation", "numbers", "backward", "paths", "learning", "check"
 * @property {any} training           what the learning panel wants others to know; null when none runs
 * @property {{epoch: number, before: Record<string, any>}|null} left  a run that ended as the page was left, and the values from before it
 * @property {any} choices            the answer of /api/choices
 * @property {string} status          the line at the foot of the page
 */

export const PANELS = ["derivation", "numbers", "backward", "paths", "learning", "check"];

/** Kinds of quantities that have a value of their own; all others are computed. */
export const GIVEN = new Set(["input", "target", "constant", "weight", "bias"]);

/** @type {View} */
export const FIRST_VIEW = {
  style: "chain", zoom: null, notation: "as-written", numbers: false, show: "weight",
};

/** @returns {State} */
function beginning() {
  return {
    text: "", error: null, network: null, values: {}, seed: 0, numbers: null, numbersError: null, eta: null,
    selection: null, view: { ...FIRST_VIEW }, highlight: new Set(), panel: "derivation",
    training: null, left: null, choices: null, status: "",
  };
}

/** A state with listeners. Listeners run at once, after all changes of one `set` are in place. */
export class Store {
  /** @type {State} */
  #state;
  /** @type {Map<string, Set<Function>>} */
  #listeners = new Map();

  /** @param {State} state */
  constructor(state) {
    this.#state = state;
  }

  /** The whole state; never change it in place. @returns {Readonly<State>} */
  get() {
    return this.#state;
  }

  /**
   * Replaces some keys. Listeners of a key run once when its value is another than before.
   * `view` may be given in part: `set({view: {style: "chain"}})` keeps the rest.
   * @param {Record<string, any>} changes
   * @param {string} [why]  who changed it, so that a part can overlook its own changes
   */
  set(changes, why = "") {
    const before = this.#state;
    if (changes.view) changes = { ...changes, view: merged(before.view, changes.view) };
    const changed = Object.keys(changes).filter((key) => !Object.is(before[key], changes[key]));
    if (!changed.length) return;
    this.#state = { ...before, ...changes };
    const called = new Set();
    for (const key of [...changed, "*"]) {
      for (const listener of [...(this.#listeners.get(key) ?? [])]) {
        if (called.has(listener)) continue; // on(["text", "values"], f): once for both
        called.add(listener);
        try {
          listener(this.#state, { changed, why, before });
        } catch (problem) {
          console.error(problem); // One part's mistake must not stop the others.
        }
      }
    }
  }

  /**
   * @param {string|string[]} keys  a key, several keys, or "*" for all
   * @param {(state: State, change: {changed: string[], why: string, before: State}) => void} listener
   * @returns {() => void} stops listening
   */
  on(keys, listener) {
    const list = Array.isArray(keys) ? keys : [keys];
    for (const key of list) {
      if (!this.#listeners.has(key)) this.#listeners.set(key, new Set());
      this.#listeners.get(key)?.add(listener);
    }
    return () => list.forEach((key) => this.#listeners.get(key)?.delete(listener));
  }
}

/** The view with some of its settings replaced; the same object where nothing changes. */
function merged(view, changes) {
  const same = Object.keys(changes).every((key) => Object.is(view[key], changes[key]));
  return same ? view : { ...view, ...changes };
}

/** What every request about a network carries: the last good text, its values, seed, notation. */
export function given(state) {
  return {
    text: state.network?.asked.text ?? state.text,
    values: state.values,
    seed: state.seed,
    notation: state.view.notation,
  };
}

export const store = new Store(beginning());
