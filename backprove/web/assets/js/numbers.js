// @ts-check
// Every number of the network: the given ones to edit, the computed ones beside their gradients.

import { at, component, componentOf, replaced, windowed } from "./components.js";
import { debounced, h, sentence, stylesheet } from "./elements.js";
import { called, inline, printed, scrolling } from "./formula.js";
import { symbol } from "./symbols.js";
import { isCalm, whenShown } from "./walking.js";

const EDITED = new Set(["input", "target", "weight", "bias"]);
const DRAWN = new Set(["weight", "bias"]);
const WAIT = 0; // milliseconds between the last key and the question; a newer one ends the older
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
  const top = controls(store, resetAll);
  const body = h("div", { class: "sheets" });
  element.replaceChildren(h("div", { class: "explaining numbers" }, top.bar, body));

  /** @type {Map<string, any>} sheets by the name of their quantity */
  let sheets = new Map();
  /** @type {Map<string, any>} what the file or the seed gives, as far as it was seen */
  const bases = new Map();
  /** @type {Record<string, any>} edits that wait to be sent */
  let waiting = {};
  let built = "";
  /** @type {string|null} the selection that the windows were turned to last */
  let turned = null;
  /** @type {any} an answer that is older than a change of what the file or the seed gives */
  let outdated = null;

  const send = debounced(() => {
    const edits = waiting;
    waiting = {};
    store.set({ values: { ...store.get().values, ...edits } }, "edit");
  }, WAIT);

  store.on(["network", "seed"], (/** @type {any} */ state, /** @type {any} */ { changed, before }) => {
    if (changed.includes("seed") || before.network?.asked?.text !== state.network?.asked?.text) {
      bases.clear();
      outdated = state.numbers;
    }
  });
  whenShown(element, store, ["network", "numbers", "values", "selection", "eta", "seed"], refresh);

  function refresh() {
    const state = store.get();
    top.show(state);
    if (!state.network || state.network.symbolic) {
      built = "";
      return body.replaceChildren(h("p", { class: "soft" }, nothing(state.network)));
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
          edit, reset, changed: () => fill(store.get(), false), tell: () => top.show(store.get()),
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
    for (const [name, made] of sheets) {
      made.mark({ edited: name in state.values, selection: state.selection });
      for (const cell of made.cells()) {
        if (!write(cell, source(state, cell.kind, name))) continue;
        made.overtake(cell);
        changed.push(cell.element);
      }
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
    const now = waiting[name] ?? source(state, "value", name) ?? zeros(shape);
    waiting = { ...waiting, [name]: replaced(now, place, number) };
    send();
  }

  function resetAll() {
    send.cancel();
    waiting = {};
    for (const made of sheets.values()) made.forgive();
    store.set({ values: {} }, "reset");
  }

  /**
   * Back to what the file or the seed gives: a quantity, or one number of it.
   * @param {string} name
   * @param {number[]|null} place
   */
  function reset(name, place) {
    send.cancel();
    sheets.get(name)?.forgive();
    const state = store.get();
    const values = { ...state.values, ...waiting };
    waiting = {};
    const base = bases.get(name);
    if (place === null || base === undefined) delete values[name];
    else {
      values[name] = replaced(values[name], place, at(base, place));
      if (JSON.stringify(values[name]) === JSON.stringify(base)) delete values[name];
    }
    outdated = state.numbers;
    store.set({ values }, "reset");
    fill(store.get());
  }
}

/** @param {any} network */
function nothing(network) {
  if (!network) return "There is no network yet: write one in the text, or choose an example.";
  return "Some sizes of this network are letters. It has derivations, but no numbers until every size is a number.";
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
  const isGiven = EDITED.has(kind);
  if (kind !== "target")
    columns.push(
      isGiven && !(name in adjoints)
        ? { kind: "gradients", title: "gradient" }
        : { kind: "adjoints", title: "v, the loss’s derivative" },
    );
  if (stepped) columns.push({ kind: "updated", title: "after a step" });
  return columns;
}

// -- above the tables --------------------------------------------------------------------------

/** @param {any} store @param {() => void} reset  gives every number back */
function controls(store, reset) {
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
    const drawn = (network?.quantities ?? []).filter(
      (/** @type {any} */ q) => DRAWN.has(q.kind) && (q.value === null || q.value === undefined),
    );
    const kept = { ...values };
    for (const { name } of drawn) delete kept[name];
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
    const isRefusing = document.querySelector(".sheet [aria-invalid='true']") !== null;
    const name = () => (network ? called(network.loss, network) : "The loss");
    loss.replaceChildren(...(numbers ? [name(), ` = ${printed(numbers.loss)}`] : []));
    const hasAfter = rate !== null && numbers?.loss_after !== undefined && numbers.loss_after !== null;
    after.replaceChildren(...(hasAfter ? ["after one step ", name(), ` = ${printed(numbers.loss_after)}`] : []));
    take.hidden = !(hasAfter && numbers.updated);
    // a seed or a rate set elsewhere takes the place of one that was refused here
    if (sown !== known.seed) complain(seed, seedSays, "");
    if (rate !== known.eta) complain(eta, etaSays, "");
    known = { seed: sown, eta: rate };
    const rests = (/** @type {HTMLInputElement} */ field) =>
      document.activeElement !== field && field.getAttribute("aria-invalid") !== "true";
    if (rests(seed)) seed.value = String(sown);
    if (rests(eta) && rate !== null) eta.value = String(rate);
    all.disabled = Object.keys(values).length === 0 && !isRefusing && [seed, eta].every(
      (field) => field.getAttribute("aria-invalid") !== "true");
    const words = [...(numbers?.notes ?? [])];
    const why = network && !network.symbolic && numbersError;
    if (why) words.push([why.message, why.suggestion].filter(Boolean).map(sentence).join(" "));
    notes.replaceChildren(...words.map((/** @type {string} */ n) => h("li", {}, n)));
    notes.hidden = !words.length;
  }

  const bar = h(
    "div", { class: "panel-top" },
    h("h2", {}, "The numbers"),
    h(
      "p", { class: "how" },
      "Change any value in a field: everything that depends on it follows. Arrow keys and Enter move between fields.",
    ),
    h("div", { class: "bar losses" }, loss, after),
    h(
      "div", { class: "bar" },
      h("label", { class: "field" }, "learning rate η", eta), etaSays, take,
      h("label", { class: "field" }, "seed", seed), seedSays, draw, all,
    ),
    h("p", { class: "visually-hidden", id: "eta-says" }, "With a learning rate the weights after one step are shown."),
    notes,
  );
  return { bar, show };
}

