/* A stub: see esp_camera.h. */
#include "esp_log.h"
esp_err_t nvs_flash_init(void);
