#include "formats/error.h"
#include "src/checkpoint/shard_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    weigh::MemorySource source(std::as_bytes(std::span(data, size)));
    const weigh::ShardIndex index = weigh::read_shard_index(source);
    for (const auto& [tensor, file] : index.tensors) {
      if (tensor.size() + index.files.at(file).size() > size) __builtin_trap();
    }
  } catch (const weigh::Error&) {
  }
  return 0;
}
