/* udpcam: see udpcam.h for how to use it, and protocol/README.md for what it does and why. In this order: bytes, keys and
 * ciphers, the repair code, the datagrams, the sender, the receiver. */
#include "udpcam.h"

#include <string.h>

#if defined(__AVX2__) || defined(__SSE4_2__) || defined(__AES__)
#include <immintrin.h>
#endif
#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/* UDPCAM_SMALL makes for little memory: see README.md. */
#ifdef UDPCAM_SMALL
enum { LANES = 1, ECHOES = 32, RECORDS = 8 };
#else
enum { LANES = 8, ECHOES = 64, RECORDS = 64 };
#endif

enum { PREFIX = 8, HEADER = 28, TAG = 16, CONTROL = 36, ORIGIN = 16, NONE = -1 };
enum { DATA = 1, PARITY, ANNOUNCEMENT, REPORT, REQUEST, SUBSCRIBE, ANSWER, SKIP, REPAIR = 8 };
enum { SHARDS = 256, BLOCK_DATA = 192, MAX_BLOCKS = 255, REPORT_SIZE = 32, TRAIN = 28, MAX_TRAINS = 8,
    ANNOUNCED = 37, ASK = 34 };
enum { MS = 1000, SECOND = 1000 * MS };
#define MASK48 0xffffffffffff
#define FAR INT64_MAX

typedef int64_t us;

static uint64_t get(const uint8_t *p, int n) {
    uint64_t v = 0;
    while (n-- > 0) v = v << 8 | *p++;
    return v;
}

static void put(uint8_t *p, int n, uint64_t v) {
    for (; n-- > 0; v >>= 8) p[n] = (uint8_t)v;
}

static uint32_t get_le(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }
static void put_le(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++, v >>= 8) p[i] = (uint8_t)v;
}

static us least(us a, us b) { return a < b ? a : b; }
static us most(us a, us b) { return a > b ? a : b; }
static size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }
static size_t align(size_t n) { return (n + 63) & ~(size_t)63; }
static int newer(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; } /* RFC 1982 */
static int has(const uint64_t *set, unsigned i) { return set[i / 64] >> i % 64 & 1; }
static void add(uint64_t *set, unsigned i) { set[i / 64] |= (uint64_t)1 << i % 64; }

/* The moment nearest to now that the wire writes as ts. */
static us time_near(uint64_t ts, us now) { return now + ((int64_t)((ts - ((uint64_t)now & MASK48)) << 16) >> 16); }

static int same_addr(const udpcam_addr *a, const udpcam_addr *b) { return a->port == b->port && !memcmp(a->ip, b->ip, 16); }

/* ---- SHA-256 (FIPS 180-4), HMAC and HKDF (RFC 5869) ---- */

static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

typedef struct sha {
    uint32_t h[8];
    uint8_t block[64];
    size_t n;
} sha;

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }
static uint32_t rol(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha_add(sha *s, const uint8_t *p, size_t n) {
    for (; n-- > 0;) {
        s->block[s->n++ % 64] = *p++;
        if (s->n % 64) continue;
        uint32_t w[64], v[8];
        for (int i = 0; i < 64; i++)
            w[i] = i < 16 ? (uint32_t)get(s->block + 4 * i, 4)
                          : w[i - 16] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
                                (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
        memcpy(v, s->h, sizeof v);
        for (int i = 0; i < 64; i++) {
            uint32_t t = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
                sha_k[i] + w[i];
            uint32_t u = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof *v);
            v[4] += t;
            v[0] = t + u;
        }
        for (int i = 0; i < 8; i++) s->h[i] += v[i];
    }
}

static void sha_end(sha *s, uint8_t out[32]) {
    static const uint8_t end[64] = {0x80};
    uint8_t bits[8];
    put(bits, 8, (uint64_t)s->n * 8);
    sha_add(s, end, 1 + (119 - s->n % 64) % 64);
    sha_add(s, bits, 8);
    for (int i = 0; i < 8; i++) put(out + 4 * i, 4, s->h[i]);
}

static void hmac(uint8_t out[32], const uint8_t *key, size_t key_len, const void *a, size_t a_len, const void *b,
    size_t b_len) {
    static const sha begin = {{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                               0x1f83d9ab, 0x5be0cd19}, {0}, 0};
    uint8_t pad[64] = {0}, inner[32];
    sha s = begin;
    memcpy(pad, key, key_len);
    for (int i = 0; i < 64; i++) pad[i] ^= 0x36;
    sha_add(&s, pad, 64), sha_add(&s, a, a_len), sha_add(&s, b, b_len);
    sha_end(&s, inner);
    for (int i = 0; i < 64; i++) pad[i] ^= 0x36 ^ 0x5c;
    s = begin;
    sha_add(&s, pad, 64), sha_add(&s, inner, 32);
    sha_end(&s, out);
}

/* Derives up to 32 bytes from a key of 32 bytes. salt has 16 bytes, or is NULL. */
static void derive(uint8_t *out, size_t n, const uint8_t key[32], const uint8_t *salt, const char *info) {
    static const uint8_t none[32];
    uint8_t secret[32], t[32];
    hmac(secret, salt ? salt : none, salt ? ORIGIN : sizeof none, key, 32, "", 0);
    hmac(t, secret, 32, info, strlen(info), "\x01", 1);
    memcpy(out, t, n);
}

uint16_t udpcam_key_id(const uint8_t key[UDPCAM_KEY]) {
    uint8_t id[2];
    derive(id, 2, key, NULL, "udpcam/1 key id");
    return (uint16_t)get(id, 2);
}

int udpcam_key_parse(uint8_t key[UDPCAM_KEY], const char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", space[] = " \t\r\n\v\f";
    uint8_t b[33], any = 0;
    text += strspn(text, space);
    for (int i = 0; i < 11; i++) {
        uint32_t v = 0;
        for (int j = 0; j < 4; j++, text++) {
            const char *digit = *text ? strchr(digits, *text) : NULL;
            if (i == 10 && j == 3 ? *text != '=' : !digit) return NONE;
            v = v << 6 | (uint32_t)(digit ? digit - digits : 0);
        }
        put(b + 3 * i, 3, v);
    }
    for (int i = 0; i < 32; i++) any |= b[i];
    if (text[strspn(text, space)] || b[32] || !any) return NONE;
    memcpy(key, b, 32);
    return 0;
}

/* ---- ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305 ---- */

#define QUARTER(a, b, c, d)                                       \
    for (int l = 0; l < LANES; l++) {                             \
        x[a][l] += x[b][l], x[d][l] = rol(x[d][l] ^ x[a][l], 16); \
        x[c][l] += x[d][l], x[b][l] = rol(x[b][l] ^ x[c][l], 12); \
        x[a][l] += x[b][l], x[d][l] = rol(x[d][l] ^ x[a][l], 8);  \
        x[c][l] += x[d][l], x[b][l] = rol(x[b][l] ^ x[c][l], 7);  \
    }

static void chacha_rounds(uint32_t x[16][LANES]) {
    for (int i = 0; i < 10; i++) {
        QUARTER(0, 4, 8, 12) QUARTER(1, 5, 9, 13) QUARTER(2, 6, 10, 14) QUARTER(3, 7, 11, 15)
        QUARTER(0, 5, 10, 15) QUARTER(1, 6, 11, 12) QUARTER(2, 7, 8, 13) QUARTER(3, 4, 9, 14)
    }
}

static void chacha_state(uint32_t s[16], const uint8_t key[32], const uint8_t last[16]) {
    static const char constant[] = "expand 32-byte k";
    for (int i = 0; i < 4; i++) {
        s[i] = get_le((const uint8_t *)constant + 4 * i);
        s[4 + i] = get_le(key + 4 * i), s[8 + i] = get_le(key + 16 + 4 * i), s[12 + i] = get_le(last + 4 * i);
    }
}

static void chacha_xor(const uint8_t key[32], const uint8_t nonce[12], uint32_t counter, const uint8_t *in,
    uint8_t *out, size_t n) {
    uint32_t s[16], x[16][LANES];
    uint8_t last[16] = {0}, stream[64 * LANES];
    memcpy(last + 4, nonce, 12);
    chacha_state(s, key, last);
    for (size_t at = 0; at < n; at += sizeof stream, counter += LANES) {
        for (int i = 0; i < 16; i++)
            for (uint32_t l = 0; l < LANES; l++) x[i][l] = s[i] + (i == 12 ? counter + l : 0);
        chacha_rounds(x);
        for (int i = 0; i < 16; i++)
            for (uint32_t l = 0; l < LANES; l++)
                put_le(stream + 64 * l + 4 * i, x[i][l] + s[i] + (i == 12 ? counter + l : 0));
        size_t end = n - at < sizeof stream ? n - at : sizeof stream;
        for (size_t i = 0; i < end; i++) out[at + i] = in[at + i] ^ stream[i];
    }
}

/* HChaCha20 makes of a key and the first 16 bytes of a nonce the key for the rest of it. */
static void hchacha(uint8_t out[32], const uint8_t key[32], const uint8_t nonce[16]) {
    uint32_t s[16], x[16][LANES];
    chacha_state(s, key, nonce);
    for (int i = 0; i < 16; i++)
        for (int l = 0; l < LANES; l++) x[i][l] = s[i];
    chacha_rounds(x);
    for (int i = 0; i < 4; i++) put_le(out + 4 * i, x[i][0]), put_le(out + 16 + 4 * i, x[12 + i][0]);
}

/* Adds bytes to a sum, as blocks of 16 of which the last is filled up with zeros. Limbs have 26 bits. */
static void poly_add(uint32_t h[5], const uint32_t r[5], const uint8_t *p, size_t n) {
    for (size_t at = 0; at < n; at += 16) {
        uint8_t last[16] = {0};
        const uint8_t *b = n - at >= 16 ? p + at : memcpy(last, p + at, n - at);
        uint64_t d[5];
        for (int i = 0; i < 4; i++) h[i] += get_le(b + 3 * i) >> 2 * i & 0x3ffffff;
        h[4] += get_le(b + 12) >> 8 | 1 << 24;
        for (int i = 0; i < 5; i++) {
            d[i] = 0;
            for (int j = 0; j < 5; j++) d[i] += (uint64_t)h[j] * r[(i - j + 5) % 5] * (j > i ? 5 : 1);
        }
        for (int i = 0; i < 4; i++) d[i + 1] += d[i] >> 26, h[i] = d[i] & 0x3ffffff;
        h[4] = d[4] & 0x3ffffff;
        h[0] += (uint32_t)(d[4] >> 26) * 5;
        h[1] += h[0] >> 26, h[0] &= 0x3ffffff;
    }
}

static void poly1305(uint8_t tag[16], const uint8_t key[32], const uint8_t *ad, size_t ad_len, const uint8_t *p, size_t n) {
    static const uint32_t clamp[5] = {0x3ffffff, 0x3ffff03, 0x3ffc0ff, 0x3f03fff, 0xfffff};
    uint32_t h[5] = {0}, r[5], g[5], c = 5;
    uint8_t sizes[16] = {0};
    for (int i = 0; i < 5; i++) r[i] = (i < 4 ? get_le(key + 3 * i) >> 2 * i : get_le(key + 12) >> 8) & clamp[i];
    put_le(sizes, (uint32_t)ad_len), put_le(sizes + 8, (uint32_t)n);
    poly_add(h, r, ad, ad_len), poly_add(h, r, p, n), poly_add(h, r, sizes, 16);
    /* carry all the way */
    for (int i = 1; i <= 5; i++) h[i % 5] += (h[i - 1] >> 26) * (i < 5 ? 1 : 5), h[i - 1] &= 0x3ffffff;
    h[1] += h[0] >> 26, h[0] &= 0x3ffffff;
    for (int i = 0; i < 5; i++) g[i] = h[i] + c, c = g[i] >> 26, g[i] &= 0x3ffffff; /* h + 5, to compare with the prime */
    for (int i = 0; i < 5; i++) h[i] ^= (0 - c) & (h[i] ^ g[i]);
    uint64_t f = 0;
    for (int i = 0; i < 4; i++) {
        f += (uint64_t)(uint32_t)(h[i] >> 6 * i | h[i + 1] << (26 - 6 * i)) + get_le(key + 16 + 4 * i);
        put_le(tag + 4 * i, (uint32_t)f);
        f >>= 32;
    }
}

static int same_tag(const uint8_t *a, const uint8_t *b) {
    int d = 0;
    for (int i = 0; i < TAG; i++) d |= a[i] ^ b[i];
    return d == 0;
}

/* ---- AES-256-GCM (SP 800-38D) ---- */

/* AES without tables, so that its time tells nothing: four blocks at once, bit by bit. Bit i of the byte in row r and
 * column c of block b is bit 16r + 4c + b of word i. */
typedef uint64_t slices[8];

static void reduce(slices o, uint64_t t[15]) { /* modulo x^8 + x^4 + x^3 + x + 1 */
    for (int i = 14; i > 7; i--) t[i - 8] ^= t[i], t[i - 7] ^= t[i], t[i - 5] ^= t[i], t[i - 4] ^= t[i];
    memcpy(o, t, sizeof(slices));
}

static void times(slices o, const slices a, const slices b) {
    uint64_t t[15] = {0};
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) t[i + j] ^= a[i] & b[j];
    reduce(o, t);
}

