// @ts-check
/** The drawing under a mouse, a pen or fingers: pointing, choosing, moving and zooming. */
import { CHOICES } from "./drawing-choice.js";

/** Pixels around an edge in which it is meant. */
const REACH = { mouse: 7, touch: 16 };
/** Pixels that a press may move and still be a click. */
const STILL = 4;

export class Pointer {
  /** @type {Map<number, {x: number, y: number}>} those that are pressed, where they were last */
  #pressed = new Map();
  #drag = { from: { x: 0, y: 0 }, moved: false };

  /** @param {import("./drawing.js").Drawing} drawing @param {import("./drawing-choice.js").Choice} choice */
  constructor(drawing, choice) {
    this.drawing = drawing;
    this.choice = choice;
    this.stage = drawing.stage;
    this.#listen();
  }

  #listen() {
    const on = (kind, does, options) => this.stage.addEventListener(kind, does, options);
    on("pointerover", (event) => this.#over(event));
    on("pointerleave", () => this.choice.pointAtNothing());
    on("pointermove", (event) => this.#move(event));
    on("pointerdown", (event) => {
      this.#expect(event);
      this.#press(event);
    });
    on("pointerup", (event) => this.#release(event));
    on("pointercancel", (event) => this.#release(event));
    on("click", (event) => this.#click(event));
    on("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #pointOf(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #onBackground({ target }) {
    return target === this.drawing.canvas || target === this.stage;
  }

  // ------------------------------------------------------------------------ pointing

  #over(event) {
    event.stopPropagation(); // The drawing answers for itself: what points at symbols elsewhere must not undo it.
    if (event.pointerType === "touch" || !this.drawing.placement) return;
    const button = event.target.closest?.(CHOICES);
    if (button) this.choice.pointAt(button, false);
    else if (!this.#onBackground(event)) this.choice.pointAtNothing();
  }

  #edgeAt(point, reach) {
    const { edges, camera } = this.drawing;
    return edges?.hit(camera.toWorld(point), reach / camera.scale) ?? null;
  }

  #hover(event) {
    const point = this.#pointOf(event);
    const edge = this.#onBackground(event) ? this.#edgeAt(point, REACH.mouse) : null;
    this.stage.classList.toggle("on-edge", edge !== null);
    if (edge) this.choice.pointAtEdge(edge, point);
    else if (this.#onBackground(event)) this.choice.pointAtNothing();
  }

  #click(event) {
    const button = event.target.closest?.(CHOICES);
    if (button) return this.choice.chooseButton(button.dataset);
    if (this.#drag.moved || !this.#onBackground(event)) return;
    const point = this.#pointOf(event);
    const edge = this.#edgeMeant(event, point);
    if (!edge) return this.choice.pointAtNothing();
    this.choice.pointAtEdge(edge, point);
    this.choice.chooseEdge(edge);
  }

  /** Where edges cross, the one that was shown is the one that is meant. */
  #edgeMeant({ pointerType }, point) {
    if (pointerType === "touch") return this.#edgeAt(point, REACH.touch);
    return this.choice.edge ?? this.#edgeAt(point, REACH.mouse);
  }

  #expect(event) {
    if (event.button !== 0 || !this.drawing.placement) return;
    const button = event.target.closest?.(CHOICES);
    const edge = !button && this.#onBackground(event) ? this.#edgeMeant(event, this.#pointOf(event)) : null;
    this.choice.pressed(button, edge);
  }

  // ------------------------------------------------------------------------ moving

  #press(event) {
    if (!this.#onBackground(event) || event.button !== 0) return;
    this.#pressed.set(event.pointerId, this.#pointOf(event));
    this.#drag = { from: this.#pointOf(event), moved: false };
  }

  #move(event) {
    const before = this.#pressed.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch" && event.buttons === 0) this.#hover(event);
      return;
    }
    const now = this.#pointOf(event);
    if (!this.#drag.moved && apart(now, this.#drag.from) < STILL) return;
    if (!this.#drag.moved) {
      this.#drag.moved = true;
      this.stage.setPointerCapture(event.pointerId);
      this.stage.classList.add("dragging");
      this.choice.pointAtNothing();
    }
    const other = [...this.#pressed].find(([id]) => id !== event.pointerId)?.[1];
    this.#pressed.set(event.pointerId, now);
    const by = { x: now.x - before.x, y: now.y - before.y };
    if (!other) return this.drawing.pan(by.x, by.y);
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    this.drawing.zoomBy(Math.max(20, apart(now, other)) / Math.max(20, apart(before, other)), middle);
    this.drawing.pan(by.x / 2, by.y / 2);
  }

  #release(event) {
    this.#pressed.delete(event.pointerId);
    if (!this.#pressed.size) this.stage.classList.remove("dragging");
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) { // the page scrolls
      if (event.deltaY) this.drawing.hint.show((words) => this.drawing.say(words));
      return;
    }
    event.preventDefault();
    this.drawing.hint.hide();
    this.drawing.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.004)), this.#pointOf(event));
  }
}

function apart(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
