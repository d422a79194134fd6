// A Player shows one stream on a canvas, and knows how old that picture is. A Feed brings the pictures: in a worker if the
// browser has workers of modules that draw, else here. They come by a WebSocket or, where that does not get through, by one
// request after the other. Where a WebSocket does badly they come by datagrams beside it, see way.js and link.js.

import { address } from './address.js';
import { Feed } from './feed.js';
import { Clock, now } from './status.js';

// WebKit often does not show what a worker draws on a canvas, if the machine is busy or the picture stays the same.
const canDraw = navigator.vendor !== 'Apple Computer, Inc.' && 'Worker' in window && 'OffscreenCanvas' in window && 'transferControlToOffscreen' in HTMLCanvasElement.prototype;

// How often in a row a WebSocket may fail that has never been open, while the server answers otherwise.
const patience = 2;

export class Player {
  // maxPixels is how many pixels a picture may have; events are functions: picture, reachable. link is the Link, null if the
  // server sends no datagrams. by is the way that the viewer wants: socket, datagrams, image, or '' for what is best.
  constructor(label, maxPixels, events, link, by) {
    Object.assign(this, {
      maxPixels, events, link, by, text: label, running: false, polling: false, rate: 0, failures: 0, picture: null,
      stream: undefined, wants: false, joined: undefined, // the stream's name; whether it is to come by datagrams, which one does
      shown: 0, repaired: 0, // pictures that came by datagrams, and how many of them were repaired
    });
    this.element = document.createElement('div');
    this.element.className = 'picture';
    if (by === 'image') this.useImage();
    else if (canDraw) this.useWorker();
    else this.useFeed();
  }

  set label(text) {
    this.text = text;
    this.canvas.setAttribute('aria-label', text);
  }

  show() {
    this.canvas = document.createElement('canvas');
    this.canvas.width = this.canvas.height = 1; // until there is a picture
    this.canvas.setAttribute('role', 'img');
    this.label = this.text;
    this.element.replaceChildren(this.canvas);
  }

  useWorker() {
    this.show();
    const canvas = this.canvas.transferControlToOffscreen();
    const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => this.hear(data);
    worker.onerror = () => { // it cannot begin: an older browser has no workers of modules
      worker.terminate();
      this.useFeed();
    };
    worker.postMessage({ canvas, maxPixels: this.maxPixels, by: this.way }, [canvas]);
    this.tell = (order, transfer = []) => worker.postMessage(order, transfer);
    this.end = () => worker.terminate();
  }

  useFeed() {
    this.show();
    const feed = new Feed(this.canvas, this.maxPixels, (said) => this.hear(said), this.way);
    this.tell = (order) => feed.obey(order);
    this.end = () => feed.close();
    this.tell({ rate: this.rate });
    if (this.running) this.connect();
  }

  // useImage shows the plain stream. Nobody knows how old its pictures are.
  useImage() {
    this.canvas = document.createElement('img');
    this.canvas.alt = '';
    this.label = this.text;
    this.element.replaceChildren(this.canvas);
    this.tell = ({ disconnect }) => disconnect && this.canvas.removeAttribute('src');
    this.end = () => {};
    this.connect = () => {
      const url = address('stream', this.base);
      if (this.rate) url.searchParams.set('fps', this.rate);
      this.canvas.src = url.href;
    };
    this.canvas.onerror = () => this.running && this.lost(false);
    this.canvas.onload = () => {
      const { naturalWidth: width, naturalHeight: height } = this.canvas;
      this.events.picture({ by: 'image', width, height });
    };
    this.facts = () => ({ untold: true });
    this.jpeg = async () => (await fetch(address('snapshot.jpg', this.base), { cache: 'no-store' })).blob();
  }

  // way is the way that a feed is to use: pictures come by datagrams only if the server offers that.
  get way() { return this.link ? this.by : 'socket'; }

  // name says which stream it is, as far as that is known.
  name(stream) {
    this.stream = stream;
    if (this.wants) this.join();
  }

