// A Feed takes one stream's pictures from the server, decodes them and draws them on a canvas. It runs in a worker, off the
// page's own thread, where the browser can do that. The messages from the server are described in page_message.go, and by
// HTTP in poll.go. What a feed tells the page:
//
//   {picture: {number, captured, came, at, bytes, width, height}}   one is on the screen, since at
//   {clock: {sent, got, time, newest, interval}}                    the server has answered; newest is 0 if there is none
//   {open: true} {closed: opened}                                   the connection; opened says whether it ever was
//   {damaged: true}                                                 a picture cannot be shown
//
// Times are in milliseconds since the Unix epoch: captured, came, time and newest by the server's clock, the others by now().

import { now, within } from './status.js';

const pictureMessage = 1, clockMessage = 2; // from the server
const taken = 1, rateLimit = 3; // to it

const maxCanvas = 3840 * 2160; // pixels: more would take memory, and no screen shows them
const beat = 500; // how often the server is asked for the time, in ms
const deaf = 4000; // when a connection that says nothing is given up

export class Feed {
  constructor(canvas, maxPixels, tell) {
    this.context = canvas.getContext('2d', { alpha: false, desynchronized: true });
    this.maxPixels = maxPixels;
    this.tell = tell;
    this.rate = 0;
    this.socket = null;
    this.waiting = null; // the newest picture that is not being decoded yet; a newer one takes its place
    this.drawing = null; // the work of showing pictures, until there is none
    this.shown = null; // the JPEG on the screen
    this.turn = 0; // the number of the connection: what an earlier one still brings is ignored
    this.beating = setInterval(() => this.watch(), beat);
  }

  // connect begins a WebSocket.
  connect(url) {
    this.disconnect();
    const s = this.socket = new WebSocket(url);
    let opened = false;
    this.heard = now();
    s.binaryType = 'arraybuffer';
    s.onopen = () => {
      if (s !== this.socket) return;
      opened = true;
      this.heard = now();
      this.tell({ open: true });
      this.limit(this.rate);
      for (const ms of [0, 100, 250]) setTimeout(() => s === this.socket && this.ask(), ms);
    };
    this.closed = () => {
      if (s !== this.socket) return;
      s.close();
      this.disconnect();
      this.tell({ closed: opened });
    };
    s.onclose = this.closed;
    s.onmessage = ({ data }) => {
      if (s === this.socket) this.hear(data, 0, now());
    };
  }

  // poll asks for one picture after the other by HTTP. The answer is waited for, unless pictures are to be few: many tiles
  // that wait would take all connections that a browser has for one server.
  async poll(url) {
    this.disconnect();
    const turn = this.turn;
    const next = new URL(url);
    let number = '', opened = false;
    while (turn === this.turn) {
      const sent = now();
      try {
        next.searchParams.set('after', number);
        next.searchParams.set('wait', this.rate ? 0 : 1);
        const answer = await fetch(next, { cache: 'no-store', signal: within(deaf) });
        if (!answer.ok) throw new Error(answer.statusText);
        const data = await answer.arrayBuffer();
        if (turn !== this.turn) return;
        const size = new DataView(data).getUint16(2);
        this.hear(data.slice(0, size), sent, now());
        if (!opened) this.tell({ open: true });
        opened = true;
        if (data.byteLength > size) {
          number = new DataView(data).getUint32(size + 4);
          this.hear(data.slice(size), sent, now());
          await this.drawing;
        }
        const early = this.rate ? 1000 / this.rate - (now() - sent) : 0;
        if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      } catch {
        if (turn !== this.turn) return;
        this.disconnect();
        this.tell({ closed: opened });
      }
    }
  }

  disconnect() {
    const s = this.socket;
    this.turn++;
    this.socket = this.waiting = null;
    if (!s) return;
    if (s.readyState !== WebSocket.CONNECTING) {
      s.close();
      return;
    }
    s.onopen = () => s.close(); // browsers warn if it is closed before
    setTimeout(() => s.close(), deaf);
  }

  close() {
    this.disconnect();
    clearInterval(this.beating);
  }

  // watch keeps asking, and gives up a connection that does not answer.
  watch() {
    if (!this.socket) return;
    if (now() - this.heard > deaf) this.closed();
    else this.ask();
  }

