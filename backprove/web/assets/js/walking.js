// @ts-check
// Walking through something step by step, and doing work only for a panel that is seen.

import { h } from "./elements.js";

/**
 * Back, next and play with a speed, for anything that is walked through.
 * `go` moves by so many steps and says whether there was a step to go to.
 * @param {{go: (by: number) => boolean, what: string}} walk
 */
export function walker({ go, what }) {
  let timer = 0;
  let at = 0;
  let last = 0;
  const play = h("button", { type: "button", class: "play", onclick: toggle }, "Play");
  const speed = h("input", {
    type: "range", min: 1, max: 10, value: 4, class: "speed", "aria-label": "Speed of playing",
  });
  const count = h("span", { class: "count", role: "status" });
  const back = h("button", { type: "button", onclick: () => move(-1) }, "Back");
  const next = h("button", { type: "button", onclick: () => move(1) }, "Next");
  const bar = h(
    "div", { class: "walker", role: "group", "aria-label": what },
    back, next, play, h("label", { class: "speed-label" }, "Speed ", speed), count,
  );

  /** @param {number} by */
  function move(by) {
    stop();
    go(by);
  }

  function toggle() {
    if (timer) return stop();
    play.textContent = "Pause";
    // at the end it begins again
    if (!go(1) && !(last > 0 && at === last && go(-last))) return stop();
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
    [at, last] = [place, total - 1];
    back.setAttribute("aria-disabled", String(place <= 0));
    next.setAttribute("aria-disabled", String(place >= total - 1));
    count.textContent = words ?? (total ? `${place + 1} of ${total}` : "");
  }

  return { bar, show, stop, move, toggle };
}

const LIT_BY_STEPS = new Set(["derivation", "backward", "paths"]);

/**
 * What a step lights in the drawing is not lit in the panel too, where it is marked already, and
 * goes out with the panel.
 * @param {HTMLElement} body
 * @param {any} store
 * @param {string} panel
 */
export function lighting(body, store, panel) {
  let isOurs = false;
  store.on("highlight", (/** @type {any} */ _, /** @type {any} */ { why }) => {
    isOurs = why === panel;
    body.classList.toggle("self-lit", LIT_BY_STEPS.has(why));
  });
  store.on("panel", () => {
    if (isOurs) store.set({ highlight: new Set() }, panel);
  });
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
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
export function isCalm() {
  return calm.matches;
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
      if (!isStale || !element.checkVisibility()) return;
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
