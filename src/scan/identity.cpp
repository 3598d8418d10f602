// What makes two models the same without a look at their weights.
#include <algorithm>
#include <span>
#include <string>

#include "src/content/digest.h"
#include "src/scan/row.h"

namespace weigh::core {

namespace {

// SHA-256, so that nobody can make two models look like copies of each other; half of it is kept.
std::string first_half(ContentDigest& digest) {
  constexpr std::size_t kBytes = 16;
  return hex(digest.take()).substr(0, 2 * kBytes);
}

}  // namespace

Identity identity_of(const Checkpoint& checkpoint) {
  if (!digests_available()) return {};
  std::vector<const Tensor*> tensors;
  for (const ModelFile& file : checkpoint.files) {
    for (const Tensor& tensor : file.tensors) tensors.push_back(&tensor);
  }
  std::ranges::sort(tensors, {}, [](const Tensor* tensor) { return tensor->name; });
  ContentDigest table(DigestKind::Sha256);
  for (const Tensor* tensor : tensors) {
    table.add_text(tensor->name);
    table.add_text(name(tensor->dtype));
    table.add_number(tensor->shape.size());
    for (const std::uint64_t length : tensor->shape) table.add_number(length);
  }
  ContentDigest header(DigestKind::Sha256);
  for (const ModelFile& file : checkpoint.files) {
    header.add_number(file.file_bytes);
    // More than the header may have been read.
    const std::uint64_t own = std::min(file.header.size, file.header_bytes);
    header.add(std::span(file.header.data.get(), static_cast<std::size_t>(own)));
  }
  return {first_half(table), first_half(header)};
}

}  // namespace weigh::core
