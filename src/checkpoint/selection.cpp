#include "src/checkpoint/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "formats/error.h"

namespace weigh::core {

namespace {

constexpr std::string_view kSafetensors = ".safetensors";
constexpr std::string_view kGguf = ".gguf";
constexpr std::string_view kZst = ".zst";
constexpr std::size_t kMaxNamed = 5;  // missing parts named one by one

constexpr std::array<std::string_view, 3> kAdapterFiles = {"adapter_model.safetensors", "adapters.safetensors",
                                                           "pytorch_lora_weights.safetensors"};

std::string_view without_zst(std::string_view name) {
  if (name.ends_with(kZst)) name.remove_suffix(kZst.size());
  return name;
}
bool has_suffix(std::string_view name, std::string_view suffix) { return without_zst(name).ends_with(suffix); }

std::string_view base_name(std::string_view name) { return name.substr(name.rfind('/') + 1); }

bool is_adapter(std::string_view name) {
  return std::ranges::find(kAdapterFiles, base_name(name)) != kAdapterFiles.end();
}
bool is_consolidated(std::string_view name) { return base_name(name).starts_with("consolidated"); }
bool is_index(std::string_view name) {
  return name.ends_with(".json") && name.find(".index.") != std::string_view::npos &&
         name.find("safetensors") != std::string_view::npos;
}
// The same weights as PyTorch, TensorFlow or JAX store them.
bool is_twin(std::string_view name) {
  const std::string_view base = base_name(name);
  return (base.starts_with("pytorch_model") && base.ends_with(".bin")) || base.ends_with(".pth") ||
         base == "tf_model.h5" || base == "flax_model.msgpack" || base == "rust_model.ot";
}

std::optional<std::uint64_t> parse_number(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::vector<std::string> in_folder(const Folder& folder, std::string_view prefix) {
  std::vector<std::string> names;
  for (const std::string& name : folder.names) {
    if (name.starts_with(prefix) && name.find('/', prefix.size()) == std::string::npos) names.push_back(name);
  }
  return names;
}

void note_missing(Selection& selection, std::string name) {
  if (selection.missing_count++ < kMaxNamed) selection.missing.push_back(std::move(name));
}

Selection single(const std::string& name, std::string shown) {
  Selection selection;
  selection.name = std::move(shown);
  selection.kind = is_adapter(name) ? CheckpointKind::Adapter : CheckpointKind::Model;
  selection.files = {name};
  return selection;
}

Selection from_index(const Folder& folder, const std::string& index_name, std::shared_ptr<const ShardIndex> index) {
  const std::string prefix = index_name.substr(0, index_name.rfind('/') + 1);
  Selection selection;
  selection.name = folder.name;
  for (const std::string& file : index->files) {
    if (folder.has(prefix + file)) {
      selection.files.push_back(prefix + file);
    } else {
      note_missing(selection, prefix + file);
    }
  }
  if (selection.files.empty()) {
    throw FormatError(
        fault(base_name(index_name), fmt::format("none of its {} shards in the folder", index->files.size()), "all"),
        std::nullopt, "missing-shard");
  }
  selection.findings = index->findings;
  selection.index = std::move(index);
  return selection;
}

std::shared_ptr<const ShardIndex> open_index(const Folder& folder, const std::string& name) {
  try {
    return std::make_shared<const ShardIndex>(read_shard_index(*folder.open(name)));
  } catch (const Error& error) {
    throw FormatError(std::string(base_name(name)) + ": " + error.what(), error.offset,
                      error.code.empty() ? "invalid-index" : error.code);
  }
}

// All parts of one set in their order; gpt-oss counts from 0 and states the last number instead of the count.
Selection from_parts(const Folder& folder, const PartName& like, const std::vector<std::string>& names) {
  std::map<std::uint64_t, std::string> parts;
  for (const std::string& name : names) {
    const auto part = parse_part_name(name);
    if (part && part->prefix == like.prefix && part->total == like.total && part->suffix == like.suffix) {
      parts.emplace(part->number, name);
    }
  }
  Selection selection;
  const std::string stem = like.prefix.substr(0, like.prefix.size() - 1);
  selection.name = has_suffix(like.suffix, kGguf) ? std::string(base_name(stem)) + like.suffix : folder.name;
  for (const auto& [number, name] : parts) selection.files.push_back(name);

  const std::uint64_t first = parts.contains(0) ? 0 : 1;
  const std::uint64_t expected = like.total + 1 - first;
  const auto in_range = static_cast<std::uint64_t>(
      std::ranges::count_if(parts, [&](const auto& part) { return part.first >= first && part.first <= like.total; }));
  for (std::uint64_t number = first; number <= like.total && selection.missing.size() < kMaxNamed; ++number) {
    if (in_range == expected) break;
    if (!parts.contains(number)) selection.missing.push_back(fmt::format("part {} of {}", number, like.total));
  }
  selection.missing_count = expected - in_range;
  return selection;
}

std::string shown_name(const Folder& folder, const std::string& name) {
  return base_name(name) == "model.safetensors" ? folder.name : std::string(base_name(name));
}

// Sets first, each once; then what stands alone.
std::vector<Selection> sets_and_singles(const Folder& folder, const std::vector<std::string>& names) {
  std::vector<Selection> selections;
  std::set<std::tuple<std::string, std::uint64_t, std::string>> seen;
  for (const std::string& name : names) {
    if (const auto part = parse_part_name(name)) {
      if (seen.emplace(part->prefix, part->total, part->suffix).second)
        selections.push_back(from_parts(folder, *part, names));
    } else {
      selections.push_back(single(name, shown_name(folder, name)));
    }
  }
  return selections;
}

// What lies beside the chosen files and must not be counted again.
void note_left_out(Selection& chosen, const std::vector<std::string>& names) {
  std::vector<std::string_view> copies;
  std::vector<std::string_view> adapters;
  std::vector<std::string_view> others;
  for (const std::string& name : names) {
    if (std::ranges::find(chosen.files, name) != chosen.files.end()) continue;
    if (is_adapter(name)) {
      adapters.push_back(base_name(name));
    } else if (is_consolidated(name) || is_twin(name)) {
      copies.push_back(base_name(name));
    } else if (has_suffix(name, kSafetensors)) {
      others.push_back(base_name(name));
    }
  }
  const auto add = [&](const std::vector<std::string_view>& left_out, std::string_view code, std::string_view why) {
    if (left_out.empty()) return;
    const std::string first = quote(left_out.front());
    chosen.findings.push_back({Severity::Note,
                               code,
                               left_out.size() == 1
                                   ? fmt::format("{} {}", first, why)
                                   : fmt::format("{} and {} more: {}", first, left_out.size() - 1, why),
                               {},
                               std::nullopt,
                               {}});
  };
  add(copies, "copy-left-out", "the same weights in another form, not counted again");
  add(adapters, "adapter-left-out", "an adapter to a model, not a part of this one; name it to weigh it");
  add(others, "file-left-out", "not a part of this model by its name or the index, not counted");
}

std::vector<Selection> select_safetensors(const Folder& folder, std::string_view prefix) {
  std::vector<Selection> selections;
  std::vector<std::string> all = in_folder(folder, prefix);
  std::vector<std::string> weights;
  std::vector<std::string> indexes;
  for (const std::string& name : all) {
    if (is_adapter(name)) {
      selections.push_back(single(name, folder.name));
    } else if (has_suffix(name, kSafetensors)) {
      weights.push_back(name);
    } else if (is_index(name)) {
      indexes.push_back(name);
    }
  }
  // The plain index before a variant's (fp16), Mistral's own form last.
  std::ranges::stable_sort(indexes, {}, [](const std::string& name) {
    return std::tuple(is_consolidated(name), !name.ends_with(".safetensors.index.json"), name.size());
  });

  const std::string whole = std::string(prefix) + "model.safetensors";
  const bool has_whole = folder.has(whole);
  std::optional<Selection> chosen;
  if (!indexes.empty() && !(has_whole && is_consolidated(indexes.front()))) {
    chosen = from_index(folder, indexes.front(), open_index(folder, indexes.front()));
    if (has_whole && std::ranges::find(chosen->files, whole) == chosen->files.end()) {
      chosen->findings.push_back({Severity::Warning,
                                  "two-generations",
                                  "model.safetensors lies beside an index that names other files; those are counted",
                                  {},
                                  std::nullopt,
                                  {}});
    }
  }
  if (!chosen && has_whole) chosen = single(whole, folder.name);
  if (chosen) {
    note_left_out(*chosen, all);
    return {std::move(*chosen)};
  }
  // Mistral's own form counts only where nothing else does.
  const bool only_consolidated = std::ranges::all_of(weights, is_consolidated);
  if (!only_consolidated) std::erase_if(weights, is_consolidated);
  std::vector<Selection> rest = sets_and_singles(folder, weights);
  if (rest.size() == 1) note_left_out(rest.front(), all);
  std::ranges::move(rest, std::back_inserter(selections));
  return selections;
}

// A diffusers pipeline: each part in a folder of its own. A single-file copy at the root is the same weights again.
std::vector<Selection> select_components(const Folder& folder) {
  std::set<std::string> subfolders;
  for (const std::string& name : folder.names) {
    if (const auto slash = name.find('/'); slash != std::string::npos) subfolders.insert(name.substr(0, slash + 1));
  }
  std::vector<Selection> components;
  for (const std::string& subfolder : subfolders) {
    // The plain files of a part win over its variants (fp16).
    std::vector<Selection> found = select_safetensors(folder, subfolder);
    if (found.empty()) continue;
    const auto shortest =
        std::ranges::min_element(found, {}, [](const Selection& s) { return s.files.front().size(); });
    shortest->kind = CheckpointKind::Component;
    shortest->name = folder.name + '/' + subfolder.substr(0, subfolder.size() - 1);
    components.push_back(std::move(*shortest));
  }
  return components;
}

}  // namespace

std::optional<PartName> parse_part_name(std::string_view name) {
  PartName part;
  const std::string_view plain = without_zst(name);
  const std::string_view suffix = plain.ends_with(kGguf) ? kGguf : plain.ends_with(kSafetensors) ? kSafetensors : "";
  if (suffix.empty()) return std::nullopt;
  part.suffix = name.substr(plain.size() - suffix.size());
  std::string_view stem = plain.substr(0, plain.size() - suffix.size());

  const auto of = stem.rfind("-of-");
  if (of == std::string_view::npos) return std::nullopt;
  const std::string_view total = stem.substr(of + 4);
  const std::string_view before = stem.substr(0, of);
  const auto separator = before.find_last_not_of("0123456789");
  if (separator == std::string_view::npos || (before[separator] != '-' && before[separator] != '_'))
    return std::nullopt;
  const std::string_view number = before.substr(separator + 1);
  const auto plausible = [](std::string_view digits) { return digits.size() >= 5 && digits.size() <= 6; };
  const auto i = parse_number(number);
  const auto n = parse_number(total);
  if (!plausible(number) || !plausible(total) || !i || !n) return std::nullopt;
  part.prefix = before.substr(0, separator + 1);
  part.number = *i;
  part.total = *n;
  return part;
}

std::vector<Selection> select_models(const Folder& folder) {
  if (folder.has("model_index.json")) {
    std::vector<Selection> components = select_components(folder);
    if (!components.empty()) return components;
  }
  std::vector<Selection> selections = select_safetensors(folder, "");
  std::vector<std::string> ggufs = in_folder(folder, "");
  std::erase_if(ggufs, [](const std::string& name) { return !has_suffix(name, kGguf); });
  std::ranges::move(sets_and_singles(folder, ggufs), std::back_inserter(selections));
  return selections;
}

Selection select_for_file(const Folder& folder, const std::string& name) {
  if (is_index(name)) return from_index(folder, name, open_index(folder, name));
  if (is_adapter(name)) return single(name, folder.name);
  if (has_suffix(name, kSafetensors)) {
    for (const std::string& candidate : in_folder(folder, "")) {
      if (!is_index(candidate)) continue;
      auto index = open_index(folder, candidate);
      if (std::ranges::binary_search(index->files, name)) return from_index(folder, candidate, std::move(index));
    }
  }
  if (const auto part = parse_part_name(name)) return from_parts(folder, *part, in_folder(folder, ""));
  return single(name, std::string(base_name(name)));
}

}  // namespace weigh::core
