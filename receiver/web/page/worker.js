// One stream's worker: it takes pictures from a WebSocket, decodes them and draws them on a canvas, all off the page's own
// thread. The messages are described in page_message.go. What it tells the page:
//
//   {picture: {delay, bytes, width, height}}   one is on the screen; delay in ms since capture, null if clocks are unknown
//   {open: true} {closed: opened}              the connection; opened says whether it ever was
//   {jpeg}                                     the picture that is on the screen, for {snapshot: true}
'use strict';

const pictureMessage = 1, clockMessage = 2; // from the server
const taken = 1, rateLimit = 3; // to it

const maxCanvas = 3840 * 2160; // pixels: more would take memory, and no screen shows them

let socket, context, maxPixels, rate = 0;
let waiting = null; // the newest picture that is not being decoded yet; a newer one takes its place
let busy = false; // whether one is being decoded
let shown = null; // the JPEG on the screen
let samples = []; // of the clocks: {rtt, offset}, the last few

onmessage = ({ data }) => {
  if (data.canvas) {
    context = data.canvas.getContext('2d', { alpha: false, desynchronized: true });
    maxPixels = data.maxPixels;
  }
  if ('rate' in data) limit(data.rate);
  if (data.connect) connect(data.connect);
  if (data.disconnect) disconnect();
  if (data.snapshot) postMessage({ jpeg: shown });
};

function connect(url) {
  disconnect();
  const s = socket = new WebSocket(url);
  let opened = false;
  s.binaryType = 'arraybuffer';
  s.onopen = () => {
    opened = true;
    postMessage({ open: true });
    limit(rate);
    samples = [];
    for (const ms of [0, 100, 300, 1000]) setTimeout(askTime, ms, s);
  };
  s.onclose = () => {
    if (s === socket) postMessage({ closed: opened });
  };
  s.onmessage = ({ data }) => {
    if (s !== socket) return;
    const view = new DataView(data);
    if (view.getUint8(0) === clockMessage) hearTime(view);
    if (view.getUint8(0) === pictureMessage) {
      waiting = {
        socket: s,
        at: now(),
        number: view.getUint32(4),
        captured: Number(view.getBigUint64(8)) / 1000,
        jpeg: new Uint8Array(data, view.getUint16(2)),
      };
      if (!busy) show();
    }
  };
}

function disconnect() {
  const s = socket;
  socket = waiting = null;
  if (s) s.close();
}

// show draws pictures, always the newest, until there is none.
async function show() {
  busy = true;
  while (waiting) {
    const picture = waiting;
    waiting = null;
    try {
      await draw(picture);
    } catch {
      postMessage({ damaged: true });
    }
    tellTaken(picture);
  }
  busy = false;
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

async function draw(picture) {
  const pixels = pixelsOf(picture.jpeg);
  if (pixels === 0 || pixels > maxPixels) throw new RangeError(`a picture of ${pixels} pixels`);
  // An ImageDecoder would need no Blob, but takes longer: 6.2 ms for 720p in Chromium with all else, not 4.4.
  const image = await createImageBitmap(new Blob([picture.jpeg], { type: 'image/jpeg' }));
  const { width, height } = image;
  if (picture.socket === socket) {
    const canvas = context.canvas, scale = Math.min(1, Math.sqrt(maxCanvas / pixels));
    const across = Math.ceil(width * scale), down = Math.ceil(height * scale);
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
    }
    context.drawImage(image, 0, 0, across, down);
    shown = picture.jpeg;
    const offset = clockOffset();
    const delay = offset === null ? null : now() + offset - picture.captured;
    postMessage({ picture: { delay, bytes: picture.jpeg.length, width, height } });
  }
  image.close();
}

function tellTaken({ socket: s, number, at }) {
  if (s.readyState !== WebSocket.OPEN) return;
  const view = new DataView(new ArrayBuffer(12));
  view.setUint8(0, taken);
  view.setUint32(4, number);
  view.setUint32(8, Math.max(0, (now() - at) * 1000));
  s.send(view);
}

// limit asks for so many pictures a second at most; 0 is all.
function limit(perSecond) {
  rate = perSecond;
  if (!socket || socket.readyState !== WebSocket.OPEN) return;
  const view = new DataView(new ArrayBuffer(4));
  view.setUint8(0, rateLimit);
  view.setUint16(2, rate);
  socket.send(view);
}

const now = () => performance.timeOrigin + performance.now(); // ms since the Unix epoch

// The clocks of page and server are compared as in NTP: of the last samples, that of the shortest round trip is the best.
function askTime(s) {
  if (s !== socket || s.readyState !== WebSocket.OPEN) return;
  const view = new DataView(new ArrayBuffer(16));
  view.setUint8(0, clockMessage);
  view.setFloat64(8, now());
  s.send(view);
}

function hearTime(view) {
  const at = now(), asked = view.getFloat64(8);
  samples.push({ rtt: at - asked, offset: Number(view.getBigUint64(16)) / 1000 - (at + asked) / 2 });
  if (samples.length > 8) samples.shift();
}

function clockOffset() {
  if (!samples.length) return null;
  return samples.reduce((best, s) => (s.rtt < best.rtt ? s : best)).offset;
}

setInterval(() => socket && askTime(socket), 5000);
