// @ts-check
// A field for one number of a form: written as people write numbers, refused in a sentence.

import { h } from "./elements.js";
import { reading, refusal } from "./written.js";

/**
 * @typedef {object} Bounds
 * @property {number} [least]
 * @property {number} [above]  it is larger than that
 * @property {number} [most]
 * @property {boolean} [whole]
 * @property {boolean} [optional]  may be left empty
 * @property {number} [step]  of the arrow keys
 */

export class NumberField {
  #words;
  #bounds;

  /**
   * @param {string} words  what stands beside it
   * @param {Bounds & {value?: number, onchange?: () => void, title?: string, placeholder?: string}} given
   */
  constructor(words, { value, onchange = () => {}, title, placeholder, ...bounds }) {
    this.#words = words;
    this.#bounds = bounds;
    this.field = h("input", {
      class: "number", inputmode: bounds.whole ? "numeric" : "decimal", autocomplete: "off", spellcheck: "false",
      value, title, placeholder,
      oninput: () => this.mark(false),
      onchange: () => {
        this.mark();
        onchange();
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#moved(event),
    });
    this.label = h("label", { class: "field" }, h("span", {}, words), this.field);
  }

  /** What it says; null where that is no number that it may be, or nothing. @returns {number|null} */
  get value() {
    return this.refused ? null : reading(this.field.value);
  }

  set value(value) {
    this.field.value = value === null ? "" : String(value);
    this.mark();
  }

  /** Why it is refused, in a sentence; "" where it is not. */
  get refused() {
    const { least = -Infinity, above = -Infinity, most = Infinity, whole, optional } = this.#bounds;
    const text = this.field.value.trim();
    if (optional && !text) return "";
    const number = reading(text);
    if (number === null) return `${this.#words}: ${refusal(text)}.`;
    const allowed = [
      whole && "a whole number", above > -Infinity && `above ${above}`, least > -Infinity && `${least} or more`,
      most < Infinity && `${most.toLocaleString("en")} or less`].filter(Boolean).join(", ");
    const right = number >= least && number > above && number <= most && (!whole || Number.isInteger(number));
    return right ? "" : `${this.#words}: it must be ${allowed}, not ${text}.`;
  }

  /** Shows whether it is refused. @param {boolean} [refused] */
  mark(refused = this.refused !== "") {
    if (refused) this.field.setAttribute("aria-invalid", "true");
    else this.field.removeAttribute("aria-invalid");
  }

  /** @param {KeyboardEvent} event */
  #moved(event) {
    const { step, least = -Infinity, most = Infinity } = this.#bounds;
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!step || !way || this.value === null) return;
    event.preventDefault();
    this.value = Math.min(most, Math.max(least, Number((this.value + way * step).toPrecision(12))));
    this.field.dispatchEvent(new Event("change"));
  }
}
