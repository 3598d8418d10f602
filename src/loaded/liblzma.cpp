// What weigh calls of liblzma, by its own names.
#define lzma_nothrow  // an IoError where the library is not there
#include <lzma.h>

#include "src/loaded/library.h"

namespace {

const weigh::core::LoadedLibrary& library() {
  static const weigh::core::LoadedLibrary loaded({"liblzma.so.5", "liblzma.dylib"}, "liblzma5");
  return loaded;
}

}  // namespace

lzma_ret lzma_alone_decoder(lzma_stream* stream, std::uint64_t most_memory) {
  return WEIGH_CALL(lzma_alone_decoder)(stream, most_memory);
}
lzma_ret lzma_stream_decoder(lzma_stream* stream, std::uint64_t most_memory, std::uint32_t flags) {
  return WEIGH_CALL(lzma_stream_decoder)(stream, most_memory, flags);
}
lzma_ret lzma_code(lzma_stream* stream, lzma_action action) { return WEIGH_CALL(lzma_code)(stream, action); }
void lzma_end(lzma_stream* stream) { WEIGH_CALL(lzma_end)(stream); }
