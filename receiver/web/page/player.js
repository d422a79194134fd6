// A Player shows one stream in an element of its own: on a canvas that a worker draws on or, where WebSockets do not get
// through or a browser has no OffscreenCanvas, in an <img>.

const canDraw = 'OffscreenCanvas' in window && 'transferControlToOffscreen' in HTMLCanvasElement.prototype &&
  'WebSocket' in window && 'Worker' in window;

// How often in a row a WebSocket may fail that has never been open, while the server answers otherwise.
const patience = 2;

export class Player {
  // maxPixels is how many pixels a picture may have; events are functions: picture, damaged.
  constructor(label, maxPixels, events) {
    this.maxPixels = maxPixels;
    this.events = events;
    this.key = Math.random().toString(36).slice(2); // by which the server knows this viewer
    this.element = document.createElement('div');
    this.element.className = 'picture';
    this.label = label;
    this.running = false;
    this.rate = 0;
    this.failures = 0;
    if (canDraw) this.useWorker();
    else this.useImage();
  }

  get kind() { return this.worker ? 'socket' : 'image'; }

  set label(text) {
    this.text = text;
    this.shown?.setAttribute(this.worker ? 'aria-label' : 'alt', text);
  }

  useWorker() {
    const canvas = this.show(document.createElement('canvas'));
    canvas.width = canvas.height = 1; // until there is a picture
    canvas.setAttribute('role', 'img');
    const offscreen = canvas.transferControlToOffscreen();
    this.worker = new Worker(new URL('worker.js', import.meta.url));
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = () => this.useImage();
    this.worker.postMessage({ canvas: offscreen, maxPixels: this.maxPixels }, [offscreen]);
    this.label = this.text;
  }

  useImage() {
    this.worker?.terminate();
    this.worker = null;
    this.show(document.createElement('img')).onload = () => this.events.picture({});
    this.label = this.text;
    if (this.running) this.connect();
  }

  show(element) {
    this.shown = element;
    this.element.replaceChildren(element);
    return element;
  }

  hear(said) {
    if (said.picture) this.events.picture(said.picture);
    if (said.damaged) this.events.damaged?.();
    if (said.open) this.failures = 0;
    if ('closed' in said) this.lost(said.closed);
    if ('jpeg' in said) this.snapped?.(said.jpeg);
  }

  // lost connects again, later if that does not help.
  async lost(wasOpen) {
    if (wasOpen) this.failures = 0;
    else if (await this.events.reachable()) this.failures++;
    if (this.failures >= patience && this.worker) {
      this.useImage();
      return;
    }
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.running && this.connect(), 300);
  }

  connect() {
    this.connected = performance.now();
    if (this.worker) {
      const url = new URL(`socket?key=${this.key}`, this.base);
      url.protocol = url.protocol.replace('http', 'ws');
      this.worker.postMessage({ connect: url.href });
    } else {
      this.shown.src = `${this.base}stream?key=${this.key}&at=${Date.now()}`;
    }
  }

  // start shows the stream whose folder has this address, which ends in a slash.
  start(base) {
    if (this.running) return;
    this.running = true;
    this.base = base;
    this.still?.remove();
    this.connect();
  }

  // stop leaves the picture as it is, and nothing is sent any more.
  stop() {
    if (!this.running) return;
    this.running = false;
    clearTimeout(this.retry);
    if (this.worker) {
      this.worker.postMessage({ disconnect: true });
    } else {
      this.still = this.copy();
      this.element.append(this.still);
      this.shown.removeAttribute('src');
    }
  }

  close() {
    this.stop();
    this.worker?.terminate();
    this.element.remove();
  }

  // limit asks for so many pictures a second at most; 0 is all. An <img> takes all.
  limit(rate) {
    if (rate === this.rate) return;
    this.rate = rate;
    this.worker?.postMessage({ rate });
  }

  // A browser does not tell when the stream of an <img> has ended, the last picture stays. But the server knows.
  check(yours) {
    if (this.worker || !this.running || performance.now() - this.connected < 2000) return;
    if (!yours) this.connect();
  }

  // jpeg returns the picture that is on the screen.
  async jpeg() {
    if (this.worker) {
      const bytes = await new Promise((resolve) => {
        this.snapped = resolve;
        this.worker.postMessage({ snapshot: true });
      });
      return bytes && new Blob([bytes], { type: 'image/jpeg' });
    }
    return new Promise((resolve) => (this.still ?? this.copy()).toBlob(resolve, 'image/jpeg', 0.95));
  }

  copy() {
    const canvas = document.createElement('canvas');
    canvas.width = this.shown.naturalWidth || 1;
    canvas.height = this.shown.naturalHeight || 1;
    canvas.getContext('2d').drawImage(this.shown, 0, 0);
    return canvas;
  }
}
