/* Selects the table: the best one the processor supports, or the one asked for by name. Compiled for the base level. */
#include "kernels.h"

#include <string.h>

typedef struct {
  const fastnn_table *table;
  int (*supported)(void);
} level;

static int always(void) { return 1; }

#if defined(__x86_64__)
#include <cpuid.h>

extern const fastnn_table fastnn_base, fastnn_avx2, fastnn_avx512;

/* x86-64-v3 and -v4 as setup.py's flags define them, as far as a compiler may use them in these files. */
static int has_avx2(void) {
  unsigned a, b, c = 0, d;
  __builtin_cpu_init();
  /* Without lzcnt the instruction silently executes as bsr; the compiler's own test does not check it. */
  if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & (1u << 5))) return 0;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}

static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static const level levels[] = {{&fastnn_avx512, has_avx512}, {&fastnn_avx2, has_avx2}, {&fastnn_base, always}};
#elif defined(__aarch64__)
extern const fastnn_table fastnn_neon;
static const level levels[] = {{&fastnn_neon, always}};
#else
extern const fastnn_table fastnn_base;
static const level levels[] = {{&fastnn_base, always}};
#endif

static const int count = (int)(sizeof levels / sizeof levels[0]);

const char *fastnn_level(int i) { return i < count ? levels[i].table->isa : NULL; }

const fastnn_table *fastnn_select(const char *isa) {
  for (int i = 0; i < count; i++)
    if (strcmp(levels[i].table->isa, isa) == 0) return levels[i].supported() ? levels[i].table : NULL;
  return NULL;
}
