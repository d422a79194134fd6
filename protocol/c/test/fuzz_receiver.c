/* A fuzz target: an input is datagrams that come to a receiver. The first byte says what the receiver is like. Each datagram
 * has its size in two bytes, and the time that has passed before it in one; a size of 0xffff takes a datagram of the sender
 * below. */
#include "../udpcam.c"

#define RECEIVER
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    static uint8_t memory[4 << 20], b[70000];
    static const uint8_t key[32] = {1, 2, 3};
    udpcam_receiver_config c = {0};
    us now = 1795176000000000;
    if (n < 1) return 0;
    int mode = *p++;
    n--;
    c.out = gather, c.frame = look, c.max_frame = 20000, c.frames = 6, c.streams = 3;
    if (mode & 1) c.keys = key, c.n_keys = 1;
    if (udpcam_receiver_size(&c) > sizeof memory) abort();
    udpcam_receiver *r = udpcam_receiver_init(memory, &c);
    memset(r->id, 7, ORIGIN);
    live_sender(mode, now);
    const uint8_t *from_sender = gathered.b;
    const size_t sent = gathered.used;
    size_t size, at = 0;
    if (mode & 8) udpcam_receiver_subscribe(r, &peers[0], "door", now);
    while (n >= 3) {
        size = (size_t)get(p, 2), now += (us)p[2] * p[2] * 20, p += 3, n -= 3;
        if (size == 0xffff) {
            if (at + 2 > sent) continue;
            size = (size_t)get(from_sender + at, 2);
            memcpy(b, from_sender + at + 2, size), at += 2 + size;
            if (n && *p & 1) b[*p % size] ^= p[0]; /* sometimes changed */
        } else {
            size %= 2000;
            if (size > n) size = n;
            memcpy(b, p, size), p += size, n -= size;
        }
        udpcam_receiver_input(r, b, size, &peers[mode >> 6 & 1 & (int)now], now);
        if (udpcam_receiver_tick(r, now) < 0) abort();
    }
    return 0;
}
