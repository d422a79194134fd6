/* Tests udpcam.c from within: the vectors of protocol/testdata, as vectors.py writes them, and a sender and a receiver of
 * its own with a bad network between them, in simulated time. */
#include "../udpcam.c"

#include <stdio.h>
#include <stdlib.h>

static int failures, checks;
static const char *now_testing = "";

static int check(int ok, const char *what) {
    checks++;
    if (!ok && failures++ < 40) fprintf(stderr, "FAILED %s: %s\n", now_testing, what);
    return ok;
}

/* ---- Lines of words ---- */

static char line[400000], *word[400];
static int words;

static int next_line(FILE *f) {
    words = 0;
    if (!fgets(line, sizeof line, f)) return 0;
    for (char *w = strtok(line, " \n"); w && words < 400; w = strtok(NULL, " \n")) word[words++] = w;
    return words > 0;
}

static long long num(int i) { return i < words ? strtoll(word[i], NULL, 10) : 0; }

static size_t unhex(uint8_t *out, const char *s) {
    size_t n = 0;
    for (unsigned v; *s && *s != '-' && sscanf(s, "%2x", &v) == 1; s += 2) out[n++] = (uint8_t)v;
    return n;
}

static const char *unhex_text(const char *s) {
    static char texts[4][400];
    static int i;
    char *t = texts[i++ % 4];
    t[unhex((uint8_t *)t, s)] = 0;
    return t;
}

static void make_frame(uint8_t *b, size_t n) {
    for (size_t i = 0; i < n; i++) b[i] = (uint8_t)(i * 167 + (i >> 8));
    b[0] = b[n - 2] = 0xff, b[1] = 0xd8, b[n - 1] = 0xd9;
}

/* ---- What comes out ---- */

static uint8_t outs[2048][1600], shown[1 << 20];
static size_t out_len[2048], shown_len;
static unsigned n_out, n_shown;
static uint32_t shown_id;
static char shown_name[UDPCAM_NAME + 1];

static void emit_here(void *user, const udpcam_addr *to, const uint8_t *head, size_t n, const uint8_t *body, size_t len) {
    (void)user, (void)to;
    if (!check(n_out < 2048 && n + len <= 1600, "few and small datagrams come out")) return;
    memcpy(outs[n_out], head, n);
    if (len) memcpy(outs[n_out] + n, body, len);
    out_len[n_out++] = n + len;
}

static void show_here(void *user, const udpcam_frame *f) {
    (void)user;
    memcpy(shown, f->jpeg, f->len);
    shown_len = f->len, shown_id = f->id, n_shown++;
    strcpy(shown_name, f->name);
}

static int came_out(const uint8_t *b, size_t n) {
    for (unsigned i = 0; i < n_out; i++)
        if (out_len[i] == n && !memcmp(outs[i], b, n)) return 1;
    return 0;
}

static udpcam_sender *new_sender(udpcam_sender_config *c) {
    c->out = emit_here;
    size_t n = udpcam_sender_size(c);
    return udpcam_sender_init(malloc(n), c);
}

static udpcam_receiver *new_receiver(udpcam_receiver_config *c) {
    c->out = emit_here, c->frame = show_here;
    return udpcam_receiver_init(malloc(udpcam_receiver_size(c)), c);
}

static const udpcam_addr alice = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 168, 1, 5}, 40000, 0};

/* ---- vectors.json ---- */

