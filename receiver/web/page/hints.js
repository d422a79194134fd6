// What the page tells while there is nothing to show: what to type at the camera, what was found, how a phone gets here.

import { within } from './status.js';

export const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

export class Hints {
  // say tells something to those who do not see the page.
  constructor(view, address, say) {
    Object.assign(this, { view, address, say, wanted: false, asked: -Infinity, told: {} });
    this.title = make('h2', { id: 'hints-title' });
    this.parts = {};
    for (const name of ['send', 'asked', 'found', 'page']) this.parts[name] = make('div', { className: name });
    const { page, ...texts } = this.parts;
    const card = make('div', { className: 'card' }, make('div', {}, this.title, ...Object.values(texts)), page);
    this.panel = make('section', { id: 'hints', hidden: true }, card);
    this.panel.setAttribute('aria-labelledby', this.title.id);
    view.append(this.panel);
  }

  // show is called again and again, with whether there is nothing to show.
  show(wanted) {
    this.wanted = wanted;
    if (wanted && !document.hidden && performance.now() - this.asked >= 1000) this.look();
    this.toggle();
  }

  async look() {
    this.asked = performance.now();
    try {
      const answer = await fetch(this.address, { signal: within(3000), cache: 'no-store' });
      if (answer.ok) this.fill(await answer.json());
    } catch { /* that there is no connection is told elsewhere */ }
    this.toggle();
  }

  toggle() {
    const hidden = !this.wanted || !Object.values(this.parts).some((part) => part.hasChildNodes());
    if (hidden === this.panel.hidden) return;
    this.panel.hidden = hidden;
    this.view.classList.toggle('hinting', !hidden);
    if (!hidden) this.say(this.title.textContent);
  }

  fill({ send, notes, asked, found, more, page }) {
    this.title.textContent = send?.length ? 'Waiting for a camera' : 'Waiting for a picture';
    this.part('send', { send: send ?? [], notes: notes ?? [] }, (p) => this.camera(p));
    this.part('asked', asked ?? [], (lines) => lines.length ? [
      make('h3', { textContent: 'Asked for a stream' }),
      make('ul', {}, ...lines.map((line) => make('li', {}, make('bdi', { textContent: line })))),
    ] : []);
    this.part('found', { found: found ?? [], more }, (p) => this.others(p));
    this.part('page', page, (p) => p ? this.phone(p) : []);
  }

  // part fills a part anew if what is told in it has changed. Otherwise it stays, with its focus and selection.
  part(name, told, build) {
    const text = JSON.stringify(told ?? null);
    if (text === this.told[name]) return;
    this.told[name] = text;
    this.parts[name].replaceChildren(...build(told));
  }

  camera({ send: [best, ...others], notes }) {
    const parts = notes.map((note) => make('p', { textContent: note }));
    if (others.length) {
      const summary = make('summary', { textContent: 'If that does not get through: other addresses of this machine' });
      parts.push(make('details', {}, summary, ...others.map((command) => this.line(command))));
    }
    return best ? [make('p', { textContent: 'At the machine with the camera, type:' }), this.line(best), ...parts] : parts;
  }

  others({ found, more }) {
    if (!found.length) return [];
    const item = ({ name, about, watch }) => make('li', {},
      make('strong', {}, make('bdi', { textContent: name || 'unnamed' })), ' ',
      make('bdi', { className: 'about', textContent: about }),
      ...(watch ? [this.line(watch)] : []));
    return [
      make('h3', { textContent: 'Found on this network' }),
      make('p', { textContent: 'To watch one of these, start recv on this machine with its line:' }),
      make('ul', {}, ...found.map(item)),
      ...(more ? [make('p', { textContent: `and ${more} others` })] : []),
    ];
  }

  phone({ address, secret, size, path }) {
    const svg = (tag, attributes) => {
      const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    };
    const code = svg('svg', { viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': `QR code of ${address}` });
    code.append(svg('rect', { width: size, height: size, fill: '#fff' }), svg('path', { d: path, fill: '#000' }));
    const wants = { password: 'It asks for the password.', token: 'Add ?token=… with the token.' }[secret];
    return [
      code,
      make('p', { textContent: 'This page on a phone:' }),
      make('p', { className: 'address', textContent: address }),
      ...(wants ? [make('p', { className: 'about', textContent: wants })] : []),
    ];
  }

  // line shows a command, with a button that copies it.
  line(command) {
    const code = make('code', {});
    for (const word of command.split(' ')) code.append(code.hasChildNodes() ? ' ' : '', make('span', { textContent: word }));
    const button = make('button', { type: 'button', textContent: 'copy' });
    button.setAttribute('aria-label', `copy ${command}`);
    button.addEventListener('click', () => {
      getSelection().selectAllChildren(code);
      const copied = document.execCommand('copy'); // navigator.clipboard does not exist in pages that come by http
      button.textContent = copied ? 'copied' : 'press Ctrl+C';
      this.say(button.textContent);
      setTimeout(() => { button.textContent = 'copy'; }, 2000);
    });
    return make('div', { className: 'line' }, code, button);
  }
}
