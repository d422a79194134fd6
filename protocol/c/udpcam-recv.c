/* udpcam-recv writes the JPEGs that it receives, one behind the other. */
#define _GNU_SOURCE
#include "posix.h"

static const char usage[] =
    "usage: udpcam-recv [--key KEY] [--out -|FILE] [--count N] [ADDR]:PORT\n"
    "       udpcam-recv [...] --from HOST:PORT\n\n"
    "Writes the JPEGs of one stream to standard output or FILE, until N have come or it is interrupted. With --from it\n"
    "subscribes at a sender. KEY is a key, or a file that has up to 4.";

enum { MESSAGES = 8, SIZE = 65536 };

static int in, family, out = 1;
static unsigned long count, written;
static udpcam_addr source;   /* of the stream that is written */
static uint32_t session;
static int64_t last;         /* when its last frame came */

static void emit(void *user, const udpcam_addr *to, const uint8_t *head, size_t n, const uint8_t *body, size_t len) {
    struct sockaddr_storage s;
    (void)user, (void)body, (void)len;
    sendto(in, head, n, 0, (void *)&s, to_socket(to, family, &s));
}

static void write_frame(void *user, const udpcam_frame *f) {
    int64_t now = now_us();
    /* a sealed one may move */
    int other = f->session != session || (!f->sealed && memcmp(&f->from, &source, sizeof source));
    (void)user;
    if (stopped || (last && other && now - last < 2000000)) return; /* one stream at a time */
    session = f->session, source = f->from, last = now;
    for (size_t at = 0; at < f->len;) {
        ssize_t n = write(out, f->jpeg + at, f->len - at);
        if (n < 0 && errno != EINTR) {
            fprintf(stderr, "udpcam-recv: cannot write: %s\n", strerror(errno));
            exit(1);
        }
        if (n > 0) at += (size_t)n;
    }
    if (++written == count) stopped = 1;
}

/* Takes what waits in the socket. The kernel may have joined datagrams that came one after the other. */
static void receive(udpcam_receiver *r) {
    static uint8_t b[MESSAGES][SIZE];
    static union {
        size_t align;
        uint8_t b[128];
    } control[MESSAGES];
    struct mmsghdr m[MESSAGES];
    struct iovec v[MESSAGES];
    struct sockaddr_storage from[MESSAGES];
    memset(m, 0, sizeof m);
    for (int i = 0; i < MESSAGES; i++) {
        struct msghdr *h = &m[i].msg_hdr;
        v[i].iov_base = b[i], v[i].iov_len = SIZE;
        h->msg_iov = &v[i], h->msg_iovlen = 1, h->msg_name = &from[i], h->msg_namelen = sizeof from[i];
        h->msg_control = control[i].b, h->msg_controllen = sizeof control[i].b;
    }
    int n = recvmmsg(in, m, MESSAGES, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        size_t all = m[i].msg_len, each = all;
        int64_t when = now_us();
        udpcam_addr a = from_socket(&from[i]);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m[i].msg_hdr); c; c = CMSG_NXTHDR(&m[i].msg_hdr, c)) {
            struct timespec t;
            int size;
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                memcpy(&t, CMSG_DATA(c), sizeof t);
                when = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
            } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
                memcpy(&size, CMSG_DATA(c), sizeof size);
                each = size > 0 ? (size_t)size : all;
            }
        }
        for (size_t at = 0; at < all && !stopped; at += each)
            udpcam_receiver_input(r, b[i] + at, all - at < each ? all - at : each, &a, when);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"key", 1, 0, 'k'}, {"out", 1, 0, 'o'}, {"count", 1, 0, 'c'},
                                            {"from", 1, 0, 'f'}, {"help", 0, 0, 'h'}, {0, 0, 0, 0}};
    static uint8_t keys[4 * UDPCAM_KEY];
    const char *file = "-", *from = NULL;
    int yes = 1;
    udpcam_receiver_config c;
    memset(&c, 0, sizeof c);
    c.frame = write_frame, c.out = emit, c.keys = keys;
    c.max_frame = sizeof(void *) > 4 ? UDPCAM_MAX_FRAME : 4 << 20; /* memory that is not used costs nothing */
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'k') add_keys(keys, &c.n_keys, 4, optarg);
        else if (o == 'o') file = optarg;
        else if (o == 'c') count = strtoul(optarg, NULL, 10);
        else if (o == 'f') from = optarg;
        else if (o == 'h') return puts(usage) < 0;
        else die(usage, NULL);
    }
    if (argc - optind != !from) die(usage, NULL);
    udpcam_addr own = from ? (udpcam_addr){{0}, 0, 0} : resolve(argv[optind], 1), to;
    if (from) to = resolve(from, 0);
    if (strcmp(file, "-") && (out = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0)
        die(file, strerror(errno));
    fcntl(out, F_SETPIPE_SZ, 1 << 20); /* room for a frame, if it is a pipe */
    catch_signals();
    signal(SIGPIPE, SIG_IGN);
    fill_random(c.random);
    void *memory = malloc(udpcam_receiver_size(&c));
    udpcam_receiver *r = udpcam_receiver_init(memory, &c);
    if (!r) die("not enough memory", NULL);
    in = open_socket(&own, &family, 8 << 20);
    setsockopt(in, IPPROTO_UDP, UDP_GRO, &yes, sizeof yes);
    setsockopt(in, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
    if (from) udpcam_receiver_subscribe(r, &to, "", now_us());
    while (!stopped) {
        struct pollfd p = {in, POLLIN, 0};
        int64_t now = now_us();
        wait_for(&p, 1, udpcam_receiver_tick(r, now) - now);
        if (p.revents) receive(r);
    }
    udpcam_receiver_unsubscribe(r, now_us());
    const udpcam_receiver_stats *st = udpcam_receiver_get_stats(r);
    unsigned long long spare = st->left_out[UDPCAM_SPARE] + st->left_out[UDPCAM_DUPLICATE] + st->left_out[UDPCAM_LATE],
        refused = 0;
    for (int i = 0; i < UDPCAM_REASONS; i++) refused += st->left_out[i];
    fprintf(stderr, "received %llu frames, wrote %lu; %llu by parity, %llu by request, %llu lost; "
            "%llu datagrams, %llu of them spare, %llu refused\n",
            (unsigned long long)st->frames, written, (unsigned long long)st->by_parity, (unsigned long long)st->by_request,
            (unsigned long long)st->lost, (unsigned long long)st->datagrams, spare, refused - spare);
    return 0;
}
