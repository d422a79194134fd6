// A Feed takes one stream's pictures from the server, decodes them and draws them on a canvas. It runs in a worker, off the
// page's own thread, where the browser can do that. The messages from the server are described in page_message.go, and by
// HTTP in poll.go. What a feed tells the page:
//
//   {picture: {number, captured, came, at, bytes, width, height, by, repaired}}   one is on the screen, since at
//   {clock: {sent, got, time, newest, interval}}   the server has answered; newest is 0 if there is none
//   {open: true} {closed: opened}                  the connection; opened says whether it ever was
//   {damaged: true}                                a picture cannot be shown
//   {wants: true} {wants: false} {doubts: true}    of datagrams: see way.js
//
// Times are in milliseconds since the Unix epoch: captured, came, time and newest by the server's clock, others by now().

import { now, within } from './status.js';
import { Way } from './way.js';

const pictureMessage = 1, clockMessage = 2; // from the server
const taken = 1, rateLimit = 3, wayMessage = 4; // to it

const maxCanvas = 3840 * 2160; // pixels: more would take memory, and no screen shows them
const beat = 500; // how often the server is asked for the time, in ms
const look = 100; // how often it is decided by which way pictures come
const deaf = 4000; // when a connection that says nothing is given up
const most = 3; // pictures that may wait for the screen: repair may bring several at once

export class Feed {
  // by is the way that the viewer wants: see way.js.
  constructor(canvas, maxPixels, tell, by) {
    this.context = canvas.getContext('2d', { alpha: false, desynchronized: true });
    this.maxPixels = maxPixels;
    this.tell = tell;
    this.rate = 0;
    this.socket = null;
    this.waiting = []; // pictures that are not being decoded yet
    this.newest = null; // the last of them that has come
    this.drawn = 0; // how long it takes to show a picture, smoothed
    this.interval = 0; // between pictures
    this.drawing = null; // the work of showing pictures, until there is none
    this.shown = null; // the JPEG on the screen
    this.turn = 0; // the number of the connection: what an earlier one still brings is ignored
    this.way = new Way(by);
    this.port = null; // where whole pictures come from that came by datagrams
    this.wanted = this.on = false; // of the way, as the page and the server know it
    this.between = 0; // from when a picture was taken until the server got it
    this.tally = { pictures: 0, bytes: 0 }; // that are shown, came by datagrams, and are not reported yet
    this.timers = [setInterval(() => this.watch(), beat), setInterval(() => this.steer(now()), look)];
  }

  // obey does what the page orders.
  obey({ rate, connect, poll, disconnect, snapshot, port, failed, broken }) {
    if (rate !== undefined) this.limit(rate);
    if (connect) this.connect(connect);
    if (poll) this.poll(poll);
    if (disconnect) this.disconnect();
    if (snapshot) this.tell({ jpeg: this.shown });
    if (port) this.join(port);
    if (broken) this.way.broken(now());
    if (failed) this.way.failed(failed, now());
    this.steer(now());
  }

