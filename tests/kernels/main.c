/* Checks every kernel of the levels that are named, or of all that the processor has.
 * Exit status: 0; 1 where a check failed; 2 for a level that cannot run. */
#include <stdio.h>
#include <string.h>

#include "check.h"

extern const fastnn_table fastnn_wide;

static const struct {
  const char *name;
  void (*check)(const fastnn_table *t);
} checks[] = {
#define CHECK_ENTRY(type, name, arguments) {#name, check_##name},
    FASTNN_KERNELS(CHECK_ENTRY){"activations", check_activations},
    {"losses", check_losses},
};
#define CHECKS ((int)(sizeof checks / sizeof checks[0]))

/* The wide level is compiled with the flags of avx2, where there is such a thing. */
static const fastnn_table *table_of(const char *level) {
  if (strcmp(level, "wide") != 0) return fastnn_select(level);
#if defined(__x86_64__)
  if (!fastnn_select("avx2")) return NULL;
#endif
  return &fastnn_wide;
}

/* 1 if the processor lacks the level. */
static int check_level(const char *level) {
  const fastnn_table *t = table_of(level);
  long total = 0;
  if (!t) return 1;
  begin(level, "dispatch");
  if (strcmp(t->isa, level) != 0) fail("the table is that of %s", t->isa);
  for (int i = 0; i < CHECKS; i++) {
    begin(level, checks[i].name);
    checks[i].check(t);
    if (!cases()) fail("the check has no case");
    total += cases();
  }
  printf("%s: %d kernels passed, %ld cases\n", level, CHECKS, total);
  return 0;
}

int main(int count, char **levels) {
  for (int i = 1; i < count; i++)
    if (check_level(levels[i])) {
      fprintf(stderr, "%s: not in this build, or the processor lacks it\n", levels[i]);
      return 2;
    }
  if (count > 1) return 0;
  for (int i = 0; fastnn_level(i); i++)
    if (check_level(fastnn_level(i))) printf("%s: the processor lacks it\n", fastnn_level(i));
  if (check_level("wide")) printf("wide: the processor lacks it\n");
  return 0;
}
