/* A stub: see esp_camera.h. */
#ifndef STUB_ESP_LOG_H
#define STUB_ESP_LOG_H
#include <stdio.h>
#include <stdlib.h>
typedef int esp_err_t;
#define ESP_ERROR_CHECK(x) do { if ((x) != 0) abort(); } while (0)
#define ESP_LOGE(tag, ...) ((void)(tag), (void)printf(__VA_ARGS__))
#define ESP_LOGW(tag, ...) ((void)(tag), (void)printf(__VA_ARGS__))
#endif
