#include "formats/error.h"
#include "formats/model_file.h"
#include "tests/formats/touch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // One bit of the size stands for the suffix, so that both guesses by name are met.
  weigh::core::MemorySource source(std::as_bytes(std::span(data, size)));
  try {
    weigh::core::touch(weigh::core::read_model_file(source, size % 2 == 0 ? "model.safetensors" : "model.onnx"));
  } catch (const weigh::core::Error&) {
  }
  return 0;
}
