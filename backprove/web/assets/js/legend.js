// @ts-check
/** What the edges show: the buttons that choose it, and the legend of its colours. */
import { LEVELS, colourOf } from "./colours.js";
import { h } from "./elements.js";
import { short } from "./values.js";

const SHOWN = [
  { show: "weight", title: "Weights", legend: "weight" },
  { show: "gradient", title: "Gradients", legend: "gradient" },
  { show: "factor", title: "Passed back", legend: "weight × what comes back" },
];

export class Legend {
  #key = "";

  /** @param {(show: string) => void} choose */
  constructor(choose) {
    this.buttons = SHOWN.map(({ show, title }) => h("button", {
      type: "button", "data-show": show, onclick: () => choose(show),
    }, title));
    this.shows = h("div", { class: "drawing-shows", role: "group", "aria-label": "What the edges show" }, ...this.buttons);
    this.element = h("div", { class: "legend" });
  }

  /**
   * @param {string} show @param {import("./edges.js").Edges} edges
   * @param {import("./colours.js").Theme} theme
   */
  write(show, edges, theme) {
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.show === show));
    }
    const { largest, numbered, drawn, all } = edges;
    const { legend } = SHOWN.find((one) => one.show === show) ?? SHOWN[0];
    const key = [show, numbered, short(largest), drawn.length, all.length, theme.positive].join();
    if (this.#key === key) return;
    this.#key = key;
    if (!numbered || largest === 0) {
      const weighted = all.some(({ component }) => component !== null);
      const words = weighted ? `No numbers yet: every ${legend} looks alike.` : "";
      this.element.replaceChildren(h("span", { class: "soft" }, numbered ? `Every ${legend} is 0.` : words));
      return;
    }
    this.element.replaceChildren(h("span", { class: "soft" }, legend),
      h("span", { class: "legend-number negative" }, short(-largest)), bar(theme),
      h("span", { class: "legend-number positive" }, short(largest)));
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", `Colour and width by ${legend}: blue ${short(-largest)}, grey 0, orange ${short(largest)}`);
  }
}

function bar(theme) {
  const element = h("span", { class: "legend-bar", "aria-hidden": "true" });
  element.append(...Array.from({ length: 2 * LEVELS + 1 }, (_, at) => {
    const step = h("i");
    step.style.background = colourOf(theme, at - LEVELS);
    return step;
  }));
  return element;
}
