/* A stub: lwIP's sockets are BSD's, so the system's stand for them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
