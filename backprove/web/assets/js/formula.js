// @ts-check
// What the server says, as elements: formulas that break between chunks, prose, numbers.

/** @typedef {string[]} Chunks `<math>` strings between which a line may break */
/** @typedef {number|string|Nested[]} Nested a number ("nan", "inf" where it is not finite), or rows */

/** Numbers of one quantity that are shown at once; a larger one gets a window. */
export const SHOWN = 400;

/**
 * An element with attributes and children.
 * An attribute that is false or null is left out; a function is a listener for an event.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children.filter(isShown));
  return element;
}

/** @param {any} child */
function isShown(child) {
  return child !== null && child !== undefined && child !== false;
}

/**
 * Markup that the server made and escaped, as nodes.
 * @param {string} markup
 */
export function nodes(markup) {
  const template = document.createElement("template");
  template.innerHTML = markup;
  return template.content;
}

/**
 * A sentence with formulas in it.
 * @param {string|null|undefined} html
 * @param {string} [tag]
 * @param {string} [name] class
 */
export function prose(html, tag = "p", name = "") {
  const element = make(tag, { class: name || null });
  element.append(nodes(html ?? ""));
  return element;
}

/**
 * A formula that wraps between its chunks; one chunk alone, or a string, stays whole.
 * @param {Chunks|string|null|undefined} chunks
 * @param {string} [name] more classes
 */
export function formula(chunks, name = "") {
  const element = make("span", { class: `formula ${name}`.trim() });
  const parts = typeof chunks === "string" ? [chunks] : (chunks ?? []);
  parts.forEach((chunk, place) => {
    if (place) element.append(make("wbr"));
    const part = make("span", { class: "part" });
    part.append(nodes(chunk));
    element.append(part);
  });
  return element;
}

/**
 * The symbol of a component in words of the file, as MathML where only its name is known.
 * @param {string} component
 */
export function plain(component) {
  return make("code", { "data-q": component }, component);
}

// -- asking ----------------------------------------------------------------------------------

/**
 * What every question carries: the network, its numbers, the notation.
 * @param {any} state
 */
export function given(state) {
  return { text: state.text, values: state.values ?? {}, seed: state.seed ?? 0, notation: state.view.notation };
}

/**
 * Calls `refresh` when one of the keys changes: at once while the panel is seen, else when
 * it is seen again. Changes made together count once.
 * @param {HTMLElement} element
 * @param {any} store
 * @param {string[]} keys
 * @param {() => void} refresh
 */
export function whenShown(element, store, keys, refresh) {
  let isStale = true;
  let isWaiting = false;
  const look = () => {
    if (isWaiting) return;
    isWaiting = true;
    queueMicrotask(() => {
      isWaiting = false;
      if (!isStale || !element.isConnected || element.offsetParent === null) return;
      isStale = false;
      refresh();
    });
  };
  for (const key of keys)
    store.on(key, () => {
      isStale = true;
      look();
    });
  new ResizeObserver(look).observe(element); // a hidden panel has no size: this is when it is opened
  look();
}

// -- numbers ---------------------------------------------------------------------------------

/**
 * A number as it is printed: six significant digits, a true minus sign.
 * @param {Nested|null|undefined} value
 * @param {number} [digits]
 */
export function printed(value, digits = 6) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return { nan: "not a number", inf: "∞", "-inf": "−∞" }[value] ?? value;
  if (Array.isArray(value)) return summary(value, digits);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-4
      ? value.toExponential(digits - 3).replace(/\.?0+e/, "e").replace("e+", "e")
      : String(Number(value.toPrecision(digits)));
  const [mantissa, power] = text.replace(/-/g, "−").split("e");
  return power === undefined ? mantissa : `${mantissa} · 10${superscript(power)}`;
}

/** @param {string} power */
function superscript(power) {
  return [...power].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)] ?? "⁻").join("");
}

/**
 * The first numbers of a vector or matrix.
 * @param {Nested[]} value
 * @param {number} digits
 */
function summary(value, digits) {
  const flat = /** @type {any[]} */ (value).flat(9);
  const shown = flat.slice(0, 6).map((number) => printed(number, digits));
  return `(${shown.join(", ")}${flat.length > 6 ? `, … ${flat.length} numbers` : ""})`;
}

// -- components ------------------------------------------------------------------------------

/**
 * A component's name and places: "w2[1,2]" is ["w2", [1, 2]]; the adjoint's mark is kept.
 * @param {string} component
 * @returns {[string, number[]]}
 */
