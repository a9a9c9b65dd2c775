// @ts-check
// What is said of a run that has ended, and what may be done then.

import { h, number, prose, sentence } from "./elements.js";

/**
 * @typedef {object} Offers
 * @property {number} rate  a calmer learning rate
 * @property {() => void} goOn  another run from the weights as they are
 * @property {(rate: number) => void} slower  the same, with that rate
 * @property {(rate: number) => void} over  from the weights from before learning, with that rate
 * @property {(() => void)|null} clip  the same with clipped gradients, where that may help
 */

/**
 * What is said of a run's end; null where nobody need know.
 * @param {any} why  as `ended` of a run is told
 * @param {Offers} offers
 * @returns {{error?: boolean, content: any[]}|null}
 */
export function ending({ kind, words, error, slower: calmer, played }, { rate, goOn, slower, over, clip }) {
  if (kind === "error") {
    return { error: true, content: [h("p", {}, sentence(error.message)), error.suggestion && h("p", { class: "soft" }, sentence(error.suggestion))] };
  }
  if (!played && kind !== "nan") return null;
  const again = (title = "Go on from here") => h("button", { type: "button", onclick: goOn }, title);
  if (kind === "lost") {
    return { error: true, content: [
      h("p", {}, "The connection to the server is lost. What was learned until then is kept."), again("Go on")] };
  }
  if (kind !== "nan") return { content: [prose(sentence(words)), again()] };
  if (!calmer) return { error: true, content: [prose(sentence(words))] };
  return { error: true, content: [
    prose(sentence(words)), h("p", { class: "soft" }, "The weights from before that step are kept."),
    h("div", { class: "row" },
      h("button", { type: "button", class: "primary", onclick: () => over(rate) }, `Start over with a rate of ${number(rate)}`),
      h("button", { type: "button", onclick: () => slower(rate) }, `Go on with ${number(rate)}`),
      clip && h("button", { type: "button", onclick: clip }, "Start over with clipped gradients"))] };
}
