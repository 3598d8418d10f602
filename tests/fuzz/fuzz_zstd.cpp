// A model behind zstd: read as it comes, and byte by byte as another reader unpacks it.
#include "formats/error.h"
#include "src/source/zstd_source.h"
#include "tests/formats/touch.h"
#include "tests/fuzz/packed_mutator.h"

using namespace weigh::core;

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return mutate_packed(data, size, max_size, seed);
}

namespace {

ZstdSource open(std::span<const std::byte> bytes) { return ZstdSource(std::make_unique<MemorySource>(bytes)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto packed = std::as_bytes(std::span(data, size));
  try {
    ZstdSource source = open(packed);
    touch(read_model_file(source, "fuzz.gguf"));
  } catch (const Error&) {
  }
  std::vector<std::byte> expected(std::size_t{1} << 16U);
  const std::size_t length = ZSTD_decompress(expected.data(), expected.size(), data, size);
  if (ZSTD_isError(length) != 0) return 0;
  try {
    ZstdSource source = open(packed);
    if (source.size() != length) __builtin_trap();
    std::vector<std::byte> found(length);
    source.read(0, found);
    if (!std::equal(found.begin(), found.end(), expected.begin())) __builtin_trap();
  } catch (const Error&) {  // a stream's blocks have to fit in its window, which nobody asks of a whole frame
  }
  return 0;
}
