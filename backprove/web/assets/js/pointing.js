// @ts-check
/**
 * Pointing at a symbol lights up what it stands for, everywhere.
 *
 * Symbols carry data-q: a component ("w2[1,2]"), a name alone where indices are letters ("w2"),
 * an adjoint ("∂z2[1]"). A part that draws without elements (the canvas) listens to `highlight`
 * and asks `touches`.
 */

/** @typedef {{adjoint: boolean, name: string, indices: string|null}} Pointed */

/**
 * What is pointed at, where it is known which leads to which: a path through the network, or the
 * derivatives of a line. A step over a weight may name the weight.
 */
export class Way extends Set {
  /**
   * @param {Iterable<string>} components
   * @param {{from: string, to: string, component?: string|null}[]} steps
   */
  constructor(components, steps) {
    super(components);
    this.steps = steps;
  }
}

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

/**
 * Lights every element with data-q under the root, and reports pointing and focus to the store.
 * In a formula that has the focus, the arrow keys go from symbol to symbol and Enter clicks the
 * one that they reached: what a click does is its panel's.
 */
export function follow(root, store) {
  /** What this module lit itself: it puts out nothing that another part lit. @type {any} */
  let ours = null;
  const lightUp = (symbol) => {
    const now = store.get().highlight;
    if (symbol === null) {
      if (now === ours && now.size) store.set({ highlight: new Set() }, "pointing");
    } else if (!(now.size === 1 && now.has(symbol))) {
      ours = new Set([symbol]);
      store.set({ highlight: ours }, "pointing");
    }
  };
  const point = (event) => lightUp(symbolOf(event.target));
  root.addEventListener("pointerover", point);
  root.addEventListener("focusin", point);
  root.ownerDocument.documentElement.addEventListener("pointerleave", () => lightUp(null));

  root.addEventListener("keydown", (event) => {
    const box = event.target;
    if (!(box instanceof Element) || !box.matches(".formula") || event.altKey || event.ctrlKey) return;
    const symbols = [...box.querySelectorAll("[data-q]")];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = symbols.findIndex((symbol) => symbol.classList.contains("lit-focus"));
    if (event.key === "Enter" && at >= 0) symbols[at].dispatchEvent(new MouseEvent("click", { bubbles: true }));
    if (step === undefined || !symbols.length) return;
    event.preventDefault();
    symbols[at]?.classList.remove("lit-focus");
    const next = symbols[(at + step + symbols.length + (at < 0 && step < 0 ? 1 : 0)) % symbols.length];
    next.classList.add("lit-focus");
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
    lightUp(symbolOf(next));
    store.set({ status: `${symbolOf(next)}: Enter selects it` }, "pointing");
  });
  root.addEventListener("focusout", (event) => {
    if (!(event.target instanceof Element)) return;
    event.target.querySelectorAll(".lit-focus").forEach((symbol) => symbol.classList.remove("lit-focus"));
    lightUp(null);
  });

  store.on("highlight", ({ highlight }) => light(root.querySelectorAll("[data-q]"), highlight));
  // What is made anew under a resting pointer lights too.
  new MutationObserver((records) => {
    const { highlight } = store.get();
    if (!highlight.size) return;
    const added = records.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node instanceof Element);
    for (const element of added)
      light([element, ...element.querySelectorAll("[data-q]")].filter((one) => one.hasAttribute("data-q")), highlight);
  }).observe(root, { childList: true, subtree: true });
}

function symbolOf(target) {
  const element = target instanceof Element ? target.closest("[data-q]") : null;
  return element ? element.getAttribute("data-q") : null;
}

/**
 * `lit` on the very symbols, `lit-near` on what belongs to the same place.
 * @param {Iterable<Element>} symbols @param {ReadonlySet<string>} highlight
 */
function light(symbols, highlight) {
  for (const element of symbols) {
    const q = element.getAttribute("data-q");
    const same = highlight.has(q);
    element.classList.toggle("lit", same);
    element.classList.toggle("lit-near", !same && highlight.size > 0 && touches(highlight, q));
  }
}
