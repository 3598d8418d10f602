#include "src/checkpoint/standard_input.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/model_file.h"
#include "src/source/stream_source.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMaxPacked = std::uint64_t{1} << 30U;
constexpr std::uint64_t kGgufAlignment = 32;  // of nearly every file; the last tensor is padded to it
constexpr std::uint64_t kNowhere = std::uint64_t{1} << 61U;

Snapshot read_packed(StreamSource& stream) {
  while (true) {
    const std::uint64_t there = stream.available();
    if (there > kMaxPacked) throw FormatError("is compressed and larger than any snapshot");
    std::array<std::byte, 1> last{};
    const std::uint64_t before = stream.taken().size();
    stream.read(there - 1, last);
    if (stream.available() == before) return read_snapshot(stream.taken());
  }
}

// The size of the file that has this header, its data complete. A last tensor of unknown size ends nowhere in a stream:
// it counts as empty.
std::uint64_t whole_size(const ModelFile& file) {
  std::uint64_t end = 0;
  for (const Tensor& tensor : file.tensors) {
    const std::uint64_t tensor_end = plus(tensor.offset, tensor.bytes);
    end = std::max(end, tensor_end < kNowhere ? tensor_end : tensor.offset);
  }
  if (file.format == Format::Gguf) end = checked_round_up(end, kGgufAlignment).value_or(end);
  return plus(file.header_bytes, end);
}

}  // namespace

Snapshot read_header_stream(int descriptor) {
  if (::isatty(descriptor) == 1)
    throw IoError("is a terminal: send a header into it, as in: head -c 20M FILE | weigh -");
  StreamSource stream(descriptor);
  if (stream.size() == 0) throw FormatError("is empty", std::nullopt, FindingCode::EmptyFile);
  const std::uint64_t there = stream.available();
  if (looks_like_zstd(stream.taken().first(static_cast<std::size_t>(there)))) return read_packed(stream);
  const ModelFile file = read_model_file(stream, "");
  Snapshot snapshot;
  snapshot.name = kStandardInputName;
  SnapshotFile& head = snapshot.files.emplace_back();
  head.name = file.format == Format::Gguf ? "stdin.gguf" : "stdin.safetensors";
  head.file_bytes = whole_size(file);
  const auto taken = stream.taken();
  const std::uint64_t header = std::min<std::uint64_t>({file.header_bytes, taken.size(), head.file_bytes});
  head.head.assign(taken.begin(), taken.begin() + static_cast<std::ptrdiff_t>(header));
  return snapshot;
}

}  // namespace weigh::core
