// @ts-check
/** What part of the drawing is seen: screen = world · scale + shift. */

export const CLOSEST = 6;
const MARGIN = { top: 46, right: 30, bottom: 34, left: 30 };

/** The room that a drawing has within a stage, without its margins. */
export function roomOf({ width, height }) {
  return {
    width: Math.max(160, width - MARGIN.left - MARGIN.right),
    height: Math.max(120, height - MARGIN.top - MARGIN.bottom),
  };
}

export class Camera {
  scale = 1;
  x = 0;
  y = 0;
  /** Whether the whole drawing is seen as it was fitted; a change of size then fits it anew. */
  fitted = true;

  /** Shows everything, at most half as large again as designed. */
  fit(world, stage) {
    const room = roomOf(stage);
    this.scale = Math.min(room.width / world.width, room.height / world.height, 1.5);
    this.x = MARGIN.left + (room.width - world.width * this.scale) / 2;
    this.y = MARGIN.top + (room.height - world.height * this.scale) / 2;
    this.least = Math.min(this.scale, 1) * 0.6;
    this.fitted = true;
  }

  least = 0.1;

  /** Zooms by a factor and keeps the point of the screen where it is. */
  zoom(factor, { x, y }) {
    const scale = Math.max(this.least, Math.min(CLOSEST, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
  }

  /** Keeps some of the drawing in sight. */
  hold(world, stage) {
    const edge = 60;
    this.x = Math.max(edge - world.width * this.scale, Math.min(stage.width - edge, this.x));
    this.y = Math.max(edge - world.height * this.scale, Math.min(stage.height - edge, this.y));
  }

  toWorld({ x, y }) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  toScreen({ x, y }) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  /** Moves as little as needed to see a point of the world, for what the keyboard reaches. */
  reveal(point, stage) {
    const { x, y } = this.toScreen(point);
    const edge = 40;
    const dx = Math.max(0, edge - x) - Math.max(0, x - (stage.width - edge));
    const dy = Math.max(0, edge - y) - Math.max(0, y - (stage.height - edge));
    if (dx || dy) this.move(dx, dy);
    return Boolean(dx || dy);
  }
}
