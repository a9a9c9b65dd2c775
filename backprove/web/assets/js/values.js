// @ts-check
/** The numbers of components ("w2[1,2]", "b", "x[3]") in what the server answered. */

/** @typedef {{name: string, path: number[]}} Place  0-based path into nested lists */

/** @param {string} component @returns {Place} */
export function place(component) {
  const at = component.indexOf("[");
  if (at < 0) return { name: component, path: [] };
  const path = component.slice(at + 1, -1).split(",").map((index) => Number(index) - 1);
  return { name: component.slice(0, at), path };
}

/**
 * The number at a place; null where there is none. A list of one entry answers for a name alone.
 * @param {Record<string, any>|null|undefined} source  numbers by name, nested as in the file
 * @param {Place} where
 * @returns {number|string|null}  "nan", "inf", "-inf" as the server wrote them
 */
export function at(source, { name, path }) {
  let value = source?.[name];
  for (const index of path) {
    if (!Array.isArray(value)) break;
    value = value[index];
  }
  while (Array.isArray(value) && value.length === 1) value = value[0];
  return value === undefined || Array.isArray(value) ? null : value;
}

/** The first of several sources that has a number for the place. */
export function firstAt(sources, where) {
  for (const source of sources) {
    const value = at(source, where);
    if (value !== null) return value;
  }
  return null;
}

/** As a JavaScript number: "inf" is Infinity, what is missing is NaN. */
export function asNumber(value) {
  if (typeof value === "number") return value;
  if (value === "inf") return Infinity;
  return value === "-inf" ? -Infinity : NaN;
}

/**
 * A number in little room: three digits, a real minus sign.
 * @param {number|string|null} value
 */
export function short(value) {
  if (value === null || value === undefined) return "";
  const number = asNumber(value);
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const size = Math.abs(number);
  if (size === 0) return "0";
  if (size >= 1e4 || size < 1e-3) return scientific(number);
  return String(Number(number.toPrecision(3))).replace("-", "−");
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** 1.2·10⁻⁵ */
function scientific(number) {
  const [digits, exponent] = number.toExponential(1).split("e");
  const raised = [...String(Number(exponent))].map((digit) => RAISED[digit]).join("");
  return `${digits.replace(".0", "").replace("-", "−")}·10${raised}`;
}

/** Where the numbers of a state are found: parameters of a run that learns come first. */
export function sources(state) {
  const running = state.training?.parameters ?? null;
  const { numbers, values } = state;
  const declared = declaredValues(state.network);
  return {
    values: [running, numbers?.values, numbers?.given, values, declared],
    gradients: [state.training?.gradients ?? null, numbers?.gradients],
    adjoints: [numbers?.adjoints],
    loss: state.network?.loss ?? "",
    corners: running ? new Map() : cornersOf(numbers),
  };
}

const corners = new WeakMap();

/** What is taken as a derivative where there is none, by component. @returns {Map<string, string>} */
function cornersOf(numbers) {
  if (!numbers?.corners?.length) return new Map();
  if (!corners.has(numbers)) corners.set(numbers, new Map(numbers.corners.map(({ component, says }) => [component, says])));
  return corners.get(numbers);
}

const declaredOf = new WeakMap();

/** The values that the text itself gives. */
function declaredValues(network) {
  if (!network?.quantities) return null;
  if (!declaredOf.has(network)) {
    const given = network.quantities.filter(({ value }) => value !== null && value !== undefined);
    declaredOf.set(network, Object.fromEntries(given.map(({ name, value }) => [name, value])));
  }
  return declaredOf.get(network);
}
