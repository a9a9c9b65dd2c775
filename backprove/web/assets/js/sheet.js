// @ts-check
// The numbers of one quantity: a table, or a window into it, with fields where they are given.

import { at, component, componentOf, windowed } from "./components.js";
import { h } from "./elements.js";
import { Field, put } from "./field.js";
import { inline, printed, scrolling } from "./formula.js";
import { blockOf } from "./numbers-block.js";
import { wayOf } from "./numbers-undo.js";
import { GIVEN } from "./state.js";
import { symbol } from "./symbols.js";
import { reading, refusal, short } from "./written.js";

const LONG = 12; // letters of a number, beyond which its column is made wide

/**
 * @typedef {{span: HTMLElement|null, field: Field|null, box: HTMLElement, kind: string, place: number[], shown: any}} Cell
 */

/**
 * The table or tables of a quantity, or of a window into it.
 * @param {any} quantity
 * @param {{columns: {kind: string, title: string}[], edit: Function, paste: Function, begin: () => void, forget: () => boolean, reset: Function, changed: () => void, tell: () => void}} doing
 *   begin: a field is entered; forget: what was written in it since is taken back
 */
export function sheet(quantity, { columns, edit, paste, begin, forget, reset, changed, tell }) {
  const { name, kind, shape } = quantity;
  const editable = GIVEN.has(kind);
  const view = windowed(shape);
  const tables = h("div", { class: "sheet-tables" });
  const problem = h("p", { class: "error", role: "alert", id: `refused-${name}`, hidden: true });
  /** @type {Map<Cell, string>} fields whose words are no number, and why */
  const refusals = new Map();
  let said = 0; // how many of them are said
  let unfit = ""; // why what was pasted last fills nothing
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
  /** @type {Map<string, Cell>} that can be written, by their places */
  const ofPlace = new Map();
  /** @type {Cell[]} that are marked as selected */
  let selected = [];
  /** @type {Cell[]} that are marked as at a corner */
  let cornered = [];

  const element = h(
    "section", { class: `sheet sheet-${kind}`, "aria-label": `${kind} ${name}` },
    h(
      "header", {},
      inline(quantity.symbol, "sheet-symbol"), h("span", { class: "kind" }, kindWords(quantity)), whole, one,
    ),
    view.isPart && search(), tables,
  );
  draw();

  function draw() {
    refusals.clear();
    unfit = "";
    complain();
    cells = [];
    selected = [];
    cornered = [];
    ofPlace.clear();
    const make = shape.length < 2 ? listed : gridded;
    const [written, ...others] = make();
    const boxes = [h("div", {}, written, problem), ...others];
    tables.style.setProperty("--down", String(view.rows().length));
    tables.style.setProperty("--across", String(shape.length < 2 ? columns.length : view.columns().length));
    tables.replaceChildren(...boxes);
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
    const span = writes ? null : h("span", { class: "number", "data-q": q }, "–");
    const field = writes
      ? new Field({ label: where, q, problem: `refused-${name}` }, {
          focused: () => focused(made), written: () => written(made), left: () => left(made),
          moved: (event) => moved(made, event),
          pasted: (event) => pasted(made, event),
        })
      : null;
    const box = h("td", { class: "number" }, span ?? field?.element);
    /** @type {Cell} */
    const made = { span, field, box, kind: column.kind, place, shown: undefined };
    cells.push(made);
    if (writes) ofPlace.set(String(place), made);
    return box;
  }

  /** @param {Cell} found */
  function focused(found) {
    begin();
    if (refusals.has(found)) return;
    showAll(found);
  }

  /** All digits, to edit. @param {Cell} found */
  function showAll(found) {
    if (typeof found.shown === "number") fieldOf(found).words = String(found.shown);
    fieldOf(found).select();
  }

  /** @param {Cell} found */
  function written(found) {
    const number = judged(found);
    unfit = "";
    complain();
    if (number === null || number === found.shown) return;
    found.shown = number;
    last = found.place;
    edit(name, shape, found.place, number);
  }

  /** A block fills from this field on, or nothing is changed. */
  function pasted(/** @type {Cell} */ found, /** @type {ClipboardEvent} */ event) {
    const block = blockOf(event.clipboardData?.getData("text/plain") ?? "", { name, shape, place: found.place });
    if (!block) return; // words for this field alone
    event.preventDefault();
    unfit = "says" in block ? block.says : "";
    complain();
    if ("cells" in block) paste(name, shape, block.cells);
  }

  /** The number in a field; where there is none, why is kept. @param {Cell} found */
  function judged(found) {
    const { words } = fieldOf(found);
    const number = reading(words);
    if (number === null) {
      const stays = typeof found.shown === "number" ? ` ${printed(found.shown)} still counts.` : "";
      refusals.set(found, `${refusal(words)}. Write a number such as 0.25 or -3e-2.${stays}`);
    } else refusals.delete(found);
    fieldOf(found).refuse(number === null);
    return number;
  }

  /** What is refused, to be refused again where the tables are made anew. */
  function refused() {
    return [...refusals.keys()].map((found) => ({ place: found.place, words: fieldOf(found).words }));
  }

  /** @param {{place: number[], words: string}[]} list */
  function refuse(list) {
    for (const { place, words } of list) {
      const found = ofPlace.get(String(place));
      if (!found) continue;
      fieldOf(found).words = words;
      judged(found);
    }
    complain();
  }

  /** @param {Cell} found */
  function left(found) {
    // what was refused stays, with the reason, until it is changed or reset
    if (!refusals.has(found)) fieldOf(found).words = short(found.shown);
  }

  /** Says what is refused, and why. */
  function complain() {
    problem.hidden = refusals.size === 0 && !unfit;
    problem.replaceChildren(unfit, ...[...refusals].map(([{ place }, words]) => h("span", { class: "refusal" },
      h("span", { role: "img", "aria-label": component(name, place) }, symbol(quantity.symbol, component(name, place))), ": ", words)));
    whole.hidden = !isEdited && refusals.size === 0;
    if (said !== refusals.size) tell();
    said = refusals.size;
  }

  /** Every field shows its number again. */
  function forgive() {
    for (const found of [...refusals.keys()]) takeBack(found);
    unfit = "";
    complain();
  }

  /** A field that was refused shows its number again. @param {Cell} found */
  function takeBack(found) {
    refusals.delete(found);
    fieldOf(found).words = short(found.shown);
    fieldOf(found).refuse(false);
  }

  /** The field has what it had when it was entered. @param {Cell} found */
  function giveUp(found) {
    takeBack(found);
    unfit = "";
    complain();
    if (forget()) changed();
    showAll(found);
  }

  /** As in a spreadsheet: Enter and the vertical arrows move down and up, the others at the ends of the text. */
  function moved(/** @type {Cell} */ found, /** @type {KeyboardEvent} */ event) {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (event.key === "Escape" || (wayOf(event) === "undo" && refusals.has(found))) {
      event.preventDefault();
      return giveUp(found);
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
    const { place } = found;
    const to = place.map((index, axis) => index + (step[axis - (place.length - 2)] ?? 0));
    if (place.length === 1) to[0] = place[0] + step[0] + step[1];
    if (!ofPlace.has(String(to)) && turnTo(component(name, to))) changed();
    const next = ofPlace.get(String(to));
    if (next && next !== found) fieldOf(next).open();
    else if (event.key === "Enter") neighbour(field, event.shiftKey ? -1 : 1)?.focus();
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
      ofPlace.get(String(found.place))?.field?.open();
    }
    return true;
  }

  /**
   * Writes the numbers into their cells.
   * @param {(kind: string) => any} numbersOf  nested numbers of this quantity, by a column's kind
   * @returns {HTMLElement[]}  where a number took the place of another
   */
  function fill(numbersOf) {
    const numbers = Object.fromEntries(columns.map((column) => [column.kind, numbersOf(column.kind)]));
    const others = cells.filter((found) => write(found, numbers[found.kind]));
    others.forEach(overtake);
    return others.map(({ box }) => /** @type {HTMLElement} */ (box.firstElementChild));
  }

  /** @param {{edited: boolean, selection: string|null, corners: Map<string, string>}} what */
  function mark({ edited, selection, corners }) {
    isEdited = edited;
    element.classList.toggle("edited", edited);
    whole.hidden = !edited && refusals.size === 0;
    one.hidden = !edited || last === null || shape.length === 0;
    const back = last === null ? "" : `Reset ${component(name, last)}`;
    if (last !== null && one.getAttribute("aria-label") !== back) {
      one.replaceChildren("Reset ", symbol(quantity.symbol, component(name, last)));
      one.setAttribute("aria-label", back);
    }
    const asked = selection === null ? null : componentOf(selection);
    const place = asked?.name === name ? String(asked.place) : null;
    selected.forEach(({ box }) => box.classList.remove("selected"));
    selected = place === null ? [] : cells.filter((found) => String(found.place) === place);
    selected.forEach(({ box }) => box.classList.add("selected"));
    const saysOf = (/** @type {Cell} */ found) => corners.get(component(name, found.place)) ?? "";
    const now = corners.size ? cells.filter((found) => found.kind === "value" && saysOf(found)) : [];
    cornered.filter((found) => !now.includes(found)).forEach((found) => tellCorner(found, ""));
    now.forEach((found) => tellCorner(found, saysOf(found)));
    cornered = now;
  }

  /** A number that came from elsewhere takes the place of what was refused. @param {Cell} found */
  function overtake(found) {
    if (!refusals.has(found)) return;
    takeBack(found);
    complain();
  }

  return { element, fill, mark, turnTo, forgive, overtake, refused, refuse };
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
 * Marks a number that is at a corner, and says what is taken there as the derivative.
 * @param {Cell} cell
 * @param {string} says  "" where it is at none
 */
function tellCorner({ box }, says) {
  if (box.title === says) return;
  box.classList.toggle("at-corner", says !== "");
  box.title = says;
  box.querySelector(".visually-hidden")?.remove();
  if (says) box.append(h("span", { class: "visually-hidden" }, `, ${says}`));
}

/**
 * The next or previous field of the page.
 * @param {HTMLElement} field
 * @param {number} by
 * @returns {HTMLElement|undefined}
 */
function neighbour(field, by) {
  const all = [...(field.closest(".sheets")?.querySelectorAll("td .writes") ?? [])];
  return /** @type {HTMLElement} */ (all[all.indexOf(field) + by]);
}

/** @param {any} quantity */
function kindWords({ name, kind, shape, role }) {
  const size = shape.length ? `, ${shape.join(" × ")}` : "";
  const what = GIVEN.has(kind) ? kind : (role ?? "quantity");
  return `${what} ${name}${size}`;
}

/**
 * Writes a number into its cell.
 * @param {Cell} cell
 * @param {any} numbers  nested numbers of the quantity
 * @returns {boolean}  whether it took the place of another
 */
function write(cell, numbers) {
  const number = numbers === undefined || numbers === null ? undefined : at(numbers, cell.place);
  if (Object.is(number, cell.shown) && number !== undefined) return false;
  const isFirst = cell.shown === undefined;
  cell.shown = number;
  if (cell.span) {
    const words = printed(number);
    put(cell.span, words);
    if (words.length > LONG) cell.span.classList.add("long");
  }
  else fieldOf(cell).words = fieldOf(cell).hasFocus && typeof number === "number" ? String(number) : short(number);
  return !isFirst;
}

/** @param {Cell} cell @returns {Field} */
function fieldOf(cell) {
  return /** @type {Field} */ (cell.field);
}
