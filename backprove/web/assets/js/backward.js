// @ts-check
// The backward pass as dynamic programming: a table filled from the loss back, nothing computed twice.

import { ask, isAborted } from "./api.js";
import { at, component, places } from "./components.js";
import { h, prose, stylesheet } from "./elements.js";
import { filling } from "./filling.js";
import { gradientOf, inline, printed, scrolling, selecting, sign, trouble } from "./formula.js";
import { shapeOf } from "./refresh.js";
import { given } from "./state.js";
import { isCalm, isWriting, lighting, walker, whenShown } from "./walking.js";

/** Numbers of one entry that stand in the table; a step's own table has more. */
const IN_CELL = 4;
const IN_STEP = 64;

/**
 * @param {HTMLElement} element
 * @param {any} store
 */
export function mount(element, store) {
  stylesheet("panels");
  const body = h("div", { class: "explaining backward" });
  element.replaceChildren(body);
  /** @type {any} */
  let answer = null;
  let asked = "";
  let current = 0;
  let stepwise = false;
  /** @type {any[]} */
  let entries = [];
  /** @type {any[]} */
  let lines = [];
  const walk = walker({ go, what: "Steps of the backward pass" });
  const detail = h("div", { class: "step", "aria-live": "polite" });

  whenShown(element, store, ["network", "view", "values", "seed"], refresh);
  element.addEventListener("keydown", pressed);
  selecting(body, store);
  lighting(body, store, "backward");

  async function refresh() {
    const state = store.get();
    if (!state.network) return body.replaceChildren(h("p", { class: "soft" }, "There is no network yet."));
    const question = { ...given(state), numbers: !state.network.open.length };
    const words = JSON.stringify(question);
    if (words === asked) return;
    const isSameNetwork = asked !== "" && JSON.parse(asked).text === question.text;
    asked = words;
    try {
      answer = await ask("backprop", question);
    } catch (problem) {
      if (isAborted(problem)) return;
      asked = "";
      entries = lines = [];
      walk.stop();
      return body.replaceChildren(h("h2", {}, "The backward pass"), trouble(problem));
    }
    if (!isSameNetwork) stepwise = false;
    current = isSameNetwork && stepwise ? Math.min(current, answer.rows.length - 1) : 0;
    show(state);
  }

  /** @param {any} state */
  function show(state) {
    const rows = answer.rows;
    entries = rows.map(entry);
    lines = rows.map(line);
    entries.forEach((made, place) => made.addEventListener("click", () => jump(place)));
    body.replaceChildren(
      h(
        "div", { class: "panel-top" },
        h("h2", {}, "The backward pass"),
        ...answer.pattern.map((/** @type {string} */ words) => prose(words, "p", { class: "pattern" })),
        h("div", { class: "bar" }, walk.bar, whole()),
      ),
      table(rows, state.network), detail,
      state.network.open.length ? filling(store, "Give what is missing, and the numbers stand here, too:") : "",
      h("h3", {}, "In the order of computation"),
      h("ol", { class: "recipe" }, ...lines),
      ...(answer.notes ?? []).map((/** @type {string} */ words) => prose(words, "p", { class: "note" })),
    );
    mark(false);
  }

  function whole() {
    return h(
      "button",
      {
        type: "button", class: "whole",
        onclick: () => {
          walk.stop();
          stepwise = false;
          current = 0;
          mark(false);
        },
      },
      "Show all",
    );
  }

  /**
   * The entries stand in the columns of the drawing.
   * @param {any[]} rows
   * @param {any} network
   */
  function table(rows, network) {
    const columns = [...new Set(rows.map(({ column }) => column))].sort((a, b) => a - b);
    const kinds = [["adjoint", "adjoints v"], ["gradient", "gradients"]];
    return h(
      "div", { class: "scrolls passing", tabindex: "0", role: "region", "aria-label": "The table, from the inputs to the loss" },
      h(
        "table", { class: "pass" },
        h("caption", {}, "Filled from right to left"),
        h("thead", {}, h("tr", {},
          h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "what")),
          ...columns.map((column) => h("th", { scope: "col" }, ...heading(column, network))))),
        h("tbody", {}, ...kinds.map(([kind, words]) =>
          h("tr", {}, h("th", { scope: "row" }, words), ...columns.map((column) =>
            h("td", {}, ...entries.filter((_, place) => rows[place].column === column && rows[place].kind === kind)))))),
      ),
    );
  }

  // -- walking -------------------------------------------------------------------------------

  /** @param {number} by */
  function go(by) {
    const place = stepwise ? current + by : by > 0 ? 0 : lines.length - 1;
    if (place < 0 || place >= lines.length) return false;
    stepwise = true;
    current = place;
    mark(true);
    return true;
  }

  /** @param {number} place */
  function jump(place) {
    walk.stop();
    stepwise = true;
    current = place;
    mark(true);
  }

  /** @param {boolean} moved */
  function mark(moved) {
    const rows = answer.rows;
    const uses = stepwise ? new Set(rows[current].uses.map(bare)) : new Set();
    body.classList.toggle("stepwise", stepwise);
    entries.forEach((made, place) => {
      const isFilled = !stepwise || place <= current;
      const isUsed = isFilled && rows[place].kind === "adjoint" && uses.has(bare(rows[place].name));
      made.classList.toggle("filled", isFilled);
      made.classList.toggle("current", stepwise && place === current);
      made.classList.toggle("used", isUsed && place !== current);
      if (stepwise && place === current) made.setAttribute("aria-current", "step");
      else made.removeAttribute("aria-current");
      made.querySelector(".amount").hidden = !isFilled;
      made.querySelector(".empty").hidden = isFilled;
      lines[place].hidden = !isFilled;
      lines[place].classList.toggle("current", stepwise && place === current);
    });
    walk.show(stepwise ? current : 0, lines.length, stepwise ? undefined : `${lines.length} steps`);
    body.querySelector(".whole").hidden = !stepwise;
    detail.replaceChildren(...(stepwise ? said(rows[current], rows, store.get().network) : []));
    if (!moved) return;
    entries[current].scrollIntoView({ block: "nearest", inline: "nearest", behavior: isCalm() ? "auto" : "smooth" });
    light(rows[current]);
  }

  /** @param {any} row */
  function light({ name, kind }) {
    const q = kind === "adjoint" ? `∂${bare(name)}` : bare(name);
    store.set({ highlight: new Set([q]) }, "backward");
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (isWriting(event) || !lines.length) return;
    // the table is read from right to left: the left arrow goes on
    const by = { j: 1, ArrowLeft: 1, ArrowDown: 1, k: -1, ArrowRight: -1, ArrowUp: -1 }[event.key];
    if (!by || (!stepwise && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    walk.move(by);
  }
}

/** @param {string} name */
function bare(name) {
  return name.replace(/^∂/, "");
}

/**
 * What stands in a column of the drawing.
 * @param {number} column
 * @param {any} network
 */
function heading(column, network) {
  const groups = (network.diagram?.groups ?? []).filter(
    (/** @type {any} */ g) => g.column === column && g.kind !== "target" && g.kind !== "constant",
  );
  if (!groups.length) return [h("span", { class: "visually-hidden" }, `column ${column + 1}`)];
  return groups.map((/** @type {any} */ group) => inline(group.symbol, "head"));
}

/**
 * An entry of the table: a button with its title, its numbers, how often it is read.
 * @param {any} row
 */
function entry(row) {
  const reads = row.kind === "adjoint" && row.reused > 0;
  return h(
    "button", { type: "button", class: `entry entry-${row.kind}` },
    inline(row.title ?? row.left, "entry-title"),
    h("span", { class: "amount number" }, amount(row.value)),
    h("span", { class: "empty", hidden: true, "aria-label": "not yet computed" }, "·"),
    reads && h("span", { class: "reads", title: `read ${times(row.reused)}` }, `read ${times(row.reused)}`),
  );
}

/** @param {number} count */
function times(count) {
  return ["never", "once", "twice"][count] ?? `${count} times`;
}

/** @param {any} value */
function amount(value) {
  if (!Array.isArray(value)) return value === null || value === undefined ? "" : printed(value, 4);
  if (Array.isArray(value[0])) return `${value.length} × ${value[0].length} numbers`;
  const shown = value.slice(0, IN_CELL).map((number) => printed(number, 3));
  return [...shown, ...(value.length > IN_CELL ? [`… ${value.length} numbers`] : [])].join("\n");
}

/** @param {any} row */
function line(row) {
  return h("li", { class: `recipe-${row.kind}` }, equation(row));
}

/** @param {any} row */
function equation({ left, right }) {
  if (!right.length) return h("div", { class: "equation" }, inline(left), " is not asked for");
  return h("div", { class: "equation", tabindex: "0", role: "group", "aria-label": "Equation" }, inline(left), " ", sign("="), " ", inline(right));
}

/**
 * The step at hand in words: what was computed, from what, with which numbers.
 * @param {any} row
 * @param {any[]} rows
 * @param {any} network
 */
function said(row, rows, network) {
  const read = row.uses.map(bare).map((/** @type {string} */ name) =>
    rows.find((other) => other.kind === "adjoint" && bare(other.name) === name));
  const known = read.filter(Boolean);
  return [
    h("h3", {}, row.kind === "adjoint" ? "Now computed: the adjoint " : "Now computed: the gradient ", inline(row.title ?? row.left)),
    equation(row),
    row.reason ? prose(row.reason) : "",
    row.right.length === 0 ? "" : known.length
      ? h("p", { class: "reuse" }, "It reads ", ...joined(known.map((/** @type {any} */ other) => inline(other.title ?? other.left))),
          known.length > 1 ? ", which are there already: nothing is computed twice." : ", which is there already: nothing is computed twice.")
      : h("p", { class: "reuse" }, "It reads nothing computed before: here the pass begins."),
    row.kind === "adjoint" && row.reused > 1
      ? h("p", { class: "reuse" }, `Its own value will be read ${times(row.reused)}.`)
      : "",
    numbersOf(row, network),
  ];
}

/** @param {Node[]} items */
function joined(items) {
  return items.flatMap((item, place) =>
    place === 0 ? [item] : [place === items.length - 1 ? " and " : ", ", item]);
}

/**
 * The numbers of a step, one a row.
 * @param {any} row
 * @param {any} network
 */
function numbersOf({ name, kind, value }, network) {
  if (value === null || value === undefined) return "";
  const shape = shapeOf(value);
  const rows = [];
  for (const place of places(shape)) {
    if (rows.length >= IN_STEP) break;
    const where = component(bare(name), place);
    rows.push(h("tr", {},
      h("th", { scope: "row" }, gradientOf(where, network, kind === "adjoint" ? `∂${where}` : where)),
      h("td", { class: "number" }, printed(at(value, place)))));
  }
  return scrolling("Its numbers", h("table", { class: "table" },
    h("caption", { class: "visually-hidden" }, "Its numbers"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "derivative"), h("th", { scope: "col", class: "number" }, "number"))),
    h("tbody", {}, ...rows)));
}