  hear(data, sent, got) {
    this.heard = got;
    const view = new DataView(data), time = (at) => (view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4)) / 1000;
    if (view.getUint8(0) === clockMessage) {
      this.tell({
        clock: {
          sent: (sent || view.getFloat64(8)) + view.getUint32(32) / 1000, got,
          time: time(16), newest: time(24), interval: view.getUint32(4) / 1000,
        },
      });
    }
    if (view.getUint8(0) === pictureMessage) {
      const jpeg = new Uint8Array(data, view.getUint16(2));
      this.waiting = { turn: this.turn, socket: this.socket, at: got, number: view.getUint32(4), captured: time(8), came: time(16), jpeg };
      if (!this.drawing) this.drawing = this.show();
    }
  }

  // show draws pictures, always the newest, until there is none.
  async show() {
    while (this.waiting) {
      const picture = this.waiting;
      this.waiting = null;
      try {
        await this.draw(picture);
      } catch {
        this.tell({ damaged: true });
      }
      if (picture.socket) tellTaken(picture);
    }
    this.drawing = null;
  }

  async draw({ turn, number, captured, came, jpeg }) {
    const pixels = pixelsOf(jpeg);
    if (pixels === 0 || pixels > this.maxPixels) throw new RangeError(`a picture of ${pixels} pixels`);
    const image = await decode(new Blob([jpeg], { type: 'image/jpeg' }));
    const { width, height } = image;
    if (turn === this.turn) {
      const canvas = this.context.canvas, scale = Math.min(1, Math.sqrt(maxCanvas / pixels));
      const across = Math.ceil(width * scale), down = Math.ceil(height * scale);
      if (canvas.width !== across || canvas.height !== down) {
        canvas.width = across;
        canvas.height = down;
      }
      this.context.drawImage(image, 0, 0, across, down);
      this.shown = jpeg;
      this.tell({ picture: { number, captured, came, at: now(), bytes: jpeg.length, width, height } });
    }
    if (image.close) image.close();
  }

  // limit asks for so many pictures a second at most; 0 is all.
  limit(perSecond) {
    this.rate = perSecond;
    this.send(4, (view) => {
      view.setUint8(0, rateLimit);
      view.setUint16(2, perSecond);
    });
  }

  ask() {
    this.send(16, (view) => {
      view.setUint8(0, clockMessage);
      view.setFloat64(8, now());
    });
  }

  send(size, fill) { say(this.socket, size, fill); }
}

function say(socket, size, fill) {
  if (!socket || socket.readyState !== WebSocket.OPEN) return;
  const view = new DataView(new ArrayBuffer(size));
  fill(view);
  socket.send(view);
}

function tellTaken({ socket, number, at }) {
  say(socket, 12, (view) => {
    view.setUint8(0, taken);
    view.setUint32(4, number);
    view.setUint32(8, Math.max(0, (now() - at) * 1000));
  });
}

// decode returns a picture that can be drawn. An ImageDecoder would need no Blob, but takes longer: 6.2 ms for 720p in
// Chromium with all else, not 4.4. Browsers without createImageBitmap have no worker that draws either: there is a document.
async function decode(blob) {
  if (typeof createImageBitmap === 'function') return createImageBitmap(blob);
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await new Promise((resolve, reject) => Object.assign(image, { onload: resolve, onerror: reject }));
  } finally {
    URL.revokeObjectURL(image.src);
  }
  return image;
}

// pixelsOf returns how many pixels a JPEG says to have, 0 if it does not. It reads the frame header (ITU-T T.81, B.2.2), and
// is as lenient as decoders about what stands before that.
function pixelsOf(jpeg) {
  let at = jpeg[0] === 0xff && jpeg[1] === 0xd8 ? 2 : jpeg.length;
  while (at + 8 < jpeg.length) {
    const code = jpeg[at + 1], number = (i) => jpeg[at + i] << 8 | jpeg[at + i + 1];
    const isFrame = code === 0xde || (code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code));
    if (jpeg[at] !== 0xff || code === 0xff) at++;
    else if (code <= 1 || (code >= 0xd0 && code <= 0xd7)) at += 2; // they stand alone
    else if (isFrame) return number(5) * number(7);
    else at += 2 + number(2);
  }
  return 0;
}
