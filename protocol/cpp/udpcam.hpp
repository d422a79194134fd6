// udpcam: camera JPEGs over UDP, in C++17. One header over protocol/c, with sockets: see README.md.
//
//     udpcam::Sender sender("192.168.1.20");                       udpcam::Receiver receiver(":12345");
//     sender.send(jpeg);  // for each picture                      for (auto& frame : receiver) show(frame.jpeg);
//
// Each object has a socket and a thread, which answers requests, asks and reports while you do something else. Its functions
// may be called from any thread. Errors are thrown as udpcam::Error. It needs POSIX sockets: Linux, macOS, the BSDs.
#pragma once
#include "udpcam.h"
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace udpcam {

struct Error : std::runtime_error { using std::runtime_error::runtime_error; };

// Bytes of somebody else. C++17 has no std::span; this takes whatever has data() and size(): std::vector, std::string,
// std::array, and std::span in C++20.
struct View {
    const uint8_t* data;
    size_t size;
    View(const void* p, size_t n) : data(static_cast<const uint8_t*>(p)), size(n) {}
    template <typename Bytes, typename = std::enable_if_t<sizeof(*std::declval<const Bytes&>().data()) == 1>>
    View(const Bytes& b) : View(b.data(), b.size()) {}
};

// A key, as `udpcam key` makes it. A stream that is sealed with it is for its holders alone.
struct Key {
    std::array<uint8_t, UDPCAM_KEY> bytes{};

    // Reads a key's text, or the first key in a file.
    static Key load(const std::string& text_or_file) {
        Key key;
        if (udpcam_key_parse(key.bytes.data(), text_or_file.c_str()) == 0) return key;
        std::ifstream file(text_or_file);
        for (std::string line; std::getline(file, line);)
            if (udpcam_key_parse(key.bytes.data(), line.c_str()) == 0) return key;
        throw Error("this is neither a key nor a file with one: `udpcam key` makes keys (passphrases are not known here)");
    }
};

using Time = std::chrono::system_clock::time_point;

namespace detail {
using std::chrono::microseconds;
using Lock = std::lock_guard<std::mutex>;

template <typename T> int64_t us(T t) { return std::chrono::duration_cast<microseconds>(t.time_since_epoch()).count(); }

// The time in microseconds since the Unix epoch. It does not jump.
inline int64_t now() {
    static const int64_t epoch = us(std::chrono::system_clock::now()) - us(std::chrono::steady_clock::now());
    return epoch + us(std::chrono::steady_clock::now());
}

// Looks up HOST, HOST:PORT, [HOST]:PORT or :PORT. To listen, no host means all addresses of this machine.
inline sockaddr_in6 resolve(const std::string& text, const char* no_host) {
    std::string host = text, port = "12345";
    const size_t colon = text.rfind(':');
    if (colon != text.npos && (text.find(':') == colon || text[colon - 1] == ']'))
        host = text.substr(0, colon), port = text.substr(colon + 1);
    if (!host.empty() && host[0] == '[') host = host.substr(1, host.find(']') - 1);
    addrinfo hints{}, *found = nullptr;
    hints.ai_family = AF_INET6, hints.ai_flags = AI_V4MAPPED | AI_ALL, hints.ai_socktype = SOCK_DGRAM;
    const int e = getaddrinfo(host.empty() ? no_host : host.c_str(), port.c_str(), &hints, &found);
    if (e != 0) throw Error("cannot look up \"" + text + "\", which should be HOST or HOST:PORT: " + gai_strerror(e));
    const sockaddr_in6 a = *reinterpret_cast<const sockaddr_in6*>(found->ai_addr);
    return freeaddrinfo(found), a;
}
inline udpcam_addr address(const sockaddr_in6& raw) {
    udpcam_addr a{{}, ntohs(raw.sin6_port), raw.sin6_scope_id};
    return std::memcpy(a.ip, &raw.sin6_addr, sizeof a.ip), a;
}

// A UDP socket for IPv6 and IPv4, and the thread that serves it.
class Port {
public:
    explicit Port(const std::string& local) {
        const sockaddr_in6 a = resolve(local, "::");
        fd_ = socket(AF_INET6, SOCK_DGRAM, 0);
        option(IPPROTO_IPV6, IPV6_V6ONLY, 0);
        option(SOL_SOCKET, SO_TIMESTAMP, 1);
        option(SOL_SOCKET, SO_RCVBUF, 8 << 20); // the usual 212,992 bytes hold fewer than three frames
        if (fd_ < 0 || bind(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0 || pipe(wake_) != 0) {
            const Error failed("cannot listen on \"" + local + "\": " + std::strerror(errno));
            throw(close(fd_), failed);
        }
    }
    ~Port() {
        stop();
        if (thread_.joinable()) thread_.join();
        for (int fd : {fd_, wake_[0], wake_[1]}) close(fd);
    }
    uint16_t number() const {
        sockaddr_in6 a{};
        socklen_t n = sizeof a;
        return getsockname(fd_, reinterpret_cast<sockaddr*>(&a), &n), ntohs(a.sin6_port);
    }

    // Sends a datagram. One that the system does not take is lost, as others are on the way.
    void send(const udpcam_addr& to, const uint8_t* head, size_t head_len, const uint8_t* body, size_t body_len) {
        sockaddr_in6 a{};
        a.sin6_family = AF_INET6, a.sin6_port = htons(to.port), a.sin6_scope_id = to.scope;
        std::memcpy(&a.sin6_addr, to.ip, sizeof to.ip);
        iovec parts[2] = {{const_cast<uint8_t*>(head), head_len}, {const_cast<uint8_t*>(body), body_len}};
        msghdr m{};
        m.msg_name = &a, m.msg_namelen = sizeof a, m.msg_iov = parts, m.msg_iovlen = 2;
        while (sendmsg(fd_, &m, 0) < 0 && errno == EINTR) {}
    }

    // Starts the thread. Until stop it takes in the datagrams that come, and does what is due; tick says when that is again.
    template <typename Input, typename Tick> void run(std::mutex& mutex, Input input, Tick tick) {
        thread_ = std::thread([this, &mutex, input, tick] {
            for (bool last = false; !last;) {
                std::unique_lock<std::mutex> lock(mutex);
                last = stopped;
                for (int i = 0; i < 256 && receive(input); i++) {}
                const int64_t due = tick(now());
                lock.unlock();
                pollfd events[2] = {{fd_, POLLIN, 0}, {wake_[0], POLLIN, 0}}; // not for long: other threads make things due
                if (!last) poll(events, 2, static_cast<int>(std::clamp<int64_t>((due - now() + 999) / 1000, 0, 50)));
            }
        });
    }
    void stop() { // may be called from a signal handler
        stopped = true;
        if (write(wake_[1], "", 1) < 0) return;
    }
    std::atomic<bool> stopped{false};
private:
    void option(int level, int name, int value) { setsockopt(fd_, level, name, &value, sizeof value); }
    template <typename Input> bool receive(Input input) {
        sockaddr_in6 a{};
        alignas(cmsghdr) char control[128];
        iovec part{buffer_.data(), buffer_.size()};
        msghdr m{};
        m.msg_name = &a, m.msg_namelen = sizeof a, m.msg_iov = &part, m.msg_iovlen = 1;
        m.msg_control = control, m.msg_controllen = sizeof control;
        const ssize_t n = recvmsg(fd_, &m, MSG_DONTWAIT);
        if (n < 0) return errno == EINTR;
        int64_t at = now();
        for (cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
            if (timeval t; c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMP) { // the kernel's time of arrival
                std::memcpy(&t, CMSG_DATA(c), sizeof t);
                const int64_t age = us(std::chrono::system_clock::now()) - t.tv_sec * INT64_C(1000000) - t.tv_usec;
                at -= age > 0 && age < 1000000 ? age : 0;
            }
        const udpcam_addr from = address(a);
        input(buffer_.data(), static_cast<size_t>(n), &from, at);
        return true;
    }

    int fd_ = -1, wake_[2] = {-1, -1};
    std::vector<uint8_t> buffer_ = std::vector<uint8_t>(UDPCAM_DATAGRAM);
    std::thread thread_;
};

} // namespace detail

struct SenderOptions {
    std::string listen;    // where receivers may subscribe, such as ":12345"; empty: they may not
    std::string name;      // of the stream
    std::vector<Key> keys; // at most one
    float parity = 10;     // percent of each frame, by which losses are repaired without a request
};

class Sender {
public:
    explicit Sender(const std::string& to, const SenderOptions& o = {}) : Sender(o) { add(to); }
    explicit Sender(const SenderOptions& o) : port_(o.listen.empty() ? ":0" : o.listen) {
        udpcam_sender_config c{};
        c.key = o.keys.empty() ? nullptr : o.keys[0].bytes.data(), c.name = o.name.c_str(), c.parity = o.parity;
        c.user = this, c.ring = 8 << 20, c.to = 16, c.subscribers = o.listen.empty() ? 0 : 16;
        c.out = [](void* s, const udpcam_addr* to, auto... parts) { static_cast<Sender*>(s)->port_.send(*to, parts...); };
        memory_.reset(new char[udpcam_sender_size(&c)]); // not touched before it is needed
        if (getentropy(c.random, sizeof c.random) != 0 || !(sender_ = udpcam_sender_init(memory_.get(), &c)))
            throw Error("a sender cannot be as these options say");
        port_.run(mutex_, [this](auto... datagram) { udpcam_sender_input(sender_, datagram...); },
                  [this](int64_t now) { return udpcam_sender_tick(sender_, now); });
    }
    // Sends to one more receiver: HOST or HOST:PORT.
    void add(const std::string& to) {
        const udpcam_addr a = detail::address(detail::resolve(to, ""));
        const detail::Lock lock(mutex_);
        if (udpcam_sender_to(sender_, &a) != 0) throw Error("16 receivers are the most; more may subscribe: see listen");
    }
    // Sends one JPEG to all receivers. The bytes are yours again when it returns.
    void send(View jpeg, Time captured = Time::clock::now()) {
        const detail::Lock lock(mutex_);
        const int64_t now = detail::now(), age = detail::us(Time::clock::now()) - detail::us(captured);
        if (udpcam_sender_frame(sender_, jpeg.data, jpeg.size, now - age, now) != 0)
            throw Error("this is no JPEG, which begins with FF D8 and ends with FF D9, or has more than 16,777,215 bytes");
        udpcam_sender_tick(sender_, detail::now());
    }
    bool watched() { return detail::Lock(mutex_), udpcam_sender_watched(sender_) != 0; } // whether anybody gets the frames
    udpcam_sender_stats stats() { return detail::Lock(mutex_), *udpcam_sender_get_stats(sender_); }
    uint16_t port() const { return port_.number(); }

private:
    std::mutex mutex_;
    std::unique_ptr<char[]> memory_;
    udpcam_sender* sender_ = nullptr;
    detail::Port port_; // last, so that its thread ends first
};

struct Frame {
    std::vector<uint8_t> jpeg; // yours: you may move it away
    std::string stream;        // the name
    uint32_t id = 0, session = 0; // id counts the frames of a session; another camera, or a restarted one, has another session
    Time captured; // by this machine's clock, if the sender answers; else by the sender's
    bool sealed = false;
};

struct ReceiverOptions {
    std::string from, name;      // the sender to subscribe at, HOST or HOST:PORT, and the stream; empty: none, and all
    std::vector<Key> keys;       // if there are any, only streams that are sealed with one of them; at most four
    size_t queue = 4;            // how many frames wait for you at most; if you are slower, the oldest are dropped
    size_t max_frame = 4 << 20;  // bytes of the largest frame
};

class Receiver {
public:
    // Receives what is sent to ":PORT", or to one address of this machine, "HOST:PORT".
    explicit Receiver(const std::string& local, const ReceiverOptions& o = {}) : most_(o.queue), port_(local) {
        std::vector<uint8_t> keys;
        for (const Key& k : o.keys) keys.insert(keys.end(), k.bytes.begin(), k.bytes.end());
        udpcam_receiver_config c{};
        c.user = this, c.keys = keys.data(), c.n_keys = static_cast<unsigned>(o.keys.size()), c.max_frame = o.max_frame;
        c.frame = [](void* r, const udpcam_frame* f) { static_cast<Receiver*>(r)->put(*f); };
        c.out = [](void* r, const udpcam_addr* to, auto... parts) { static_cast<Receiver*>(r)->port_.send(*to, parts...); };
        memory_.reset(new char[udpcam_receiver_size(&c)]);
        if (getentropy(c.random, sizeof c.random) != 0 || !(receiver_ = udpcam_receiver_init(memory_.get(), &c)))
            throw Error("a receiver cannot be as these options say");
        const udpcam_addr from = o.from.empty() ? udpcam_addr{} : detail::address(detail::resolve(o.from, ""));
        if (!o.from.empty()) udpcam_receiver_subscribe(receiver_, &from, o.name.c_str(), detail::now());
        port_.run(mutex_, [this](auto... datagram) { udpcam_receiver_input(receiver_, datagram...); }, [this](int64_t now) {
            if (port_.stopped) udpcam_receiver_unsubscribe(receiver_, now), ready_.notify_all();
            return udpcam_receiver_tick(receiver_, now);
        });
    }

    // Waits for the next frame, no longer than patience. Returns false if none came, or after stop.
    bool next(Frame& f, std::chrono::milliseconds patience = std::chrono::hours(24)) {
        std::unique_lock<std::mutex> lock(mutex_);
        ready_.wait_for(lock, patience, [this] { return port_.stopped || !queue_.empty(); });
        if (port_.stopped || queue_.empty()) return false;
        return f = std::move(queue_.front()), queue_.pop_front(), true;
    }
    void stop() { port_.stop(); } // ends next, and loops; may be called from a signal handler
    // Goes over the frames: for (auto& frame : receiver).
    struct Iterator {
        Receiver* r;
        Frame& operator*() const { return r->current_; }
        Iterator& operator++() { while (!r->next(r->current_) && !r->port_.stopped) {} return *this; }
        bool operator!=(const Iterator&) const { return !r->port_.stopped; }
    };
    Iterator begin() { return ++Iterator{this}; }
    Iterator end() { return {this}; }
    size_t dropped() { return detail::Lock(mutex_), dropped_; } // frames, because of ReceiverOptions.queue
    udpcam_receiver_stats stats() { return detail::Lock(mutex_), *udpcam_receiver_get_stats(receiver_); }
    udpcam_subscription state() { return detail::Lock(mutex_), udpcam_receiver_state(receiver_); }
    uint16_t port() const { return port_.number(); }

private:
    void put(const udpcam_frame& f) {
        if (queue_.size() >= std::max<size_t>(most_, 1)) queue_.pop_front(), dropped_++;
        const detail::microseconds captured(f.captured - (f.rtt != 0 ? f.offset : 0));
        queue_.push_back({{f.jpeg, f.jpeg + f.len}, f.name, f.id, f.session, Time(captured), f.sealed != 0});
        ready_.notify_one();
    }
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<Frame> queue_;
    Frame current_;
    size_t most_, dropped_ = 0;
    std::unique_ptr<char[]> memory_;
    udpcam_receiver* receiver_ = nullptr;
    detail::Port port_; // last, so that its thread ends first
};

} // namespace udpcam
