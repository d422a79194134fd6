// udpcam-cpp-send sends the JPEGs that come on standard input, one behind the other.
#include <getopt.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "udpcam.hpp"

static const char usage[] =
    "usage: udpcam-cpp-send [--key KEY] [--name NAME] [--fps N] [--parity PERCENT] HOST:PORT\n"
    "       udpcam-cpp-send [...] --listen [ADDR]:PORT\n\n"
    "Sends the JPEGs on standard input, at their rate of arrival or N a second, to HOST:PORT, or with --listen to those who\n"
    "subscribe. With --fps it then waits for the first. KEY is a key, or a file that has one.";

static volatile std::sig_atomic_t stopped = 0;
static void stop(int) { stopped = 1; }

static void run(int argc, char** argv) {
    static const option options[] = {{"key", 1, nullptr, 'k'},    {"name", 1, nullptr, 'n'},   {"fps", 1, nullptr, 'f'},
                                     {"parity", 1, nullptr, 'p'}, {"listen", 1, nullptr, 'l'}, {nullptr, 0, nullptr, 0}};
    udpcam::SenderOptions o;
    double fps = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        if (c == 'k') o.keys = {udpcam::Key::load(optarg)};
        else if (c == 'n') o.name = optarg;
        else if (c == 'f') fps = std::atof(optarg);
        else if (c == 'p') o.parity = static_cast<float>(std::atof(optarg));
        else if (c == 'l') o.listen = optarg;
        else throw udpcam::Error(usage);
    }
    if (argc - optind != (o.listen.empty() ? 1 : 0)) throw udpcam::Error(usage);
    udpcam::Sender sender(o);
    if (o.listen.empty()) sender.add(argv[optind]);

    using Clock = std::chrono::steady_clock;
    const auto wait = [](Clock::duration d) {
        if (!stopped) std::this_thread::sleep_for(d);
    };
    std::vector<uint8_t> in;
    bool waits = fps > 0 && !o.listen.empty(); // for the first receiver
    Clock::time_point due = Clock::now();
    for (bool more = true; more && !stopped;) {
        uint8_t chunk[1 << 16];
        const ssize_t got = read(0, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        more = got > 0;
        if (more) in.insert(in.end(), chunk, chunk + got);
        size_t used = 0;
        while (used < in.size() && !stopped) {
            const long n = udpcam_jpeg(in.data() + used, in.size() - used, nullptr, nullptr);
            if (n == 0) break; // the rest is still to come
            if (n < 0) {       // no JPEG begins here
                used++;
                continue;
            }
            while (waits && !sender.watched() && !stopped) wait(std::chrono::milliseconds(5));
            waits = false;
            if (fps > 0) {
                due = std::max(due, Clock::now() - std::chrono::milliseconds(500));
                std::this_thread::sleep_until(due);
                due += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / fps));
            }
            sender.send({in.data() + used, static_cast<size_t>(n)});
            used += static_cast<size_t>(n);
        }
        in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(used));
        if (in.size() > 2 * UDPCAM_MAX_FRAME) in.clear(); // no JPEG is that large
    }
    for (int i = 0; i < 100; i++) wait(std::chrono::milliseconds(10)); // a second for answers to requests
    const udpcam_sender_stats s = sender.stats();
    std::fprintf(stderr, "sent %llu frames in %llu datagrams, %llu bytes; answered %llu requests\n",
                 static_cast<unsigned long long>(s.frames), static_cast<unsigned long long>(s.datagrams),
                 static_cast<unsigned long long>(s.bytes), static_cast<unsigned long long>(s.requests));
}

int main(int argc, char** argv) {
    struct sigaction action {};
    action.sa_handler = stop;
    sigaction(SIGINT, &action, nullptr); // without SA_RESTART: it ends a read
    sigaction(SIGTERM, &action, nullptr);
    try {
        run(argc, argv);
    } catch (const udpcam::Error& e) {
        std::fprintf(stderr, "udpcam-cpp-send: %s\n", e.what());
        return 1;
    }
}
