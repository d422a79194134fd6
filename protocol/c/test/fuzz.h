/* What the fuzz targets share. With -DREPLAY they are programs that run the files that they are given. */
#include <stdio.h>
#include <stdlib.h>

static struct gathered {
    uint8_t *b;
    size_t size, used;
    unsigned sum;
} gathered;

static const udpcam_addr peers[2] = {{{0xfe, 0x80, 1}, 12345, 3}, {{0xfe, 0x80, 2}, 12345, 3}};

static void gather(void *user, const udpcam_addr *to, const uint8_t *head, size_t n, const uint8_t *body, size_t len) {
    (void)user, (void)to;
    for (size_t i = 0; i < n; i++) gathered.sum += head[i]; /* so that a sanitizer sees what leaves */
    for (size_t i = 0; i < len; i++) gathered.sum += body[i];
    if (gathered.used + 2 + n + len > gathered.size) return;
    put(gathered.b + gathered.used, 2, n + len);
    memcpy(gathered.b + gathered.used + 2, head, n);
    if (len) memcpy(gathered.b + gathered.used + 2 + n, body, len);
    gathered.used += 2 + n + len;
}

#ifdef RECEIVER
static void look(void *user, const udpcam_frame *f) {
    (void)user;
    if (f->len < 4 || f->jpeg[0] != 0xff || f->jpeg[f->len - 1] != 0xd9) abort();
    for (size_t i = 0; i < f->len; i++) gathered.sum += f->jpeg[i];
}
#endif

/* A sender that has sent some frames, and what it sent. Bits of mode: 1 sealed, 2 AES, 4 large frames, 16 subscribers, 32
 * much parity. Each is made once, and copied for each input. */
static udpcam_sender *live_sender(int mode, us now) {
    static struct {
        uint8_t *memory, *copy, *sent;
        size_t size, used;
    } made[64];
    static const uint8_t key[32] = {1, 2, 3};
    static uint8_t frame[20000];
    mode &= 63;
    if (!made[mode].memory) {
        udpcam_sender_config c = {0};
        c.out = gather, c.name = "door", c.segment = mode & 4 ? 1408 : 448, c.parity = mode & 32 ? 40 : 10, c.ring = 50000;
        c.subscribers = mode & 16 ? 2 : 0, c.to = 1;
        if (mode & 1) c.key = key, c.suite = mode & 2 ? 2 : 1;
        made[mode].size = udpcam_sender_size(&c);
        made[mode].memory = malloc(made[mode].size), made[mode].copy = malloc(made[mode].size),
            made[mode].sent = malloc(200000);
        memset(made[mode].memory, 0, made[mode].size);
        gathered = (struct gathered){made[mode].sent, 200000, 0, 0};
        udpcam_sender *s = udpcam_sender_init(made[mode].memory, &c);
        udpcam_sender_to(s, &peers[0]);
        s->session = 0xabcdef; /* that of the vectors */
        for (unsigned i = 0; i < 3; i++) {
            size_t n = mode & 4 ? 15000 : 2000;
            for (size_t j = 0; j < n; j++) frame[j] = (uint8_t)(j * 167 + (j >> 8) + i);
            frame[0] = frame[n - 2] = 0xff, frame[1] = 0xd8, frame[n - 1] = 0xd9;
            if (s->suite)
                memset(s->to->peer, 7, ORIGIN), s->to->echoes.heard = (uint64_t)now & MASK48,
                    s->to->echoes.heard_at = now - 1;
            udpcam_sender_frame(s, frame, n, now, now);
        }
        made[mode].used = gathered.used;
        memcpy(made[mode].copy, made[mode].memory, made[mode].size);
    }
    memcpy(made[mode].memory, made[mode].copy, made[mode].size);
    gathered = (struct gathered){made[mode].sent, 0, made[mode].used, 0};
    return (udpcam_sender *)made[mode].memory;
}

#ifdef REPLAY
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int main(int argc, char **argv) {
    static uint8_t b[1 << 20];
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (!f) return perror(argv[i]), 1;
        LLVMFuzzerTestOneInput(b, fread(b, 1, sizeof b, f));
        fclose(f);
    }
    printf("%d inputs replayed\n", argc - 1);
    return argc < 2;
}
#endif
