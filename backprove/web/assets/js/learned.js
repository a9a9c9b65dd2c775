// @ts-check
// What becomes of the weights of a run.
//
// While it plays they go to the drawing by `training` of the store, frame by frame. When it rests
// they become the page's values, so that numbers, derivations and the link have them; starting
// over gives back those from before.

import { surviving } from "./refresh.js";

/** Kinds of quantities whose values a run is given. */
export const SENT = new Set(["weight", "bias", "constant"]);

export class Learned {
  #store;
  /** Values before anything was learned; null where nothing was. @type {any} */
  #before = null;
  /** Weights that learning put into the page's values, by name. @type {Record<string, any>} */
  #learned = {};

  /** @param {import("./state.js").Store} store */
  constructor(store) {
    this.#store = store;
    store.on("numbers", () => this.#settled());
  }

  /** The page's values without what was learned. */
  get before() {
    return this.#before ?? this.#store.get().values;
  }

  /** Whether there are values from before to go back to. */
  get any() {
    return this.#before !== null;
  }

  /** Whether the page's values still have some of what was learned. */
  get held() {
    const { values } = this.#store.get();
    return Object.entries(this.#learned).some(([name, value]) => values[name] === value);
  }

  /** The weights of a run that plays, for the drawing alone. @param {any} frame */
  show({ epoch, step, loss, parameters, gradients }) {
    if (!parameters) return; // Many weights come once in a while.
    this.#store.set({ training: { playing: true, epoch, step, loss, parameters, gradients } }, "learning");
  }

  /** Makes the weights of a run the page's values. @param {any} frame */
  keep(frame, playing = false) {
    if (!frame?.parameters || !frame.step) return;
    const { values } = this.#store.get();
    this.#before ??= values;
    const { epoch, step, loss, gradients } = frame;
    const parameters = sixDigits(frame.parameters);
    if (Object.keys(parameters).every((name) => same(values[name], parameters[name]))) return;
    this.#learned = parameters;
    // The drawing keeps the run's weights until the numbers that follow from them are there.
    this.#store.set({
      values: { ...values, ...parameters }, training: { playing, epoch, step, loss, parameters, gradients },
    }, "learning");
  }

  /** The values from before. */
  restore() {
    const { network } = this.#store.get();
    const values = this.#before === null ? null : surviving(this.#before, network?.quantities ?? [], []);
    this.#before = null;
    this.#learned = {};
    if (values) this.#store.set({ values, training: null }, "learning");
  }

  /** There is no going back to the values from before. */
  forget() {
    this.#before = null;
  }

  /** Nothing plays any more, whether or not new weights were kept. */
  settle() {
    const { training } = this.#store.get();
    if (training?.playing) this.#store.set({ training: null }, "learning");
  }

  /** The numbers have followed: the drawing needs no others. */
  #settled() {
    const { training } = this.#store.get();
    if (training && !training.playing) this.#store.set({ training: null }, "learning");
  }
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Nested numbers as they are written: longer ones would make links and requests longer, and tell no more. */
function sixDigits(/** @type {any} */ value) {
  if (Array.isArray(value)) return value.map(sixDigits);
  if (typeof value === "number") return Number(value.toPrecision(6));
  return value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, sixDigits(inner)])) : value;
}
