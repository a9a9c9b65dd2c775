// @ts-check
/**
 * Pointing at a symbol lights up what it stands for, everywhere.
 *
 * Symbols carry data-q: a component ("w2[1,2]"), a name alone where indices are letters ("w2"),
 * an adjoint ("∂z2[1]"). A part that draws without elements (the canvas) listens to `highlight`
 * and asks `touches`.
 */

/** @typedef {{adjoint: boolean, name: string, indices: string|null}} Pointed */

/** @param {string} q @returns {Pointed} */
export function pointed(q) {
  const adjoint = q.startsWith("∂");
  const bare = adjoint ? q.slice(1) : q;
  const at = bare.indexOf("[");
  return at < 0
    ? { adjoint, name: bare, indices: null }
    : { adjoint, name: bare.slice(0, at), indices: bare.slice(at).replaceAll(" ", "") };
}

/** Whether two say the same place: a name alone stands for all of its components. */
export function samePlace(a, b) {
  const one = pointed(a);
  const other = pointed(b);
  if (one.name !== other.name) return false;
  return one.indices === null || other.indices === null || one.indices === other.indices;
}

/** Whether a component is among those pointed at (an adjoint lights the neuron it belongs to). */
export function touches(highlight, component) {
  if (highlight.has(component)) return true;
  for (const q of highlight) if (samePlace(q, component)) return true;
  return false;
}

/** Lights every element with data-q under the root, and reports pointing and focus to the store. */
export function follow(root, store) {
  const point = (event) => {
    const symbol = symbolOf(event.target);
    const now = store.get().highlight;
    if (symbol === null) {
      if (now.size && lastFrom === root) store.set({ highlight: new Set() }, "pointing");
      return;
    }
    lastFrom = root;
    if (!(now.size === 1 && now.has(symbol))) store.set({ highlight: new Set([symbol]) }, "pointing");
  };
  /** @type {any} */
  let lastFrom = null;
  root.addEventListener("pointerover", point);
  root.addEventListener("pointerleave", point);
  root.addEventListener("focusin", point);
  root.addEventListener("focusout", point);
  store.on("highlight", ({ highlight }) => light(root, highlight));
  // What is made anew under a resting pointer lights too.
  new MutationObserver(() => {
    if (store.get().highlight.size) light(root, store.get().highlight);
  }).observe(root, { childList: true, subtree: true });
}

function symbolOf(target) {
  const element = target instanceof Element ? target.closest("[data-q]") : null;
  return element ? element.getAttribute("data-q") : null;
}

/** `lit` on the very symbols, `lit-near` on what belongs to the same place. */
function light(root, highlight) {
  for (const element of root.querySelectorAll("[data-q]")) {
    const q = element.getAttribute("data-q");
    const same = highlight.has(q);
    element.classList.toggle("lit", same);
    element.classList.toggle("lit-near", !same && highlight.size > 0 && touches(highlight, q));
  }
}
