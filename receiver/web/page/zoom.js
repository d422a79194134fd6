// Zoom and pan of one tile's picture, by wheel, pinch and drag. The keys are in page.js.

import { View } from './layout.js';

export class Zoom {
  // wanted says whether the tile may be enlarged now; box returns its size and its picture's.
  constructor(tile, picture, wanted, box) {
    Object.assign(this, { tile, picture, wanted, box, view: new View(), fingers: new Map(), moved: false });
    tile.addEventListener('wheel', (e) => this.wheel(e), { passive: false });
    tile.addEventListener('pointerdown', (e) => this.down(e));
    tile.addEventListener('pointermove', (e) => this.drag(e));
    for (const end of ['pointerup', 'pointercancel']) tile.addEventListener(end, (e) => this.fingers.delete(e.pointerId));
  }

  // at returns where a point of the window is, from the tile's centre.
  at({ clientX, clientY }) {
    const { left, top, width, height } = this.tile.getBoundingClientRect();
    return [clientX - left - width / 2, clientY - top - height / 2];
  }

  zoom(factor, x = 0, y = 0) {
    this.view.zoom(factor, x, y, this.box());
    this.show();
  }

  move(x, y) {
    this.view.move(x, y, this.box());
    this.show();
  }

  reset() {
    this.view.reset();
    this.show();
  }

  show() {
    const { scale, x, y, zoomed } = this.view;
    this.picture.style.transform = zoomed ? `translate(${x}px, ${y}px) scale(${scale})` : '';
    this.tile.classList.toggle('zoomed', zoomed);
  }

  wheel(e) {
    if (!this.wanted() || (!this.view.zoomed && e.deltaY > 0)) return;
    e.preventDefault();
    const pixels = e.deltaY * (e.deltaMode === 1 ? 16 : e.deltaMode === 2 ? 400 : 1);
    this.zoom(Math.exp(-pixels / (e.ctrlKey ? 100 : 400)), ...this.at(e)); // a touchpad's pinch comes with ctrlKey
  }

  down(e) {
    if (!this.wanted()) return;
    this.fingers.set(e.pointerId, this.at(e));
    if (this.view.zoomed && this.tile.setPointerCapture) this.tile.setPointerCapture(e.pointerId);
  }

  drag(e) {
    const from = this.fingers.get(e.pointerId), to = this.at(e);
    if (!from) return;
    const other = [...this.fingers].find(([id]) => id !== e.pointerId)?.[1];
    this.fingers.set(e.pointerId, to);
    if (!other) {
      this.move(to[0] - from[0], to[1] - from[1]);
      return;
    }
    const apart = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
    this.move((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
    this.zoom(apart(to) / apart(from), (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
  }
}