static void test_frame(FILE *f) {
    static uint8_t frame[1 << 20], datagram[2000];
    udpcam_sender_config c = {0};
    udpcam_receiver_config rc = {0};
    uint32_t session = (uint32_t)num(2), id = (uint32_t)num(6);
    unsigned stream = (unsigned)num(3), parity = (unsigned)num(4), n = (unsigned)num(9), late = 0;
    us captured = num(7);
    size_t length = (size_t)num(8);
    c.segment = (unsigned)num(5), c.ring = 1 << 20;
    udpcam_sender *s = new_sender(&c);
    udpcam_receiver *r = new_receiver(&rc);
    make_frame(frame, length);
    s->session = session, s->next = id;
    udpcam_sender_to(s, &alice);
    s->to->announced = 10, s->to->announced_at = captured;
    unsigned k = (unsigned)ceil_div(ceil_div(length, c.segment), ceil_div(ceil_div(length, c.segment), 192));
    s->c.parity = ((float)parity - 0.5f) * 100 / (float)k * (parity > 0);
    n_out = n_shown = 0;
    udpcam_sender_frame(s, frame, length, captured, captured);
    check(s->records[0].header[17] == parity, "as much parity as is wanted");
    unsigned sent = n_out;
    for (unsigned i = 0; i < n && next_line(f); i++) {
        uint8_t *b = datagram;
        size_t size = unhex(b, word[1]), len = (size_t)num(3);
        if (*word[4] != '-') size += unhex(b + size, word[4]);
        else memcpy(b + size, frame + num(2), len), size += len;
        b[3] = 0; /* this sender has one stream */
        if ((b[2] & 15) == (PARITY | REPAIR)) { /* a row that is sent as an answer */
            uint8_t request[48] = {0};
            put_prefix(request, REQUEST, 0, session, 0);
            put(request + 8, 4, id), request[12] = request[13] = (uint8_t)k;
            late++, n_out = 0;
            for (int j = 0; j < 300 && !came_out(b, size); j++) {
                s->to->allowance = 1e6f;
                request[12] = 1;
                n_out = 0;
                answer(s, s->to, request, sizeof request);
            }
            check(came_out(b, size), "a row of parity on request");
        } else if (i < sent) check(out_len[i] == size && !memcmp(outs[i], b, size), "a datagram of a frame");
        b[3] = (uint8_t)stream;
        if (i >= parity + late || (b[2] & 7) == PARITY) udpcam_receiver_input(r, b, size, &alice, captured + SECOND);
    }
    check(sent + late == n, "as many datagrams as in the vector");
    udpcam_receiver_tick(r, captured + 2 * SECOND + 1);
    check(n_shown == 1 && shown_id == id && shown_len == length && !memcmp(shown, frame, length), "the frame is shown");
    free(s), free(r);
}

static void test_vector(const char *kind) {
    static uint8_t b[4000];
    us now = 1795176000000000;
    udpcam_sender_config c = {0};
    udpcam_receiver_config rc = {0};
    c.name = "door", c.subscribers = 1, c.to = 1;
    udpcam_sender *s = new_sender(&c);
    udpcam_receiver *r = new_receiver(&rc);
    uint32_t session = (uint32_t)num(2);
    uint8_t number = (uint8_t)num(3);
    n_out = 0;
    if (!strcmp(kind, "announcement")) {
        size_t n = unhex(b, word[9]);
        udpcam_receiver_input(r, b, n, &alice, now);
        stream *st = find_stream(r, b, &alice);
        check(st && st->described && !strcmp(st->name, unhex_text(word[4])) && st->width == num(5) &&
            st->height == num(6) && st->milli_fps == num(7),
              "an announcement is read");
        int relays = (int)num(8);
        s->name_len = clean_name(s->name, unhex_text(word[4]), strlen(unhex_text(word[4])));
        s->session = session, s->next = 1, s->width = (unsigned)num(5), s->height = (unsigned)num(6),
            s->milli_fps = (unsigned)num(7);
        udpcam_sender_to(s, &alice);
        announce(s, s->to, 0, now);
        outs[0][3] = number;
        check(relays || came_out(b, n), "an announcement is made"); /* this sender is no relay */
    } else if (!strcmp(kind, "report")) {
        stream *st = r->streams;
        us sent = num(4), echoed = num(5), held = num(6);
        size_t n = unhex(b, word[11]);
        st->used = 1, st->session = session, st->number = number, st->from = alice, st->received = 1 << 20;
        st->largest = (unsigned)num(7), st->late = (unsigned)num(8), st->joined = sent - num(9) * MS,
            st->n_trains = (unsigned)num(10);
        st->echoes.heard = (uint64_t)echoed & MASK48, st->echoes.heard_at = held ? sent - held : 0;
        memcpy(st->trains, b + REPORT_SIZE, n - REPORT_SIZE);
        report(r, st, sent);
        check(came_out(b, n), "a report is made");
        s->session = session, s->next = (uint32_t)get(b + REPORT_SIZE, 4) + 1;
        udpcam_sender_to(s, &alice);
        s->to->echoes.sent[0] = (uint32_t)echoed, s->to->echoes.n = 1;
        b[3] = 0;
        if (held) udpcam_sender_input(s, b, n, &alice, echoed + held + 10 * MS);
        check(!held || s->stats.reports == 1, "a report is read");
    } else if (!strcmp(kind, "request")) {
        stream *st = r->streams;
        size_t n = unhex(b, word[8]);
        frame *f = new_frame(r, st, (uint32_t)num(4), 1, now);
        st->used = 1, st->session = session, st->number = number, st->from = alice, st->received = 1 << 20;
        unsigned k = (unsigned)num(7);
        if (k) {
            segment g = {{0}, b, b, 0, 0, 0, 0, 0, 0, 0};
            unsigned blocks = (unsigned)num(5) + 1;
            layout_of(&g.l, 256 * blocks * k, blocks, k);
            g.l.blocks = blocks, g.l.k = k, g.l.segments = k * blocks; /* a layout of few segments, for the request alone */
            open_frame(f, &g);
            memset(f->lacks, 0, sizeof f->lacks);
            memset(f->have, 0xff, ceil_div(k * blocks, 64) * 8);
            for (char *m = strtok(word[9], ","); m && *m != '-'; m = strtok(NULL, ",")) {
                unsigned i = (unsigned)atoi(m) * blocks + blocks - 1;
                f->have[i / 64] &= ~((uint64_t)1 << i % 64);
                f->lacks[blocks - 1]++;
            }
            f->rows[blocks - 1] = (uint8_t)(f->lacks[blocks - 1] - num(6));
        }
        f->over = 1;
        ask_for(r, st, f, now);
        check(came_out(b, n), "a request is made");
    } else if (!strcmp(kind, "skip")) {
        size_t n = unhex(b, word[6]);
        stream *st = r->streams;
        st->used = st->started = st->shown = 1, st->session = session, st->number = number, st->home = alice,
            st->newest = st->reach = (uint32_t)num(4) - 1;
        st->joined = st->seen = st->reported = now;
        udpcam_receiver_input(r, b, n, &alice, now);
        check(r->stats.skipped == (uint64_t)(num(5) - num(4) + (num(5) < num(4) ? (long long)1 << 32 : 0) + 1),
            "a skip is read");
    } else if (!strcmp(kind, "subscribe")) {
        size_t n = unhex(b, word[8]);
        udpcam_receiver_subscribe(r, &alice, unhex_text(word[7]), now);
        unhex(r->ask.number, word[4]), unhex(r->ask.cookie, word[5]);
        send_subscribe(r, (int)num(6));
        check(came_out(b, n), "a Subscribe is made");
        n_out = 0;
        udpcam_sender_input(s, b, n, &alice, now);
        check(num(6) ? n_out == 0 : n_out == 1 && out_len[0] == ASK && outs[0][32] == 0 &&
            !memcmp(outs[0] + 8, b + 8, 8), "a Subscribe is read");
    } else if (!strcmp(kind, "answer")) {
        size_t n = unhex(b, word[7]);
        udpcam_receiver_subscribe(r, &alice, "", now);
        unhex(r->ask.number, word[4]);
        udpcam_receiver_input(r, b, n, &alice, now);
        check((int)udpcam_receiver_state(r) == num(6) && !memcmp(r->ask.cookie, b + 16, 16), "an answer is read");
    } else check(0, "a vector of an unknown kind");
    free(s), free(r);
}

