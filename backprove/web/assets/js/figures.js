// @ts-check
// What is seen of a run while it learns: its readouts and figures, and what is said aloud of it.

import { BoundaryPlot } from "./boundary.js";
import { Confusion } from "./confusion.js";
import { h, number, prose, sentence } from "./elements.js";
import { LossPlot } from "./plotting.js";
import { short } from "./values.js";

const SAY_EVERY = 5000; // milliseconds between two announcements of a run that plays
const PLOT_EVERY = 90; // milliseconds between two pictures of the curve
const READOUTS = { epoch: "Epoch", step: "Step", loss: "Loss", validation: "Validation", accuracy: "Accuracy" };

export class Figures {
  #curve = new LossPlot();
  #boundary = new BoundaryPlot();
  #confusion = new Confusion();
  #readouts = Object.fromEntries(Object.entries(READOUTS).map(([name, words]) => {
    const value = h("dd", {}, "–");
    return [name, { value, element: h("div", { class: name }, h("dt", {}, words), value) }];
  }));
  #notes = h("details", { class: "run-notes", hidden: true });
  #live = h("p", { class: "visually-hidden", "aria-live": "polite" });
  /** What the run said of its data; null before. @type {any} */
  #ready = null;
  /** Validation loss and accuracy hold until the next. @type {any} */
  #last = {};
  #plotted = 0;
  #said = { at: 0, epoch: 0 };

  constructor() {
    this.elements = [
      h("dl", { class: "readouts" }, ...Object.values(this.#readouts).map(({ element }) => element)),
      h("div", { class: "figures" }, this.#curve.element, this.#boundary.element),
      this.#confusion.element, this.#notes, this.#live,
    ];
  }

  /** Nothing is seen yet. */
  clear() {
    this.#curve.clear();
    this.#boundary.begin(null);
    this.#confusion.begin(null);
    this.#notes.hidden = true;
    this.#ready = null;
    this.#last = {};
    this.#said = { at: 0, epoch: 0 };
    for (const { value } of Object.values(this.#readouts)) value.textContent = "–";
  }

  /** A run that has read its data. @param {any} ready */
  begin(ready) {
    this.clear();
    this.#ready = ready;
    this.#boundary.begin(ready);
    this.#confusion.begin(ready);
    this.#readouts.accuracy.element.hidden = ready.kind !== "classes";
    this.#readouts.validation.element.hidden = ready.validation_rows === 0;
    this.#notes.hidden = ready.notes.length === 0;
    this.#notes.replaceChildren(h("summary", {}, "What is read from the data"),
      h("ul", {}, ...ready.notes.map((/** @type {string} */ note) => prose(sentence(note), "li"))));
  }

  /** How much it learns from, in words; "" before that is known. */
  get rows() {
    if (!this.#ready) return "";
    const { rows, batches } = this.#ready;
    const counted = (/** @type {number} */ count, /** @type {string} */ what) =>
      `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
    return `${counted(rows, "sample")}, ${counted(batches, "step")} an epoch`;
  }

  /** Whether the weights are so many that not every frame tells them. */
  get weightsLate() {
    return Boolean(this.#ready?.weights_every);
  }

  /** @param {any} frame @param {boolean} playing */
  show(frame, playing) {
    const batches = this.#ready?.batches ?? 1;
    const now = frame.step && typeof frame.loss === "number" ? [frame.step / batches, frame.loss, null] : null;
    this.#curve.add(frame.losses.map(([epoch, training, validation]) => [epoch, finite(training), finite(validation)]), now);
    if (!playing || performance.now() - this.#plotted >= PLOT_EVERY) {
      this.#plotted = performance.now();
      this.#curve.show();
    }
    this.#boundary.show(frame.boundary);
    this.#confusion.show(frame.confusion);
    this.#last.validation = frame.losses.at(-1)?.[2] ?? this.#last.validation;
    this.#last.accuracy = frame.accuracy ?? this.#last.accuracy;
    this.#write("epoch", frame.epoch.toLocaleString("en"));
    this.#write("step", frame.step.toLocaleString("en"));
    this.#write("loss", lossWords(frame.loss));
    this.#write("validation", lossWords(this.#last.validation));
    this.#write("accuracy", this.#last.accuracy === undefined ? "–" : percent(this.#last.accuracy));
  }

  /** @param {string} name @param {string} words */
  #write(name, words) {
    const { value } = this.#readouts[name];
    if (value.textContent !== words) value.textContent = words;
  }

  /** At most once an epoch, and not more often than it can be listened to. */
  announce({ epoch, loss }, /** @type {boolean} */ playing) {
    const now = performance.now();
    if (playing && (epoch === this.#said.epoch || now - this.#said.at < SAY_EVERY)) return;
    this.#said = { at: now, epoch };
    const accuracy = this.#last.accuracy === undefined ? "" : `, accuracy ${percent(this.#last.accuracy)}`;
    this.#live.textContent = `Epoch ${epoch}: loss ${number(loss, 3)}${accuracy}`;
  }

  /** The panel is looked at again: what was drawn without a size is drawn. */
  seen() {
    this.#curve.show();
    this.#boundary.paint();
  }
}

/** @param {number|string|null} value */
function finite(value) {
  return typeof value === "number" ? value : null;
}

/** @param {number|string|null|undefined} loss */
function lossWords(loss) {
  if (loss === null || loss === undefined) return "–";
  return typeof loss === "number" && loss < 1e5 && loss >= 1e-5 ? number(loss, 4) : short(loss);
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
