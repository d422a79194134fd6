// udpcam-opencv-recv shows each stream in a window, until q or Esc is pressed or a window is closed.
#include <cstdio>
#include <opencv2/highgui.hpp>
#include <opencv2/imgcodecs.hpp>
#include <set>

#include "udpcam.hpp"

constexpr size_t max_windows = 9;         // senders that invent names do not cover the screen
constexpr uint64_t max_pixels = 32 << 20; // a JPEG of a few bytes can claim to be huge: it is not decoded

int main(int argc, char** argv) try {
    if (argc > 3) {
        std::fprintf(stderr, "usage: udpcam-opencv-recv [[ADDR]:PORT [KEY]]\n");
        return 1;
    }
    udpcam::ReceiverOptions options;
    options.queue = 1; // only the newest frame is worth showing
    if (argc > 2) options.keys = {udpcam::Key::load(argv[2])};
    udpcam::Receiver receiver(argc > 1 ? argv[1] : ":12345", options);
    std::set<std::string> windows;
    for (udpcam::Frame frame;;) {
        unsigned width = 0, height = 0;
        if (receiver.next(frame, std::chrono::milliseconds(20)) && (windows.count(frame.stream) || windows.size() < max_windows) &&
            udpcam_jpeg(frame.jpeg.data(), frame.jpeg.size(), &width, &height) > 0 && uint64_t{width} * height <= max_pixels) {
            const cv::Mat image = cv::imdecode(frame.jpeg, cv::IMREAD_COLOR);
            const std::string title = frame.stream.empty() ? "udpcam" : frame.stream;
            if (!image.empty()) {
                if (windows.insert(frame.stream).second) {
                    cv::namedWindow(title, cv::WINDOW_NORMAL | cv::WINDOW_KEEPRATIO | cv::WINDOW_GUI_NORMAL); // can be resized
                    cv::resizeWindow(title, image.size());
                }
                cv::imshow(title, image);
            }
        }
        const int key = windows.empty() ? -1 : cv::waitKey(1);
        if (key == 'q' || key == 27) break;
        for (const std::string& name : windows)
            if (cv::getWindowProperty(name.empty() ? "udpcam" : name, cv::WND_PROP_VISIBLE) < 1) return 0;
    }
} catch (const std::exception& e) {
    std::fprintf(stderr, "udpcam-opencv-recv: %s\n", e.what());
    return 1;
}