/* ---- sealed-*.json ---- */

static uint8_t the_key[32], the_salt[16], the_receiver[16];
static uint64_t the_counter;
static int the_suite;

static void test_sealed(void) {
    static uint8_t open[2000], sealed[2000], b[2000];
    size_t n = unhex(open, word[2]), size = unhex(sealed, word[3]);
    int type = sealed[2] & 15;
    memcpy(b, sealed, size);
    if (type == DATA || (type & 7) == PARITY) {
        cipher c;
        uint8_t nonce[12], tag[16];
        cipher_init(&c, the_suite, the_key, the_salt);
        segment_nonce(nonce, b);
        cipher_tag(&c, nonce, b, HEADER, b + HEADER, size - HEADER - TAG, tag);
        check(same_tag(tag, b + size - TAG), "the tag of a segment");
        cipher_xor(&c, nonce, b + HEADER, b + HEADER, size - HEADER - TAG);
        check(!memcmp(b + HEADER, open + HEADER, n - HEADER), "a segment is opened");
        cipher_xor(&c, nonce, open + HEADER, b + HEADER, n - HEADER);
        check(!memcmp(b, sealed, size - TAG), "a segment is sealed");
        return;
    }
    uint8_t key[32], *opened;
    int by_sender = type == ANNOUNCEMENT || type == SKIP || type == ANSWER;
    derive(key, 32, the_key, type == REPORT || type == REQUEST ? the_salt : NULL,
           type == REPORT || type == REQUEST ? "udpcam/1 feedback" :
           type == SUBSCRIBE || type == ANSWER ? "udpcam/1 subscription" : "udpcam/1 announcement");
    uint64_t counter = the_counter + (strstr(unhex_text(word[1]), "next counter") != NULL);
    check(control_seal(b, key, by_sender ? the_salt : the_receiver, counter, udpcam_key_id(the_key),
                       type == ANNOUNCEMENT || type == SKIP ? the_suite : 0, open, n + (type == ANNOUNCEMENT && 0)) ==
                            size || type == ANNOUNCEMENT, "the size");
    if (type != ANNOUNCEMENT) check(!memcmp(b, sealed, size), "a datagram is sealed");
    memcpy(b, sealed, size);
    opened = control_open(b, &size, key);
    check(opened && size >= n && !memcmp(opened, open, n), "a datagram is opened");
    if (type == ANNOUNCEMENT && opened) {
        check(size == n + ORIGIN && !memcmp(opened + n, the_receiver, ORIGIN), "the ID of the receiver follows");
        memcpy(open, opened, size);
        check(control_seal(b, key, the_salt, counter, udpcam_key_id(the_key), the_suite, open, size) == size + 44 &&
            (unhex(sealed, word[3]), !memcmp(b, sealed, size + 44)),
              "an announcement is sealed");
    }
    sealed[40] ^= 1;
    size = n + 44;
    check(!control_open(sealed, &size, key), "a changed datagram is refused");
}

