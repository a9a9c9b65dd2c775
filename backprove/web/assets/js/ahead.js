// @ts-check
/**
 * Derivations, asked for before they are wanted: of what the pointer or the focus rests on, and of
 * what is pressed, so that the click finds its answer there or under way. The last ones are kept.
 *
 * One at a time is guessed, none while a click's own is under way or a run plays: a pointer that
 * wanders asks for no more than one after the other.
 */
import { ask, giveUp } from "./api.js";
import { given } from "./state.js";

/** Milliseconds for which something is pointed at before it is guessed that it will be clicked. */
const REST = 80;
/** Answers that are kept; a long one is a few hundred kilobytes. */
const MOST = 24;

/** @typedef {{words: string, lane: string, answer: Promise<any>, isThere: boolean}} Asked */

/** By their questions' words, the last used last. @type {Map<string, Asked>} */
const kept = new Map();
/** What the page waits for, or shows. @type {Asked|null} */
let wanted = null;
/** What is under way without being wanted yet. @type {Asked|null} */
let guessed = null;
/** What will be asked if it is clicked. @type {string|null} */
let expected = null;
let timer = 0;
let turns = 0;

/**
 * What is asked about a component. Without numbers a derivation depends on no values.
 * @param {any} state @param {string} [quantity] @param {boolean} [numbers]
 */
export function question(state, quantity = state.selection, numbers = state.view.numbers) {
  const { style, zoom } = state.view;
  const asked = { ...given(state), quantity, style, zoom: zoom || null, numbers, why: false };
  return numbers ? asked : { ...asked, values: {}, seed: 0 };
}

/**
 * The answer to a question; one that was wanted before and is not there yet is given up: its
 * promise rejects with an AbortError.
 * @param {object} asks
 */
export function derivation(asks) {
  const now = entry(asks);
  if (wanted && wanted !== now && !wanted.isThere) {
    kept.delete(wanted.words);
    giveUp(wanted.lane);
  }
  wanted = now;
  return now.answer;
}

/** @param {object} asks @returns {Asked} */
function entry(asks) {
  const words = JSON.stringify(asks);
  const known = kept.get(words);
  kept.delete(words);
  const now = known ?? begun(asks, words);
  kept.set(words, now);
  for (const [old, { isThere }] of kept) if (kept.size > MOST && isThere) kept.delete(old);
  return now;
}

/** @param {object} asks @param {string} words @returns {Asked} */
function begun(asks, words) {
  const lane = `derivation ${(turns += 1)}`;
  const made = { words, lane, isThere: false, answer: ask("derivation", asks, { lane }) };
  made.answer.then(() => { made.isThere = true; }, () => {
    if (kept.get(words) === made) kept.delete(words); // who asks again gets another answer
  });
  return made;
}

/**
 * What a click would ask about from now on; null: nothing. It is asked for when that stays so for
 * a moment, or at once.
 * @param {any} store @param {string|null} component @param {boolean} [atOnce]
 */
export function expect(store, component, atOnce = false) {
  if (component === expected && !atOnce) return;
  expected = component;
  clearTimeout(timer);
  if (atOnce) guess(store);
  else if (component !== null) timer = setTimeout(() => guess(store), REST);
}

/** @param {any} store */
function guess(store) {
  const state = store.get();
  if (expected === null || !state.network || state.panel !== "derivation" || state.training?.playing) return;
  const busy = guessed ?? (wanted?.isThere === false ? wanted : null);
  const mine = busy ?? entry(question(state, expected));
  if (mine.isThere) return;
  if (!busy) guessed = mine;
  const after = () => {
    if (guessed === mine) guessed = null;
    if (busy) guess(store); // what is expected by now
  };
  mine.answer.then(after, after);
}

/**
 * Asks at the very change of the selection, before the page shows it, and for buttons that name
 * what they select.
 * @param {any} store
 */
export function mountAhead(store) {
  store.on("selection", (/** @type {any} */ state) => {
    if (state.network && state.selection && state.panel === "derivation") {
      derivation(question(state)).catch(() => {}); // the panel says what is wrong
    }
  });
  const pointed = (/** @type {Event} */ event) => {
    const { target } = event;
    expect(store, target instanceof Element ? target.closest("button[data-q]")?.getAttribute("data-q") ?? null : null);
  };
  document.body.addEventListener("pointerover", pointed);
  document.body.addEventListener("focusin", pointed);
}