static void squared(slices o, const slices a, int n) {
    for (memmove(o, a, sizeof(slices)); n-- > 0;) {
        uint64_t t[15] = {0};
        for (int i = 0; i < 8; i++) t[2 * i] = o[i];
        reduce(o, t);
    }
}

static void sub_bytes(slices q) { /* q^254, then the affine map */
    slices q2, q3, q12, y;
    squared(q2, q, 1), times(q3, q2, q);
    squared(q12, q3, 2), times(y, q12, q3);
    squared(y, y, 4), times(y, y, q12), times(y, y, q2);
    for (int i = 0; i < 8; i++)
        q[i] = y[i] ^ y[(i + 4) & 7] ^ y[(i + 5) & 7] ^ y[(i + 6) & 7] ^ y[(i + 7) & 7] ^ (0 - (uint64_t)(0x63 >> i & 1));
}

#ifndef __AES__
static void load(slices q, const uint8_t *in, int step) { /* four blocks, step bytes apart */
    memset(q, 0, sizeof(slices));
    for (int b = 0; b < 4; b++)
        for (int p = 0; p < 16; p++)
            for (int i = 0; i < 8; i++) q[i] |= (uint64_t)(in[step * b + p] >> i & 1) << (16 * (p % 4) + 4 * (p / 4) + b);
}
#endif

static uint32_t sub_word(uint32_t w) {
    slices q = {0};
    for (int i = 0; i < 32; i++) q[i % 8] |= (uint64_t)(w >> i & 1) << i / 8;
    sub_bytes(q);
    for (int i = 0; i < 32; i++) w = (w & ~((uint32_t)1 << i)) | (uint32_t)(q[i % 8] >> i / 8 & 1) << i;
    return w;
}

/* A cipher seals the segments of a session. */
typedef struct cipher {
    uint8_t suite, key[32], h[16]; /* of GHASH */
#ifdef __AES__
    uint8_t round[240];
#else
    slices round[15];
#endif
} cipher;

static void aes_key(cipher *c) {
    uint8_t w[240];
    memcpy(w, c->key, 32);
    for (int i = 8; i < 60; i++) {
        uint32_t t = (uint32_t)get(w + 4 * i - 4, 4);
        if (i % 8 == 0) t = sub_word(rol(t, 8)) ^ (uint32_t)1 << (23 + i / 8);
        else if (i % 8 == 4) t = sub_word(t);
        put(w + 4 * i, 4, t ^ (uint32_t)get(w + 4 * i - 32, 4));
    }
#ifdef __AES__
    memcpy(c->round, w, sizeof w);
#else
    for (int i = 0; i < 15; i++) load(c->round[i], w + 16 * i, 0);
#endif
}

/* Four blocks of the key stream, from a counter on. */
static void aes_stream(const cipher *c, const uint8_t nonce[12], uint32_t counter, uint8_t out[64]) {
    for (uint32_t b = 0; b < 4; b++) memcpy(out + 16 * b, nonce, 12), put(out + 16 * b + 12, 4, counter + b);
#ifdef __AES__
    __m128i x[4], k = _mm_loadu_si128((const __m128i *)c->round);
    for (int b = 0; b < 4; b++) x[b] = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(out + 16 * b)), k);
    for (int i = 1; i < 15; i++) {
        k = _mm_loadu_si128((const __m128i *)(c->round + 16 * i));
        for (int b = 0; b < 4; b++) x[b] = i < 14 ? _mm_aesenc_si128(x[b], k) : _mm_aesenclast_si128(x[b], k);
    }
    for (int b = 0; b < 4; b++) _mm_storeu_si128((__m128i *)(out + 16 * b), x[b]);
#else
    slices q, t;
    load(q, out, 16);
    for (int i = 0; i < 8; i++) q[i] ^= c->round[0][i];
    for (int n = 1; n < 15; n++) {
        sub_bytes(q);
        for (int i = 0; i < 8; i++) { /* shift the rows; t is the sum with the row below */
            uint64_t w = q[i], s = w & 0xffff;
            for (int r = 1; r < 4; r++) {
                uint64_t f = w >> 16 * r & 0xffff;
                s |= ((f >> 4 * r | f << (16 - 4 * r)) & 0xffff) << 16 * r;
            }
            q[i] = s, t[i] = s ^ (s >> 16 | s << 48);
        }
        for (int i = 7; i >= 0 && n < 14; i--) /* mix the columns */
            q[i] ^= t[i] ^ (t[i] >> 32 | t[i] << 32) ^ (i ? t[i - 1] : 0) ^ (0x1b >> i & 1 ? t[7] : 0);
        for (int i = 0; i < 8; i++) q[i] ^= c->round[n][i];
    }
    memset(out, 0, 64);
    for (int b = 0; b < 4; b++)
        for (int p = 0; p < 16; p++)
            for (int i = 0; i < 8; i++) out[16 * b + p] |= (q[i] >> (16 * (p % 4) + 4 * (p / 4) + b) & 1) << i;
#endif
}

#ifdef __PCLMUL__
/* GHASH by way of POLYVAL (RFC 8452, appendix A): h is that of ghash_key. */
static void ghash(const cipher *c, uint8_t y[16], const uint8_t *p, size_t n) {
    const __m128i turn = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m128i h = _mm_loadu_si128((const __m128i *)c->h), fold = _mm_set_epi64x(0, (long long)0xc200000000000000);
    __m128i x = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)y), turn);
    for (size_t at = 0; at < n; at += 16) {
        uint8_t last[16] = {0};
        const uint8_t *b = n - at >= 16 ? p + at : memcpy(last, p + at, n - at);
        x = _mm_xor_si128(x, _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)b), turn));
        __m128i mid = _mm_xor_si128(_mm_clmulepi64_si128(x, h, 0x01), _mm_clmulepi64_si128(x, h, 0x10));
        __m128i low = _mm_xor_si128(_mm_clmulepi64_si128(x, h, 0x00), _mm_slli_si128(mid, 8));
        x = _mm_xor_si128(_mm_clmulepi64_si128(x, h, 0x11), _mm_srli_si128(mid, 8));
        for (int i = 0; i < 2; i++) low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, fold, 0));
        x = _mm_xor_si128(x, low);
    }
    _mm_storeu_si128((__m128i *)y, _mm_shuffle_epi8(x, turn));
}

static void ghash_key(uint8_t h[16]) {
    uint64_t high = get(h, 8), low = get(h + 8, 8), carry = 0 - (high >> 63);
    high = (high << 1 | low >> 63) ^ (carry & 0xc200000000000000), low = low << 1 ^ (carry & 1);
    for (int i = 0; i < 8; i++) h[i] = (uint8_t)(low >> 8 * i), h[8 + i] = (uint8_t)(high >> 8 * i);
}
#else
static void ghash(const cipher *c, uint8_t y[16], const uint8_t *p, size_t n) {
    for (size_t at = 0; at < n; at += 16) {
        uint64_t z[2] = {0}, v[2] = {get(c->h, 8), get(c->h + 8, 8)};
        for (size_t i = 0; i < 16 && at + i < n; i++) y[i] ^= p[at + i];
        for (int i = 0; i < 128; i++) {
            uint64_t bit = 0 - (uint64_t)(y[i / 8] >> (7 - i % 8) & 1), carry = 0 - (v[1] & 1);
            z[0] ^= v[0] & bit, z[1] ^= v[1] & bit;
            v[1] = v[1] >> 1 | v[0] << 63, v[0] = v[0] >> 1 ^ (carry & (uint64_t)0xe1 << 56);
        }
        put(y, 8, z[0]), put(y + 8, 8, z[1]);
    }
}

static void ghash_key(uint8_t h[16]) { (void)h; }
#endif

/* Makes the cipher of a session's segments. Returns -1 if the suite is unknown. */
static int cipher_init(cipher *c, int suite, const uint8_t key[32], const uint8_t salt[ORIGIN]) {
    static const char *const info[] = {"udpcam/1 segment ChaCha20-Poly1305", "udpcam/1 segment AES-256-GCM"};
    static const uint8_t zeros[12];
    uint8_t b[64];
    if (suite != 1 && suite != 2) return NONE;
    c->suite = (uint8_t)suite;
    derive(c->key, 32, key, salt, info[suite - 1]);
    if (suite == 1) return 0;
    aes_key(c);
    aes_stream(c, zeros, 0, b);
    ghash_key(memcpy(c->h, b, 16));
    return 0;
}

static void cipher_tag(const cipher *c, const uint8_t nonce[12], const uint8_t *ad, size_t ad_len,
                       const uint8_t *p, size_t n, uint8_t tag[TAG]) {
    uint8_t b[64] = {0}, sizes[16];
    if (c->suite == 1) {
        chacha_xor(c->key, nonce, 0, b, b, 64);
        poly1305(tag, b, ad, ad_len, p, n);
        return;
    }
    put(sizes, 8, (uint64_t)ad_len * 8), put(sizes + 8, 8, (uint64_t)n * 8);
    memset(tag, 0, TAG);
    ghash(c, tag, ad, ad_len), ghash(c, tag, p, n), ghash(c, tag, sizes, 16);
    aes_stream(c, nonce, 1, b);
    for (int i = 0; i < TAG; i++) tag[i] ^= b[i];
}

static void cipher_xor(const cipher *c, const uint8_t nonce[12], const uint8_t *in, uint8_t *out, size_t n) {
    uint8_t b[64];
    if (c->suite == 1) chacha_xor(c->key, nonce, 1, in, out, n);
    for (size_t at = 0; c->suite == 2 && at < n; at += 64) {
        aes_stream(c, nonce, (uint32_t)(2 + at / 16), b);
        for (size_t i = 0, end = n - at < 64 ? n - at : 64; i < end; i++) out[at + i] = in[at + i] ^ b[i];
    }
}

/* The nonce of a segment is the beginning of its header, with the amount of parity in place of the magic byte. */
static void segment_nonce(uint8_t nonce[12], const uint8_t *header) { memcpy(nonce, header, 12), nonce[1] = header[17]; }

/* The cipher of all other datagrams. Their nonce of 24 bytes stands in their header. */
static void control_cipher(cipher *c, uint8_t nonce[12], const uint8_t key[32], const uint8_t *header) {
    c->suite = 1;
    hchacha(c->key, key, header + PREFIX);
    memset(nonce, 0, 4);
    memcpy(nonce + 4, header + PREFIX + ORIGIN, 8);
}

/* Seals an open datagram of n bytes, in out. Returns how many bytes that makes: n + 44. */
static size_t control_seal(uint8_t *out, const uint8_t key[32], const uint8_t origin[ORIGIN], uint64_t counter, uint16_t id,
                           int suite, const uint8_t *open, size_t n) {
    cipher c;
    uint8_t nonce[12], *body = out + CONTROL;
    memcpy(out, open, PREFIX);
    out[2] |= 0x80;
    memcpy(out + PREFIX, origin, ORIGIN);
    put(out + 24, 8, counter), put(out + 32, 2, id), put(out + 34, 1, (uint64_t)suite), out[35] = 0;
    control_cipher(&c, nonce, key, out);
    cipher_xor(&c, nonce, open + PREFIX, body, n - PREFIX);
    cipher_tag(&c, nonce, out, CONTROL, body, n - PREFIX, body + n - PREFIX);
    return n - PREFIX + CONTROL + TAG;
}

/* Opens a datagram in place. Returns where it stands then, as if it had been sent open, and its size in n; NULL if the key
 * does not fit: then it is unchanged. */
static uint8_t *control_open(uint8_t *b, size_t *n, const uint8_t key[32]) {
    cipher c;
    uint8_t nonce[12], tag[TAG], *body = b + CONTROL;
    size_t size = *n - CONTROL - TAG;
    control_cipher(&c, nonce, key, b);
    cipher_tag(&c, nonce, b, CONTROL, body, size, tag);
    if (!same_tag(tag, body + size)) return NULL;
    cipher_xor(&c, nonce, body, body, size);
    *n = PREFIX + size;
    memmove(body - PREFIX, b, PREFIX);
    body[2 - PREFIX] &= 0x7f;
    return body - PREFIX;
}

/* ---- The repair code: Reed-Solomon over GF(2^8), and the checksum ---- */

static struct {
    uint8_t ready, exp[512], log[256]; /* of the powers of 2 */
#if defined(__AVX2__) || (defined(__aarch64__) && defined(__ARM_NEON))
    uint8_t halves[256][32]; /* the products of each factor with the low and with the high half of a byte */
#endif
    uint32_t crc[256];
} gf;

static uint8_t gf_times(uint8_t a, uint8_t b) { return a && b ? gf.exp[gf.log[a] + gf.log[b]] : 0; }

