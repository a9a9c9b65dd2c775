// @ts-check
// A CSV of the reader's own: the file, and the list that says what each of its columns gives.

import { fittingFor, needOf, partOf, placesOf, usual, wrongWith } from "./columns.js";
import { csvOf, textOf } from "./csv.js";
import { chooseFile } from "./dialogs.js";
import { h } from "./elements.js";

const MOST_BYTES = 3_900_000; // of a CSV, so that the message stays below the server's bound
const WAYS = /** @type {const} */ ([["up", "↑", -1], ["down", "↓", 1]]);
const KINDS = "kinds of "; // before the name of an input: numbers of a column that stand for kinds

/** @typedef {import("./csv.js").Column} Column */

export class OwnData {
  #told;
  /** @type {ReturnType<typeof csvOf>|null} */
  #csv = null;
  /** The columns in the order in which they give the numbers of an input. @type {Column[]} */
  #columns = [];
  /** The place that each gives, by its name; "" for none. @type {Map<Column, string>} */
  #gives = new Map();
  /** @type {import("./columns.js").Place[]} */
  #places = [];
  #chosenByHand = false;

  /** @param {{file: (file: File) => void, another: () => void}} told  a file is chosen; its columns give something else */
  constructor(told) {
    this.#told = told;
    this.choose = h("button", { type: "button", onclick: () => chooseFile(".csv,.tsv,.txt,text/csv", told.file) }, "Choose a CSV");
    this.said = h("p", { class: "soft small", role: "status" });
    this.digest = h("summary");
    this.list = h("tbody");
    this.skips = h("input", { type: "checkbox", onchange: () => told.another() });
    this.gapsWords = h("span");
    this.gaps = h("label", { class: "field gaps", hidden: true }, this.skips, this.gapsWords);
    this.usualButton = h("button", { type: "button", class: "small", onclick: () => this.#again() }, "As usual");
    this.mapping = h("details", { class: "columns", hidden: true }, this.digest,
      h("p", { class: "soft small" }, "Which input or target of the network each column gives, and which columns are left out. Those of one input give its numbers in this order; words give a number each, 1 where the row says it, else 0, as do numbers that stand for kinds. ", this.usualButton),
      h("div", { class: "scrolls", tabindex: 0, role: "group", "aria-label": "The columns" }, h("table", { class: "table" },
        h("thead", {}, h("tr", {}, ...["Column", "Begins", "Gives", "As", "Order"].map((words) => h("th", { scope: "col" }, words)))),
        this.list)));
    this.element = h("div", { class: "own-data", "data-drop": "csv", hidden: true },
      h("div", { class: "row" }, this.choose, this.said), this.gaps, this.mapping);
    this.list.addEventListener("change", (/** @type {Event} */ { target }) => {
      if (target instanceof HTMLSelectElement) this.#give(this.#columns[Number(target.dataset.at)], target.value);
    });
  }

  /** Whether there is a CSV that can be read. */
  get there() {
    return this.#csv !== null;
  }

  /** Reads a file; what is wrong with it is said. @param {File} file */
  async take(file) {
    const large = file.size > MOST_BYTES;
    const text = large ? null : textOf(await file.arrayBuffer());
    const csv = text === null ? null : csvOf(file.name, text);
    const wrong = large ? "is larger than 3.9 MB; train on it with backprove train"
      : csv?.wrong ?? "is not text in UTF-8: in a spreadsheet, save it as CSV UTF-8";
    this.#csv = wrong ? null : csv;
    this.#columns = this.#csv?.columns ?? [];
    const doubts = (csv?.columns ?? []).filter(({ doubtful }) => doubtful)
      .map(({ name, doubtful }) => ` What ${name} says, such as ${doubtful}, may be thousands or decimals, and is taken for words.`);
    this.said.textContent = wrong || !csv ? `${file.name} ${wrong}.`
      : `${file.name}: ${csv.rows.toLocaleString("en")} rows, ${csv.columns.length} columns.${doubts.join("")}`;
    this.#chosenByHand = false;
    this.skips.checked = false;
    this.mapping.open = false;
    this.#decide();
  }

  /** Leaves out the rows that lack a value. */
  skip() {
    this.skips.checked = true;
    this.#told.another();
  }

  /** The network is another: what was chosen by hand stays where that can be. @param {any} network */
  fit(network) {
    const places = placesOf(network);
    const key = (/** @type {import("./columns.js").Place[]} */ list) => JSON.stringify(list);
    if (key(places) === key(this.#places)) return;
    const before = this.#places;
    this.#places = places;
    if (this.#chosenByHand) this.#translate(before);
    else this.#decide();
    this.#write();
  }

  /** A place of another name is given what the first of its kind was. */
  #translate(/** @type {import("./columns.js").Place[]} */ before) {
    for (const [column, name] of this.#gives) {
      if (!name || this.#places.some((place) => place.name === name)) continue;
      const kind = before.find((place) => place.name === name)?.kind;
      this.#gives.set(column, this.#places.find((place) => place.kind === kind)?.name ?? "");
    }
  }

  /** What is usual. */
  #decide() {
    const columns = this.#csv?.columns ?? [];
    const gives = usual(columns, this.#places);
    this.#gives = new Map(columns.map((column, at) => [column, gives[at]]));
    if (columns.length && this.#wrong) this.mapping.open = true;
    this.#write();
  }

  #again() {
    this.#chosenByHand = false;
    this.#columns = this.#csv?.columns ?? [];
    for (const column of this.#columns) column.asKinds = false;
    this.#decide();
    this.mapping.open = true;
    this.#told.another();
  }

  /** @param {Column} column @param {string} chosen  a name, of kinds or not */
  #give(column, chosen) {
    this.#chosenByHand = true;
    column.asKinds = chosen.startsWith(KINDS);
    this.#gives.set(column, column.asKinds ? chosen.slice(KINDS.length) : chosen);
    this.#write();
    this.#told.another();
  }

  /** The next column in a direction that gives the same; -1 where there is none. @param {number} at @param {number} way */
  #beside(at, way) {
    const name = this.#gives.get(this.#columns[at]);
    let other = at + way;
    while (this.#columns[other] && this.#gives.get(this.#columns[other]) !== name) other += way;
    return this.#columns[other] ? other : -1;
  }

  /** Two columns that give the same change places. @param {number} at @param {number} way */
  #move(at, way) {
    const other = this.#beside(at, way);
    this.#chosenByHand = true;
    this.#columns = [...this.#columns];
    [this.#columns[at], this.#columns[other]] = [this.#columns[other], this.#columns[at]];
    this.#write();
    const row = this.list.children[other];
    (row.querySelector(`[data-way="${way}"]:not(:disabled)`) ?? row.querySelector("button:not(:disabled)"))?.focus();
    this.#told.another();
  }

  // -- what is asked ---------------------------------------------------------------------------

  get #wrong() {
    return wrongWith(this.#columns, (column) => this.#gives.get(column) ?? "", this.#places);
  }

  #of(/** @type {"input"|"target"} */ kind) {
    const names = this.#places.filter((place) => place.kind === kind).map(({ name }) => name);
    return this.#columns.filter((column) => names.includes(this.#gives.get(column) ?? ""));
  }

  /** What they need of a network; null where there are none. @returns {import("./datasets.js").Data|null} */
  get data() {
    if (!this.#csv) return null;
    const wrong = this.#wrong;
    const { rows, of, where } = this.#gaps;
    return {
      title: this.#csv.name, ...needOf(this.#of("input"), this.#of("target")), wrong,
      other: wrong ? fittingFor(this.#columns, this.#gives, this.#places, this.#chosenByHand) : null,
      gaps: rows && !this.skips.checked ? `${of} ${rows === 1 ? "lacks" : "lack"} a value: ${where}.` : "",
    };
  }

  /** The rows that lack a value in a column that is used: how many, and in words where. */
  get #gaps() {
    const each = [...this.#of("input"), ...this.#of("target")].filter(({ lacking }) => lacking.length);
    const rows = new Set(each.flatMap(({ lacking }) => lacking)).size;
    const where = each.map(({ name, lacking }) => `${lacking.length.toLocaleString("en")} in ${name}`).join(", ");
    return { rows, where, of: `${rows.toLocaleString("en")} of ${this.#csv?.rows.toLocaleString("en")} rows` };
  }

  /** As a run is told of them. */
  get asked() {
    const given = this.#places.map(({ name }) => [name, this.#columns.filter((column) => this.#gives.get(column) === name).map((column) => column.name)]);
    return {
      csv: this.#csv?.text ?? "", columns: Object.fromEntries(given.filter(([, names]) => names.length)),
      one_hot: this.#of("input").filter(({ oneHot }) => oneHot).map(({ name }) => name),
      skip_missing: this.skips.checked,
    };
  }

  // -- the list --------------------------------------------------------------------------------

  #write() {
    this.mapping.hidden = !this.#csv;
    const { rows, of, where } = this.#gaps;
    this.gaps.hidden = !rows;
    this.gapsWords.textContent = `Leave out ${rows === 1 ? "the row that lacks" : `the ${rows.toLocaleString("en")} rows that lack`} a value: ${where}`;
    if (!this.#csv) return;
    const inputs = this.#of("input").length;
    const told = this.#of("target").map(({ name }) => name).join(", ");
    const out = this.#columns.length - inputs - this.#of("target").length;
    this.digest.textContent = `Columns: ${told || "nothing"} learned from ${inputs} ${inputs === 1 ? "other" : "others"}${out ? `, ${out} left out` : ""}`;
    const focused = document.activeElement instanceof HTMLSelectElement && this.list.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    this.usualButton.hidden = !this.#chosenByHand;
    const used = new Map();
    this.list.replaceChildren(...this.#columns.map((column, at) => {
      const name = this.#gives.get(column) ?? "";
      const before = used.get(name) ?? 0;
      used.set(name, before + column.width);
      return this.#row(column, at, name, before + 1);
    }));
    if (focused !== null) this.list.querySelector(`select[data-at="${focused}"]`)?.focus();
  }

  /** @param {Column} column @param {number} at @param {string} name @param {number} number  its first of those of its place */
  #row(column, at, name, number) {
    const place = this.#places.find((one) => one.name === name);
    const choice = h("select", { "data-at": at, "aria-label": `What ${column.name} gives` },
      h("option", { value: "" }, "nothing"),
      ...this.#places.flatMap((one) => waysOf(column, one)));
    choice.value = name && column.asKinds ? KINDS + name : name;
    const several = place?.kind === "input" && place.size !== 1;
    const moves = several ? WAYS.map(([words, sign, way]) => h("button", {
      type: "button", class: "plain", "data-way": way, "aria-label": `Move ${column.name} ${words}`,
      disabled: this.#beside(at, way) < 0, onclick: () => this.#move(at, way),
    }, sign)) : [];
    return h("tr", { class: place ? null : "out" },
      h("th", { scope: "row" }, column.name || "(no name)"), h("td", { class: "soft" }, column.begins), h("td", {}, choice),
      h("td", { class: "soft" }, ...(place?.kind === "input" ? partsOf(place, column, number) : [name])), h("td", { class: "moves" }, ...moves));
  }
}

/** What a column can be chosen to give of a place. @param {Column} column @param {import("./columns.js").Place} place */
function waysOf(column, { kind, name, size }) {
  const input = kind === "input";
  const option = (/** @type {string} */ before, /** @type {string} */ words) => h("option", { value: before + name },
    `${kind} ${name}${input && words ? ` (${column.labels.size} ${words})` : ""}`);
  return [option("", column.words ? "words" : ""), ...(input && column.mayBeKinds && (size !== 1 || column.asKinds) ? [option(KINDS, "kinds")] : [])];
}

/** The numbers of an input that a column gives. @param {import("./columns.js").Place} place @param {Column} column @param {number} number */
function partsOf(place, column, number) {
  const last = number + column.width - 1;
  if (last > place.size) return ["too many"];
  const parts = partOf(place, number) + (last > number ? ` … ${partOf(place, last)}` : "");
  return column.oneHot ? [parts, h("span", { class: "said-words" }, [...column.labels].join(", "))] : [parts];
}
