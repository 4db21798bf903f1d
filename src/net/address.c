#include "address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

void address_text(const struct sockaddr_storage *address, char to[ADDRESS_SIZE])
{
    char host[INET6_ADDRSTRLEN];
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(to, ADDRESS_SIZE, "%s:%d", host, ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)address;
        /* A dual-stack listener sees IPv4 as ::ffff:1.2.3.4; people and logs mean 1.2.3.4. */
        bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr);
        if (is_ipv4)
            inet_ntop(AF_INET, &in->sin6_addr.s6_addr[12], host, sizeof host);
        else
            inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        snprintf(to, ADDRESS_SIZE, is_ipv4 ? "%s:%d" : "[%s]:%d", host, ntohs(in->sin6_port));
    } else {
        snprintf(to, ADDRESS_SIZE, "%s", address->ss_family == AF_UNIX ? "unix" : "unknown");
    }
}

void address_of_peer(int fd, char to[ADDRESS_SIZE])
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
        address.ss_family = AF_UNSPEC;
    address_text(&address, to);
}

/* Splits at the last colon; the host may stand in brackets, and must if it has colons itself. */
static bool split(const char *text, char *host, size_t host_size, char port[6])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
        return false;
    unsigned number = 0;
    for (const char *c = colon + 1; *c; c++) {
        if (*c < '0' || *c > '9')
            return false;
        number = number * 10 + (unsigned)(*c - '0');
    }
    struct view name = {text, (size_t)(colon - text)};
    bool is_bracketed = name.len >= 2 && name.data[0] == '[' && name.data[name.len - 1] == ']';
    if (is_bracketed)
        name = (struct view){name.data + 1, name.len - 2};
    else if (memchr(name.data, ':', name.len) != NULL)
        return false;
    if (number > 65535 || name.len == 0 || name.len >= host_size)
        return false;
    memcpy(host, name.data, name.len);
    host[name.len] = '\0';
    strcpy(port, colon + 1);
    return true;
}

bool address_parse(const char *text, struct sockaddr_storage *address, socklen_t *len, struct fault *fault)
{
    char host[256], port[6];
    if (!split(text, host, sizeof host, port))
        return fault_set(fault, "\"%s\" is no address: write host:port, [ipv6]:port or unix:/path", text);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0)
        return fault_set(fault, "cannot find the address of \"%s\": %s", host, gai_strerror(error));
    const struct addrinfo *chosen = found;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        if (at->ai_family == AF_INET) {
            chosen = at;
            break;
        }
    }
    CHECK(chosen != NULL);
    memcpy(address, chosen->ai_addr, chosen->ai_addrlen);
    *len = chosen->ai_addrlen;
    freeaddrinfo(found);
    return true;
}
