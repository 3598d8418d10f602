#include "formats/name_index.h"

#include <bit>
#include <cstring>
#include <random>

namespace weigh::core {

namespace {

std::uint64_t word_at(const char* at, std::size_t length = sizeof(std::uint64_t)) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, length);
  return word;
}

}  // namespace

// Eight bytes at a time through a 128-bit product with a secret drawn once per process; the last eight may be some of
// those before once more.
std::uint64_t keyed_hash(std::string_view name) {
  static const std::uint64_t secret = [] {
    std::random_device random;
    return (std::uint64_t{random()} << 32 | random()) | 1;
  }();
  __extension__ using Wide = unsigned __int128;
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t hash = secret ^ name.size();
  const auto mix = [&](std::uint64_t word) {
    const Wide product = Wide{hash ^ word} * (secret ^ 0x9e3779b97f4a7c15U);
    hash = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const char* at = name.data();
  std::size_t left = name.size();
  for (; left > kWord; left -= kWord, at += kWord) mix(word_at(at));
  if (name.size() >= kWord) {
    mix(word_at(at + left - kWord));
  } else if (left > 0) {
    mix(word_at(at, left));
  }
  return hash;
}

NameIndex::NameIndex(std::size_t expected) : slots_(std::bit_ceil(2 * expected + 16)) { names_.reserve(expected); }

std::size_t NameIndex::slot(std::uint64_t hash, std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  const std::uint32_t tag = tag_of(hash);
  std::size_t at = hash & mask;
  while (slots_[at].id != none && (slots_[at].tag != tag || names_[slots_[at].id] != name)) at = (at + 1) & mask;
  return at;
}

void NameIndex::grow() {
  slots_.assign(2 * slots_.size(), {});
  for (std::uint32_t i = 0; i < names_.size(); ++i) {
    const std::uint64_t hash = keyed_hash(names_[i]);
    slots_[slot(hash, names_[i])] = {i, tag_of(hash)};
  }
}

std::uint32_t NameIndex::id(std::string_view name) {
  const std::uint64_t hash = keyed_hash(name);
  std::size_t at = slot(hash, name);
  if (slots_[at].id != none) return slots_[at].id;
  if (2 * (names_.size() + 1) > slots_.size()) {
    grow();
    at = slot(hash, name);
  }
  slots_[at] = {static_cast<std::uint32_t>(names_.size()), tag_of(hash)};
  names_.push_back(name);
  return slots_[at].id;
}

std::uint32_t NameIndex::find(std::string_view name, std::uint32_t last) const {
  const std::size_t next = std::size_t{last} + 1;
  if (next < names_.size() && names_[next] == name) return static_cast<std::uint32_t>(next);
  return slots_[slot(keyed_hash(name), name)].id;
}

}  // namespace weigh::core
