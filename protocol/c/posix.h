/* What udpcam-send and udpcam-recv share: addresses, keys, the clock, options. For POSIX systems with Linux's extensions. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "udpcam.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static volatile sig_atomic_t stopped;
static void stop(int signal) { stopped = signal; }

static void catch_signals(void) {
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = stop;
    sigaction(SIGINT, &a, NULL), sigaction(SIGTERM, &a, NULL);
}

static void die(const char *what, const char *which) {
    fprintf(stderr, "%s%s%s\n", what, which ? ": " : "", which ? which : "");
    exit(1);
}

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Waits for events, for at most so many microseconds. */
static void wait_for(struct pollfd *p, nfds_t n, int64_t us) {
    us = us < 0 ? 0 : us;
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    if (ppoll(p, n, &t, NULL) < 0)
        for (nfds_t i = 0; i < n; i++) p[i].revents = 0;
}

static udpcam_addr from_socket(const struct sockaddr_storage *s) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    udpcam_addr a;
    memset(&a, 0, sizeof a);
    if (s->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)s;
        memcpy(a.ip, &v6->sin6_addr, 16);
        a.port = ntohs(v6->sin6_port), a.scope = v6->sin6_scope_id;
    } else {
        const struct sockaddr_in *v4 = (const void *)s;
        memcpy(a.ip, mapped, 12), memcpy(a.ip + 12, &v4->sin_addr, 4);
        a.port = ntohs(v4->sin_port);
    }
    return a;
}

static socklen_t to_socket(const udpcam_addr *a, int family, struct sockaddr_storage *s) {
    memset(s, 0, sizeof *s);
    s->ss_family = (sa_family_t)family;
    if (family == AF_INET6) {
        struct sockaddr_in6 *v6 = (void *)s;
        memcpy(&v6->sin6_addr, a->ip, 16);
        v6->sin6_port = htons(a->port), v6->sin6_scope_id = a->scope;
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (void *)s;
    memcpy(&v4->sin_addr, a->ip + 12, 4);
    v4->sin_port = htons(a->port);
    return sizeof *v4;
}

/* Looks up HOST:PORT, [IPv6]:PORT, or :PORT if the address is one of this machine. */
static udpcam_addr resolve(const char *text, int own) {
    char host[256];
    struct addrinfo hints, *found;
    const char *colon = strrchr(text, ':');
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_DGRAM, hints.ai_flags = AI_ADDRCONFIG | (own ? AI_PASSIVE : 0);
    if (!colon || !colon[1] || (!own && colon == text) || (size_t)(colon - text) >= sizeof host)
        die("give an address as HOST:PORT", text);
    int bracket = *text == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2 * bracket, text + bracket);
    udpcam_addr any = {{0}, (uint16_t)atoi(colon + 1), 0};
    if (!*host) return any;
    int err = getaddrinfo(host, colon + 1, &hints, &found);
    if (err) die(text, gai_strerror(err));
    struct sockaddr_storage s;
    memcpy(&s, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return from_socket(&s);
}

/* Opens a socket for both families if there are both. own is the address that it is bound to. */
static int open_socket(const udpcam_addr *own, int *family, int buffer) {
    struct sockaddr_storage s;
    int no = 0, fd = socket(*family = AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fd = socket(*family = AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket", strerror(errno));
    if (*family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (bind(fd, (void *)&s, to_socket(own, *family, &s))) die("this address cannot be used", strerror(errno));
    return fd;
}

/* Adds the key that the text is, or those of the file that it names. */
static void add_keys(uint8_t *keys, unsigned *n, unsigned most, const char *text) {
    char line[256];
    FILE *f = NULL;
    if (*n < most && !udpcam_key_parse(keys + *n * UDPCAM_KEY, text)) {
        ++*n;
        return;
    }
    if (!(f = fopen(text, "r")))
        die("--key: neither a key nor a file of keys. Make one by udpcam key, also of a passphrase", NULL);
    while (fgets(line, sizeof line, f)) {
        if (line[strspn(line, " \t\r\n")] == 0 || line[strspn(line, " \t")] == '#') continue;
        if (*n == most || udpcam_key_parse(keys + (*n)++ * UDPCAM_KEY, line))
            die("--key: a line of the file is no key, or there are too many", text);
    }
    fclose(f);
}

static void fill_random(uint8_t b[32]) {
    if (getrandom(b, 32, 0) != 32) die("getrandom", strerror(errno));
}
