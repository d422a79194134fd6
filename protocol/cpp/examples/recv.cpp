// udpcam-cpp-recv writes the JPEGs that it receives, one behind the other.
#include <getopt.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "udpcam.hpp"

static const char usage[] =
    "usage: udpcam-cpp-recv [--key KEY] [--out -|FILE] [--count N] [ADDR]:PORT\n"
    "       udpcam-cpp-recv [...] --from HOST:PORT\n\n"
    "Writes the JPEGs of one stream to standard output or FILE, until N have come or it is interrupted. With --from it\n"
    "subscribes at a sender. KEY is a key, or a file that has one.";

static udpcam::Receiver* receiving = nullptr;
static void stop(int) {
    if (receiving) receiving->stop();
}

static void run(int argc, char** argv) {
    static const option options[] = {{"key", 1, nullptr, 'k'},   {"out", 1, nullptr, 'o'}, {"count", 1, nullptr, 'c'},
                                     {"from", 1, nullptr, 'f'}, {nullptr, 0, nullptr, 0}};
    udpcam::ReceiverOptions o;
    o.queue = 64; // a pipe's reader may be slow for a second
    o.max_frame = UDPCAM_MAX_FRAME;
    std::string out = "-";
    unsigned long count = 0, written = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        if (c == 'k') o.keys.push_back(udpcam::Key::load(optarg));
        else if (c == 'o') out = optarg;
        else if (c == 'c') count = std::strtoul(optarg, nullptr, 10);
        else if (c == 'f') o.from = optarg;
        else throw udpcam::Error(usage);
    }
    if (argc - optind != (o.from.empty() ? 1 : 0)) throw udpcam::Error(usage);
    std::FILE* file = out == "-" ? stdout : std::fopen(out.c_str(), "wb");
    if (!file) throw udpcam::Error("cannot write to " + out + ": " + std::strerror(errno));
    udpcam::Receiver receiver(o.from.empty() ? argv[optind] : ":0", o);
    receiving = &receiver;
    std::signal(SIGINT, stop);
    std::signal(SIGTERM, stop);
    std::signal(SIGPIPE, SIG_IGN);

    using Clock = std::chrono::steady_clock;
    uint32_t session = 0;
    Clock::time_point last{};
    for (const auto& frame : receiver) { // one stream at a time: another must wait until it has been silent for two seconds
        const auto now = Clock::now();
        if (written && frame.session != session && now - last < std::chrono::seconds(2)) continue;
        session = frame.session, last = now;
        if (std::fwrite(frame.jpeg.data(), 1, frame.jpeg.size(), file) != frame.jpeg.size() || std::fflush(file) != 0)
            throw udpcam::Error("cannot write to " + out + ": " + std::strerror(errno));
        if (++written == count) break;
    }
    receiving = nullptr;
    if (file != stdout) std::fclose(file);
    const udpcam_receiver_stats s = receiver.stats();
    std::fprintf(stderr, "received %llu frames, wrote %lu; %llu by parity, %llu by request, %llu lost; %llu datagrams\n",
                 static_cast<unsigned long long>(s.frames), written, static_cast<unsigned long long>(s.by_parity),
                 static_cast<unsigned long long>(s.by_request), static_cast<unsigned long long>(s.lost),
                 static_cast<unsigned long long>(s.datagrams));
}

int main(int argc, char** argv) {
    try {
        run(argc, argv);
    } catch (const udpcam::Error& e) {
        std::fprintf(stderr, "udpcam-cpp-recv: %s\n", e.what());
        return 1;
    }
}