/* ---- refused.json, accepted.json ---- */

static const char *const reasons[] = {"foreign", "unknown-type", "malformed", "duplicate", "late", "spare", "inconsistent",
                                      "stray", "over-limit", "sealed", "unsealed", "unannounced", "wrong-key", "replayed",
                                      "unwanted"};

static void test_script(FILE *f) {
    static uint8_t b[70000], frame[1 << 20];
    uint8_t key[32], id[16];
    char reader[20], what[200];
    int keyed = *word[3] != '-', steps = (int)num(9);
    udpcam_sender_config c = {0};
    udpcam_receiver_config rc = {0};
    unhex(key, word[3]);
    snprintf(reader, sizeof reader, "%s", word[2]);
    c.key = keyed ? key : NULL, rc.keys = key, rc.n_keys = (unsigned)keyed, c.subscribers = !strcmp(reader, "port"),
        c.to = 1, c.name = "door";
    udpcam_sender *s = new_sender(&c);
    udpcam_receiver *r = new_receiver(&rc);
    if (unhex(id, word[4])) memcpy(r->id, id, 16);
    int is_sender = !strcmp(reader, "sender"), is_port = !strcmp(reader, "port"), begun = 0;
    if (is_sender) {
        udpcam_sender_to(s, &alice);
        s->session = (uint32_t)num(5), s->next = 1u << 30;
        if (unhex(s->salt, word[7])) derive(s->feedback, 32, s->key, s->salt, "udpcam/1 feedback");
        for (int i = 10; i < words; i++) s->to->echoes.sent[s->to->echoes.n++] = (uint32_t)num(i);
    }
    uint8_t asked[8];
    size_t subscribing = unhex(asked, word[8]);
    for (int i = 0; i < steps && next_line(f); i++) {
        us now = num(1);
        udpcam_addr from = alice;
        int came = strcmp(word[2], "nothing"), shown_now = (int)num(8);
        size_t n = unhex(b, word[4]);
        const char *refused = *word[5] == '-' ? NULL : word[5];
        n_out = n_shown = 0;
        snprintf(what, sizeof what, "step %d: %s", i, refused ? refused : "taken");
        if (came) unhex(from.ip, word[2]), from.port = (uint16_t)num(3);
        if (is_sender) s->to->addr = from;
        if (subscribing && !begun++) {
            udpcam_receiver_subscribe(r, &from, "", now);
            memcpy(r->ask.number, asked, 8);
            send_subscribe(r, 0);
            n_out = 0;
        }
        uint64_t before = s->stats.reports + s->stats.requests, of_reason = 0, all = 0, after = 0;
        for (int j = 0; j < UDPCAM_REASONS; j++)
            all += r->stats.left_out[j], of_reason += refused && !strcmp(refused, reasons[j]) ? r->stats.left_out[j] : 0;
        if (is_sender || is_port) {
            uint64_t refusals = s->stats.refused;
            if (came) udpcam_sender_input(s, b, n, &from, now);
            if (is_sender) check(came && (s->stats.reports + s->stats.requests == before) == (refused != NULL), what);
            else if (*word[7] != '-') check(n_out == 1 && (keyed || outs[0][32] == 0), what);
            else check(n_out == 0 && (s->stats.refused > refusals) == (refused != NULL), what);
            continue;
        }
        if (came) udpcam_receiver_input(r, b, n, &from, now);
        if (!came) udpcam_receiver_tick(r, now);
        for (int j = 0; j < UDPCAM_REASONS; j++)
            after += r->stats.left_out[j], of_reason -= refused && !strcmp(refused, reasons[j]) ? r->stats.left_out[j] : 0;
        check(refused ? after == all + 1 : after == all, what);
        if (refused && strcmp(refused, "other-session") && of_reason != (uint64_t)-1 && strcmp(refused, "late") &&
                strcmp(refused, "spare") && strcmp(refused, "duplicate"))
            check(!strcmp(reader, "subscriber") || !strcmp(refused, "replayed"), what);
        if (!check(n_shown == (unsigned)shown_now, what))
            fprintf(stderr, "  %u frames are shown, not %d\n", n_shown, shown_now);
        if (shown_now && n_shown) {
            make_frame(frame, (size_t)num(words - 1));
            check(shown_id == num(words - 2) && shown_len == (size_t)num(words - 1) &&
                !memcmp(shown, frame, shown_len), "the frame that is shown");
            check(!strcmp(shown_name, unhex_text(word[words - 3])) || !*shown_name, "its name");
        }
    }
    free(s), free(r);
}