  // join asks for the stream's datagrams.
  join() {
    if (this.joined === this.stream) return;
    this.joined = this.stream;
    if (!this.joined) {
      this.link.leave(this);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    this.tell({ port: port2 }, [port2]);
    this.link.join(this, this.joined, port1);
  }

  leave() {
    if (this.joined) this.link.leave(this);
    this.joined = undefined;
  }

  // failed and broken are what the link says.
  failed(wait) { this.tell({ failed: wait }); }
  broken() { this.tell({ broken: true }); }

  hear({ picture, clock, open, closed, jpeg, wants, doubts }) {
    if (jpeg !== undefined) this.snapped?.(jpeg);
    if (wants !== undefined) {
      this.wants = wants;
      if (wants) this.join();
      else this.leave();
    }
    if (doubts) this.link.doubt();
    if (!this.running) return; // it was on its way when it was stopped
    if (clock) {
      this.clock.sample(clock.sent, clock.got, clock.time);
      this.heard = clock.got;
      this.newest = clock.newest;
      this.interval = clock.interval;
    }
    if (picture) {
      this.picture = picture;
      this.heard = picture.at;
      if (picture.by === 'datagrams') this.shown++;
      if (picture.repaired) this.repaired++;
      const offset = this.clock.offset;
      this.events.picture({ ...picture, delay: offset === null ? null : picture.at + offset - picture.captured });
    }
    if (open && !this.polling) this.failures = 0;
    if (closed !== undefined) this.lost(closed);
  }

  // lost connects again, later if that does not help.
  async lost(wasOpen) {
    if (wasOpen) this.failures = this.polling ? patience - 1 : 0; // a WebSocket may do now
    else if (await this.events.reachable()) this.failures++;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.running && this.connect(), 300);
  }

  connect() {
    this.polling = !('WebSocket' in window) || this.failures >= patience;
    if (this.polling) {
      this.tell({ poll: address('poll', this.base).href });
      return;
    }
    const url = address('socket', this.base);
    url.protocol = url.protocol.replace('http', 'ws');
    this.tell({ connect: url.href });
  }

  // start shows the stream whose folder has this address, which ends in a slash.
  start(base) {
    if (this.running) return;
    Object.assign(this, { running: true, base, clock: new Clock(), begun: now(), heard: -Infinity, newest: 0, interval: 0 });
    this.connect();
  }

  // stop leaves the picture as it is, and nothing is sent any more.
  stop() {
    if (!this.running) return;
    this.running = false;
    clearTimeout(this.retry);
    this.tell({ disconnect: true });
  }

  close() {
    this.stop();
    this.leave();
    this.end();
    this.element.remove();
  }

  // comes says by which way pictures come, and how many were repaired, for people.
  get comes() {
    if (this.by === 'image') return { by: 'by image', more: 'the plain stream (?by=image)' };
    if (!this.running || !this.picture) return { by: '', more: '' };
    const { by, polling, repaired, shown } = { ...this, by: this.picture.by };
    if (by !== 'datagrams') return { by: '', more: `pictures come by ${polling ? 'requests' : 'WebSocket'}` };
    return { by: 'by datagrams', more: `${repaired} of ${shown} pictures were repaired on their way from the server` };
  }

  // limit asks for so many pictures a second at most; 0 is all.
  limit(rate) {
    if (rate === this.rate) return;
    this.rate = rate;
    this.tell({ rate });
  }

  // facts returns what judge wants to know of the picture and its connection.
  facts(at) {
    const { picture, clock, newest, interval, heard, begun } = this, timed = clock.offset !== null;
    return {
      shown: picture && (timed ? clock.age(picture.came, at) : 0), timed, interval,
      newest: newest && timed ? clock.age(newest, at) : null, silent: at - heard, begun: at - begun,
    };
  }

  // jpeg returns the picture that is on the screen.
  async jpeg() {
    const bytes = await new Promise((resolve) => {
      this.snapped = resolve;
      this.tell({ snapshot: true });
    });
    return bytes && new Blob([bytes], { type: 'image/jpeg' });
  }
}
