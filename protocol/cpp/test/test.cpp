// Tests of udpcam.hpp: real sockets, on this machine.
#include <signal.h>

#include <cstdio>
#include <functional>

#include "udpcam.hpp"

using namespace std::chrono_literals;
using udpcam::Frame;
using udpcam::Receiver;
using udpcam::Sender;

static int failures = 0;
#define CHECK(what) \
    if (!(what)) std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what), failures++

static_assert(std::is_convertible_v<std::vector<char>, udpcam::View> && std::is_convertible_v<std::string, udpcam::View>);
static_assert(!std::is_convertible_v<std::vector<int>, udpcam::View>);

// A picture that says which it is: not a JPEG that could be decoded, but one for the wire.
static std::vector<uint8_t> picture(unsigned number, size_t size = 80000) {
    std::vector<uint8_t> jpeg(size);
    for (size_t i = 0; i < size; i++) jpeg[i] = static_cast<uint8_t>((i * 31 + number * 7 + i / 251) % 251);
    jpeg[0] = 0xff, jpeg[1] = 0xd8, jpeg[size - 2] = 0xff, jpeg[size - 1] = 0xd9;
    return jpeg;
}

static std::string at(const std::string& host, uint16_t port) { return host + ":" + std::to_string(port); }

// Sends until the receiver has frames. The first ones wait for the stream's name, of which only the newest is handed on.
static bool begin(Sender& sender, Receiver& receiver, Frame& frame) {
    for (int i = 0; i < 500; i++) {
        sender.send(picture(0));
        if (receiver.next(frame, 20ms)) {
            while (receiver.next(frame, 300ms)) {}
            return true;
        }
    }
    return false;
}

static bool waits_for(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000 && !condition(); i++) std::this_thread::sleep_for(10ms);
    return condition();
}

template <typename F> static bool refuses(F f, const std::string& says) {
    try {
        f();
    } catch (const udpcam::Error& e) {
        if (std::string(e.what()).find(says) != std::string::npos) return true;
        std::fprintf(stderr, "it says: %s\n", e.what());
    }
    return false;
}

// Sends frames one after the other, and checks that each arrives as it was.
static void all_arrive(Sender& sender, Receiver& receiver, const std::string& name, bool sealed) {
    Frame frame;
    CHECK(begin(sender, receiver, frame));
    const auto before = udpcam::Time::clock::now();
    for (unsigned i = 1; i <= 30; i++) {
        const uint32_t id = frame.id;
        sender.send(picture(i, i * 5000));
        CHECK(receiver.next(frame, 10s));
        CHECK(frame.jpeg == picture(i, i * 5000));
        CHECK(frame.id == id + 1 && frame.stream == name && frame.sealed == sealed);
    }
    CHECK(frame.captured > before - 1s && frame.captured < udpcam::Time::clock::now() + 1s);
    CHECK(receiver.stats().frames >= 31 && receiver.stats().lost == 0 && receiver.dropped() == 0);
}

