// @ts-check
/** Bands: what stands for the edges that are not drawn one by one, and says how many they are. */

/**
 * @typedef {object} Side   of a group of neurons
 * @property {number} x @property {number} top @property {number} bottom
 *
 * @typedef {object} Band
 * @property {Side} from @property {Side} to
 * @property {number|null} count  null where a size has no number
 * @property {boolean} whole  none of the family is drawn
 */

/**
 * @param {any[]} families  of the diagram
 * @param {import("./edges.js").Edge[]} drawn  those drawn one by one
 * @param {boolean} all  whether these are all that the diagram names
 * @param {import("./layout.js").Neuron[]} neurons
 * @returns {Band[]}
 */
export function bandsOf(families, drawn, all, neurons) {
  const seen = new Map();
  if (!all) {
    for (const { from, to, where } of drawn) {
      const key = `${from.group.name}>${to.group.name}>${where?.name ?? null}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  }
  return families.flatMap((family) => {
    const shown = all && family.drawn ? family.count : seen.get(`${family.from}>${family.to}>${family.weight}`) ?? 0;
    const from = sideOf(neurons, family.from, 1);
    const to = sideOf(neurons, family.to, -1);
    if ((family.count !== null && shown >= family.count) || !from || !to) return [];
    return [{ from, to, count: family.count === null ? null : family.count - shown, whole: shown === 0 }];
  });
}

/** The right (1) or left (-1) side of a group's neurons. @returns {Side|null} */
function sideOf(neurons, name, side) {
  const members = neurons.filter(({ group }) => group.name === name);
  if (!members.length) return null;
  const outermost = members.map(({ x, w }) => x + side * w);
  return {
    x: side > 0 ? Math.max(...outermost) : Math.min(...outermost),
    top: Math.min(...members.map(({ y, h }) => y - h)),
    bottom: Math.max(...members.map(({ y, h }) => y + h)),
  };
}

const COUNT = new Intl.NumberFormat("en");
const FEW = new Intl.NumberFormat("en", { notation: "compact" });

/** What a band says: how many edges it stands for. */
export function countOf({ count, whole }, isShort = false) {
  if (isShort && count !== null) return `${whole ? "" : "+ "}${FEW.format(count)}`;
  if (count === null) return "edges";
  return whole ? `${COUNT.format(count)} edges` : `+ ${COUNT.format(count)} smaller`;
}

/** The point at which a band's count is written. */
export function countPlace({ from, to, whole }) {
  const x = (from.x + to.x) / 2;
  return whole ? { x, y: (from.top + from.bottom + to.top + to.bottom) / 4 } : { x, y: Math.max(from.bottom, to.bottom) };
}

export function drawBand(canvas, { from, to, whole }, theme, dim) {
  const middle = (from.x + to.x) / 2;
  canvas.beginPath();
  canvas.moveTo(from.x, from.top);
  canvas.bezierCurveTo(middle, from.top, middle, to.top, to.x, to.top);
  canvas.lineTo(to.x, to.bottom);
  canvas.bezierCurveTo(middle, to.bottom, middle, from.bottom, from.x, from.bottom);
  canvas.closePath();
  canvas.globalAlpha = (whole ? 0.2 : 0.07) * (0.4 + 0.6 * dim);
  canvas.fillStyle = `rgb(${theme.zero.join(" ")})`;
  canvas.fill();
  canvas.globalAlpha = 1;
}

export function writeCount(canvas, band, camera, theme) {
  const spot = camera.toScreen(countPlace(band));
  const y = band.whole ? spot.y : spot.y + 12;
  canvas.font = "600 11.5px system-ui, sans-serif";
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  const room = Math.abs(band.to.x - band.from.x) * camera.scale;
  const text = canvas.measureText(countOf(band)).width + 14 > room ? countOf(band, true) : countOf(band);
  const half = canvas.measureText(text).width / 2 + 7;
  canvas.beginPath();
  canvas.roundRect(spot.x - half, y - 10, 2 * half, 20, 10);
  canvas.fillStyle = theme.paper;
  canvas.fill();
  canvas.strokeStyle = theme.line;
  canvas.lineWidth = 1;
  canvas.stroke();
  canvas.fillStyle = theme.soft;
  canvas.fillText(text, spot.x, y);
}
