#include "src/model/naming/roles.h"

#include <algorithm>
#include <vector>

namespace weigh::core {

namespace {

constexpr auto kNames = std::to_array<std::string_view>({
    "token embedding",
    "other embedding",
    "output head",
    "attention Q",
    "attention K",
    "attention V",
    "attention output",
    "attention fused QKV",
    "attention latent (MLA)",
    "attention other",
    "norm",
    "dense feed-forward",
    "router",
    "routed expert",
    "shared expert",
    "state space",
    "convolution",
    "residual",
    "conditioning",
    "vision tower",
    "audio tower",
    "projector",
    "multi-token prediction",
    "quantisation overhead",
    "buffer",
    "adapter",
    "other",
});
static_assert(kNames.size() == static_cast<std::size_t>(Role::Count));

using Parts = std::vector<std::string_view>;

Parts split(std::string_view path) {
  Parts parts = {};
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    parts.push_back(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  return parts;
}

bool is_number(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

bool fits_part(std::string_view pattern, std::string_view part) {
  if (pattern == "#") return is_number(part);
  const bool open_end = pattern.ends_with('*');
  const bool open_begin = pattern.starts_with('*');
  if (open_end) pattern.remove_suffix(1);
  if (open_begin) pattern.remove_prefix(1);
  if (open_begin && open_end) return part.find(pattern) != std::string_view::npos;
  if (open_begin) return part.ends_with(pattern);
  return open_end ? part.starts_with(pattern) : part == pattern;
}

// A pattern, taken apart.
struct Row {
  Parts parts = {};
  bool from_start = false;
  bool below = false;
  Role role = Role::Other;

  // Whether the parts of `path` up to and including `last` end in this row's.
  [[nodiscard]] bool fits(const Parts& path, std::size_t last) const {
    if (!below && last + 1 != path.size()) return false;
    if (parts.size() > last + 1 || (from_start && parts.size() != last + 1)) return false;
    const std::size_t first = last + 1 - parts.size();
    for (std::size_t i = parts.size(); i-- > 0;) {
      if (!fits_part(parts[i], path[first + i])) return false;
    }
    return true;
  }
};

// The rows of one naming, found by their last part: one binary search per part of a path, whatever the table's length.
class Table {
 public:
  explicit Table(std::span<const RolePattern> patterns) {
    for (const RolePattern& pattern : patterns) {
      Row row{.role = pattern.role};
      std::string_view text = pattern.pattern;
      if ((row.from_start = text.starts_with('^'))) text.remove_prefix(1);
      if ((row.below = text.ends_with(".*"))) text.remove_suffix(2);
      row.parts = split(text);
      const std::string_view anchor = row.parts.back();
      if (anchor.find('*') != std::string_view::npos) {
        open_.push_back(rows_.size());
      } else {
        by_anchor_.push_back({anchor, rows_.size()});
      }
      rows_.push_back(std::move(row));
    }
    std::ranges::sort(by_anchor_);
  }

  [[nodiscard]] Role role_of(const Parts& path) const {
    std::size_t best = rows_.size();
    const auto offer = [&](std::size_t row, std::size_t last) {
      if (row < best && rows_[row].fits(path, last)) best = row;
    };
    for (std::size_t i = 0; i < path.size(); ++i) {
      const std::string_view anchor = is_number(path[i]) ? "#" : path[i];
      auto entry = std::ranges::lower_bound(by_anchor_, anchor, {}, &Anchor::part);
      for (; entry != by_anchor_.end() && entry->part == anchor; ++entry) offer(entry->row, i);
    }
    for (const std::size_t row : open_) {
      if (!path.empty()) offer(row, path.size() - 1);
    }
    return best == rows_.size() ? Role::Other : rows_[best].role;
  }

 private:
  struct Anchor {
    std::string_view part;
    std::size_t row;
    auto operator<=>(const Anchor&) const = default;
  };
  std::vector<Row> rows_;
  std::vector<Anchor> by_anchor_;
  std::vector<std::size_t> open_;  // rows whose last part holds a "*"; few
};

const Table& table(Naming naming) {
  static const std::array<Table, 3> tables = {Table(role_patterns(Naming::Gguf)),
                                              Table(role_patterns(Naming::HuggingFace)),
                                              Table(role_patterns(Naming::Diffusers))};
  return tables[static_cast<std::size_t>(naming)];
}

// A file may keep the names of another naming: a GGUF of a diffusion model, a pipeline's text encoder.
std::array<Naming, 3> order(Naming naming) {
  switch (naming) {
    case Naming::Gguf: return {Naming::Gguf, Naming::HuggingFace, Naming::Diffusers};
    case Naming::HuggingFace: return {Naming::HuggingFace, Naming::Diffusers, Naming::Gguf};
    case Naming::Diffusers: return {Naming::Diffusers, Naming::HuggingFace, Naming::Gguf};
  }
  return {};
}

// Ends that say how a weight is kept, not what it does.
constexpr auto kWrappers = std::to_array<std::string_view>({"base_layer", "weight_g", "weight_v", "modules_to_save"});

}  // namespace

std::string_view role_name(Role role) { return kNames.at(static_cast<std::size_t>(role)); }

std::string_view part_name(Role role) {
  switch (role) {
    case Role::AttentionQ:
    case Role::AttentionK:
    case Role::AttentionV:
    case Role::AttentionOutput:
    case Role::AttentionFused:
    case Role::AttentionMla:
    case Role::AttentionOther: return "attention";
    default: return role_name(role);
  }
}

Role role_of_module(std::string_view module, Naming naming) {
  Parts path = split(module);
  while (path.size() > 1 && std::ranges::find(kWrappers, path.back()) != kWrappers.end()) path.pop_back();
  for (const Naming asked : order(naming)) {
    if (const Role role = table(asked).role_of(path); role != Role::Other) return role;
  }
  return Role::Other;
}

}  // namespace weigh::core
