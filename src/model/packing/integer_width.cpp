// An I8 weight of 8 bits is stored as [out, in], one of 4 bits as [out, in / 2]. The rows tell nothing, so what is
// looked for is a width that the layer could read: the columns as they are, or twice as many.

#include "src/model/packing/integer_width.h"

#include <algorithm>
#include <map>

#include "formats/checked.h"

namespace weigh::core {

namespace {

using Lengths = std::unordered_map<std::uint64_t, std::uint64_t>;

// 8 where only the columns as stored are among the lengths, 4 where only twice as many are; 0 elsewhere.
template <typename Has>
std::uint64_t vote(const ByteWeight& weight, Has has) {
  const bool one = has(weight.columns);
  const bool two = has(times(weight.columns, 2));
  return one == two ? 0 : one ? 8 : 4;
}

struct Votes {
  std::uint64_t for_four = 0;
  std::uint64_t for_eight = 0;

  void add(std::uint64_t bits) {
    for_four += bits == 4 ? 1 : 0;
    for_eight += bits == 8 ? 1 : 0;
  }
  [[nodiscard]] bool any() const { return for_four + for_eight != 0; }
  [[nodiscard]] std::uint64_t unanimous() const {
    if (!any() || (for_four != 0 && for_eight != 0)) return 0;
    return for_four != 0 ? 4 : 8;
  }
};

const Widths& widths_of(const std::unordered_map<std::string_view, Widths>& blocks, std::string_view block) {
  static const Widths kNone;
  const auto found = blocks.find(block);
  return found == blocks.end() ? kNone : found->second;
}

std::uint64_t vote_by_block(const ByteWeight& weight, const Widths& block) {
  const std::uint64_t own = vote(weight, [&](std::uint64_t length) {
    return length != weight.rows && std::ranges::find(weight.inputs, length) != weight.inputs.end();
  });
  return own != 0 ? own : vote(weight, [&](std::uint64_t length) { return block.read.contains(length); });
}

// What another layer of the block writes. Its own rows are no sign: a square weight is nothing that must be.
std::uint64_t vote_by_writers(const ByteWeight& weight, const Widths& block) {
  return vote(weight, [&](std::uint64_t length) {
    const auto found = block.written.find(length);
    return found != block.written.end() && found->second > (weight.rows == length ? 1 : 0);
  });
}

// 0 where nothing tells. Signs of the block are stronger than those of the file.
std::uint64_t bits_of_class(std::span<const ByteWeight* const> weights,
                            const std::unordered_map<std::string_view, Widths>& blocks, const Widths& file) {
  Votes votes;
  for (const ByteWeight* weight : weights) votes.add(vote_by_block(*weight, widths_of(blocks, weight->block)));
  if (votes.any()) return votes.unanimous();
  for (const ByteWeight* weight : weights) {
    votes.add(vote(*weight, [&](std::uint64_t length) { return file.read.contains(length); }));
  }
  if (votes.any()) return votes.unanimous();
  // A gated layer reads half of what is written, which looks like two weights a byte: most of the layers must agree.
  for (const ByteWeight* weight : weights) votes.add(vote_by_writers(*weight, widths_of(blocks, weight->block)));
  if (votes.for_four > weights.size() / 2) return 4;
  return votes.for_eight > weights.size() / 2 ? 8 : 0;
}

}  // namespace

std::string_view block_of_name(std::string_view name) {
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    if (number) return name.substr(0, end);
    begin = end + 1;
  }
  return {};
}

std::unordered_map<std::uint32_t, std::uint64_t> widths_by_neighbours(
    std::span<const ByteWeight> weights, const std::unordered_map<std::string_view, Widths>& blocks,
    const Widths& file) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<const ByteWeight*>> classes;
  for (const ByteWeight& weight : weights) {
    classes[{weight.marker_bytes, weight.scale_dimensions}].push_back(&weight);
  }
  std::unordered_map<std::uint32_t, std::uint64_t> bits;
  for (const auto& [key, members] : classes) {
    const std::uint64_t told = bits_of_class(members, blocks, file);
    if (told == 0) continue;
    for (const ByteWeight* weight : members) bits.emplace(weight->module, told);
  }
  return bits;
}

}  // namespace weigh::core
