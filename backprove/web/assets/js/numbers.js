// @ts-check
// Every number of the network: the given ones to edit, the computed ones beside their gradients.

import { at, component, componentOf, replaced, windowed } from "./components.js";
import { debounced, h, sentence, stylesheet } from "./elements.js";
import { called, inline, printed, scrolling } from "./formula.js";
import { isCalm, whenShown } from "./walking.js";

const EDITED = new Set(["input", "target", "weight", "bias"]);
const DRAWN = new Set(["weight", "bias"]);
const WAIT = 20; // milliseconds between the last key and the question

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
  const top = controls(store);
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
    build(state);
    fill(state);
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
          edit, reset, changed: () => fill(store.get(), false),
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
    for (const [name, made] of sheets) {
      made.mark({ edited: name in state.values, selection: state.selection });
      for (const cell of made.cells()) write(cell, source(state, cell.kind, name), flashing);
    }
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

  /**
   * Back to what the file or the seed gives: a quantity, or one number of it.
   * @param {string} name
   * @param {number[]|null} place
   */
  function reset(name, place) {
    send.cancel();
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

/** @param {any} store */
function controls(store) {
  const loss = h("output", { class: "loss", "aria-live": "polite" });
  const after = h("output", { class: "loss-after", "aria-live": "polite" });
  const problem = h("p", { class: "error", role: "alert", hidden: true });
  const notes = h("ul", { class: "soft notes" });
  const seed = h("input", { class: "number", inputmode: "numeric", autocomplete: "off", onchange: sow });
  const eta = h("input", {
    class: "number", inputmode: "decimal", autocomplete: "off", placeholder: "0.5", oninput: learn,
    "aria-describedby": "eta-says",
  });
  const take = h("button", { type: "button", onclick: step, hidden: true }, "Take this step");
  const all = h("button", { type: "button", onclick: () => store.set({ values: {} }, "reset") }, "Reset all");
  const draw = h("button", { type: "button", onclick: () => reseed(store.get().seed + 1) }, "Draw new weights");

  function sow() {
    const number = Number(seed.value);
    const fits = seed.value.trim() !== "" && Number.isSafeInteger(number) && number >= 0;
    complain(seed, fits ? "" : `“${seed.value}” is no seed: write a whole number from 0 on.`);
    if (fits) reseed(number);
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
    complain(eta, words && number === null ? `“${words}” is no learning rate: write a number such as 0.5.` : "");
    if (!words || number !== null) store.set({ eta: number }, "eta");
  }

  function step() {
    const { numbers, values } = store.get();
    if (numbers?.updated) store.set({ values: { ...values, ...numbers.updated } }, "step");
  }

  /** @param {HTMLInputElement} field @param {string} words */
  function complain(field, words) {
    field.setAttribute("aria-invalid", String(Boolean(words)));
    problem.textContent = words;
    problem.hidden = !words;
  }

  /** @param {any} state */
  function show({ network, numbers, seed: sown, eta: rate, values, numbersError }) {
    const name = () => (network ? called(network.loss, network) : "The loss");
    loss.replaceChildren(...(numbers ? [name(), ` = ${printed(numbers.loss)}`] : []));
    const hasAfter = rate !== null && numbers?.loss_after !== undefined && numbers.loss_after !== null;
    after.replaceChildren(...(hasAfter ? ["after one step ", name(), ` = ${printed(numbers.loss_after)}`] : []));
    take.hidden = !(hasAfter && numbers.updated);
    if (document.activeElement !== seed) seed.value = String(sown);
    if (document.activeElement !== eta && rate !== null) eta.value = String(rate);
    all.disabled = Object.keys(values).length === 0;
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
      h("label", { class: "field" }, "learning rate η", eta), take,
      h("label", { class: "field" }, "seed", seed), draw, all,
    ),
    h("p", { class: "visually-hidden", id: "eta-says" }, "With a learning rate the weights after one step are shown."),
    problem, notes,
  );
  return { bar, show };
}

/**
 * A number as people write it, or null.
 * @param {string} words
 */
function reading(words) {
  const text = words.trim().replace(/[−–]/g, "-").replace(/^(-?\d+),(\d+)$/, "$1.$2");
  const quotient = /^(-?[\d.]+)\s*\/\s*([\d.]+)$/.exec(text);
  const number = quotient ? Number(quotient[1]) / Number(quotient[2]) : Number(text);
  return text !== "" && Number.isFinite(number) ? number : null;
}

// -- one quantity ------------------------------------------------------------------------------

/**
 * @typedef {{element: any, kind: string, place: number[], shown: any, editable: boolean}} Cell
 */

/**
 * The table or tables of a quantity, or of a window into it.
 * @param {any} quantity
 * @param {{columns: {kind: string, title: string}[], edit: Function, reset: Function, changed: () => void}} doing
 */
function sheet(quantity, { columns, edit, reset, changed }) {
  const { name, kind, shape } = quantity;
  const editable = EDITED.has(kind);
  const view = windowed(shape);
  const tables = h("div", { class: "sheet-tables" });
  const problem = h("p", { class: "error", role: "alert", hidden: true });
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
          "data-q": q, onfocus: focused, oninput: written, onblur: left, onkeydown: moved,
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
    const { element: field, shown } = cellOf(event);
    if (typeof shown === "number") field.value = String(shown); // all digits, to edit
    field.select();
  }

  /** @param {Event} event */
  function written(event) {
    const found = cellOf(event);
    const number = reading(found.element.value);
    found.element.setAttribute("aria-invalid", String(number === null));
    const where = component(name, found.place);
    problem.hidden = number !== null;
    problem.textContent = number === null
      ? `${where}: ${found.element.value.trim() ? `“${found.element.value}” is no number` : "a number is missing"}. `
        + `${typeof found.shown === "number" ? `${printed(found.shown)} still counts. ` : ""}Write one such as 0.25 or -3e-2.`
      : "";
    if (number === null || number === found.shown) return;
    found.shown = number;
    last = found.place;
    edit(name, shape, found.place, number);
  }

  /** @param {Event} event */
  function left(event) {
    const found = cellOf(event);
    if (!found) return;
    found.element.setAttribute("aria-invalid", "false");
    found.element.value = short(found.shown);
    problem.hidden = true;
  }

  /** As in a spreadsheet: Enter and the vertical arrows move down and up, the others at the ends of the text. */
  function moved(/** @type {KeyboardEvent} */ event) {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (event.key === "Escape") return void (field.value = short(cellOf(event).shown), field.select());
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
    element.classList.toggle("edited", edited);
    whole.hidden = !edited;
    one.hidden = !edited || last === null || shape.length === 0;
    if (last !== null) one.textContent = `Reset ${component(name, last)}`;
    for (const { element: inner, place } of cells)
      inner.closest("td").classList.toggle("selected", component(name, place) === selection);
  }

  return { element, cells: () => cells, mark, turnTo };
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
 * @param {boolean} flashing
 */
function write(cell, numbers, flashing) {
  const number = numbers === undefined || numbers === null ? undefined : at(numbers, cell.place);
  if (Object.is(number, cell.shown) && number !== undefined) return;
  const isFirst = cell.shown === undefined;
  cell.shown = number;
  if (!cell.editable) cell.element.textContent = printed(number);
  else if (document.activeElement !== cell.element) cell.element.value = short(number);
  if (flashing && !isFirst) flash(cell.element);
}

/** @param {HTMLElement} element */
function flash(element) {
  if (isCalm()) return;
  element.animate([{ backgroundColor: "var(--lit)" }, { backgroundColor: "transparent" }], {
    duration: 900, easing: "ease-out",
  });
}
