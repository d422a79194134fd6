/* udpcam: camera JPEGs over UDP, as protocol/README.md specifies them. C99, one source file, no dependency.
 *
 * Nothing here allocates, opens a socket or reads a clock. You give memory, datagrams and the time; datagrams and frames
 * come out by callbacks, from within the call that you made. A callback calls nothing of the same object. An object is for
 * one thread at a time.
 *
 *     sender      memory = malloc(udpcam_sender_size(&c)); s = udpcam_sender_init(memory, &c);
 *                 udpcam_sender_to(s, &address);                   or receivers subscribe: c.subscribers
 *                 udpcam_sender_frame(s, jpeg, length, now, now);  for each picture
 *                 udpcam_sender_input(s, b, n, &from, now);        for each datagram that comes
 *                 wake = udpcam_sender_tick(s, now);               when wake has come, and after the others
 *     receiver    the same: _size, _init, _input, _tick. Frames come to c.frame.
 *
 * Times are microseconds since the Unix epoch. Clocks of two machines may differ; one clock should not jump. */
#ifndef UDPCAM_H
#define UDPCAM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UDPCAM_KEY 32              /* bytes of a key */
#define UDPCAM_NAME 64             /* the most bytes of a stream's name */
#define UDPCAM_MAX_FRAME 0xffffff  /* the most bytes of a frame */
#define UDPCAM_SEGMENT 1408        /* bytes of a frame in a datagram: fills 1500 bytes with all headers */
#define UDPCAM_MIN_SEGMENT 448     /* the same for packets of 576 bytes */
#define UDPCAM_OVERHEAD 44         /* the most bytes that a segment's datagram has besides */
#define UDPCAM_DATAGRAM 65507      /* the most bytes of a datagram */

/* An address of a socket: IPv6, or IPv4 as ::ffff:a.b.c.d. scope is the caller's, for link-local addresses. */
typedef struct udpcam_addr {
    uint8_t ip[16];
    uint16_t port; /* as a number, not in network order */
    uint32_t scope;
} udpcam_addr;

/* Sends one datagram: head, then body, which may be empty. Both are valid during the call only. */
typedef void udpcam_out(void *user, const udpcam_addr *to, const uint8_t *head, size_t head_len, const uint8_t *body,
                        size_t body_len);

/* ---- Keys and pictures ---- */

/* Reads a key as `udpcam key` prints it: base64, spaces around it do not matter. Returns 0, or -1 if it is none. */
int udpcam_key_parse(uint8_t key[UDPCAM_KEY], const char *text);

/* The ID of a key, which is not secret. */
uint16_t udpcam_key_id(const uint8_t key[UDPCAM_KEY]);

/* Returns how many bytes the JPEG at the beginning of p has, 0 if it is not complete, -1 if p begins with no JPEG. If its
 * size in pixels has come, it is stored in width and height; else they are set to 0. Either may be NULL. */
long udpcam_jpeg(const uint8_t *p, size_t n, unsigned *width, unsigned *height);

/* ---- Sender ---- */

typedef struct udpcam_sender udpcam_sender;

typedef struct udpcam_sender_config {
    void *user;
    udpcam_out *out;
    void (*flush)(void *user); /* NULL, or called when datagrams that out has collected should leave: after a frame's data
                                * and before its parity is computed, and at the end of calls */
    uint8_t random[32];        /* from the system's generator, anew at each start: with a key, repeating them is fatal */
    const uint8_t *key;        /* UDPCAM_KEY bytes, or NULL: open. Copied */
    const char *name;          /* UTF-8, NULL: none. Cut to UDPCAM_NAME bytes. Copied */
    unsigned segment;          /* bytes, from UDPCAM_MIN_SEGMENT; rounded down to a multiple of 64; 0: UDPCAM_SEGMENT */
    float parity;              /* percent of parity, rounded up; 0: none. Any number of rows can still be asked for */
    size_t ring;               /* bytes for copies of the last frames, from which requests are answered; 0: no answers */
    unsigned to;               /* how many fixed receivers there may be; 0: one */
    unsigned subscribers;      /* places for receivers that subscribe; 0: none may */
    unsigned suite;            /* of a sealed sender: 1 ChaCha20-Poly1305, 2 AES-256-GCM, 0 the faster one */
} udpcam_sender_config;

typedef struct udpcam_sender_stats {
    uint64_t frames, datagrams, bytes; /* to all receivers together */
    uint64_t reports, requests, answered; /* datagrams of answers */
    uint64_t refused;                  /* datagrams that came and did not count */
    unsigned subscribers;              /* at present */
} udpcam_sender_stats;

/* How much memory a sender takes, all in all. 0 if the configuration is wrong. */
size_t udpcam_sender_size(const udpcam_sender_config *c);

/* Makes a sender in memory of that size, aligned as malloc aligns. Returns NULL if the configuration is wrong. */
udpcam_sender *udpcam_sender_init(void *memory, const udpcam_sender_config *c);

/* Sends all frames to this address from now on. Returns -1 if there is no place. */
int udpcam_sender_to(udpcam_sender *s, const udpcam_addr *to);

/* Sends a frame, one JPEG, to all receivers. captured is when the picture was taken. Returns -1, and sends nothing, if the
 * frame is empty, too large for the wire, or no JPEG: it does not begin with FF D8 and end with FF D9. The bytes are yours
 * again when the call returns. */
int udpcam_sender_frame(udpcam_sender *s, const uint8_t *jpeg, size_t len, int64_t captured, int64_t now);