export function parts(component) {
  const found = /^(.*?)\[([\d,\s]+)\]$/.exec(component);
  return found ? [found[1], found[2].split(",").map(Number)] : [component, []];
}

/**
 * @param {string} name
 * @param {number[]} place 1-based
 */
export function component(name, place) {
  return place.length ? `${name}[${place.join(",")}]` : name;
}

/**
 * The number at a place of nested numbers, 1-based.
 * @param {any} value
 * @param {number[]} place
 * @returns {any}
 */
export function at(value, place) {
  return place.reduce((inner, index) => inner?.[index - 1], value);
}

/**
 * Nested numbers with one of them replaced; the old ones stay as they are.
 * @param {any} value
 * @param {number[]} place 1-based
 * @param {number} number
 * @returns {any}
 */
export function replaced(value, place, number) {
  if (!place.length) return number;
  const copy = [...value];
  copy[place[0] - 1] = replaced(copy[place[0] - 1], place.slice(1), number);
  return copy;
}

/**
 * Every component of a quantity, at most `limit` of them.
 * @param {string} name
 * @param {number[]} shape
 * @param {number} [limit]
 */
export function components(name, shape, limit = SHOWN) {
  const all = [];
  for (const place of places(shape)) {
    if (all.length >= limit) break;
    all.push(component(name, place));
  }
  return all;
}

/**
 * Every place of a shape, 1-based, the last index fastest.
 * @param {number[]} shape
 * @returns {Generator<number[]>}
 */
export function* places(shape) {
  if (!shape.length) return void (yield []);
  for (let index = 1; index <= shape[0]; index += 1)
    for (const rest of places(shape.slice(1))) yield [index, ...rest];
}

// -- steps -----------------------------------------------------------------------------------

/**
 * Back, next and play with a speed, for anything that is walked through.
 * `go` moves by so many steps and says whether there was a step to go to.
 * @param {{go: (by: number) => boolean, what: string}} walk
 */
export function walker({ go, what }) {
  let timer = 0;
  const play = make("button", { type: "button", class: "play", click: toggle }, "Play");
  const speed = make("input", {
    type: "range", min: 1, max: 10, value: 4, class: "speed", "aria-label": "Speed of playing",
  });
  const count = make("span", { class: "count", role: "status" });
  const back = make("button", { type: "button", click: () => move(-1) }, "Back");
  const next = make("button", { type: "button", click: () => move(1) }, "Next");
  const bar = make(
    "div", { class: "walker", role: "group", "aria-label": what },
    back, next, play, make("label", { class: "speed-label" }, "Speed ", speed), count,
  );

  /** @param {number} by */
  function move(by) {
    stop();
    go(by);
  }

  function toggle() {
    if (timer) return stop();
    play.textContent = "Pause";
    if (!go(1)) return stop();
    wait();
  }

  function wait() {
    timer = window.setTimeout(() => {
      if (bar.isConnected && bar.offsetParent !== null && go(1)) wait();
      else stop();
    }, 4000 / Number(speed.value));
  }

  function stop() {
    window.clearTimeout(timer);
    timer = 0;
    play.textContent = "Play";
  }

  /**
   * Says where the walk is, and which ways are open.
   * @param {number} place 0-based
   * @param {number} total
   * @param {string} [words]
   */
  function show(place, total, words) {
    back.setAttribute("aria-disabled", String(place <= 0));
    next.setAttribute("aria-disabled", String(place >= total - 1));
    count.textContent = words ?? (total ? `${place + 1} of ${total}` : "");
  }

  return { bar, show, stop, move, toggle };
}

/**
 * Whether a key pressed here belongs to what is being written, not to the panel.
 * @param {KeyboardEvent} event
 */
export function isWriting(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  return event.ctrlKey || event.metaKey || event.altKey || Boolean(target.closest("input, textarea, select"));
}

/**
 * Whether the reader asked for less movement.
 */
export function isCalm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Shows what went wrong, in words.
 * @param {{message: string, suggestion?: string|null, excerpt?: string|null}|null|undefined} error
 */
export function trouble(error) {
  return make(
    "div", { class: "trouble", role: "alert" },
    make("p", {}, error?.message ?? "The answer did not come."),
    error?.suggestion && make("p", { class: "suggestion" }, error.suggestion),
    error?.excerpt && make("pre", {}, error.excerpt),
  );
}