/* ---- exchange.json ---- */

static void test_exchange(FILE *f) {
    static uint8_t b[2000], open[2000], frame[1 << 16], key[32];
    uint8_t salt[16], id[16], feedback[32];
    int keyed = *word[2] != '-', messages = (int)num(5), begun = 0, asked = 0;
    unhex(key, word[2]), unhex(salt, word[3]), unhex(id, word[4]);
    udpcam_sender_config c = {0};
    udpcam_receiver_config rc = {0};
    c.key = keyed ? key : NULL, rc.keys = key, rc.n_keys = (unsigned)keyed, c.name = "door", c.ring = 1 << 16,
        c.segment = 448, c.parity = 25, c.suite = 2;
    udpcam_sender *s = new_sender(&c);
    udpcam_receiver *r = new_receiver(&rc);
    udpcam_sender_to(s, &alice);
    s->session = 0xabcdef, s->next = 7;
    if (keyed) {
        memcpy(s->salt, salt, 16), memcpy(r->id, id, 16);
        cipher_init(&s->segments, 2, key, salt);
        derive(s->feedback, 32, key, salt, "udpcam/1 feedback");
        memcpy(feedback, s->feedback, 32);
    }
    n_out = n_shown = 0;
    for (int i = 0; i < messages && next_line(f); i++) {
        char what[100];
        us sent = num(3), came = num(4);
        size_t n = unhex(b, word[5]), size = unhex(open, word[6]);
        int by_sender = !strcmp(word[2], "sender"), type = open[2] & 15;
        snprintf(what, sizeof what, "%d, %s", i, unhex_text(word[1]));
        us rtt = num(8), ahead = num(9);
        echoes e = {0};
        if (rtt && came) {
            hear(&e, open + (type == ANNOUNCEMENT ? 20 : 8), came);
            check(e.best.rtt >= rtt - 1 && e.best.rtt <= rtt + 1 && e.best.offset >= ahead - 1 &&
                e.best.offset <= ahead + 1, "what a clock echo is worth");
        }
        if (type == SUBSCRIBE) {
            char name[65];
            snprintf(name, sizeof name, "%.*s", open[33], (char *)open + ASK);
            if (!asked++) {
                udpcam_receiver_subscribe(r, &alice, name, sent);
                memcpy(r->ask.number, open + 8, 8), memcpy(r->ask.origin, id, 16);
            }
            n_out = 0;
            if (open[32]) udpcam_receiver_unsubscribe(r, sent);
            else udpcam_receiver_tick(r, sent);
            check(came_out(b, n), what);
        } else if (type == ANSWER) {
            udpcam_receiver_input(r, b, n, &alice, came);
            check((int)udpcam_receiver_state(r) == open[32], what);
        } else if (by_sender) {
            if (type == ANNOUNCEMENT) n_out = 0, s->to->announced = 0, announce(s, s->to, 0, sent);
            if (type == DATA && !begun++) {
                size_t length = (size_t)get(open + 13, 3);
                make_frame(frame, length);
                n_out = 0, s->to->announced = 10, s->to->announced_at = sent;
                udpcam_sender_frame(s, frame, length, time_near(get(open + 18, 6), sent), sent);
            }
            check(came_out(b, n), what);
            n_shown = 0;
            unsigned at = n_out;
            if (came) udpcam_receiver_input(r, b, n, &alice, came), udpcam_receiver_tick(r, came);
            if (type == ANNOUNCEMENT) n_out = at;
            check(n_shown == (num(7) != 0) && (!n_shown || (shown_id == num(7) && !memcmp(shown, frame, shown_len))), what);
        } else {
            int found = 0;
            if (type == REQUEST) udpcam_receiver_tick(r, sent + 10 * MS); /* it may ask a little later */
            for (unsigned j = 0; type == REQUEST && j < n_out; j++) {
                size_t m = out_len[j];
                if ((outs[j][2] & 15) != REQUEST) continue;
                uint8_t *o = keyed ? control_open(outs[j], &m, feedback) : outs[j];
                found |= o && m == size && !memcmp(o, open, size);
            }
            if (type == REQUEST) check(found, what);
            uint64_t taken = s->stats.reports + s->stats.requests, counter = s->counter;
            if (type == REQUEST) n_out = 0;
            udpcam_sender_input(s, b, n, &alice, came);
            s->counter = counter;
            check(s->stats.reports + s->stats.requests == taken + 1, what);
        }
    }
    free(s), free(r);
}

