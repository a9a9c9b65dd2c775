// @ts-check
/** Symbols of neurons and weights: the server's symbol of a quantity, with the indices put to it. */

const NS = "http://www.w3.org/1998/Math/MathML";

/** @returns {any} an element of MathML */
export function m(tag, ...children) {
  const element = document.createElementNS(NS, tag);
  element.append(...children);
  return element;
}

/**
 * The symbol of a component as a `<math>` element of its own.
 * @param {string|null|undefined} mathml  the quantity's symbol, as the server made it
 * @param {string} component  "h2[1]"
 */
export function symbol(mathml, component) {
  const { name, indices } = split(component);
  const whole = mathml ? copied(mathml) : m("mi", name);
  return m("math", indices.length ? indexed(whole, indices) : whole);
}

/** The symbol of a quantity, as the server made it. @param {any} network @param {string} name */
export function symbolOf(network, name) {
  const group = network?.diagram?.groups.find((/** @type {any} */ one) => one.name === name);
  return network?.quantities?.find((/** @type {any} */ one) => one.name === name)?.symbol ?? group?.symbol ?? null;
}

/** @param {string} component @returns {{name: string, indices: string[]}} */
export function split(component) {
  const at = component.indexOf("[");
  if (at < 0) return { name: component, indices: [] };
  return { name: component.slice(0, at), indices: component.slice(at + 1, -1).split(",") };
}

/** The inside of a `<math>`, without what it points at: a neuron answers for itself. */
function copied(mathml) {
  const template = document.createElement("template");
  template.innerHTML = mathml;
  const math = template.content.querySelector("math");
  if (!math) return m("mtext", template.content.textContent ?? "");
  for (const element of math.querySelectorAll("[data-q]")) element.removeAttribute("data-q");
  let inner = math.children.length === 1 ? math.children[0] : m("mrow", ...math.childNodes);
  while (inner.localName === "mrow" && inner.children.length === 1) inner = inner.children[0];
  return inner;
}

/** h and 1 give h₁; a layer's mark above or below stays where it is. */
function indexed(whole, indices) {
  const [base, first, second] = [...whole.children];
  switch (whole.localName) {
    case "msub":
      return m("msub", base, m("mrow", first, m("mo", ","), ...spelled(indices)));
    case "msup":
      return m("msubsup", base, m("mrow", ...spelled(indices)), first);
    case "msubsup":
      return m("msubsup", base, m("mrow", first, m("mo", ","), ...spelled(indices)), second);
    default:
      return m("msub", whole, m("mrow", ...spelled(indices)));
  }
}

/** 1 2, or 1, 12 where an index has two digits. */
function spelled(indices) {
  const parted = indices.some((index) => index.length > 1);
  return indices.flatMap((index, at) => [
    ...(at && parted ? [m("mo", ",")] : []), m(/^\d+$/.test(index) ? "mn" : "mi", index),
  ]);
}

/**
 * A symbol as runs of text for an SVG: [{text, italic, rise}], rise -1 below, 1 above the line.
 * @param {Element} element
 * @returns {{text: string, italic: boolean, rise: number}[]}
 */
export function runs(element, rise = 0) {
  const parts = [...element.children];
  switch (element.localName) {
    case "mi": {
      const text = element.textContent ?? "";
      return [{ text, italic: [...text].length === 1 && element.getAttribute("mathvariant") !== "normal", rise }];
    }
    case "mn": case "mo": case "mtext":
      return [{ text: element.textContent ?? "", italic: false, rise }];
    case "msub":
      return [...runs(parts[0], rise), ...runs(parts[1], -1)];
    case "msup":
      return [...runs(parts[0], rise), ...runs(parts[1], 1)];
    case "msubsup":
      return [...runs(parts[0], rise), ...runs(parts[1], -1), ...runs(parts[2], 1)];
    default:
      return parts.flatMap((part) => runs(part, rise));
  }
}
