/* udpcam-send sends the JPEGs that come on standard input, one behind the other. */
#define _GNU_SOURCE
#include "posix.h"

static const char usage[] =
    "usage: udpcam-send [--key KEY] [--name NAME] [--fps N] [--parity PERCENT] HOST:PORT\n"
    "       udpcam-send [...] --listen [ADDR]:PORT\n\n"
    "Sends the JPEGs on standard input, at their rate of arrival or N a second, to HOST:PORT, or with --listen to up to\n"
    "8 receivers that subscribe. With --fps it then waits for the first one. KEY is a key, or a file that has one.";

enum { MESSAGES = 128, ROOM = 256 << 10, INPUT = 2 * UDPCAM_MAX_FRAME };

/* Datagrams that wait to leave. Those in a row that have the same size and receiver are one message, which the kernel
 * divides. */
static struct {
    struct mmsghdr m[MESSAGES];
    struct iovec v[MESSAGES];
    struct sockaddr_storage to[MESSAGES];
    udpcam_addr last;
    union {
        size_t align;
        uint8_t b[CMSG_SPACE(sizeof(uint16_t))];
    } control[MESSAGES];
    size_t size, used; /* of the datagrams in the last message; bytes in all */
    unsigned n, open, count;
    int fd, family, segments;
    uint8_t bytes[ROOM];
} out;

static void flush(void *user) {
    (void)user;
    for (unsigned at = 0; at < out.n;) {
        int sent = sendmmsg(out.fd, out.m + at, out.n - at, 0);
        if (sent > 0) at += (unsigned)sent;
        else if (out.m[at].msg_hdr.msg_controllen && (errno == EIO || errno == EINVAL)) { /* no such division here */
            struct msghdr h = out.m[at].msg_hdr;
            struct iovec v = *h.msg_iov, one = v;
            uint16_t size;
            memcpy(&size, CMSG_DATA((struct cmsghdr *)h.msg_control), sizeof size);
            h.msg_iov = &one, h.msg_control = NULL, h.msg_controllen = 0;
            for (size_t i = 0; i < v.iov_len; i += size) {
                one.iov_base = (uint8_t *)v.iov_base + i, one.iov_len = v.iov_len - i < size ? v.iov_len - i : size;
                sendmsg(out.fd, &h, 0);
            }
            out.segments = 1, at++;
        } else if (errno != EINTR) at++; /* refused: the receiver may not be there yet */
    }
    out.n = out.open = 0, out.used = 0;
}

static void emit(void *user, const udpcam_addr *to, const uint8_t *head, size_t n, const uint8_t *body, size_t len) {
    size_t size = n + len;
    if (out.used + size > ROOM) flush(NULL);
    uint8_t *b = out.bytes + out.used;
    memcpy(b, head, n);
    if (len) memcpy(b + n, body, len);
    out.used += size;
    struct iovec *v = &out.v[out.n - (out.n > 0)];
    if (out.open && size <= out.size && out.count < (unsigned)out.segments && v->iov_len + size < 65000 &&
            !memcmp(to, &out.last, sizeof *to)) {
        struct msghdr *h = &out.m[out.n - 1].msg_hdr;
        struct cmsghdr *c = (void *)out.control[out.n - 1].b;
        uint16_t each = (uint16_t)out.size;
        h->msg_control = c, h->msg_controllen = sizeof out.control->b;
        c->cmsg_level = IPPROTO_UDP, c->cmsg_type = UDP_SEGMENT, c->cmsg_len = CMSG_LEN(sizeof each);
        memcpy(CMSG_DATA(c), &each, sizeof each);
        v->iov_len += size, out.count++, out.open = size == out.size;
        return;
    }
    if (out.n == MESSAGES) {
        memmove(out.bytes, b, size);
        out.used = 0;
        flush(user);
        b = out.bytes, out.used = size;
    }
    memset(&out.m[out.n], 0, sizeof *out.m);
    out.v[out.n].iov_base = b, out.v[out.n].iov_len = size;
    struct msghdr *h = &out.m[out.n].msg_hdr;
    h->msg_name = &out.to[out.n], h->msg_namelen = to_socket(to, out.family, &out.to[out.n]);
    h->msg_iov = &out.v[out.n++], h->msg_iovlen = 1;
    out.last = *to, out.size = size, out.open = 1, out.count = 1;
}