  // connect begins a WebSocket.
  connect(url) {
    this.hangUp();
    const s = this.socket = new WebSocket(url);
    let opened = false;
    this.heard = now();
    s.binaryType = 'arraybuffer';
    s.onopen = () => {
      if (s !== this.socket) return;
      opened = true;
      this.heard = now();
      this.tell({ open: true });
      this.way.open(this.heard);
      this.limit(this.rate);
      if (this.on) this.sayWay();
      for (const ms of [0, 100, 250]) setTimeout(() => s === this.socket && this.ask(), ms);
    };
    this.closed = () => {
      if (s !== this.socket) return;
      s.close();
      this.hangUp();
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
    this.disconnect(); // without a socket there are no datagrams either
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

  // join takes the port by which pictures come that have come by datagrams.
  join(port) {
    if (!this.wanted) {
      port.close();
      return;
    }
    if (this.port) this.port.close();
    this.port = port;
    port.onmessage = ({ data }) => {
      if (port === this.port) this.hearWhole(data);
    };
  }

  // disconnect ends everything.
  disconnect() {
    this.way.stop(now());
    this.steer(now());
    this.hangUp();
  }

  // hangUp ends the socket, and not the datagrams.
  hangUp() {
    const s = this.socket;
    this.turn++;
    this.socket = null;
    this.waiting = this.waiting.filter((picture) => picture.port);
    this.way.close();
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
    this.timers.forEach(clearInterval);
  }

  // watch keeps asking, and gives up a connection that does not answer.
  watch() {
    if (!this.socket) return;
    if (now() - this.heard > deaf) {
      this.closed();
      return;
    }
    this.ask();
    if (this.on) this.sayWay();
  }

  // steer does what the way wants.
  steer(at) {
    const { way } = this;
    way.look(at);
    if (way.wanted !== this.wanted) {
      this.wanted = way.wanted;
      this.tell({ wants: this.wanted });
      if (!this.wanted && this.port) {
        this.port.close();
        this.port = null;
      }
    }
    if (way.on !== this.on) {
      this.on = way.on;
      this.sayWay();
    }
    if (way.doubts(at)) this.tell({ doubts: true });
  }

  // sayWay tells the server whether it is to send pictures here, and how many have come by datagrams.
  sayWay() {
    const { pictures, bytes } = this.tally;
    const said = this.send(8, (view) => {
      view.setUint8(0, wayMessage);
      view.setUint8(1, this.on ? 1 : 0);
      view.setUint16(2, Math.min(pictures, 0xffff));
      view.setUint32(4, bytes);
    });
    if (said) this.tally = { pictures: 0, bytes: 0 };
  }

  hear(data, sent, got) {
    this.heard = got;
    const view = new DataView(data), time = (at) => (view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4)) / 1000;
    if (view.getUint8(0) === clockMessage) {
      const clock = {
        sent: (sent || view.getFloat64(8)) + view.getUint32(32) / 1000, got,
        time: time(16), newest: time(24), interval: view.getUint32(4) / 1000,
      };
      this.between = view.getInt32(36) / 1000;
      this.interval = clock.interval;
      this.way.clock(clock, got);
      this.tell({ clock });
    }
    if (view.getUint8(0) === pictureMessage) {
      const jpeg = new Uint8Array(data, view.getUint16(2));
      const picture = {
        turn: this.turn, socket: this.socket, at: got, number: view.getUint32(4), captured: time(8), came: time(16), jpeg,
      };
      this.way.bySocket(picture, this.drawn > this.interval, got);
      this.put(picture);
    }
    this.steer(got);
  }

  // hearWhole takes a picture that has come by datagrams.
  hearWhole({ id, captured, jpeg, repaired, trouble }) {
    const at = now(), came = captured + this.between;
    this.way.byDatagrams({ id, came, repaired, trouble }, at);
    this.put({ port: this.port, at, number: id, captured, came, jpeg, repaired });
    this.steer(at);
  }

  // put shows a picture, unless it is no newer than one that has come the other way. On the socket the server waits until a
  // picture is shown, so the newest takes the place of one that waits. Datagrams come in any case: some may wait, if
  // pictures are shown faster than they come.
  put(picture) {
    const { newest, waiting } = this, other = newest && !newest.port !== !picture.port;
    if (other && picture.captured <= newest.captured && picture.at - newest.at < deaf) {
      tellTaken(picture);
      return;
    }
    this.newest = picture;
    const room = picture.port && this.drawn < 0.8 * this.interval ? most : 1;
    while (waiting.length >= room) {
      const { port, ...old } = waiting.shift();
      if (port) this.way.skipped(picture.at);
      else if (picture.port) tellTaken(old);
    }
    waiting.push(picture);
    if (!this.drawing) this.drawing = this.show();
  }

  // show draws pictures until there is none.
  async show() {
    while (this.waiting.length) {
      const picture = this.waiting.shift(), began = now();
      try {
        await this.draw(picture);
      } catch {
        this.tell({ damaged: true });
      }
      this.drawn += (now() - began - this.drawn) / 8;
      tellTaken(picture);
    }
    this.drawing = null;
  }

  async draw({ turn, port, number, captured, came, jpeg, repaired }) {
    const pixels = pixelsOf(jpeg);
    if (pixels === 0 || pixels > this.maxPixels) throw new RangeError(`a picture of ${pixels} pixels`);
    const image = await decode(new Blob([jpeg], { type: 'image/jpeg' }));
    const { width, height } = image;
    if (port ? port === this.port : turn === this.turn) {
      const canvas = this.context.canvas, scale = Math.min(1, Math.sqrt(maxCanvas / pixels));
      const across = Math.ceil(width * scale), down = Math.ceil(height * scale);
      if (canvas.width !== across || canvas.height !== down) {
        canvas.width = across;
        canvas.height = down;
      }
      this.context.drawImage(image, 0, 0, across, down);
      this.shown = jpeg;
      if (port) this.tally = { pictures: this.tally.pictures + 1, bytes: this.tally.bytes + jpeg.length };
      const by = port ? 'datagrams' : 'socket';
      this.tell({ picture: { number, captured, came, at: now(), bytes: jpeg.length, width, height, by, repaired } });
    }
    if (image.close) image.close();
  }

  // limit asks for so many pictures a second at most; 0 is all.
  limit(perSecond) {
    this.rate = perSecond;
    this.way.limited = perSecond > 0;
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

  // send sends a message, and returns whether that was possible.
  send(size, fill) { return say(this.socket, size, fill); }
}

function say(socket, size, fill) {
  if (!socket || socket.readyState !== WebSocket.OPEN) return false;
  const view = new DataView(new ArrayBuffer(size));
  fill(view);
  socket.send(view);
  return true;
}

// tellTaken tells the server that it need not wait for a picture any more, if it came by the socket.
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
