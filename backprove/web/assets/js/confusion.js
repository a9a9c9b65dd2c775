// @ts-check
// Which class was taken for which: a table, shaded by each row's share.

import { h } from "./elements.js";

export class Confusion {
  #table = h("table", { class: "table confusion" });
  #words = h("p", { class: "soft small" });
  /** @type {string[]} */
  #classes = [];
  #key = "";

  constructor() {
    this.element = h("section", { class: "confusion-figure", hidden: true },
      h("h3", {}, "What was taken for what"), this.#words, h("div", { class: "scrolls", tabindex: 0, role: "group", "aria-label": "What was taken for what" }, this.#table));
  }

  /** @param {any} ready */
  begin(ready) {
    this.#classes = ready?.classes ?? [];
    this.#key = "";
    this.element.hidden = true;
    if (!ready) return;
    this.#words.textContent = ready.validation_rows
      ? `The ${ready.validation_rows.toLocaleString("en")} validation samples: a row a class, a column for what the network says.`
      : "The first training samples: a row a class, a column for what the network says.";
  }

  /** @param {number[][]|null} counts  [class][taken for] */
  show(counts) {
    const key = JSON.stringify(counts);
    if (!counts || key === this.#key) return;
    this.#key = key;
    this.element.hidden = false;
    const label = (/** @type {number} */ at) => this.#classes[at] ?? String(at);
    const head = h("tr", {}, h("th", { scope: "col" }, "class"),
      ...counts.map((_, at) => h("th", { scope: "col", class: "number" }, label(at))), h("th", { scope: "col", class: "number" }, "right"));
    const rows = counts.map((row, at) => {
      const all = row.reduce((sum, count) => sum + count, 0);
      return h("tr", {}, h("th", { scope: "row" }, label(at)),
        ...row.map((count, other) => {
          const cell = h("td", { class: `number ${at === other ? "hit" : count ? "miss" : "none"}` }, count || "·");
          cell.style.setProperty("--share", String(all ? count / all : 0));
          return cell;
        }),
        h("td", { class: "number soft" }, all ? `${Math.round((100 * row[at]) / all)} %` : ""));
    });
    this.#table.replaceChildren(h("thead", {}, head), h("tbody", {}, ...rows));
  }
}
