// What makes two models the same without a look at their weights.
#include "src/scan/identity.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/little_endian.h"
#include "src/content/digest.h"

namespace weigh::core {

namespace {

// SHA-256, so that nobody can make two models look like copies of each other; half of it is kept.
std::string first_half(ContentDigest& digest) {
  constexpr std::size_t kBytes = 16;
  const std::vector<unsigned char> bytes = digest.take();
  return hex(std::span(bytes).first(kBytes));
}

constexpr std::size_t kNumber = sizeof(std::uint64_t);

void put_number(char*& at, std::uint64_t number) {
  std::memcpy(at, little_endian_bytes(number).data(), kNumber);
  at += kNumber;
}

void put_text(char*& at, std::string_view text) {
  put_number(at, text.size());
  at = std::ranges::copy(text, at).out;
}

// Of names, types and shapes, in the order of the names. A tensor's values are many and short: they are hashed as one
// text.
std::string table_id(const Checkpoint& checkpoint) {
  std::vector<const Tensor*> tensors;
  for (const ModelFile& file : checkpoint.files) {
    for (const Tensor& tensor : file.tensors) tensors.push_back(&tensor);
  }
  const auto name_of = [](const Tensor* tensor) { return tensor->name; };
  if (!std::ranges::is_sorted(tensors, {}, name_of)) std::ranges::sort(tensors, {}, name_of);
  constexpr std::size_t kPiece = 16384;
  ContentDigest digest(DigestKind::Sha256);
  std::string piece;
  const auto flush = [&] {
    digest.add(std::as_bytes(std::span(piece)));
    piece.clear();
  };
  for (const Tensor* tensor : tensors) {
    const std::string_view dtype = name(tensor->dtype);
    const std::size_t begin = piece.size();
    piece.resize(begin + tensor->name.size() + dtype.size() + kNumber * (3 + tensor->shape.size()));
    char* at = piece.data() + begin;
    put_text(at, tensor->name);
    put_text(at, dtype);
    put_number(at, tensor->shape.size());
    for (const std::uint64_t length : tensor->shape) put_number(at, length);
    if (piece.size() >= kPiece) flush();
  }
  flush();
  return first_half(digest);
}

// More than the header may have been read.
std::span<const std::byte> header_of(const ModelFile& file) {
  const std::uint64_t own = std::min(file.header.size, file.header_bytes);
  return {file.header.data.get(), static_cast<std::size_t>(own)};
}

std::string header_id(const Checkpoint& checkpoint) {
  ContentDigest digest(DigestKind::Sha256);
  for (const ModelFile& file : checkpoint.files) {
    digest.add_number(file.file_bytes);
    digest.add(header_of(file));
  }
  return first_half(digest);
}

// The part of a header that says what tensors there are; of a safetensors file all of it.
std::span<const std::byte> table_of(const ModelFile& file) {
  const auto header = header_of(file);
  if (file.format == Format::Safetensors || file.tensors.empty() || file.tensors.front().name.empty()) return header;
  const auto* first = reinterpret_cast<const std::byte*>(file.tensors.front().name.data());
  return header.subspan(static_cast<std::size_t>(first - header.data()));
}

// 32 bytes at a time, eight to each of four numbers through a 128-bit product.
void add_to(std::array<std::uint64_t, 4>& hash, const std::array<std::uint64_t, 4>& keys,
            std::span<const std::byte> bytes) {
  __extension__ using Wide = unsigned __int128;
  std::array<std::uint64_t, 4> words{};
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(sizeof words, bytes.size()))) {
    if (bytes.size() < sizeof words) words = {};
    std::memcpy(words.data(), bytes.data(), std::min(sizeof words, bytes.size()));
    for (std::size_t i = 0; i < words.size(); ++i) {
      const Wide product = Wide{hash[i] ^ words[i]} * keys[i];
      hash[i] = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
    }
  }
}

}  // namespace

Identity identity_of(const Checkpoint& checkpoint) {
  if (!digests_available()) return {};
  return {table_id(checkpoint), header_id(checkpoint)};
}

Identities::Identities() {
  std::random_device random;
  for (std::uint64_t& key : keys_) key = (std::uint64_t{random()} << 32U | random()) | 1U;
}

Identities::Fingerprint Identities::fingerprint_of(const ModelFile& file) const {
  const auto table = table_of(file);
  Fingerprint hash = keys_;
  // The same bytes are other tensors in another format, byte order or version, and where types of a GGUF are told by
  // the sizes.
  hash[0] ^= table.size();
  hash[1] ^= static_cast<std::uint64_t>(file.format) << 40U |
             static_cast<std::uint64_t>(file.byte_order == std::endian::big) << 32U | file.version;
  hash[2] ^= file.format == Format::Safetensors ? file.file_bytes : 0;
  hash[3] ^= file.tensors.size();  // of a GGUF's zeros some may be a tensor, or all padding
  add_to(hash, keys_, table);
  std::vector<Dtype> dtypes;
  for (const Tensor& tensor : file.tensors) dtypes.push_back(tensor.dtype);
  add_to(hash, keys_, std::as_bytes(std::span(dtypes)));
  return hash;
}

Identity Identities::of(const Checkpoint& checkpoint) {
  constexpr std::size_t kMost = 16384;
  if (checkpoint.files.size() != 1 || !digests_available()) return identity_of(checkpoint);
  const ModelFile& file = checkpoint.files.front();
  const bool is_whole = file.format == Format::Safetensors;  // the fingerprint is of all that the identity is
  const Fingerprint fingerprint = fingerprint_of(file);
  Identity identity;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(fingerprint); known != known_.end()) identity = known->second;
  }
  if (identity.tensors.empty()) {
    identity.tensors = table_id(checkpoint);
    if (is_whole) identity.header = header_id(checkpoint);
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMost) known_.clear();
    known_.emplace(fingerprint, identity);
  }
  if (!is_whole) identity.header = header_id(checkpoint);
  return identity;
}

}  // namespace weigh::core
