/* An ESP32-CAM (AI Thinker) as a camera for udpcam: its pictures go straight from the driver's buffer into datagrams.
 *
 * Receivers come to it: udpcam recv --from CAMERA:12345 --show. Or set RECEIVER, and it sends there: udpcam recv --show.
 * With a KEY, of udpcam key, the stream is sealed. Built with UDPCAM_SMALL: the sender takes 6 kB and the ring. */
#include <stdlib.h>
#include <string.h>

#include "esp_camera.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_random.h"
#include "esp_timer.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "lwip/sockets.h"
#include "nvs_flash.h"

#include "udpcam.h"

#define WIFI_NAME "your network"
#define WIFI_PASSWORD "its password"
#define NAME "esp32-cam"
#define RECEIVER "" /* such as "192.168.1.20"; empty: receivers subscribe */
#define PORT 12345
#define KEY "" /* as udpcam key prints it; empty: open */

static const char TAG[] = "udpcam";
static int sock;

static int64_t now(void) { return esp_timer_get_time() + 1; } /* any clock that does not jump will do */

/* lwIP has few buffers. When they are used up, Wi-Fi needs a moment to send them. */
static void emit(void *user, const udpcam_addr *to, const uint8_t *head, size_t n, const uint8_t *body, size_t len) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(to->port)};
    struct iovec v[2] = {{.iov_base = (void *)head, .iov_len = n}, {.iov_base = (void *)body, .iov_len = len}};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = v, .msg_iovlen = len ? 2 : 1};
    (void)user;
    memcpy(&a.sin_addr, to->ip + 12, 4);
    for (int tries = 0; sendmsg(sock, &m, 0) < 0 && errno == ENOMEM && tries < 20; tries++) vTaskDelay(1);
}

static void set_ip(udpcam_addr *a, const void *ipv4, uint16_t port) {
    memset(a, 0, sizeof *a);
    a->ip[10] = a->ip[11] = 0xff;
    memcpy(a->ip + 12, ipv4, 4);
    a->port = port;
}

static void start_camera(void) {
    camera_config_t c = {
        .pin_pwdn = 32, .pin_reset = -1, .pin_xclk = 0, .pin_sccb_sda = 26, .pin_sccb_scl = 27,
        .pin_d7 = 35, .pin_d6 = 34, .pin_d5 = 39, .pin_d4 = 36, .pin_d3 = 21, .pin_d2 = 19, .pin_d1 = 18, .pin_d0 = 5,
        .pin_vsync = 25, .pin_href = 23, .pin_pclk = 22, .xclk_freq_hz = 20000000, .ledc_timer = LEDC_TIMER_0,
        .ledc_channel = LEDC_CHANNEL_0, .pixel_format = PIXFORMAT_JPEG, .frame_size = FRAMESIZE_VGA, .jpeg_quality = 12,
        .fb_count = 2, .fb_location = CAMERA_FB_IN_PSRAM, .grab_mode = CAMERA_GRAB_LATEST,
    };
    ESP_ERROR_CHECK(esp_camera_init(&c));
}

static void on_wifi(void *arg, esp_event_base_t base, int32_t id, void *data) {
    (void)arg, (void)base, (void)data;
    if (id == WIFI_EVENT_STA_START || id == WIFI_EVENT_STA_DISCONNECTED) esp_wifi_connect();
}

static void start_wifi(void) {
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t c = {.sta = {.ssid = WIFI_NAME, .password = WIFI_PASSWORD}};
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    esp_netif_create_default_wifi_sta();
    ESP_ERROR_CHECK(esp_wifi_init(&init));
    ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL));
    ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &c));
    ESP_ERROR_CHECK(esp_wifi_start());
    ESP_ERROR_CHECK(esp_wifi_set_ps(WIFI_PS_NONE)); /* saving power adds up to 100 ms */
}

/* Takes what receivers have sent. */
static void hear(udpcam_sender *s) {
    static uint8_t b[600];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    for (int n; (n = recvfrom(sock, b, sizeof b, MSG_DONTWAIT, (struct sockaddr *)&from, &size)) > 0; size = sizeof from) {
        udpcam_addr a;
        set_ip(&a, &from.sin_addr, ntohs(from.sin_port));
        udpcam_sender_input(s, b, (size_t)n, &a, now());
    }
}

void app_main(void) {
    uint8_t key[UDPCAM_KEY];
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_ANY)};
    udpcam_sender_config c = {.out = emit, .name = NAME, .parity = 10, .ring = 24 << 10, .subscribers = *RECEIVER ? 0 : 2};
    start_wifi();
    start_camera();
    esp_fill_random(c.random, sizeof c.random); /* true random numbers, as long as Wi-Fi is on */
    if (*KEY && udpcam_key_parse(key, KEY)) ESP_LOGE(TAG, "KEY is no key: make one by udpcam key"), abort();
    if (*KEY) c.key = key;
    sock = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    if (sock < 0 || bind(sock, (struct sockaddr *)&own, sizeof own)) ESP_LOGE(TAG, "no socket: errno %d", errno), abort();
    udpcam_sender *s = udpcam_sender_init(malloc(udpcam_sender_size(&c)), &c);
    if (!s) ESP_LOGE(TAG, "not enough memory"), abort();
    if (*RECEIVER) {
        struct in_addr ip;
        udpcam_addr to;
        inet_aton(RECEIVER, &ip);
        set_ip(&to, &ip, PORT);
        udpcam_sender_to(s, &to);
    }
    for (;;) {
        hear(s);
        udpcam_sender_tick(s, now());
        if (!udpcam_sender_watched(s)) {
            vTaskDelay(pdMS_TO_TICKS(20));
            continue;
        }
        camera_fb_t *fb = esp_camera_fb_get(); /* waits for a picture */
        if (!fb) continue;
        size_t n = fb->len;
        while (n > 4 && !(fb->buf[n - 2] == 0xff && fb->buf[n - 1] == 0xd9)) n--; /* some sensors append zeros */
        int64_t captured = (int64_t)fb->timestamp.tv_sec * 1000000 + fb->timestamp.tv_usec + 1;
        if (udpcam_sender_frame(s, fb->buf, n, captured, now())) ESP_LOGW(TAG, "a picture is no JPEG");
        esp_camera_fb_return(fb);
    }
}
