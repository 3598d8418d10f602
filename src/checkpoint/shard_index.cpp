#include "src/checkpoint/shard_index.h"

#include <simdjson.h>

#include <algorithm>
#include <unordered_map>

#include "formats/error.h"
#include "formats/json_value.h"
#include "formats/path.h"

namespace weigh::core {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::uint64_t kMaxBytes = 250'000'000;  // the Hub refuses larger indexes; the largest known has 60 MB

constexpr std::string_view kTotalSize = "total_size";

// A count as the many writers put it: a number, seldom its digits in a string, or a float. Loaders add up with
// total_size, so what is no number there is worse than a float or what is wrong in total_parameters.
std::optional<std::uint64_t> read_claim(ondemand::value value, std::string_view key, std::vector<Finding>& findings) {
  std::uint64_t number = 0;
  const bool is_number = value.type() == ondemand::json_type::number;
  if (is_number && value.get_uint64().get(number) == simdjson::SUCCESS) return number;
  findings.emplace_back(
      FindingCode::IndexClaim, is_number || key != kTotalSize ? Severity::Note : Severity::Warning,
      fault(std::string(key) + " in the index", found_json(value), "a number of bytes") + "; ignored");
  return std::nullopt;
}

class IndexReader {
 public:
  explicit IndexReader(ShardIndex& index) : index_(index) {}

  void read(ondemand::document& document) {
    bool has_map = false;
    for (auto field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      if (key == "weight_map") {
        if (has_map) fail(0, "index", "two weight_maps", "one");
        has_map = true;
        read_map(field.value());
      } else if (key == "metadata") {
        read_claims(field.value());
      }
    }
    if (!has_map) fail(0, "index", "no weight_map", "one");
    sort_files();
  }

 private:
  void read_claims(ondemand::value value) {
    if (value.type() != ondemand::json_type::object) return;  // null and "" occur
    for (auto field : value.get_object()) {
      const std::string_view key = field.unescaped_key();
      if (key == kTotalSize) index_.total_size = read_claim(field.value(), kTotalSize, index_.findings);
      if (key == "total_parameters")
        index_.total_parameters = read_claim(field.value(), "total_parameters", index_.findings);
    }
  }

  void read_map(ondemand::value value) {
    for (auto field : value.get_object()) {
      // Views into the parser's own buffer, which lives as long as the index.
      const std::string_view tensor = field.unescaped_key();
      const std::string_view file = field.value().get_string();
      index_.tensors.emplace_back(tensor, number_of(file));
    }
  }

  std::uint32_t number_of(std::string_view file) {
    if (!index_.files.empty() && index_.files[last_] == file) return last_;
    const auto [known, is_new] =
        numbers_.try_emplace(std::string(file), static_cast<std::uint32_t>(index_.files.size()));
    if (is_new) {
      if (!stays_inside(file))
        fail(0, "shard name in the index", quote(file), "a file in the index's own folder", FindingCode::PathEscape);
      index_.files.emplace_back(file);
    }
    return last_ = known->second;
  }

  // Shards may be named in any order; reports show them sorted.
  void sort_files() {
    std::vector<std::string> sorted = index_.files;
    std::ranges::sort(sorted);
    std::vector<std::uint32_t> place(sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      place[i] = static_cast<std::uint32_t>(std::ranges::lower_bound(sorted, index_.files[i]) - sorted.begin());
    }
    for (auto& [tensor, file] : index_.tensors) file = place[file];
    index_.files = std::move(sorted);
  }

  ShardIndex& index_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::uint32_t last_ = 0;
};

}  // namespace

struct ShardIndex::Storage {
  std::unique_ptr<char[]> text;
  ondemand::parser parser;
};

ShardIndex::ShardIndex() = default;
ShardIndex::ShardIndex(ShardIndex&&) noexcept = default;
ShardIndex& ShardIndex::operator=(ShardIndex&&) noexcept = default;
ShardIndex::~ShardIndex() = default;

ShardIndex read_shard_index(ByteSource& source) {
  const std::uint64_t size = source.size();
  if (size > kMaxBytes) fail(0, "index size", std::to_string(size) + " bytes", "at most " + std::to_string(kMaxBytes));
  ShardIndex index;
  index.storage = std::make_unique<ShardIndex::Storage>();
  index.storage->text = std::make_unique<char[]>(size + simdjson::SIMDJSON_PADDING);
  char* text = index.storage->text.get();
  source.read(0, std::as_writable_bytes(std::span(text, size)));
  try {
    ondemand::document document =
        index.storage->parser.iterate(simdjson::padded_string_view(text, size, size + simdjson::SIMDJSON_PADDING));
    IndexReader(index).read(document);
  } catch (const simdjson::simdjson_error& error) {
    fail(0, "index", simdjson::error_message(error.error()), "a JSON object with a weight_map");
  }
  return index;
}

}  // namespace weigh::core