static void make_tables(void) {
    if (gf.ready) return;
    for (int i = 0, x = 1; i < 255; i++, x = x << 1 ^ (x & 0x80 ? 0x11d : 0))
        gf.exp[i] = gf.exp[i + 255] = (uint8_t)x, gf.log[x] = (uint8_t)i;
    for (uint32_t i = 0; i < 256; i++) {
        gf.crc[i] = i;
        for (int j = 0; j < 8; j++) gf.crc[i] = gf.crc[i] >> 1 ^ (gf.crc[i] & 1 ? 0x82f63b78 : 0);
#if defined(__AVX2__) || (defined(__aarch64__) && defined(__ARM_NEON))
        for (uint8_t j = 0; j < 16; j++)
            gf.halves[i][j] = gf_times((uint8_t)i, j), gf.halves[i][16 + j] = gf_times((uint8_t)i, (uint8_t)(j << 4));
#endif
    }
    gf.ready = 1;
}

/* Adds factor times src to dst. */
static void gf_add(uint8_t *dst, const uint8_t *src, uint8_t factor, size_t n) {
    size_t i = 0;
#if defined(__AVX2__)
    __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)gf.halves[factor]));
    __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(gf.halves[factor] + 16)));
    for (const __m256i half = _mm256_set1_epi8(15); i + 32 <= n; i += 32) {
        __m256i s = _mm256_loadu_si256((const __m256i *)(src + i)), d = _mm256_loadu_si256((const __m256i *)(dst + i));
        d = _mm256_xor_si256(d, _mm256_shuffle_epi8(low, _mm256_and_si256(s, half)));
        d = _mm256_xor_si256(d, _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi64(s, 4), half)));
        _mm256_storeu_si256((__m256i *)(dst + i), d);
    }
#elif defined(__aarch64__) && defined(__ARM_NEON)
    for (uint8x16_t low = vld1q_u8(gf.halves[factor]), high = vld1q_u8(gf.halves[factor] + 16); i + 16 <= n; i += 16) {
        uint8x16_t s = vld1q_u8(src + i), p = veorq_u8(vqtbl1q_u8(low, vandq_u8(s, vdupq_n_u8(15))),
            vqtbl1q_u8(high, vshrq_n_u8(s, 4)));
        vst1q_u8(dst + i, veorq_u8(vld1q_u8(dst + i), p));
    }
#endif
    if (i == n) return;
    uint8_t half[32];
    for (uint8_t j = 0; j < 16; j++) half[j] = gf_times(factor, j), half[16 + j] = gf_times(factor, (uint8_t)(j << 4));
    for (; i < n; i++) dst[i] ^= half[src[i] & 15] ^ half[16 + (src[i] >> 4)];
}

/* CRC-32C (RFC 9260, appendix A). */
static uint32_t checksum(const uint8_t *p, size_t n) {
    uint32_t c = 0xffffffff;
#if defined(__SSE4_2__) && defined(__x86_64__)
    uint64_t v;
    for (; n >= 8; n -= 8, p += 8) c = (uint32_t)_mm_crc32_u64(c, (memcpy(&v, p, 8), v));
#elif defined(__ARM_FEATURE_CRC32)
    for (; n >= 4; n -= 4, p += 4) c = __crc32cw(c, get_le(p));
#endif
    for (; n > 0; n--) c = gf.crc[(c ^ *p++) & 255] ^ c >> 8;
    return ~c;
}

/* How a frame is divided: protocol/README.md, "Where a segment lies". */
typedef struct layout {
    size_t length, stride;
    unsigned segments, blocks, k; /* segments: those that hold bytes of the frame */
} layout;

/* Returns -1 if no sender makes such a layout. */
static int layout_of(layout *l, size_t length, unsigned blocks, unsigned k) {
    if (!length || !blocks || !k) return NONE;
    l->length = length, l->blocks = blocks, l->k = k;
    l->stride = align(ceil_div(length, (size_t)blocks * k));
    l->segments = (unsigned)ceil_div(length, l->stride);
    return l->blocks == ceil_div(l->segments, BLOCK_DATA) && k == ceil_div(l->segments, blocks) && k <= BLOCK_DATA &&
                   (l->segments == 1 || l->stride >= 256) ? 0 : NONE;
}

static size_t segment_size(const layout *l, unsigned i) {
    return i + 1 < l->segments ? l->stride : l->length - i * l->stride;
}
static unsigned block_segments(const layout *l, unsigned b) { return (l->segments - b + l->blocks - 1) / l->blocks; }

/* Computes row j of a block's parity. */
static void encode(const layout *l, unsigned block, const uint8_t *frame, unsigned j, uint8_t *out) {
    memset(out, 0, l->stride);
    for (unsigned c = 0, i = block; i < l->segments; c++, i += l->blocks)
        gf_add(out, frame + i * l->stride, gf.exp[255 - gf.log[(l->k + j) ^ c]], segment_size(l, i));
}

/* The logarithm of a product of n xor m over all m in over, divided by that over all in under; both without n. */
static unsigned gf_ratio(unsigned n, const uint8_t *over, const uint8_t *under, unsigned size) {
    unsigned log = 0;
    for (unsigned i = 0; i < size; i++)
        log += (over[i] == n ? 0 : gf.log[n ^ over[i]]) + (under[i] == n ? 0 : 255u - gf.log[n ^ under[i]]);
    return log % 255;
}

/* Computes the e missing segments of a block, whose numbers in the block are missing[], from the others and from e parity
 * shards, whose numbers are used[]: protocol/README.md, "Repair". The frame has room for whole strides. */
static void repair(const layout *l, unsigned block, uint8_t *frame, const uint64_t *have, unsigned e, const uint8_t *missing,
                   const uint8_t *used, const uint8_t *const *parity) {
    unsigned a[SHARDS];
    for (unsigned x = 0; x < e; x++) {
        a[x] = gf_ratio(missing[x], used, missing, e);
        memset(frame + (missing[x] * l->blocks + block) * l->stride, 0, l->stride);
    }
    for (unsigned y = 0; y < block_segments(l, block) + e; y++) {
        unsigned c = block_segments(l, block), i = y * l->blocks + block, number = y < c ? y : used[y - c];
        if (y < c && !has(have, i)) continue;
        unsigned b = gf_ratio(number, missing, used, e);
        for (unsigned x = 0; x < e; x++)
            gf_add(frame + (missing[x] * l->blocks + block) * l->stride, y < c ? frame + i * l->stride : parity[y - c],
                   gf.exp[(a[x] + b + 255u - gf.log[number ^ missing[x]]) % 255], y < c ? segment_size(l, i) : l->stride);
    }
}

/* ---- What datagrams have in common ---- */

static void put_prefix(uint8_t *b, int type, uint8_t stream, uint32_t session, unsigned block) {
    put(b, 4, 0xca1000u | (unsigned)type << 8 | stream);
    put(b + 4, 3, session);
    b[7] = (uint8_t)block;
}

