// @ts-check
// What a network leaves open, as a form: a number for each size, a function for each bare name.
// The server writes them into the text, so they stand in the editor, and undo there takes them back.

import { ask, isAborted } from "./api.js";
import { h } from "./elements.js";
import { trouble } from "./formula.js";

const FIRST_SIZE = "3";
const FIRST_FUNCTION = "sigmoid";

/** What was chosen for the text at hand, by name: the forms of all panels show the same. */
let chosen = { text: "", words: /** @type {Record<string, string>} */ ({}) };

/**
 * A form that gives what the network of the store leaves open.
 * @param {import("./state.js").Store} store
 * @param {string} [words]  what it is good for
 */
export function filling(store, words = "It has derivations. Give what is missing, and it has numbers, too:") {
  const { network, choices } = store.get();
  if (chosen.text !== network.asked.text) chosen = { text: network.asked.text, words: {} };
  const offered = choices?.functions ?? [FIRST_FUNCTION];
  const fields = network.open.map((/** @type {Open} */ one) => ({ ...one, field: fieldOf(one, offered) }));
  const button = h("button", { class: "primary" }, "Use these");
  const said = h("div", { hidden: true });
  const form = h("form", { class: "filling", onsubmit: use },
    h("p", { class: "soft" }, `${openWords(network.open)} ${words}`),
    h("div", { class: "row" },
      ...fields.map((/** @type {any} */ { name, kind, field }) =>
        h("label", { class: "field" }, `${kind} `, h("code", {}, name), " = ", field)),
      button),
    said);

  /** @param {SubmitEvent} event */
  async function use(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      // The text as it stands: what is being written is not to be lost.
      const { text } = await ask("filled", { text: store.get().text, ...given(fields) });
      form.closest("[role=tabpanel]")?.focus({ preventScroll: true }); // The form is about to go.
      store.set({ text, status: `The text says so now: ${told(fields)}. Undo there takes it back.` }, "filling");
    } catch (problem) {
      if (isAborted(problem)) return;
      said.replaceChildren(trouble(problem));
      said.hidden = false;
    } finally {
      button.disabled = false;
    }
  }

  return form;
}

/**
 * @typedef {{name: string, kind: "size"|"function"}} Open
 * @typedef {Open & {field: HTMLInputElement|HTMLSelectElement}} Field
 */

/** @param {Open} open @param {string[]} offered */
function fieldOf({ name, kind }, offered) {
  const value = chosen.words[name] ?? (kind === "size" ? FIRST_SIZE : FIRST_FUNCTION);
  const keep = (/** @type {any} */ { target }) => { chosen.words[name] = target.value; };
  if (kind === "size") {
    return h("input", { class: "number", inputmode: "numeric", pattern: "[1-9][0-9]*", title: "A whole number from 1", autocomplete: "off", required: true, value, oninput: keep });
  }
  return h("select", { onchange: keep }, ...offered.map((one) => h("option", { value: one, selected: one === value }, one)));
}

/** What is asked: sizes and functions by name. @param {Field[]} fields */
function given(fields) {
  const of = (/** @type {string} */ kind, /** @type {(value: string) => any} */ read) => Object.fromEntries(
    fields.filter((one) => one.kind === kind).map(({ name, field }) => [name, read(field.value)]));
  return { sizes: of("size", Number), functions: of("function", String) };
}

/** @param {Field[]} fields */
function told(fields) {
  return fields.map(({ name, field }) => `${name} = ${field.value}`).join(", ");
}

/** What is open, in words. @param {Open[]} open */
function openWords(open) {
  const words = { size: ["a size without a number", "sizes without numbers"],
    function: ["a function that is only a name", "functions that are only names"] };
  const parts = Object.entries(words).map(([kind, [one, many]]) => {
    const count = open.filter((each) => each.kind === kind).length;
    return count > 1 ? many : count && one;
  });
  return `This network has ${parts.filter(Boolean).join(" and ")}.`;
}
