// udpcam-opencv-send sends a camera, or a film, as OpenCV reads it.
#include <cstdio>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>

#include "udpcam.hpp"

int main(int argc, char** argv) try {
    if (argc < 2) {
        std::fprintf(stderr, "usage: udpcam-opencv-send HOST[:PORT] [CAMERA|FILM [KEY]]\n\nCAMERA is its number, 0 if none is given.\n");
        return 1;
    }
    const std::string what = argc > 2 ? argv[2] : "0";
    const bool is_camera = what.find_first_not_of("0123456789") == std::string::npos;
    cv::VideoCapture camera;
    if (is_camera) camera.open(std::stoi(what));
    else camera.open(what);
    if (!camera.isOpened()) throw udpcam::Error("OpenCV cannot open " + what);
    udpcam::SenderOptions options;
    options.name = what;
    if (argc > 3) options.keys = {udpcam::Key::load(argv[3])};
    udpcam::Sender sender(argv[1], options);

    const double fps = camera.get(cv::CAP_PROP_FPS);
    const auto interval = std::chrono::duration<double>(is_camera || fps < 1 ? 0 : 1 / fps); // a camera keeps its own time
    auto due = std::chrono::steady_clock::now();
    cv::Mat image;
    std::vector<uint8_t> jpeg;
    while (camera.read(image)) {
        const auto captured = std::chrono::system_clock::now();
        cv::imencode(".jpg", image, jpeg, {cv::IMWRITE_JPEG_QUALITY, 80});
        sender.send(jpeg, captured);
        due += std::chrono::duration_cast<std::chrono::steady_clock::duration>(interval);
        std::this_thread::sleep_until(due);
    }
} catch (const std::exception& e) {
    std::fprintf(stderr, "udpcam-opencv-send: %s\n", e.what());
    return 1;
}
