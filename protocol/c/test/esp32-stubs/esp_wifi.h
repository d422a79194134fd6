/* A stub: see esp_camera.h. */
#include "esp_event.h"
#define WIFI_EVENT "WIFI_EVENT"
enum { WIFI_EVENT_STA_START = 2, WIFI_EVENT_STA_DISCONNECTED = 5 };
typedef enum { WIFI_MODE_STA = 1 } wifi_mode_t;
typedef enum { WIFI_IF_STA } wifi_interface_t;
typedef enum { WIFI_PS_NONE } wifi_ps_type_t;
typedef struct { int unused; } wifi_init_config_t;
typedef union { struct { uint8_t ssid[32], password[64]; } sta; } wifi_config_t;
#define WIFI_INIT_CONFIG_DEFAULT() {0}
esp_err_t esp_wifi_init(const wifi_init_config_t *c);
esp_err_t esp_wifi_set_mode(wifi_mode_t m);
esp_err_t esp_wifi_set_config(wifi_interface_t i, wifi_config_t *c);
esp_err_t esp_wifi_start(void);
esp_err_t esp_wifi_connect(void);
esp_err_t esp_wifi_set_ps(wifi_ps_type_t t);
