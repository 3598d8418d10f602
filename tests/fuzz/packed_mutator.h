#pragma once

#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

// libFuzzer's own; absent where inputs are only replayed.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size)
    __attribute__((weak));

/// Changes what lies inside a zstd frame and packs it again: a change of the frame itself ends at its checksum. One time
/// of eight the frame is changed after all, and so is what is no frame.
inline std::size_t mutate_packed(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  constexpr std::size_t kMost = std::size_t{1} << 20U;
  std::vector<std::uint8_t> plain(kMost);
  const std::size_t got = ZSTD_decompress(plain.data(), plain.size() / 2, data, size);
  if (seed % 8 == 0 || ZSTD_isError(got) != 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::size_t changed = LLVMFuzzerMutate(plain.data(), got, plain.size());
  const std::size_t packed = ZSTD_compress(data, max_size, plain.data(), changed, 1);
  return ZSTD_isError(packed) != 0 ? std::min(size, max_size) : packed;
}