/* ---- A sender and a receiver, and a bad network between them ---- */

typedef struct packet {
    us at;
    int to_sender;
    size_t n;
    uint8_t b[1500];
} packet;

typedef struct conditions {
    const char *what;
    int loss, jitter, copies; /* percent; microseconds; percent that come twice */
    size_t size, segment;
    unsigned parity, frames, suite, subscribe, reach; /* reach: how many percent of the frames must come */
    us delay;
} conditions;

static packet *packets;
static unsigned n_packets, n_sent;
static us sim_now;
static const conditions *sim;
static uint32_t sim_random = 1;
static uint8_t *sim_frame;
static unsigned sim_shown, shorter = 1;
static uint32_t sim_last;
enum { MOST_PACKETS = 8192 };

static uint32_t draw(uint32_t below) {
    sim_random = sim_random * 1664525 + 1013904223;
    return (sim_random >> 8) % below;
}

static void carry(void *user, const udpcam_addr *to, const uint8_t *head, size_t n, const uint8_t *body, size_t len) {
    (void)to;
    n_sent++;
    if ((int)draw(100) < sim->loss || !check(n_packets < MOST_PACKETS && n + len <= 1500, "the network has room")) return;
    for (int copies = 1 + ((int)draw(100) < sim->copies); copies > 0 && n_packets < MOST_PACKETS; copies--) {
        packet *p = &packets[n_packets++];
        p->at = sim_now + sim->delay + (sim->jitter ? draw((uint32_t)sim->jitter) : 0) + n_sent % 64,
            p->to_sender = user == NULL, p->n = n + len;
        memcpy(p->b, head, n);
        if (len) memcpy(p->b + n, body, len);
    }
}

static void picture(uint32_t id) {
    uint32_t x = id * 2654435761u + 1;
    for (size_t i = 0; i < sim->size; i++) x = x * 1664525 + 1013904223, sim_frame[i] = (uint8_t)(x >> 24);
    sim_frame[0] = sim_frame[sim->size - 2] = 0xff, sim_frame[1] = 0xd8, sim_frame[sim->size - 1] = 0xd9;
}

static void sim_show(void *user, const udpcam_frame *f) {
    (void)user;
    picture(f->id);
    check(f->len == sim->size && !memcmp(f->jpeg, sim_frame, f->len), "a frame is what was sent");
    check(!sim_shown || newer(f->id, sim_last), "frames come in order");
    check(!strcmp(f->name, "door") && f->sealed == (sim->suite > 0), "its name");
    sim_last = f->id, sim_shown++;
}

