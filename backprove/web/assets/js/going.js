// @ts-check
/** Going to a component by its name: the way to one weight among the many of a dense layer. */
import { components } from "./components.js";
import { h } from "./elements.js";

/** Names that are suggested; the first component of each beside it. */
const SUGGESTED = 200;
const LISTED = "drawing-names";

/**
 * A field that selects the component written in it.
 * @param {any} store
 * @param {(component: string) => void} select
 */
export function goTo(store, select) {
  const names = h("datalist", { id: LISTED });
  const says = h("p", { class: "error", role: "alert", id: "go-says", hidden: true });
  const field = h("input", {
    type: "text", list: LISTED, size: 9, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    placeholder: "w1[1,2]", "aria-describedby": "go-says", oninput: () => complain(""),
  });
  const form = h("form", { class: "going" },
    h("label", { class: "field" }, "go to", field), h("button", { class: "small" }, "Go"), names, says);
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const { component, why } = found(field.value, store.get().network);
    complain(why);
    if (!component) return field.select();
    field.value = component;
    select(component);
  });

  function complain(/** @type {string} */ words) {
    says.textContent = words;
    says.hidden = !words;
    field.setAttribute("aria-invalid", String(Boolean(words)));
  }

  function suggest(/** @type {any} */ { network }) {
    complain("");
    const all = suggestions(network?.quantities ?? []);
    field.placeholder = (all.find(({ words }) => words.startsWith("weight")) ?? all[0])?.value ?? "w1[1,2]";
    names.replaceChildren(...all.map(({ value, words }) => h("option", { value, label: words })));
  }
  store.on("network", suggest);
  suggest(store.get());
  return form;
}

/** Each quantity, and the first of its components. @param {any[]} quantities */
function suggestions(quantities) {
  return quantities.flatMap(({ name, kind, role, shape }) => {
    const what = kind === "computed" ? role ?? "quantity" : kind;
    const whole = { value: name, words: shape.length ? `${what}, all ${shape.join(" × ")}` : what };
    const first = shape.every(Number.isInteger) && shape.length ? components(name, shape, 1) : [];
    return [...first.map((value) => ({ value, words: `${what}, the first of ${shape.join(" × ")}` })), whole];
  }).slice(0, SUGGESTED);
}

/**
 * The component that words name, or why there is none.
 * @param {string} words @param {any} network
 * @returns {{component: string|null, why: string}}
 */
export function found(words, network) {
  const wrong = (/** @type {string} */ why) => ({ component: null, why });
  const text = words.replace(/\s+/g, "").replace(/^∂/, "");
  if (!text) return wrong("Write the name of a quantity, and where it is one of many its place in brackets.");
  const [, name, inner] = /^([^[\]]+)(?:\[([^[\]]*)\])?$/.exec(text) ?? [];
  if (name === undefined) return wrong(`“${words.trim()}” is no component: write one such as w1[1,2].`);
  const quantity = network?.quantities.find((/** @type {any} */ one) => one.name === name);
  if (!quantity) return wrong(`There is no ${name} in this network. ${known(network)}`);
  const { shape } = quantity;
  if (inner === undefined) return { component: name, why: "" };
  if (!shape.length) return wrong(`${name} is a single number: write it without brackets.`);
  const indices = inner.split(",");
  if (indices.length !== shape.length) {
    const many = shape.length === 1 ? "one index" : `${shape.length} indices`;
    return wrong(`${name} has ${many}: write ${name}[${shape.map(() => 1).join(",")}], or another place.`);
  }
  const sizes = shape.every(Number.isInteger);
  const axis = indices.findIndex((index, at) => (sizes ? !inside(index, shape[at]) : index === ""));
  if (axis < 0) return { component: `${name}[${indices.join(",")}]`, why: "" };
  const which = shape.length === 1 ? "The index" : `The ${["first", "second", "third"][axis] ?? `${axis + 1}th`} index`;
  return wrong(`${which} of ${name} goes from 1 to ${shape[axis]}, not “${indices[axis]}”.`);
}

/** @param {string} index @param {number} size */
function inside(index, size) {
  return /^[1-9]\d*$/.test(index) && Number(index) <= size;
}

/** @param {any} network */
function known(network) {
  const names = (network?.quantities ?? []).map((/** @type {any} */ { name }) => name);
  if (!names.length) return "";
  const shown = names.slice(0, 12).join(", ");
  return `It has ${shown}${names.length > 12 ? ` and ${names.length - 12} more` : ""}.`;
}
