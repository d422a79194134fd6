// Where tiles and pictures go. Sizes are in CSS pixels.

const least = 120; // how wide a tile should be at least

// columns returns how many columns of n tiles make them largest, and whether they then need no scrolling. shape is the
// pictures' width by their height. Where tiles would be too small, they get the least width, but there are at least
// two in a row, so that there is little to scroll.
export function columns(n, width, height, shape) {
  let best = 1, most = 0;
  for (let columns = 1; columns <= n; columns++) {
    const size = Math.min(width / columns, height / Math.ceil(n / columns) * shape);
    if (size > most) [best, most] = [columns, size];
  }
  if (most >= least || n === 1) return { columns: best, fits: true };
  return { columns: Math.max(2, Math.min(n, Math.floor(width / least))), fits: false };
}

// inside returns where a picture of a shape is within a box that it fits: left, top, width, height.
export function inside(width, height, shape) {
  const across = Math.min(width, height * shape), down = Math.min(height, width / shape);
  return { left: (width - across) / 2, top: (height - down) / 2, width: across, height: down };
}

// A View is which part of a picture is seen: enlarged by scale around the box's centre, and then moved by x and y. It never
// leaves a margin that need not be.
export class View {
  constructor() { this.reset(); }

  reset() { Object.assign(this, { scale: 1, x: 0, y: 0 }); }

  get zoomed() { return this.scale > 1; }

  // zoom enlarges by a factor. What is at x, y from the box's centre stays there.
  zoom(factor, x, y, box) {
    const scale = Math.min(16, Math.max(1, this.scale * factor)), by = scale / this.scale;
    this.x = x - (x - this.x) * by;
    this.y = y - (y - this.y) * by;
    this.scale = scale;
    this.move(0, 0, box);
  }

  // move moves the picture, as far as it goes.
  move(x, y, { width, height, picture }) {
    const far = (size, room) => Math.max(0, (size * this.scale - room) / 2);
    const within = (value, most) => Math.min(most, Math.max(-most, value));
    this.x = within(this.x + x, far(picture.width, width));
    this.y = within(this.y + y, far(picture.height, height));
    if (this.scale === 1) this.x = this.y = 0;
  }
}