/* Takes a datagram that came from an address. A sealed one is decrypted in place. */
void udpcam_sender_input(udpcam_sender *s, uint8_t *b, size_t n, const udpcam_addr *from, int64_t now);

/* Does what is due: announcements, and the end of subscriptions. Returns when to call it again. */
int64_t udpcam_sender_tick(udpcam_sender *s, int64_t now);

/* Whether anybody gets frames. A camera may rest if not. */
int udpcam_sender_watched(const udpcam_sender *s);

const udpcam_sender_stats *udpcam_sender_get_stats(const udpcam_sender *s);

/* ---- Receiver ---- */

typedef struct udpcam_receiver udpcam_receiver;

typedef struct udpcam_frame {
    const uint8_t *jpeg; /* valid during the call */
    size_t len;
    uint32_t id;         /* grows, and wraps */
    int64_t captured;    /* when it was captured, by the sender's clock */
    int64_t offset;      /* by how much the sender's clock is ahead, if rtt is not 0 */
    int64_t rtt;         /* the shortest recent round trip; 0: not known */
    unsigned stream;     /* the place of the stream: from 0, below config.streams. Another stream may have it later */
    uint32_t session;    /* of the stream */
    const char *name;    /* of the stream; empty: none */
    udpcam_addr from;
    int sealed;
    unsigned width, height, milli_fps; /* as the sender announces them; 0: unknown */
} udpcam_frame;

typedef struct udpcam_receiver_config {
    void *user;
    void (*frame)(void *user, const udpcam_frame *f);
    udpcam_out *out;     /* for reports, requests and Subscribes */
    uint8_t random[32];  /* from the system's generator, anew at each start */
    const uint8_t *keys; /* UDPCAM_KEY bytes each, at most 4. With keys open streams are ignored. Copied */
    unsigned n_keys;
    size_t max_frame;    /* bytes of the largest frame; 0: 1 MiB. Each frame has an eighth more for parity, and 64 KiB */
    unsigned frames;     /* how many frames there is memory for, of all streams; at least 3; 0: 16 */
    unsigned streams;    /* how many streams are known at once; 0: 4 */
    int64_t latency;     /* how long a whole frame waits for an older one, us; 0: 3 round trips and 10 ms; < 0: none */
    int64_t deadline;    /* after how long an unfinished frame is given up, us; 0: 1 s */
} udpcam_receiver_config;

/* Why datagrams did not count. */
enum {
    UDPCAM_FOREIGN,      /* not udpcam/1 */
    UDPCAM_UNKNOWN_TYPE, UDPCAM_MALFORMED, UDPCAM_DUPLICATE,
    UDPCAM_LATE,         /* of a frame that is done with */
    UDPCAM_SPARE,        /* of a frame or block that is whole without it */
    UDPCAM_INCONSISTENT, /* contradicts others of its frame */
    UDPCAM_STRAY,        /* of a frame far from the others */
    UDPCAM_OVER_LIMIT,   /* no memory for it */
    UDPCAM_SEALED,       /* there is no key */
    UDPCAM_UNSEALED,     /* there is a key, and it came open */
    UDPCAM_UNANNOUNCED,  /* sealed, and no announcement has come yet */
    UDPCAM_WRONG_KEY,    /* no key opens it */
    UDPCAM_REPLAYED,     /* may be a recording */
    UDPCAM_UNWANTED,     /* an answer to a subscription that is not ours */
    UDPCAM_REASONS
};

typedef struct udpcam_receiver_stats {
    uint64_t datagrams, bytes;         /* of streams */
    uint64_t frames, frame_bytes;      /* handed on */
    uint64_t by_parity, by_request;    /* of these, repaired */
    uint64_t lost, corrupt;            /* frames that were not handed on; and of which the CRC or the ends were wrong */
    uint64_t skipped;                  /* frames that the sender has left out */
    uint64_t requests, feedback;       /* datagrams sent: requests; all */
    uint64_t left_out[UDPCAM_REASONS]; /* datagrams that did not count */
} udpcam_receiver_stats;

/* How a subscription stands. */
typedef enum udpcam_subscription {
    UDPCAM_ASKING, UDPCAM_SUBSCRIBED, UDPCAM_FULL, UDPCAM_NO_STREAM
} udpcam_subscription;

size_t udpcam_receiver_size(const udpcam_receiver_config *c);
udpcam_receiver *udpcam_receiver_init(void *memory, const udpcam_receiver_config *c);

/* Takes a datagram that came from an address; now is when it came. A sealed one is decrypted in place. */
void udpcam_receiver_input(udpcam_receiver *r, uint8_t *b, size_t n, const udpcam_addr *from, int64_t now);

/* Does what is due: reports, requests, frames that have waited long enough, Subscribes. Returns when to call it again. */
int64_t udpcam_receiver_tick(udpcam_receiver *r, int64_t now);

/* Subscribes at a sender to the stream of that name, or with "" to all of its streams; with the first key if there are
 * keys. Call udpcam_receiver_tick next. One subscription at a time. */
void udpcam_receiver_subscribe(udpcam_receiver *r, const udpcam_addr *to, const char *name, int64_t now);
void udpcam_receiver_unsubscribe(udpcam_receiver *r, int64_t now);
udpcam_subscription udpcam_receiver_state(const udpcam_receiver *r);

const udpcam_receiver_stats *udpcam_receiver_get_stats(const udpcam_receiver *r);

#ifdef __cplusplus
}
#endif
#endif
