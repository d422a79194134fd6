// The least that a relay of JPEGs from a pipe over UDP to a pipe can cost on Linux: many datagrams in one call
// (UDP_SEGMENT), those that the kernel has joined in one (UDP_GRO), no header, no check, no repair. What is lost damages or
// joins pictures. udpcam-bench compare measures others beside it.
//
//	relay send HOST:PORT      standard input to datagrams, each picture when its end has come
//	relay receive HOST:PORT   datagrams to standard output, each picture when its end has come
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	UDP_SEGMENT_OPTION = 103, // linux/udp.h
	UDP_GRO_OPTION = 104,
	PAYLOAD = 1400,
	TRAIN = 46 * PAYLOAD, // as many as one call may carry
	PIPE = 1 << 20,
	RECEIVE_BUFFER = 4 << 20,
	LARGEST = 8 << 20,
};

static unsigned char picture[LARGEST];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof value))
		die("setsockopt");
}

static void send_pictures(int fd)
{
	size_t have = 0;
	fcntl(0, F_SETPIPE_SZ, PIPE);
	set(fd, IPPROTO_UDP, UDP_SEGMENT_OPTION, PAYLOAD);
	for (;;) {
		ssize_t n = read(0, picture + have, LARGEST - have);
		if (n <= 0)
			return;
		size_t from = have ? have - 1 : 0;
		have += n;
		for (unsigned char *end; (end = memmem(picture + from, have - from, "\xff\xd9", 2)); from = 0) {
			size_t size = end + 2 - picture;
			for (size_t at = 0; at < size; at += TRAIN)
				if (send(fd, picture + at, size - at < TRAIN ? size - at : TRAIN, 0) < 0)
					perror("send"); // nobody listens there yet
			have -= size;
			memmove(picture, picture + size, have);
		}
	}
}

static void receive_pictures(int fd)
{
	size_t have = 0;
	fcntl(1, F_SETPIPE_SZ, PIPE);
	set(fd, IPPROTO_UDP, UDP_GRO_OPTION, 1);
	set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	for (;;) {
		if (have > LARGEST - 65536)
			have = 0; // its end was lost
		ssize_t n = recv(fd, picture + have, 65536, 0);
		if (n < 0)
			die("recv");
		have += n;
		if (have >= 2 && picture[have - 2] == 0xff && picture[have - 1] == 0xd9) {
			if (write(1, picture, have) < 0)
				die("write");
			have = 0;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	char *port = argc == 3 ? strchr(argv[2], ':') : NULL;
	if (!port) {
		fprintf(stderr, "usage: relay send|receive HOST:PORT\n");
		return 2;
	}
	*port++ = 0;
	to.sin_port = htons(atoi(port));
	if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		die(argv[2]);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (!strcmp(argv[1], "send")) {
		if (connect(fd, (struct sockaddr *)&to, sizeof to))
			die("connect");
		send_pictures(fd);
	} else {
		if (bind(fd, (struct sockaddr *)&to, sizeof to))
			die("bind");
		receive_pictures(fd);
	}
	return 0;
}
