// @ts-check
// A quantity's components: "w2[1,2]" is the name w2 and the places 1, 2, counted from 1.

/** Numbers of one quantity that are shown at once; a larger one gets a window. */
export const SHOWN = 400;

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

/**
 * A component taken apart, without the mark of an adjoint; null where it is no component.
 * @param {string} text
 * @returns {{name: string, place: number[]}|null}
 */
export function componentOf(text) {
  const [name, place] = parts(text.replace(/^∂/, ""));
  return name.includes("[") || place.some((index) => !Number.isInteger(index)) ? null : { name, place };
}

/**
 * A window into a quantity with more numbers than are shown at once: up to SHOWN of its last
 * two axes, the earlier axes held. A smaller quantity is its own window.
 * @param {number[]} shape
 */
export function windowed(shape) {
  const rank = shape.length;
  const total = shape.reduce((all, size) => all * size, 1);
  const isPart = total > SHOWN;
  const tall = rank < 2 ? Math.min(shape[0] ?? 1, isPart ? 24 : SHOWN) : Math.min(shape[rank - 2], isPart ? 16 : SHOWN);
  const wide = rank < 2 ? 1 : Math.min(shape[rank - 1], isPart ? 12 : SHOWN);
  const start = shape.map(() => 1);
  /** @param {number} axis @param {number} first */
  const set = (axis, first) => {
    const size = axis === rank - 1 && rank > 1 ? wide : axis >= rank - 2 ? tall : 1;
    const before = start[axis];
    start[axis] = Math.max(1, Math.min(first, shape[axis] - size + 1));
    return start[axis] !== before;
  };
  /** @param {number} first @param {number} size */
  const range = (first, size) => Array.from({ length: size }, (_, step) => first + step);
  return {
    isPart,
    rows: () => range(rank ? start[Math.max(0, rank - 2)] : 1, tall),
    columns: () => range(rank ? start[rank - 1] : 1, wide),
    outer: () => start.slice(0, Math.max(0, rank - 2)),
    has: (/** @type {number[]} */ place) =>
      place.length === rank && place.every((index, axis) => index >= 1 && index <= shape[axis]),
    /** Turns so that the place is inside; says whether that moved the window. */
    turnTo(/** @type {number[]} */ place) {
      let moved = false;
      place.forEach((index, axis) => {
        const size = axis === rank - 1 && rank > 1 ? wide : axis >= rank - 2 ? tall : 1;
        if (index < start[axis] || index >= start[axis] + size)
          moved = set(axis, index - Math.floor(size / 2)) || moved;
      });
      return moved;
    },
    /** Moves by a whole window along an axis (from the end where negative). */
    move(/** @type {number} */ axis, /** @type {number} */ by) {
      const which = axis < 0 ? rank + axis : axis;
      const size = which === rank - 1 && rank > 1 ? wide : tall;
      return set(which, start[which] + by * size);
    },
  };
}