/* Copies a name: printable UTF-8, without spaces at its ends, at most UDPCAM_NAME bytes. Returns how many. */
static size_t clean_name(char out[UDPCAM_NAME + 1], const char *name, size_t n) {
    size_t size = 0;
    for (size_t i = 0, len; i < n; i += len) {
        const uint8_t *p = (const uint8_t *)name + i;
        len = p[0] < 0xc2 || p[0] > 0xf4 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        uint32_t c = len > 1 ? p[0] & (0xffu >> (len + 1)) : p[0] < 0x80 ? p[0] : 0;
        int whole = i + len <= n;
        for (size_t j = 1; whole && j < len; j++) whole = (p[j] & 0xc0) == 0x80, c = c << 6 | (p[j] & 63);
        if (!whole || (len > 2 && c < (len == 3 ? 0x800u : 0x10000u))) c = 0, len = 1; /* broken, or too long a form */
        int hidden = c < ' ' || (c >= 0x7f && c <= 0xa0) || c == 0xad || (c >= 0x2000 && c <= 0x200f) ||
            (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || (c >= 0xd800 && c < 0xf900) || c == 0xfeff ||
            c > 0xdffff || (c == ' ' && !size);
        if (hidden) continue;
        if (size + len > UDPCAM_NAME) break;
        memcpy(out + size, p, len), size += len;
    }
    while (size && out[size - 1] == ' ') size--;
    out[size] = 0;
    return size;
}

/* Compares the clocks of both ends by what they echo: protocol/README.md, "Clock echo". Zeros know nothing. */
typedef struct sample {
    us at, rtt, offset;
} sample;

typedef struct echoes {
    uint32_t sent[ECHOES]; /* when the last datagrams left, the lower half */
    unsigned n;
    us answered, heard_at, smoothed; /* when one of them was last echoed; when the last one came */
    uint64_t heard;                  /* when that had left */
    sample best, next;
} echoes;

static void echo(echoes *e, uint8_t *p, us now) {
    e->sent[e->n++ % ECHOES] = (uint32_t)now;
    memset(p, 0, 16);
    put(p, 6, (uint64_t)now);
    if (e->heard_at) put(p + 6, 6, e->heard), put(p + 12, 4, (uint64_t)most(1, least(now - e->heard_at, UINT32_MAX)));
}

/* Whether an echo is of a datagram that was sent in that time, by this end's clock. */
static int echoes_since(const uint8_t *p, us from, us now) {
    us sent = time_near(get(p + 6, 6), now);
    return get(p + 12, 4) > 0 && sent >= from && sent <= now;
}

static int answered(echoes *e, const uint8_t *p, us now) {
    int found = 0;
    for (unsigned i = 0; i < ECHOES && i < e->n; i++) found |= e->sent[i] == (uint32_t)get(p + 8, 4);
    if (!found || !echoes_since(p, now - 5 * SECOND, now)) return 0;
    e->answered = now;
    return 1;
}

static void hear(echoes *e, const uint8_t *p, us now) {
    us held = (us)get(p + 12, 4), rtt = now - time_near(get(p + 6, 6), now) - held;
    e->heard = get(p, 6), e->heard_at = now;
    if (!held || rtt < 0 || rtt > 10 * SECOND) return;
    sample s = {now, rtt, time_near(e->heard, now) + rtt / 2 - now};
    if (!e->best.at) e->smoothed = rtt;
    e->smoothed += (rtt - e->smoothed) / 8;
    if (!e->next.at || rtt <= e->next.rtt || now - e->next.at > 5 * SECOND) e->next = s;
    if (!e->best.at || rtt <= e->best.rtt) e->best = s;
    else if (now - e->best.at > 10 * SECOND) e->best = e->next;
}

long udpcam_jpeg(const uint8_t *p, size_t n, unsigned *width, unsigned *height) {
    unsigned size[2] = {0, 0};
    size_t i = 2;
    long end = n >= 2 && (p[0] != 0xff || p[1] != 0xd8) ? NONE : 0;
    while (!end && i + 4 <= n) { /* at a marker and two bytes more */
        if (p[i] != 0xff) end = NONE;
        else if (p[i + 1] == 0xff) i++;
        else if (p[i + 1] == 0xd9) end = (long)i + 2;
        else if (p[i + 1] == 0x01 || (p[i + 1] & 0xf8) == 0xd0) i += 2;
        else if (p[i + 1] < 0xc0 || p[i + 1] == 0xd8) end = NONE;
        else {
            int scan = p[i + 1] == 0xda, frame = (p[i + 1] & 0xf0) == 0xc0 && (p[i + 1] == 0xc0 || p[i + 1] % 4) &&
                i + 9 <= n;
            if (frame) size[1] = (unsigned)get(p + i + 5, 2), size[0] = (unsigned)get(p + i + 7, 2);
            if (get(p + i + 2, 2) < 2) end = NONE;
            i += 2 + (size_t)get(p + i + 2, 2);
            while (scan && i < n) { /* to the next marker that does not belong to the scan */
                const uint8_t *ff = memchr(p + i, 0xff, n - i);
                i = ff ? (size_t)(ff - p) : n;
                if (i + 1 < n && (p[i + 1] == 0 || (p[i + 1] & 0xf8) == 0xd0)) i += 2;
                else break;
            }
        }
    }
    if (!end && i + 2 <= n && p[i] == 0xff && p[i + 1] == 0xd9) end = (long)i + 2; /* nothing follows */
    if (width) *width = size[0];
    if (height) *height = size[1];
    return end;
}

static int looks_like_jpeg(const uint8_t *p, size_t n) {
    return n >= 4 && p[0] == 0xff && p[1] == 0xd8 && p[n - 2] == 0xff && p[n - 1] == 0xd9;
}

/* ---- Sender ---- */

typedef struct destination {
    udpcam_addr addr;
    us leased, began;         /* until when it is subscribed, FAR if it is fixed; when it was first told of the stream */
    uint64_t number, counter; /* of its last Subscribe */
    uint8_t asker[ORIGIN], peer[ORIGIN]; /* the IDs under which it subscribed, and reports */
    echoes echoes;
    unsigned announced;
    us announced_at, live;    /* when its last good report came */
    float allowance, missing; /* bytes of answers that it may get; the share of datagrams that it misses */
} destination;

/* A receiver that has the key, so that each of its datagrams counts only once. */
typedef struct known {
    uint8_t id[ORIGIN];
    uint64_t counter;
    us heard; /* 0: this place is free */
} known;

/* A frame in the ring: its bytes, and behind them for each block how many rows of parity have left as answers. */
typedef struct record {
    layout l;
    size_t at;
    uint8_t header[HEADER];
} record;

struct udpcam_sender {
    udpcam_sender_config c;
    udpcam_sender_stats stats;
    char name[UDPCAM_NAME + 1];
    size_t name_len;
    int suite; /* 0: open */
    uint8_t key[UDPCAM_KEY], announcements[32], feedback[32], subscriptions[32], secret[32], port[ORIGIN], salt[ORIGIN];
    uint16_t id;       /* of the key */
    uint64_t sessions, counter, answers; /* sessions begun; the counters of control datagrams and of answers to Subscribes */
    uint32_t session, next;   /* next: the ID of the next frame */
    cipher segments;
    unsigned width, height, milli_fps, counted; /* counted: frames since measured */
    us sized, measured;
    unsigned places, n, n_known, first, count; /* of the ring: the oldest record, and how many there are */
    size_t end;                       /* of the newest record's bytes */
    destination *to;
    known *known;
    record records[RECORDS];
    uint8_t *row, *buffer, *ring; /* a row of parity; a sealed datagram */
};

static void begin_session(udpcam_sender *s) {
    uint8_t number[ORIGIN] = {0}, b[32];
    put(number, 8, s->sessions++);
    derive(b, 32, s->c.random, number, "session");
    s->session = (uint32_t)get(b, 3), s->next = 1, s->count = 0;
    memcpy(s->salt, b + ORIGIN, ORIGIN);
    if (s->suite)
        cipher_init(&s->segments, s->suite, s->key, s->salt), derive(s->feedback, 32, s->key, s->salt, "udpcam/1 feedback");
}

/* Divides the caller's memory. With s it also says where the parts are. */
static size_t sender_parts(const udpcam_sender_config *c, udpcam_sender *s) {
    size_t segment = (c->segment ? c->segment : UDPCAM_SEGMENT) / 64 * 64, n = align(sizeof *s);
    unsigned places = (c->to || c->subscribers ? c->to : 1) + c->subscribers;
    if (!c->out || segment < UDPCAM_MIN_SEGMENT || segment > UDPCAM_DATAGRAM - UDPCAM_OVERHEAD ||
            !(c->parity >= 0 && c->parity <= 300) || c->suite > 2)
        return 0;
    size_t to = n, known_at = align(to + places * sizeof *s->to), row = align(known_at + (places + 8) * sizeof *s->known);
    size_t buffer = row + segment, ring = align(buffer + segment + UDPCAM_OVERHEAD);
    if (s) {
        uint8_t *m = (uint8_t *)s;
        s->to = (destination *)(m + to), s->known = (known *)(m + known_at), s->places = places, s->n_known = places + 8;
        s->row = m + row, s->buffer = m + buffer, s->ring = m + ring, s->c.segment = (unsigned)segment;
    }
    return ring + c->ring;
}

size_t udpcam_sender_size(const udpcam_sender_config *c) { return sender_parts(c, NULL); }

udpcam_sender *udpcam_sender_init(void *memory, const udpcam_sender_config *c) {
    udpcam_sender *s = memory;
    size_t size = sender_parts(c, NULL);
    if (!size || !memory) return NULL;
    make_tables();
    memset(memory, 0, size - c->ring);
    s->c = *c;
    sender_parts(c, s);
    s->name_len = clean_name(s->name, c->name ? c->name : "", c->name ? strlen(c->name) : 0);
    derive(s->secret, 32, c->random, NULL, "cookie");
    derive(s->port, ORIGIN, c->random, NULL, "port");
    if (c->key) {
#if defined(__AES__) && defined(__PCLMUL__)
        s->suite = c->suite ? (int)c->suite : 2;
#else
        s->suite = c->suite ? (int)c->suite : 1;
#endif
        memcpy(s->key, c->key, UDPCAM_KEY);
        s->id = udpcam_key_id(s->key);
        derive(s->announcements, 32, s->key, NULL, "udpcam/1 announcement");
        derive(s->subscriptions, 32, s->key, NULL, "udpcam/1 subscription");
    }
    begin_session(s);
    return s;
}

static void flush(udpcam_sender *s) {
    if (s->c.flush) s->c.flush(s->c.user);
}

static void emit(udpcam_sender *s, destination *d, const uint8_t *head, size_t n, const uint8_t *body, size_t body_len) {
    s->stats.datagrams++, s->stats.bytes += n + body_len;
    s->c.out(s->c.user, &d->addr, head, n, body, body_len);
}

/* Announces the stream, unless it was announced less than enough ago, and ten times before. */
static void announce(udpcam_sender *s, destination *d, us enough, us now) {
    uint8_t b[ANNOUNCED + UDPCAM_NAME + ORIGIN], sealed[sizeof b + UDPCAM_OVERHEAD];
    size_t n = ANNOUNCED + s->name_len;
    if (d->announced >= 10 && now - d->announced_at < enough) return;
    if (!d->announced++) d->began = now;
    d->announced_at = now;
    put_prefix(b, ANNOUNCEMENT, 0, s->session, 0);
    put(b + 8, 2, s->width), put(b + 10, 2, s->height), put(b + 12, 4, s->milli_fps), put(b + 16, 4, s->next - 1);
    echo(&d->echoes, b + 20, now);
    b[36] = (uint8_t)s->name_len;
    memcpy(b + ANNOUNCED, s->name, s->name_len);
    if (s->suite) {
        memcpy(b + n, d->peer, ORIGIN);
        n = control_seal(sealed, s->announcements, s->salt, ++s->counter, s->id, s->suite, b, n + ORIGIN);
    }
    emit(s, d, s->suite ? sealed : b, n, NULL, 0);
}

/* Sends one segment to n destinations. The header is that of its frame. */
static void send_segment(udpcam_sender *s, destination *d, unsigned n, uint8_t header[HEADER], int type, unsigned block,
                         unsigned countdown, const uint8_t *body, size_t len) {
    header[0] = (uint8_t)countdown, header[7] = (uint8_t)block;
    header[2] = (uint8_t)(0x10 | type | (s->suite ? 0x80 : 0));
    if (s->suite) {
        uint8_t nonce[12], *b = s->buffer;
        segment_nonce(nonce, memcpy(b, header, HEADER));
        cipher_xor(&s->segments, nonce, body, b + HEADER, len);
        cipher_tag(&s->segments, nonce, header, HEADER, b + HEADER, len, b + HEADER + len);
        len += HEADER + TAG;
    }
    for (; n > 0; n--, d++) emit(s, d, s->suite ? s->buffer : header, s->suite ? len : HEADER, body, s->suite ? 0 : len);
}

static void send_data(udpcam_sender *s, destination *d, uint8_t header[HEADER], int type, const layout *l,
    const uint8_t *frame, unsigned i) {
    send_segment(s, d, 1, header, type, i % l->blocks, l->k - i / l->blocks, frame + i * l->stride, segment_size(l, i));
}

/* Copies a frame into the ring, in the place of the oldest ones. */
static void keep(udpcam_sender *s, const layout *l, const uint8_t header[HEADER], const uint8_t *jpeg) {
    size_t need = l->length + l->blocks, start = s->end;
    if (need > s->c.ring) return;
    if (start + need > s->c.ring) start = 0;
    for (; s->count; s->first = (s->first + 1) % RECORDS, s->count--) {
        const record *r = &s->records[s->first];
        int behind = !start && r->at >= s->end; /* the newest is the last of the memory now, so this is the oldest */
        if (s->count < RECORDS && !behind && (r->at >= start + need || r->at + r->l.length + r->l.blocks <= start)) break;
    }
    record *r = &s->records[(s->first + s->count++) % RECORDS];
    r->l = *l, r->at = start;
    memcpy(r->header, header, HEADER);
    memcpy(s->ring + start, jpeg, l->length);
    memset(s->ring + start + l->length, 0, l->blocks);
    s->end = start + need;
}

static void expire(udpcam_sender *s, us now) {
    for (unsigned i = s->n; i-- > 0;)
        if (s->to[i].leased < now) s->to[i] = s->to[--s->n];
    s->stats.subscribers = 0;
    for (unsigned i = 0; i < s->n; i++) s->stats.subscribers += s->to[i].leased != FAR;
}

int udpcam_sender_frame(udpcam_sender *s, const uint8_t *jpeg, size_t len, int64_t captured, int64_t now) {
    layout l;
    uint8_t h[HEADER];
    size_t n = ceil_div(len, s->c.segment), blocks = ceil_div(n, BLOCK_DATA);
    if (len > UDPCAM_MAX_FRAME || blocks > MAX_BLOCKS || !looks_like_jpeg(jpeg, len) ||
        layout_of(&l, len, (unsigned)blocks, (unsigned)ceil_div(n, blocks))) return NONE;
    if (s->suite && s->next == UINT32_MAX) begin_session(s); /* IDs of a sealed session do not wrap */
    expire(s, now);
    if (!s->sized || now - s->sized >= 150 * MS) udpcam_jpeg(jpeg, len, &s->width, &s->height), s->sized = now;
    if (!s->measured || now - s->measured >= SECOND) {
        if (s->measured) s->milli_fps = (uint32_t)(s->counted * (uint64_t)1000 * SECOND / (uint64_t)(now - s->measured));
        s->measured = now, s->counted = 0;
    }
    s->counted++;
    if (!s->n) return 0; /* a frame that nobody gets has no ID */
    unsigned p = (unsigned)least((us)((float)l.k * s->c.parity / 100 + 0.999f), SHARDS - l.k);
    put_prefix(h, DATA, 0, s->session, 0);
    put(h + 8, 4, s->next++), put(h + 12, 1, l.blocks), put(h + 13, 3, len), put(h + 16, 1, l.k), put(h + 17, 1, p);
    put(h + 18, 6, (uint64_t)captured), put(h + 24, 4, s->suite ? 0 : checksum(jpeg, len));
    s->stats.frames++;
    for (destination *d = s->to; d < s->to + s->n; d++) {
        float share = now - d->live > 2 * SECOND || now - d->began < 2 * SECOND || d->missing > 0.3f ?
            0.5f : 0.05f + 1.5f * d->missing;
        size_t room = len > 2 * UDPCAM_DATAGRAM ? len : 2 * UDPCAM_DATAGRAM;
        d->allowance += share * (float)len;
        if (d->allowance > (float)room) d->allowance = (float)room;
        announce(s, d, 250 * MS, now);
        for (unsigned i = 0; i < l.segments; i++) send_data(s, d, h, DATA, &l, jpeg, i);
    }
    flush(s);
    for (unsigned i = 0; i < p * l.blocks; i++) {
        encode(&l, i % l.blocks, jpeg, i / l.blocks, s->row);
        send_segment(s, s->to, s->n, h, PARITY, i % l.blocks, SHARDS - l.k - i / l.blocks, s->row, l.stride);
    }
    flush(s);
    keep(s, &l, h, jpeg);
    return 0;
}

static int refuse(udpcam_sender *s) { return s->stats.refused++, 0; }

/* Answers a request within the limits: first with rows of parity that nobody has, then with the data that it names. */
static int answer(udpcam_sender *s, destination *d, const uint8_t *b, size_t n) {
    record *r = NULL;
    unsigned block = b[7], need = b[12], k = b[13];
    if (n < 16 || n < 16 + ceil_div(k, 8) || need > k || !need != !k) return refuse(s);
    for (unsigned i = 0; i < s->count; i++)
        if (!memcmp(s->records[(s->first + i) % RECORDS].header + 8, b + 8, 4)) r = &s->records[(s->first + i) % RECORDS];
    s->stats.requests++;
    if (!r || (k && (k != r->l.k || block >= r->l.blocks))) return refuse(s);
    size_t size = r->l.stride + UDPCAM_OVERHEAD;
    unsigned limit = (unsigned)(least((us)d->allowance, 96 << 10) / (us)size), sent = 0;
    uint8_t *frame = s->ring + r->at, *rows = frame + r->l.length + block;
    for (unsigned i = 0; !k && i < r->l.segments && sent < limit; i++, sent++)
        send_data(s, d, r->header, DATA | REPAIR, &r->l, frame, i);
    for (unsigned j; k && sent < need && sent < limit && (j = r->header[17] + *rows) < SHARDS - k; sent++, ++*rows) {
        encode(&r->l, block, frame, j, s->row);
        send_segment(s, d, 1, r->header, PARITY | REPAIR, block, SHARDS - k - j, s->row, r->l.stride);
    }
    for (unsigned j = 0, i = block; j < k && i < r->l.segments && sent < need && sent < limit; j++, i += r->l.blocks)
        if (b[16 + j / 8] >> (7 - j % 8) & 1) send_data(s, d, r->header, DATA | REPAIR, &r->l, frame, i), sent++;
    d->allowance -= (float)(sent * size);
    s->stats.answered += sent;
    return sent ? 0 : refuse(s);
}

static int take_report(udpcam_sender *s, destination *d, const uint8_t *b, size_t n, int joined, us now) {
    if (n < REPORT_SIZE || b[28] > MAX_TRAINS || n < REPORT_SIZE + TRAIN * (size_t)b[28]) return refuse(s);
    int live = d->live && now - d->live < 2 * SECOND, genuine = !b[28];
    for (unsigned i = 0; i < b[28]; i++) genuine |= newer(s->next, (uint32_t)get(b + REPORT_SIZE + TRAIN * i, 4));
    if (!genuine) return refuse(s);
    if (!s->suite && !answered(&d->echoes, b + PREFIX, now)) { /* it may have heard no announcement yet */
        if (!live) announce(s, d, 20 * MS, now);
        return refuse(s);
    }
    s->stats.reports++;
    hear(&d->echoes, b + PREFIX, now);
    for (const uint8_t *t = b + REPORT_SIZE; t < b + REPORT_SIZE + TRAIN * b[28]; t += TRAIN) {
        float came = (float)get(t + 10, 2), lost = (float)(get(t + 20, 2) + get(t + 22, 2));
        d->missing += ((came > 0 ? lost / (came + lost) : 1) - d->missing) / 16;
    }
    d->live = now;
    if (d->leased != FAR) d->leased = now + 3 * SECOND;
    announce(s, d, joined || !live ? 0 : 150 * MS, now);
    return 0;
}

/* A cookie holds the slot of time in which it was made, and a MAC. So nothing is remembered of those who ask. */
static void make_cookie(const udpcam_sender *s, uint8_t c[16], uint32_t slot, const udpcam_addr *of,
    const uint8_t asker[ORIGIN]) {
    uint8_t b[22], mac[32];
    put(b, 4, slot), memcpy(b + 4, of->ip, 16), put(b + 20, 2, of->port);
    hmac(mac, s->secret, 32, b, sizeof b, asker, ORIGIN);
    put(c, 4, slot), memcpy(c + 4, mac, 12);
}

static int take_subscribe(udpcam_sender *s, uint8_t *b, size_t n, const udpcam_addr *from, us now) {
    static const uint8_t nobody[ORIGIN];
    uint8_t asker[ORIGIN] = {0}, cookie[16], a[ASK], sealed[ASK + UDPCAM_OVERHEAD];
    uint64_t counter = 0;
    char name[UDPCAM_NAME + 1];
    destination *d = NULL;
    if (!s->c.subscribers || !s->suite != !(b[2] & 0x80)) return refuse(s);
    if (s->suite) {
        if (n < CONTROL + TAG || get(b + 32, 2) != s->id) return refuse(s);
        memcpy(asker, b + PREFIX, ORIGIN), counter = get(b + 24, 8);
        if (!(b = control_open(b, &n, s->subscriptions))) return refuse(s);
    }
    if (n < ASK || b[32] > 1 || b[33] > UDPCAM_NAME || n < ASK + (size_t)b[33]) return refuse(s);
    uint32_t slot = (uint32_t)(now / (10 * SECOND)), theirs = (uint32_t)get(b + 16, 4);
    int status = 0, farewell = b[32];
    make_cookie(s, cookie, theirs, from, asker);
    int proven = (theirs == slot || theirs + 1 == slot || farewell) && same_tag(cookie, b + 16);
    clean_name(name, (const char *)b + ASK, b[33]);
    expire(s, now);
    for (unsigned i = 0; i < s->n; i++)
        if (same_addr(&s->to[i].addr, from)) d = &s->to[i];
    int stale = d && ((farewell && d->number != get(b + 8, 8)) ||
        (!memcmp(d->asker, asker, ORIGIN) && memcmp(asker, nobody, ORIGIN) && counter <= d->counter));
    if (farewell) {
        if (!proven || !d || stale || d->leased == FAR) return refuse(s);
        *d = s->to[--s->n];
        return 0;
    }
    if (proven) status = *name && strcmp(name, s->name) ? 3 : d || s->stats.subscribers < s->c.subscribers ? 1 : 2;
    put_prefix(a, ANSWER, 0, 0, 0);
    memcpy(a + 8, b + 8, 8);
    make_cookie(s, a + 16, slot, from, asker);
    a[32] = (uint8_t)status, a[33] = 0;
    if (s->suite) n = control_seal(sealed, s->subscriptions, s->port, ++s->answers, s->id, 0, a, ASK);
    s->c.out(s->c.user, from, s->suite ? sealed : a, s->suite ? n : ASK, NULL, 0);
    if (status != 1 || stale) return stale ? refuse(s) : 0;
    if (!d) {
        d = &s->to[s->n++];
        memset(d, 0, sizeof *d);
        d->addr = *from;
    }
    d->number = get(b + 8, 8), d->counter = counter;
    memcpy(d->asker, asker, ORIGIN);
    if (d->leased != FAR) d->leased = now + 3 * SECOND;
    announce(s, d, 150 * MS, now);
    return 0;
}

static int take_feedback(udpcam_sender *s, destination *d, uint8_t *b, size_t n, us now) {
    known *k = NULL, *place = NULL;
    uint8_t id[ORIGIN];
    uint64_t counter = 0;
    if (get(b + 4, 3) != s->session || b[3] || !s->suite != !(b[2] & 0x80)) return refuse(s);
    if (s->suite) {
        if (n < CONTROL + TAG) return refuse(s);
        memcpy(id, b + PREFIX, ORIGIN), counter = get(b + 24, 8);
        for (known *i = s->known; i < s->known + s->n_known; i++)
            if (i->heard && !memcmp(i->id, id, ORIGIN)) k = i;
            else if (!i->heard || now - i->heard > 5 * SECOND) place = i;
        if ((k && counter <= k->counter) || !(b = control_open(b, &n, s->feedback))) return refuse(s);
        if (!k && (!place || (b[2] & 15) != REPORT || n < REPORT_SIZE || !echoes_since(b + PREFIX, now - 5 * SECOND, now)))
            return refuse(s);
        known *i = k ? k : place;
        memcpy(i->id, id, ORIGIN), memcpy(d->peer, id, ORIGIN);
        i->counter = counter, i->heard = now;
    }
    if ((b[2] & 15) == REPORT) return take_report(s, d, b, n, s->suite && !k, now);
    return n < 16 ? refuse(s) : answer(s, d, b, n);
}

void udpcam_sender_input(udpcam_sender *s, uint8_t *b, size_t n, const udpcam_addr *from, int64_t now) {
    if (n < PREFIX || b[1] != 0xca || (b[2] & 0x70) != 0x10) refuse(s);
    else if ((b[2] & 15) == SUBSCRIBE) take_subscribe(s, b, n, from, now);
    else {
        expire(s, now);
        destination *d = s->to;
        while (d < s->to + s->n && !same_addr(&d->addr, from)) d++;
        if (d == s->to + s->n || ((b[2] & 15) != REPORT && (b[2] & 15) != REQUEST)) refuse(s);
        else take_feedback(s, d, b, n, now);
    }
    flush(s);
}

int udpcam_sender_to(udpcam_sender *s, const udpcam_addr *to) {
    if (s->n >= s->places - s->c.subscribers + s->stats.subscribers || s->n >= s->places) return NONE;
    memset(&s->to[s->n], 0, sizeof *s->to);
    s->to[s->n].addr = *to, s->to[s->n++].leased = FAR;
    return 0;
}

int64_t udpcam_sender_tick(udpcam_sender *s, int64_t now) {
    us next = now + SECOND;
    expire(s, now);
    for (destination *d = s->to; d < s->to + s->n; d++) {
        if (now - d->announced_at >= 200 * MS) announce(s, d, 0, now);
        next = least(next, least(d->announced_at + 200 * MS, d->leased == FAR ? FAR : d->leased + 1));
    }
    flush(s);
    return next;
}

int udpcam_sender_watched(const udpcam_sender *s) { return s->n > 0; }
const udpcam_sender_stats *udpcam_sender_get_stats(const udpcam_sender *s) { return &s->stats; }

/* ---- Receiver ---- */

enum { PENDING = 32, FINISHED = 2, AHEAD = 64, KEYS = 4, MAX_ASKS = 8, MAX_UNANSWERED = 4, ASKED_GAP = 8,
    COUNTED_GAP = 4096 };
enum { UNSEEN, COLLECTING, WHOLE, DONE }; /* UNSEEN: nothing came, but the gap between IDs shows that it exists */

typedef struct segment {
    layout l;
    const uint8_t *head, *body;
    size_t size;
    uint32_t id;
    unsigned block, index, p; /* index: of a data segment in the frame, or the row of a parity segment */
    int parity, repair;
} segment;

typedef struct frame {
    struct stream *of; /* NULL: free */
    uint32_t id;
    /* closed: its train is reported; partial: it does not count as lost */
    uint8_t state, closed, partial, helped, repaired, asks;
    uint8_t head[HEADER], rival[HEADER]; /* of its first segment; the one that contradicted it last */
    unsigned agree, disagree;            /* how many datagrams agree with either */
    layout l;
    unsigned missing, parity;            /* data segments that are not here, shards of parity that are */
    us deadline, whole_at, asked;
    us first, last, over;                /* arrivals; when it was clear that all had been sent, 0 before */
    unsigned sent, top;                  /* datagrams of its train; one above the highest place of which one came */
    double came, x, y, xx, xy;           /* sums over places and times of arrival, for a line of least squares */
    uint64_t *have, *seen;               /* data segments that are here; places of the train that have come */
    uint8_t lacks[MAX_BLOCKS], rows[MAX_BLOCKS]; /* of each block: missing data, parity that is here */
    /* the frame in whole strides, then parity: block, row, and from byte 64 on the shard */
    uint8_t *bytes;
} frame;

typedef struct stream {
    int used, sealed, shown, described, believed, started, urgent;
    /* newest: the last frame handed on; reach: the last one handed on or left out; known: frames finished since */
    uint32_t session, newest, reach, known;
    uint8_t number;
    udpcam_addr home, from;                 /* where its first, and its last datagram came from */
    us joined, seen, handed, reported, wake, reorder, gap, stray_since;
    uint32_t stray, strays;                 /* frames in order that do not continue the others: the newest, and how many */
    uint64_t before, received, fed_back, delivered; /* before: bit i for the frame newest - i that was handed on */
    char name[UDPCAM_NAME + 1];
    unsigned renames, width, height, milli_fps, unanswered, segments;
    unsigned n, n_finished, largest, late, n_trains;
    uint8_t trains[MAX_TRAINS * TRAIN];
    frame *pending[PENDING], *finished[FINISHED + 2], *held; /* held: the newest whole frame until the stream is shown */
    echoes echoes;
    uint8_t salt[ORIGIN], feedback[32];     /* and what follows are of sealed streams */
    uint16_t key_id;
    uint64_t counter;
    us since;
    uint32_t oldest;                        /* frames before this may be recordings */
    cipher segments_cipher;
} stream;

typedef struct ring_key {
    uint8_t key[UDPCAM_KEY], announcements[32];
    uint16_t id;
} ring_key;

struct udpcam_receiver {
    udpcam_receiver_config c;
    udpcam_receiver_stats stats;
    ring_key keys[KEYS];
    uint8_t id[ORIGIN], subscriptions[32];
    uint64_t counter;
    stream *streams;
    frame *frames;
    size_t slot; /* bytes of memory of each frame */
    struct {
        int on, first, asked;
        udpcam_subscription status;
        udpcam_addr to;
        char name[UDPCAM_NAME + 1];
        uint8_t number[8], cookie[16], origin[ORIGIN], answerer[ORIGIN];
        uint64_t counter, answers;
        us left, next, hurried, stream, filled;
        double tokens;
    } ask;
};

static size_t receiver_parts(udpcam_receiver_config *c, udpcam_receiver *r) {
    c->max_frame = c->max_frame ? c->max_frame : 1 << 20, c->frames = c->frames ? c->frames : 16;
    c->streams = c->streams ? c->streams : 4, c->deadline = c->deadline ? c->deadline : SECOND;
    size_t most_segments = ceil_div(c->max_frame, 256) + 1, blocks = ceil_div(most_segments, BLOCK_DATA);
    size_t have = align(ceil_div(most_segments, 64) * 8),
        seen = align((blocks < MAX_BLOCKS ? blocks : MAX_BLOCKS) * SHARDS / 8);
    size_t slot = have + seen + align(c->max_frame + c->max_frame / 8 + (64 << 10)), n = align(sizeof *r);
    size_t frames = align(n + c->streams * sizeof *r->streams), slots = align(frames + c->frames * sizeof *r->frames);
    if (!c->frame || !c->out || c->frames < 3 || c->max_frame > UDPCAM_MAX_FRAME || c->n_keys > KEYS) return 0;
    for (unsigned i = 0; r && i < c->frames; i++) {
        uint8_t *m = (uint8_t *)r + slots + i * slot;
        r->streams = (stream *)((uint8_t *)r + n), r->frames = (frame *)((uint8_t *)r + frames),
            r->slot = slot - have - seen;
        memset(&r->frames[i], 0, sizeof *r->frames);
        r->frames[i].have = (uint64_t *)m, r->frames[i].seen = (uint64_t *)(m + have), r->frames[i].bytes = m + have + seen;
    }
    return slots + c->frames * slot;
}

size_t udpcam_receiver_size(const udpcam_receiver_config *config) {
    udpcam_receiver_config c = *config;
    return receiver_parts(&c, NULL);
}

udpcam_receiver *udpcam_receiver_init(void *memory, const udpcam_receiver_config *config) {
    udpcam_receiver *r = memory;
    if (!memory || !udpcam_receiver_size(config)) return NULL;
    make_tables();
    memset(r, 0, sizeof *r);
    r->c = *config;
    receiver_parts(&r->c, r);
    memset(r->streams, 0, r->c.streams * sizeof *r->streams);
    derive(r->id, ORIGIN, r->c.random, NULL, "receiver");
    for (unsigned i = 0; i < r->c.n_keys; i++) {
        ring_key *k = &r->keys[i];
        memcpy(k->key, r->c.keys + i * UDPCAM_KEY, UDPCAM_KEY);
        k->id = udpcam_key_id(k->key);
        derive(k->announcements, 32, k->key, NULL, "udpcam/1 announcement");
    }
    if (r->c.n_keys) derive(r->subscriptions, 32, r->keys[0].key, NULL, "udpcam/1 subscription");
    return r;
}

static int left_out(udpcam_receiver *r, int why) { return r->stats.left_out[why]++, NONE; }

/* Reads a segment of n bytes. Returns -1 if it is malformed. Else its fields do not contradict each other. */
static int parse_segment(segment *s, const uint8_t *b, size_t n) {
    size_t tag = b[2] & 0x80 ? TAG : 0;
    if (n <= HEADER + tag || (tag && get(b + 24, 4)) || !b[0] || layout_of(&s->l, (size_t)get(b + 13, 3), b[12], b[16]))
        return NONE;
    s->head = b, s->body = b + HEADER, s->size = n - HEADER - tag;
    s->id = (uint32_t)get(b + 8, 4), s->block = b[7], s->p = b[17];
    s->parity = (b[2] & 7) == PARITY, s->repair = b[2] & REPAIR;
    unsigned limit = s->parity ? SHARDS - s->l.k : s->l.k;
    if (s->block >= s->l.blocks || b[0] > limit || s->p > SHARDS - s->l.k) return NONE;
    s->index = s->parity ? limit - b[0] : (limit - b[0]) * s->l.blocks + s->block;
    if (s->parity) return s->size == s->l.stride && (s->repair || s->index < s->p) ? 0 : NONE;
    return s->index < s->l.segments && s->size == segment_size(&s->l, s->index) ? 0 : NONE;
}

/* Whether two headers describe the same frame. The amount of parity may differ. */
static int same_frame(const uint8_t *a, const uint8_t *b) {
    return !memcmp(a + 12, b + 12, 5) && !memcmp(a + 18, b + 18, 10);
}

static frame *find(frame *const *list, unsigned n, uint32_t id) {
    while (n-- > 0)
        if (list[n]->id == id) return list[n];
    return NULL;
}

static frame *find_frame(const stream *s, uint32_t id) {
    frame *f = find(s->pending, s->n, id);
    return f ? f : find(s->finished, s->n_finished, id);
}

static void drop(udpcam_receiver *r, frame *f) {
    r->stats.lost += f->state != DONE && !f->partial;
    f->state = DONE;
}

static void take_out(frame **list, unsigned *n, unsigned i) { memmove(list + i, list + i + 1, (--*n - i) * sizeof *list); }

/* Gives a frame's memory back. */
static void release(frame *f) {
    stream *s = f->of;
    for (unsigned i = 0; i < s->n; i++)
        if (s->pending[i] == f) take_out(s->pending, &s->n, i), s->known++;
    for (unsigned i = 0; i < s->n_finished; i++)
        if (s->finished[i] == f) take_out(s->finished, &s->n_finished, i);
    if (s->held == f) s->held = NULL;
    f->of = NULL;
}

/* Takes memory for a frame. If there is none, the frame with the earliest deadline gives way: one of a stream that is not
 * shown, if there is any. All streams that are not shown have half of the memory. */
static frame *new_frame(udpcam_receiver *r, stream *s, uint32_t id, int may_drop, us now) {
    frame *free = NULL, *victim = NULL;
    unsigned unshown = 0;
    for (frame *f = r->frames; f < r->frames + r->c.frames; f++) {
        if (!f->of) free = f;
        else unshown += !f->of->shown;
        if (!f->of || (f->of->shown && !s->shown) || f == s->held) continue;
        if (!victim || f->of->shown < victim->of->shown ||
                (f->of->shown == victim->of->shown && f->deadline < victim->deadline))
            victim = f;
    }
    if (!free || (!s->shown && unshown >= r->c.frames / 2 && victim)) {
        if (!victim || !may_drop) return NULL;
        drop(r, victim);
        release(free = victim);
    }
    uint64_t *have = free->have, *seen = free->seen;
    uint8_t *bytes = free->bytes;
    memset(free, 0, sizeof *free);
    free->of = s, free->id = id, free->deadline = now + r->c.deadline;
    free->have = have, free->seen = seen, free->bytes = bytes;
    return free;
}

/* Sets a frame up from its first segment. */
static void open_frame(frame *f, const segment *g) {
    unsigned sent = g->l.segments + g->p * g->l.blocks;
    memcpy(f->head, g->head, HEADER);
    f->l = g->l, f->state = COLLECTING, f->missing = g->l.segments, f->parity = 0;
    f->sent = sent, f->top = 0, f->came = f->x = f->y = f->xx = f->xy = 0;
    memset(f->have, 0, ceil_div(g->l.segments, 64) * 8);
    memset(f->seen, 0, g->l.blocks * SHARDS / 8);
    memset(f->rows, 0, sizeof f->rows);
    for (unsigned b = 0; b < g->l.blocks; b++) f->lacks[b] = (uint8_t)block_segments(&g->l, b);
}

static us lateness(const stream *s) { return s->reorder + s->reorder / 4; }
static us patience(const stream *s) {
    us rtt = s->echoes.best.at ? s->echoes.smoothed : 20 * MS;
    return rtt + rtt / 4 + lateness(s) + 2 * MS;
}

static us latency(const udpcam_receiver *r, const stream *s) {
    if (s->unanswered >= MAX_UNANSWERED || r->c.latency < 0) return 0;
    if (r->c.latency) return r->c.latency;
    return least(3 * ((s->echoes.best.at ? s->echoes.best.rtt : 20 * MS) + lateness(s)) + 10 * MS, 150 * MS);
}

/* Adds a frame in its order, and those before it of which nothing came. Returns -1 if there is no room. */
static int insert(udpcam_receiver *r, stream *s, frame *f, us now) {
    unsigned at = s->n, weakest = 0;
    while (at > 0 && newer(s->pending[at - 1]->id, f->id)) at--;
    if (s->n == PENDING) {
        if (!at) return f->of = NULL, NONE;
        for (unsigned i = 1; i < s->n; i++)
            if (s->pending[i]->l.segments - s->pending[i]->missing <
                    s->pending[weakest]->l.segments - s->pending[weakest]->missing)
                weakest = i;
        drop(r, s->pending[weakest]);
        release(s->pending[weakest]);
        at -= weakest < at;
    }
    memmove(s->pending + at + 1, s->pending + at, (s->n++ - at) * sizeof *s->pending);
    s->pending[at] = f;
    for (unsigned i = 0; i < at; i++)
        if (!s->pending[i]->over) s->pending[i]->over = now; /* the sender has gone on to a newer frame */
    if (at + 1 < s->n) f->over = now;
    if (at + 1 < s->n || !s->started) return 0;
    uint32_t last = at ? s->pending[at - 1]->id : s->newest, gap = f->id - last - 1;
    if (gap > ASKED_GAP || s->n + gap > PENDING) return 0;
    for (uint32_t id = last + 1; id != f->id; id++) {
        frame *u = new_frame(r, s, id, 0, now);
        if (!u) break;
        u->over = now;
        s->pending[s->n - 1] = u, s->pending[s->n++] = f;
    }
    return 0;
}

static void finish(udpcam_receiver *r, stream *s) { /* the first of the pending frames */
    frame *f = s->pending[0];
    take_out(s->pending, &s->n, 0);
    s->known++;
    if (s->n_finished == FINISHED + 2) release(s->finished[s->finished[0] == s->held]);
    s->finished[s->n_finished++] = f;
    drop(r, f);
}

static int too_far(const stream *s, uint32_t id) { return (int32_t)(id - s->reach) > AHEAD; }

/* Notes a segment of a frame that is late or far ahead, and returns whether the stream goes on from there: single datagrams
 * may be forged. */
static int goes_on(stream *s, uint32_t id, us now) {
    uint32_t behind = s->newest - id;
    if (behind < 64 && s->before >> behind & 1) return 0; /* it was handed on */
    if (!s->strays || id - s->stray > AHEAD) s->stray = id, s->strays = 1, s->stray_since = now;
    else if (id != s->stray) s->stray = id, s->strays++;
    return s->strays >= 3 && now - (newer(id, s->newest) ? s->handed : s->stray_since) >= 250 * MS;
}

/* Finds or makes the frame of a segment. Returns NULL, and counts why, if there is none. */
static frame *frame_of(udpcam_receiver *r, stream *s, const segment *g, us now) {
    int joining = !s->started && !s->n, open = !s->sealed && s->started;
    if (joining) s->newest = s->reach = g->id - (1u << 30); /* older frames may still come */
    if (open && (!newer(g->id, s->newest) || too_far(s, g->id)) && goes_on(s, g->id, now)) {
        while (s->n) s->pending[0]->partial = 1, finish(r, s);
        if (g->id - s->newest <= COUNTED_GAP) r->stats.lost += g->id - s->newest - 1;
        s->newest = s->reach = g->id - 1, s->known = 0, s->before = 0, s->strays = 0;
    } else if (!newer(g->id, s->newest)) {
        frame *f = find(s->finished, s->n_finished, g->id);
        if (!f) left_out(r, UDPCAM_LATE);
        return f && f->l.segments ? f : NULL;
    } else if (open && too_far(s, g->id)) return left_out(r, UDPCAM_STRAY), NULL;
    frame *f = find(s->pending, s->n, g->id);
    if (!f) {
        f = new_frame(r, s, g->id, 1, now);
        if (!f || insert(r, s, f, now)) return left_out(r, UDPCAM_OVER_LIMIT), NULL;
        f->partial = joining && (g->parity || g->index);
    }
    if (f->state == UNSEEN || (f->state == DONE && !f->l.segments)) open_frame(f, g);
    return f;
}

/* Records the arrival of a datagram of a train. The places of a train are numbered in the order of sending. */
static void arrived(stream *s, frame *f, const segment *g, us now) {
    unsigned at = g->parity ? f->l.segments + g->index * f->l.blocks + g->block : g->index;
    if (has(f->seen, at)) return;
    if (f->came > 0 && !f->over) s->gap = most(s->gap, least(now - f->last, 20 * MS));
    if (f->came == 0) f->first = now;
    double x = at, y = (double)(now - f->first);
    add(f->seen, at);
    f->came++, f->x += x, f->y += y, f->xx += x * x, f->xy += x * y;
    f->last = now;
    if (f->top < at + 1) f->top = at + 1;
    if (f->over) s->reorder = most(s->reorder, least(now - f->over, 20 * MS));
    else if (f->top >= f->sent) f->over = now;
    s->late += f->closed; /* it has been reported as lost */
}

/* Puts the train of a frame into the next report. */
static void close_train(stream *s, frame *f, us now) {
    if (f->partial || f->closed) return;
    uint8_t t[TRAIN] = {0};
    unsigned sent = f->top > f->sent ? f->top : f->sent, lost[2] = {0, 0}, runs = 0;
    double d = f->came * f->xx - f->x * f->x, slope = d > 0 ? (f->came * f->xy - f->x * f->y) / d : 0;
    f->closed = 1;
    for (unsigned i = 0, before = 1; i < sent && f->came > 0; i++) {
        unsigned here = has(f->seen, i) != 0;
        lost[i >= sent / 2] += !here, runs += before && !here, before = here;
    }
    put(t, 4, f->id);
    if (f->came > 0) {
        put(t + 4, 6, (uint64_t)f->first), put(t + 10, 2, (uint64_t)f->came), put(t + 12, 4, (uint64_t)(f->last - f->first));
        put(t + 16, 4, slope > 0 ? (uint64_t)(slope * (sent - 1)) : 0);
        put(t + 20, 2, lost[0]), put(t + 22, 2, lost[1]), put(t + 24, 2, runs);
        s->segments = sent;
    }
    if (s->n_trains == MAX_TRAINS) memmove(s->trains, s->trains + TRAIN, (size_t)TRAIN * --s->n_trains);
    memcpy(s->trains + TRAIN * s->n_trains++, t, TRAIN);
    if (f->came < sent || !f->came || slope * (sent - 1) >= 2 * MS || s->n_trains == MAX_TRAINS || now - s->joined <= SECOND)
        s->urgent = 1;
}

/* Sends feedback, if that leaves all of it within one byte for share bytes that came. */
static int feed_back(udpcam_receiver *r, stream *s, const uint8_t *b, size_t n, unsigned share) {
    uint8_t sealed[REPORT_SIZE + MAX_TRAINS * TRAIN + UDPCAM_OVERHEAD];
    size_t size = n + (s->sealed ? UDPCAM_OVERHEAD : 0);
    if (s->sealed && !s->fed_back) share = 1; /* the first report must leave: the stream is shown only when it is echoed */
    if (s->fed_back + size > s->received / share) return 0;
    if (s->sealed) control_seal(sealed, s->feedback, r->id, ++r->counter, s->key_id, 0, b, n);
    s->fed_back += size, r->stats.feedback++;
    r->c.out(r->c.user, &s->from, s->sealed ? sealed : b, size, NULL, 0);
    return 1;
}

static us report(udpcam_receiver *r, stream *s, us now) {
    uint8_t b[REPORT_SIZE + MAX_TRAINS * TRAIN];
    us due = s->reported + (s->urgent ? 10 : 200) * MS;
    if (now < due) return due;
    s->reported = now;
    put_prefix(b, REPORT, s->number, s->session, 0);
    echo(&s->echoes, b + PREFIX, now);
    put(b + 24, 2, s->largest), put(b + 26, 2, (uint64_t)least(s->late, 65535)), put(b + 28, 1, s->n_trains);
    put(b + 29, 3, (uint64_t)least((now - s->joined) / MS, 0xffffff));
    memcpy(b + REPORT_SIZE, s->trains, (size_t)TRAIN * s->n_trains);
    if (feed_back(r, s, b, REPORT_SIZE + (size_t)TRAIN * s->n_trains, 2))
        s->largest = s->late = s->n_trains = 0, s->urgent = 0;
    return now + 200 * MS;
}

/* Requests what is missing of a frame, if that is due. Returns when to ask again. */
static us ask_for(udpcam_receiver *r, stream *s, frame *f, us now) {
    if (f->partial || f->asks == MAX_ASKS) return FAR;
    us due = f->asks ? f->asked + patience(s) : f->over ? f->over + lateness(s) : f->last + 2500 + s->gap + lateness(s);
    if (now < due) return due;
    s->unanswered += f->asks > 0;
    f->asks++, f->asked = now;
    for (unsigned block = 0; block < (f->state == UNSEEN ? 1 : f->l.blocks); block++) {
        uint8_t b[16 + BLOCK_DATA / 8] = {0};
        unsigned need = f->state == UNSEEN ? 0 : f->lacks[block] > f->rows[block] ? f->lacks[block] - f->rows[block] : 0;
        if (!need && f->state != UNSEEN) continue;
        put_prefix(b, REQUEST, s->number, s->session, block);
        put(b + 8, 4, f->id), b[12] = (uint8_t)need, b[13] = (uint8_t)(need ? f->l.k : 0);
        for (unsigned j = 0, i = block; need && i < f->l.segments; j++, i += f->l.blocks)
            if (!has(f->have, i)) b[16 + j / 8] |= (uint8_t)(0x80 >> j % 8);
        r->stats.requests += (unsigned)feed_back(r, s, b, 16 + ceil_div(b[13], 8), 8);
    }
    return now + patience(s);
}

/* Hands on the frame that is held, if the stream is shown. */
static void hand_on(udpcam_receiver *r, stream *s, us now) {
    frame *f = s->held;
    if (!f || !s->shown) return;
    s->held = NULL;
    if (s->sealed && f->id < s->oldest) return; /* it may be a recording of this session */
    udpcam_frame out = {f->bytes, f->l.length, f->id, time_near(get(f->head + 18, 6), now), s->echoes.best.offset,
                        s->echoes.best.at ? most(1, s->echoes.best.rtt) : 0, (unsigned)(s - r->streams), s->session,
                        s->name, s->from, s->sealed, s->width, s->height, s->milli_fps};
    r->stats.frames++, r->stats.frame_bytes += f->l.length;
    r->stats.by_request += f->helped, r->stats.by_parity += !f->helped && f->repaired;
    r->c.frame(r->c.user, &out);
}

/* Shows a stream if it may be shown: a whole picture has come, and it has a name, or none has come for a second. */
static void show(udpcam_receiver *r, stream *s, us now) {
    if (s->shown || !s->delivered || (s->sealed && !s->believed) || (!s->described && now - s->joined < SECOND)) return;
    s->shown = 1;
    hand_on(r, s, now);
}

/* Takes the next frames that are whole out of the order. Returns until when the first one waits. */
static us hand_on_whole(udpcam_receiver *r, stream *s, us now) {
    for (;;) {
        unsigned first = 0, waits = 0;
        for (; first < s->n && s->pending[first]->state != WHOLE; first++)
            waits |= s->pending[first]->state < WHOLE && !s->pending[first]->partial;
        if (first == s->n) return FAR;
        frame *f = s->pending[first];
        us until = f->whole_at + latency(r, s);
        if (waits && now < until) return until;
        for (; first > 0; first--) finish(r, s);
        uint32_t gap = f->id - s->newest;
        if (s->started && gap <= COUNTED_GAP) r->stats.lost += gap - 1 > s->known ? gap - 1 - s->known : 0;
        f->state = DONE;
        finish(r, s);
        s->before = gap < 64 ? s->before << gap | 1 : 1;
        s->started = 1, s->newest = f->id, s->known = 0, s->handed = now, s->strays = 0;
        if (!newer(s->reach, s->newest)) s->reach = s->newest;
        /* they came first */
        for (; !s->sealed && s->n && too_far(s, s->pending[s->n - 1]->id); s->n--) s->pending[s->n - 1]->of = NULL;
        s->reorder -= s->reorder / 64, s->gap -= s->gap / 64;
        s->held = f;
        hand_on(r, s, now);
    }
}

/* Does everything for a stream that is due now. */
static void attend(udpcam_receiver *r, stream *s, us now) {
    s->wake = now + 200 * MS;
    for (unsigned i = 0; i < s->n; i++)
        if (s->pending[i]->state < WHOLE && now >= s->pending[i]->deadline) drop(r, s->pending[i]);
    s->wake = least(s->wake, hand_on_whole(r, s, now));
    for (unsigned i = 0; i < s->n_finished + s->n; i++) {
        frame *f = i < s->n_finished ? s->finished[i] : s->pending[i - s->n_finished];
        if ((f->over && now >= f->over + lateness(s)) || (f->came > 0 && f->came == (f->top > f->sent ? f->top : f->sent)))
            close_train(s, f, now);
    }
    while (s->n_finished > FINISHED + (s->held != NULL)) {
        frame *f = s->finished[s->finished[0] == s->held];
        close_train(s, f, now);
        release(f);
    }
    for (unsigned i = 0; i < s->n; i++)
        if (s->pending[i]->state < WHOLE)
            s->wake = least(s->wake, least(ask_for(r, s, s->pending[i], now), s->pending[i]->deadline));
    s->wake = least(s->wake, report(r, s, now));
    show(r, s, now);
    if (!s->shown && s->joined + SECOND > now) s->wake = least(s->wake, s->joined + SECOND);
}

/* Why a frame has no use for a segment, -1 if it has. */
static int useless(const frame *f, const segment *g) {
    if (f->whole_at) return UDPCAM_SPARE;
    if (f->state == DONE) return UDPCAM_LATE;
    if (!g->parity) return has(f->have, g->index) ? UDPCAM_DUPLICATE : NONE;
    if (!f->lacks[g->block]) return UDPCAM_SPARE;
    const uint8_t *p = f->bytes + f->l.segments * f->l.stride;
    for (unsigned i = 0; i < f->parity; i++, p += 64 + f->l.stride)
        if (p[0] == g->block && p[1] == g->index) return UDPCAM_DUPLICATE;
    return NONE;
}

/* Computes what a block lacks, if enough of it is here. */
static void mend(frame *f, unsigned block) {
    uint8_t missing[BLOCK_DATA], used[SHARDS];
    const uint8_t *shards[SHARDS], *p = f->bytes + f->l.segments * f->l.stride;
    unsigned e = 0, n = 0;
    if (!f->lacks[block] || f->rows[block] < f->lacks[block]) return;
    for (unsigned c = 0, i = block; i < f->l.segments; c++, i += f->l.blocks)
        if (!has(f->have, i)) missing[e++] = (uint8_t)c;
    for (; n < e; p += 64 + f->l.stride)
        if (p[0] == block) used[n] = (uint8_t)(f->l.k + p[1]), shards[n++] = p + 64;
    repair(&f->l, block, f->bytes, f->have, e, missing, used, shards);
    for (unsigned i = block; i < f->l.segments; i += f->l.blocks) add(f->have, i);
    f->missing -= e, f->lacks[block] = 0, f->repaired = 1;
}

/* Puts a segment into its frame. */
static int add_segment(udpcam_receiver *r, stream *s, const segment *g, us now) {
    frame *f = frame_of(r, s, g, now);
    if (!f) return NONE;
    if (f->state == COLLECTING && !same_frame(f->head, g->head)) { /* those count that are more */
        if (!f->disagree || !same_frame(f->rival, g->head)) memcpy(f->rival, g->head, HEADER), f->disagree = 0;
        if (++f->disagree <= f->agree) return left_out(r, UDPCAM_INCONSISTENT);
        f->agree = f->disagree, f->disagree = f->asks = f->repaired = 0;
        open_frame(f, g);
    } else f->agree++;
    if (!g->repair && same_frame(f->head, g->head)) arrived(s, f, g, now);
    int why = useless(f, g);
    size_t at = f->l.segments * f->l.stride + f->parity * (64 + f->l.stride);
    if (why == NONE && at + (g->parity ? 64 + f->l.stride : 0) > r->slot) why = UDPCAM_OVER_LIMIT;
    if (why != NONE) return left_out(r, why);
    if (g->parity) {
        f->bytes[at] = (uint8_t)g->block, f->bytes[at + 1] = (uint8_t)g->index;
        memcpy(f->bytes + at + 64, g->body, g->size);
        f->parity++, f->rows[g->block]++;
    } else {
        memcpy(f->bytes + g->index * f->l.stride, g->body, g->size);
        add(f->have, g->index);
        f->missing--, f->lacks[g->block]--;
    }
    mend(f, g->block);
    if (g->repair) f->helped = 1, s->unanswered = 0;
    if (f->missing) return 0;
    if ((!s->sealed && checksum(f->bytes, f->l.length) != get(f->head + 24, 4)) || !looks_like_jpeg(f->bytes, f->l.length))
        return r->stats.corrupt++, drop(r, f), NONE;
    f->state = WHOLE, f->whole_at = now, s->delivered++;
    return 0;
}

static void forget(udpcam_receiver *r, stream *s) {
    for (frame *f = r->frames; f < r->frames + r->c.frames; f++)
        if (f->of == s) f->of = NULL;
    memset(s, 0, sizeof *s);
}

static stream *find_stream(udpcam_receiver *r, const uint8_t *b, const udpcam_addr *from) {
    for (stream *s = r->streams; s < r->streams + r->c.streams; s++)
        if (s->used && s->session == get(b + 4, 3) && s->number == b[3] && (s->sealed || same_addr(&s->home, from)))
            return s;
    return NULL;
}

/* Whether a stream is worth less than another: it has been silent for two seconds, or has delivered less. */
static int weaker(const stream *a, const stream *b, us now) {
    int silent = now - a->seen >= 2 * SECOND, other = now - b->seen >= 2 * SECOND;
    if (silent != other) return silent;
    return a->delivered != b->delivered ? a->delivered < b->delivered : a->received < b->received;
}

/* Makes a stream of its first datagram. If there is no place, the weakest gives way, unless it is shown and goes on. */
static stream *join(udpcam_receiver *r, const uint8_t *b, const udpcam_addr *from, us now) {
    stream *s = r->streams;
    for (stream *o = r->streams; o < r->streams + r->c.streams && s->used; o++)
        if (!o->used || weaker(o, s, now)) s = o;
    if (s->used && s->shown && now - s->seen < 2 * SECOND) return left_out(r, UDPCAM_OVER_LIMIT), NULL;
    forget(r, s);
    s->used = 1, s->session = (uint32_t)get(b + 4, 3), s->number = b[3], s->home = *from;
    s->joined = s->seen = s->reported = now;
    return s;
}

static void heard(udpcam_receiver *r, stream *s, size_t n, const udpcam_addr *from, us now) {
    s->from = *from, s->seen = now, s->received += n;
    r->stats.datagrams++, r->stats.bytes += n;
    if (s->largest < n) s->largest = (unsigned)n;
}

static int input_segment(udpcam_receiver *r, uint8_t *b, size_t n, const udpcam_addr *from, us now) {
    segment g;
    uint8_t nonce[12], tag[TAG];
    int sealed = b[2] & 0x80;
    stream *s = find_stream(r, b, from);
    if (parse_segment(&g, b, n)) return left_out(r, UDPCAM_MALFORMED);
    if (!s && sealed) return left_out(r, UDPCAM_UNANNOUNCED);
    if (g.l.segments * g.l.stride + 64 > r->slot || g.l.length > r->c.max_frame) return left_out(r, UDPCAM_OVER_LIMIT);
    if (sealed) { /* is it of any use, by its header? */
        frame *f = find_frame(s, g.id);
        if (!f && (s->started || s->n) && !newer(g.id, s->newest)) return left_out(r, UDPCAM_LATE);
        if (g.id < s->oldest) return left_out(r, UDPCAM_REPLAYED);
        if (f && f->l.segments && f->state == COLLECTING && !same_frame(f->head, b)) return left_out(r, UDPCAM_INCONSISTENT);
        unsigned at = g.parity ? g.l.segments + g.index * g.l.blocks + g.block : g.index;
        if (f && f->l.segments && same_frame(f->head, b)) {
            int why = g.repair ? useless(f, &g) : has(f->seen, at) ? UDPCAM_DUPLICATE : NONE;
            if (why != NONE) return left_out(r, why);
        }
        segment_nonce(nonce, b);
        cipher_tag(&s->segments_cipher, nonce, b, HEADER, g.body, g.size, tag);
        if (!same_tag(tag, g.body + g.size)) return left_out(r, UDPCAM_WRONG_KEY);
        cipher_xor(&s->segments_cipher, nonce, g.body, b + HEADER, g.size);
    }
    if (!s && !(s = join(r, b, from, now))) return NONE;
    heard(r, s, n, from, now);
    add_segment(r, s, &g, now);
    attend(r, s, now);
    return 0;
}

/* Opens a sealed announcement or Skip. Returns its stream, which may be new, NULL if it is not to be believed. */
static stream *open_announcement(udpcam_receiver *r, stream *s, uint8_t **b, size_t *n, const udpcam_addr *from, us now) {
    uint8_t origin[ORIGIN], *open = NULL;
    const ring_key *k = r->keys, *end = r->keys + r->c.n_keys;
    if (*n < CONTROL + TAG) return left_out(r, UDPCAM_MALFORMED), NULL;
    memcpy(origin, *b + PREFIX, ORIGIN);
    uint64_t counter = get(*b + 24, 8);
    uint16_t id = (uint16_t)get(*b + 32, 2);
    int suite = (*b)[34], known = s && !memcmp(s->salt, origin, ORIGIN);
    if (known ? counter <= s->counter : s && s->believed && now - s->seen < 2 * SECOND)
        return left_out(r, UDPCAM_REPLAYED), NULL;
    for (; k < end && !(k->id == id && (open = control_open(*b, n, k->announcements))); k++) continue;
    if (k == end) return left_out(r, UDPCAM_WRONG_KEY), NULL;
    *b = open;
    if (!known) {
        if (suite != 1 && suite != 2) return left_out(r, UDPCAM_UNKNOWN_TYPE), NULL;
        if (s) forget(r, s);
        if (!(s = join(r, open, from, now))) return NULL;
        s->sealed = 1, s->since = now, s->key_id = id;
        memcpy(s->salt, origin, ORIGIN);
        cipher_init(&s->segments_cipher, suite, k->key, origin);
        derive(s->feedback, 32, k->key, origin, "udpcam/1 feedback");
    }
    s->counter = counter;
    return s;
}

static int input_announcement(udpcam_receiver *r, uint8_t *b, size_t n, const udpcam_addr *from, us now) {
    size_t size = n;
    char name[UDPCAM_NAME + 1];
    stream *s = find_stream(r, b, from);
    int sealed = b[2] & 0x80;
    if (sealed && !(s = open_announcement(r, s, &b, &n, from, now))) return NONE;
    size_t end = n < ANNOUNCED ? n : ANNOUNCED + (size_t)b[36];
    if (n < ANNOUNCED || n < end ||
            (n > end + ORIGIN && (b[end + ORIGIN] > 8 || n < end + ORIGIN + 1 + 4 * (size_t)b[end + ORIGIN])))
        return left_out(r, UDPCAM_MALFORMED);
    if (!s && !(s = join(r, b, from, now))) return NONE;
    heard(r, s, size, from, now);
    int genuine = answered(&s->echoes, b + 20, now);
    if (sealed || genuine || !s->echoes.answered || now - s->echoes.answered >= 5 * SECOND) hear(&s->echoes, b + 20, now);
    if (sealed) {
        uint32_t newest = (uint32_t)get(b + 16, 4);
        s->since = least(s->since, now);
        if (n >= end + ORIGIN && !memcmp(b + end, r->id, ORIGIN) && echoes_since(b + 20, s->since, now)) s->believed = 1;
        if (newest > 128 && newest - 128 > s->oldest) s->oldest = newest - 128;
    }
    if (sealed && !s->believed) s->urgent = 1, s->reported = 0; /* report now, for the next announcement to echo */
    else {
        clean_name(name, (const char *)b + ANNOUNCED, b[36]);
        if (sealed || !s->described || !strcmp(name, s->name) || ++s->renames > 3) strcpy(s->name, name), s->renames = 0;
        s->width = (unsigned)get(b + 8, 2), s->height = (unsigned)get(b + 10, 2), s->milli_fps = (unsigned)get(b + 12, 4);
        s->described = 1;
    }
    attend(r, s, now);
    return 0;
}

static int input_skip(udpcam_receiver *r, uint8_t *b, size_t n, const udpcam_addr *from, us now) {
    size_t size = n;
    stream *s = find_stream(r, b, from);
    if (!s) return left_out(r, UDPCAM_UNANNOUNCED);
    if (b[2] & 0x80 && !(s = open_announcement(r, s, &b, &n, from, now))) return NONE;
    uint32_t first = (uint32_t)get(b + 8, n < 16 ? 0 : 4), last = (uint32_t)get(b + 12, n < 16 ? 0 : 4);
    if (n < 16 || newer(first, last)) return left_out(r, UDPCAM_MALFORMED);
    heard(r, s, size, from, now);
    if (s->started && !too_far(s, last)) {
        if (newer(s->newest + 1, first)) first = s->newest + 1;
        if (newer(last - PENDING + 1, first)) first = last - PENDING + 1;
        for (uint32_t id = first; !newer(id, last); id++) {
            frame *f = find(s->pending, s->n, id);
            if (!f && (!(f = new_frame(r, s, id, 1, now)) || insert(r, s, f, now))) continue;
            if (f->state == UNSEEN) r->stats.skipped++, f->partial = 1, drop(r, f);
        }
        if (newer(last, s->reach)) s->reach = last;
    }
    attend(r, s, now);
    return 0;
}

/* How long to wait for an answer to a Subscribe, or for a stream. */
static us ask_interval(const udpcam_receiver *r, us now) {
    int flows = r->ask.stream && now - r->ask.stream < 500 * MS;
    if (r->ask.first < 3) return (100 * MS) << r->ask.first;
    return r->ask.status == UDPCAM_FULL || (r->ask.status == UDPCAM_ASKING && flows) ? 2 * SECOND : 500 * MS;
}

static int input_answer(udpcam_receiver *r, uint8_t *b, size_t n, const udpcam_addr *from, us now) {
    if (!r->ask.on || !same_addr(from, &r->ask.to)) return left_out(r, UDPCAM_UNWANTED);
    if (b[2] & 0x80) {
        uint8_t origin[ORIGIN];
        if (n < CONTROL + TAG) return left_out(r, UDPCAM_MALFORMED);
        uint64_t counter = get(b + 24, 8);
        memcpy(origin, b + PREFIX, ORIGIN);
        if (get(b + 32, 2) != r->keys[0].id || !(b = control_open(b, &n, r->subscriptions)))
            return left_out(r, UDPCAM_WRONG_KEY);
        if (!memcmp(origin, r->ask.answerer, ORIGIN) && counter <= r->ask.answers) return left_out(r, UDPCAM_REPLAYED);
        memcpy(r->ask.answerer, origin, ORIGIN), r->ask.answers = counter;
    }
    if (n < ASK || b[32] > UDPCAM_NO_STREAM) return left_out(r, UDPCAM_MALFORMED);
    if (memcmp(b + 8, r->ask.number, 8)) return left_out(r, UDPCAM_UNWANTED);
    memcpy(r->ask.cookie, b + 16, 16);
    r->ask.status = (udpcam_subscription)b[32];
    if (b[32]) r->ask.first = 3, r->ask.next = now + ask_interval(r, now);
    else if (now - r->ask.hurried >= 200 * MS) r->ask.hurried = r->ask.next = now;
    return 0;
}

static void send_subscribe(udpcam_receiver *r, int farewell) {
    uint8_t b[ASK + UDPCAM_NAME] = {0}, sealed[sizeof b + UDPCAM_OVERHEAD];
    size_t name = strlen(r->ask.name), n = ASK + name;
    put_prefix(b, SUBSCRIBE, 0, 0, 0);
    memcpy(b + 8, r->ask.number, 8), memcpy(b + 16, r->ask.cookie, 16), memcpy(b + ASK, r->ask.name, name);
    b[32] = (uint8_t)farewell, b[33] = (uint8_t)name;
    if (r->c.n_keys) n = control_seal(sealed, r->subscriptions, r->ask.origin, ++r->ask.counter, r->keys[0].id, 0, b, n);
    r->c.out(r->c.user, &r->ask.to, r->c.n_keys ? sealed : b, n, NULL, 0);
}

/* Asks the sender if that is due, at most 8 times at once and 2.2 times a second for long. Returns when to ask again. */
static us subscribe(udpcam_receiver *r, us now) {
    if (!r->ask.on) return FAR;
    for (stream *s = r->streams; s < r->streams + r->c.streams; s++)
        if (s->used && s->shown && same_addr(&s->from, &r->ask.to) && (!*r->ask.name || !strcmp(s->name, r->ask.name)))
            r->ask.stream = most(r->ask.stream, s->seen);
    us quiet = r->ask.stream + 500 * MS, due = r->ask.next;
    if (r->ask.status == UDPCAM_SUBSCRIBED && now < quiet && quiet >= due)
        due = *r->ask.name ? quiet : least(quiet, r->ask.left + 2 * SECOND);
    r->ask.tokens += (double)(now - r->ask.filled) / SECOND * 2.2, r->ask.filled = now;
    if (r->ask.tokens > 8) r->ask.tokens = 8;
    if (now >= due && r->ask.tokens < 1) return now + (us)((1 - r->ask.tokens) / 2.2 * SECOND) + MS;
    if (now < due) return due;
    send_subscribe(r, 0);
    r->ask.tokens--, r->ask.asked = 1, r->ask.left = now, r->ask.next = now + ask_interval(r, now);
    r->ask.first += r->ask.first < 3;
    return r->ask.next;
}

void udpcam_receiver_subscribe(udpcam_receiver *r, const udpcam_addr *to, const char *name, int64_t now) {
    uint8_t nonce[ORIGIN] = {0}, b[32];
    put(nonce, 8, (uint64_t)now), put(nonce + 8, 8, ++r->counter);
    derive(b, 32, r->c.random, nonce, "subscription");
    memset(&r->ask, 0, sizeof r->ask);
    memcpy(r->ask.number, b, 8), memcpy(r->ask.origin, b + 16, ORIGIN);
    clean_name(r->ask.name, name, strlen(name));
    r->ask.on = 1, r->ask.to = *to, r->ask.next = r->ask.filled = now, r->ask.tokens = 8;
}

void udpcam_receiver_unsubscribe(udpcam_receiver *r, int64_t now) {
    (void)now;
    /* twice: one may get lost */
    for (int i = 0; i < 2 && r->ask.on && r->ask.asked && (get(r->ask.cookie, 8) | get(r->ask.cookie + 8, 8)); i++)
        send_subscribe(r, 1);
    r->ask.on = 0;
}

udpcam_subscription udpcam_receiver_state(const udpcam_receiver *r) { return r->ask.status; }

void udpcam_receiver_input(udpcam_receiver *r, uint8_t *b, size_t n, const udpcam_addr *from, int64_t now) {
    int type = n < PREFIX ? 0 : b[2] & 15;
    if (n < PREFIX || b[1] != 0xca || (b[2] & 0x70) != 0x10) left_out(r, UDPCAM_FOREIGN);
    else if ((b[2] & 0x80) && !r->c.n_keys) left_out(r, UDPCAM_SEALED);
    else if (!(b[2] & 0x80) && r->c.n_keys) left_out(r, UDPCAM_UNSEALED);
    else if (type == DATA || type == PARITY || type == (DATA | REPAIR) || type == (PARITY | REPAIR))
        input_segment(r, b, n, from, now);
    else if (type == ANNOUNCEMENT) input_announcement(r, b, n, from, now);
    else if (type == SKIP) input_skip(r, b, n, from, now);
    else if (type == ANSWER) input_answer(r, b, n, from, now);
    else left_out(r, UDPCAM_UNKNOWN_TYPE);
}

int64_t udpcam_receiver_tick(udpcam_receiver *r, int64_t now) {
    us next = least(now + SECOND, subscribe(r, now));
    for (stream *s = r->streams; s < r->streams + r->c.streams; s++) {
        us silent = now - s->seen;
        if (!s->used) continue;
        if (silent >= 30 * SECOND ||
                (silent >= 2 * SECOND && !(s->delivered && (s->sealed || s->seen - s->joined >= 300 * MS))))
            forget(r, s);
        else if (now >= s->wake) attend(r, s, now);
        if (s->used) next = least(next, s->wake);
    }
    return next;
}

const udpcam_receiver_stats *udpcam_receiver_get_stats(const udpcam_receiver *r) { return &r->stats; }
