// @ts-check
// Every number of the network: the given ones to edit, the computed ones beside their gradients.

import { at, component, replaced } from "./components.js";
import { h, stylesheet } from "./elements.js";
import { filling } from "./filling.js";
import { controls } from "./numbers-top.js";
import { historyOf } from "./numbers-undo.js";
import { sheet } from "./sheet.js";
import { GIVEN } from "./state.js";
import { sources } from "./values.js";
import { isCalm, whenShown } from "./walking.js";

const DRAWN = new Set(["weight", "bias"]);
const MOST_FLASHES = 60; // where more change, showing it would hold up the numbers themselves

const SECTIONS = [
  { title: "Given", kinds: ["input", "target", "constant"] },
  { title: "Weights and biases", kinds: ["weight", "bias"] },
  { title: "Forward, and back", kinds: null },
];

/**
 * @param {HTMLElement} element
 * @param {any} store
 */
export function mount(element, store) {
  stylesheet("panels");
  const top = controls(store, {
    drawn: DRAWN, reset: resetAll, isRefusing: () => [...sheets.values()].some((made) => made.refused().length > 0),
  });
  const body = h("div", { class: "sheets" });
  element.replaceChildren(h("div", { class: "explaining numbers" }, top.bar, body));

  /** @type {Map<string, any>} sheets by the name of their quantity */
  let sheets = new Map();
  /** @type {Map<string, any>} what the file or the seed gives, as far as it was seen */
  const bases = new Map();
  let built = "";
  /** @type {string|null} the selection that the windows were turned to last */
  let turned = null;
  /** @type {any} an answer that is older than a change of what the file or the seed gives */
  let outdated = null;

  const history = historyOf(store);

  store.on(["network", "seed"], (/** @type {any} */ state, /** @type {any} */ { changed, before }) => {
    if (changed.includes("seed") || before.network?.asked?.text !== state.network?.asked?.text) {
      bases.clear();
      outdated = state.numbers;
    }
  });
  // the numbers of other values tell nothing of what the file or the seed gives
  store.on("values", (/** @type {any} */ _, /** @type {any} */ { before }) => { outdated = before.numbers; });
  whenShown(element, store, ["network", "numbers", "values", "selection", "eta", "seed"], refresh);

  function refresh() {
    const state = store.get();
    top.show(state);
    if (!state.network || state.network.open.length) {
      built = "";
      return body.replaceChildren(nothing(store));
    }
    remember(state);
    const refused = new Map([...sheets].map(([name, made]) => [name, made.refused()]));
    const before = sheets;
    build(state);
    fill(state);
    if (sheets === before) return;
    for (const [name, list] of refused) sheets.get(name)?.refuse(list);
  }

  /** @param {any} state */
  function remember({ network, numbers, values }) {
    for (const { name, value } of network.quantities) {
      if (value !== null && value !== undefined) bases.set(name, value);
      else if (numbers !== outdated && !(name in values) && numbers?.given?.[name] !== undefined && !bases.has(name))
        bases.set(name, numbers.given[name]);
    }
  }

  /**
   * Makes the tables anew when the network or what is shown of it is another.
   * @param {any} state
   */
  function build(state) {
    const { network, eta, selection } = state;
    // only where the selection is another: the reader may have turned elsewhere
    if (selection !== turned) for (const sheet of sheets.values()) sheet.turnTo(selection);
    turned = selection;
    const shape = network.quantities.map((/** @type {any} */ q) => [q.name, q.kind, q.shape, q.symbol]);
    const words = JSON.stringify([shape, eta !== null && state.numbers?.updated !== undefined]);
    if (words === built) return;
    built = words;
    sheets = new Map();
    const adjoints = state.numbers?.adjoints ?? {};
    const sections = SECTIONS.map(({ title, kinds }) => {
      const some = network.quantities.filter((/** @type {any} */ q) =>
        kinds ? kinds.includes(q.kind) : !SECTIONS.some((s) => s.kinds?.includes(q.kind)),
      );
      if (!some.length) return "";
      const made = some.map((/** @type {any} */ quantity) => {
        const made = sheet(quantity, {
          columns: columnsOf(quantity, adjoints, eta !== null && DRAWN.has(quantity.kind)),
          edit, paste, reset, begin: () => history.close(), forget: () => history.forget(),
          changed: () => fill(store.get(), false), tell: () => top.show(store.get()),
        });
        made.turnTo(selection);
        sheets.set(quantity.name, made);
        return made.element;
      });
      return h("section", { class: "sheet-group" }, h("h3", {}, title), h("div", { class: "sheet-row" }, ...made));
    });
    body.replaceChildren(...sections);
  }

  /**
   * Writes the numbers into their places; what changed flashes.
   * @param {any} state
   * @param {boolean} [flashing]
   */
  function fill(state, flashing = true) {
    const changed = [];
    const { corners } = sources(state);
    for (const [name, made] of sheets) {
      made.mark({ edited: name in state.values, selection: state.selection, corners });
      changed.push(...made.fill((/** @type {string} */ kind) => source(state, kind, name)));
    }
    if (flashing && changed.length <= MOST_FLASHES) changed.forEach(flash);
  }

  /**
   * @param {any} state
   * @param {string} kind
   * @param {string} name
   */
  function source({ numbers, network, values }, kind, name) {
    if (kind !== "value") return numbers?.[kind]?.[name];
    return values[name] ?? bases.get(name) ?? numbers?.given?.[name] ?? numbers?.values?.[name]
      ?? network.quantities.find((/** @type {any} */ q) => q.name === name)?.value;
  }

  /**
   * @param {string} name
   * @param {number[]} shape
   * @param {number[]} place
   * @param {number} number
   */
  function edit(name, shape, place, number) {
    const state = store.get();
    const now = source(state, "value", name) ?? zeros(shape);
    store.set({ values: { ...state.values, [name]: replaced(now, place, number) } }, "edit");
  }

  /**
   * Many numbers at once.
   * @param {string} name
   * @param {number[]} shape
   * @param {[number[], number][]} cells
   */
  function paste(name, shape, cells) {
    const state = store.get();
    const now = source(state, "value", name) ?? zeros(shape);
    const value = cells.reduce((all, [place, number]) => replaced(all, place, number), now);
    const ends = [cells[0], cells[cells.length - 1]].map(([place]) => component(name, place));
    const words = cells.length > 1 ? `${cells.length} numbers pasted, ${ends.join(" to ")}.` : "";
    store.set({ values: { ...state.values, [name]: value }, status: words }, "paste");
  }

  function resetAll() {
    for (const made of sheets.values()) made.forgive();
    store.set({ values: {} }, "reset");
  }

  /**
   * Back to what the file or the seed gives: a quantity, or one number of it.
   * @param {string} name
   * @param {number[]|null} place
   */
  function reset(name, place) {
    sheets.get(name)?.forgive();
    const values = { ...store.get().values };
    const base = bases.get(name);
    if (place === null || base === undefined) delete values[name];
    else {
      values[name] = replaced(values[name], place, at(base, place));
      if (JSON.stringify(values[name]) === JSON.stringify(base)) delete values[name];
    }
    store.set({ values }, "reset");
    fill(store.get());
  }
}

