// @ts-check
// The derivation of what is selected: whole, or line by line, with the reason for each line.

import { derivation, question } from "./ahead.js";
import { ask, isAborted } from "./api.js";
import { at, component, places } from "./components.js";
import { formula, h, prose, stylesheet } from "./elements.js";
import { called, inline, isDerivative, key, printed, selecting, sign, trouble } from "./formula.js";
import { Way } from "./pointing.js";
import { isCalm, isWriting, lighting, walker, whenShown } from "./walking.js";

const INVITED = {
  title: "Which gradient shall be derived?",
  words: "Choose a weight here, or click an edge, a neuron or the loss in the drawing. Its gradient is then "
    + "derived line by line, with the reason for each line.",
  whole: true,
};

/** Weights of one quantity that are offered as buttons; of more, the first ones. */
const OFFERED = 64;

/** Pixels that a line takes at least, with its reasons: what is beyond sight comes after a first picture. */
const LINE = 120;

/** Milliseconds after which the derivation on the page steps back for one that is not there yet. */
const PATIENCE = 150;

/**
 * @param {HTMLElement} element
 * @param {any} store
 */
export function mount(element, store) {
  stylesheet("panels");
  const body = h("div", { class: "explaining derivation" });
  element.replaceChildren(body);
  /** @type {any} */
  let answer = null;
  let answered = ""; // the quantity that the derivation on the page is of
  let current = 0;
  let stepwise = false;
  /** @type {HTMLElement[]} every line in order, over all blocks */
  let lines = [];
  let total = 0; // of lines, also of those that are not on the page yet
  /** @type {(() => void)|null} shows what of the derivation is not on the page yet */
  let rest = null;
  let asked = ""; // the question that the page answers, to overlook changes that do not touch it
  /** @type {Promise<Map<string, string>>|null} */
  let factors = null;
  /** @type {Promise<any>|null} the same answer with the rule behind each reason */
  let explained = null;
  const walk = walker({ go, what: "Steps of the derivation" });

  whenShown(element, store, ["selection", "view", "values", "network", "seed"], refresh);
  element.addEventListener("keydown", pressed);
  body.addEventListener("click", clicked, true);
  selecting(body, store);
  lighting(body, store, "derivation");

  async function refresh() {
    const state = store.get();
    factors = explained = null;
    if (!state.network) return body.replaceChildren(waiting());
    if (!state.selection) {
      asked = answered = "";
      rest = null;
      walk.stop();
      return body.replaceChildren(...invitation(state.network, choose));
    }
    const asks = question(state);
    const words = JSON.stringify(asks);
    if (words === asked) return;
    asked = words;
    body.setAttribute("aria-busy", "true");
    const late = setTimeout(() => body.classList.add("late"), PATIENCE);
    const settle = () => {
      clearTimeout(late);
      body.removeAttribute("aria-busy");
      body.classList.remove("late");
    };
    try {
      answer = await derivation(asks);
    } catch (problem) {
      if (isAborted(problem)) return clearTimeout(late);
      answered = "";
      lines = [];
      rest = null;
      walk.stop();
      settle();
      return body.replaceChildren(heading(state), trouble(problem));
    }
    settle();
    if (answered !== state.selection) current = 0;
    answered = state.selection;
    if (state.view.numbers) factors = Promise.resolve(numbered(answer));
    show();
  }

  /** @param {string} quantity */
  function choose(quantity) {
    store.set({ selection: quantity }, "derivation");
  }

  // -- the page ------------------------------------------------------------------------------

  function show() {
    walk.stop();
    const top = h(
      "div", { class: "panel-top" },
      prose(answer.question, "h2"),
      h(
        "div", { class: "bar" },
        h(
          "div", { class: "modes", role: "group", "aria-label": "How much is shown" },
          mode("Whole", false), mode("Step by step", true),
        ),
        walk.bar,
      ),
      h(
        "p", { class: "how" },
        "Each line equals the one above it; what changed is ",
        h("span", { class: "changed" }, "marked"),
        ". Click a symbol to go to it, a factor for its number. Keys: j and k step, n numbers a line.",
      ),
    );
    lines = [];
    const { blocks } = answer;
    total = blocks.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + linesOf(one), 0);
    // where the reader has scrolled, nothing may become shorter in between
    const first = stepwise || isScrolled(element) ? blocks.length : enough(blocks);
    body.replaceChildren(top, ...blocks.slice(0, first).map(block));
    rest = () => {
      rest = null;
      body.append(
        ...blocks.slice(first).map((/** @type {any} */ one, /** @type {number} */ at) => block(one, first + at)),
        computed(store.get()), remarks("Notes", (answer.notes ?? []).map((/** @type {string} */ n) => prose(n, "li"))),
        remarks("About this network", (answer.about ?? []).map((/** @type {string} */ n) => h("li", {}, n))),
      );
      current = Math.min(current, total - 1);
      mark(false);
    };
    if (first === blocks.length) return whole();
    mark(false);
    const mine = rest;
    requestAnimationFrame(() => setTimeout(() => rest === mine && whole()));
  }

  /** Shows what is not on the page yet. */
  function whole() {
    rest?.();
  }

  /**
   * @param {string} words
   * @param {boolean} which
   */
  function mode(words, which) {
    return h(
      "button",
      {
        type: "button", "aria-pressed": String(stepwise === which),
        onclick: (/** @type {Event} */ event) => {
          whole();
          stepwise = which;
          if (which) current = 0;
          else walk.stop();
          const group = /** @type {HTMLElement} */ (event.currentTarget).parentElement;
          for (const button of group?.children ?? [])
            button.setAttribute("aria-pressed", String(button === event.currentTarget));
          mark(true);
        },
      },
      words,
    );
  }

  /** @param {any} block @param {number} number */
  function block(block, number) {
    const rows = block.rows.map((/** @type {any} */ row, /** @type {number} */ place) =>
      line(block, row, place, (/** @type {number} */ at) => reasonBehind(number, place, at)));
    const section = h(
      "section", { class: "passage" },
      block.title && prose(block.title, "h3"),
      ...(block.before ?? []).map((/** @type {string} */ words) => prose(words)),
      rows.length > 0 && h("ol", { class: "chain" }, ...rows),
      inNumbers(block.values ?? []),
      ...(block.after ?? []).map((/** @type {string} */ words) => prose(words, "p", { class: "after" })),
    );
    lines.push(...(rows.length ? rows : [section]));
    return section;
  }

  // -- walking -------------------------------------------------------------------------------

  /** @param {number} by */
  function go(by) {
    whole();
    const place = current + by;
    if (place < 0 || place >= lines.length) return false;
    if (!stepwise) {
      stepwise = true;
      const [whole, steps] = body.querySelectorAll(".modes button");
      whole?.setAttribute("aria-pressed", "false");
      steps?.setAttribute("aria-pressed", "true");
      // the reader starts at the beginning, not at the second line
      current = by > 0 ? 0 : place;
    } else current = place;
    mark(true);
    return true;
  }

  /** @param {boolean} moved */
  function mark(moved) {
    body.classList.toggle("stepwise", stepwise);
    lines.forEach((row, place) => {
      const isCurrent = stepwise && place === current;
      row.classList.toggle("current", isCurrent);
      row.hidden = stepwise && place > current;
      if (isCurrent) row.setAttribute("aria-current", "step");
      else row.removeAttribute("aria-current");
    });
    for (const section of /** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll(".passage"))) {
      const inside = lines.filter((row) => section === row || section.contains(row));
      section.hidden = inside.every((row) => row.hidden);
      section.classList.toggle("unfinished", inside.some((row) => row.hidden));
    }
    const words = stepwise ? undefined : `${total} lines`;
    walk.show(stepwise ? current : 0, total, words);
    const now = lines[current];
    if (!moved || !stepwise || !now) return;
    now.scrollIntoView({ block: "nearest", behavior: isCalm() ? "auto" : "smooth" });
    light(now);
  }

  /**
   * What the line changed lights up in the drawing.
   * @param {HTMLElement} row
   */
  function light(row) {
    const right = row.querySelector(".right") ?? row;
    const changed = right.querySelectorAll(".changed [data-q], .changed[data-q]");
    const symbols = changed.length ? changed : right.querySelectorAll("[data-q]");
    const within = changed.length ? right.querySelectorAll(".changed mfrac, mfrac.changed") : right.querySelectorAll("mfrac");
    const pointed = [...symbols].map((s) => s.getAttribute("data-q"));
    store.set({ highlight: new Way(pointed, steps(within)) }, "derivation");
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (isWriting(event) || !lines.length || !answered) return;
    whole();
    const by = { j: 1, ArrowRight: 1, ArrowDown: 1, k: -1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const vertical = event.key === "ArrowDown" || event.key === "ArrowUp";
    // in a formula that has the focus these go from symbol to symbol
    const inFormula = /** @type {Element} */ (event.target).matches(".formula") && event.key.startsWith("Arrow");
    if (by && !inFormula && !(vertical && !stepwise)) {
      walk.move(by);
      event.preventDefault();
    } else if (event.key === "n") {
      const row = lines[current];
      if (row) void showNumbers(row, [...row.querySelectorAll(".right mfrac")].filter(isDerivative));
    }
  }

  // -- the number of a factor ----------------------------------------------------------------

  /** @param {MouseEvent} event */
  function clicked(event) {
    const fraction = /** @type {Element} */ (event.target).closest(".right mfrac");
    const row = /** @type {HTMLElement|null|undefined} */ (fraction?.closest(".line"));
    if (!fraction || !row || !isDerivative(fraction)) return;
    event.stopPropagation();
    void showNumbers(row, [fraction]);
  }

  /**
   * Writes beside a line what its factors are as numbers.
   * @param {HTMLElement} row
   * @param {Element[]} fractions
   */
  async function showNumbers(row, fractions) {
    const found = await numbers();
    const known = new Map(fractions.map((f) => [key(f), f]));
    row.querySelector(".beside")?.remove();
    const chips = [...known].map(([name, fraction]) => {
      const number = found.get(name);
      return h(
        "span", { class: "chip" }, inline(`<math>${fraction.outerHTML}</math>`),
        number === undefined ? " has no number here" : ` = ${number.replace("-", "−")}`,
      );
    });
    if (chips.length) row.append(h("div", { class: "beside", role: "status" }, ...chips));
  }

  /**
   * A reason with its rule's law and what it changed: asked for once somebody wants to know why.
   * @param {number} block @param {number} row @param {number} at
   */
  async function reasonBehind(block, row, at) {
    explained ??= ask("derivation", { ...question(store.get(), undefined, false), why: true }, { lane: "why" }).catch((problem) => {
      explained = null; // the next click asks again
      throw problem;
    });
    return (await explained).blocks[block].rows[row].reasons[at];
  }

  function numbers() {
    factors ??= ask("derivation", question(store.get(), undefined, true), { lane: "factors" }).then(
      numbered, () => new Map());
    return factors;
  }
}

/**
 * Which leads to which in derivatives such as ∂h/∂z: from z to h.
 * @param {Iterable<Element>} fractions
 */
function steps(fractions) {
  return [...fractions].filter(isDerivative).flatMap((fraction) => {
    const [to, from] = [...fraction.children].map((part) =>
      (part.closest("[data-q]") === part ? part : part.querySelector("[data-q]"))?.getAttribute("data-q"));
    return from && to ? [{ from, to }] : [];
  });
}

function waiting() {
  return h("p", { class: "soft" }, "There is no network yet: write one in the text, or choose an example.");
}

/** @param {any} state */
function heading({ selection, network }) {
  return h("h2", {}, "The derivation of ", called(selection, network));
}

/**
 * The numbers that a derivation carries, by the text of their formula.
 * @param {any} answer
 * @returns {Map<string, string>}
 */
function numbered(answer) {
  const found = new Map();
  for (const block of answer.blocks) {
    for (const { part, number } of block.values ?? []) found.set(key(inline(part)), number);
    // the last value is that of the block's last line, and so of its left side
    const last = block.values?.at(-1);
    const end = block.rows.at(-1)?.right;
    if (last && end && block.left && key(inline(last.part)) === key(inline(end)))
      found.set(key(inline(block.left)), last.number);
  }
  return found;
}

/** @param {any} block */
function linesOf(block) {
  return Math.max(1, block.rows.length);
}

/** How many blocks are more than what is in sight. @param {any[]} blocks */
function enough(blocks) {
  let lines = 0;
  const last = blocks.findIndex((one) => (lines += linesOf(one)) >= innerHeight / LINE);
  return last < 0 ? blocks.length : last + 1;
}

/** @param {Element} element */
function isScrolled(element) {
  return Boolean(element.closest("#panels")?.scrollTop || element.scrollTop || document.scrollingElement?.scrollTop);
}

// -- parts of the page -------------------------------------------------------------------------

/**
 * A line: its reasons, then left = right.
 * @param {any} block
 * @param {any} row
 * @param {number} place
 * @param {(at: number) => Promise<any>} behind  a reason of it, with its rule
 */
function line(block, row, place, behind) {
  const left = h("div", { class: "left" });
  if (block.left && place === 0) left.append(inline(block.left));
  return h(
    "li", { class: "line" },
    row.reasons.length > 0 && h("div", { class: "reasons" },
      ...row.reasons.map((/** @type {any} */ reason, /** @type {number} */ at) => reasonOf(reason, () => behind(at)))),
    left,
    h("div", { class: "sign" }, block.left ? sign("=") : ""),
    h("div", { class: "right" },
      formula(row.right, "div", { tabindex: "0", role: "group", "aria-label": `Line ${place + 1}` }), row.label && h("span", { class: "label" }, row.label)),
  );
}

/**
 * What was done, and behind a button the rule, its law, what stood there before and after.
 * @param {any} reason
 * @param {() => Promise<any>} behind
 */
function reasonOf(reason, behind) {
  const more = h("div", { class: "why", hidden: true });
  const button = h(
    "button",
    {
      type: "button", class: "why-button", "aria-expanded": "false", "aria-label": `Why: ${reason.rule}`,
      onclick: () => {
        if (!more.firstChild) void behind().then((whole) => more.append(...why(whole)), (problem) => {
          if (!isAborted(problem)) more.append(trouble(problem));
        });
        more.hidden = !more.hidden;
        button.setAttribute("aria-expanded", String(!more.hidden));
      },
    },
    "why",
  );
  const says = prose(reason.says, "span", { class: "says" });
  return h("div", { class: "reason" }, says, " ", button, more);
}

/** @param {any} reason */
function why(reason) {
  const when = reason.when ? `, ${reason.when}` : "";
  const shown = [h("p", { class: "rule" }, reason.rule, when)];
  for (const { left, right } of reason.law ?? []) {
    const law = h("p", { class: "law" }, inline(left), " ", sign("="), " ", inline(right));
    // a law's letters are its own, also where a quantity has the same name
    for (const letter of law.querySelectorAll("[data-q]")) letter.removeAttribute("data-q");
    shown.push(law);
  }
  for (const { before, after } of reason.changes ?? [])
    shown.push(
      h(
        "div", { class: "change" },
        h("div", {}, h("span", { class: "tag" }, "before"), formula(before)),
        h("div", {}, h("span", { class: "tag" }, "after"), formula(after)),
      ),
    );
  return shown;
}

/**
 * Where the loss itself is selected: how it is computed.
 * @param {any} state
 */
function computed({ network, selection }) {
  if (selection !== network.loss) return "";
  const lines = network.equations.map((/** @type {any} */ e) => h("li", {}, formula(e.mathml)));
  return h("section", { class: "passage" }, h("h3", {}, "How it is computed"), h("ol", { class: "equations" }, ...lines));
}

/** @param {{part: string[], number: string}[]} values */
function inNumbers(values) {
  if (!values.length) return null;
  return h(
    "div", { class: "values" },
    h("h4", {}, "In numbers"),
    h("dl", {}, ...values.map(({ part, number }) =>
      h("div", {}, h("dt", {}, inline(part)), h("dd", {}, `= ${number.replace("-", "−")}`)))),
  );
}

/**
 * @param {string} title
 * @param {Node[]} items
 */
function remarks(title, items) {
  return items.length ? h("aside", { class: "remarks" }, h("h3", {}, title), h("ul", {}, ...items)) : "";
}

/**
 * What to do first: words, and the weights to choose from.
 * @param {any} network
 * @param {(quantity: string) => void} choose
 * @param {{title: string, words: string, whole: boolean}} [say]
 */
export function invitation(network, choose, say = INVITED) {
  const trained = network.quantities.filter((/** @type {any} */ q) => q.kind === "weight" || q.kind === "bias");
  return [h("h2", {}, say.title), h("p", {}, say.words),
    ...trained.map((/** @type {any} */ quantity) => offer(quantity, choose, say.whole, network))];
}

/**
 * @param {any} quantity
 * @param {(quantity: string) => void} choose
 * @param {boolean} whole with a button for all components at once
 * @param {any} network
 */
function offer(quantity, choose, whole, network) {
  const shape = quantity.shape.filter(Number.isInteger).length === quantity.shape.length ? quantity.shape : [];
  const names = [];
  for (const place of places(shape)) {
    if (names.length >= OFFERED) break;
    names.push([component(quantity.name, place), at(quantity.value, place)]);
  }
  const total = shape.reduce((/** @type {number} */ all, /** @type {number} */ size) => all * size, 1);
  return h(
    "section", { class: "offer" },
    h("h3", {}, inline(quantity.symbol), h("span", { class: "kind" }, ` ${quantity.kind} ${quantity.name}`)),
    h(
      "div", { class: "choices", role: "group", "aria-label": `Components of ${quantity.name}` },
      ...names.map(([name, value]) =>
        h(
          "button", { type: "button", "data-q": name, onclick: () => choose(name), class: "choice" },
          called(name, network), typeof value === "number" && h("span", { class: "number" }, printed(value, 3)),
        ),
      ),
      total > names.length && h("span", { class: "more" }, `and ${total - names.length} more: click in the drawing`),
      whole && quantity.shape.length > 0 && h(
          "button", { type: "button", class: "choice", onclick: () => choose(quantity.name) },
          "all of ", called(quantity.name, network),
        ),
    ),
  );
}
