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
