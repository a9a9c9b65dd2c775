// @ts-check
/** A line over the drawing that tells what a plain wheel did not do, and fades. */
import { h } from "./elements.js";

/** Milliseconds for which it is read. */
const SHOWN = 1800;

const KEY = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

export class Hint {
  element = h("p", { class: "drawing-hint", "aria-hidden": "true" }, `${KEY} + wheel zooms`);
  #timer = 0;
  #said = false;

  /** @param {(words: string) => void} say  to who does not see it, once */
  show(say) {
    if (!this.#said) say(`${KEY} and the wheel zoom the drawing; the keys plus and minus do, too.`);
    this.#said = true;
    this.element.classList.add("is-shown");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.hide(), SHOWN);
  }

  hide() {
    this.element.classList.remove("is-shown");
  }
}
