#include "formats/error.h"
#include "src/checkpoint/shard_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    weigh::core::MemorySource source(std::as_bytes(std::span(data, size)));
    const weigh::core::ShardIndex index = weigh::core::read_shard_index(source);
    for (const auto& [tensor, file] : index.tensors) {
      if (tensor.size() + index.files.at(file).size() > size) __builtin_trap();
    }
  } catch (const weigh::core::Error&) {
  }
  return 0;
}
