// Every byte of a model read and looked at, as an audit with --deep does.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "src/content/read_content.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weigh::core;
  static const std::string kPath =
      (std::filesystem::temp_directory_path() / ("weigh-fuzz-content-" + std::to_string(::getpid()))).string();
  try {
    MemorySource source(std::as_bytes(std::span(data, size)));
    const ModelFile file = read_model_file(source, "fuzz");
    std::ofstream(kPath, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    const Content content = read_content(kPath, file, {.git_id = true, .tensor_digests = true, .chunk_bytes = 64});
    if (content.bytes_read > size) __builtin_trap();
    for (const TensorHealth& health : content.findings) {
      if (health.tensor >= file.tensors.size() || health.nan + health.infinite > health.values) __builtin_trap();
    }
  } catch (const Error&) {
  }
  return 0;
}
