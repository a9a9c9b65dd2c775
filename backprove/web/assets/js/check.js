// @ts-check
// A derivation written by hand, read as it is typed and judged line by line.

import { ask, isAborted } from "./api.js";
import { components } from "./components.js";
import { debounced, formula, h, prose, stylesheet } from "./elements.js";
import { called, gradientOf, inline, printed, scrolling, selecting, trouble } from "./formula.js";
import { latex } from "./latex.js";
import { given } from "./state.js";
import { whenShown } from "./walking.js";

const OFFERED = 50; // components of each quantity that can be chosen
const WAIT = 300; // milliseconds between the last key and the preview

// What the status of a line is called; its sign comes with it.
/** @type {Record<string, string>} */
const STATUS = {
  right: "right", wrong: "wrong", carried: "carried on", definition: "definition",
  undecided: "undecided", unread: "not read",
};

/** @type {Record<string, string>} */
const VERDICT = {
  right: "Right", wrong: "Not right", "right-under-another-convention": "Right under another convention",
  unreadable: "Not readable",
};

/**
 * @param {HTMLElement} element
 * @param {any} store
 */
export function mount(element, store) {
  stylesheet("panels");
  const quantity = h("select", { id: "check-quantity", onchange: () => store.set({ selection: quantity.value }, "check") });
  const text = h("textarea", {
    id: "check-answer", rows: 6, spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    "aria-describedby": "check-how", oninput: typed, onkeydown: pressed,
  });
  const how = h("div", { id: "check-how", class: "how" });
  const preview = h("div", { class: "read-back", role: "region", "aria-label": "How it is read" });
  const verdict = h("div", { class: "verdict", "aria-live": "polite" });
  const judge = h("button", { type: "button", class: "primary", onclick: check }, "Check");
  const start = h("button", { type: "button", onclick: begin }, "Begin");
  const symbol = h("span", { class: "asked" });
  element.replaceChildren(h(
    "div", { class: "explaining checking" },
    h("h2", {}, "Check a derivation"),
    h("div", { class: "bar" }, h("label", { class: "field", for: "check-quantity" }, "the derivative in", quantity), symbol, start),
    h("label", { for: "check-answer", class: "answer-label" }, "Your derivation, a line for each step"),
    text, how,
    h("div", { class: "bar" }, judge, h("span", { class: "soft small" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"))),
    preview, verdict,
  ));
  selecting(preview, store);
  selecting(verdict, store);

  const look = debounced(read, WAIT);
  whenShown(element, store, ["network", "selection"], () => offer(store.get()));
  store.on("selection", () => verdict.replaceChildren());
  store.on(["network", "view"], () => {
    explain();
    if (text.value.trim()) look();
  });
  explain();

  /** The quantities that can be chosen, with the selected component among them. */
  function offer(/** @type {any} */ { network, selection }) {
    const trained = (network?.quantities ?? []).filter((/** @type {any} */ q) => q.kind !== "target" && q.name !== network.loss);
    const names = trained.flatMap((/** @type {any} */ q) =>
      q.shape.length && q.shape.every(Number.isInteger) ? [q.name, ...components(q.name, q.shape, OFFERED)] : [q.name]);
    if (selection && !names.includes(selection)) names.unshift(selection);
    const options = names.map((/** @type {string} */ name) => h("option", { value: name }, name));
    quantity.replaceChildren(...(selection ? options : [h("option", { value: "" }, "choose…"), ...options]));
    quantity.value = selection ?? "";
    judge.disabled = !selection;
    start.disabled = !selection;
    const isKnown = Boolean(selection && network);
    symbol.replaceChildren(...(isKnown ? [called(selection, network)] : []));
    start.replaceChildren("Begin", ...(isKnown ? [" with ", gradientOf(selection, network), " ="] : []));
  }

  /** How the notation at hand is written, by the network's own first equation. */
  function explain() {
    const { network, view } = store.get();
    const example = network?.equations?.find((/** @type {any} */ e) => e.mathml);
    const isPlain = view.notation === "as-written";
    how.replaceChildren(h("p", {},
      "Plain or LaTeX; each line may begin with “=” and follows from the line before. ",
      ...(example
        ? ["In this notation ", inline(example.mathml), " is written ", h("code", {}, isPlain ? example.text : latex(example.mathml)), "."]
        : [])));
  }

  async function begin() {
    const state = store.get();
    const { selection, view, network } = state;
    if (!selection) return;
    let words = `∂${network.loss}/∂${selection} = `;
    if (view.notation !== "as-written") words = (await inNotation(state)) ?? words;
    text.value = text.value.trim() ? `${text.value.trimEnd()}\n${words}` : words;
    text.focus();
    text.setSelectionRange(text.value.length, text.value.length);
    typed();
  }

  function typed() {
    verdict.classList.add("stale");
    look();
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void check();
    }
  }

  async function read() {
    const state = store.get();
    if (!state.network || !text.value.trim()) return preview.replaceChildren();
    try {
      const answer = await ask("preview", { ...given(state), answer: text.value, quantity: state.selection ?? "" });
      preview.replaceChildren(h("h3", {}, "How it is read"), h("ol", { class: "read" }, ...answer.lines.map(readLine)),
        ...(answer.readings ?? []).map((/** @type {string} */ says) => prose(says, "p", { class: "note" })));
    } catch (problem) {
      if (!isAborted(problem)) preview.replaceChildren(trouble(problem));
    }
  }

  async function check() {
    const state = store.get();
    if (!state.network || !state.selection) return;
    if (!text.value.trim()) {
      verdict.classList.remove("stale");
      return verdict.replaceChildren(h("p", { class: "note" }, "Write at least one line first."));
    }
    verdict.setAttribute("aria-busy", "true");
    try {
      const answer = await ask("check", { ...given(state), quantity: state.selection, answer: text.value });
      verdict.replaceChildren(...judged(answer, state.network));
    } catch (problem) {
      if (isAborted(problem)) return;
      verdict.replaceChildren(trouble(problem));
    } finally {
      verdict.removeAttribute("aria-busy");
    }
    verdict.classList.remove("stale");
    verdict.scrollIntoView({ block: "nearest" });
  }
}

/**
 * "∂J/∂w =" in the symbols of the notation, as the derivation's own question has it.
 * @param {any} state
 */
async function inNotation(state) {
  const { style, zoom } = state.view;
  try {
    const answer = await ask(
      "derivation", { ...given(state), quantity: state.selection, style, zoom, numbers: false }, { lane: "begin" });
    const asked = prose(answer.question).querySelectorAll("math");
    return asked.length ? `${latex(asked[asked.length - 1])} = ` : null;
  } catch {
    return null;
  }
}

/** @param {any} line */
function readLine({ number, text, mathml, problem }) {
  return h(
    "li", { value: number, class: problem ? "unread" : null },
    mathml ? formula(mathml) : h("code", {}, text),
    problem && prose(problem, "p", { class: "error" }),
  );
}

// -- the verdict -------------------------------------------------------------------------------

/** @param {any} answer @param {any} network */
function judged(answer, network) {
  return [
    h("h3", { class: `word word-${answer.verdict}` }, VERDICT[answer.verdict] ?? answer.verdict),
    prose(answer.summary, "p", { class: "summary" }),
    answer.convention && h("p", {}, "Convention: ", answer.convention),
    judgedLines(answer.lines ?? [], answer.first_wrong_line),
    compared(answer.comparison, answer.first_wrong_line),
    listed(
      answer.diagnosis?.length > 1 ? "What is wrong, the likeliest first" : "What is wrong",
      (answer.diagnosis ?? []).map((/** @type {any} */ { says }) => prose(says, "li")),
    ),
    countered(answer.counterexample, network),
    listed("How it was read", (answer.readings ?? []).map((/** @type {string} */ says) => prose(says, "li"))),
  ].filter(Boolean);
}

/**
 * @param {any[]} lines
 * @param {number|null} first
 */
function judgedLines(lines, first) {
  if (!lines.length) return null;
  return scrolling("The verdict at each line", h(
    "table", { class: "table judged" },
    h("caption", { class: "visually-hidden" }, "The verdict at each line"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "line"), h("th", { scope: "col" }, "verdict"), h("th", { scope: "col" }, "your line"))),
    h("tbody", {}, ...lines.map((line) => h(
      "tr", { class: `status-${line.status}${line.number === first ? " first-wrong" : ""}` },
      h("th", { scope: "row" }, line.number),
      h("td", { class: "status" }, h("span", { class: "status-sign", "aria-hidden": "true" }, line.sign.trim()), " ", STATUS[line.status] ?? line.status),
      h("td", {}, line.mathml ? formula(line.mathml) : h("code", {}, line.text),
        line.status !== "right" && line.says && prose(line.says, "p", { class: "says" })),
    ))),
  ));
}