static void simulate(const conditions *c) {
    static const uint8_t key[32] = {1, 2, 3};
    static const udpcam_addr bob = {{0xfe, 0x80, 1}, 12345, 3};
    udpcam_sender_config sc = {0};
    udpcam_receiver_config rc = {0};
    now_testing = c->what, sim = c, n_packets = 0, sim_shown = 0, sim_now = 1795176000000000;
    sc.user = &sim, sc.out = carry, rc.out = carry, rc.frame = sim_show, rc.max_frame = c->size, sc.name = "door",
        sc.ring = 4 << 20;
    sc.segment = (unsigned)c->segment, sc.parity = (float)c->parity, sc.suite = c->suite,
        sc.subscribers = c->subscribe ? 2 : 0;
    memset(sc.random, 7, 32), memset(rc.random, 9, 32);
    if (c->suite) sc.key = rc.keys = key, rc.n_keys = 1;
    udpcam_sender *s = udpcam_sender_init(malloc(udpcam_sender_size(&sc)), &sc);
    udpcam_receiver *r = udpcam_receiver_init(malloc(udpcam_receiver_size(&rc)), &rc);
    packets = malloc(MOST_PACKETS * sizeof *packets), sim_frame = malloc(c->size);
    us next_frame = sim_now + 400 * MS, end = next_frame + (us)(c->frames / shorter) * 33333 + 2 * SECOND,
        wake_s = 0, wake_r = 0;
    unsigned sent = 0;
    if (c->subscribe) udpcam_receiver_subscribe(r, &alice, "door", sim_now);
    else udpcam_sender_to(s, &bob);
    while (sim_now < end) {
        unsigned first = 0;
        us at = least(sent < c->frames / shorter ? next_frame : FAR, least(wake_s, wake_r));
        for (unsigned i = 1; i < n_packets; i++)
            if (packets[i].at < packets[first].at) first = i;
        if (n_packets && packets[first].at <= at) {
            packet p = packets[first];
            packets[first] = packets[--n_packets];
            sim_now = most(sim_now, p.at);
            if (p.to_sender) udpcam_sender_input(s, p.b, p.n, &bob, sim_now);
            else udpcam_receiver_input(r, p.b, p.n, &alice, sim_now);
        } else {
            sim_now = most(sim_now, at);
            if (sim_now >= next_frame && sent < c->frames / shorter) {
                picture(s->next);
                check(udpcam_sender_frame(s, sim_frame, c->size, sim_now, sim_now) == 0, "a frame is sent");
                next_frame += 33333, sent++;
            }
        }
        wake_s = most(sim_now + 1, udpcam_sender_tick(s, sim_now)),
            wake_r = most(sim_now + 1, udpcam_receiver_tick(r, sim_now));
    }
    if (!check(sim_shown * 100 >= c->reach * sent - 100 * (c->reach < 100) && sim_shown <= sent, "all frames come"))
        fprintf(stderr, "  %u of %u; %u lost, %u by parity, %u by request\n", sim_shown, sent, (unsigned)r->stats.lost,
            (unsigned)r->stats.by_parity, (unsigned)r->stats.by_request);
    check(udpcam_sender_get_stats(s)->reports > 0, "reports come");
    check(!c->subscribe || udpcam_receiver_state(r) == UDPCAM_SUBSCRIBED, "subscribed");
    udpcam_receiver_unsubscribe(r, sim_now);
    for (unsigned i = 0; i < n_packets; i++)
        if (packets[i].to_sender) udpcam_sender_input(s, packets[i].b, packets[i].n, &bob, sim_now);
    check(!c->subscribe || !udpcam_sender_watched(s) || c->loss, "a farewell ends a subscription");
    free(s), free(r), free(packets), free(sim_frame);
}

static const conditions all_conditions[] = {
    {"clean", 0, 0, 0, 80000, 0, 10, 60, 0, 0, 100, 1000},
    {"5 % loss", 5, 0, 0, 80000, 0, 10, 200, 0, 0, 100, 1000},
    {"5 % loss without parity", 5, 0, 0, 80000, 0, 0, 200, 0, 0, 99, 1000}, /* the first may have begun before */
    {"15 % loss", 15, 0, 0, 80000, 0, 10, 100, 0, 0, 99, 5000},
    {"reordered, some twice", 2, 3000, 10, 80000, 0, 10, 100, 0, 0, 100, 2000},
    {"ChaCha20-Poly1305, 5 % loss", 5, 500, 2, 80000, 0, 10, 100, 1, 0, 100, 1000},
    {"AES-256-GCM, 5 % loss", 5, 500, 2, 80000, 0, 10, 60, 2, 0, 100, 1000},
    {"three blocks, 5 % loss", 5, 0, 0, 200000, 448, 10, 40, 0, 0, 100, 1000},
    {"one segment, 5 % loss", 5, 0, 0, 900, 0, 10, 100, 0, 0, 99, 1000},
    {"subscribed, 5 % loss", 5, 0, 0, 40000, 0, 10, 100, 0, 1, 99, 1000},
    {"subscribed and sealed", 0, 100, 0, 40000, 0, 10, 60, 1, 1, 100, 1000},
};

