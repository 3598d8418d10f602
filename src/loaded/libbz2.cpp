// What weigh calls of bzip2, by its own names.
#include <bzlib.h>

#include "src/loaded/library.h"

namespace {

const weigh::core::LoadedLibrary& library() {
  static const weigh::core::LoadedLibrary loaded({"libbz2.so.1.0", "libbz2.so.1", "libbz2.dylib"}, "libbz2-1.0");
  return loaded;
}

}  // namespace

int BZ2_bzDecompressInit(bz_stream* stream, int verbosity, int small) {
  return WEIGH_CALL(BZ2_bzDecompressInit)(stream, verbosity, small);
}
int BZ2_bzDecompress(bz_stream* stream) { return WEIGH_CALL(BZ2_bzDecompress)(stream); }
int BZ2_bzDecompressEnd(bz_stream* stream) { return WEIGH_CALL(BZ2_bzDecompressEnd)(stream); }
