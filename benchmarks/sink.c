/* Take mails over SMTP as fast as one core can, and count them: so that a benchmark measures the sender.
 *
 *   sink [--lockstep] [--delay MILLISECONDS]
 *
 * It listens on a free port of 127.0.0.1 and prints the port. --lockstep leaves PIPELINING out of the answer to
 * EHLO. --delay holds every reply back, like a round trip to a relay far away. STAT, on any connection, answers
 *
 *   250 <messages> <octets> <checksum> <microseconds from the first to the last message>
 *
 * where the checksum is the sum of the squared CRC-32 (as of zlib) of the recipients, modulo 2^64: it tells whether
 * each recipient got a message exactly once. Messages are not kept. Commands in the wrong order are not refused.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define END_MAX 4        /* octets of "\n.\r\n" that may be cut off by the end of a read */
#define LINE_MAX_ 2048   /* more than RFC 5321 §4.5.3.1.4 allows for a command */
#define READ_MAX 262144  /* four messages of 65 kB */
#define REPLY_MAX 4096   /* the replies to one read: a pipelined group has four */

struct client {
  int fd;
  int is_in_data;
  int is_leaving;      /* said QUIT: hang up once the replies are out */
  int waiting_count;   /* delayed replies that name this client */
  uint32_t recipient;  /* CRC-32 of the last RCPT */
  size_t octets;       /* of the message that is coming in */
  char carry[END_MAX]; /* the end of the last read, when it may be the beginning of the final dot */
  size_t carry_size;
  char line[LINE_MAX_];
  size_t line_size;
  char reply[REPLY_MAX];
  size_t reply_size;
};

struct delayed {
  struct delayed *next;
  struct client *client;
  uint64_t due_at;
  size_t size;
  char octets[];
};