/** In place of numbers: what would give them. @param {any} store */
function nothing(store) {
  if (store.get().network) return filling(store);
  return h("p", { class: "soft" }, "There is no network yet: write one in the text, or choose an example.");
}

/** @param {number[]} shape @returns {any} */
function zeros(shape) {
  return shape.length ? Array.from({ length: shape[0] }, () => zeros(shape.slice(1))) : 0;
}

/**
 * What stands beside a quantity's values.
 * @param {any} quantity
 * @param {any} adjoints
 * @param {boolean} stepped
 */
function columnsOf({ name, kind }, adjoints, stepped) {
  const columns = [{ kind: "value", title: "value" }];
  if (kind === "constant") return columns;
  const isGiven = GIVEN.has(kind);
  if (kind !== "target")
    columns.push(
      isGiven && !(name in adjoints)
        ? { kind: "gradients", title: "gradient" }
        : { kind: "adjoints", title: "v, the loss’s derivative" },
    );
  if (stepped) columns.push({ kind: "updated", title: "after a step" });
  return columns;
}

/** @param {HTMLElement} element */
function flash(element) {
  if (isCalm()) return;
  element.animate([{ backgroundColor: "var(--lit)" }, { backgroundColor: "transparent" }], {
    duration: 900, easing: "ease-out",
  });
}
