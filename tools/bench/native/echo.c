// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The reference: what this machine can receive and answer when nothing is read, decided or kept.
//   echo [--receive-only] [--buffer BYTES] [--address 127.x.y.z]
// Says where it listens, then its counts when it is stopped by SIGTERM.
#include "common.h"
#include <getopt.h>

#define DATAGRAM_SIZE 2048
#define REPLY_SIZE 300

static struct mmsghdr incoming[BATCH_COUNT], outgoing[BATCH_COUNT];
static struct iovec in_parts[BATCH_COUNT], out_part;
static struct sockaddr_in sources[BATCH_COUNT];
static char datagrams[BATCH_COUNT][DATAGRAM_SIZE];
static char reply[REPLY_SIZE + 1];

static void prepare(void) {
  int head = snprintf(reply, sizeof reply, "SIP/2.0 200 OK\r\nServer: reference\r\nX-Fill: ");
  memset(reply + head, 'x', (size_t)(REPLY_SIZE - head));
  memcpy(reply + REPLY_SIZE - 4, "\r\n\r\n", 4);
  out_part = (struct iovec){.iov_base = reply, .iov_len = REPLY_SIZE};
  for (int i = 0; i < BATCH_COUNT; i++) {
    in_parts[i] = (struct iovec){.iov_base = datagrams[i], .iov_len = DATAGRAM_SIZE};
    incoming[i].msg_hdr = (struct msghdr){.msg_name = &sources[i], .msg_iov = &in_parts[i], .msg_iovlen = 1};
    outgoing[i].msg_hdr = (struct msghdr){
        .msg_name = &sources[i], .msg_namelen = sizeof sources[i], .msg_iov = &out_part, .msg_iovlen = 1};
  }
}

static int listen_on(const char *address, int buffer_size, struct sockaddr_in *bound) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket: %s", strerror(errno));
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof buffer_size) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size); // not root: what the system allows
  struct timeval patience = {.tv_usec = 100000}; // so that a stop is seen
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  *bound = (struct sockaddr_in){.sin_family = AF_INET};
  if (inet_pton(AF_INET, address, &bound->sin_addr) != 1 || ntohl(bound->sin_addr.s_addr) >> 24 != 127)
    die("refused: %s is not in 127.0.0.0/8", address);
  socklen_t size = sizeof *bound;
  if (bind(fd, (struct sockaddr *)bound, size) != 0) die("bind: %s", strerror(errno));
  getsockname(fd, (struct sockaddr *)bound, &size);
  return fd;
}

int main(int argc, char **argv) {
  program_name = "echo";
  bool receive_only = false;
  int buffer_size = 64 << 20;
  const char *address = "127.0.0.1";
  static const struct option options[] = {{"receive-only", no_argument, NULL, 'r'},
                                          {"buffer", required_argument, NULL, 'b'},
                                          {"address", required_argument, NULL, 'a'},
                                          {0}};
  for (int flag; (flag = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (flag == 'r') receive_only = true;
    else if (flag == 'b') buffer_size = (int)parse_number("--buffer", optarg, 4096, 1 << 30);
    else if (flag == 'a') address = optarg;
    else return EXIT_USAGE;
  }
  obey_signals();
  prepare();
  struct sockaddr_in bound;
  int fd = listen_on(address, buffer_size, &bound);
  socklen_t size = sizeof buffer_size;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, &size);
  printf("{\"port\":%u,\"bufferSize\":%d}\n", ntohs(bound.sin_port), buffer_size);
  fflush(stdout);

  uint64_t received = 0, replied = 0, send_errors = 0, first_at = 0, last_at = 0;
  while (!stopping) {
    for (int i = 0; i < BATCH_COUNT; i++) incoming[i].msg_hdr.msg_namelen = sizeof sources[i];
    int count = recvmmsg(fd, incoming, BATCH_COUNT, MSG_WAITFORONE, NULL);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) die("recvmmsg: %s", strerror(errno));
    if (first_at == 0) first_at = now_ns();
    received += (uint64_t)count;
    for (int sent = 0; !receive_only && sent < count;) {
      int done = sendmmsg(fd, outgoing + sent, (unsigned)(count - sent), 0);
      if (done <= 0) send_errors++;
      else replied += (uint64_t)done;
      sent += done <= 0 ? 1 : done;
    }
    last_at = now_ns();
  }
  printf("{\"receivedCount\":%llu,\"repliedCount\":%llu,\"sendErrorCount\":%llu,\"kernelDropCount\":%llu,"
         "\"busySeconds\":%.6f,\"cpuSeconds\":%.6f}\n",
         (unsigned long long)received, (unsigned long long)replied, (unsigned long long)send_errors,
         (unsigned long long)socket_drops(fd), (double)(last_at - first_at) / 1e9, cpu_seconds());
  return 0;
}
