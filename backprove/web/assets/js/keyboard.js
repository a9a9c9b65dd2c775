// @ts-check
/** Shortcuts, and the dialog that lists every key. All of them work with buttons as well. */
import { openDialog } from "./dialogs.js";
import { h } from "./elements.js";
import { PANELS } from "./state.js";

/** @type {[string, [string[], string][]][]} */
const KEYS = [
  ["Everywhere", [
    [["Tab"], "to the next control; Shift Tab goes back"],
    [["Alt", "1 … 6"], "opens Derivation, Numbers, Backward pass, Paths, Learning, Check"],
    [["Alt", "N"], "to the drawing of the network"],
    [["Alt", "T"], "to the network’s text"],
    [["Ctrl", "Z"], "takes back the last change of a number; Ctrl Shift Z and Ctrl Y do it again"],
    [["?"], "shows these keys"],
    [["Esc"], "closes a dialog or ends the tour"],
  ]],
  ["In the drawing", [
    [["← → ↑ ↓"], "from neuron to neuron"],
    [["Enter"], "asks about the neuron or the edge"],
    [["Esc"], "from the neuron to the whole drawing, which the arrows move"],
    [["E"], "lists the edges of the neuron"],
    [["G"], "to the field below it, which goes to a component by its name"],
  ]],
  ["In a formula that has the focus", [
    [["← →"], "from symbol to symbol; each lights up in the drawing"],
    [["Enter"], "asks about the symbol"],
  ]],
  ["In the tabs", [[["← →"], "the tab before and after"], [["Home", "End"], "the first and the last tab"]]],
  ["In the text", [[["Ctrl", "Z"], "takes back a change, the choice of an example too"], [["Tab"], "leaves the text"]]],
];

export function showKeys() {
  const rows = ([keys, does]) => h("tr", {},
    h("td", {}, ...keys.flatMap((key, at) => [at ? " " : "", h("kbd", {}, key)])), h("td", {}, does));
  openDialog("Keys", KEYS.flatMap(([where, list]) => [
    h("h3", {}, where), h("table", { class: "table keys" }, h("tbody", {}, ...list.map(rows)))]));
}

export function mountKeyboard(store) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.altKey && !event.ctrlKey && !event.metaKey) {
      const done = withAlt(event.code, store);
      if (done) event.preventDefault();
    } else if (event.key === "?" && !isField(event.target)) {
      event.preventDefault();
      showKeys();
    }
  });
}

function withAlt(code, store) {
  const panel = PANELS[Number(/^Digit([1-6])$/.exec(code)?.[1]) - 1];
  if (panel) {
    store.set({ panel }, "keyboard");
    document.getElementById(`tab-${panel}`)?.focus();
    return true;
  }
  if (code === "KeyT") return focusOn("bp-text");
  if (code === "KeyN") return focusOn("drawing", ".drawing-layer [tabindex='0'], .drawing-stage");
  return false;
}

/** Focuses an element, or what in it is to take the focus: the neuron that the arrows go on from. */
function focusOn(id, inner = "") {
  const element = document.getElementById(id);
  const found = inner ? [...(element?.querySelectorAll(inner) ?? [])] : [];
  const target = found.find((one) => one.matches(".drawing-layer *")) ?? found[0] ?? element;
  if (target instanceof HTMLElement) target.focus();
  return true;
}

function isField(target) {
  return target instanceof Element && target.closest("input, select, textarea, [contenteditable]") !== null;
}
