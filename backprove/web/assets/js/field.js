// @ts-check
// A number that can be written: words while it rests, a field while it has the focus.

import { h } from "./elements.js";

/**
 * Other words in an element that holds nothing else. Its one text node stays: a new one would have
 * to be styled and placed anew, which for hundreds of numbers takes longer than they do.
 * @param {HTMLElement} element
 * @param {string} words
 */
export function put(element, words) {
  const text = element.firstChild;
  if (text instanceof Text) text.data = words;
  else element.textContent = words;
}

/**
 * Every real field is a scroller of its own, to be laid out and painted as one; of hundreds only
 * the one that is written in has to be. To the keyboard and to a screen reader it is a text box
 * either way. A field whose words were refused stays until they are taken back.
 */
export class Field {
  /** @type {HTMLInputElement|null} */
  #input = null;
  #make;

  /**
   * @param {{label: string, q: string, problem: string}} names  `problem`: the id of what says why it is refused
   * @param {{focused: () => void, written: () => void, left: () => void, moved: (event: KeyboardEvent) => void, pasted: (event: ClipboardEvent) => void}} told
   */
  constructor({ label, q, problem }, { focused, written, left, moved, pasted }) {
    const same = { "aria-label": label, "aria-describedby": problem, "data-q": q };
    this.resting = h("span", { class: "number writes", role: "textbox", tabindex: 0, ...same, onfocus: () => this.open() });
    this.#make = () => h("input", {
      class: "number writes", inputmode: "decimal", autocomplete: "off", spellcheck: "false", ...same,
      onfocus: focused, oninput: written, onkeydown: moved, onpaste: pasted,
      onblur: () => {
        left();
        this.rest();
      },
    });
  }

  /** What stands in the page now. @returns {HTMLElement} */
  get element() {
    return this.#input ?? this.resting;
  }

  get isRefused() {
    return this.#input?.getAttribute("aria-invalid") === "true";
  }

  get hasFocus() {
    return this.#input !== null && document.activeElement === this.#input;
  }

  get words() {
    return this.#input?.value ?? this.resting.textContent ?? "";
  }

  set words(words) {
    if (this.#input) this.#input.value = words;
    else put(this.resting, words);
  }

  select() {
    this.#input?.select();
  }

  /** Turns the words into a field. @param {boolean} [focus] */
  open(focus = true) {
    if (!this.#input) {
      this.#input = this.#make();
      this.#input.value = this.resting.textContent ?? "";
      this.resting.before(this.#input); // the focus goes over before its old place goes
    }
    if (focus) this.#input.focus();
    this.resting.remove();
  }

  /** Turns the field into words again, unless it is written in or refused. */
  rest() {
    const input = this.#input;
    if (!input || this.isRefused || this.hasFocus) return;
    this.resting.textContent = input.value;
    this.#input = null;
    input.replaceWith(this.resting);
  }

  /** Marks what is no number, or takes the mark back. @param {boolean} isWrong */
  refuse(isWrong) {
    if (isWrong) this.open(false);
    this.#input?.setAttribute("aria-invalid", String(isWrong));
    if (!isWrong) this.rest();
  }
}