/**
 * @param {any} comparison
 * @param {number|null} line
 */
function compared(comparison, line) {
  if (!comparison) return null;
  return h(
    "section", { class: "compared" },
    h("h4", {}, line ? `Line ${line}, side by side` : "Side by side"),
    h("dl", {},
      h("dt", {}, "yours"), h("dd", {}, formula(comparison.yours)),
      h("dt", {}, "correct"), h("dd", {}, formula(comparison.correct))),
    h("p", { class: "how" }, "What differs is ", h("span", { class: "changed" }, "marked"), "."),
  );
}

/**
 * @param {string} title
 * @param {Node[]} items
 */
function listed(title, items) {
  return items.length ? h("section", {}, h("h4", {}, title), h("ul", {}, ...items)) : null;
}

/** @param {any} example @param {any} network */
function countered(example, network) {
  if (!example) return null;
  const given = Object.entries(example.at ?? {});
  const where = Object.entries(example.component ?? {}).map(([letter, index]) => `${letter} = ${index}`);
  return h(
    "section", { class: "counterexample" },
    h("h4", {}, "Numbers at which it is not right"),
    where.length > 0 && h("p", {}, `For ${where.join(", ")}.`),
    scrolling("A counterexample", h(
      "table", { class: "table" },
      h("caption", { class: "visually-hidden" }, "A counterexample"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "what"), h("th", { scope: "col", class: "number" }, "number"))),
      h("tbody", {},
        ...given.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, called(name, network)), h("td", { class: "number" }, printed(asNumber(value), 4)))),
        h("tr", { class: "outcome" }, h("th", { scope: "row" }, "yours"), h("td", { class: "number" }, printed(asNumber(example.yours)))),
        h("tr", { class: "outcome" }, h("th", { scope: "row" }, "correct"), h("td", { class: "number" }, printed(asNumber(example.correct))))),
    )),
  );
}

/** Decimals may come as text, with more digits than a number holds. @param {any} value @returns {any} */
function asNumber(value) {
  if (Array.isArray(value)) return value.map(asNumber);
  return typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}
