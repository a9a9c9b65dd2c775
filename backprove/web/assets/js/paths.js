// @ts-check
// The paths from what is selected to the loss: one by one, and how they sum to the gradient.

import { ask, isAborted } from "./api.js";
import { invitation } from "./derivation.js";
import { formula, h, prose, stylesheet } from "./elements.js";
import { filling } from "./filling.js";
import { called, gradientOf, inline, printed, scrolling, selecting, sign, trouble } from "./formula.js";
import { Way } from "./pointing.js";
import { given } from "./state.js";
import { isWriting, lighting, walker, whenShown } from "./walking.js";

const LISTED = 50;
const MOST = 200;

/**
 * @param {HTMLElement} element
 * @param {any} store
 */
export function mount(element, store) {
  stylesheet("panels");
  const body = h("div", { class: "explaining paths" });
  element.replaceChildren(body);
  /** @type {any} */
  let answer = null;
  let asked = "";
  let current = 0;
  let isList = false;
  let limit = LISTED;
  const walk = walker({ go, what: "Paths" });
  const place = h("div", { class: "one-path", "aria-live": "polite" });

  whenShown(element, store, ["selection", "network", "view", "values", "seed"], refresh);
  element.addEventListener("keydown", pressed);
  selecting(body, store);
  lighting(body, store, "paths");

  async function refresh() {
    const state = store.get();
    if (!state.network) return body.replaceChildren(h("p", { class: "soft" }, "There is no network yet."));
    if (state.network.symbolic) {
      asked = "";
      answer = null;
      walk.stop();
      return body.replaceChildren(h("h2", {}, "Paths"), filling(store, "Paths lead from neuron to neuron. They can be listed when that is given:"));
    }
    if (!state.selection || isWhole(state.selection, state.network)) {
      asked = "";
      answer = null;
      return body.replaceChildren(...invitation(state.network, choose, {
        title: "Whose paths to the loss?",
        words: "Choose a weight here, or click an edge or a neuron in the drawing: every way on which it reaches "
          + "the loss is then shown, with the factor of each edge.",
        whole: false,
      }));
    }
    const question = { ...given(state), quantity: state.selection, limit };
    const words = JSON.stringify(question);
    if (words === asked) return;
    const isSame = answer?.quantity === state.selection;
    asked = words;
    try {
      answer = await ask("paths", question);
    } catch (problem) {
      if (isAborted(problem)) return;
      asked = "";
      answer = null;
      walk.stop();
      return body.replaceChildren(h("h2", {}, "Paths from ", called(state.selection, state.network)), trouble(problem));
    }
    if (!isSame) {
      current = 0;
      isList = false;
    }
    current = Math.max(0, Math.min(current, answer.paths.length - 1));
    show(isSame);
  }

  /** @param {string} quantity */
  function choose(quantity) {
    store.set({ selection: quantity }, "paths");
  }

  /** @param {boolean} isSame */
  function show(isSame) {
    walk.stop();
    const { paths, quantity, total, shown } = answer;
    const { network } = store.get();
    const name = (/** @type {string} */ component) => called(component, network);
    const words = total === 0
      ? ["No path leads from ", name(quantity), " to the loss ", name(network.loss), ": its gradient is 0."]
      : [name(quantity), ` reaches the loss `, name(network.loss), total === 1 ? " on one path." : ` on ${total.toLocaleString("en")} paths.`];
    body.replaceChildren(
      h(
        "div", { class: "panel-top" },
        h("h2", {}, "Paths from ", name(quantity), " to ", name(network.loss)),
        h("p", {}, ...words, total > 0 && " Along a path the factors of its edges multiply; over the paths the products add up."),
        total > shown && h(
          "p", { class: "note" }, `The first ${shown} are listed. `,
          limit < MOST && h("button", { type: "button", class: "plain", onclick: more }, `List up to ${MOST}`),
        ),
        paths.length > 1 && h("div", { class: "bar" }, walk.bar, h(
          "button", { type: "button", class: "all-paths", "aria-pressed": String(isList), onclick: turn }, "All at once",
        )),
      ),
      place, summed(answer, network),
      ...(answer.notes ?? []).map((/** @type {string} */ words) => prose(words, "p", { class: "note" })),
    );
    draw(isSame);
  }

  function more() {
    limit = MOST;
    void refresh();
  }

  function turn() {
    isList = !isList;
    walk.stop();
    draw(false);
  }

  /** @param {number} by */
  function go(by) {
    const next = isList ? current : current + by;
    if (!answer?.paths.length || next < 0 || next >= answer.paths.length) return false;
    isList = false;
    current = next;
    draw(false);
    return true;
  }

  /** @param {boolean} isQuiet without lighting the drawing, where only numbers changed */
  function draw(isQuiet) {
    const { paths } = answer;
    const { network } = store.get();
    if (!paths.length) return void place.replaceChildren();
    body.querySelector(".all-paths")?.setAttribute("aria-pressed", String(isList));
    walk.show(current, paths.length, isList ? `${paths.length} paths` : `path ${current + 1} of ${paths.length}`);
    place.replaceChildren(...(isList ? listed(paths, open, network) : one(paths[current], current, paths.length, network)));
    if (isQuiet || element.offsetParent === null) return;
    const lit = isList ? paths : [paths[current]];
    const steps = lit.flatMap((/** @type {any} */ path) => path.edges);
    store.set({ highlight: new Way(lit.flatMap(touched), steps) }, "paths");
  }

  /** @param {number} which */
  function open(which) {
    isList = false;
    current = which;
    draw(false);
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (isWriting(event) || !answer) return;
    const by = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    walk.move(by);
  }
}

