/* Addresses as text, as people write them: "127.0.0.1:6432", "[::1]:6432", "unix". */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/fault.h"

enum { ADDRESS_SIZE = 64 };

void address_text(const struct sockaddr_storage *address, char to[ADDRESS_SIZE]);

/* Of a connected socket's other end; "unknown" when the kernel doesn't say. */
void address_of_peer(int fd, char to[ADDRESS_SIZE]);

/* "host:port" to a socket address. A name that has several gets the first IPv4 one, else the first. May
 * block on name look-up. */
bool address_parse(const char *text, struct sockaddr_storage *address, socklen_t *len, struct fault *fault);

#endif