/**
 * A number as people write it, or null.
 * @param {string} words
 */
function reading(words) {
  const number = taken(words);
  return words.trim() !== "" && Number.isFinite(number) ? number : null;
}

/** The number that words are taken for: NaN where they are none. @param {string} words */
function taken(words) {
  const text = words.trim().replace(/[−–]/g, "-").replace(/^(-?\d+),(\d+)$/, "$1.$2");
  const quotient = /^(-?[\d.]+)\s*\/\s*([\d.]+)$/.exec(text);
  return quotient ? Number(quotient[1]) / Number(quotient[2]) : Number(text);
}

/** Why words are not taken for a number, without a full stop. @param {string} words */
function refusal(words) {
  const text = words.trim();
  if (!text) return "A number is missing";
  if (/^[+−-]?(nan|inf|infinity|∞)$/i.test(text)) return `With “${text}” nothing can be computed`;
  if (text.includes("/") && !Number.isFinite(taken(text))) return `“${text}” divides by 0, or is no fraction`;
  return Math.abs(taken(text)) === Infinity ? `“${text}” is too large: numbers end at about 1.8e308` : `“${text}” is no number`;
}

// -- one quantity ------------------------------------------------------------------------------

/**
 * @typedef {{element: any, kind: string, place: number[], shown: any, editable: boolean}} Cell
 */

/**
 * The table or tables of a quantity, or of a window into it.
 * @param {any} quantity
 * @param {{columns: {kind: string, title: string}[], edit: Function, reset: Function, changed: () => void, tell: () => void}} doing
 */