/**
 * Everything that a path touches in the drawing.
 * @param {any} path
 */
function touched({ points, edges }) {
  const weights = edges.map((/** @type {any} */ edge) => edge.component).filter(Boolean);
  return [...points, ...weights];
}

/**
 * One path: the way it goes, its factors with their numbers, their product.
 * @param {any} path
 * @param {number} which
 * @param {number} total
 * @param {any} network
 */
function one(path, which, total, network) {
  return [
    total > 1 ? h("h3", {}, `Path ${which + 1}`) : "",
    route(path, network),
    scrolling("Its factors", h(
      "table", { class: "table factors" },
      h("caption", { class: "visually-hidden" }, "The factors along this path"),
      h("thead", {}, h("tr", {},
        h("th", { scope: "col" }, "from"), h("th", { scope: "col" }, "to"),
        h("th", { scope: "col" }, "factor"), h("th", { scope: "col" }, "worked out"),
        h("th", { scope: "col", class: "number" }, "number"))),
      h("tbody", {}, ...path.edges.map((/** @type {any} */ edge) => h("tr", {},
        h("td", { class: "end" }, called(edge.from, network)), h("td", { class: "end" }, called(edge.to, network)),
        h("td", { class: "factor" }, inline(edge.derivative)), h("td", { class: "worked" }, inline(edge.factor)),
        h("td", { class: "number" }, printed(edge.value))))),
      h("tfoot", {}, h("tr", {},
        h("th", { scope: "row", colspan: 4 }, total > 1 ? "Product: what this path adds" : "Product: the gradient"),
        h("td", { class: "number" }, printed(path.product)))),
    )),
    h(
      "div", { class: "equation product", tabindex: "0", role: "group", "aria-label": "The product" },
      inline(path.chain), " ", sign("="), " ", inline(path.formula),
    ),
  ];
}

/** @param {any} path @param {any} network */
function route({ points }, network) {
  return h("ol", { class: "route", "aria-label": "The way it goes" },
    ...points.map((/** @type {string} */ point) => h("li", {}, called(point, network))));
}

/**
 * @param {any[]} paths
 * @param {(which: number) => void} open
 * @param {any} network
 */
function listed(paths, open, network) {
  return [h("div", { class: "scrolls" }, h(
    "table", { class: "table all" },
    h("caption", { class: "visually-hidden" }, "All paths"),
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, "path"), h("th", { scope: "col" }, "way"), h("th", { scope: "col", class: "number" }, "product"))),
    h("tbody", {}, ...paths.map((path, which) => h("tr", {},
      h("th", { scope: "row" }, h(
        "button", { type: "button", class: "plain", onclick: () => open(which), "aria-label": `Open path ${which + 1}` }, which + 1)),
      h("td", {}, route(path, network)), h("td", { class: "number" }, printed(path.product))))),
  ))];
}

/**
 * How the paths sum to the gradient.
 * @param {any} answer
 * @param {any} network
 */
function summed({ paths, sum, gradient, quantity, gathered, total, shown }, network) {
  if (!paths.length) return "";
  const isAll = total === shown;
  const name = gradientOf(quantity, network);
  const terms = paths.slice(0, 6).map((/** @type {any} */ path, /** @type {number} */ place) => {
    const text = printed(path.product);
    const isMinus = text.startsWith("−");
    if (place === 0) return text;
    return isMinus ? ` − ${text.slice(1)}` : ` + ${text}`;
  });
  const rest = paths.length > 6 ? ` + … (${paths.length - 6} more)` : "";
  const hasNumbers = sum !== null && sum !== undefined;
  return h(
    "section", { class: "summed" },
    h("h3", {}, paths.length > 1 ? "The sum over the paths" : "The gradient"),
    hasNumbers && paths.length > 1
      && h("p", { class: "number-line" }, ...terms, rest, ` = ${printed(sum)}`),
    h("p", {}, name, gradient === null || gradient === undefined ? " has no number here." : ` = ${printed(gradient)}`,
      hasNumbers && paths.length > 1 && isAll && ", the sum of all paths.",
      hasNumbers && !isAll && `; the ${shown} paths listed sum to ${printed(sum)}, the others make up the rest.`),
    gathered && paths.length > 1 && h("p", {}, "Paths that end alike share their last factors. Gathered, each is computed once:"),
    gathered && paths.length > 1 && h("div", { class: "equation" }, formula(gathered)),
  );
}

/**
 * Whether several components are meant, each of which has paths of its own: "w2", "w2[i,j]".
 * @param {string} selection
 * @param {any} network
 */
function isWhole(selection, network) {
  const name = selection.replace(/\[.*$/, "");
  const quantity = network.quantities.find((/** @type {any} */ one) => one.name === name);
  return quantity?.shape.length > 0 && !/\[\d+(,\d+)*\]$/.test(selection);
}
