// Stands for the server's UDP port, inside the page: it answers the page's offer by a connection of its own, and sends
// pictures on the data channel as a sender of udpcam/1 does, without parity. One of twenty datagrams is lost, each way.
// window.peer counts.
// ?peer= says what goes wrong: it refuses, or is silent.
window.peer = { posts: 0, subscribes: 0, farewells: 0, reports: 0, requests: 0 };
const trouble = new URLSearchParams(location.search).get('peer');

const ask = window.fetch;
window.fetch = async (url, options) => {
  if (!String(url).endsWith('/datagrams')) return ask(url, options);
  peer.posts++;
  if (trouble === 'refuses') return new Response('no', { status: 500 });
  const connection = peer.connection = new RTCPeerConnection(); // kept, so that it lives
  serve(connection.createDataChannel('', { negotiated: true, id: 0, ordered: false, maxRetransmits: 1 }));
  await connection.setRemoteDescription({ type: 'offer', sdp: options.body });
  await connection.setLocalDescription(await connection.createAnswer());
  while (connection.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 10));
  let { sdp } = connection.localDescription;
  const other = (line) => line.slice(0, -2) + (line.endsWith('00') ? '11' : '00');
  if (trouble === 'silent') sdp = sdp.replace(/a=fingerprint:.*/, other);
  return new Response(sdp);
};

async function serve(channel) {
  const { checksum } = await import('/static/wire/repair.js');
  const jpeg = new Uint8Array(await (await ask('snapshot.jpg')).arrayBuffer()), crc = checksum(jpeg);
  const stride = 1344, n = Math.ceil(jpeg.length / stride), name = new TextEncoder().encode('door');
  const sent = new Map(); // by their IDs: when they were taken
  let id = 1000, wanted = false, echo = 0, echoed = 0;
  const present = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
  const set48 = (v, at, number) => {
    v.setUint16(at, Math.floor(number / 2 ** 32) % 2 ** 16);
    v.setUint32(at + 2, number % 2 ** 32);
  };
  const send = (size, type, fill, countdown = 0) => {
    const b = new Uint8Array(size);
    b.set([countdown, 0xca, 0x10 | type, 0, 1, 2, 3, 0]);
    fill(new DataView(b.buffer), b);
    if (Math.random() >= 0.05 && channel.readyState === 'open') channel.send(b);
  };
  const announce = () => send(37 + name.length, 3, (v, b) => {
    v.setUint32(16, id);
    set48(v, 20, present());
    set48(v, 26, echo);
    if (echo) v.setUint32(32, present() - echoed + 1);
    b[36] = name.length;
    b.set(name, 37);
  });
  const segment = (id, i, type) => {
    const payload = jpeg.subarray(i * stride, (i + 1) * stride);
    send(28 + payload.length, type, (v, b) => {
      v.setUint32(8, id);
      v.setUint32(12, jpeg.length);
      b.set([1], 12);
      b.set([n, 0], 16);
      set48(v, 18, sent.get(id));
      v.setUint32(24, crc);
      b.set(payload, 28);
    }, n - i);
  };
  channel.binaryType = 'arraybuffer';
  channel.onmessage = ({ data }) => {
    const b = new Uint8Array(data), v = new DataView(data);
    if (Math.random() < 0.05) return;
    if ((b[2] & 15) === 6) {
      wanted = b[32] === 0;
      peer[wanted ? 'subscribes' : 'farewells']++;
      if (wanted) send(34, 7, (_, answer) => (answer.set(b.subarray(8, 16), 8), answer.set([1], 32)));
    } else if ((b[2] & 15) === 4) {
      peer.reports++;
      [echo, echoed] = [v.getUint16(8) * 2 ** 32 + v.getUint32(10), present()];
    } else if ((b[2] & 15) === 5) {
      peer.requests++;
      const of = v.getUint32(8);
      for (let i = 0; i < n && sent.has(of); i++) if (!b[13] || b[16 + (i >> 3)] & (0x80 >> (i & 7))) segment(of, i, 9);
    }
  };
  setInterval(() => {
    if (!wanted) return;
    sent.set(++id, present());
    sent.delete(id - 50);
    for (let i = 0; i < n; i++) segment(id, i, 1);
    if (id % 5 === 0) announce();
  }, 40);
}
