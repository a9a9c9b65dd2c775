// @ts-check
/** The numbers beside the edges. */
import { along } from "./curves.js";
import { short } from "./values.js";

/** Edges with their number written beside them: more would be a thicket. */
const NUMBERED = 40;
const LABEL = { w: 36, h: 14 };

const kept = new WeakMap();

/** Numbers beside the edges where there are few, and beside those that are lit. */
export function writeNumbers(canvas, edges, camera, theme, { lit, near, selected, dim }) {
  if (!edges.numbered || camera.scale * edges.placement.radius < 13) return;
  const few = edges.drawn.length <= NUMBERED;
  const accented = new Set([...lit, ...selected, ...(near.size <= 24 ? near : [])]);
  const roomy = (edge) => accented.has(edge) || (few && Math.abs(edge.to.x - edge.from.x) * camera.scale > 100);
  const spots = spotsOf((few ? edges.drawn : [...accented]).filter(roomy), edges);
  canvas.font = `${Math.max(10, Math.min(13, 11 * camera.scale))}px system-ui, sans-serif`;
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  for (const { edge, x, y } of spots) {
    if (Number.isNaN(edges.values[edge.at])) continue;
    const spot = camera.toScreen({ x, y });
    const text = short(edges.values[edge.at]);
    const half = canvas.measureText(text).width / 2 + 4;
    canvas.globalAlpha = accented.has(edge) || dim > 0.5 ? 1 : dim;
    canvas.fillStyle = theme.paper;
    canvas.beginPath();
    canvas.roundRect(spot.x - half, spot.y - 8, 2 * half, 16, 8);
    canvas.fill();
    canvas.fillStyle = accented.has(edge) ? theme.ink : theme.soft;
    canvas.fillText(text, spot.x, spot.y + 0.5);
  }
  canvas.globalAlpha = 1;
}

/** Places along the curves that keep clear of each other; kept while the edges are the same. */
function spotsOf(wanted, edges) {
  const key = wanted.map(({ at }) => at).join(",");
  if (kept.get(edges)?.key !== key) kept.set(edges, { key, spots: spread(wanted, edges.placement.neurons) });
  return kept.get(edges).spots;
}

/** For each edge the first of some places on its curve that is free; none where all are taken. */
export function spread(edges, neurons) {
  const taken = neurons.map(({ x, y, w, h }) => ({ x, y, w: w + LABEL.w / 2 - 4, h: h + LABEL.h / 2 }));
  const spots = [];
  for (const edge of edges) {
    for (const share of [0.34, 0.42, 0.27, 0.5, 0.6, 0.7]) {
      const { x, y } = along(edge.curve, share);
      const free = taken.every((other) => Math.abs(other.x - x) >= other.w || Math.abs(other.y - y) >= other.h);
      if (!free) continue;
      taken.push({ x, y, w: LABEL.w, h: LABEL.h });
      spots.push({ edge, x, y });
      break;
    }
  }
  return spots;
}
