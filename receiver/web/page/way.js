// By which way a stream's pictures come: by the WebSocket, or by datagrams beside it. Here is only what decides. Times are
// arguments, in milliseconds by now(). Only came and newest are by the server's clock: when it got a picture.
//
// The states:
//   socket     pictures come by the socket
//   trying     datagrams are asked for; pictures still come by the socket
//   datagrams  pictures come by datagrams; the server sends none by the socket
//   both       datagrams have fallen silent, so the socket is to bring pictures too
//   leaving    the socket is to bring pictures again; datagrams go on until it does

const late = 60; // how much longer than the quickest a late picture takes
const stale = 250; // how much longer one takes that says nothing of the present: it waited for an outage to end
const often = 3, within = 2000; // so many bad pictures in such a time, and datagrams are asked for
const silence = 1000; // after so long without a picture the other way has to help
const tries = 5000; // how long datagrams are waited for
const again = 60_000, againForced = 2000; // after how long they are asked for again, if they were no help
const longest = 3600_000; // the longest time without trouble that is waited for before pictures leave datagrams
const few = 0.01; // of the pictures may need help, and there is no trouble: timers are late on a busy machine
const judged = 3000; // over what time the two ways are compared
const reply = 1500; // how long the channel may say nothing while the socket talks

// Quickest is the least of the values of the last 5 to 10 s.
export class Quickest {
  constructor() { Object.assign(this, { from: 0, least: Infinity, before: Infinity }); }

  add(value, at) {
    if (at - this.from > 5000) {
      this.before = at - this.from > 10_000 ? Infinity : this.least;
      Object.assign(this, { least: Infinity, from: at });
    }
    this.least = Math.min(this.least, value);
  }

  get value() { return Math.min(this.least, this.before); }
}

// Recent is how well pictures came lately.
class Recent {
  constructor() { this.all = []; }

  add(seen, made, at, late = 0) {
    this.all.push({ seen, made, late, at });
    while (at - this.all[0].at > judged) this.all.shift();
  }

  // share is the share of the pictures that were seen. In the score, a late one counts half.
  get share() { return this.sum('seen') / (this.sum('made') || 1); }
  get score() { return this.share - 0.5 * this.sum('late') / (this.sum('made') || 1); }

  sum(name) { return this.all.reduce((total, part) => total + part[name], 0); }
}

export class Way {
  // by is the way that the viewer wants: socket, datagrams, or '' for what is best.
  constructor(by = '') {
    Object.assign(this, {
      by, state: 'socket', since: 0, interval: 0, newest: 0, limited: false,
      quickest: new Quickest(), recent: new Recent(), before: { score: 0, share: 0 }, bad: [],
      opened: Infinity, heard: Infinity, last: null, // of the socket: since when it is open, when it spoke, its last picture
      came: 0, got: 0, id: null, trouble: 0, // of the last picture by datagrams
      after: 0, // not to ask for datagrams before
      calm: again, left: -Infinity, // see look; when datagrams were left because there was no trouble
      hurts: 0, hurt: 0, // the share of pictures that something was missing of, smoothed; when that was last more than a few
      resumes: false, doubted: 0,
    });
  }

  // wanted says whether the server is to send datagrams, on whether it is to send nothing else.
  get wanted() { return this.state !== 'socket'; }
  get on() { return this.state === 'datagrams'; }

  enter(state, at) {
    if (state === 'datagrams' && this.state !== 'both') [this.hurt, this.recent] = [at, new Recent()];
    if (this.on || state === 'socket') this.last = null; // what the socket brings next may be old
    if (!this.wanted || state === 'socket') [this.bad, this.recent, this.id] = [[], new Recent(), null];
    Object.assign(this, { state, since: at });
  }

  // open notes that the socket is open, close that it is not.
  open(at) { Object.assign(this, { opened: at, heard: at, last: null }); }
  close() { Object.assign(this, { opened: Infinity, last: null }); }

  // stop notes that no pictures are wanted for now.
  stop(at) {
    this.close();
    this.resumes = this.on || this.state === 'both';
    this.enter('socket', at);
  }

  // clock notes what the server says: the time between pictures, and when the newest came.
  clock({ interval, newest }, at) {
    Object.assign(this, { interval, newest });
    this.hear(at);
  }

  // hear notes that the socket has spoken. If it was silent for long, TCP has waited for what was lost.
  hear(at) {
    if (at - this.heard > silence) this.bad.push(...new Array(often).fill(at));
    this.heard = at;
  }

