//go:build gocv

// gocv opens windows with OpenCV's default flags only. With them Qt puts a tool bar and a status bar around the
// picture, which is then scaled to what is left.

#include <opencv2/highgui.hpp>

extern "C" int udpcam_open_window(const char *name) {
    try {
        cv::namedWindow(name, cv::WINDOW_NORMAL | cv::WINDOW_KEEPRATIO | cv::WINDOW_GUI_NORMAL);
        return 0;
    } catch (...) {
        return -1;
    }
}
