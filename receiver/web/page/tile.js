// A tile shows one camera: its picture, its name, and how it does.

import { home } from './address.js';
import { Player } from './player.js';
import { Figures } from './figures.js';
import { inside } from './layout.js';
import { judge, now } from './status.js';
import { Zoom } from './zoom.js';

// What a screen reader is told when a camera comes into a state, if it has been live before.
const words = { quiet: 'no picture any more', lost: 'no connection', behind: 'this page is behind', live: 'live again' };

export class Tile {
  // page is what all tiles have in common: see page.js.
  constructor(path, page) {
    Object.assign(this, { path, page, figures: new Figures(), visible: null, worst: 'live' }); // null: not known yet
    this.element = document.createElement('section');
    this.element.className = 'tile waiting';
    this.box = Object.assign(document.createElement('div'), { className: 'box' });
    this.notice = Object.assign(document.createElement('p'), { className: 'notice' });
    this.caption = Object.assign(document.createElement('button'), { className: 'caption' });
    const events = { picture: (p) => this.picture(p), reachable: page.look };
    this.player = new Player('Live picture', page.maxPixels, events, page.link, page.by);
    this.box.append(this.player.element, this.caption);
    this.element.append(this.box, this.notice);
    this.zoom = new Zoom(this.element, this.player.element, () => !page.isGrid(), () => this.sizes());
    this.element.addEventListener('click', () => page.isGrid() && this.info && page.choose(this.info.path));
    this.element.addEventListener('dblclick', () => {
      if (page.isGrid()) return;
      if (this.zoom.view.zoomed) this.zoom.reset();
      else page.fullScreen();
    });
  }

  get info() { return this.page.streams.find((s) => (this.path ? s.path === this.path : s.front)); }

  // known says whether the server has told of this stream. Otherwise its path may be anything: it comes from a link.
  get known() { return !this.path || this.path === this.page.own || !!this.info; }

  get name() { return this.info?.name || (this.info ? 'unnamed' : ''); }

  get shape() { return this.width && this.height ? this.width / this.height : 4 / 3; }

  sizes() {
    const { clientWidth: width, clientHeight: height } = this.element;
    return { width, height, picture: inside(width, height, this.shape) };
  }

  // fit gives the picture its place, so that its caption is on its edge.
  fit() {
    const { picture } = this.sizes();
    for (const side of ['left', 'top', 'width', 'height']) this.box.style[side] = `${picture[side]}px`;
    this.zoom.move(0, 0);
  }

  picture(p) {
    this.figures.picture(p);
    if (p.width !== this.width || p.height !== this.height) {
      [this.width, this.height] = [p.width, p.height];
      this.page.fit();
    }
    if (this.state !== 'live') this.page.judge();
  }

  // attend asks for the tile's pictures while it is seen, and for fewer a second if the tile is small.
  attend() {
    const wide = this.element.clientWidth * devicePixelRatio;
    this.player.name(this.info?.name);
    this.player.limit(!this.page.isGrid() || wide > 800 ? 0 : wide > 400 ? 15 : 10);
    if (this.known && this.visible && !document.hidden && !this.page.paused) this.player.start(new URL(this.path, home).href);
    else this.player.stop();
  }

  // facts returns what judge wants to know. A tile that is out of sight gets no pictures: there the server's word counts.
  facts(at) {
    const { info, page, player } = this, since = at - page.told;
    if (player.running) return player.facts(at);
    if (this.visible !== false || !page.told) {
      return { shown: null, newest: null, timed: true, interval: 0, silent: Infinity, begun: at - page.began };
    }
    const age = info?.frames ? 1000 * info.age + since : null;
    return { shown: age, newest: age, timed: true, interval: 1000 * (info?.interval ?? 0), silent: since, begun: Infinity };
  }

  judge() {
    const { info, page } = this, at = now();
    const { state, status, notice } = document.hidden ? { state: 'connecting', status: 'connecting', notice: '' } : judge({
      ...this.facts(at), answers: at - page.told < 2000, paused: page.paused, full: page.full,
      known: this.known || !page.told, trouble: info?.origin?.trouble || page.trouble,
    });
    // A tile that gets no pictures does not look live. Otherwise it would still look so for a moment when it is seen again.
    const look = `tile ${state === 'live' && !this.player.running ? 'connecting' : state}${this.zoom.view.zoomed ? ' zoomed' : ''}`;
    if (this.element.className !== look) this.element.className = look;
    if (this.notice.textContent !== notice) this.notice.textContent = notice;
    if (state !== this.state) this.tell(state);
    Object.assign(this, { state, status });
    const caption = [this.name, info?.origin?.site, info?.link?.sealed && 'sealed'].filter(Boolean).join(' · ');
    if (this.caption.textContent !== caption) {
      this.caption.textContent = caption;
      this.caption.setAttribute('aria-label', `Enlarge ${this.name}`);
      this.player.label = `Live picture of ${this.name || 'the camera'}`;
    }
  }

  // tell tells screen readers, once, that the camera is not live any more, or is live again.
  tell(state) {
    if (!words[state] || (state === 'live') === (this.worst === 'live')) return;
    if (this.state) this.page.say(`${this.name}: ${words[state]}`);
    this.worst = state;
  }

  close() {
    this.player.close();
    this.element.remove();
  }
}