static int is_lockstep, poll_fd, timer_fd;
static uint64_t delay; /* nanoseconds */
static struct delayed *first_delayed, *last_delayed;
static uint64_t message_count, octet_count, checksum, first_at, last_at;
static uint32_t crc_table[256];

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void prepare_crc(void) {
  for (uint32_t octet = 0; octet < 256; octet++) {
    uint32_t rest = octet;
    for (int bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xEDB88320u ^ (rest >> 1) : rest >> 1;
    crc_table[octet] = rest;
  }
}

static uint32_t crc32_of(const char *octets, size_t size) {
  uint32_t rest = 0xFFFFFFFFu;
  for (size_t place = 0; place < size; place++) rest = crc_table[(rest ^ (uint8_t)octets[place]) & 0xFF] ^ (rest >> 8);
  return ~rest;
}

static void say(struct client *client, const char *line) {
  size_t size = strlen(line);
  if (client->reply_size + size > REPLY_MAX) return;
  memcpy(client->reply + client->reply_size, line, size);
  client->reply_size += size;
}

static void forget(struct client *client) {
  if (client->fd >= 0) close(client->fd); /* which also takes it out of the poll */
  client->fd = -1;
  if (client->waiting_count == 0) free(client);
}

static void set_timer(void) {
  struct itimerspec when = {0};
  if (first_delayed) {
    when.it_value.tv_sec = first_delayed->due_at / 1000000000;
    when.it_value.tv_nsec = first_delayed->due_at % 1000000000;
  }
  timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void hold_back(struct client *client) {
  struct delayed *reply = malloc(sizeof *reply + client->reply_size);
  if (!reply) die("malloc");
  *reply = (struct delayed){.client = client, .due_at = now() + delay, .size = client->reply_size};
  memcpy(reply->octets, client->reply, client->reply_size);
  client->waiting_count++;
  if (last_delayed) last_delayed->next = reply;
  else first_delayed = reply;
  last_delayed = reply;
  if (first_delayed == reply) set_timer();
}

/* Replies are short and each is read before the next is due, so they always fit the socket's buffer. */
static void send_reply(struct client *client) {
  if (client->reply_size == 0) return;
  if (delay) hold_back(client);
  else if (write(client->fd, client->reply, client->reply_size) < 0) client->is_leaving = 1;
  client->reply_size = 0;
}

static void send_due(void) {
  uint64_t expirations;
  if (read(timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("timer");
  while (first_delayed && first_delayed->due_at <= now()) {
    struct delayed *reply = first_delayed;
    struct client *client = reply->client;
    first_delayed = reply->next;
    if (!first_delayed) last_delayed = NULL;
    client->waiting_count--;
    if (client->fd < 0) {
      if (client->waiting_count == 0) free(client);
    } else if (write(client->fd, reply->octets, reply->size) < 0 || (client->is_leaving && client->waiting_count == 0)) {
      forget(client);
    }
    free(reply);
  }
  set_timer();
}

static void greet(struct client *client) {
  say(client, "250-sink.example\r\n");
  if (!is_lockstep) say(client, "250-PIPELINING\r\n");
  say(client, "250-SIZE 51200000\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250 SMTPUTF8\r\n");
}

static void tell_counts(struct client *client) {
  char line[160];
  snprintf(line, sizeof line, "250 %llu %llu %llu %llu\r\n", (unsigned long long)message_count,
           (unsigned long long)octet_count, (unsigned long long)checksum,
           (unsigned long long)((last_at - first_at) / 1000));
  say(client, line);
}

static void take_recipient(struct client *client) {
  const char *start = memchr(client->line, '<', client->line_size);
  const char *end = memchr(client->line, '>', client->line_size);
  if (start && end > start) client->recipient = crc32_of(start + 1, end - start - 1);
  say(client, start && end > start ? "250 2.1.5 Ok\r\n" : "501 5.1.3 Bad address\r\n");
}

static void begin_data(struct client *client) {
  say(client, "354 End data with <CR><LF>.<CR><LF>\r\n");
  client->is_in_data = 1;
  client->octets = (size_t)-1; /* the line end in front of the message is looked at and does not count */
  client->carry[0] = '\n';     /* the message may be nothing but its final dot */
  client->carry_size = 1;
}

static void end_data(struct client *client) {
  last_at = now();
  if (message_count++ == 0) first_at = last_at;
  octet_count += client->octets;
  checksum += (uint64_t)client->recipient * client->recipient;
  client->is_in_data = 0;
  say(client, "250 2.0.0 Ok: queued as 4F2A1B7C9D\r\n");
}

static int is_verb(const struct client *client, const char *verb) {
  return client->line_size >= 4 && strncasecmp(client->line, verb, 4) == 0;
}

static void obey(struct client *client) {
  if (is_verb(client, "MAIL")) say(client, "250 2.1.0 Ok\r\n");
  else if (is_verb(client, "RCPT")) take_recipient(client);
  else if (is_verb(client, "DATA")) begin_data(client);
  else if (is_verb(client, "EHLO")) greet(client);
  else if (is_verb(client, "HELO")) say(client, "250 sink.example\r\n");
  else if (is_verb(client, "RSET") || is_verb(client, "NOOP")) say(client, "250 2.0.0 Ok\r\n");
  else if (is_verb(client, "STAT")) tell_counts(client);
  else if (is_verb(client, "QUIT")) {
    say(client, "221 2.0.0 Bye\r\n");
    client->is_leaving = 1;
  } else say(client, "500 5.5.1 Unknown command\r\n");
}

/* Take the octets of a message up to its final dot; return where the next command begins. */
static const char *take_data(struct client *client, const char *place, const char *end) {
  const char *start = place;
  while ((place = memchr(place, '\n', end - place))) {
    size_t left = end - place < END_MAX ? end - place : END_MAX;
    if (memcmp(place, "\n.\r\n", left) == 0) {
      if (left < END_MAX) { /* it may be the final dot: the next read tells */
        memcpy(client->carry, place, left);
        client->carry_size = left;
        client->octets += place - start;
        return end;
      }
      client->octets += place + 1 - start;
      end_data(client);
      return place + END_MAX;
    }
    place++;
  }
  client->octets += end - start;
  return end;
}

static const char *take_line(struct client *client, const char *place, const char *end) {
  const char *newline = memchr(place, '\n', end - place);
  size_t size = (newline ? newline : end) - place;
  if (client->line_size + size >= LINE_MAX_) client->is_leaving = 1;
  else {
    memcpy(client->line + client->line_size, place, size);
    client->line_size += size;
  }
  if (!newline) return end;
  obey(client);
  client->line_size = 0;
  return newline + 1;
}

static void hear(struct client *client) {
  static char room[END_MAX + READ_MAX];
  ssize_t size = read(client->fd, room + END_MAX, READ_MAX);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    forget(client);
    return;
  }
  const char *place = room + END_MAX, *end = place + size;
  while (place < end && !client->is_leaving) {
    if (!client->is_in_data) {
      place = take_line(client, place, end);
      continue;
    }
    place -= client->carry_size; /* what was carried over stands in front, where a command or END_MAX octets were */
    memcpy((char *)place, client->carry, client->carry_size);
    client->carry_size = 0;
    place = take_data(client, place, end);
  }
  send_reply(client);
  if (client->is_leaving && client->waiting_count == 0) forget(client);
}

static void watch(int fd, void *what) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

static void welcome(int listening) {
  int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK), yes = 1;
  if (fd < 0) return;
  struct client *client = calloc(1, sizeof *client);
  if (!client) die("calloc");
  client->fd = fd;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  watch(fd, client);
  say(client, "220 sink.example ESMTP\r\n");
  send_reply(client);
}

static int listen_anywhere(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 1024) < 0) die("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) die("getsockname");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int count, char **words) {
  for (int place = 1; place < count; place++) {
    if (strcmp(words[place], "--lockstep") == 0) is_lockstep = 1;
    else if (strcmp(words[place], "--delay") == 0 && place + 1 < count) delay = atof(words[++place]) * 1000000;
    else {
      fprintf(stderr, "usage: sink [--lockstep] [--delay MILLISECONDS]\n");
      return 2;
    }
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM); /* no sink outlives its benchmark */
  signal(SIGPIPE, SIG_IGN);
  prepare_crc();
  poll_fd = epoll_create1(0);
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  int listening = listen_anywhere();
  watch(listening, &listening);
  watch(timer_fd, &timer_fd);
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(poll_fd, events, 64, -1), is_time = 0;
    for (int place = 0; place < ready; place++) {
      void *what = events[place].data.ptr;
      if (what == &listening) welcome(listening);
      else if (what == &timer_fd) is_time = 1;
      else hear(what);
    }
    if (is_time) send_due(); /* last, because it may free clients that have an event of their own */
  }
}
