/* The harness: see check.h. */
#define _DEFAULT_SOURCE
#include "check.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Under the address sanitizer canaries cannot even be read. */
#if !defined(__SANITIZE_ADDRESS__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define FORBID(p, bytes) ASAN_POISON_MEMORY_REGION(p, bytes)
#define ALLOW(p, bytes) ASAN_UNPOISON_MEMORY_REGION(p, bytes)
enum { sanitized = 1 };
#else
#define FORBID(p, bytes) (void)(p)
#define ALLOW(p, bytes) (void)(p)
enum { sanitized = 0 };
#endif

#define REGIONS 32
#define REGION ((isize)1 << 21)
#define MARGIN 128  /* watched bytes on either side of a buffer: two of the widest vectors */
#define CANARY 0xFF /* read as floats they are NaN, so that what is read too many is found out */

enum { at_end, at_start, shifted, every_place };

typedef struct {
  unsigned char *low, *start, *high; /* watched from low to high */
  isize rows, width, stride;         /* bytes */
} buffer;

static buffer buffers[REGIONS];
static int count, place;
static long number; /* of the case */
static uint64_t state, state_before, digest, digest_before;
static char level_name[16], check_name[32], words[128];

static void describe(void) {
  static const char *const names[] = {"before guard pages", "after guard pages", "shifted"};
  fprintf(stderr, "%s: %s: %s (buffers %s): ", level_name, check_name, words, names[place]);
}

void fail(const char *format, ...) {
  va_list list;
  describe();
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
  exit(1);
}

/* Tells what ran, and lets the signal end the program when the instruction is tried again. */
static void crashed(int signal_number) {
  describe();
  fprintf(stderr, "%s\n", strsignal(signal_number));
}

void begin(const char *level, const char *check) {
  struct sigaction action = {.sa_handler = crashed, .sa_flags = (int)SA_RESETHAND};
  const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  for (int i = 0; i < 4 && !sanitized; i++) sigaction(signals[i], &action, NULL); /* the sanitizer has its own */
  snprintf(level_name, sizeof level_name, "%s", level);
  snprintf(check_name, sizeof check_name, "%s", check);
  snprintf(words, sizeof words, "at the beginning");
  number = 0;
  state = 1;
}

long cases(void) { return number; }

void places(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(words, sizeof words, format, list);
  va_end(list);
  number++;
  state_before = state;
  place = -1;
}

/* Eight bytes at a time, each step a bijection of the digest. */
static void digest_bytes(const unsigned char *p, isize bytes) {
  for (; bytes > 0; p += 8, bytes -= 8) {
    uint64_t next = 0;
    if (bytes >= 8)
      memcpy(&next, p, 8);
    else
      memcpy(&next, p, (size_t)bytes);
    digest = (digest ^ next) * 0x9E3779B97F4A7C15u;
    digest ^= digest >> 32;
  }
}

static void expect_canaries(const unsigned char *from, const unsigned char *to, const unsigned char *start) {
  for (; from < to; from++)
    if (*from != CANARY) fail("buffer %d was written at its byte %td", count, from - start);
}

/* Looks at the canaries of all buffers, and gives them back. */
static void end_place(void) {
  while (count) {
    const buffer *b = &buffers[--count];
    ALLOW(b->low, (size_t)(b->high - b->low));
    const unsigned char *from = b->low;
    for (isize i = 0; i < b->rows; i++) {
      unsigned char *row = b->start + i * b->stride;
      expect_canaries(from, row, b->start);
      digest_bytes(row, b->width);
      from = row + b->width;
    }
    expect_canaries(from, b->high, b->start);
  }
}

int next_place(void) {
  end_place();
  if (place > 0 && digest != digest_before) fail("other bits than elsewhere");
  digest_before = digest;
  digest = 0xCBF29CE484222325u;
  if (++place == every_place) return place = 0;
  state = state_before;
  return 1;
}

