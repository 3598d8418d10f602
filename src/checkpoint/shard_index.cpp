#include "src/checkpoint/shard_index.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "formats/error.h"
#include "formats/json_cursor.h"
#include "formats/model_file.h"
#include "formats/path.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMaxBytes = 250'000'000;  // the Hub refuses larger indexes; the largest known has 60 MB

constexpr std::string_view kTotalSize = "total_size";

// A count as the many writers put it: a number, seldom its digits in a string, or a float. Loaders add up with
// total_size, so what is no number there is worse than a float or what is wrong in total_parameters.
std::optional<std::uint64_t> read_claim(JsonCursor& json, std::string_view key, std::vector<Finding>& findings) {
  const bool is_number = json.kind() == JsonCursor::Kind::Number;
  const auto number = is_number ? json.take_uint() : std::nullopt;
  if (number) return number;
  findings.emplace_back(FindingCode::IndexClaim, is_number || key != kTotalSize ? Severity::Note : Severity::Warning,
                        fault(std::string(key) + " in the index", json.found(), "a number of bytes") + "; ignored");
  json.skip(2);
  return std::nullopt;
}

class IndexReader {
 public:
  IndexReader(ShardIndex& index, std::uint64_t text_bytes, std::deque<std::string>& unescaped)
      : index_(index), text_bytes_(text_bytes), unescaped_(unescaped) {}

  void read(JsonCursor& json) {
    bool has_map = false;
    json.each_field([&](const JsonString& name) {
      const std::string_view key = text(name);
      if (key == "weight_map") {
        if (has_map) fail(0, "index", "two weight_maps", "one");
        has_map = true;
        read_map(json);
      } else if (key == "metadata" && json.kind() == JsonCursor::Kind::Object) {  // null and "" occur
        read_claims(json);
      } else {
        json.skip(1);
      }
    });
    json.finish();
    if (!has_map) fail(0, "index", "no weight_map", "one");
    sort_files();
  }

 private:
  // A view into the text, which lives as long as the index, or into what is kept beside it.
  std::string_view text(const JsonString& string) {
    return string.has_escapes ? unescaped_.emplace_back(JsonCursor::unescaped(string)) : string.raw;
  }

  void read_claims(JsonCursor& json) {
    json.each_field([&](const JsonString& name) {
      const std::string_view key = text(name);
      if (key == kTotalSize) {
        index_.total_size = read_claim(json, kTotalSize, index_.findings);
      } else if (key == "total_parameters") {
        index_.total_parameters = read_claim(json, "total_parameters", index_.findings);
      } else {
        json.skip(2);
      }
    });
  }

  void read_map(JsonCursor& json) {
    constexpr std::uint64_t kUsualEntry = 96;  // bytes of text
    index_.tensors.reserve(text_bytes_ / kUsualEntry);
    json.each_field([&](const JsonString& name) {
      const std::string_view tensor = text(name);
      if (json.kind() != JsonCursor::Kind::String) {
        fail(0, "weight_map of tensor " + quote(tensor), json.found(), "a file's name");
      }
      const std::string_view file = text(json.take_string());
      index_.tensors.emplace_back(tensor, number_of(file));
    });
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
  std::uint64_t text_bytes_;
  std::deque<std::string>& unescaped_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::uint32_t last_ = 0;
};

}  // namespace

struct ShardIndex::Storage {
  ByteBuffer text;
  std::deque<std::string> unescaped;
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
  index.storage->text = allocate_bytes(size + JsonCursor::kPadding);
  std::byte* const bytes = index.storage->text.get();
  source.read(0, {bytes, static_cast<std::size_t>(size)});
  std::memset(bytes + size, 0, JsonCursor::kPadding);
  const char* const text = reinterpret_cast<const char*>(bytes);
  try {
    JsonCursor json(text, static_cast<std::size_t>(size));
    IndexReader(index, size, index.storage->unescaped).read(json);
  } catch (const JsonFault& fault) {
    fail(static_cast<std::uint64_t>(fault.at - text), "index", fault.what, "a JSON object with a weight_map");
  }
  return index;
}

}  // namespace weigh::core