static void open_and_sealed() {
    const udpcam::Key key = udpcam::Key::load("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), other{};
    for (const std::string host : {"127.0.0.1", "localhost", "[::1]"}) {
        Receiver receiver(":0");
        udpcam::SenderOptions o;
        o.name = "door";
        Sender sender(at(host, receiver.port()), o);
        all_arrive(sender, receiver, "door", false);
    }
    udpcam::ReceiverOptions sealed, wrong;
    sealed.keys = {other, key}, wrong.keys = {other};
    Receiver receiver(":0", sealed), stranger(":0", wrong), open(":0");
    udpcam::SenderOptions o;
    o.keys = {key};
    Sender sender(at("127.0.0.1", receiver.port()), o);
    sender.add(at("127.0.0.1", stranger.port()));
    sender.add(at("127.0.0.1", open.port()));
    all_arrive(sender, receiver, "", true);
    Frame frame;
    CHECK(!stranger.next(frame, 0ms) && stranger.stats().left_out[UDPCAM_WRONG_KEY] > 0);
    CHECK(!open.next(frame, 0ms) && open.stats().left_out[UDPCAM_SEALED] > 0);
}

static void subscribing() {
    udpcam::SenderOptions o;
    o.listen = "127.0.0.1:0", o.name = "door";
    Sender sender(o);
    CHECK(!sender.watched());
    {
        udpcam::ReceiverOptions from;
        from.from = at("127.0.0.1", sender.port());
        Receiver receiver(":0", from);
        CHECK(waits_for([&] { return sender.watched() && receiver.state() == UDPCAM_SUBSCRIBED; }));
        all_arrive(sender, receiver, "door", false);
        from.name = "window";
        Receiver mistaken(":0", from);
        CHECK(waits_for([&] { return mistaken.state() == UDPCAM_NO_STREAM; }));
    }
    CHECK(waits_for([&] { return !sender.watched(); })); // both have said goodbye
}

// A program that is slower than the camera gets the newest frames, and is told how many it has missed.
static void slow_program() {
    udpcam::ReceiverOptions o;
    o.queue = 2;
    Receiver receiver(":0", o);
    Sender sender(at("127.0.0.1", receiver.port()));
    Frame frame;
    CHECK(begin(sender, receiver, frame));
    const uint32_t first = frame.id;
    for (unsigned i = 1; i <= 10; i++) {
        sender.send(picture(i));
        CHECK(waits_for([&] { return receiver.stats().frames - receiver.dropped() >= 3 || i < 3; }));
        std::this_thread::sleep_for(20ms);
    }
    CHECK(waits_for([&] { return receiver.dropped() == 8; }));
    CHECK(receiver.next(frame, 10s) && frame.id == first + 9);
    CHECK(receiver.next(frame, 10s) && frame.id == first + 10 && frame.jpeg == picture(10));
    CHECK(!receiver.next(frame, 0ms));
}

// A frame may be moved away, and a loop ends by break, by stop in another thread, and by stop in a signal handler.
static Receiver* signalled;
static void loops() {
    Receiver receiver(":0");
    Sender sender(at("127.0.0.1", receiver.port()));
    Frame frame;
    CHECK(begin(sender, receiver, frame));
    std::vector<std::vector<uint8_t>> kept;
    sender.send(picture(1));
    for (auto& f : receiver) {
        kept.push_back(std::move(f.jpeg));
        if (kept.size() == 3) break;
        sender.send(picture(static_cast<unsigned>(kept.size()) + 1));
    }
    CHECK(kept.size() == 3 && kept[0] == picture(1) && kept[2] == picture(3));
    std::thread ends([&] {
        std::this_thread::sleep_for(50ms);
        receiver.stop();
    });
    for (auto& f : receiver) CHECK(f.jpeg.empty()); // there is none
    ends.join();
    CHECK(!receiver.next(frame));

    Receiver another(":0");
    signalled = &another;
    signal(SIGALRM, [](int) { signalled->stop(); });
    itimerval soon{{0, 0}, {0, 50000}};
    setitimer(ITIMER_REAL, &soon, nullptr);
    CHECK(!another.next(frame, 1h));
}

// Forwards datagrams between a sender and a receiver, and loses some.
static void lossy(int fd, uint16_t receiver, std::atomic<bool>& ended) {
    sockaddr_in to{}, sender{};
    to.sin_family = AF_INET, to.sin_port = htons(receiver), to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::vector<uint8_t> b(65536);
    for (unsigned random = 1; !ended;) {
        sockaddr_in from{};
        socklen_t n = sizeof from;
        const ssize_t got = recvfrom(fd, b.data(), b.size(), 0, reinterpret_cast<sockaddr*>(&from), &n);
        random = random * 1664525 + 1013904223;
        if (got < 0 || random >> 16 < 6554) continue; // a tenth
        const bool back = from.sin_port == to.sin_port;
        if (!back) sender = from;
        sendto(fd, b.data(), static_cast<size_t>(got), 0, reinterpret_cast<sockaddr*>(back ? &sender : &to), sizeof to);
    }
}

static void loss() {
    udpcam::ReceiverOptions o;
    o.queue = 1000;
    Receiver receiver("127.0.0.1:0", o);
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof a;
    const timeval patience{0, 100000};
    const int room = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    CHECK(bind(fd, reinterpret_cast<sockaddr*>(&a), n) == 0 && getsockname(fd, reinterpret_cast<sockaddr*>(&a), &n) == 0);
    std::atomic<bool> ended{false};
    std::thread relay(lossy, fd, receiver.port(), std::ref(ended));
    {
        Sender sender(at("127.0.0.1", ntohs(a.sin_port)));
        Frame frame;
        CHECK(begin(sender, receiver, frame));
        const uint32_t first = frame.id;
        for (unsigned i = 1; i <= 60; i++) {
            sender.send(picture(i));
            std::this_thread::sleep_for(20ms);
        }
        unsigned arrived = 0;
        while (receiver.next(frame, 2s)) {
            arrived++;
            CHECK(frame.jpeg == picture(frame.id - first));
            if (frame.id == first + 60) break;
        }
        std::fprintf(stderr, "with a loss of 10 %%: %u of 60 frames, %u by request\n", arrived,
                     static_cast<unsigned>(receiver.stats().by_request));
        CHECK(arrived >= 55 && sender.stats().requests > 0); // a busy machine may answer too late
    }
    ended = true;
    relay.join();
    close(fd);
}

static void errors() {
    Receiver receiver(":0");
    CHECK(refuses([&] { Receiver again(at("", receiver.port())); }, "cannot listen on"));
    CHECK(refuses([] { Receiver nowhere("host.invalid:1"); }, "host.invalid"));
    CHECK(refuses([] { Sender sender(":12345"); }, "HOST:PORT"));
    CHECK(refuses([] { Sender sender("127.0.0.1:port"); }, "127.0.0.1:port"));
    CHECK(refuses([] { udpcam::Key::load("/dev/null"); }, "udpcam key"));
    CHECK(refuses([] { udpcam::Key::load("four words, no key"); }, "udpcam key"));
    udpcam::SenderOptions o;
    o.parity = 100000;
    CHECK(refuses([&] { Sender sender("127.0.0.1", o); }, "options"));
    udpcam::ReceiverOptions five;
    five.keys.resize(5);
    CHECK(refuses([&] { Receiver many(":0", five); }, "options"));
    Sender sender("127.0.0.1:9");
    for (int i = 1; i < 16; i++) sender.add("127.0.0.1:9");
    CHECK(refuses([&] { sender.add("127.0.0.1"); }, "16 receivers"));
    CHECK(refuses([&] { sender.send(std::string("text")); }, "FF D8"));
    CHECK(refuses([&] { sender.send(std::vector<uint8_t>()); }, "FF D8"));
    CHECK(refuses([&] { sender.send(picture(1, UDPCAM_MAX_FRAME + 1)); }, "16,777,215"));
    sender.send({picture(1).data(), 80000});
}

static void keys() {
    const std::string text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    char name[] = "/tmp/udpcam-key-XXXXXX";
    const int fd = mkstemp(name);
    const std::string content = "# of the door\n\n" + text + "\n";
    CHECK(write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    close(fd);
    CHECK(udpcam::Key::load(name).bytes == udpcam::Key::load(text).bytes && udpcam::Key::load(text).bytes[31] == 31);
    unlink(name);
}

int main() {
    const std::pair<const char*, void (*)()> tests[] = {{"keys", keys}, {"errors", errors}, {"open and sealed", open_and_sealed},
        {"subscribing", subscribing}, {"slow program", slow_program}, {"loops", loops}, {"loss", loss}};
    for (const auto& [name, test] : tests) {
        const int before = failures;
        test();
        std::fprintf(stderr, "%s: %s\n", failures == before ? "ok" : "FAILED", name);
    }
    return failures != 0;
}
