// @ts-check
// Undo and redo of every number: values that were changed, by whomever, and the seed.
//
// The text has a history of its own, in its field. Another network that is opened begins anew.

import { component } from "./components.js";
import { surviving } from "./refresh.js";

const MOST = 200; // steps that are kept

/** Who changes values and is no step: the text's own history takes it back, or this one does. */
const PASSED = new Set(["network", "undo"]);

/** @typedef {{values: Record<string, any>, seed: number}} Shot */

/**
 * @typedef {object} Step
 * @property {Shot} before
 * @property {Shot} after
 * @property {Record<string, any>} was  the nested numbers that it changed, from before it
 * @property {string} told              what it changed, in words
 */

class History {
  #store;
  /** @type {Step[]} */
  #done = [];
  /** @type {Step[]} */
  #undone = [];
  /** Whether the last step is still being written, and takes what is written next too. */
  #isOpen = false;

  /** @param {import("./state.js").Store} store */
  constructor(store) {
    this.#store = store;
    store.on(["values", "seed", "text", "network"], (state, change) => this.#heard(state, change));
  }

  /** What undo would take back, in words; null where there is nothing. */
  get back() {
    return this.#done.at(-1)?.told ?? null;
  }

  /** What redo would do again, in words; null where there is nothing. */
  get again() {
    return this.#undone.at(-1)?.told ?? null;
  }

  /** What is written from now on is a step of its own. */
  close() {
    this.#isOpen = false;
  }

  undo() {
    this.#go(this.#done, this.#undone, "before", "Taken back");
  }

  redo() {
    this.#go(this.#undone, this.#done, "after", "Done again");
  }

  /** Takes back what is being written, as though it had never been. Says whether there was any. */
  forget() {
    const step = this.#isOpen ? this.#done.pop() : undefined;
    this.close();
    if (step) this.#store.set(this.#fitting(step.before), "undo");
    return step !== undefined;
  }

  /**
   * @param {any} state
   * @param {{before: any, why: string}} change
   */
  #heard(state, { before, why }) {
    if (why === "open") [this.#done, this.#undone] = [[], []];
    const was = why === "open" || PASSED.has(why) ? null : difference(before, state);
    if (was === null) {
      if (state.values !== before.values || state.seed !== before.seed) this.close();
      return;
    }
    this.#undone = [];
    const last = this.#done.at(-1);
    if (!this.#isOpen || why !== "edit" || !last) {
      this.#done = [...this.#done, { before: shot(before), after: shot(state), ...was }].slice(-MOST);
    } else if (isAgain(last.was, state)) this.#done.pop();
    else last.after = shot(state);
    this.#isOpen = why === "edit" && this.#done.length > 0;
  }

  /**
   * @param {Step[]} from
   * @param {Step[]} to
   * @param {"before"|"after"} side
   * @param {string} words
   */
  #go(from, to, side, words) {
    this.close();
    const state = this.#store.get();
    for (let step = from.pop(); step; step = from.pop()) {
      to.push(step);
      const wanted = this.#fitting(step[side]);
      if (!difference(state, { ...state, ...wanted })) continue; // another text has nothing of it
      this.#store.set({ ...wanted, status: `${words}: ${step.told}.` }, "undo");
      return;
    }
  }

  /** What of it the network has places for. @param {Shot} shot @returns {Shot} */
  #fitting({ values, seed }) {
    return { values: surviving(values, this.#store.get().network?.quantities ?? [], []), seed };
  }
}

/** @type {WeakMap<object, History>} */
const histories = new WeakMap();

/** The history of a store's numbers; it begins when it is first asked for. @param {any} store */
export function historyOf(store) {
  const found = histories.get(store) ?? new History(store);
  histories.set(store, found);
  return found;
}

/** Ctrl Z and its kin, everywhere but in a field that has a history of its own. @param {any} store */
export function mountUndo(store) {
  const history = historyOf(store);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]") || hasItsOwn(event.target)) return;
    const way = wayOf(event);
    // where there is nothing to take back, the browser does as it would
    if (!way || history[way === "undo" ? "back" : "again"] === null) return;
    event.preventDefault();
    history[way]();
  });
}

/** What a key asks for; what fills fields by itself sends events without a key. @param {KeyboardEvent} event @returns {"undo"|"redo"|null} */
export function wayOf({ key = "", ctrlKey, metaKey, altKey, shiftKey }) {
  if (altKey || ctrlKey === metaKey) return null;
  const letter = key.toLowerCase();
  if (letter === "z") return shiftKey ? "redo" : "undo";
  return letter === "y" && !shiftKey ? "redo" : null;
}

const OWN = "textarea, [contenteditable], input:not(.writes, [type=checkbox], [type=radio], [type=range])";

/** Whether the browser's own undo holds here. @param {EventTarget|null} target */
function hasItsOwn(target) {
  return target instanceof Element && target.closest(OWN) !== null;
}

/** @param {any} state @returns {Shot} */
function shot({ values, seed }) {
  return { values, seed };
}

/**
 * What differs between two states, and the words for it; null where nothing does.
 * @param {any} before
 * @param {any} after
 * @returns {{was: Record<string, any>, told: string}|null}
 */
function difference(before, after) {
  /** @type {Record<string, any>} */
  const was = {};
  const changed = [];
  for (const name of new Set([...Object.keys(before.values), ...Object.keys(after.values)])) {
    const one = before.values[name] ?? ofFile(before, name) ?? before.numbers?.given?.[name];
    const place = placeOf(one, after.values[name] ?? ofFile(after, name));
    if (place === null) continue;
    was[name] = one;
    changed.push(component(name, place));
  }
  const words = before.seed === after.seed ? [] : [`the seed ${after.seed}`];
  if (changed.length) words.push(`the change of ${listed(changed)}`);
  return words.length ? { was, told: words.join(" and ") } : null;
}

/** Whether numbers are what they were. @param {Record<string, any>} was @param {any} state */
function isAgain(was, { values }) {
  return Object.entries(was).every(([name, value]) => placeOf(value, values[name]) === null);
}

/** What the text gives a quantity. @param {any} state @param {string} name */
function ofFile({ network }, name) {
  return network?.quantities.find((/** @type {any} */ q) => q.name === name)?.value ?? undefined;
}

/**
 * Where nested numbers differ: the one place, [] for several or for another shape, null for none.
 * @param {any} one
 * @param {any} other
 * @returns {number[]|null}
 */
function placeOf(one, other) {
  if (Object.is(one, other)) return null;
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return [];
  /** @type {number[]|null} */
  let found = null;
  for (const [at, inner] of one.entries()) {
    const place = placeOf(inner, other[at]);
    if (place === null) continue;
    if (found !== null) return [];
    if (Array.isArray(inner) && !place.length) return []; // several within
    found = [at + 1, ...place];
  }
  return found;
}

/** @param {string[]} names */
function listed(names) {
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
