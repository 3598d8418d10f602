// The public header as a stranger includes it: alone and first.
#include <weigh/weigh.h>

static_assert(WEIGH_VERSION_MAJOR * 10000 + WEIGH_VERSION_MINOR * 100 + WEIGH_VERSION_PATCH > 0);

// A second time it says nothing new.
#include <weigh/weigh.h>
