/* A fuzz target: an input is datagrams that come to a sender. The first byte says what the sender is like. Before each
 * datagram stand its size, in two bytes, and the time that has passed, in one. If that time is odd and there is a key, the
 * datagram is sealed first, as a receiver does it. */
#include "../udpcam.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    static uint8_t b[70000], sealed[70100];
    us now = 1795176000000000;
    if (n < 1) return 0;
    int mode = *p++;
    n--;
    udpcam_sender *s = live_sender(mode, now);
    uint64_t counter = 0, before = s->stats.bytes;
    size_t came = 0, frames = 45000;
    while (n >= 3) {
        size_t size = (size_t)get(p, 2) % 2000;
        us passed = p[2];
        now += passed * passed * 20, p += 3, n -= 3;
        if (size > n) size = n;
        memcpy(b, p, size), p += size, n -= size, came += size;
        if (passed & 1 && s->suite && size >= PREFIX) {
            int subscribes = (b[2] & 15) == SUBSCRIBE;
            size = control_seal(sealed, subscribes ? s->subscriptions : s->feedback, (const uint8_t *)"receiver        ",
                ++counter, s->id, 0, b, size);
            udpcam_sender_input(s, sealed, size, &peers[mode >> 6 & 1 & (int)passed], now);
        } else udpcam_sender_input(s, b, size, &peers[mode >> 6 & 1 & (int)passed], now);
        udpcam_sender_tick(s, now);
        if (s->n > s->places || s->count > RECORDS) abort();
    }
    /* Answers are bounded by what was sent, and announcements by what came and by the time. */
    if (s->stats.bytes - before > frames + 20 * came + 200000) abort();
    return 0;
}