  // bySocket notes a picture. busy says whether drawing the last one took so long that the server had to wait.
  bySocket({ number, came }, busy, at) {
    const { last, interval } = this, transit = at - came;
    this.hear(at);
    this.last = { number, came };
    this.quickest.add(transit, at);
    if (this.state === 'leaving' && last) this.enter('socket', at);
    if (!last || this.limited || (this.state !== 'socket' && this.state !== 'trying')) return;
    const gap = interval && number - last.number > 1 ? (came - last.came) / interval : 0;
    const missed = gap > 1.5 ? Math.round(gap) - 1 : 0, isLate = transit > this.quickest.value + late;
    this.recent.add(1, 1 + missed, at, isLate ? 1 : 0);
    if (isLate || (missed && !busy)) this.bad.push(at);
  }

  // byDatagrams notes a whole picture. trouble counts losses and requests; repaired says whether something was missing.
  byDatagrams({ id, came, repaired, trouble }, at) {
    const missed = this.id === null ? 0 : (id - this.id - 1) >>> 0, paused = at - this.got, transit = at - came;
    this.quickest.add(transit, at);
    this.hurts += ((repaired || trouble > this.trouble ? 1 : 0) - this.hurts) / 300;
    if (this.hurts > few) this.hurt = at;
    Object.assign(this, { id, came, got: at, trouble });
    const fresh = transit <= this.quickest.value + stale;
    if (this.state === 'trying') this.before = { score: this.recent.score, share: this.recent.share };
    if (fresh && (this.state === 'trying' || this.state === 'both')) this.enter('datagrams', at);
    if (paused > silence / 2) [this.recent, this.since] = [new Recent(), at]; // an outage says nothing of the way
    else this.recent.add(1, 1 + Math.min(missed, 100), at, transit > this.quickest.value + late ? 1 : 0);
  }

  // skipped notes that a picture came and was not drawn, because a newer one had come.
  skipped(at) {
    if (this.on) this.recent.add(-1, 0, at);
  }

  // broken notes that the channel has broken; another is being made.
  broken(at) {
    if (this.on) this.enter('both', at);
  }

  // failed notes that there can be no channel for some time. If that is short, all goes on as before after it.
  failed(wait, at) {
    this.resumes = this.resumes || (wait < again && (this.on || this.state === 'both'));
    if (this.wanted) this.enter('socket', at);
    this.after = at + wait;
  }

  giveUp(at) { this.failed(this.by ? againForced : again, at); }

  asks(at) {
    this.bad = this.bad.filter((t) => at - t < within);
    if (this.by === 'socket' || at < this.after || this.opened === Infinity) return false;
    if (this.by === 'datagrams') return true;
    return !this.limited && (this.resumes || this.bad.length >= often);
  }

  // worse says whether datagrams are no better than the socket was, or show fewer pictures.
  worse(at) {
    const { before: { score, share }, recent } = this;
    return !this.by && at - this.since > judged + 1000 &&
      (recent.score < Math.min(0.9, score + 0.05) || recent.share < Math.min(0.9, share - 0.05));
  }

  // look does what is due. Datagrams are left when all has gone well for a minute. If things soon go badly then, it takes
  // twice as long the next time.
  look(at) {
    const held = at - this.since, deaf = at - this.heard > silence;
    const quiet = at - this.got > Math.max(silence, 2 * this.interval);
    switch (this.state) {
      case 'socket':
        if (!this.asks(at)) return;
        this.calm = at - this.left < this.calm ? Math.min(2 * this.calm, longest) : again;
        this.resumes = false;
        this.got = at;
        this.state = 'trying'; // what the socket did counts on
        this.since = at;
        return;
      case 'trying':
        if (deaf) this.since = at; // no wonder
        else if (held > tries && !(this.by && !this.last)) this.giveUp(at);
        else if (this.limited && !this.by) this.enter('socket', at);
        return;
      case 'datagrams':
        if (quiet && (deaf || this.newest > this.came + 50)) {
          this.enter('both', at);
        } else if (this.worse(at)) {
          this.after = at + again;
          this.enter('leaving', at);
        } else if (!this.by && at - this.hurt > this.calm) {
          this.left = at;
          this.enter('leaving', at);
        } else if (this.limited && !this.by) {
          this.enter('leaving', at);
        }
        return;
      case 'both':
        if (held > 2 * tries && this.last && !deaf) this.giveUp(at);
        return;
      case 'leaving':
        if (held > 2 * silence && at - this.got < silence) this.enter('datagrams', at); // the socket brings nothing
        else if (held > tries) this.enter('socket', at);
    }
  }

  // doubts says, once in a while, that the channel seems to be dead: it says nothing while the socket talks.
  doubts(at) {
    const talks = at - this.opened > silence && at - this.heard < silence;
    if (this.state !== 'both' || !talks || at - this.got < reply || at - this.doubted < silence) return false;
    this.doubted = at;
    return true;
  }
}
