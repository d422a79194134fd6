// The Link is the way by which datagrams come to the page: a data channel of WebRTC, for all tiles together. It is made when
// a tile wants it first. A worker has the channel (datagrams.js); here are its connection and who wants it.
//
// The server answers an offer at once with an answer that has its address, so nothing else needs to be signalled.

import { now, within } from './status.js';

const patience = 3000; // how long making a channel may take
const idle = 10_000; // after how long a channel is closed that nobody wants
const pause = 60_000, longest = 3600_000; // after how long another one is tried if none could be made: at first, and at most
const soon = 2000; // the same if the server does not answer at all

export class Link {
  // url is where offers are posted.
  constructor(url) {
    Object.assign(this, { url, pause, seats: new Map(), number: 0, turn: 0, opened: false, after: 0 });
    this.connection = this.worker = null;
  }

  // join brings a tile the pictures of a stream by a port. Its functions failed and broken are called when no channel can be
  // made for some time, and when it has broken and another is being made.
  join(tile, name, port) {
    this.leave(tile);
    clearTimeout(this.idle);
    const seat = String(++this.number);
    this.seats.set(tile, seat);
    if (now() < this.after) {
      tile.failed(this.after - now());
      return;
    }
    try {
      this.work().postMessage({ seat, name, port }, [port]);
    } catch {
      this.fail();
      return;
    }
    if (!this.connection) this.make();
  }

  leave(tile) {
    const seat = this.seats.get(tile);
    if (!seat) return;
    this.seats.delete(tile);
    if (this.worker) this.worker.postMessage({ leave: seat });
    clearTimeout(this.idle);
    if (!this.seats.size) this.idle = setTimeout(() => this.drop(), idle);
  }

  // doubt has the worker look whether the channel is dead.
  doubt() {
    if (this.opened) this.worker.postMessage({ check: true });
  }

  // anew makes another connection: this one may lead to where the machine was before it slept.
  anew() {
    if (this.connection) this.broke();
  }

  work() {
    if (this.worker) return this.worker;
    this.worker = new Worker(new URL('datagrams.js', import.meta.url), { type: 'module' });
    this.worker.onmessage = ({ data }) => {
      if (data.opened === this.turn) this.open();
      if (data.closed === this.turn && this.opened) this.broke();
    };
    this.worker.onerror = () => this.fail(); // this browser has no workers of modules, or lacks something that it needs
    return this.worker;
  }

  async make() {
    const turn = ++this.turn;
    let answered = true;
    this.timer = setTimeout(() => turn === this.turn && this.fail(answered), patience);
    try {
      const connection = this.connection = new RTCPeerConnection();
      connection.onconnectionstatechange = () => {
        if (turn !== this.turn || !['failed', 'closed'].includes(connection.connectionState)) return;
        if (this.opened) this.broke();
        else this.fail();
      };
      const channel = connection.createDataChannel('udpcam', { negotiated: true, id: 0, ordered: false, maxRetransmits: 1 });
      this.work().postMessage({ channel, turn }, [channel]); // not all browsers can do that
      const offer = await connection.createOffer();
      const set = connection.setLocalDescription(offer);
      answered = false;
      const answer = await fetch(this.url, {
        method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: offer.sdp, signal: within(patience),
      });
      answered = true;
      if (!answer.ok) throw new Error(answer.statusText);
      await set;
      await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    } catch {
      if (turn === this.turn) this.fail(answered);
    }
  }

  open() {
    clearTimeout(this.timer);
    this.opened = true;
    this.pause = pause;
  }

  // drop closes the connection.
  drop() {
    clearTimeout(this.timer);
    if (this.worker) this.worker.postMessage({ end: this.turn });
    if (this.connection) this.connection.close();
    Object.assign(this, { turn: this.turn + 1, opened: false, connection: null });
  }

  // broke makes another connection in place of one that was open.
  broke() {
    this.drop();
    for (const tile of [...this.seats.keys()]) tile.broken();
    if (this.seats.size) this.make();
  }

  // fail gives up for some time. certain says that there can be no channel; else the server is not there.
  fail(certain = true) {
    this.drop();
    const wait = certain ? this.pause : soon;
    this.after = now() + wait;
    if (certain) this.pause = Math.min(2 * wait, longest);
    for (const tile of [...this.seats.keys()]) tile.failed(wait);
  }
}