function sheet(quantity, { columns, edit, reset, changed, tell }) {
  const { name, kind, shape } = quantity;
  const editable = EDITED.has(kind);
  const view = windowed(shape);
  const tables = h("div", { class: "sheet-tables" });
  const problem = h("p", { class: "error", role: "alert", id: `refused-${name}`, hidden: true });
  /** @type {Map<Cell, string>} fields whose words are no number, and why */
  const refusals = new Map();
  let said = 0; // how many of them are said
  let isEdited = false;
  const one = h("button", { type: "button", class: "plain small", hidden: true, onclick: () => reset(name, last) });
  const whole = h(
    "button",
    { type: "button", class: "plain small", hidden: true, onclick: () => reset(name, null), "aria-label": `Reset ${name}` },
    "Reset",
  );
  /** @type {number[]|null} the place edited last */
  let last = null;
  /** @type {Cell[]} */
  let cells = [];

  const element = h(
    "section", { class: `sheet sheet-${kind}`, "aria-label": `${kind} ${name}` },
    h(
      "header", {},
      inline(quantity.symbol, "sheet-symbol"), h("span", { class: "kind" }, kindWords(quantity)), whole, one,
    ),
    view.isPart && search(), tables, problem,
  );
  draw();

  function draw() {
    refusals.clear();
    complain();
    cells = [];
    const make = shape.length < 2 ? listed : gridded;
    tables.replaceChildren(...make());
  }

  /** One table: a row for each number, a column for each of its kinds. */
  function listed() {
    const rows = view.rows();
    return [
      framed(
        editable, `${kind} ${name}`,
        h(
          "table", { class: "table sheet-table" },
          h("caption", { class: "visually-hidden" }, `${kind} ${name}`),
          h("thead", {}, h("tr", {},
            shape.length > 0 && h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "index")),
            ...columns.map(({ title }) => h("th", { scope: "col", class: "number" }, title)))),
          h("tbody", {}, ...rows.map((index) =>
            h("tr", {},
              shape.length > 0 && h("th", { scope: "row" }, index),
              ...columns.map((column) => cell(column, shape.length ? [index] : []))))),
        ),
      ),
    ];
  }

  /** A table for each kind of number, with the rows and columns of the matrix. */
  function gridded() {
    const [rows, across, outer] = [view.rows(), view.columns(), view.outer()];
    return columns.map((column) =>
      framed(
        editable && column.kind === "value", `${column.title} of ${name}`,
        h(
          "table", { class: "table sheet-table" },
          h("caption", {}, column.title, outer.length > 0 && ` of ${name}[${outer.join(",")},·,·]`),
          h("thead", {}, h("tr", {},
            h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "row")),
            ...across.map((index) => h("th", { scope: "col", class: "number" }, index)))),
          h("tbody", {}, ...rows.map((row) =>
            h("tr", {}, h("th", { scope: "row" }, row), ...across.map((index) => cell(column, [...outer, row, index]))))),
        ),
      ),
    );
  }

  /** @param {{kind: string, title: string}} column @param {number[]} place */
  function cell(column, place) {
    const where = component(name, place);
    const writes = editable && column.kind === "value";
    const q = column.kind === "adjoints" ? `∂${where}` : where;
    const inner = writes
      ? h("input", {
          class: "number", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-label": where,
          "aria-describedby": `refused-${name}`, "data-q": q, onfocus: focused, oninput: written, onblur: left, onkeydown: moved,
        })
      : h("span", { class: "number", "data-q": q }, "–");
    cells.push({ element: inner, kind: column.kind, place, shown: undefined, editable: writes });
    return h("td", { class: "number" }, inner);
  }

  /** @param {Event} event */
  function cellOf(event) {
    return /** @type {Cell} */ (cells.find(({ element: inner }) => inner === event.target));
  }

  /** @param {Event} event */
  function focused(event) {
    const found = cellOf(event);
    const { element: field, shown } = found;
    if (refusals.has(found)) return;
    if (typeof shown === "number") field.value = String(shown); // all digits, to edit
    field.select();
  }

  /** @param {Event} event */
  function written(event) {
    const found = cellOf(event);
    const number = judged(found);
    complain();
    if (number === null || number === found.shown) return;
    found.shown = number;
    last = found.place;
    edit(name, shape, found.place, number);
  }

  /** The number in a field; where there is none, why is kept. @param {Cell} found */
  function judged(found) {
    const number = reading(found.element.value);
    if (number === null) {
      const stays = typeof found.shown === "number" ? ` ${printed(found.shown)} still counts.` : "";
      refusals.set(found, `${refusal(found.element.value)}. Write a number such as 0.25 or -3e-2.${stays}`);
    } else refusals.delete(found);
    return number;
  }

  /** What is refused, to be refused again where the tables are made anew. */
  function refused() {
    return [...refusals.keys()].map(({ place, element: field }) => ({ place, words: field.value }));
  }

  /** @param {{place: number[], words: string}[]} list */
  function refuse(list) {
    for (const { place, words } of list) {
      const found = cells.find((c) => c.editable && String(c.place) === String(place));
      if (!found) continue;
      found.element.value = words;
      judged(found);
    }
    complain();
  }

  /** @param {Event} event */
  function left(event) {
    const found = cellOf(event);
    // what was refused stays, with the reason, until it is changed or reset
    if (found && !refusals.has(found)) found.element.value = short(found.shown);
  }

  /** Says what is refused, and why. */
  function complain() {
    for (const found of cells)
      if (found.editable) found.element.setAttribute("aria-invalid", String(refusals.has(found)));
    problem.hidden = refusals.size === 0;
    problem.replaceChildren(...[...refusals].map(([{ place }, words]) => h("span", { class: "refusal" },
      h("span", { role: "img", "aria-label": component(name, place) }, symbol(quantity.symbol, component(name, place))), ": ", words)));
    whole.hidden = !isEdited && refusals.size === 0;
    if (said !== refusals.size) tell();
    said = refusals.size;
  }

  /** Every field shows its number again. */
  function forgive() {
    for (const { element: field, shown } of refusals.keys()) field.value = short(shown);
    refusals.clear();
    complain();
  }

  /** As in a spreadsheet: Enter and the vertical arrows move down and up, the others at the ends of the text. */
  function moved(/** @type {KeyboardEvent} */ event) {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (event.key === "Escape") {
      field.value = short(cellOf(event).shown);
      refusals.delete(cellOf(event));
      complain();
      return field.select();
    }
    const all = field.selectionStart === 0 && field.selectionEnd === field.value.length;
    const atStart = all || (field.selectionEnd === 0);
    const atEnd = all || (field.selectionStart === field.value.length);
    const step = {
      Enter: [event.shiftKey ? -1 : 1, 0], ArrowDown: [1, 0], ArrowUp: [-1, 0],
      ArrowLeft: atStart ? [0, -1] : null, ArrowRight: atEnd ? [0, 1] : null,
    }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { place } = cellOf(event);
    const to = place.map((index, axis) => index + (step[axis - (place.length - 2)] ?? 0));
    if (place.length === 1) to[0] = place[0] + step[0] + step[1];
    if (!fieldAt(to) && turnTo(component(name, to))) changed();
    const found = fieldAt(to);
    if (found && found !== field) found.focus();
    else if (event.key === "Enter") neighbour(field, event.shiftKey ? -1 : 1)?.focus();
  }

  /** @param {number[]} place @returns {HTMLInputElement|undefined} */
  function fieldAt(place) {
    return cells.find((c) => c.editable && String(c.place) === String(place))?.element;
  }

  function search() {
    const field = h("input", {
      class: "number", placeholder: shape.map(() => "1").join(","), autocomplete: "off",
      "aria-label": `Go to a component of ${name}`,
      onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && find(),
    });
    const find = () => {
      const words = field.value.trim().replace(/^.*\[|\]$/g, "");
      const found = turnTo(`${name}[${words}]`, true);
      field.setAttribute("aria-invalid", String(!found));
      if (found) changed();
    };
    /** @param {number} axis @param {number} by @param {string} words @param {string} arrow */
    const turn = (axis, by, words, arrow) =>
      h("button", {
        type: "button", class: "plain", "aria-label": words,
        onclick: () => {
          view.move(axis, by);
          draw();
          changed();
        },
      }, arrow);
    return h(
      "div", { class: "bar search" },
      h("span", { class: "soft small" }, `a part of ${shape.join(" × ")} numbers`),
      h("label", { class: "field" }, "go to", field), h("button", { type: "button", onclick: find }, "Go"),
      turn(shape.length === 1 ? 0 : -2, -1, "earlier rows", "↑"), turn(shape.length === 1 ? 0 : -2, 1, "later rows", "↓"),
      shape.length > 1 && turn(-1, -1, "earlier columns", "←"), shape.length > 1 && turn(-1, 1, "later columns", "→"),
    );
  }

  /**
   * Turns the window to a component of this quantity; says whether there is such a one.
   * @param {string|null} where
   * @param {boolean} [focus]
   */
  function turnTo(where, focus = false) {
    const found = where === null ? null : componentOf(where);
    if (!found || found.name !== name || !view.has(found.place)) return false;
    if (view.turnTo(found.place)) draw();
    if (focus) {
      changed();
      const target = cells.find((c) => c.kind === "value" && String(c.place) === String(found.place));
      (target?.editable ? target.element : null)?.focus();
    }
    return true;
  }

  /** @param {{edited: boolean, selection: string|null}} what */
  function mark({ edited, selection }) {
    isEdited = edited;
    element.classList.toggle("edited", edited);
    whole.hidden = !edited && refusals.size === 0;
    one.hidden = !edited || last === null || shape.length === 0;
    if (last !== null) {
      one.replaceChildren("Reset ", symbol(quantity.symbol, component(name, last)));
      one.setAttribute("aria-label", `Reset ${component(name, last)}`);
    }
    for (const { element: inner, place } of cells)
      inner.closest("td").classList.toggle("selected", component(name, place) === selection);
  }

  /** A number that came from elsewhere takes the place of what was refused. @param {Cell} found */
  function overtake(found) {
    if (refusals.delete(found)) complain();
  }

  return { element, cells: () => cells, mark, turnTo, forgive, overtake, refused, refuse };
}

