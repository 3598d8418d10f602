// What weigh calls of zlib, by its own names.
#include <zlib.h>

#include "src/loaded/library.h"

namespace {

const weigh::core::LoadedLibrary& library() {
  static const weigh::core::LoadedLibrary loaded({"libz.so.1", "libz.dylib"}, "zlib1g");
  return loaded;
}

}  // namespace

int inflateInit2_(z_stream* stream, int window_bits, const char* version, int size) {
  return WEIGH_CALL(inflateInit2_)(stream, window_bits, version, size);
}
int inflate(z_stream* stream, int flush) { return WEIGH_CALL(inflate)(stream, flush); }
int inflateReset(z_stream* stream) { return WEIGH_CALL(inflateReset)(stream); }
int inflateEnd(z_stream* stream) { return WEIGH_CALL(inflateEnd)(stream); }
