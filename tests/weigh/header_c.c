/* The C header as a stranger includes it: alone and first. */
#include <weigh/weigh_c.h>

typedef char version_is_at_least_1[WEIGH_C_API_VERSION >= 1 ? 1 : -1];

/* A second time it says nothing new. */
#include <weigh/weigh_c.h>
