/* From accept to ready: start-up packet, TLS, SCRAM. */
#ifndef CONSOLE_LOGIN_H
#define CONSOLE_LOGIN_H

#include "guest.h"

void login_accept(struct house *house, int fd, const char *peer);

#endif
