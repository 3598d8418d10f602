#include "formats/error.h"
#include "formats/snapshot.h"
#include "tests/formats/touch.h"
#include "tests/fuzz/packed_mutator.h"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return mutate_packed(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    for (const weigh::core::SnapshotFile& file :
         weigh::core::read_snapshot(std::as_bytes(std::span(data, size))).files) {
      weigh::core::MemorySource source(file.head, file.file_bytes);
      weigh::core::touch(weigh::core::read_model_file(source, file.name));
    }
  } catch (const weigh::core::Error&) {
  }
  return 0;
}
