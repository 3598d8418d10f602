#include "formats/error.h"
#include "formats/gguf.h"
#include "tests/formats/touch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weigh::core::MemorySource source(std::as_bytes(std::span(data, size)));
  try {
    weigh::core::touch(weigh::core::read_gguf(source));
  } catch (const weigh::core::Error&) {
  }
  return 0;
}
