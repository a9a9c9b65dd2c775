// @ts-check
/** Making elements. The server's formulas and prose are inserted by `chunks` and `prose` alone. */
import { surroundings } from "./surroundings.js";

/**
 * h("button", { type: "button", class: "plain", onclick: f, "aria-label": "…" }, "text", node, …)
 * Attributes that are null or false are left out; `on…` are listeners.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(
    (child) => (child instanceof Node ? child : String(child))));
  return element;
}

/** An element holding prose with inline formulas, as the server wrote and escaped it. */
export function prose(html, tag = "p", attributes = {}) {
  const element = h(tag, attributes);
  element.innerHTML = html;
  return element;
}

/**
 * A formula of chunks between which a line may break. It scrolls within itself where even one
 * chunk is wider than its place.
 * @param {string[]|string|null} mathml
 */
export function formula(mathml, tag = "div", attributes = {}) {
  const list = mathml === null || mathml === undefined ? [] : Array.isArray(mathml) ? mathml : [mathml];
  return prose(list.map((chunk) => `<span class="chunk">${chunk}</span>`).join(" "), tag, { class: "formula", ...attributes });
}

/** A number as it is read: six digits, a real minus sign; "nan", "inf" as words. */
export function number(value, digits = 6) {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return { nan: "not a number", inf: "∞", "-inf": "−∞" }[value] ?? value;
  const text = Object.is(value, -0) ? "0" : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

/**
 * A sentence in place of what could not be shown, with what to do about it.
 * @param {string} message @param {string|null} [suggestion]
 */
export function sorry(message, suggestion = null) {
  return h("div", { class: "sorry" }, h("p", {}, message), suggestion && h("p", { class: "soft" }, suggestion));
}

/** A message that the program wrote for a terminal, as a sentence of the page. */
export function sentence(message) {
  const isName = /^[a-z](\d|_|\s|\[|$)/.test(message) && !message.startsWith("a "); // "f stands for …"
  const text = isName ? message : message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Loads FOLDER/NAME.css once; a part calls it for its own styles. */
export function stylesheet(name, folder = "css") {
  if (document.querySelector(`[data-part="${name}"]`)) return;
  const href = surroundings.file(`${folder}/${name}.css`);
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return;
  document.head.append(h("link", { rel: "stylesheet", href, "data-part": name }));
}

/** An icon of base.css, in the colour of the words beside it; for the eye alone. */
export function icon(name) {
  return h("span", { class: `icon icon-${name}`, "aria-hidden": "true" });
}

/** Runs f when calls have paused for `wait` milliseconds. */
export function debounced(f, wait) {
  let timer = 0;
  let rest = [];
  const due = () => {
    timer = 0;
    f(...rest);
  };
  const later = (...given) => {
    clearTimeout(timer);
    rest = given;
    timer = window.setTimeout(due, wait);
  };
  later.cancel = () => {
    clearTimeout(timer);
    timer = 0;
  };
  /** Does at once what is waited for. */
  later.now = () => {
    if (!timer) return;
    clearTimeout(timer);
    due();
  };
  return later;
}
