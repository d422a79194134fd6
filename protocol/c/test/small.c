/* Shows that a sender fits into 64 kB of RAM, as in a microcontroller with 32-bit pointers: its object, its tables, and the
 * most stack that its calls use. Pictures are the camera's. Built with UDPCAM_SMALL. */
#define _XOPEN_SOURCE 700
#include "../udpcam.c"

#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

enum { LIMIT = 64 << 10, STACK = 32 << 10 };

static unsigned sent;
static void count(void *user, const udpcam_addr *to, const uint8_t *head, size_t n, const uint8_t *body, size_t len) {
    (void)user, (void)to, (void)head, (void)body;
    sent += n + len > 0;
}

static udpcam_sender *s;
static void *memory;
static udpcam_sender_config c;
static uint8_t jpeg[30000];

/* Everything that a sender does: sealed frames, reports, requests, Subscribes. */
static void work(void) {
    static const udpcam_addr viewer = {{0xfe, 0x80, 1}, 12345, 0};
    static uint8_t b[400], sealed[500];
    s = udpcam_sender_init(memory, &c);
    for (uint64_t i = 0; i < 40; i++) {
        us now = 1795176000000000 + (us)i * 50 * MS;
        uint32_t id = s->next - 1;
        memset(b, 0, sizeof b);
        put_prefix(b, SUBSCRIBE, 0, 0, 0);
        make_cookie(s, b + 16, (uint32_t)(now / (10 * SECOND)), &viewer, (const uint8_t *)"asker...........");
        control_seal(sealed, s->subscriptions, (const uint8_t *)"asker...........", i + 1, s->id, 0, b, ASK);
        udpcam_sender_input(s, sealed, ASK + 44, &viewer, now);
        udpcam_sender_frame(s, jpeg, sizeof jpeg, now, now);
        put_prefix(b, REPORT, 0, s->session, 0);
        put(b + 8, 6, (uint64_t)now), put(b + 14, 6, (uint64_t)now - 1), put(b + 20, 4, 1), b[28] = 8;
        for (int t = 0; t < 8; t++) put(b + 32 + 28 * t, 4, id), put(b + 42 + 28 * t, 2, 20), put(b + 52 + 28 * t, 2, 5);
        control_seal(sealed, s->feedback, (const uint8_t *)"viewer..........", 2 * i + 1, s->id, 0, b, 256);
        udpcam_sender_input(s, sealed, 300, &viewer, now);
        memset(b, 0xff, sizeof b);
        put_prefix(b, REQUEST, 0, s->session, 0);
        put(b + 8, 4, s->next - 1), b[12] = 3, b[13] = 22, b[14] = b[15] = 0;
        control_seal(sealed, s->feedback, (const uint8_t *)"viewer..........", 2 * i + 2, s->id, 0, b, 19);
        udpcam_sender_input(s, sealed, 63, &viewer, now);
        udpcam_sender_tick(s, now);
    }
}

int main(void) {
    static const uint8_t key[32] = {1, 2, 3};
    jpeg[0] = jpeg[sizeof jpeg - 2] = 0xff, jpeg[1] = 0xd8, jpeg[sizeof jpeg - 1] = 0xd9;
    c.out = count, c.key = key, c.parity = 10, c.ring = 32 << 10, c.subscribers = 2, c.name = "door";
    size_t object = udpcam_sender_size(&c), tables = sizeof gf;
    memory = malloc(object);
    /* it works on this stack, and the paint that is gone is what it needed */
    static uint8_t area[STACK] __attribute__((aligned(16)));
    static ucontext_t here, there;
    memset(area, 0xa5, sizeof area);
    getcontext(&there);
    there.uc_stack.ss_sp = area, there.uc_stack.ss_size = sizeof area, there.uc_link = &here;
    makecontext(&there, work, 0);
    swapcontext(&here, &there);
    size_t untouched = 0;
    while (untouched < STACK && area[untouched] == 0xa5) untouched++;
    size_t stack = STACK - untouched, all = object + tables + stack;
    printf("sender %zu bytes (of which the ring %zu), tables %zu, stack %zu: %zu of %d; pointers of %zu bytes\n",
        object, c.ring, tables, stack, all,
           LIMIT, sizeof(void *));
    const udpcam_sender_stats *st = udpcam_sender_get_stats(s);
    if (st->frames != 40 || !st->answered || st->reports != 40 || st->subscribers != 1)
        return printf("not everything was tried\n"), 1;
    return all > LIMIT || !untouched;
}