/**
 * A box that scrolls where its table is wider. One without fields takes the focus itself, so that
 * the keyboard can scroll it too.
 * @param {boolean} hasFields
 * @param {string} label
 * @param {HTMLElement} table
 */
function framed(hasFields, label, table) {
  return hasFields ? h("div", { class: "scrolls" }, table) : scrolling(label, table);
}

/**
 * The next or previous field of the page.
 * @param {HTMLElement} field
 * @param {number} by
 * @returns {HTMLElement|undefined}
 */
function neighbour(field, by) {
  const all = [...(field.closest(".sheets")?.querySelectorAll("td input") ?? [])];
  return /** @type {HTMLElement} */ (all[all.indexOf(field) + by]);
}

/** @param {any} quantity */
function kindWords({ name, kind, shape, role }) {
  const size = shape.length ? `, ${shape.join(" × ")}` : "";
  const what = EDITED.has(kind) || kind === "constant" ? kind : (role ?? "quantity");
  return `${what} ${name}${size}`;
}

/** @param {any} value */
function short(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);
}

/**
 * Writes a number into its cell.
 * @param {Cell} cell
 * @param {any} numbers nested numbers of the quantity
 * @returns {boolean}  whether it took the place of another
 */
function write(cell, numbers) {
  const number = numbers === undefined || numbers === null ? undefined : at(numbers, cell.place);
  if (Object.is(number, cell.shown) && number !== undefined) return false;
  const isFirst = cell.shown === undefined;
  cell.shown = number;
  if (!cell.editable) cell.element.textContent = printed(number);
  else if (document.activeElement !== cell.element) cell.element.value = short(number);
  return !isFirst;
}

/** @param {HTMLElement} element */
function flash(element) {
  if (isCalm()) return;
  element.animate([{ backgroundColor: "var(--lit)" }, { backgroundColor: "transparent" }], {
    duration: 900, easing: "ease-out",
  });
}
