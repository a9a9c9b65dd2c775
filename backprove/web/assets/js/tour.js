// @ts-check
/** The guided tour: a card beside the page, which opens an example for each of its stops. */
import { h, prose } from "./elements.js";
import { open } from "./refresh.js";
import { bringIntoView } from "./tabs.js";

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
    card?.replaceChildren(
      h("p", { class: "tour-where" }, `Stop ${at + 1} of ${stops.length} · ${stop.source}`),
      heading, prose(stop.words, "div"),
      h("div", { class: "row" },
        at > 0 && h("button", { type: "button", onclick: () => visit(at - 1) }, "Back"),
        !last && h("button", { type: "button", class: "primary", onclick: () => visit(at + 1) }, "Next"),
        h("button", { type: "button", class: last ? "primary" : "plain", onclick: end }, "End the tour"),
        last && h("button", { type: "button", onclick: () => { end(); open(store, mine); } }, "Back to my network")));
    heading.focus({ preventScroll: true });
    bringIntoView(document.getElementById("side"));
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
