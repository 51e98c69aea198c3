/* Preloaded into real telephones that would bind "any" address: gives them the loopback
 * address in BINDTO instead, so that each party of a test has its own. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
static int mine(struct in_addr *out) { const char *ip = getenv("BINDTO"); return ip && inet_pton(AF_INET, ip, out) == 1; }
int bind(int fd, const struct sockaddr *sa, socklen_t len) {
  static int (*real)(int, const struct sockaddr *, socklen_t);
  if (!real) real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
  struct in_addr ip;
  if (sa && sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in) && mine(&ip)) {
    struct sockaddr_in in; memcpy(&in, sa, sizeof in);
    if (in.sin_addr.s_addr == INADDR_ANY) { in.sin_addr = ip; return real(fd, (struct sockaddr *)&in, sizeof in); }
  }
  if (sa && sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6) && mine(&ip)) {
    struct sockaddr_in6 in; memcpy(&in, sa, sizeof in);
    if (memcmp(&in.sin6_addr, &in6addr_any, 16) == 0) {
      memset(&in.sin6_addr, 0, 10); memset((char *)&in.sin6_addr + 10, 0xff, 2); memcpy((char *)&in.sin6_addr + 12, &ip, 4);
      if (real(fd, (struct sockaddr *)&in, sizeof in) == 0) return 0;
    }
  }
  return real(fd, sa, len);
}
int connect(int fd, const struct sockaddr *sa, socklen_t len) {
  static int (*real)(int, const struct sockaddr *, socklen_t);
  if (!real) real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
  struct in_addr ip;
  if (sa && sa->sa_family == AF_INET && mine(&ip) && (ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr) >> 24) == 127) {
    struct sockaddr_in have; socklen_t n = sizeof have;
    if (getsockname(fd, (struct sockaddr *)&have, &n) == 0 && have.sin_family == AF_INET && have.sin_port == 0) {
      struct sockaddr_in in; memset(&in, 0, sizeof in); in.sin_family = AF_INET; in.sin_addr = ip;
      bind(fd, (struct sockaddr *)&in, sizeof in);
    }
  }
  return real(fd, sa, len);
}
