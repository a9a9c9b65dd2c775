// @ts-check
// What stands above the numbers: the loss, the learning rate of one step, the seed.

import { h, sentence } from "./elements.js";
import { called, printed } from "./formula.js";
import { historyOf } from "./numbers-undo.js";
import { reading, refusal } from "./written.js";

/**
 * @param {any} store
 * @param {{drawn: ReadonlySet<string>, reset: () => void, isRefusing: () => boolean}} doing
 *   kinds that a seed draws; how every number is given back; whether a field below is refused
 */
export function controls(store, { drawn, reset, isRefusing }) {
  const loss = h("output", { class: "loss", "aria-live": "polite" });
  const after = h("output", { class: "loss-after", "aria-live": "polite" });
  const seedSays = h("p", { class: "error", role: "alert", id: "seed-refused", hidden: true });
  const etaSays = h("p", { class: "error", role: "alert", id: "eta-refused", hidden: true });
  const notes = h("ul", { class: "soft notes" });
  const seed = h("input", {
    class: "number", inputmode: "numeric", autocomplete: "off", onchange: sow, onkeydown: restore,
    "aria-describedby": "seed-refused",
  });
  const eta = h("input", {
    class: "number", inputmode: "decimal", autocomplete: "off", placeholder: "0.5", oninput: learn, onkeydown: restore,
    "aria-describedby": "eta-says eta-refused",
  });
  const take = h("button", { type: "button", onclick: step, hidden: true }, "Take this step");
  const all = h("button", { type: "button", onclick: resetAll }, "Reset all");
  const draw = h("button", { type: "button", onclick: () => reseed(store.get().seed + 1) }, "Draw new weights");

  const history = historyOf(store);
  let noted = "";
  /** @type {Map<HTMLElement, any>} whose loss is named in a place */
  const named = new Map();
  /** @param {string} name @param {string} keys @param {() => void} does */
  const way = (name, keys, does) => h("button", { type: "button", onclick: does, "aria-keyshortcuts": keys }, name);
  const undo = way("Undo", "Control+Z", () => history.undo());
  const redo = way("Redo", "Control+Shift+Z Control+Y", () => history.redo());

  let known = { seed: store.get().seed, eta: store.get().eta };

  function sow() {
    const number = Number(seed.value);
    const fits = seed.value.trim() !== "" && Number.isSafeInteger(number) && number >= 0;
    const why = seed.value.trim() ? `“${seed.value.trim()}” is no seed` : "A seed is missing";
    complain(seed, seedSays, fits ? "" : `${why}: write a whole number from 0 on. ${store.get().seed} still counts.`);
    if (fits) reseed(number);
  }

  /** Escape in a field that refuses takes back what was written. @param {KeyboardEvent} event */
  function restore(event) {
    const field = /** @type {HTMLInputElement} */ (event.currentTarget);
    if (event.key !== "Escape" || field.getAttribute("aria-invalid") !== "true") return;
    const { seed: sown, eta: rate } = store.get();
    complain(field, field === seed ? seedSays : etaSays, "");
    field.value = field === seed ? String(sown) : String(rate ?? "");
  }

  function resetAll() {
    complain(seed, seedSays, "");
    complain(eta, etaSays, "");
    reset();
    show(store.get());
  }

  /** New weights where the file gives none; edited ones of these go. @param {number} number */
  function reseed(number) {
    const { network, values } = store.get();
    const fresh = (network?.quantities ?? []).filter(
      (/** @type {any} */ q) => drawn.has(q.kind) && (q.value === null || q.value === undefined),
    );
    const kept = { ...values };
    for (const { name } of fresh) delete kept[name];
    store.set({ seed: number, values: kept }, "seed");
  }

  function learn() {
    const words = eta.value.trim();
    const number = reading(words);
    const fits = number !== null && number > 0;
    const why = number === null ? refusal(words) : `“${words}” is no step downhill: a learning rate is above 0`;
    const rate = store.get().eta;
    const stays = rate === null ? "" : ` ${printed(rate)} still counts.`;
    complain(eta, etaSays, words && !fits ? `${why}. Write a number such as 0.5.${stays}` : "");
    if (!words || fits) store.set({ eta: words ? number : null }, "eta");
  }

  function step() {
    const { numbers, values } = store.get();
    if (numbers?.updated) store.set({ values: { ...values, ...numbers.updated } }, "step");
  }

  /** @param {HTMLInputElement} field @param {HTMLElement} problem @param {string} words */
  function complain(field, problem, words) {
    field.setAttribute("aria-invalid", String(Boolean(words)));
    problem.textContent = words;
    problem.hidden = !words;
  }

  /** @param {any} state */
  function show({ network, numbers, seed: sown, eta: rate, values, numbersError }) {
    const hasAfter = rate !== null && numbers?.loss_after !== undefined && numbers.loss_after !== null;
    say(loss, network, "", numbers?.loss);
    say(after, network, "after one step ", hasAfter ? numbers.loss_after : undefined);
    take.hidden = !(hasAfter && numbers.updated);
    // a seed or a rate set elsewhere takes the place of one that was refused here
    if (sown !== known.seed) complain(seed, seedSays, "");
    if (rate !== known.eta) complain(eta, etaSays, "");
    known = { seed: sown, eta: rate };
    const rests = (/** @type {HTMLInputElement} */ field) =>
      document.activeElement !== field && field.getAttribute("aria-invalid") !== "true";
    if (rests(seed)) seed.value = String(sown);
    if (rests(eta) && rate !== null) eta.value = String(rate);
    all.disabled = Object.keys(values).length === 0 && !isRefusing() && [seed, eta].every(
      (field) => field.getAttribute("aria-invalid") !== "true");
    offer(undo, history.back, "Undo");
    offer(redo, history.again, "Redo");
    const words = [...(numbers?.notes ?? [])];
    const why = network && !network.symbolic && numbersError;
    if (why) words.push([why.message, why.suggestion].filter(Boolean).map(sentence).join(" "));
    notes.hidden = !words.length;
    if (words.join("\n") === noted) return; // where nothing is new, nothing is to be read out or placed
    noted = words.join("\n");
    notes.replaceChildren(...words.map((/** @type {string} */ n) => h("li", {}, n)));
  }

  /**
   * The loss and its number; its name stays while the network does.
   * @param {HTMLElement} place
   * @param {any} network
   * @param {string} before
   * @param {number|string|undefined} number
   */
  function say(place, network, before, number) {
    const words = number === undefined ? "" : ` = ${printed(number)}`;
    if (words && place.lastChild instanceof Text && named.get(place) === network) {
      if (place.lastChild.data !== words) place.lastChild.data = words;
      return;
    }
    named.set(place, words ? network : null);
    place.replaceChildren(...(words ? [before, network ? called(network.loss, network) : "The loss", words] : []));
  }

  /**
   * What a way would do; it keeps the focus where it would do nothing.
   * @param {HTMLElement} button
   * @param {string|null} told
   * @param {string} name
   */
  function offer(button, told, name) {
    button.setAttribute("aria-disabled", String(told === null));
    button.title = told === null ? `There is nothing to ${name.toLowerCase()}` : `${name} ${told}`;
  }

  const bar = h(
    "div", { class: "panel-top" },
    h("h2", {}, "The numbers"),
    h(
      "p", { class: "how" },
      "Change any value in a field: everything that depends on it follows. Arrow keys and Enter move between fields; "
        + "rows and columns out of a spreadsheet can be pasted.",
    ),
    h("div", { class: "bar losses" }, loss, after),
    h(
      "div", { class: "bar" },
      h("label", { class: "field" }, "learning rate η", eta), etaSays, take,
      h("label", { class: "field" }, "seed", seed), seedSays, draw,
      h("span", { class: "steps", role: "group", "aria-label": "Changes of numbers" }, undo, redo), all,
    ),
    h("p", { class: "visually-hidden", id: "eta-says" }, "With a learning rate the weights after one step are shown."),
    notes,
  );
  return { bar, show };
}