/* Any losses that the parity can replace are replaced. */
static void test_repair(void) {
    static uint8_t frame[192 * 256 * 2], copy[sizeof frame], rows[64][256];
    now_testing = "repair";
    for (int round = 0; round < 300; round++) {
        layout l;
        size_t length = 1 + draw(sizeof frame), n = ceil_div(length, 256), blocks = ceil_div(n, 192);
        if (layout_of(&l, length, (unsigned)blocks, (unsigned)ceil_div(n, blocks)) || l.stride > 256) continue;
        uint64_t have[8];
        uint8_t missing[64], used[64];
        const uint8_t *shards[64];
        unsigned block = draw(l.blocks), e = 0, want = 1 + draw(block_segments(&l, block) < 64 ?
            block_segments(&l, block) : 64);
        for (size_t i = 0; i < length; i++) frame[i] = (uint8_t)draw(256);
        memset(have, 0xff, sizeof have);
        for (unsigned c = 0; c < block_segments(&l, block) && e < want; c++)
            if (block_segments(&l, block) - c == want - e || !draw(3))
                missing[e++] = (uint8_t)c,
                    have[(c * l.blocks + block) / 64] &= ~((uint64_t)1 << (c * l.blocks + block) % 64);
        unsigned row = draw(SHARDS - l.k - e + 1);
        memset(copy, 0, sizeof copy);
        memcpy(copy, frame, length);
        for (unsigned j = 0; j < e; j++) {
            encode(&l, block, frame, row + j, rows[j]);
            used[j] = (uint8_t)(l.k + row + j), shards[j] = rows[j];
            memset(copy + (missing[j] * l.blocks + block) * l.stride, 0xaa, segment_size(&l, missing[j] * l.blocks + block));
        }
        repair(&l, block, copy, have, e, missing, used, shards);
        check(!memcmp(copy, frame, length), "what is missing is computed");
    }
}

static void test_jpeg(void) {
    static const uint8_t j[] = {0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd9, 0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 2, 0xd0, 5, 0,
                                1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0x3f, 0, 1, 0xff, 0, 2, 0xff, 0xd0, 3,
                                0xff, 0xd9, 0xff, 0xd8};
    unsigned w, h;
    now_testing = "udpcam_jpeg";
    for (size_t n = 0; n < sizeof j; n++)
        check(udpcam_jpeg(j, n, &w, &h) == (n < sizeof j - 2 ? 0 : (long)sizeof j - 2), "where a JPEG ends");
    check(w == 1280 && h == 720, "its size");
    check(udpcam_jpeg((const uint8_t *)"no JPEG", 7, NULL, NULL) < 0 && udpcam_jpeg(j + 1, 9, NULL, NULL) < 0, "no JPEG");
}

static void test_names(void) {
    char out[UDPCAM_NAME + 1];
    now_testing = "names";
    check(clean_name(out, "  front door ", 13) == 10 && !strcmp(out, "front door"), "spaces");
    check(clean_name(out, "a\x1b[1mb\xe2\x80\xae" "c\xff\xc3", 11) == 6 && !strcmp(out, "a[1mbc"), "what cannot be shown");
    check(clean_name(out, "T\xc3\xbcr \xf0\x9f\x9a\xaa", 9) == 9, "UTF-8");
    char large[100];
    memset(large, 'x', sizeof large), large[63] = '\xc3', large[64] = '\xbc';
    check(clean_name(out, large, sizeof large) == 63, "no half characters");
}

int main(int argc, char **argv) {
    FILE *f = fopen(argc > 1 ? argv[1] : "vectors.txt", "r");
    int lines = 0;
    if (argc > 2) shorter = 5; /* for slow machines */
    if (!f) return perror("give a file that vectors.py has written"), 1;
    while (next_line(f)) {
        char name[300];
        lines++;
        snprintf(name, sizeof name, "%s \"%s\"", word[0], words > 1 ? unhex_text(word[1]) : "");
        now_testing = name;
        if (!strcmp(word[0], "frame")) test_frame(f);
        else if (!strcmp(word[0], "script")) test_script(f);
        else if (!strcmp(word[0], "exchange")) test_exchange(f);
        else if (!strcmp(word[0], "sealed")) test_sealed();
        else if (!strcmp(word[0], "keys")) {
            the_suite = (int)num(1), the_counter = (uint64_t)num(6);
            unhex(the_key, word[2]), unhex(the_salt, word[4]), unhex(the_receiver, word[5]);
            check(udpcam_key_id(the_key) == strtol(word[3], NULL, 16), "the ID of a key");
        } else test_vector(word[0]);
    }
    check(lines > 200, "there are vectors");
    fclose(f);
    uint8_t key[32];
    now_testing = "keys";
    check(!udpcam_key_parse(key, " PjDaaSM/ABAObNpJrC+croLCGVxMH+AH/JrH1cL7CO0=\n") &&
        udpcam_key_id(key) == 0x18d3, "a key is read");
    check(udpcam_key_parse(key, "PjDaaSM/ABAObNpJrC+croLCGVxMH+AH/JrH1cL7CO1=") && udpcam_key_parse(key, "PjDa") &&
        udpcam_key_parse(key, "") &&
          udpcam_key_parse(key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "what is no key");
    make_tables();
    test_repair();
    test_jpeg();
    test_names();
    for (unsigned i = 0; i < sizeof all_conditions / sizeof *all_conditions; i++) simulate(&all_conditions[i]);
    printf("%d checks, %d failed\n", checks, failures);
    return failures > 0;
}
