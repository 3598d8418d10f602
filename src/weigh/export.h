/* What the shared library shows of itself: everything else in it is hidden. */
#ifndef WEIGH_EXPORT_H
#define WEIGH_EXPORT_H

#if defined(__GNUC__)
#define WEIGH_API __attribute__((visibility("default")))
#else
#define WEIGH_API
#endif

#endif
