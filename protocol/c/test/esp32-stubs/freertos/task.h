/* A stub: see esp_camera.h. */
void vTaskDelay(TickType_t ticks);