static void hear(udpcam_sender *s) {
    static uint8_t b[UDPCAM_DATAGRAM];
    struct sockaddr_storage from;
    for (int i = 0; i < 64; i++) {
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(out.fd, b, sizeof b, MSG_DONTWAIT, (void *)&from, &size);
        udpcam_addr a = from_socket(&from);
        if (n < 0 && errno == EAGAIN) return;
        if (n > 0) udpcam_sender_input(s, b, (size_t)n, &a, now_us());
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"key", 1, 0, 'k'}, {"name", 1, 0, 'n'}, {"fps", 1, 0, 'f'},
                                            {"parity", 1, 0, 'p'}, {"listen", 1, 0, 'l'}, {"help", 0, 0, 'h'}, {0, 0, 0, 0}};
    static uint8_t key[UDPCAM_KEY], in[INPUT];
    unsigned keys = 0;
    const char *listen = NULL;
    double fps = 0;
    udpcam_sender_config c;
    memset(&c, 0, sizeof c);
    c.out = emit, c.flush = flush, c.parity = 10, c.ring = 16 << 20;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'k') add_keys(key, &keys, 1, optarg);
        else if (o == 'n') c.name = optarg;
        else if (o == 'f') fps = atof(optarg);
        else if (o == 'p') c.parity = strtof(optarg, NULL);
        else if (o == 'l') listen = optarg, c.subscribers = 8;
        else if (o == 'h') return puts(usage) < 0;
        else die(usage, NULL);
    }
    if (argc - optind != !listen) die(usage, NULL);
    udpcam_addr own = listen ? resolve(listen, 1) : (udpcam_addr){{0}, 0, 0}, to;
    if (!listen) to = resolve(argv[optind], 0);
    fcntl(0, F_SETPIPE_SZ, 1 << 20); /* room for a frame, if it is a pipe */
    catch_signals();
    fill_random(c.random);
    if (keys) c.key = key;
    size_t size = udpcam_sender_size(&c), have = 0, used = 0;
    void *memory = malloc(size + !size);
    udpcam_sender *s = size && memory ? udpcam_sender_init(memory, &c) : NULL;
    if (!s) die("give --parity from 0 to 300", NULL);
    out.segments = 64;
    out.fd = open_socket(&own, &out.family, 4 << 20);
    if (!listen) udpcam_sender_to(s, &to);
    int64_t due = 0, end = INT64_MAX; /* of the next frame; when all is over */
    while (!stopped) {
        int64_t now = now_us(), wake = udpcam_sender_tick(s, now);
        if (now >= end) break;
        long n = udpcam_jpeg(in + used, have - used, NULL, NULL);
        if (n < 0) { /* to where a JPEG may begin */
            uint8_t *ff = memchr(in + used + 1, 0xff, have - used - 1);
            used = ff ? (size_t)(ff - in) : have;
            continue;
        }
        int waits = n > 0 && fps > 0 && (now < due || (listen && !udpcam_sender_watched(s)));
        if (n > 0 && !waits) {
            udpcam_sender_frame(s, in + used, (size_t)n, now, now);
            used += (size_t)n;
            if (fps > 0)
                due = due && due + (int64_t)(1e6 / fps) > now - 1000000 ?
                    due + (int64_t)(1e6 / fps) : now + (int64_t)(1e6 / fps);
            struct pollfd p = {out.fd, POLLIN, 0};
            wait_for(&p, 1, 0);
            if (p.revents) hear(s);
            continue;
        }
        if (!n && used) memmove(in, in + used, have -= used), used = 0;
        if (!n && have == sizeof in) have = 0; /* no JPEG is that large */
        if (waits && wake > due && now < due) wake = due;
        struct pollfd p[2] = {{out.fd, POLLIN, 0}, {n || end < INT64_MAX ? -1 : 0, POLLIN, 0}};
        wait_for(p, 2, (wake < end ? wake : end) - now);
        if (p[0].revents) hear(s);
        if (!p[1].revents) continue;
        ssize_t got = read(0, in + have, sizeof in - have);
        if (got > 0) have += (size_t)got;
        else if (got == 0 || errno != EINTR) end = now_us() + 1000000; /* time for answers to requests */
    }
    const udpcam_sender_stats *st = udpcam_sender_get_stats(s);
    fprintf(stderr, "sent %llu frames in %llu datagrams, %llu bytes; answered %llu requests "
            "with %llu datagrams; refused %llu datagrams\n",
            (unsigned long long)st->frames, (unsigned long long)st->datagrams, (unsigned long long)st->bytes,
            (unsigned long long)st->requests, (unsigned long long)st->answered, (unsigned long long)st->refused);
    return 0;
}
