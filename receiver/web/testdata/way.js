// Plays what way.js decides in simulated time. A function of TestWay: gets the module, returns what is wrong, as lines.

async ({ Way }) => {
  const faults = [];
  const every = 1000 / 30, ahead = 5e6; // between pictures; by how much the server's clock is ahead

  // A World is a server that makes pictures, a network, and a page. socket and datagrams say how long a picture takes that
  // was made at a time, null if it does not come. made says whether one is made.
  class World {
    constructor(by) {
      Object.assign(this, {
        way: new Way(by), at: 0, next: 0, id: 0, coming: [], states: [], shown: [], newest: 0, doubts: 0, wantedAt: null,
        socket: () => 3, datagrams: () => 5, made: () => true, talks: () => true, hurts: () => false, busy: false,
      });
    }

    run(ms) {
      for (const end = this.at + ms; this.at < end; this.at += 5) this.step();
      return this;
    }

    step() {
      const { way, at } = this;
      if (at >= this.next) {
        this.next += every;
        this.id++;
        if (this.made(at)) this.make();
      }
      for (const c of this.coming.filter((c) => c.when <= at)) this.arrive(c);
      this.coming = this.coming.filter((c) => c.when > at);
      const open = way.opened !== Infinity;
      if (at % 500 === 0 && open && this.talks(at)) way.clock({ interval: every, newest: this.newest + ahead }, at);
      if (at % 100 === 0) way.look(at);
      this.wantedAt = way.wanted ? this.wantedAt ?? at : null;
      if (way.doubts(at)) this.doubts++;
      if (way.state !== this.states.at(-1)?.state) this.states.push({ state: way.state, at });
    }

    make() {
      const { way, at, id } = this, picture = { id, number: id, came: at + ahead };
      this.newest = at;
      const wait = this.socket(at);
      const open = !way.on && way.opened !== Infinity;
      if (open && wait !== null) this.coming.push({ ...picture, when: at + wait, by: 'socket' });
      const other = this.datagrams(at);
      if (this.wantedAt === null || at - this.wantedAt <= 100 || other === null) return;
      this.coming.push({ ...picture, when: at + other, by: 'datagrams' });
    }

    arrive(c) {
      const { way, at } = this;
      if (c.by === 'socket') way.bySocket(c, this.busy, at);
      else if (way.wanted) way.byDatagrams({ ...c, repaired: this.hurts(at), trouble: 0 }, at);
      else return;
      if (c.id > (this.shown.at(-1)?.id ?? 0)) this.shown.push({ ...c, at });
    }

    open() {
      this.way.open(this.at);
      return this;
    }

    // gap is the longest time without a picture since a time.
    gap(since) {
      const all = this.shown.filter((s) => s.at >= since);
      return Math.max(...all.map((s, i) => s.at - (all[i - 1]?.at ?? s.at)), this.at - (all.at(-1)?.at ?? since));
    }

    entered(state, from = 0) { return this.states.find((s) => s.state === state && s.at >= from)?.at ?? Infinity; }

    is(what, holds) {
      if (!holds) faults.push(`not: ${what}; ${this.states.map((s) => `${s.state} ${s.at}`).join(', ')}`);
    }
  }
  const world = (by) => new World(by).open().run(5000);
  const stalls = (at) => (at % 700 < 200 ? 250 - (at % 700) : 3); // TCP waits for what was lost

  let w = world('').run(120_000);
  w.is('a good socket stays', w.states.length === 1);

  w = world('');
  w.socket = stalls;
  w.hurts = () => true;
  w.run(100_000);
  w.is('pictures come by datagrams within 3 s', w.entered('datagrams') < 5000 + 3000);
  w.is('and stay there', w.way.on && w.states.length === 3);
  w.is('without a gap', w.gap(w.entered('datagrams') - 40) < 60);

  w = world('');
  w.socket = () => 3;
  w.busy = true;
  w.made = () => true;
  let n = 0;
  w.socket = () => (n++ % 3 ? null : 3); // the server leaves out pictures because the page is slow
  w.run(20_000);
  w.is('a slow page asks for no datagrams', w.states.length === 1);
  w.busy = false;
  w.run(5000);
  w.is('a slow network does', w.way.on);

  // Trouble ends, and comes again.
  w = world('');
  w.socket = stalls;
  w.run(5000).is('datagrams', w.way.on);
  w.socket = () => 3;
  let from = w.at;
  w.run(54_000).is('60 s without trouble are needed', w.way.on);
  w.run(3000).is('then the socket', w.way.state === 'socket');
  w.is('without a gap', w.gap(from) < 60);
  w.socket = stalls;
  w.run(4000).is('datagrams again', w.way.on);
  w.socket = () => 3;
  w.run(100_000).is('for longer', w.way.on);
  w.run(30_000).is('but not for ever', w.way.state === 'socket');
  w.run(400_000);
  w.socket = stalls;
  w.run(4000);
  w.socket = () => 3;
  w.run(64_000).is('after a long time without trouble, 60 s do again', w.way.state === 'socket');

  w = world('');
  w.socket = stalls;
  w.run(5000);
  w.socket = () => 3;
  w.hurts = (at) => at % 15_000 < 40; // now and then
  w.run(70_000).is('a little trouble is none', w.way.state === 'socket');

  // The socket is no better when pictures are to leave datagrams.
  w = world('');
  w.socket = stalls;
  w.run(5000);
  w.socket = () => null;
  from = w.at;
  w.run(70_000).is('pictures go on if the socket brings none', w.way.wanted && w.gap(from) < 60);

  // Datagrams do no better.
  w = world('');
  w.socket = stalls;
  w.datagrams = (at) => (at % 700 < 300 ? null : 150);
  w.run(12_000).is('datagrams that do no better are left', w.entered('datagrams') < 8000 && w.way.state === 'socket');
  n = w.states.length;
  w.run(50_000).is('and not tried for a minute', w.states.length === n);
  w.run(20_000).is('and then again', w.states.length > n);

  // On a narrow path they come sooner, but fewer.
  w = world('');
  w.socket = (at) => (w.id % 4 === 0 ? null : at < 5000 ? 3 : 100);
  w.datagrams = (at) => (at > 9000 && w.id % 3 ? 60 : null);
  w.run(20_000).is('datagrams that show fewer pictures are left', w.entered('datagrams') < 10_000 && w.way.state === 'socket');

  // None come.
  w = world('');
  w.socket = stalls;
  w.datagrams = () => null;
  w.run(10_000).is('none come', w.way.state === 'socket' && w.entered('trying') < 8000);
  w.is('so the socket goes on', w.gap(5000) < 400);

  // The network is out for 4 s.
  w = world('');
  w.socket = stalls;
  w.hurts = () => true;
  w.run(10_000);
  from = w.at;
  w.talks = (at) => at < from || at > from + 6000; // TCP waits for longer
  w.datagrams = (at) => (at < from + 4000 ? null : 5);
  w.socket = (at) => (at < from + 4000 ? from + 6200 - at : 3);
  w.run(4000).is('the socket is to help', w.entered('both', from) < from + 1300);
  w.run(300).is('the first picture after it is shown', w.way.on && w.gap(from + 4040) < 60);
  w.run(20_000).is('and all others', w.way.on && w.gap(from + 4040) < 60);
  w.is('in their order', w.shown.every((s, i) => i === 0 || s.id > w.shown[i - 1].id));
  w.is('nobody doubts the channel', w.doubts === 0);

  // What an outage has kept comes first after it.
  w = world('');
  w.socket = stalls;
  w.hurts = () => true;
  w.run(10_000);
  from = w.at;
  w.socket = (at) => (at < from + 4000 ? null : 3);
  w.datagrams = (at) => (at < from + 300 ? from + 4000 - at : at < from + 4500 ? null : 5);
  w.run(4300).is('old pictures are no sign that all is well', w.way.state === 'both' && w.gap(from + 4060) < 60);
  w.run(1000).is('new ones are', w.way.on);

  // Datagrams stop, and the socket would go on.
  w = world('');
  w.socket = stalls;
  w.run(10_000);
  from = w.at;
  w.socket = () => 3;
  w.datagrams = () => null;
  w.run(3000).is('pictures come by the socket', w.way.state === 'both' && w.gap(from) < 1300);
  w.is('the channel is doubted', w.doubts > 0);
  w.run(12_000).is('and given up', w.way.state === 'socket' && w.gap(from + 1300) < 60);

  // The server is killed and started again.
  w = world('');
  w.socket = stalls;
  w.run(10_000);
  from = w.at;
  w.datagrams = () => null;
  w.made = (at) => at > from + 3000;
  w.way.close();
  w.run(3000).is('nothing is doubted without a socket', w.doubts === 0 && w.way.state === 'both');
  w.open().run(2000).is('the channel is doubted', w.doubts > 0);
  w.way.broken(w.at);
  w.datagrams = () => 5;
  w.run(500).is('it is back', w.way.on && w.gap(from + 3040) < 400);

  // No channel can be made.
  w = world('');
  w.socket = stalls;
  w.run(1500).is('it is asked for', w.way.wanted);
  w.way.failed(60_000, w.at);
  w.run(58_000).is('not again for a minute', w.way.state === 'socket');
  w.run(4000).is('but then', w.way.wanted);

  // The server does not answer for a while, also by the socket.
  w = world('');
  w.socket = stalls;
  w.run(5000);
  w.way.close();
  w.way.broken(w.at);
  w.way.failed(2000, w.at);
  w.run(5000).is('without a socket nothing is asked for', !w.way.wanted);
  w.socket = () => 3;
  w.open().run(500).is('then it goes on as before', w.way.on);

  // The network was out for a while.
  w = world('');
  from = w.at;
  w.talks = (at) => at > from + 4000;
  w.socket = (at) => (at < from + 4000 ? from + 4000 - at : 3);
  w.run(4000).is('while it is out nothing is asked for', !w.way.wanted);
  w.run(800).is('then datagrams are', w.way.on);

  // A small tile.
  w = world('');
  w.way.limited = true;
  w.socket = stalls;
  w.run(20_000).is('a tile with few pictures stays on the socket', w.states.length === 1);
  w.way.limited = false;
  w.run(5000).is('a large one does not', w.way.on);
  from = w.at;
  w.way.limited = true;
  w.run(3000).is('unless it becomes small', w.way.state === 'socket' && w.gap(from) < 300);

  // A camera that pauses.
  w = world('');
  w.socket = stalls;
  w.hurts = () => true;
  w.run(5000);
  from = w.at;
  w.made = (at) => at > from + 10_000;
  w.run(15_000).is('a pause of the camera changes nothing', w.way.on && w.states.length === 3);

  // A hidden page.
  w = world('');
  w.socket = stalls;
  w.run(5000);
  w.way.stop(w.at);
  w.run(5000).is('a hidden page wants nothing', !w.way.wanted);
  w.socket = () => 3;
  w.open().run(300).is('when it is seen again it goes on as before', w.way.on);

  // What the viewer wants.
  w = new World('datagrams').open().run(1000);
  w.is('by=datagrams asks at once', w.way.on);
  w.run(100_000).is('and stays', w.way.on && w.states.length <= 3);
  w = world('socket');
  w.socket = stalls;
  w.run(20_000).is('by=socket asks never', w.states.length === 1);
  return faults;
};