/* Each region is made once, with a page on either side that cannot be touched. */
static unsigned char *region(int i) {
  static unsigned char *made[REGIONS];
  const isize page = sysconf(_SC_PAGESIZE);
  if (!made[i]) {
    made[i] = mmap(NULL, (size_t)(REGION + 2 * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made[i] == MAP_FAILED || mprotect(made[i] + page, (size_t)REGION, PROT_READ | PROT_WRITE)) abort();
  }
  return made[i] + page;
}

static void *take(isize rows, isize width, isize stride, isize size) {
  const isize bytes = rows ? (rows - 1) * stride + width : 0;
  if (count == REGIONS || bytes + 2 * MARGIN > REGION) fail("the harness has no room for %td bytes", bytes);
  unsigned char *first = region(count), *end = first + REGION;
  const isize step = size > 4 ? size : 4;
  buffer b = {.rows = rows, .width = width, .stride = stride};
  if (place == at_end)
    b.start = end - bytes;
  else if (place == at_start)
    b.start = first;
  else /* each buffer of a case by another amount, and other amounts in the next case */
    b.start = first + 2 * MARGIN + step * (1 + (number + 4 * count) % (60 / step));
  b.low = b.start - first < MARGIN ? first : b.start - MARGIN;
  b.high = end - (b.start + bytes) < MARGIN ? end : b.start + bytes + MARGIN;
  memset(b.low, CANARY, (size_t)(b.high - b.low));
  FORBID(b.low, (size_t)(b.high - b.low));
  for (isize i = 0; i < rows; i++) ALLOW(b.start + i * stride, (size_t)width);
  buffers[count++] = b;
  return b.start;
}

void *items(isize n, isize size) { return take(1, n * size, n * size, size); }
float *matrix(isize rows, isize columns, isize row) { return take(rows, columns * 4, row * 4, 4); }
float *floats(isize n) { return matrix(1, n, n); }

float *random_matrix(isize rows, isize columns, isize row) {
  float *x = matrix(rows, columns, row);
  for (isize i = 0; i < rows; i++)
    for (isize j = 0; j < columns; j++) x[i * row + j] = uniform(-2, 2);
  return x;
}

float *random_floats(isize n) { return random_matrix(1, n, n); }

float *copy(isize n, const float *x) {
  float *y = floats(n);
  memcpy(y, x, (size_t)n * sizeof *x);
  return y;
}

/* SplitMix64, Steele, Lea & Flood 2014. */
uint32_t random_bits(void) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (uint32_t)((z ^ (z >> 31)) >> 32);
}

float uniform(double low, double high) { return (float)(low + (high - low) * (random_bits() * 0x1p-32)); }

float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

void expect(isize i, isize j, double actual, double expected, double bound) {
  if (actual == expected || (isnan(actual) && isnan(expected))) return;
  if (isfinite(expected) && fabs(actual - expected) <= bound) return;
  fail("element (%td, %td) is %.9g, expected %.9g within %.3g", i, j, actual, expected, bound);
}

void expect_units(isize i, double actual, double expected, double scale, double units) {
  const double largest = 0x1p128; /* an infinity is one unit above the greatest float */
  int exponent;
  frexp(fmin(fmax(scale, -largest), largest), &exponent);
  const double unit = ldexp(1, (exponent - 1 < -126 ? -126 : exponent - 1 > 127 ? 127 : exponent - 1) - 23);
  if (isnan(expected) || isnan(actual)) return expect(i, 0, actual, expected, 0);
  expect(i, 0, fmin(fmax(actual, -largest), largest), fmin(fmax(expected, -largest), largest), units * unit);
}

void expect_same(isize i, isize n, const float *actual, const float *expected) {
  if (!memcmp(actual, expected, (size_t)n * sizeof *actual)) return;
  for (isize j = 0; j < n; j++)
    if (memcmp(actual + j, expected + j, sizeof *actual) && !(isnan(actual[j]) && isnan(expected[j])))
      fail("element or row %td, %td further, is %a alone, and %a together", i, j, actual[j], expected[j]);
}

double returned(double x) {
  digest_bytes((const unsigned char *)&x, sizeof x);
  return x;
}
