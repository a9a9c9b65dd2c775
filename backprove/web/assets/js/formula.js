// @ts-check
// Formulas and numbers of the server as the panels show them; chunks themselves are elements.js's.

import { formula, h } from "./elements.js";
import { m, split, symbol, symbolOf } from "./symbols.js";

/** @typedef {string[]} Chunks `<math>` strings between which a line may break */
/** @typedef {any} Nested a number ("nan", "inf" where it is not finite), or rows of them */

/**
 * A formula within a line of words or a cell.
 * @param {Chunks|string|null|undefined} chunks
 * @param {string} [name] more classes
 */
export function inline(chunks, name = "") {
  return formula(chunks ?? null, "span", { class: `formula ${name}`.trim() });
}

/**
 * A box that scrolls by itself where what it holds is wider, also by keyboard.
 * @param {string} label
 * @param {...any} children
 */
export function scrolling(label, ...children) {
  return h("div", { class: "scrolls", tabindex: "0", role: "group", "aria-label": label }, ...children);
}

/** A sign between formulas. */
export function sign(/** @type {string} */ text) {
  return inline(`<math><mo>${text}</mo></math>`, "lone");
}

/**
 * A component by its symbol in the notation at hand; in the file's letters for who cannot see it,
 * and for who rests the pointer on it.
 * @param {string} component
 * @param {any} network
 */
export function called(component, network) {
  const { name } = split(component);
  return shown(symbol(symbolOf(network, name), component), component, component);
}

/**
 * The loss's derivative with respect to a component, in the same way.
 * @param {string} component
 * @param {any} network
 * @param {string} [q] what it lights up, where that is not the component
 */
export function gradientOf(component, network, q = component) {
  const part = (/** @type {string} */ one) =>
    m("mrow", d(), ...symbol(symbolOf(network, split(one).name), one).childNodes);
  const math = m("math", m("mfrac", part(network.loss), part(component)));
  math.setAttribute("displaystyle", "true");
  return shown(math, `∂${network.loss}/∂${component}`, q);
}

function d() {
  const sign = m("mi", "∂");
  sign.setAttribute("mathvariant", "normal");
  return sign;
}

/** @param {Element} math @param {string} words @param {string} q */
function shown(math, words, q) {
  return h("span", { class: "called", "data-q": q, title: words, role: "img", "aria-label": words }, math);
}

/**
 * What a formula says, without its form: two that print alike have the same key.
 * @param {Element} element
 */
export function key(element) {
  return (element.textContent ?? "").replace(/\s+/g, "");
}

/**
 * Whether a fraction is a derivative such as ∂h/∂z, not a quotient.
 * @param {Element} fraction
 */
export function isDerivative(fraction) {
  return [...fraction.children].every((part) => /^\s*[∂d]\s*\S/.test(part.textContent ?? ""));
}

/**
 * Clicking a symbol selects what it stands for.
 * @param {HTMLElement} element
 * @param {any} store
 */
export function selecting(element, store) {
  element.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const q = target.closest("[data-q]")?.getAttribute("data-q")?.replace(/^∂/, "");
    if (!q || target.closest("button, input, select, textarea")) return;
    const known = store.get().network?.quantities ?? [];
    const name = q.replace(/\[.*$/, "");
    if (known.some((/** @type {any} */ quantity) => quantity.name === name)) store.set({ selection: q }, "symbol");
  });
}

// -- numbers ---------------------------------------------------------------------------------

/**
 * A number as it is printed: six significant digits, a true minus sign.
 * @param {Nested|null|undefined} value
 * @param {number} [digits]
 * @returns {string}
 */
export function printed(value, digits = 6) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return { nan: "not a number", inf: "∞", "-inf": "−∞" }[value] ?? value;
  if (Array.isArray(value)) return summary(value, digits);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-4
      ? value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e")
      : String(Number(value.toPrecision(digits)));
  const [mantissa, power] = text.replace(/-/g, "−").split("e");
  return power === undefined ? mantissa : `${mantissa} · 10${superscript(power)}`;
}

/** @param {string} power */
function superscript(power) {
  return [...power].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)] ?? "⁻").join("");
}

/**
 * The first numbers of a vector or matrix.
 * @param {Nested[]} value
 * @param {number} digits
 * @returns {string}
 */
function summary(value, digits) {
  const flat = /** @type {any[]} */ (value).flat(9);
  const shown = flat.slice(0, 6).map((number) => printed(number, digits));
  return `(${shown.join(", ")}${flat.length > 6 ? `, … ${flat.length} numbers` : ""})`;
}

/**
 * Shows what went wrong, in words.
 * @param {any} error
 */
export function trouble(error) {
  return h(
    "div", { class: "trouble", role: "alert" },
    h("p", {}, error?.message ?? "The answer did not come."),
    error?.suggestion && h("p", { class: "suggestion" }, error.suggestion),
    error?.excerpt && h("pre", {}, error.excerpt),
  );
}
