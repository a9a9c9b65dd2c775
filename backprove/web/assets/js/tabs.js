// @ts-check
/** The panels at the side: tabs after the ARIA pattern, arrows move between them. */
import { PANELS } from "./state.js";

/** In one column, the panel's beginning comes under the eye. */
export function bringIntoView(side) {
  if (matchMedia("(max-width: 899.98px)").matches) side.scrollIntoView({ block: "start" });
}

export function mountTabs(side, store) {
  const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const tab = (name) => byId(`tab-${name}`);
  const show = ({ panel }) => {
    for (const name of PANELS) {
      const chosen = name === panel;
      tab(name).setAttribute("aria-selected", String(chosen));
      tab(name).tabIndex = chosen ? 0 : -1;
      byId(`panel-${name}`).hidden = !chosen;
    }
  };
  for (const name of PANELS) {
    tab(name).addEventListener("click", () => {
      store.set({ panel: name }, "tabs");
      bringIntoView(side);
    });
  }
  side.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
    const at = PANELS.indexOf(store.get().panel);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: PANELS.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const name = PANELS[(to + PANELS.length) % PANELS.length];
    store.set({ panel: name }, "tabs");
    tab(name).focus();
  });
  store.on("panel", show);
  show(store.get());
}
