// @ts-check
/** The guided tour: a card beside the page, which opens an example for each of its stops. */
import { h, prose } from "./elements.js";
import { open } from "./refresh.js";
import { bringIntoView } from "./tabs.js";

/** Folds the card to a line, and back. @param {HTMLElement} card */
function folding(card) {
  const button = h("button", {
    type: "button", class: "plain",
    onclick: () => { button.textContent = card.classList.toggle("folded") ? "Unfold" : "Fold"; },
  }, "Fold");
  return button;
}

export function startTour(store) {
  const card = document.getElementById("tour");
  const { choices, text, values, seed, view, selection, panel } = store.get();
  const stops = choices?.tour ?? [];
  if (!card || !stops.length) {
    store.set({ status: "The tour is not there: the server sent none." }, "tour");
    return;
  }
  const mine = { text, values, seed, view, selection, panel };
  const opener = document.activeElement;

  function end() {
    if (!card) return;
    card.hidden = true;
    card.replaceChildren();
    card.classList.remove("folded");
    card.removeEventListener("keydown", onKey);
    if (opener instanceof HTMLElement) opener.focus();
  }

  function onKey(event) {
    if (event.key === "Escape") end();
  }

  async function visit(at) {
    const stop = stops[at];
    const heading = h("h2", { tabindex: "-1" }, stop.title);
    const last = at === stops.length - 1;
    const words = prose(stop.words, "div");
    card?.classList.remove("folded");
    card?.replaceChildren(
      h("div", { class: "tour-head" },
        h("p", { class: "tour-where" }, `Stop ${at + 1} of ${stops.length} · ${stop.source}`), folding(card)),
      h("div", { class: "tour-text", tabindex: "0", role: "group", "aria-label": "What there is to see" }, heading, words),
      h("div", { class: "row" },
        at > 0 && h("button", { type: "button", onclick: () => visit(at - 1) }, "Back"),
        !last && h("button", { type: "button", class: "primary", onclick: () => visit(at + 1) }, "Next"),
        h("button", { type: "button", class: last ? "primary" : "plain", onclick: end }, "End the tour"),
        last && h("button", { type: "button", onclick: () => { end(); open(store, mine); } }, "Back to my network")));
    heading.focus({ preventScroll: true });
    // to point at the drawing, one has to see it
    bringIntoView(document.getElementById(/\bpoint at\b|\bdrawing\b/i.test(words.textContent) ? "network-panel" : "side"));
    const { notation, style, zoom, quantity } = stop;
    const example = choices.examples.find(({ name }) => name === stop.example);
    await open(store, {
      text: example?.text ?? store.get().text, view: { notation, style, zoom }, selection: quantity, panel: stop.panel,
    });
  }

  card.hidden = false;
  card.addEventListener("keydown", onKey);
  visit(0);
}
