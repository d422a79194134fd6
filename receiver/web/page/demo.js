// The demo's panel: the network between its sender and its receiver, as whoever looks wants it.

import { address } from './address.js';
import { make } from './hints.js';

const sliders = [
  { name: 'loss', text: 'loss', max: 30, step: 0.5, unit: '%', scale: 100 },
  { name: 'delay_ms', text: 'delay', max: 200, step: 1, unit: 'ms', scale: 1 },
  { name: 'jitter_ms', text: 'jitter', max: 50, step: 1, unit: 'ms', scale: 1 },
];
const switches = [
  { name: 'parity', text: 'parity: repairs without asking' },
  { name: 'requests', text: 'requests: asks for what is missing' },
];

const inputs = {}, outputs = {};
const panel = make('section', { className: 'panel', id: 'network', hidden: true });
panel.setAttribute('aria-label', 'Network from sender to receiver');
panel.append(make('h2', { textContent: 'Network from sender to receiver' }));
for (const s of sliders) {
  inputs[s.name] = make('input', { type: 'range', min: 0, max: s.max, step: s.step, value: 0 });
  outputs[s.name] = make('output', {});
  panel.append(make('label', {}, s.text, inputs[s.name], outputs[s.name]));
}
for (const s of switches) {
  inputs[s.name] = make('input', { type: 'checkbox' });
  panel.append(make('label', { className: 'switch' }, inputs[s.name], s.text));
}
const hint = make('p', { textContent: 'Take parity and requests away at 5 % loss, and give them back.' });
panel.append(hint);
document.getElementById('view').after(panel);

const button = make('button', { id: 'demo', title: 'The network between sender and receiver (n)' });
button.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/></svg><span>network</span>';
button.setAttribute('aria-keyshortcuts', 'n');
button.setAttribute('aria-controls', 'network');
document.getElementById('tools').prepend(button);

function open(yes) {
  panel.hidden = !yes;
  button.setAttribute('aria-expanded', yes);
}
button.addEventListener('click', () => open(panel.hidden));
document.addEventListener('keydown', (e) => {
  if (e.key === 'n' && !e.ctrlKey && !e.metaKey && !e.altKey) open(panel.hidden);
});

function show(link) {
  for (const s of sliders) inputs[s.name].value = link[s.name] * s.scale;
  for (const s of switches) inputs[s.name].checked = link[s.name];
  describe();
}
function describe() {
  for (const s of sliders) {
    outputs[s.name].textContent = `${inputs[s.name].value} ${s.unit}`;
    inputs[s.name].setAttribute('aria-valuetext', outputs[s.name].textContent);
  }
}

// send sends the settings. While a request is on its way, changes wait, and then the newest settings are sent.
let sending = false, again = false;
async function send() {
  describe();
  if (sending) {
    again = true;
    return;
  }
  sending = true;
  do {
    again = false;
    const link = {};
    for (const s of sliders) link[s.name] = Number(inputs[s.name].value) / s.scale;
    for (const s of switches) link[s.name] = inputs[s.name].checked;
    try {
      const answer = await fetch(demo, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(link) });
      if (!answer.ok) hint.textContent = await answer.text();
    } catch {
      hint.textContent = 'no connection to the server';
    }
  } while (again);
  sending = false;
}
panel.addEventListener('input', send);

const demo = address('api/v1/demo');
fetch(demo).then((answer) => answer.json()).then((link) => {
  show(link);
  open(innerWidth >= 900 && innerHeight >= 500); // in a window that is large enough, the panel covers no picture
});
